// The demo's own page: asks once a second what callers hear, and kills the node at a press of the button.

const EVERY_MS = 1000;
const byId = (id) => document.getElementById(id);
const words = JSON.parse(byId("words").textContent);
const items = new Map(); // list item by call
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

function show(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function describe(call) {
  const last = call.heard.at(-1);
  if (call.talking) return words.talking;
  if (last === undefined) return words.nothing;
  return `${call.ended ? words.ended : call.hears ? words.hears : words.music} “${last}”`;
}

function showState(state) {
  const node = state.outage;
  show(byId("node"), state.failed ? words.failed : node === null ? words.up
    : node.seconds === null ? fill(words.away, { ...node, on_line: state.on_line }) : fill(words.back, node));
  byId("kill").setAttribute("aria-disabled", String(node !== null && node.seconds === null));
  byId("none").hidden = state.calls.length > 0;
  const there = new Set(state.calls.map((call) => call.call));
  for (const [id, item] of items) {
    if (there.has(id)) continue;
    item.remove();
    items.delete(id);
  }
  for (const call of state.calls) {
    if (!items.has(call.call)) {
      const item = document.createElement("li");
      const name = document.createElement("strong");
      name.textContent = fill(words.call, { call: call.call.slice(call.call.lastIndexOf(".") + 1) });
      item.append(name, document.createElement("span"));
      items.set(call.call, item);
      byId("calls").append(item);
    }
    show(items.get(call.call).lastChild, describe(call));
  }
}

async function look() {
  try {
    const answer = await fetch("/state", { cache: "no-store" });
    if (answer.ok) showState(await answer.json());
  } catch {
    // The demo has ended.
  }
  setTimeout(look, EVERY_MS);
}

byId("kill").addEventListener("click", async () => {
  if (byId("kill").getAttribute("aria-disabled") === "true") return;
  byId("kill").setAttribute("aria-disabled", "true");
  await fetch("/kill", { method: "POST" }).catch(() => {});
});
look();
