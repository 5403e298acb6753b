// Calls as they go. Each call is one list item for its whole life, so a reader keeps the place, and focus stays.

import { Announcer } from "./announcer.js";
import { Events } from "./events.js";
import { drawCalls } from "./live_picture.js";

const byId = (id) => document.getElementById(id);
const { language, words, steps, zone } = JSON.parse(byId("context").textContent);
const ADDRESS = "/api/v1/live";
const announcer = new Announcer(byId("status"), byId("alert"));
const titles = Object.fromEntries(steps.map((step) => [step, words[`live.step.${step}`]]));
const clock = new Intl.DateTimeFormat(language, { timeZone: zone, timeStyle: "medium", hourCycle: "h23" });
const calls = new Map(); // by id: { call, item, button, step, length, panel }
const groups = new Map(); // by service: { section, heading, list }
let services = [];
let counts = { hidden: 0, callbacks: 0, more: 0 };
let chosen = "";
let behind = 0; // the node's clock ahead of that of this machine
let asked = 0; // number of the last question about a course

const now = () => Date.now() / 1000 + behind;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
const nameOf = (call) => fill(words["live.call"], { call: call.id.slice(call.id.lastIndexOf(".") + 1) });

function make(name, properties = {}, ...children) {
  const one = Object.assign(document.createElement(name), properties);
  one.append(...children);
  return one;
}

function writeLength(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return fill(words["length.s"], { s: whole });
  if (whole < 3600) return fill(words["length.m"], { m: Math.floor(whole / 60) });
  return fill(words["length.h"], { h: Math.floor(whole / 3600), m: Math.floor(whole / 60) % 60 });
}

// --- groups --------------------------------------------------------------------------------------------------------

function groupOf(service) {
  if (!groups.has(service)) {
    const heading = make("h3", { id: `group-${groups.size}` });
    const list = make("ul", { className: "calls" });
    list.setAttribute("role", "list"); // a list without marks is none for some readers
    list.setAttribute("aria-labelledby", heading.id);
    groups.set(service, { section: make("div", {}, heading, list), heading, list });
  }
  return groups.get(service);
}

function nameService(service) {
  if (!service) return words["live.in_menu"];
  return services.find((one) => one.id === service)?.name ?? service;
}

// The order of the centre, with the menu first. Groups without calls are not shown.
function showGroups() {
  const order = ["", ...services.map((one) => one.id)];
  for (const service of groups.keys()) if (!order.includes(service)) order.push(service);
  const shown = order.filter((service) => groups.get(service)?.list.childElementCount);
  let place = byId("groups").firstElementChild;
  for (const service of shown) {
    const { section, heading, list } = groups.get(service);
    const count = list.childElementCount;
    const counted = count === 1 ? words["live.count_one"] : fill(words["live.count"], { count });
    const text = `${nameService(service)} – ${counted}`;
    if (heading.textContent !== text) heading.textContent = text;
    if (section !== place) byId("groups").insertBefore(section, place);
    else place = place.nextElementSibling;
  }
  for (const [service, { section }] of groups) if (!shown.includes(service)) section.remove();
}

function showCounts() {
  const count = calls.size;
  byId("count").textContent = count === 0 ? words["live.none"]
    : count === 1 ? `${words["live.count_one"]}.` : `${fill(words["live.count"], { count })}.`;
  for (const name of ["hidden", "callbacks", "more"])
    byId(name).textContent = counts[name] ? fill(words[`live.${name}`], { count: counts[name] }) : "";
}

function showPicture() {
  const order = ["", ...services.map((one) => one.id)];
  const rows = order.map((service) => ({
    name: nameService(service),
    calls: [...calls.values()].map((one) => one.call).filter((call) => call.service === service),
  })).filter((row, at) => at === 0 || row.calls.length);
  byId("picture").replaceChildren(drawCalls(rows, steps, titles, chosen));
}

// --- calls ---------------------------------------------------------------------------------------------------------

function addCall(call) {
  const step = make("span", { className: "step" });
  const button = make("button", { type: "button" }, nameOf(call), " ", step);
  button.setAttribute("aria-expanded", "false");
  const length = make("span", { className: "note" });
  const one = { call: {}, item: make("li", {}, button, length), button, step, length, panel: null };
  button.addEventListener("click", () => choose(chosen === call.id ? "" : call.id));
  calls.set(call.id, one);
  return one;
}

function showCall(call) {
  const one = calls.get(call.id) ?? addCall(call);
  const moved = one.item.parentElement === null || one.call.service !== call.service;
  const other = one.call.step !== call.step;
  one.call = call;
  one.step.textContent = titles[call.step];
  one.item.className = call.step;
  if (moved) {
    // Moving an element takes the focus from it.
    const focused = one.item.contains(document.activeElement) ? document.activeElement : null;
    groupOf(call.service).list.append(one.item);
    focused?.focus({ preventScroll: true });
  }
  showLength(one);
  if (call.id === chosen) {
    showCourse();
    if (other) announcer.say({ key: "step", text: `${nameOf(call)}: ${titles[call.step]}` });
  }
}

function removeCall(id) {
  const one = calls.get(id);
  if (one === undefined) return;
  if (id === chosen) {
    // The reader may be in the middle of it, so it stays until another choice.
    one.gone = true;
    one.length.textContent = words["live.gone"];
    return;
  }
  one.item.remove();
  calls.delete(id);
}

