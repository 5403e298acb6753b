// Use with one switch: one button is left, which does what is due.

export const DUE_GUARD_MS = 1000; // a press meant for what was due before must not do what is due now

// Returns what is due as [action, key of its words].
export function findDue(flags) {
  if (flags.has("signed_out")) return ["begin", "work.begin"];
  if (flags.has("offer_rings") && flags.has("page_phone")) return ["answer", "offer.answer"];
  if (flags.has("offer_reads") && flags.has("page_phone")) return ["connect", "offer.read"];
  if (flags.has("consults")) return ["consult-back", "consult.back"];
  if (flags.has("on_hold") && flags.has("page_phone")) return ["hold", "keys.hold"];
  if (flags.has("talk")) return ["hangup", "talk.hangup"];
  if (flags.has("wrapup_now")) return ["wrapup-end", "wrapup.end"];
  if (flags.has("resumable")) return ["ready", "work.ready"];
  return ["where", "keys.where"];
}

export class OneSwitch {
  // parts: { region, button, rest }: what is seen only in this use, its button, and everything else.
  constructor(parts, words, run, { now = () => performance.now() } = {}) {
    Object.assign(this, { parts, words, run, now });
    this.on = false;
    this.due = ["where", "keys.where"];
    this.changedAt = -Infinity;
    parts.button.addEventListener("click", () => {
      if (this.now() - this.changedAt >= DUE_GUARD_MS) this.run(this.due[0]);
    });
  }

  turn(on) {
    if (this.on === on) return;
    this.on = on;
    this.parts.region.hidden = !on;
    for (const one of this.parts.rest) one.inert = on;
    if (on) this.parts.button.focus();
  }

  follow(flags) {
    const [action, word] = findDue(flags);
    if (action !== this.due[0]) this.changedAt = this.now();
    this.due = [action, word];
    if (this.parts.button.textContent !== this.words[word]) this.parts.button.textContent = this.words[word];
    if (this.on && document.activeElement !== this.parts.button) this.parts.button.focus();
  }
}
