// Speaks to screen readers and braille lines: one queue for one status region and one alert region.
//
// Measured with Orca: of two regions that change in one task the second is lost, and of 20 changes in 2 s six are lost.
// So changes are at least GAP_MS apart, a later text replaces a waiting one of the same key, and old texts expire.

export const GAP_MS = 250;
export const EXPIRY_MS = 6000; // a text that waited longer is no news
export const ALERT_STAYS_MS = 10000; // a braille line shows a message for 5 s; later the alert would be found as stale
export const QUEUE_MAX = 20; // more cannot be listened to; the oldest go first
const REPEAT_MS = 100; // the same text is spoken again only if the region was empty meanwhile

export class Announcer {
  constructor(status, alert, { now = () => performance.now(), later = (run, ms) => setTimeout(run, ms) } = {}) {
    this.regions = { status, alert };
    this.now = now;
    this.later = later;
    this.queue = [];
    this.free = 0; // time from which a region may change again
    this.wakeAt = Infinity; // time of the next timer; an earlier one that runs as well does no harm
  }

  // `after`: milliseconds for which it waits and can still be replaced or dropped. An alert goes before all others.
  say({ key, text, alert = false, after = 0, expiry = EXPIRY_MS }) {
    if (!text) return;
    const at = this.now();
    const item = { key, text, region: alert ? "alert" : "status", due: at + after, ends: at + after + expiry };
    const same = this.queue.findIndex((one) => one.key === key);
    if (same >= 0) this.queue.splice(same, 1);
    if (alert) this.queue.unshift(item);
    else this.queue.push(item);
    while (this.queue.length > QUEUE_MAX) this.queue.splice(this.queue.findIndex((one) => one.region !== "alert"), 1);
    this.#pump();
  }

  // Drops a text that has not been said yet.
  drop(key) {
    this.queue = this.queue.filter((one) => one.key !== key);
  }

  #pump() {
    const at = this.now();
    this.queue = this.queue.filter((one) => one.ends > at);
    if (this.queue.length === 0) return;
    const next = this.queue.find((one) => one.due <= at);
    if (next === undefined || at < this.free) {
      const first = next === undefined ? Math.min(...this.queue.map((one) => one.due)) : this.free;
      this.#wake(Math.max(first, this.free) - at);
      return;
    }
    const region = this.regions[next.region];
    if (region.textContent === next.text && next.text !== "") {
      // 1. The same text again: empty the region first.
      region.textContent = "";
      this.free = at + REPEAT_MS;
      this.#wake(REPEAT_MS);
      return;
    }
    // 2. One change of one region. An emptied region is silent, but keeps the distance as well.
    this.queue.splice(this.queue.indexOf(next), 1);
    region.textContent = next.text;
    this.free = at + GAP_MS;
    if (next.region === "alert" && next.text !== "") {
      this.drop("clear");
      this.queue.push({ key: "clear", text: "", region: "alert", due: at + ALERT_STAYS_MS, ends: Infinity });
    }
    this.#wake(GAP_MS);
  }

  #wake(ms) {
    const at = this.now() + Math.max(0, ms);
    if (this.wakeAt <= at) return;
    this.wakeAt = at;
    this.later(() => {
      if (this.wakeAt <= at) this.wakeAt = Infinity;
      this.#pump();
    }, Math.max(0, ms));
  }
}
