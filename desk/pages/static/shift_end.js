// The end of the shift. A call that rings is answered first: to sign out at once would send its caller to somebody else.

const STORE = "santral-end";

export class ShiftEnd {
  // storage: keeps the plan over a reload. act: asks the node, and returns whether it was done. changed: called with whether
  // the agent has planned the end, or taken the plan back.
  constructor(storage, act, changed) {
    Object.assign(this, { storage, act, changed });
    this.asks = false;
    this.offer = Number(storage.getItem(STORE)) || null; // the offer after which the shift ends
  }

  // Returns a state with the plan of this page in it.
  addTo(state) {
    return this.offer === null ? state : { ...state, leaving: true };
  }

  // Ends the shift: at once, after the talk, or after a talk with the caller who rings.
  async end(state) {
    if (state.offer === null || state.talk !== null) return this.act("/logout");
    this.#plan(state.offer.offer);
    this.changed(true);
    return true;
  }

  // Takes a planned end back.
  async cancel(state) {
    if (this.offer === null) return this.act("/login", state.phone.kind === "own" ? { seat: state.seat } : {});
    this.#plan(null);
    this.changed(false);
    return true;
  }

  // The node ends the shift after a talk by itself, so it is asked once the talk has begun, or the call is gone.
  async follow(state) {
    if (this.offer === null || this.asks || state.offer?.offer === this.offer) return;
    this.asks = true;
    const done = state.state === "signed_out" || (await this.act("/logout"));
    this.asks = false;
    this.#plan(null);
    if (!done) this.changed(false);
  }

  #plan(offer) {
    this.offer = offer;
    if (offer === null) this.storage.removeItem(STORE);
    else this.storage.setItem(STORE, String(offer));
  }
}
