// The table of shortcut keys on the page: shows, captures and checks them.

import { DEFAULTS, findConflicts, nameKey } from "./keys.js";
import { fillWords } from "./state_view.js";

export class KeyTable {
  // say: announces a text. hints: buttons by action that carry `aria-keyshortcuts`.
  constructor(root, keys, words, say, hints) {
    Object.assign(this, { root, keys, words, say, hints });
    this.capturing = null;
    this.note = root.querySelector("#key-note");
    for (const button of root.querySelectorAll("[data-key]")) {
      button.addEventListener("click", () => this.#press(button.dataset.key, button.dataset.action));
    }
    this.show();
  }

  show() {
    for (const action of Object.keys(DEFAULTS)) {
      const key = this.keys.chosen[action];
      this.root.querySelector("#key-" + action).textContent = key || this.words["keys.none"];
      const conflicts = this.describeConflicts(action);
      const line = this.root.querySelector("#conflict-" + action);
      line.textContent = conflicts;
      line.hidden = !conflicts;
      for (const button of this.hints[action] ?? []) {
        if (key) button.setAttribute("aria-keyshortcuts", key.replace("Ctrl", "Control"));
        else button.removeAttribute("aria-keyshortcuts");
      }
    }
  }

  describeConflicts(action) {
    const key = this.keys.chosen[action];
    const found = findConflicts(key).map((one) => this.words["conflict." + one]);
    for (const other of this.keys.sharedWith(action)) {
      found.push(fillWords(this.words["conflict.own"], { action: this.words["keys." + other] }));
    }
    return found.length ? fillWords(this.words["keys.conflict"], { key, with: found.join(", ") }) : "";
  }

  // Takes the next key for an action. Returns whether the event was taken.
  capture(event) {
    if (this.capturing === null) return false;
    const key = nameKey(event);
    if (!key) return true;
    event.preventDefault();
    event.stopPropagation();
    const action = this.capturing;
    const name = this.words["keys." + action];
    this.capturing = null;
    if (key === "Escape") this.#tell(fillWords(this.words["keys.kept"], { action: name }));
    else if (!this.keys.change(action, key)) this.#tell(fillWords(this.words["keys.refused"], { key }));
    else {
      this.show();
      const set = fillWords(this.words["keys.set"], { action: name, key });
      this.#tell(`${set} ${this.describeConflicts(action) || fillWords(this.words["keys.alone"], { key })}`);
    }
    return true;
  }

  #press(what, action) {
    if (what === "change") {
      this.capturing = action;
      this.#tell(fillWords(this.words["keys.press"], { action: this.words["keys." + action] }));
      return;
    }
    this.capturing = null;
    if (what === "off") {
      this.keys.change(action, "");
      this.#tell(fillWords(this.words["keys.set"], { action: this.words["keys." + action], key: this.words["keys.none"] }));
    } else {
      this.keys.restore();
      this.#tell(this.words["keys.restored"]);
    }
    this.show();
  }

  #tell(text) {
    this.note.textContent = text;
    this.say(text);
  }
}
