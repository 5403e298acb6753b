// The desk: connects the state of the node, the telephone, the keys and the announcer with the one document.

import { Announcements, LEVELS } from "./announcements.js";
import { Announcer } from "./announcer.js";
import { Api } from "./api.js";
import { Colleagues } from "./colleagues.js";
import { Events } from "./events.js";
import { KeyTable } from "./key_table.js";
import { Keys, isTyped } from "./keys.js";
import { NotePanel } from "./note_panel.js";
import { OneSwitch, SwitchPace } from "./one_switch.js";
import { OneTab } from "./one_tab.js";
import { OwnLists } from "./own_lists.js";
import { OwnStorage } from "./own_storage.js";
import { PagePhone } from "./page_phone.js";
import { ShiftEnd } from "./shift_end.js";
import { Softphone } from "./softphone.js";
import { SoundPanel } from "./sound_panel.js";
import { StateView, ViewWriter } from "./state_view.js";

const byId = (id) => document.getElementById(id);
const context = JSON.parse(byId("context").textContent);
const words = context.words;
const view = new StateView(context);
const writer = new ViewWriter(document.body);
const announcer = new Announcer(byId("status"), byId("alert"));
const announcements = new Announcements(view);
const ownStorage = new OwnStorage(localStorage, context.agent);
const keys = new Keys(ownStorage);
const api = new Api(context.agent, () => showTrouble("session"));
const doers = (name) => [...document.querySelectorAll(`[data-do="${name}"]`)];

const shiftEnd = new ShiftEnd(new OwnStorage(sessionStorage, context.agent), (path, body) => act(path, body), (planned) => {
  showState();
  say("leaving", words[planned ? "say.end_later" : "say.stays"]);
});
let sent = context.state; // the state as the node has sent it
let state = shiftEnd.addTo(sent);
let flags = view.flagsOf(state);
let behind = state.at - Date.now() / 1000; // the node's clock ahead of that of this machine
let quiet = false; // another tab has the desk, or the session is over
const now = () => Date.now() / 1000 + behind;
const REOPEN_MS = 3000; // a node that starts again needs some seconds
const NEWS_S = 60; // a queue is another one after a minute
const BUSY_STATES = ["ringing", "talking"]; // the figures of the day change at their end
const AUTO_ANSWER = ["auto", "auto_after_whisper", "single_switch"];
const verbosity = () => byId("verbosity").value;
const say = (key, text, more = {}) => announcer.say({ key, text, ...more });

// --- trouble: a line that stays, and an announcement ---------------------------------------------------------------

const HAPPENS = ["microphone", "lost", "device_output", "device_ringer"]; // each time is news; others last
const SAME_MS = 2000; // two parts of the page may notice the same trouble
const lineOf = (name) => byId("trouble-" + name.replace("_", "-"));
const shownAt = {};

function showTrouble(name) {
  const line = lineOf(name);
  if (!line.hidden && (!HAPPENS.includes(name) || performance.now() - shownAt[name] < SAME_MS)) return;
  line.hidden = false;
  shownAt[name] = performance.now();
  say("trouble " + name, words["trouble." + name]);
}

// Returns whether it was shown.
function hideTrouble(name) {
  const line = lineOf(name);
  const shown = !line.hidden;
  line.hidden = true;
  return shown;
}

// --- the telephone -------------------------------------------------------------------------------------------------

const phone = new PagePhone(api, Softphone, {
  trouble: (name) => {
    // Without a network the talk does not go on.
    if (name === "network" && hideTrouble("server_talk")) lineOf("server").hidden = false;
    showTrouble(name);
    // No offers where the agent could not talk. It is no fault, so the state says a break. In a break nobody needs one:
    // a headset that is unplugged for lunch leaves the reason as it is.
    const mute = name === "microphone" || name === "lost";
    const works = flags.has("signed_in") && !flags.has("paused");
    if (mute && works) api.post("/pause", { reason: "ses" in context.reasons ? "ses" : null });
  },
  fine: (name) => {
    if (name === "server" && events.said) return;
    if (hideTrouble(name) && name === "network") say("trouble network", words["say.unhold"]);
  },
  replaced: goQuiet,
  over: () => showTrouble("session"),
  changed: () => {
    showMute();
    const held = phone.call === "held" ? announcements.ofHold(state) : null;
    if (held !== null) speak(held);
    if (phone.call !== null) return;
    lineOf("network").hidden = true;
    if (hideTrouble("server_talk")) lineOf("server").hidden = false;
  },
  rings: () => {
    // The profile may want that nobody has to press anything.
    if (AUTO_ANSWER.includes(context.answer_mode)) phone.phone.answer();
  },
});
const sound = new SoundPanel(document, phone, api, localStorage, words, (text) => say("refused", text));
const colleagues = new Colleagues(byId("to-colleague"), api, context);

