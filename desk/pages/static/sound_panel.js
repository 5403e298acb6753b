// What an agent sets about sound: ear, loudness, limiter, ringer, devices. The agent changes all of it alone.

const DEFAULTS = { ear: "both", gain: 0, limiter: true, ring: 50, output: "", ringer: "", input: "" };
const STORE = "santral-sound";

export class SoundPanel {
  constructor(root, phone, api, words, storage) {
    Object.assign(this, { root, phone, api, words, storage });
    this.chosen = { ...DEFAULTS };
    try {
      Object.assign(this.chosen, JSON.parse(storage.getItem(STORE) ?? "{}"));
    } catch {
      // What cannot be read is as if nothing had been chosen.
    }
    this.fields = Object.fromEntries([...root.querySelectorAll("[data-sound]")].map((one) => [one.dataset.sound, one]));
    for (const [name, field] of Object.entries(this.fields)) {
      if (field.type === "checkbox") field.checked = this.chosen[name];
      else field.value = this.chosen[name];
      field.addEventListener("change", () => this.#change(name, field));
    }
  }

  #change(name, field) {
    this.chosen[name] = field.type === "checkbox" ? field.checked : field.type === "range" ? Number(field.value) : field.value;
    this.storage.setItem(STORE, JSON.stringify(this.chosen));
    if (this.phone.phone !== null) this.applyTo(this.phone.phone, name);
  }

  // Gives the phone what was chosen, and shows the devices that are there.
  async applyTo(softphone, name = "") {
    const { ear, gain, limiter, ring, output, ringer, input } = this.chosen;
    await softphone.setSound({ ear, gainDb: gain, limiter, device: output });
    await softphone.setRinger({ on: ring > 0, volume: ring / 100, device: ringer });
    if (name === "input") await softphone.openMicrophone(input);
    await this.#showDevices(softphone);
  }

  async #showDevices(softphone) {
    const found = await softphone.devices();
    for (const [name, devices] of [["output", found.output], ["ringer", found.output], ["input", found.input]]) {
      const named = devices.filter((one) => one.id && one.id !== "default");
      // The options are there from the beginning; they get names and are seen as far as there are devices.
      [...this.fields[name].options].slice(1).forEach((option, index) => {
        const device = named[index];
        option.hidden = option.disabled = device === undefined;
        option.value = device?.id ?? "";
        option.textContent = device?.name || device?.id || "";
      });
      this.fields[name].value = this.chosen[name];
      if (this.fields[name].selectedIndex < 0) this.fields[name].selectedIndex = 0;
    }
  }
}
