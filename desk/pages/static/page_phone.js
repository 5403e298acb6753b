// The telephone of this page: opens it, checks its sound, and says in one word what does not work.

const REGISTER_MS = 8000; // a phone that has not registered by then will not do so soon
const RENEW_TICKS = 30; // credentials for TURN are valid for an hour, a tick comes each minute

export class PagePhone {
  // on: { trouble(name), fine(name), replaced(), over(), changed(), rings() }. Names are those of `trouble.*` in the words.
  constructor(api, Softphone, on) {
    Object.assign(this, { api, Softphone, on });
    this.phone = null;
    this.ticks = 0;
    this.silent = false; // no sound came through, so this phone is no place for the next caller
    this.reported = 0; // the loss that was reported last
    this.lostCall = false; // the agent is in a call that a reload of the page has lost
  }

  // Claims a seat, opens the microphone and registers. Returns "" or what failed.
  // `far`: the agent works at home.
  async open(far) {
    this.wanted = { far };
    if (this.phone === null) {
      const found = await this.api.post("/phone", this.wanted);
      if (!found.ok) {
        return found.status === 0 ? "server" : found.body?.error === "own_phone" ? "own_phone" : "refused";
      }
      this.#listenTo(new this.Softphone(found.body));
      this.phone.start();
    }
    return (await this.phone.openMicrophone()) ? "" : "microphone";
  }

  // Returns "" or the step of the sound check that failed.
  async check() {
    const end = performance.now() + REGISTER_MS;
    while (!this.phone.state.registered && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const found = await this.phone.soundCheck();
    return found.ok ? "" : found.step;
  }

  #listenTo(phone) {
    this.phone = phone;
    for (const name of ["registered", "offer", "talking", "held", "ended"]) {
      phone.addEventListener(name, () => this.on.changed());
    }
    phone.addEventListener("registered", () => {
      if (this.lostCall) this.api.post("/phone/returned");
      this.lostCall = false;
    });
    phone.addEventListener("offer", () => this.on.rings());
    phone.addEventListener("microphone", ({ detail }) => {
      if (detail.state === "open") this.on.fine("microphone");
      else this.on.trouble("microphone");
    });
    phone.addEventListener("talking", () => {
      this.silent = false;
    });
    phone.addEventListener("failed", ({ detail }) => {
      this.silent = detail.reason === "no_media";
      this.on.trouble(detail.reason === "no_media" ? "lost" : detail.reason === "no_microphone" ? "microphone" : "server");
      this.on.changed();
    });
    phone.addEventListener("unregistered", ({ detail }) => {
      if (detail.reason === "newer_page") this.on.replaced();
      else if (detail.reason === "session_ended") this.on.over();
      else if (detail.reason === "no_seat") this.#claimAgain();
    });
    phone.addEventListener("device", ({ detail }) => this.on.trouble("device_" + detail.kind));
  }

  async #claimAgain() {
    const found = await this.api.post("/phone", this.wanted);
    if (found.ok) this.phone.restart(found.body);
  }

  // A talk that the network has lost leaves the agent unreachable for a minute. A page that is registered is there.
  follow(state) {
    const lost = state.state === "unreachable" && state.phone?.kind === "page" && state.since !== this.reported;
    if (!lost || this.silent || this.call !== null || !this.phone?.state.registered) return;
    this.reported = state.since;
    this.api.post("/phone/returned");
  }

  async tick() {
    if (this.phone === null) return;
    this.phone.tick();
    this.ticks += 1;
    if (this.ticks % RENEW_TICKS === 0) {
      const found = await this.api.post("/phone", this.wanted);
      if (found.ok) this.phone.renewAccess(found.body);
    }
  }

  get call() {
    return this.phone?.state.call ?? null;
  }

  get muted() {
    return this.phone?.state.muted ?? false;
  }

  // Stops without a word to the caller's side: the newer page has the phone.
  leave() {
    this.phone?.leave();
    this.phone = null;
  }
}