function showMute() {
  byId("mute").setAttribute("aria-pressed", String(phone.muted));
  showSteps();
}

async function openPhone() {
  const failed = await phone.open(byId("far").checked);
  if (failed === "microphone") showTrouble("microphone");
  if (!failed) await sound.applyTo(phone.phone);
  return failed;
}

// A page that is opened again has its phone back without a press, and its caller a moment later.
async function reopenPhone() {
  if (quiet || phone.phone !== null || !flags.has("signed_in") || !flags.has("page_phone")) return;
  phone.lostCall = state.talk !== null || state.offer !== null;
  if ((await openPhone()) === "server") setTimeout(reopenPhone, REOPEN_MS);
}

const whyNot = (failed) => words["check." + failed] ?? words["trouble." + failed];

// Whether the caller could be heard from here. If not, it is said.
async function canTalk() {
  if (!flags.has("page_phone") || (await phone.hears())) return true;
  const failed = phone.phone === null ? await openPhone() : "microphone";
  // The phone itself tells of its microphone.
  if (failed && failed !== "microphone") say("refused", whyNot(failed));
  return !failed;
}

let begins = false; // The button stays as it is meanwhile: one that is disabled loses the focus.

async function begin() {
  if (begins) return;
  begins = true;
  const note = byId("check-note");
  const tell = (text) => {
    note.textContent = text;
    say("check", text);
  };
  tell(words["check.runs"]);
  try {
    const failed = (await openPhone()) || (await phone.check());
    if (failed) tell(whyNot(failed));
    else {
      tell(words["check.good"]);
      await act("/login", {});
      note.textContent = "";
    }
  } catch (error) {
    tell(words["check.connection"]);
    throw error;
  } finally {
    begins = false;
  }
}

// --- actions -------------------------------------------------------------------------------------------------------

// What a second press of the same button confirms.
const TO_CONFIRM = { nobody_there: "say.confirm", enters_distress: "say.enters_distress", leaves_distress: "say.leaves_distress" };

// Asks the node, and says what it refused. Returns whether it was done.
async function act(path, body) {
  const found = await api.press(path, body, () => say("refused", words["say.waits"]));
  if (found.ok) return true;
  if (found.status === 0) say("refused", words["trouble.server"]);
  // The end of the session is said by its own line.
  else if (found.status === 401) return false;
  else if (found.body?.error in TO_CONFIRM) say("refused", words[TO_CONFIRM[found.body.error]]);
  else say("refused", words["error." + found.body?.error] ?? words["say.not_now"]);
  return false;
}

// Acts on the contact that is shown. A press that comes late never meets the next one.
function actOn(path, body, part = state.talk ?? state.offer ?? state.wrapup) {
  const contact = part?.contact ?? null;
  return act(contact === null ? path : `${path}?contact=${encodeURIComponent(contact)}`, body);
}

async function sayDone(done, text = words["load.done"]) {
  if (await done) say("done", text);
}

const notes = new NotePanel(byId("note"), api, view, sessionStorage, { act, say: (text) => say("done", text) });

const lists = new OwnLists(document, api, view, { now, describe: (service, note) => notes.describeNote(service, note) });

// Consults or transfers to what is chosen. Without a choice nobody is sent anywhere.
function handOver(path) {
  const found = {};
  if (byId("to-service").value) found.service = byId("to-service").value;
  if (byId("to-colleague").value) found.agent = byId("to-colleague").value;
  if (Object.keys(found).length) return actOn(path, found);
  say("refused", words["consult.choose"]);
  byId("to-service").focus();
  return false;
}

let handedOver = null; // contact of the talk that a press has transferred, and where to; the state may come before the answer

