// Colleagues whom the agent may ask: the options are there from the beginning, and say who is free.

import { fillWords } from "./state_view.js";

export class Colleagues {
  constructor(select, api, context) {
    Object.assign(this, { select, api, context });
    select.addEventListener("focus", () => this.load());
  }

  async load() {
    const found = await this.api.get("/colleagues");
    if (!found.ok) return;
    const present = Object.fromEntries(found.body.colleagues.map((one) => [one.id, one]));
    for (const option of [...this.select.options].slice(1)) {
      const one = present[option.value];
      // Only signed-in colleagues can be asked. The chosen one stays, so that the choice does not change by itself.
      const away = one === undefined && option.value !== this.select.value;
      // Each change is an event for a screen reader, and a team has 180 of these.
      if (option.hidden !== away) option.hidden = option.disabled = away;
      const word = this.context.words[one?.free ? "consult.free" : "consult.not_free"];
      const text = fillWords(word, { who: one?.name ?? this.context.names[option.value] ?? option.value });
      if (option.textContent !== text) option.textContent = text;
    }
  }
}
