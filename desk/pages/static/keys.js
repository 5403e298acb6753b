// Shortcut keys of the desk: each can be changed or switched off, and what else uses a key is shown.

export const DEFAULTS = { answer: "F2", hangup: "Shift+F2", hold: "F4", wrapup: "F8", where: "F9" };
export const ANSWER_GUARD_MS = 1000; // a key meant for an offer that has vanished must not answer the next one

const MODIFIERS = ["Control", "Shift", "Alt", "Meta", "AltGraph", "CapsLock", "NumLock", "Insert", "Fn", "Dead"];
const NAVIGATION = ["Tab", "Shift+Tab", "Enter", "Escape", "Space", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight",
  "Home", "End", "PageUp", "PageDown", "Backspace", "Delete", "Shift+Enter", "Shift+Space"];
const BROWSER = ["F1", "F3", "F5", "F6", "F7", "F10", "F11", "F12", "Shift+F3", "Shift+F5", "Shift+F6", "Shift+F10",
  "Alt+Shift+A", "Alt+Shift+T", "Alt+Shift+I", "Alt+Shift+B", "Alt+Shift+D", "Alt+F4"];

// Returns the name of the pressed key, such as "Shift+F2", or "" for a modifier alone.
export function nameKey(event) {
  if (MODIFIERS.includes(event.key)) return "";
  const parts = [];
  if (event.ctrlKey) parts.push("Ctrl");
  if (event.altKey || event.getModifierState?.("AltGraph")) parts.push("Alt");
  if (event.shiftKey) parts.push("Shift");
  if (event.metaKey) parts.push("Meta");
  let key = event.code?.startsWith("Numpad") ? event.code : event.key === " " ? "Space" : event.key;
  if (key.length === 1) key = key.toLocaleUpperCase("en");
  return [...parts, key].join("+");
}

// Returns the ids of what else uses a key: "navigation", "browser", "altgr", "readers", "typing".
export function findConflicts(key) {
  if (!key) return [];
  const found = [];
  const parts = key.split("+");
  const last = parts.at(-1) || "+";
  const held = new Set(parts.slice(0, -1));
  if (NAVIGATION.includes(key)) found.push("navigation");
  if (BROWSER.includes(key) || ((held.has("Ctrl") || held.has("Meta")) && !held.has("Alt"))) found.push("browser");
  if (held.has("Alt") && !held.has("Ctrl") && last.length === 1 && !found.includes("browser")) found.push("browser");
  if (held.has("Ctrl") && held.has("Alt")) found.push("altgr");
  if (last.startsWith("Numpad") || ["F7", "Shift+F7"].includes(key)) found.push("readers");
  if (last.length === 1 && !held.has("Ctrl") && !held.has("Alt") && !held.has("Meta")) found.push("typing");
  return found;
}

// Whether a pressed key writes a letter where letters are written.
export function isTyped(event) {
  return event.key.length === 1 && !event.ctrlKey && !event.altKey && !event.metaKey;
}

export class Keys {
  // storage: what keeps the keys of this browser. now: milliseconds.
  constructor(storage, { now = () => performance.now() } = {}) {
    this.storage = storage;
    this.now = now;
    this.chosen = { ...DEFAULTS, ...this.#read() };
    this.goneAt = -Infinity;
    this.endedAt = -Infinity;
  }

  #read() {
    try {
      const found = JSON.parse(this.storage.getItem("santral-keys") ?? "{}");
      return Object.fromEntries(Object.keys(DEFAULTS).filter((one) => typeof found[one] === "string")
        .map((one) => [one, found[one]]));
    } catch {
      return {};
    }
  }

  // An empty key switches the action off. Returns false for a key that moving on the page needs.
  change(action, key) {
    if (findConflicts(key).includes("navigation")) return false;
    this.chosen[action] = key;
    this.storage.setItem("santral-keys", JSON.stringify(this.chosen));
    return true;
  }

  restore() {
    this.chosen = { ...DEFAULTS };
    this.storage.removeItem("santral-keys");
  }

  // Returns the other actions with the same key.
  sharedWith(action) {
    const key = this.chosen[action];
    return key ? Object.keys(DEFAULTS).filter((one) => one !== action && this.chosen[one] === key) : [];
  }

  // Returns the action of a pressed key, or null.
  actionOf(event) {
    if (event.repeat || event.isComposing) return null;
    const key = nameKey(event);
    return key ? Object.keys(DEFAULTS).find((one) => this.chosen[one] === key) ?? null : null;
  }

  noteOfferGone() {
    this.goneAt = this.now();
  }

  noteTalkGone() {
    this.endedAt = this.now();
  }

  // Whether a key that hangs up may do so now.
  mayHangUp() {
    return this.now() - this.endedAt >= ANSWER_GUARD_MS;
  }

  // Whether a key that answers may do so now.
  mayAnswer() {
    return this.now() - this.goneAt >= ANSWER_GUARD_MS;
  }
}
