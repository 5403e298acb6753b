// The connection of the telephone. One that hangs is given up: after a loss of the network the browser would wait on.

import { WebSocketInterface } from "./vendor/jssip-3.13.8-f15973820630.js";

const CONNECT_MS = 6000; // the browser repeats a lost packet after 1, 3, 7 and 15 s, so a new connection is faster
const HANGS_MS = 2000; // a younger connection may just be slow
const ANSWER_MS = 5000; // an answer to a registration takes some 20 ms

export class PhoneSocket extends WebSocketInterface {
  #over = false;
  #timer = 0;
  #beganAt = 0;
  #heard = false;
  #take = () => {};

  // The library sets what takes messages.
  set ondata(take) {
    this.#take = take;
  }

  get ondata() {
    return (data) => {
      this.#heard = true;
      this.#take(data);
    };
  }

  connect() {
    if (this.#over) return;
    super.connect();
    this.#beganAt = performance.now();
    this.#giveUpUnless(() => !this.isConnecting(), CONNECT_MS);
  }

  /** Give the connection up if nothing comes soon: it was asked something. */
  expectAnswer() {
    this.#heard = false;
    this.#giveUpUnless(() => this.#heard || !this.isConnected(), ANSWER_MS);
  }

  /** Give up a connection that has been on its way for long. */
  dropHanging() {
    if (this.isConnecting() && performance.now() - this.#beganAt >= HANGS_MS) this.#giveUp();
  }

  #giveUpUnless(fine, ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => fine() || this.#over || this.#giveUp(), ms);
  }

  #giveUp() {
    this.disconnect();
    // The library tries again, as after any loss.
    this.ondisconnect(true, 1006, "");
  }

  /** Let this connection be the last one: no timer of the library brings it back. */
  finish() {
    this.#over = true;
  }

  /** Close it at once, for good. */
  retire() {
    this.finish();
    this.disconnect();
  }
}
