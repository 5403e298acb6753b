// Use with one switch: one button is left. It shows what is due, steps on by itself or by an arrow key, and Enter does
// what it shows.

import { fillWords } from "./state_view.js";

export const DUE_GUARD_MS = 1000; // a press meant for what was due before must not do what is due now
export const STEP_GUARD_MS = 300; // a press that was begun before the last step was meant for another choice
export const ROUNDS = 2; // then the steps rest, so that nothing moves for a whole shift
export const PACES_MS = [0, 1500, 2000, 3000, 5000, 8000]; // 0: only the arrow keys step on
export const PACE_MS = 3000;

const plain = (action, word) => ({ action, word });
const pressing = (action, value, text) => ({ action, value, text });
const opening = (word, inside) => ({ action: "", word, inside });

// Returns the choices of a state, and first what is due. `more`: { services, reasons, codes }, names by id.
export function listSteps(flags, more) {
  const has = (flag) => flags.has(flag);
  const own = has("page_phone");
  const found = [];
  const add = (condition, ...some) => condition && found.push(...some);
  // 1. A call that comes has one choice: it must never be stepped over.
  if (has("signed_out")) return [plain("begin", "work.begin")];
  if (has("offer_rings") && own) return [plain("answer", "offer.answer")];
  if (has("offer_reads") && own) return [plain("connect", "offer.read")];
  if (has("offer") && !has("talk")) return [plain("where", "keys.where")];
  // 2. The talk.
  add(has("consults"), plain("consult-back", "consult.back"));
  add(has("consult_talks"), plain("consult-complete", "consult.complete"));
  add(has("on_hold") && !has("consults") && own, plain("hold", "switch.unhold"));
  add(has("talk"), plain("hangup", "talk.hangup"));
  add(has("talk") && !has("on_hold") && own, plain("hold", "talk.hold"));
  add(has("talk") && own, plain("mute", has("muted") ? "switch.unmute" : "talk.mute"));
  add(has("recorded"), plain("recording", has("recording_paused") ? "switch.recording" : "talk.recording_pause"));
  const services = (action) => Object.entries(more.services).map(([id, name]) => pressing(action, id, name));
  add(has("with_caller") && !has("consults"), opening("consult.start", services("consult")),
    opening("consult.transfer", services("transfer")));
  add(has("talk"), plain("follow-up", has("follow_up") ? "switch.no_follow_up" : "caller.follow_up"));
  add(has("wrapup_on_request") && !has("wrapup_requested"), plain("wrapup-request", "wrapup.request"));
  // 3. After the talk.
  add(has("wrapup_now"), plain("wrapup-end", "wrapup.end"), plain("wrapup-extend", "wrapup.extend"));
  add(has("weighable"), opening("switch.load", [0, 1, 2, 3, 4, 5].map((load) => ({ ...plain("load", "load." + load), value: String(load) }))));
  // 4. Work and breaks.
  add(has("resumable"), plain("ready", "work.ready"));
  add(!has("talk") && !has("wrapup_now") && !has("resumable"), plain("where", "keys.where"));
  add(has("breakable"), opening(has("talk") ? "switch.break_later" : "work.break",
    Object.entries(more.reasons).map(([id, name]) => pressing("break", id, name))));
  add(!has("talk") && !has("heavy_declined"), plain("not-now", "work.not_now"));
  add(true, plain("end", has("leaving") ? "work.stay" : has("talk") || has("offer") ? "work.end_talk" : "work.end"));
  add(has("talk") || has("wrapup_now") || has("resumable"), plain("where", "keys.where"));
  return found;
}

// The pace of the choices, as the agent has chosen it. Both stores and shows it.
export class SwitchPace {
  constructor(field, storage) {
    Object.assign(this, { field, storage });
    this.set(storage.getItem("santral-switch-pace") ?? PACE_MS);
    field.addEventListener("change", () => this.set(this.get()));
  }

  get() {
    return Number(this.field.value);
  }

  set(ms) {
    this.field.value = String(ms);
    this.storage.setItem("santral-switch-pace", String(ms));
  }
}

const REST = plain("", "switch.rest");
const BACK = plain("", "switch.close");

