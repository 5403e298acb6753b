// Parts and texts that the page shows of a state. desk/pages/desk_view.py derives the same values for
// the first document; a test compares both for every state.

const BRAILLE_CELLS = 20; // the shortest braille line
const BRAILLE_SIGNS = 2; // cells for the signs before a capital and before a number
const LINKING_WORD = 2; // letters of a word such as "ve" with which a shortened name may not end

export function fillWords(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

export function shortenName(name, cells) {
  if (name.length <= cells) return name;
  const words = name.split(" ");
  while (words.length && (words.join(" ").length > cells || words.at(-1).length <= LINKING_WORD)) words.pop();
  return words.join(" ") || name.slice(0, Math.max(cells, 0));
}

export class StateView {
  // context: words, reasons, names, services, zone, as in DeskContext.
  constructor(context) {
    this.context = context;
    this.words = context.words;
    this.clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: context.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23",
    });
  }

  // Returns the conditions that hold, as a Set.
  flagsOf(state) {
    const { offer, talk, wrapup, phone, state: name } = state;
    const breaks = state.break;
    const signedIn = name !== "signed_out";
    const found = {
      [name]: true,
      signed_in: signedIn,
      resumable: name === "paused" || name === "not_responding",
      breakable: signedIn && name !== "paused" && !breaks.pending_reason,
      page_phone: phone.kind === "page",
      own_phone: phone.kind === "own",
      phone_lost: phone.kind === "page" && !phone.registered,
      offer: offer !== null,
      offer_rings: offer !== null && offer.answered_at === null
        && (offer.told_until === null || offer.rings_until !== null),
      offer_told: offer !== null && offer.told_until !== null && offer.rings_until === null,
      offer_reads: offer !== null && offer.answered_at !== null && Boolean(offer.time_to_read),
      offer_comes: offer !== null && offer.answered_at !== null && !offer.time_to_read && offer.told_until === null,
      talk: talk !== null,
      wrapup_now: wrapup !== null,
      wrapup_limited: wrapup !== null && wrapup.until !== null,
      weighable: talk !== null || (wrapup !== null && wrapup.contact !== null),
      break_planned: breaks.planned_at !== null && name !== "paused",
      break_pending: Boolean(breaks.pending_reason),
      break_ends: breaks.until !== null,
      break_limited: breaks.limit_at !== null && !breaks.over_limit,
      break_over: breaks.over_limit,
      break_postponed: breaks.postponed,
      heavy_declined: state.heavy_declined_until !== null,
      rests: state.resting_until !== null,
      overridden: Object.keys(state.overrides).length > 0,
      leaving: state.leaving,
      ["load_" + (talk ?? wrapup)?.reported_load]: ((talk ?? wrapup)?.reported_load ?? null) !== null,
    };
    if (talk !== null) {
      Object.assign(found, {
        with_caller: talk.asked_by === null,
        on_hold: talk.on_hold_since !== null,
        recorded: talk.recording !== "none",
        recording_paused: talk.recording === "paused",
        consults: talk.consult !== null,
        consult_talks: talk.consult !== null && talk.consult.state === "talking",
        paired: talk.partner !== null,
        follow_up: talk.follow_up,
        abusive: talk.abusive,
        wrapup_on_request: ["on_request", "requested"].includes(talk.wrapup_after),
        wrapup_requested: talk.wrapup_after === "requested",
        wrapup_follows: talk.wrapup_after === "follows",
      });
    }
    return new Set(Object.keys(found).filter((flag) => found[flag]));
  }

  // Returns the texts by name. `now` is the time of the node.
  textsOf(state, now = state.at) {
    const { offer, talk, wrapup } = state;
    const breaks = state.break;
    const words = this.words;
    const texts = {
      state: this.nameState(state),
      since: fillWords(words["state.since"], { time: this.writeTime(state.since) }),
      for: fillWords(words["state.for"], { length: this.writeLength(now - state.since) }),
      break_pending: fillWords(words["break.pending"], {
        reason: this.context.reasons[breaks.pending_reason] ?? breaks.pending_reason,
      }),
      end: words[state.leaving ? "work.stay" : talk !== null || offer !== null ? "work.end_talk" : "work.end"],
      offer_short: "", offer_facts: "", offer_left: "", talk_service: "", talk_for: "", talk_recording: "",
      talk_about: "", talk_partner: "", talk_hold: "", consult: "", wrapup_of: "", wrapup_left: "",
    };
    const ends = Object.values(state.overrides);
    for (const [name, word, moment] of [
      ["break_next", "break.next", breaks.planned_at],
      ["break_until", "break.until", breaks.until],
      ["break_limit", "break.limit", breaks.limit_at],
      ["heavy", "heavy.until", state.heavy_declined_until],
      ["rest", "rest.until", state.resting_until],
      ["overrides", "overrides", ends.length ? Math.max(...ends) : null],
    ]) texts[name] = moment === null ? "" : fillWords(words[word], { time: this.writeTime(moment) });
    texts.title = texts.state;
    if (offer !== null) {
      const waited = this.writeLength(state.since - offer.waiting_since);
      texts.offer_short = fillWords(words["offer.short"], {
        service: shortenName(offer.service_name, BRAILLE_CELLS - BRAILLE_SIGNS - 1 - waited.length), length: waited,
      });
      texts.offer_facts = [
        fillWords(words["offer.waited"], { service: offer.service_name, length: waited }),
        ...this.describeCaller(offer),
      ].join(" ");
      if (offer.rings_until !== null) {
        texts.offer_left = fillWords(words["offer.left"], { length: this.writeLength(offer.rings_until - now) });
      }
      if (offer.told_until !== null) {
        const left = this.writeLength(Math.max(0, offer.told_until - now));
        texts.offer_told = fillWords(words["offer.told"], { length: left });
      }
    }
    if (talk !== null) {
      texts.talk_service = talk.service_name;
      texts.talk_for = this.writeLength(now - talk.since);
      texts.talk_recording = words["recording." + talk.recording];
      texts.talk_about = this.describeCaller(talk).join(" ") || words["talk.nothing_special"];
      if (talk.pair_role !== null) {
        texts.talk_partner = fillWords(words["pair." + talk.pair_role], { who: this.nameAgent(talk.partner) });
      }
      if (talk.on_hold_since !== null) {
        texts.talk_hold = fillWords(words["talk.on_hold"], { length: this.writeLength(now - talk.on_hold_since) });
        texts.title = words["state.held"];
      }
      if (talk.consult !== null) {
        const { to, service, state: stage } = talk.consult;
        const who = this.nameAgent(to) || (this.context.services[service] ?? service);
        texts.consult = fillWords(words["consult." + stage], { who });
      }
    }
    if (wrapup !== null) {
      if (wrapup.service_name !== null) {
        texts.wrapup_of = fillWords(words["wrapup.of"], { service: wrapup.service_name });
      }
      texts.wrapup_left = wrapup.until === null ? words["wrapup.open"] : fillWords(words["wrapup.left"], {
        length: this.writeLength(wrapup.until - now), time: this.writeTime(wrapup.until),
      });
    }
    return texts;
  }

  // The name of the icon: its shape tells the state without colour.
  iconOf(flags) {
    if (flags.has("offer") && !flags.has("talk")) return "ringing";
    if (flags.has("on_hold")) return "held";
    if (flags.has("talk")) return "talking";
    if (flags.has("wrapup")) return "wrapup";
    if (flags.has("ready")) return "ready";
    if (flags.has("paused")) return "paused";
    return flags.has("signed_out") ? "off" : "trouble";
  }

  // One sentence that says where the agent is: the state, since when, and the contact.
  sentenceOf(state, now = state.at) {
    const texts = this.textsOf(state, now);
    const words = this.words;
    const parts = [fillWords(words["say.where"], { state: texts.title, length: this.writeLength(now - state.since) })];
    if (state.offer !== null) parts.push(texts.offer_facts);
    if (state.talk !== null) parts.push(texts.talk_service + ".", texts.talk_hold, texts.consult);
    if (state.wrapup !== null) parts.push(texts.wrapup_left);
    if (state.break.pending_reason) parts.push(texts.break_pending);
    return parts.filter(Boolean).join(" ");
  }

  writeTime(at) {
    const parts = Object.fromEntries(this.clock.formatToParts(new Date(at * 1000)).map((one) => [one.type, one.value]));
    return fillWords(this.words.time, { h: parts.hour, m: parts.minute });
  }

  writeDay(at) {
    const day = new Intl.DateTimeFormat("en-GB", { timeZone: this.context.zone, day: "2-digit", month: "2-digit", year: "numeric" });
    return day.format(new Date(at * 1000)).replaceAll("/", ".");
  }

  writeLength(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) return fillWords(this.words["length.s"], { s: whole });
    if (whole < 3600) return fillWords(this.words["length.m"], { m: Math.floor(whole / 60) });
    return fillWords(this.words["length.h"], { h: Math.floor(whole / 3600), m: Math.floor((whole % 3600) / 60) });
  }

  nameState(state) {
    const reason = this.context.reasons[state.reason];
    if (state.state === "paused" && reason !== undefined) return fillWords(this.words["state.paused_for"], { reason });
    return this.words["state." + state.state];
  }

  nameAgent(agent) {
    return agent === null ? "" : this.context.names[agent] ?? agent;
  }

  describeCaller(contact) {
    const words = this.words;
    const found = ["callback", "slow", "returned"].filter((key) => contact[key]).map((key) => words["offer." + key]);
    if (contact.language) {
      const language = words["language." + contact.language] ?? contact.language;
      found.push(fillWords(words["offer.language"], { language }));
    }
    if (contact.asked_by !== null) {
      found.push(fillWords(words["offer.asked_by"], { who: this.nameAgent(contact.asked_by) }));
    }
    return found;
  }
}

