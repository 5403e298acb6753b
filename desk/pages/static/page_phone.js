// The telephone of this page: opens it, checks its sound, and says in one word what does not work.

const CLAIM_FAILURES = { own_phone: "own_phone", no_page_seat: "refused" };
const REGISTER_MS = 8000; // a phone that has not registered by then will not do so soon
const SETTLE_MS = 500; // the node's new state comes some 20 ms after a registration
const RENEW_MS = 240_000; // credentials for TURN are valid for 10 minutes, and a tick comes each minute

export class PagePhone {
  // on: { trouble(name), fine(name), replaced(), over(), changed(), rings() }. Names are those of `trouble.*` in the words.
  constructor(api, Softphone, on, now = () => Date.now()) {
    Object.assign(this, { api, Softphone, on, now });
    this.phone = null;
    this.renewedAt = 0;
    this.firstKey = "";
    this.silent = false; // no sound came through, so this phone is no place for the next caller
    this.reported = 0; // the loss that was reported last
    this.lostCall = false; // the agent is in a call that a reload of the page has lost
    this.closed = false; // the shift has ended
    this.opening = null;
    this.wanted = { far: false };
    this.state = null; // of the node
  }

  // Claims a seat, opens the microphone and registers. Returns "" or what failed.
  // `far`: the agent works at home.
  open(far) {
    // Two parts of the page may want the phone at once, and there is one.
    this.opening ??= this.#openOnce(far).finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  async #openOnce(far) {
    // An agent at home needs another seat.
    const moved = this.wanted.far !== far;
    this.wanted = { far };
    if (this.phone === null || this.closed || moved || this.phone.state.ended) {
      const found = await this.api.post("/phone", this.wanted);
      if (found.status === 401) return "session";
      if (!found.ok) return CLAIM_FAILURES[found.body?.error] ?? "server";
      this.closed = false;
      this.renewedAt = this.now();
      if (this.phone === null) {
        this.#listenTo(new this.Softphone(found.body));
        this.phone.start();
      } else this.phone.restart(found.body);
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
      // After a long time without a network the next call must not wait for a tick.
      this.#renewAccess();
      if (this.lostCall) this.api.post("/phone/returned");
      this.lostCall = false;
      this.on.fine("server");
    });
    phone.addEventListener("offer", () => this.on.rings());
    phone.addEventListener("microphone", ({ detail }) => {
      if (detail.state === "open") this.on.fine("microphone");
      else this.on.trouble("microphone");
    });
    phone.addEventListener("talking", () => {
      this.silent = false;
      this.on.fine("lost");
    });
    phone.addEventListener("sound", ({ detail }) => (detail.there ? this.on.fine : this.on.trouble)("network"));
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
    // The state of the node may have been there before the phone was.
    for (const name of ["registered", "ended", "failed"]) phone.addEventListener(name, () => this.#reportLoss());
    phone.addEventListener("device", ({ detail }) => this.on.trouble("device_" + detail.kind));
  }

  async #claimAgain() {
    const found = await this.api.post("/phone", this.wanted);
    if (!found.ok) return;
    this.renewedAt = this.now();
    this.phone.restart(found.body);
  }

  async #renewAccess() {
    if (this.now() - this.renewedAt < RENEW_MS) return;
    const found = await this.api.post("/phone", this.wanted);
    if (!found.ok) return;
    this.renewedAt = this.now();
    this.phone.renewAccess(found.body);
  }

  follow(state) {
    this.state = state;
    this.#reportLoss();
  }

  // A talk that the network has lost leaves the agent unreachable for a minute. A page that is registered is there.
  #isLost() {
    const { state } = this;
    if (state?.state !== "unreachable" || state.phone?.kind !== "page") return false;
    return !this.silent && this.phone?.state.registered && (this.call === null || !this.phone.state.sound);
  }

  #reportLoss() {
    if (!this.#isLost() || this.state.since === this.reported) return;
    const { since } = this.state;
    this.reported = since;
    // The node has ended the talk, and this page could not hear of it.
    if (this.call !== null) this.phone.dropTalk();
    // A registration tells the node by itself. A report after that would take the next offer away before it rings.
    setTimeout(() => {
      if (this.state.since === since && this.#isLost()) this.api.post("/phone/returned");
      else if (this.reported === since) this.reported = 0;
    }, SETTLE_MS);
  }

  async tick() {
    if (this.phone === null || this.closed) return;
    if (this.phone.state.ended === "no_seat") await this.#claimAgain();
    this.phone.tick();
    await this.#renewAccess();
  }

  // The centre takes the two keys of a code only within a second of each other. A star or hash waits for the next key.
  pressKey(key) {
    const keys = this.firstKey + key;
    this.firstKey = keys === "*" || keys === "#" ? key : "";
    if (!this.firstKey) this.phone?.sendKeys(keys);
  }

  get call() {
    return this.phone?.state.call ?? null;
  }

  get muted() {
    return this.phone?.state.muted ?? false;
  }

  // Whether the microphone is open. One that was away is tried again.
  async hears() {
    return this.phone !== null && (this.phone.state.microphone || (await this.phone.openMicrophone()));
  }

  // The shift is over: seat and microphone are free for others.
  close() {
    if (this.phone === null || this.closed) return;
    this.closed = true;
    this.phone.close();
  }

  // Stops without a word to the caller's side: the newer page has the phone.
  leave() {
    this.phone?.leave();
    this.phone = null;
  }
}
