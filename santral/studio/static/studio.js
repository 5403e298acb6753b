// The recording studio: show a sentence, record it, measure it at once, keep it, go on.

import {Microphone} from "./microphone.js";
import {cutTake, encodeWav, isVoice, roomNoise, windowLevels} from "./take.js";

const $ = (id) => document.getElementById(id);
const words = JSON.parse($("words").textContent);
const sentences = JSON.parse($("sentences").textContent);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** Silence after which a take ends by itself, longer than any pause in a sentence. */
const SILENCE_S = 1.5;
/** Windows of 10 ms over which level and noise of the room are shown. */
const LOOK_WINDOWS = 300;
const LEVEL_EVERY_MS = 200;

let at = Math.max(0, sentences.findIndex((one) => one.faults === null || one.faults.length));
let blocks = null, taken = [], looked = [], shownAt = 0, saving = false;
let playing = null;

const isGood = (one) => one.faults !== null && one.faults.length === 0;

function say(key, values = {}, kind = "") {
  $("said").dataset.kind = kind;
  $("said").textContent = fill(words[`said.${key}`], values);
}

function showProgress() {
  const often = sentences.filter((one) => one.often);
  $("progress").textContent = fill(words.progress, {done: sentences.filter(isGood).length, all: sentences.length,
    often: often.length, left: often.filter((one) => !isGood(one)).length});
}

function faultsOf(one) { return one.faults.map((kind) => words[`fault.${kind}`]).join(" "); }

function optionText(one, number) {
  return `${isGood(one) ? "✓" : one.faults ? "!" : "–"} ${number + 1}. ${one.text}`;
}

function show(number, spoken = true) {
  at = Math.max(0, Math.min(sentences.length - 1, number));
  const one = sentences[at];
  $("which").textContent = fill(words.sentence, {number: at + 1, all: sentences.length});
  $("often").hidden = !one.often;
  $("text").textContent = one.text;
  $("text").lang = one.language;
  $("listen").disabled = one.faults === null;
  $("jump").selectedIndex = at;
  $("back").disabled = at === 0;
  $("next").disabled = at === sentences.length - 1;
  showProgress();
  if (!spoken) return;
  if (one.faults === null) say("none");
  else if (isGood(one)) say("kept", {}, "good");
  else say("bad", {faults: faultsOf(one)}, "bad");
}

function nextMissing(from) {
  const rest = [...sentences.keys()].slice(from + 1).concat([...sentences.keys()].slice(0, from + 1));
  return rest.find((number) => !isGood(sentences[number])) ?? from;
}

function joined(parts) {
  const whole = new Float32Array(parts.reduce((sum, one) => sum + one.length, 0));
  let place = 0;
  for (const one of parts) { whole.set(one, place); place += one.length; }
  return whole;
}

function onBlock(block) {
  const levels = windowLevels(block, microphone.rate);
  looked = [...looked, ...levels].slice(-LOOK_WINDOWS);
  if (blocks !== null) {
    blocks.push(block);
    taken.push(...levels);
  }
  // The level changes five times a second. It is no live region: a screen reader would never be silent.
  if (performance.now() - shownAt < LEVEL_EVERY_MS) return;
  shownAt = performance.now();
  const noise = roomNoise(looked), peak = Math.max(...looked.slice(-20));
  $("level").value = Math.max(-60, peak);
  $("level-text").textContent = fill(words.level_now, {level: Math.round(peak), noise: Math.round(noise)});
  if (blocks === null) return;
  if (taken.length / 100 > sentences[at].most_s - 1) { stop(); return; }
  if (!$("auto-stop").checked) return;
  const floor = roomNoise(taken), last = taken.findLastIndex((level) => isVoice(level, floor));
  if (last >= 0 && (taken.length - last) / 100 > SILENCE_S) stop();
}

const microphone = new Microphone(onBlock);

async function open() {
  try {
    await microphone.open();
  } catch (error) {
    say(error.name === "NotAllowedError" ? "refused" : "no_microphone", {}, "bad");
    return;
  }
  $("open").hidden = true;
  $("record").disabled = false;
  $("record").focus();
}

function start() {
  if (saving) return;
  if (playing) playing.pause();
  blocks = [];
  taken = [];
  $("record").setAttribute("aria-pressed", "true");
  $("record").textContent = words.stop;
  say("recording");
}

async function stop() {
  const samples = joined(blocks), number = at;
  blocks = null;
  saving = true;
  $("record").setAttribute("aria-pressed", "false");
  $("record").textContent = words.record;
  try {
    await keep(samples, sentences[number], number);
  } finally {
    saving = false;
  }
}

async function keep(samples, one, number) {
  const take = cutTake(samples, microphone.rate);
  if (take === null) { say("nothing", {}, "bad"); return; }
  say("saving");
  let answer;
  try {
    answer = await fetch(`/takes/${one.name}`, {method: "POST", body: encodeWav(take.samples, microphone.rate),
                                                headers: {"Content-Type": "audio/wav"}});
    if (!answer.ok) throw new Error(answer.status);
    one.faults = (await answer.json()).faults;
  } catch {
    say("away", {}, "bad");
    return;
  }
  $("jump").options[number].text = optionText(one, number);
  const values = {level: Math.round(take.level), noise: Math.round(take.noise)};
  const goesOn = isGood(one) && $("auto-next").checked && number === at && nextMissing(number) !== number;
  show(goesOn ? nextMissing(number) : at, false);
  if (isGood(one)) say(goesOn ? "good_next" : "good", values, "good");
  else say("bad", {faults: faultsOf(one)}, "bad");
}

$("record").addEventListener("click", () => blocks === null ? start() : stop());
$("record").addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || blocks !== null) return;
  if (event.key === "ArrowRight") { show(at + 1); event.preventDefault(); }
  if (event.key === "ArrowLeft") { show(at - 1); event.preventDefault(); }
});
$("open").addEventListener("click", open);
for (const [id, where] of [["back", () => at - 1], ["next", () => at + 1], ["missing", () => nextMissing(at)]]) {
  $(id).addEventListener("click", () => { if (blocks === null) show(where()); });
}
$("jump").addEventListener("change", () => { if (blocks === null) show($("jump").selectedIndex); });
$("listen").addEventListener("click", () => {
  playing = new Audio(`/takes/${sentences[at].name}?again=${Date.now()}`);
  playing.play();
});
$("import").addEventListener("click", async () => {
  $("import").disabled = true;
  try {
    const found = await (await fetch("/import", {method: "POST"})).json();
    const said = [fill(words["said.imported"], {count: found.taken, command: found.command})];
    if (found.faulty.length) {
      said.push(fill(words["said.left"], {count: found.faulty.length, names: found.faulty.join(", ")}));
    }
    $("imported").textContent = said.join("\n");
  } catch {
    $("imported").textContent = words["said.away"];
  } finally {
    $("import").disabled = false;
    $("import").focus();
  }
});
sentences.forEach((one, number) => $("jump").add(new Option(optionText(one, number))));
show(at);