async function transfer() {
  const chosen = [byId("to-colleague"), byId("to-service")].find((one) => one.value);
  const who = chosen === undefined ? "" : view.nameAgent(chosen.value || null);
  handedOver = state.talk === null || chosen === undefined ? null : {
    contact: state.talk.contact, who: chosen.id === "to-service" ? view.context.services[chosen.value] ?? who : who,
  };
  if (!(await handOver("/transfer"))) handedOver = null;
}
const pressed = (button) => button.getAttribute("aria-pressed") === "true";

async function hold() {
  try {
    if (phone.call === "held") await phone.phone.resume();
    else await phone.phone.hold();
  } catch {
    say("refused", words["say.not_now"]);
  }
}

function mute() {
  if (phone.call === null) return;
  phone.phone.mute(!phone.muted);
  showMute();
  say("mute", words[phone.muted ? "say.muted" : "say.unmuted"]);
}

let hungUp = ""; // contact of the last talk that the telephone of this page has ended
let returns = false; // the next state is the first one after a loss

// A node that freezes keeps what the telephone has told it to itself.
function repeatHangUp() {
  if (returns && hungUp && state.talk?.contact === hungUp && phone.call === null) actOn("/hangup");
  returns = false;
}

// A key meant for a talk that has just ended must neither decline the next caller nor end the next talk.
function hangUp() {
  if (phone.call === "ringing" || !keys.mayHangUp()) return;
  if (phone.call !== null) {
    // A telephone without its connection tells nobody, and the caller would wait in silence.
    if (!phone.phone.state.connected) actOn("/hangup");
    hungUp = state.talk?.contact ?? "";
    phone.phone.hangUp();
  } else if (flags.has("talk")) actOn("/hangup");
}

function endShift() {
  if (!flags.has("leaving")) return shiftEnd.end(state);
  leaves = false;
  return shiftEnd.cancel(state);
}

const actions = {
  answer: () => {
    // What rings can be answered, also if the stream of the node is late.
    if (!flags.has("offer_rings") && phone.call !== "ringing") return;
    if (flags.has("own_phone")) say("refused", words["offer.answer_own"]);
    else phone.phone?.answer();
  },
  connect: () => phone.phone?.sendKeys("1"),
  hangup: hangUp,
  hold: () => {
    if (!flags.has("talk")) return;
    if (flags.has("own_phone")) say("refused", words["talk.own_phone"]);
    else if (phone.call !== null) hold();
  },
  mute,
  key: (button) => phone.pressKey(button.dataset.value),
  recording: (button) => actOn(pressed(button) ? "/recording/resume" : "/recording/pause"),
  consult: () => handOver("/consult"),
  transfer,
  "consult-back": () => actOn("/consult/cancel"),
  "consult-complete": () => actOn("/consult/complete"),
  "follow-up": (button) => sayDone(actOn("/follow-up", { agreed: !pressed(button) })),
  slow: () => sayDone(actOn("/preferences", { slow: true })),
  "human-first": () => sayDone(actOn("/preferences", { human_first: true })),
  abusive: (button) => sayDone(actOn("/flag-abusive", { abusive: !pressed(button) })),
  load: (button) => sayDone(actOn("/report-load", { load: Number(button.dataset.value) }, state.talk ?? state.wrapup)),
  "wrapup-request": () => sayDone(actOn("/wrapup/request", undefined, state.talk), words["wrapup.requested"]),
  "wrapup-end": () => flags.has("wrapup_now") && actOn("/wrapup/end", undefined, state.wrapup),
  "wrapup-extend": () => actOn("/wrapup/extend", undefined, state.wrapup),
  begin,
  "begin-seat": () => {
    const seat = byId("seat").value.trim();
    localStorage.setItem("santral-seat", seat);
    return act("/login", { seat });
  },
  ready: async () => (await canTalk()) && act("/resume"),
  break: () => act("/pause", { reason: byId("reason").value || null }),
  "not-now": () => act("/decline-heavy"),
  end: endShift,
  where: () => say("where", view.sentenceOf(state, now())),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-do]");
  if (button && !quiet) actions[button.dataset.do](button);
});

// --- keys ----------------------------------------------------------------------------------------------------------

const KEY_ACTIONS = { answer: "answer", hangup: "hangup", hold: "hold", wrapup: "wrapup-end", where: "where" };
const keyTable = new KeyTable(document, keys, words, (text) => say("keys", text), {
  answer: doers("answer"), hangup: doers("hangup"), hold: doers("hold"), wrapup: doers("wrapup-end"),
});

