// The stream of a node: the whole state at each change, notices, and ticks. It opens again after any loss.

export const SILENT_MS = 8000; // a shorter loss is not announced: after a frozen node the next one leads in 5 to 7 s
export const STALE_MS = 15000; // a connection that is silent for so long may be dead without a word
export const FRESH_MS = 6000; // a new connection that is silent for so long has lost packets, and the next one is faster
const WATCH_MS = 1000;
export const RETRY_MS = [250, 500]; // first and longest pause before the next try; the browser's own one is 3 s
export const SPREAD = 0.5; // all desks lose a node at once, and the next one has callers to answer first

export class Events {
  // on: { state, notice, tick, lost, back, refused }, and `calls` for the stream of calls. lost(): no connection for
  // SILENT_MS. back(said): a connection again, after lost() or a shorter loss. refused(): an answer that is no stream.
  // `said`: lost() was called, and back() was not yet.
  constructor(address, on, { Source = EventSource, later = (run, ms) => setTimeout(run, ms),
    every = (run, ms) => setInterval(run, ms), now = () => performance.now(), chance = Math.random } = {}) {
    Object.assign(this, { address, on, Source, later, now, chance });
    this.source = null;
    this.last = ""; // id of the last event, for what was missed
    this.heardAt = 0;
    this.fresh = false; // the connection takes the place of a silent one, and nothing has come yet
    every(() => this.#watch(), WATCH_MS);
    this.lostSince = 0;
    this.tries = 0; // since a connection that lasted for a beat
    this.said = false;
    this.closed = false;
  }

  open() {
    if (this.closed) return;
    const source = new this.Source(this.last ? `${this.address}?last_event_id=${this.last}` : this.address);
    this.source = source;
    this.heardAt = this.now();
    source.addEventListener("open", () => this.#heard());
    source.addEventListener("state", (event) => {
      this.#heard(event);
      this.on.state(JSON.parse(event.data));
    });
    source.addEventListener("notice", (event) => {
      this.#heard(event);
      this.on.notice(JSON.parse(event.data));
    });
    source.addEventListener("calls", (event) => {
      this.#heard(event);
      this.on.calls(JSON.parse(event.data));
    });
    source.addEventListener("tick", (event) => {
      this.#heard(event);
      this.on.tick(JSON.parse(event.data));
    });
    source.addEventListener("beat", (event) => {
      this.#heard(event);
      this.tries = 0;
    });
    source.addEventListener("error", () => {
      if (this.source !== source) return;
      this.#noteLoss();
      const refused = source.readyState === this.Source.CLOSED;
      source.close();
      this.source = null;
      const pause = Math.min(RETRY_MS[0] * 2 ** this.tries, RETRY_MS[1]) * (1 + SPREAD * (2 * this.chance() - 1));
      this.tries += 1;
      this.later(() => this.open(), pause);
      if (refused) this.on.refused();
    });
  }

  close() {
    this.closed = true;
    this.source?.close();
    this.source = null;
  }

  // A network that swallows everything tells nobody, and the browser would wait for minutes.
  #watch() {
    if (this.source === null) return;
    const silent = this.now() - this.heardAt;
    if (silent >= SILENT_MS && !this.lostSince) this.#sayLoss();
    if (silent < (this.fresh ? FRESH_MS : STALE_MS)) return;
    this.fresh = true;
    this.source.close();
    this.open();
  }

  #heard(event) {
    this.heardAt = this.now();
    this.fresh = false;
    this.last = event?.lastEventId || this.last;
    if (!this.lostSince && !this.said) return;
    const { said } = this;
    this.lostSince = 0;
    this.said = false;
    this.on.back(said);
  }

  #noteLoss() {
    if (this.lostSince || this.closed) return;
    const since = (this.lostSince = Date.now());
    this.later(() => {
      if (this.lostSince === since) this.#sayLoss();
    }, SILENT_MS);
  }

  #sayLoss() {
    if (this.said || this.closed) return;
    this.said = true;
    this.on.lost();
  }
}
