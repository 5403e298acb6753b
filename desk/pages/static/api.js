// Requests of the desk to its node.

export const RETRY_MS = 500; // pause before a request is made again, while no node leads
export const WAITS_MS = 8000; // a take-over from a frozen node takes 5 to 7 s
const SAID_MS = 1500; // a shorter wait is not announced

// Nothing was done: the node stands by, or the proxy in front of the nodes knows none that leads.
const isLeaderless = ({ status, body }) => status === 421 || (status === 503 && body === null);

export class Api {
  // unauthorised: called when the session is over.
  constructor(agent, unauthorised = () => {}, { later = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = {}) {
    this.base = `/api/v1/agents/${encodeURIComponent(agent)}`;
    this.unauthorised = unauthorised;
    this.later = later;
  }

  get events() {
    return this.base + "/events";
  }

  // Returns { ok, status, body }. Without an answer of the node `status` is 0.
  async ask(method, path, body) {
    const how = { method, headers: {}, cache: "no-store" };
    if (body !== undefined) {
      how.body = JSON.stringify(body);
      how.headers["Content-Type"] = "application/json";
    }
    let response;
    try {
      response = await fetch(this.base + path, how);
    } catch {
      return { ok: false, status: 0, body: null };
    }
    if (response.status === 401) this.unauthorised();
    const found = await response.json().catch(() => null);
    return { ok: response.ok, status: response.status, body: found };
  }

  post(path, body) {
    return this.ask("POST", path, body);
  }

  // Makes a request that a person wants, again and again while no node leads, up to WAITS_MS. `waits` is called once
  // if that takes a while. Without a leader the status is 0 at the end.
  async press(path, body, waits) {
    for (let waited = 0; ; waited += RETRY_MS) {
      const found = await this.post(path, body);
      if (!isLeaderless(found)) return found;
      if (waited >= WAITS_MS) return { ...found, status: 0 };
      if (waited === SAID_MS) waits();
      await this.later(RETRY_MS);
    }
  }

  get(path) {
    return this.ask("GET", path);
  }
}