document.addEventListener("keydown", (event) => {
  if (quiet || keyTable.capture(event)) return;
  if (oneSwitch.on && event.key === "Escape") {
    chooseSwitch(false);
    return;
  }
  if (oneSwitch.step(event.key)) {
    event.preventDefault();
    return;
  }
  const action = keys.actionOf(event);
  if (action === null || (isTyped(event) && event.target.closest?.("input, textarea, select"))) return;
  event.preventDefault();
  if (action === "answer" && !keys.mayAnswer()) return;
  actions[KEY_ACTIONS[action]]();
});

// --- one switch ----------------------------------------------------------------------------------------------------

const oneSwitch = new OneSwitch(
  { region: byId("one-switch"), button: byId("due"), rest: [byId("controls"), ...document.querySelectorAll(".top, .skip")] },
  words, context, { run: runStep, pace: new SwitchPace(byId("switch-pace"), ownStorage), say: (text, level) => level <= LEVELS[verbosity()] && say("switch", text) },
);

// Does what a step shows, as if its button and its choice were pressed.
function runStep({ action, value }) {
  if (quiet || (action === "answer" && !keys.mayAnswer())) return;
  if (action === "break") byId("reason").value = value;
  if (action === "consult" || action === "transfer") {
    byId("to-service").value = value;
    byId("to-colleague").value = "";
  }
  const buttons = doers(action);
  actions[action](buttons.find((one) => one.dataset.value === value) ?? buttons[0]);
}

function showSteps() {
  oneSwitch.follow(phone.muted ? new Set([...flags, "muted"]) : flags);
}

function chooseSwitch(on) {
  ownStorage.setItem("santral-one-switch", on ? "1" : "");
  byId("choose-switch").checked = on;
  oneSwitch.turn(on);
  if (!on) byId("choose-switch").focus();
}
byId("choose-switch").addEventListener("change", (event) => chooseSwitch(event.target.checked));

// --- the state -----------------------------------------------------------------------------------------------------

function showState() {
  state = shiftEnd.addTo(sent);
  flags = view.flagsOf(state);
  writer.writeFlags(flags);
  showTexts();
}

function follow(next) {
  const old = state;
  sent = next;
  behind = next.at - Date.now() / 1000;
  const focused = document.activeElement;
  showState();
  shiftEnd.follow(next);
  // Focus on a part that has gone moves to the heading of what is there now, never to the top of the page.
  if (focused !== null && focused !== document.body && (focused.closest("[hidden]") !== null || focused.disabled)) {
    const place = focused.closest("#consult") !== null && flags.has("talk") ? "consult" : flags.has("offer") ? "offer" : flags.has("talk") ? "talk" : flags.has("wrapup_now") ? "wrapup" : "state";
    byId("part-" + place).focus();
  }
  const icon = view.iconOf(flags);
  byId("icon").href = byId("shape").src = context.icons[icon];
  showSteps();
  const transferred = old.talk !== null && next.talk === null && handedOver?.contact === old.talk.contact ? handedOver : null;
  if (next.talk === null) handedOver = null;
  notes.follow(next, transferred?.contact);
  phone.follow(next);
  repeatHangUp();
  if (old.offer !== null && old.offer.offer !== next.offer?.offer) keys.noteOfferGone();
  if (old.talk !== null && old.talk.offer !== next.talk?.offer) {
    keys.noteTalkGone();
    // The choice was for this caller. The next one must not go there by mistake.
    byId("to-service").value = byId("to-colleague").value = "";
  }
  // Nobody listens at a desk whose shift is over, and its seat is free for others.
  if ((old.state !== "signed_out" && next.state === "signed_out") || flags.has("own_phone")) phone.close();
  if (leaves && next.state === "signed_out") signOut();
  for (const one of announcements.ofStates(old, state, keys.chosen.answer, verbosity(), phone.call === "held", transferred?.who)) speak(one);
  if (next.offer !== null && old.offer?.offer !== next.offer.offer) notify();
  if (old.state !== next.state && !BUSY_STATES.includes(next.state)) lists.load();
}

function speak(one) {
  if (one.drop) announcer.drop(one.key);
  else if (one.level <= LEVELS[verbosity()]) announcer.say(one);
}

