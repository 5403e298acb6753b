// Code and note of the contact at hand, and what is known of earlier contacts of the caller.

import { fillWords } from "./state_view.js";

const HANDED_OVER = "santral-handed-over"; // survives a reload as a draft does
const DRAFTS = "santral-note "; // a note half written survives a reload; it is forgotten at sign-out and with the tab

export class NotePanel {
  // say: announces a text. act: asks the node and says what it refused.
  constructor(root, api, view, storage, { act, say }) {
    Object.assign(this, { root, api, view, storage, act, say });
    this.words = view.words;
    this.contact = null;
    this.asks = undefined; // colleague with whom the agent talks before the caller comes
    this.passed = false; // another agent had the contact before
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
    this.storage.removeItem(HANDED_OVER);
    this.#forgetDrafts(() => true);
  }

  #forgetDrafts(which) {
    const keys = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index));
    for (const key of keys) if (key.startsWith(DRAFTS) && which(key)) this.storage.removeItem(key);
  }

  // `handedOver`: contact that the agent has just transferred, or null.
  follow(state, handedOver = null) {
    const own = state.talk ?? (state.wrapup?.contact ? state.wrapup : null);
    const at = own ?? this.#findHandedOver(state, handedOver);
    const contact = at?.contact ?? null;
    this.root.hidden = contact === null;
    this.root.querySelector("#note-handed-over").hidden = contact === null || own !== null;
    if (own !== null) {
      this.last = { agent: this.view.context.agent, contact: own.contact, service: own.service };
      this.storage.removeItem(HANDED_OVER);
    }
    const asks = state.talk?.asked_by ?? null;
    const given = contact === this.contact && this.asks !== undefined && asks !== this.asks;
    this.asks = asks;
    if (given && contact !== null) this.#load(contact);
    if (contact === this.contact) return;
    this.contact = contact;
    this.passed = false;
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

  // A contact that was handed over keeps its note open until the next one comes. A wrap-up without a contact follows it.
  #findHandedOver(state, handedOver) {
    if (state.offer !== null || state.state === "signed_out") this.storage.removeItem(HANDED_OVER);
    else if (this.last && (handedOver === this.last.contact || (state.wrapup !== null && this.contact === this.last.contact))) {
      this.storage.setItem(HANDED_OVER, JSON.stringify(this.last));
    }
    try {
      const found = JSON.parse(this.storage.getItem(HANDED_OVER));
      return found?.agent === this.view.context.agent ? found : null;
    } catch {
      return null;
    }
  }

  // The agent before may write while this one talks.
  tick() {
    if (this.contact !== null && this.passed) this.#load(this.contact);
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
    if (caller === undefined) {
      if (found.ok) await this.#loadOwn(contact);
      return;
    }
    this.passed = caller.passed !== null;
    // 1. How often the caller came, and the newest contacts.
    const times = this.root.querySelector("#note-times");
    const digits = caller.last_digits ? " " + fillWords(this.words["note.digits"], { digits: caller.last_digits }) : "";
    times.textContent = (caller.times ? fillWords(this.words["note.times"], { times: caller.times })
      : this.words["note.first"]) + digits;
    times.hidden = false;
    // What the agent before has written comes first.
    const told = [...(caller.passed ?? []).map((note) => this.#describePassed(note)),
      ...caller.earlier.map((one) => this.describeContact(one))];
    this.lines.forEach((line, index) => {
      line.hidden = told[index] === undefined;
      if (line.textContent !== (told[index] ?? "")) line.textContent = told[index] ?? "";
    });
    // 2. The own note of this contact, unless a newer draft is there.
    this.#showOwn(contact, caller.note);
  }

  // A contact that was handed over is no longer at hand, but is among the own last talks.
  async #loadOwn(contact) {
    const found = await this.api.get("/contacts");
    if (this.contact !== contact || !found.ok) return;
    this.#showOwn(contact, found.body.contacts?.find((one) => one.contact === contact)?.note ?? null);
  }

  #showOwn(contact, note) {
    if (note === null || this.#readDraft(contact) !== null) return;
    this.text.value = note.text;
    this.#chooseCode(note.code === null ? "" : `${this.#service()}/${note.code}`);
  }

  #describePassed(note) {
    const service = this.view.context.services[note.service] ?? note.service;
    const what = this.describeNote(note.service, note) || this.words["note.nothing"];
    return fillWords(this.words["note.passed"], { service, what });
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