export function holdsCondition(flags, condition) {
  return condition.split(" ").every((flag) => (flag[0] === "!" ? !flags.has(flag.slice(1)) : flags.has(flag)));
}

// Changes text, `hidden`, `disabled` and `aria-pressed` of the elements that are there, and only where they differ.
export class ViewWriter {
  constructor(root) {
    const all = (kind) => [...root.querySelectorAll(`[data-${kind}]`)].map((one) => [one, one.dataset[kind]]);
    this.shown = all("show");
    this.enabled = all("enable");
    this.pressed = all("press");
    this.written = all("text");
  }

  writeTexts(texts) {
    for (const [element, name] of this.written) {
      if (element.textContent !== texts[name]) element.textContent = texts[name];
    }
  }

  writeFlags(flags) {
    for (const [element, condition] of this.shown) {
      const hidden = !holdsCondition(flags, condition);
      if (element.hidden !== hidden) element.hidden = hidden;
    }
    for (const [element, condition] of this.enabled) {
      const disabled = !holdsCondition(flags, condition);
      if (element.disabled !== disabled) element.disabled = disabled;
    }
    for (const [element, condition] of this.pressed) {
      const pressed = String(holdsCondition(flags, condition));
      if (element.getAttribute("aria-pressed") !== pressed) element.setAttribute("aria-pressed", pressed);
    }
  }
}
