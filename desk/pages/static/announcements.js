// Announcements when a state follows another, and for notices. `level`: 0 always, 1 normal, 2 high verbosity.

import { fillWords } from "./state_view.js";

export const LEVELS = { low: 0, normal: 1, high: 2 };
const SHORT_HOLD_MS = 700; // a key of the talk puts the caller on hold for a moment; that is not announced

export class Announcements {
  constructor(view) {
    this.view = view;
    this.words = view.words;
    this.saidHold = false;
  }

  // Returns what to say of the step from `old` to `state`. `key` names the key that answers, or is empty. `holds`: the
  // agent has put the caller on hold in this page.
  // `to`: where the agent has transferred the caller of the old talk, if it was that.
  ofStates(old, state, key, verbosity, holds, to) {
    const found = [];
    const { words } = this;
    const add = (name, text, level, more = {}) => found.push({ key: name, text, level, ...more });
    const texts = this.view.textsOf(state);
    // 1. The offer: its first words decide, also on a braille line of 20 cells.
    if (state.offer !== null && old.offer?.offer !== state.offer.offer) {
      const parts = [texts.offer_short + "."];
      if (verbosity !== "low") parts.push(words["notify.title"] + ".", ...this.view.describeCaller(state.offer));
      if (verbosity === "high" && key) parts.push(fillWords(words["say.answer_key"], { key }));
      add("offer", parts.join(" "), 0, { alert: true });
    }
    if (old.offer !== null && state.offer === null && state.talk?.offer !== old.offer.offer) {
      add("offer", words["offer.gone"], 0);
    }
    // The caller may still hear a sentence. A caller who comes at once makes this no news.
    if (old.offer?.answered_at === null && state.offer?.offer === old.offer.offer && state.offer.answered_at !== null) {
      const word = state.offer.time_to_read ? "offer.reading" : "offer.comes";
      add("state", words[word], 0, { after: SHORT_HOLD_MS });
    }
    // 2. The talk.
    if (state.talk !== null && old.talk?.offer !== state.talk.offer) {
      add("state", [words["say.talk"], texts.talk_partner].filter(Boolean).join(" "), 1);
    }
    const held = state.talk?.on_hold_since ?? null;
    const wasHeld = old.talk?.on_hold_since ?? null;
    if (state.talk !== null && old.talk !== null && (held === null) !== (wasHeld === null)) {
      // Of a page every hold is known. Another one is the music of a key, while a sentence is read to the agent.
      const own = state.phone.kind === "own";
      if (held !== null) {
        this.saidHold = holds;
        if (holds || own) add("hold", words["say.hold"], 0, { after: holds ? 0 : SHORT_HOLD_MS });
      // A hold that was too short to be announced has no end to announce either.
      } else if (this.saidHold || (own && state.at - wasHeld >= SHORT_HOLD_MS / 1000)) add("hold", words["say.unhold"], 0);
      else found.push({ key: "hold", text: "", level: 0, drop: true });
    }
    if (state.talk !== null && old.talk !== null && state.talk.recording !== old.talk.recording) {
      const word = words["say.recording_" + state.talk.recording];
      if (word) add("recording", word, 1);
    }
    const stage = state.talk?.consult?.state ?? null;
    if (stage !== null && stage !== (old.talk?.consult?.state ?? null)) add("consult", texts.consult, 0);
    // The caller is there: the consult is over, or a colleague has given the caller over.
    const alone = (talk) => talk.consult === null && talk.asked_by === null;
    if (state.talk !== null && old.talk?.offer === state.talk.offer && alone(state.talk) && !alone(old.talk)
        && held === null && !found.some((one) => one.text === words["say.unhold"])) {
      add("hold", words["say.unhold"], 0);
    }
    const ends = state.wrapup?.until ?? null;
    if (old.wrapup !== null && ends !== null && ends > (old.wrapup.until ?? ends)) add("state", texts.wrapup_left, 0);
    // 3. The state of the agent.
    if (to !== undefined) {
      const until = state.wrapup?.until ?? null;
      add("state", [fillWords(words["say.transferred"], { who: to }), state.state === "ready" ? words["say.ready"]
        : until !== null ? fillWords(words["say.wrapup_after"], { length: this.view.writeLength(until - state.at) })
          : texts.state + "."].join(" "), 0);
    } else if (old.state !== state.state) {
      if (state.state === "wrapup") {
        const until = state.wrapup?.until ?? null;
        add("state", until === null ? words["say.wrapup_open"] : fillWords(words["say.wrapup"], {
          length: this.view.writeLength(until - state.at),
        }), 0);
      } else if (state.state === "ready") {
        add("state", old.talk !== null && old.state === "talking" ? `${words["say.talk_over"]} ${words["say.ready"]}`
          : words["say.ready"], old.state === "ringing" ? 2 : 1);
      } else if (state.state === "paused") add("state", texts.state + ".", 1);
      else if (state.state === "not_responding") {
        add("state", `${texts.state}. ${words["state.not_responding_why"]}`, 0);
      } else if (state.state === "unreachable") add("state", `${texts.state}. ${words["state.unreachable_why"]}`, 0);
      else if (state.state === "busy") add("state", words["state.busy_why"], 1);
      else if (state.state === "signed_out") add("state", texts.state + ".", 0);
    }
    // 4. The end of the shift, and breaks.
    if (state.state !== "signed_out" && state.leaving !== old.leaving) {
      add("leaving", words[state.leaving ? "say.end_later" : "say.stays"], 0);
    }
    if (state.break.pending_reason && !old.break.pending_reason) add("break", texts.break_pending, 1);
    if (state.break.over_limit && !old.break.over_limit) add("break", words["break.over"], 1);
    if (state.break.postponed && !old.break.postponed) add("break", words["break.postponed"], 1);
    if (state.heavy_declined_until !== null && old.heavy_declined_until === null) add("heavy", texts.heavy, 1);
    return found;
  }

  // Returns what to say when the telephone of the page holds the caller, or null. The node may have known it before.
  ofHold(state) {
    if (this.saidHold || (state.talk?.on_hold_since ?? null) === null) return null;
    this.saidHold = true;
    return { key: "hold", text: this.words["say.hold"], level: 0 };
  }

  // Returns what to say of a notice that no state shows, or null.
  ofNotice(notice) {
    const { words } = this;
    if (notice.kind === "missed") return { key: "missed", text: words["say.missed"], level: 0 };
    if (notice.kind === "queue_warning") {
      const service = this.view.context.services[notice.service] ?? notice.service;
      return {
        key: "queue " + notice.service, level: 1,
        text: fillWords(words["say.queue"], { service, waiting: notice.waiting }),
      };
    }
    return null;
  }
}
