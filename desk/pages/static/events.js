// The stream of a node: the whole state at each change, notices, and ticks. It opens again after any loss.

export const SILENT_MS = 5000; // a shorter loss, such as a restart of the node, is not announced; a beat comes every 2 s
export const STALE_MS = 15000; // a connection that is silent for so long may be dead without a word
export const FRESH_MS = 6000; // a new connection that is silent for so long has lost packets, and the next one is faster
const WATCH_MS = 1000;
const RETRY_MS = 2000; // the browser itself does not try again after an answer that is no stream

export class Events {
  // on: { state, notice, tick, lost, back, refused }, and `calls` for the stream of calls. lost(): no connection for
  // SILENT_MS. refused(): an answer that is no stream. `said`: lost() was called, and back() was not yet.
  constructor(address, on, { Source = EventSource, later = (run, ms) => setTimeout(run, ms),
    every = (run, ms) => setInterval(run, ms), now = () => performance.now() } = {}) {
    Object.assign(this, { address, on, Source, later, now });
    this.source = null;
    this.last = ""; // id of the last event, for what was missed
    this.heardAt = 0;
    this.fresh = false; // the connection takes the place of a silent one, and nothing has come yet
    every(() => this.#watch(), WATCH_MS);
    this.lostSince = 0;
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
    source.addEventListener("beat", (event) => this.#heard(event));
    source.addEventListener("error", () => {
      this.#noteLoss();
      if (source.readyState === this.Source.CLOSED && this.source === source) {
        this.source = null;
        this.on.refused();
        this.later(() => this.open(), RETRY_MS);
      }
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
    if (silent >= SILENT_MS) this.#sayLoss();
    if (silent < (this.fresh ? FRESH_MS : STALE_MS)) return;
    this.fresh = true;
    this.source.close();
    this.open();
  }

  #heard(event) {
    this.heardAt = this.now();
    this.fresh = false;
    this.last = event?.lastEventId || this.last;
    this.lostSince = 0;
    if (this.said) {
      this.said = false;
      this.on.back();
    }
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
