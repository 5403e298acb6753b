// Code and note of the contact at hand, and what is known of earlier contacts of the caller.

import { fillWords } from "./state_view.js";

const DRAFTS = "santral-note "; // a note half written survives a reload; it is forgotten at sign-out and with the tab

export class NotePanel {
  // say: announces a text. act: asks the node and says what it refused.
  constructor(root, api, view, storage, { act, say }) {
    Object.assign(this, { root, api, view, storage, act, say });
    this.words = view.words;
    this.contact = null;
    this.drafts = `${DRAFTS}${view.context.agent} `;
    this.#forgetDrafts((key) => !key.startsWith(this.drafts)); // of an agent who had this tab before
    this.text = root.querySelector("#note-text");
    this.code = root.querySelector("#note-code");
    this.lines = [...root.querySelectorAll("[data-earlier]")];
    this.text.addEventListener("input", () => storage.setItem(this.drafts + this.contact, this.text.value));
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
    this.text.value = contact === null ? "" : this.storage.getItem(this.drafts + contact) ?? "";
    this.code.value = "";
    for (const option of [...this.code.options].slice(1)) {
      option.hidden = option.disabled = option.dataset.service !== at?.service;
    }
    for (const line of [this.root.querySelector("#note-times"), ...this.lines]) line.hidden = true;
    if (contact !== null) this.#load(contact);
  }

  async #load(contact) {
    const found = await this.api.get("/caller");
    const caller = found.ok ? found.body.callers?.find((one) => one.contact === contact) : undefined;
    if (caller === undefined || this.contact !== contact) return;
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
    if (caller.note !== null) {
      if (!this.text.value) this.text.value = caller.note.text;
      this.code.value = caller.note.code === null ? "" : `${this.#service(contact)}/${caller.note.code}`;
    }
  }

  #service() {
    return [...this.code.options].find((one) => one.dataset.service && !one.disabled)?.dataset.service ?? "";
  }

  describeContact(one) {
    const service = this.view.context.services[one.service] ?? one.service;
    const notes = one.notes.map((note) => [this.#nameCode(one.service, note.code), note.text].filter(Boolean).join(", "));
    return fillWords(this.words["note.earlier"], {
      day: this.view.writeDay(one.at), service, what: notes.filter(Boolean).join("; ") || this.words["note.nothing"],
    });
  }

  #nameCode(service, code) {
    const option = [...this.code.options].find((one) => one.value === `${service}/${code}`);
    return option?.textContent.trim() ?? code ?? "";
  }

  async save() {
    const contact = this.contact;
    const code = this.code.value ? this.code.value.split("/")[1] : null;
    if (contact === null || !(await this.act("/note", { contact, code, text: this.text.value }))) return;
    this.storage.removeItem(this.drafts + contact);
    this.say(this.words["note.saved"]);
  }
}
