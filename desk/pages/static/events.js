// The stream of a node: the whole state at each change, notices, and ticks. It opens again after any loss.

export const SILENT_MS = 5000; // a shorter loss, such as a restart of the node, is not announced
const RETRY_MS = 2000; // the browser itself does not try again after an answer that is no stream

export class Events {
  // on: { state, notice, tick, lost, back, refused }. lost(): no connection for SILENT_MS. refused(): answer 401 or 403.
  constructor(address, on, { Source = EventSource, later = (run, ms) => setTimeout(run, ms) } = {}) {
    Object.assign(this, { address, on, Source, later });
    this.source = null;
    this.lostSince = 0;
    this.said = false;
    this.closed = false;
  }

  open() {
    if (this.closed) return;
    const source = new this.Source(this.address);
    this.source = source;
    source.addEventListener("open", () => this.#heard());
    source.addEventListener("state", (event) => {
      this.#heard();
      this.on.state(JSON.parse(event.data));
    });
    source.addEventListener("notice", (event) => this.on.notice(JSON.parse(event.data)));
    source.addEventListener("tick", () => this.on.tick());
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

  #heard() {
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
      if (this.lostSince === since && !this.closed) {
        this.said = true;
        this.on.lost();
      }
    }, SILENT_MS);
  }
}
