/* The document of the caller's page: one button that calls and hangs up, twelve keys, and the state in words.
   Elements never come or go, so focus and live region stay. */

import { CallerLine } from "./caller_line.js";

const DOUBLE_MS = 500; // A double click must not hang up at once, nor call again.

export const line = new CallerLine();
const words = JSON.parse(document.getElementById("words").textContent);
const button = document.getElementById("line");
const state = document.getElementById("state");
const pressed = document.getElementById("pressed");
const keys = new Map([...document.querySelectorAll("[data-key]")].map((one) => [one.dataset.key, one]));
let lastPress = -DOUBLE_MS;

line.addEventListener("state", ({ detail }) => {
  state.textContent = words[detail.state];
  button.textContent = line.busy ? words.hang_up : words.call;
  button.classList.toggle("main", !line.busy);
  button.classList.toggle("end", line.busy);
  for (const one of keys.values()) one.setAttribute("aria-disabled", String(detail.state !== "talking"));
  if (detail.state === "asking") pressed.textContent = "–";
});

button.addEventListener("click", () => {
  const now = performance.now();
  if (now - lastPress < DOUBLE_MS) return;
  lastPress = now;
  if (line.busy) line.hangUp();
  else line.dial();
});

function press(key) {
  if (!line.press(key)) return;
  pressed.textContent = pressed.textContent === "–" ? key : `${pressed.textContent} ${key}`;
}

for (const [key, one] of keys) one.addEventListener("click", () => press(key));

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || !keys.has(event.key)) return;
  press(event.key);
});

// A caller who closes the page has hung up.
addEventListener("pagehide", () => line.hangUp());
