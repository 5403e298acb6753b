// The agent's own choices: comfort, which the node keeps, and ringer and devices, which belong to this machine.

const MACHINE = { ring: 50, output: "", ringer: "", input: "" };
const STORE = "santral-sound";

export class SoundPanel {
  // say: announces a text.
  constructor(root, phone, api, storage, words, say) {
    Object.assign(this, { root, phone, api, storage, words, say });
    this.unsaved = false; // the node has not taken the last choice
    this.known = false; // the node has told what the agent chose earlier
    this.reading = null;
    this.made = {}; // choices that the node has not taken
    this.saving = Promise.resolve();
    this.audible = true; // the ringer is among the signals of a call
    this.wish = {}; // what the agent chose instead of the profile
    this.machine = { ...MACHINE };
    try {
      Object.assign(this.machine, JSON.parse(storage.getItem(STORE) ?? "{}"));
    } catch {
      // A value that cannot be read counts as no choice.
    }
    this.comfort = Object.fromEntries([...root.querySelectorAll("[data-comfort]")].map((one) => [one.dataset.comfort, one]));
    this.fields = Object.fromEntries([...root.querySelectorAll("[data-sound]")].map((one) => [one.dataset.sound, one]));
    for (const [name, field] of Object.entries(this.fields)) {
      field.value = this.machine[name];
      field.addEventListener("change", () => this.#changeMachine(name, readField(field)));
    }
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#returnDevices());
    for (const [name, field] of Object.entries(this.comfort)) {
      field.addEventListener("change", () => this.#changeComfort(name, readField(field)));
    }
  }

  // Shows what is in force: the agent's wish, else the profile.
  async load() {
    // A choice that got lost with the network is newer than what the node knows.
    if (this.unsaved) await this.#saveWish();
    if (this.unsaved) return;
    await this.#read();
  }

  // Two parts of the page may want the choices at once. Returns the answer of the node.
  #read() {
    this.reading ??= this.#readOnce().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  async #readOnce() {
    const found = await this.api.get("/comfort");
    if (!found.ok) return found;
    this.known = true;
    this.audible = found.body.ring.includes("audio");
    // A choice that was made meanwhile is newer than the answer.
    const stored = Object.fromEntries(found.body.chosen.map((name) => [name, found.body[name]]));
    this.wish = { ...stored, ...this.made };
    for (const [name, field] of Object.entries(this.comfort)) {
      if (name in this.made) continue;
      if (field.type === "checkbox") field.checked = found.body[name];
      else field.value = found.body[name];
    }
    if (this.phone.phone !== null) await this.applyTo(this.phone.phone);
    return found;
  }

  // Gives a phone what was chosen, and shows the devices that are there.
  async applyTo(softphone) {
    const { ring, output, ringer } = this.machine;
    await this.#applyComfort();
    await softphone.setSound({ device: output });
    await softphone.setRinger({ on: this.audible && ring > 0, volume: ring / 100, device: ringer });
    await this.#showDevices(softphone);
  }

  async #applyComfort() {
    const { ear, gain_db: gain, limiter } = this.comfort;
    await this.phone.phone?.setSound({ ear: ear.value, gainDb: Number(gain.value), limiter: limiter.checked });
  }

  async #changeComfort(name, value) {
    this.wish[name] = this.made[name] = value;
    await this.#applyComfort();
    await this.#saveWish();
  }

  // One request follows the other, so that the last choice is what stays. A request replaces all earlier choices, so
  // these must be known.
  #saveWish() {
    this.unsaved = true;
    this.saving = this.saving.then(async () => {
      const read = this.known && this.reading === null ? null : await this.#read();
      const sent = { ...this.wish };
      const found = this.known ? await this.api.ask("PUT", "/comfort", sent) : read;
      this.unsaved = !found.ok;
      if (found.ok) for (const name of Object.keys(sent)) if (this.made[name] === sent[name]) delete this.made[name];
      // The end of the session is said by its own line.
      if (!found.ok && found.status !== 401) this.say(this.words["sound.not_saved"]);
    });
    return this.saving;
  }

  // A chosen headset that is plugged in again is used again: a caller must not be heard from a loudspeaker.
  async #returnDevices() {
    const softphone = this.phone.phone;
    if (softphone === null) return;
    const { output } = await softphone.devices();
    const present = (id) => id && output.some((one) => one.id === id);
    if (present(this.machine.output)) await softphone.setSound({ device: this.machine.output });
    if (present(this.machine.ringer)) await softphone.setRinger({ device: this.machine.ringer });
    for (const name of ["output", "ringer"]) if (present(this.machine[name])) this.phone.on.fine("device_" + name);
    await this.#showDevices(softphone);
  }

  async #changeMachine(name, value) {
    this.machine[name] = value;
    if (name === "output" || name === "ringer") this.phone.on.fine("device_" + name);
    this.storage.setItem(STORE, JSON.stringify(this.machine));
    const softphone = this.phone.phone;
    if (softphone === null) return;
    if (name === "input") await softphone.openMicrophone(value);
    await this.applyTo(softphone);
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
      this.fields[name].value = this.machine[name];
      if (this.fields[name].selectedIndex < 0) this.fields[name].selectedIndex = 0;
    }
  }
}

function readField(field) {
  if (field.type === "checkbox") return field.checked;
  return field.type === "range" ? Number(field.value) : field.value;
}
