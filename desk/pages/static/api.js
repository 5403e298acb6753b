// Requests of the desk to its node.

export class Api {
  // unauthorised: called when the session is over.
  constructor(agent, unauthorised = () => {}) {
    this.base = `/api/v1/agents/${encodeURIComponent(agent)}`;
    this.unauthorised = unauthorised;
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

  get(path) {
    return this.ask("GET", path);
  }
}
