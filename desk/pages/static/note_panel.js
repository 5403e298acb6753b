// Code and note of the contact at hand, and what is known of earlier contacts of the caller.

import { fillWords } from "./state_view.js";

const DRAFTS = "santral-note "; // a note half written survives a reload; it is forgotten at sign-out and with the tab

export class NotePanel {
  // say: announces a text. act: asks the node and says what it refused.
  constructor(root, api, view, storage, { act, say }) {
    Object.assign(this, { root, api, view, storage, act, say });
    this.words = view.words;
    this.contact = null;
    this.loaded = false; // what is known of the caller is on the page
    this.saving = Promise.resolve();
    this.prefix = `${DRAFTS}${view.context.agent} `;
    this.#forgetDrafts((key) => !key.startsWith(this.prefix)); // of an agent who had this tab before
    this.text = root.querySelector("#note-text");
    this.code = root.querySelector("#note-code");
    this.lines = [...root.querySelectorAll("[data-earlier]")];
    this.text.addEventListener("input", () => this.#keepDraft());
    this.code.addEventListener("change", () => this.#keepDraft());
    root.querySelector("#note-save").addEventListener("click", () => this.save());
  }

  // At sign-out: the next person at this machine may be somebody else.
  leave() {
    this.#forgetDrafts(() => true);
  }

  #forgetDrafts(which) {
    const keys = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index));
    for (const key of keys) if (key.startsWith(DRAFTS) && which(key)) this.storage.removeItem(key);
  }

  follow(state) {
    const at = state.talk ?? state.wrapup;
    const contact = at?.contact ?? null;
    if (contact === this.contact) return;
    this.contact = contact;
    this.loaded = false;
    for (const option of [...this.code.options].slice(1)) {
      option.hidden = option.disabled = option.dataset.service !== at?.service;
    }
    const draft = this.#readDraft(contact);
    this.text.value = draft?.text ?? "";
    this.#chooseCode(draft?.code ?? "");
    for (const line of [this.root.querySelector("#note-times"), ...this.lines]) line.hidden = true;
    if (contact !== null) this.#load(contact);
    this.saveLeft();
  }

  // After a gap in the network: what could not be loaded or saved meanwhile.
  catchUp() {
    if (this.contact !== null && !this.loaded) this.#load(this.contact);
    this.saveLeft();
  }

  // Nothing that was written is lost: a note that nobody had saved when its contact ended is saved then.
  // One pass follows the other: two at once would save a note twice.
  saveLeft() {
    this.saving = this.saving.then(() => this.#saveDrafts(this.contact));
    return this.saving;
  }

  get hasDrafts() {
    return this.#listDrafts().length > 0;
  }

  // Before the page is left. Saves the note at hand as well.
  saveAll() {
    this.saving = this.saving.then(() => this.#saveDrafts(null));
    return this.saving;
  }

  #listDrafts() {
    return Object.keys(this.storage).filter((key) => key.startsWith(this.prefix));
  }

  // `kept`: the contact whose note is being written.
  async #saveDrafts(kept) {
    for (const key of this.#listDrafts().filter((one) => one !== this.prefix + kept)) {
      const contact = key.slice(this.prefix.length);
      const found = await this.api.post("/note", { contact, ...splitDraft(this.#readDraft(contact)) });
      // Without an answer it stays, and is tried again later.
      if (!found.ok && (found.status === 0 || found.status === 401 || found.status >= 500)) break;
      this.storage.removeItem(key);
      this.say(this.words[found.ok ? "note.saved" : "note.refused"]);
    }
  }

  #keepDraft() {
    this.storage.setItem(this.prefix + this.contact, JSON.stringify({ text: this.text.value, code: this.code.value }));
  }

  #readDraft(contact) {
    try {
      return JSON.parse(this.storage.getItem(this.prefix + contact));
    } catch {
      return null;
    }
  }

  #chooseCode(value) {
    this.code.value = value;
    if (this.code.selectedIndex < 0) this.code.selectedIndex = 0;
  }

  async #load(contact) {
    const found = await this.api.get("/caller");
    if (this.contact !== contact) return;
    this.loaded = found.ok;
    const caller = found.ok ? found.body.callers?.find((one) => one.contact === contact) : undefined;
    if (caller === undefined) return;
    // 1. How often the caller came, and the newest contacts.
    const times = this.root.querySelector("#note-times");
    const digits = caller.last_digits ? " " + fillWords(this.words["note.digits"], { digits: caller.last_digits }) : "";
    times.textContent = (caller.times ? fillWords(this.words["note.times"], { times: caller.times })
      : this.words["note.first"]) + digits;
    times.hidden = false;
    this.lines.forEach((line, index) => {
      const one = caller.earlier[index];
      line.hidden = one === undefined;
      line.textContent = one === undefined ? "" : this.describeContact(one);
    });
    // 2. The own note of this contact, unless a newer draft is there.
    if (caller.note !== null && this.#readDraft(contact) === null) {
      this.text.value = caller.note.text;
      this.#chooseCode(caller.note.code === null ? "" : `${this.#service()}/${caller.note.code}`);
    }
  }

  #service() {
    return [...this.code.options].find((one) => one.dataset.service && !one.disabled)?.dataset.service ?? "";
  }

  describeContact(one) {
    const service = this.view.context.services[one.service] ?? one.service;
    const notes = one.notes.map((note) => this.describeNote(one.service, note));
    return fillWords(this.words["note.earlier"], {
      day: this.view.writeDay(one.at), service, what: notes.filter(Boolean).join("; ") || this.words["note.nothing"],
    });
  }

  describeNote(service, note) {
    return [this.#nameCode(service, note.code), note.text].filter(Boolean).join(", ");
  }

  #nameCode(service, code) {
    const option = [...this.code.options].find((one) => one.value === `${service}/${code}`);
    return option?.textContent.trim() ?? code ?? "";
  }

  async save() {
    const contact = this.contact;
    if (contact === null) return;
    const key = this.prefix + contact;
    const draft = this.storage.getItem(key);
    const written = splitDraft({ text: this.text.value, code: this.code.value });
    if (!(await this.act("/note", { contact, ...written }))) return;
    // Text typed while the request was under way is not saved yet.
    if (this.storage.getItem(key) === draft) this.storage.removeItem(key);
    this.say(this.words["note.saved"]);
  }
}

// The fields of a request. The value of an option is that of its service and code.
function splitDraft(draft) {
  return { code: draft?.code ? draft.code.split("/")[1] : null, text: draft?.text ?? "" };
}