export class OneSwitch {
  // parts: { region, button, rest }: what is seen only in this use, its button, and everything else. more: see listSteps.
  // run: carries out a step. say: speaks a step. pace: { get(), set(ms) }.
  constructor(parts, words, more, { run, say, pace }, { now = () => performance.now(), every = setInterval } = {}) {
    Object.assign(this, { parts, words, more, run, say, pace, now });
    this.on = false;
    this.flags = new Set();
    this.steps = [REST];
    this.at = 0;
    this.rounds = 0;
    this.changedAt = -Infinity; // of the state
    this.steppedAt = -Infinity;
    parts.button.addEventListener("click", () => this.#press());
    every(() => this.#tick(), 100);
  }

  get shown() {
    return this.steps[this.at] ?? REST;
  }

  turn(on) {
    if (this.on === on) return;
    this.on = on;
    this.parts.region.hidden = !on;
    for (const one of this.parts.rest) one.inert = on;
    this.#begin(this.#list());
    if (on) this.parts.button.focus();
  }

  follow(flags) {
    this.flags = flags;
    const steps = this.#list();
    const names = (some) => some.map((one) => one.action + one.word).join();
    // The same choices stay where they are: a clock or a figure that changes is no reason to begin again.
    if (this.on && names(steps) === this.names) return;
    if (this.names?.split(",")[0] !== names(steps).split(",")[0]) this.changedAt = this.now();
    this.names = names(steps);
    this.#begin(steps);
    if (this.on && document.activeElement !== this.parts.button) this.parts.button.focus();
  }

  // Takes a key that steps on or back. Returns whether it was one.
  step(key) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
    if (!by || !this.on) return false;
    this.rounds = 0;
    this.#show((this.at + by + this.steps.length) % this.steps.length);
    this.say(this.#nameStep(this.shown), 0);
    return true;
  }

  #tick() {
    const pace = this.pace.get();
    if (!this.on || !pace || this.steps.length < 2 || this.now() - this.steppedAt < pace) return;
    const next = this.at + 1;
    if (next < this.steps.length) this.#show(next);
    else if ((this.rounds += 1) < ROUNDS) this.#show(0);
    else if (this.shown !== REST) {
      this.steps = [...this.steps, REST];
      this.#show(this.steps.length - 1);
    } else return;
    this.say(this.#nameStep(this.shown), 2);
  }

  // The choices of the state. The switch itself changes the pace.
  #list() {
    const found = listSteps(this.flags, this.more);
    if (found.length < 2 || !this.pace.get()) return found;
    const paces = [plain("slower", "switch.slower"), plain("faster", "switch.faster")];
    return [...found, ...paces.filter((one) => this.#nextPace(one.action) !== this.pace.get())];
  }

  #begin(steps) {
    this.steps = steps;
    this.rounds = 0;
    this.#show(0);
  }

  #show(at) {
    this.at = at;
    this.steppedAt = this.now();
    const name = this.#nameStep(this.shown);
    if (this.parts.button.textContent !== name) this.parts.button.textContent = name;
  }

  #nameStep(step) {
    return step.text ?? (step.word === "switch.slower" || step.word === "switch.faster"
      ? this.#namePace(step) : this.words[step.word]);
  }

  #namePace(step) {
    const seconds = String(this.#nextPace(step.action) / 1000).replace(".", this.words.decimal);
    return fillWords(this.words[step.word], { s: seconds });
  }

  #nextPace(action) {
    const at = Math.max(PACES_MS.indexOf(this.pace.get()), 1);
    return PACES_MS[Math.min(Math.max(at + (action === "slower" ? 1 : -1), 1), PACES_MS.length - 1)];
  }

  #press() {
    const now = this.now();
    if (now - this.changedAt < DUE_GUARD_MS) return;
    // What was shown first has been there for long enough, and so has everything while nothing steps by itself.
    if (this.pace.get() && this.at > 0 && now - this.steppedAt < STEP_GUARD_MS) return;
    const step = this.shown;
    if (step.inside) {
      this.#begin([...step.inside, BACK]);
      this.say(this.#nameStep(this.shown), 0);
    } else if (step === REST || step === BACK) {
      this.#begin(this.#list());
    } else if (step.action === "slower" || step.action === "faster") {
      this.pace.set(this.#nextPace(step.action));
      this.#begin(this.#list());
    } else {
      // A second press, by a tremor, must not do the next thing that is due.
      this.changedAt = now;
      this.#begin(this.#list());
      this.run(step);
    }
  }
}