function showLength(one) {
  if (one.gone) return;
  const text = one.call.step === "end" ? "" : writeLength(now() - one.call.since);
  if (one.length.textContent !== text) one.length.textContent = text;
}

// --- the course of the chosen call ---------------------------------------------------------------------------------

function choose(id) {
  const before = calls.get(chosen);
  if (before !== undefined) {
    before.button.setAttribute("aria-expanded", "false");
    before.button.removeAttribute("aria-controls");
    before.panel?.remove();
    before.panel = null;
    chosen = "";
    if (before.gone) {
      removeCall(before.call.id);
      showAll();
    }
  }
  chosen = id;
  const one = calls.get(id);
  if (one !== undefined) {
    one.panel = make("div", { className: "course", id: "course" });
    one.item.append(one.panel);
    one.button.setAttribute("aria-expanded", "true");
    one.button.setAttribute("aria-controls", "course");
    showCourse();
  }
  showPicture();
}

async function showCourse() {
  const id = chosen;
  const number = (asked += 1);
  let course = null;
  try {
    const answer = await fetch(`${ADDRESS}/calls/${encodeURIComponent(id)}?language=${language}`, { cache: "no-store" });
    if (answer.status === 401) byId("trouble-session").hidden = false;
    if (answer.ok) course = await answer.json();
  } catch {
    // The stream tells that the node is away.
  }
  const panel = calls.get(id)?.panel;
  // An answer that comes late is about an older step.
  if (course === null || number !== asked || !panel) return;
  // The first fact of a call tells the whole way through the menu, but comes at its end.
  const told = course.lines.length ? course.lines
    : course.steps.map(([at, step]) => ({ time: clock.format(at * 1000), text: titles[step] }));
  const why = course.why.length ? course.why : [whyInMenu(course.step)];
  showPart(panel, "why", "ul", why, (text) => [text]);
  showPart(panel, "course", "ol", told, (one) => [make("time", { textContent: one.time }), " ", one.text]);
  showPart(panel, "heard", "ol", course.heard, describeSentence);
  showHearing(panel);
  if (panel.querySelector("code") === null)
    panel.append(make("p", { className: "note" }, make("code", { textContent: `santral why ${id}` })));
}

// Items that have not changed stay, so a reader keeps the place while the call goes on.
function showPart(panel, name, kind, items, describe) {
  let list = panel.querySelector(`[data-part="${name}"]`);
  if (list === null && items.length) {
    list = make(kind);
    list.dataset.part = name;
    list.setAttribute("role", "list");
    panel.insertBefore(list, panel.querySelector("p.note"));
    list.before(make("h4", { textContent: words[`live.${name}`] }));
  }
  const keys = items.map((one) => JSON.stringify(one));
  for (const item of [...(list?.children ?? [])]) if (!keys.includes(item.dataset.key)) item.remove();
  keys.forEach((key, at) => {
    if (list.children[at]?.dataset.key === key) return;
    const item = make("li", {}, ...describe(items[at]));
    item.dataset.key = key;
    list.insertBefore(item, list.children[at] ?? null);
  });
}

function describeSentence(one) {
  const sentence = make("q", { textContent: one.text, lang: one.language });
  return [make("time", { textContent: clock.format(one.at * 1000) }), " ", make("strong", { className: "now" }), sentence];
}

// Marks the sentence that the caller hears now.
function showHearing(panel) {
  for (const item of panel.querySelectorAll('[data-part="heard"] > li')) {
    const { at, until } = JSON.parse(item.dataset.key);
    const text = at <= now() && now() < until ? `${words["live.hears"]} ` : "";
    const mark = item.querySelector(".now");
    if (mark.textContent !== text) mark.textContent = text;
  }
}

function whyInMenu(step) {
  return words[step === "greeting" ? "live.why_greeting" : step === "end" ? "live.why_left" : "live.why_menu"];
}

// --- the stream ----------------------------------------------------------------------------------------------------

function showAll() {
  showGroups();
  showCounts();
  showPicture();
}

function takeChange(change) {
  behind = change.at - Date.now() / 1000;
  counts = change;
  for (const id of change.gone ?? []) removeCall(id);
  for (const call of change.calls) showCall(call);
  showAll();
}

function hideTrouble() {
  byId("trouble-lost").hidden = true;
}

const events = new Events(`${ADDRESS}/events`, {
  state: (state) => {
    hideTrouble();
    services = state.services;
    const there = new Set(state.calls.map((call) => call.id));
    for (const id of [...calls.keys()]) if (!there.has(id)) removeCall(id);
    takeChange(state);
  },
  calls: takeChange,
  notice: () => {},
  tick: () => {},
  lost: () => {
    byId("trouble-lost").hidden = false;
    announcer.say({ key: "lost", text: words["live.lost"] });
  },
  back: (said) => {
    hideTrouble();
    if (said) announcer.say({ key: "lost", text: words["live.back"] });
  },
  refused: async () => {
    const answer = await fetch(`${ADDRESS}/calls/-`, { cache: "no-store" }).catch(() => null);
    if (answer?.status !== 401) return;
    byId("trouble-session").hidden = false;
    events.close();
  },
});
events.open();
setInterval(() => {
  for (const one of calls.values()) showLength(one);
  const panel = calls.get(chosen)?.panel;
  if (panel) showHearing(panel);
}, 1000);
