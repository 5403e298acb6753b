// The agent's own day, last talks and callbacks. The lines of the lists are there from the beginning and get texts.

import { fillWords } from "./state_view.js";

export class OwnLists {
  // now: time of the node. describe: writes code and note of a talk, or "".
  constructor(root, api, view, { now, describe }) {
    Object.assign(this, { root, api, view, now, describe });
    this.words = view.words;
    for (const name of ["contacts", "callbacks"]) {
      this.#part(name).addEventListener("toggle", () => this.#loadOpen(name));
    }
  }

  // Brings everything up to date that is seen.
  async load() {
    const lists = ["contacts", "callbacks"].map((name) => this.#loadOpen(name));
    await Promise.all([this.#loadDay(), ...lists]);
  }

  async #loadDay() {
    const found = await this.api.get("/day");
    if (!found.ok) return;
    const day = found.body;
    const rested = day.breaks.reduce((sum, one) => sum + (one.ends ?? this.now()) - one.begins, 0);
    const write = (name, text) => {
      this.root.querySelector("#day-" + name).textContent = text;
    };
    write("calls", String(day.calls));
    write("talk", this.view.writeLength(day.talk_s));
    write("wrapup", this.view.writeLength(day.wrapup_s));
    write("breaks", this.view.writeLength(rested));
    write("kept", String(day.breaks_kept));
    this.root.querySelector("#day").hidden = false;
  }

  #part(name) {
    return this.root.querySelector("#own-" + name);
  }

  async #loadOpen(name) {
    const part = this.#part(name);
    if (!part.open) return;
    const found = await this.api.get("/" + name);
    const some = found.ok ? found.body[name] : [];
    const lines = [...part.querySelectorAll("li")];
    lines.forEach((line, index) => {
      const one = some[index];
      line.hidden = one === undefined;
      line.textContent = one === undefined ? "" : name === "contacts" ? this.#describeTalk(one) : this.#describeCallback(one);
    });
    // An empty list says so in words, and so does one that could not be loaded or is longer than its lines.
    const note = part.querySelector("p");
    const left = some.length - lines.length;
    note.textContent = !found.ok ? this.words["lists.failed"] : !some.length ? this.words[name + ".none"]
      : left > 0 ? fillWords(this.words["lists.more"], { more: left }) : "";
    note.hidden = !note.textContent;
  }

  #describeTalk(one) {
    const length = one.talk_s === null ? this.words["contacts.goes_on"] : this.view.writeLength(one.talk_s);
    const what = (one.note === null ? "" : this.describe(one.service, one.note)) || this.words["note.nothing"];
    return fillWords(this.words["contacts.one"], {
      moment: `${this.view.writeDay(one.at)} ${this.view.writeTime(one.at)}`, service: this.#nameService(one), length, what,
    });
  }

  #describeCallback(one) {
    const service = this.#nameService(one);
    if (one.mine) return fillWords(this.words["callbacks.mine"], { service });
    const text = fillWords(this.words["callbacks.one"], {
      service, since: this.#writeMoment(one.since), next: this.#writeMoment(Math.max(one.next_at, this.now())),
    });
    return one.tries ? `${text} ${fillWords(this.words["callbacks.tries"], { tries: one.tries })}` : text;
  }

  #nameService(one) {
    return this.view.context.services[one.service] ?? one.service;
  }

  // The time, and the day unless it is today.
  #writeMoment(at) {
    const day = this.view.writeDay(at);
    return (day === this.view.writeDay(this.now()) ? "" : day + " ") + this.view.writeTime(at);
  }
}