function showTexts() {
  const texts = view.textsOf(state, now());
  writer.writeTexts(texts);
  const title = `${texts.title} – ${words.brand}`;
  if (document.title !== title) document.title = title;
}

// A notification has no word about the caller: it may be seen by others.
function notify() {
  if (document.hidden && byId("choose-notify").checked && Notification.permission === "granted") {
    const shown = new Notification(words["notify.title"], { tag: "santral-offer", silent: true });
    shown.addEventListener("click", () => window.focus());
  }
}
byId("choose-notify").addEventListener("change", async (event) => {
  if (event.target.checked && (await Notification.requestPermission()) !== "granted") event.target.checked = false;
  ownStorage.setItem("santral-notify", event.target.checked ? "1" : "");
});

const SPOKEN_FROM = { at: state.at };
const events = new Events(api.events, {
  state: follow,
  notice: (notice) => {
    // Notices from before this page was opened are no news, and after a gap no queue is as long as it was.
    const old = notice.at < SPOKEN_FROM.at || (notice.kind === "queue_warning" && now() - notice.at > NEWS_S);
    const found = old ? null : announcements.ofNotice(notice);
    if (found !== null) speak(found);
  },
  tick: ({ at }) => {
    behind = at - Date.now() / 1000;
    phone.tick();
    notes.tick();
  },
  lost: () => showTrouble(phone.call === null ? "server" : "server_talk"),
  back: (said) => {
    returns = true;
    for (const name of ["server", "server_talk"]) hideTrouble(name);
    if (said) say("trouble server", words["trouble.server_back"]);
    // Register and load now: a phone that tries again less and less often is late for its caller.
    phone.tick();
    notes.catchUp();
    sound.load();
    reopenPhone();
  },
  refused: async () => {
    if ((await api.get("")).status === 401) endSession();
  },
});

// This page works no more. It has no state that could be wrong, and its microphone is closed.
function goQuiet() {
  if (quiet) return;
  stopWork();
  for (const one of document.querySelectorAll(".top nav")) one.inert = true;
  showTrouble("tab");
}

function endSession() {
  if (quiet) return;
  stopWork();
  showTrouble("session");
  byId("trouble-session").querySelector("a").focus();
}

function stopWork() {
  quiet = true;
  events.close();
  phone.leave();
  clearInterval(clock);
  oneSwitch.turn(false);
  byId("controls").inert = true;
  for (const name of ["server", "server_talk", "network"]) hideTrouble(name);
  document.querySelector("#state .state").hidden = true;
  document.title = `${words["desk.title"]} – ${words.brand}`;
  byId("icon").href = context.icons.off;
}
const clock = setInterval(showTexts, 1000);
new OneTab(goQuiet);

// --- signing out ---------------------------------------------------------------------------------------------------

let leaves = false; // the agent has signed out in a talk

// To leave the page would take the telephone from a caller, and a note that is not saved.
byId("sign-out").addEventListener("submit", (event) => {
  const busy = flags.has("talk") || flags.has("offer");
  if (quiet || (!busy && !notes.hasDrafts)) {
    notes.leave();
    return;
  }
  event.preventDefault();
  if (busy) {
    leaves = true;
    if (!flags.has("leaving")) endShift();
  } else signOut();
});

async function signOut() {
  leaves = false;
  await notes.saveAll();
  notes.leave();
  byId("sign-out").submit();
}

// --- leaving -------------------------------------------------------------------------------------------------------

addEventListener("beforeunload", (event) => {
  if (!quiet && (phone.call === "talking" || phone.call === "held")) event.preventDefault();
});

// --- the beginning -------------------------------------------------------------------------------------------------

byId("seat").value = localStorage.getItem("santral-seat") ?? "";
const allowed = globalThis.Notification?.permission === "granted";
byId("choose-notify").checked = allowed && Boolean(ownStorage.getItem("santral-notify"));
byId("far").checked = Boolean(localStorage.getItem("santral-far"));
byId("far").addEventListener("change", (event) => localStorage.setItem("santral-far", event.target.checked ? "1" : ""));
byId("icon").href = byId("shape").src = context.icons[view.iconOf(flags)];
showTexts();
showSteps();
if (ownStorage.getItem("santral-one-switch") || context.answer_mode === "single_switch") chooseSwitch(true);
events.open();
lists.load();
notes.follow(state);
sound.load();
colleagues.load();
reopenPhone();
