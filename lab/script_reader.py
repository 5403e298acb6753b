"""Reads a script as an operator writes it, whole: every mistake at once, each with its file and line.

`docs/centre/scripts.md` is the operator's page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from centres.document import Mapping, Sequence, read
from centres.model import NAME_PATTERN, NUMBER_PATTERN
from centres.problem import Problem
from centres.shape import guess
from lab.script import (
    ANONYMOUS,
    CALLED_WITHIN_S,
    WITHIN_S,
    Agent,
    Ahead,
    Announced,
    Begins,
    Between,
    Call,
    Ends,
    HangsUp,
    Hears,
    Music,
    Script,
    Talks,
)
from lab.script_steps import KEYS, Known, StepReader

HEAD = ("ad", "arar", "kimden", "hizmet", "onunde", "temsilciler", "duyuru", "adimlar")
MAX_STEPS = 200
"""A call of half an hour has about a hundred sentences."""
MAX_AGENTS = 8
MAX_AHEAD = 10
"""Each is a real call."""
BEHAVIOURS = {"cevaplar": "", "cevaplamaz": "ignore", "mesgul": "busy", "reddeder": "decline"}
"""How an agent's phone acts -> what the lab's telephone network calls it; empty: answers, after some seconds."""
LATER = "sonra"
"""Before one of them: signs in when a step says so."""


def load(path: Path, known: Known) -> tuple[Script | None, list[Problem]]:
    """A script, or everything that is wrong with it."""
    parsed = read(path, missing="Name a file that is there, or a folder of them.")
    reader = _Reader(path.name, known)
    reader.problems += parsed.problems
    if not parsed.problems and not isinstance(parsed.data, Mapping):
        reader.problem(1, "no script stands here", "Write 'ad:' and 'adimlar:' (docs/centre/scripts.md).")
    script = reader.script(path, parsed.data) if isinstance(parsed.data, Mapping) else None
    problems = sorted(reader.problems, key=lambda one: one.order)
    return (None if problems else script), problems


class _Reader(StepReader):
    """Reads one document."""

    def script(self, path: Path, data: Mapping) -> Script:
        """The whole; without worth when there are problems."""
        for key in data.keys() - set(HEAD):
            self.problem(data.lines[key], f"unknown key '{key}'", guess(key, HEAD))
        for key in ("ad", "adimlar"):
            if key not in data:
                self.problem(data.line, f"the key '{key}' is missing", "Add it.")
        services = self._services(data)
        agents = self._agents(data)
        script = Script(path, self._text(data, "ad"), self._number(data), self._caller(data), frozenset(services),
                        agents, self._ahead(data), self._announced(data), self._calls(data))
        self._needs_services(script, data)
        return script

    # -- the head ------------------------------------------------------------------------------------------------------

    def _text(self, data: Mapping, key: str) -> str:
        value = data.get(key)
        if value is None and key not in data:
            return ""
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
        self.problem(data.lines[key], f"'{key}' should be a text", "Write one line of text.")
        return ""

    def _number(self, data: Mapping) -> str:
        called, known = self._text(data, "arar"), self.known.numbers
        if called and known is not None and called not in known:
            self.problem(data.lines["arar"], f"'{called}' is no number and no entry of the centre",
                         guess(called, known))
        return called

    def _caller(self, data: Mapping) -> str:
        caller = self._text(data, "kimden")
        if caller and caller != ANONYMOUS and not re.match(NUMBER_PATTERN, caller):
            self.problem(data.lines["kimden"], f"'{caller}' is no telephone number",
                         f"Write 3 to 15 digits, such as 05001234567, or {ANONYMOUS}.")
        return caller

    def _services(self, data: Mapping) -> list[str]:
        value = data.get("hizmet")
        if value is None:
            return []
        items = list(zip(value, value.lines, strict=True)) if isinstance(value, Sequence) else \
            [(value, data.lines["hizmet"])]
        for item, line in items:
            self._service(item, line)
        return [str(item) for item, _ in items]

    def _ahead(self, data: Mapping) -> Ahead | None:
        value = data.get("onunde")
        if "onunde" not in data:
            return None
        line = data.lines["onunde"]
        if self.known.agents is None:
            self.problem(line, "'onunde' cannot be used with --to: nobody sees who waits there",
                         "Take it out, or run the script in a lab.")
        count, keys = (value.get("kac"), str(value.get("basar"))) if isinstance(value, Mapping) else (None, "")
        if not isinstance(value, Mapping) or set(value) != {"kac", "basar"} or not isinstance(count, int) \
                or not 1 <= count <= MAX_AHEAD or not KEYS.fullmatch(keys):
            self.problem(line, "'onunde' says how many wait in front and what they press",
                         f"Write for example 'onunde: {{kac: 2, basar: 1}}', at most {MAX_AHEAD}.")
            return None
        if not isinstance(data.get("hizmet"), str):
            self.problem(line, "those in front wait for one service, and it is not said which",
                         "Add 'hizmet:' with its id.")
        return Ahead(count, keys)

    def _announced(self, data: Mapping) -> Announced | None:
        if "duyuru" not in data:
            return None
        value, line = data["duyuru"], data.lines["duyuru"]
        if self.known.agents is None:
            self.problem(line, "'duyuru' cannot be used with --to: the node there is not ours",
                         "Take it out, or run the script in a lab.")
        if not isinstance(value, Mapping) or not {"soz"} <= set(value) <= {"soz", "hizmet", "kapali"} \
                or value.get("kapali", "evet") != "evet":
            self.problem(line, "'duyuru' says which sentence is announced, to whose callers, and whether it closes",
                         "Write for example 'duyuru: {soz: merkez-kapali, hizmet: gorus_oneri, kapali: evet}'.")
            return None
        key, _ = self.prompt(value["soz"], line, WITHIN_S)
        if "hizmet" in value:
            self._service(value["hizmet"], line)
        return Announced(key, str(value.get("hizmet", "")), "kapali" in value)

    def _service(self, value: Any, line: int) -> None:
        known = self.known.services
        if not isinstance(value, str) or not re.match(NAME_PATTERN, value):
            self.problem(line, f"'{value}' is no service", "Write the id of a service.")
        elif known is not None and value not in known:
            self.problem(line, f"there is no service '{value}'", guess(value, known))

    def _agents(self, data: Mapping) -> tuple[Agent, ...]:
        listed = data.get("temsilciler", Sequence(self.file, 1))
        if not isinstance(listed, Sequence) or ("temsilciler" in data and not listed):
            self.problem(data.lines["temsilciler"], "'temsilciler' should be a list",
                         "Write items such as '- psikososyal: cevaplar 2 sn'.")
            return ()
        if len(listed) > MAX_AGENTS:
            self.problem(listed.lines[MAX_AGENTS], f"more than {MAX_AGENTS} agents", "One call does not need so many.")
        if listed and self.known.agents is None:
            self.problem(listed.line, "'temsilciler' cannot be used with --to: the people there are not ours",
                         "Take it out, or run the script in a lab.")
        found = []
        for item, line in zip(listed, listed.lines, strict=True):
            if not isinstance(item, Mapping) or len(item) != 1:
                self.problem(line, "an agent is one word and how the phone acts",
                             "Write for example '- psikososyal: cevaplar 2 sn'.")
                continue
            [(who, how)] = item.items()
            if self.known.agents is not None:
                self.person(who, line)
            word, _, rest = str(how).partition(" ")
            later = word == LATER
            found.append(Agent(line, who, self._answer(rest if later else how, line), later))
        return tuple(found)

    def _answer(self, how: Any, line: int) -> str:
        word, _, rest = str(how).partition(" ")
        if word not in BEHAVIOURS or (rest and word != "cevaplar"):
            self.problem(line, f"'{how}' is nothing a phone does", f"Known: {', '.join(BEHAVIOURS)}; cevaplar 2 sn.")
            return "0"
        return BEHAVIOURS[word] or f"{self.seconds(rest, line) if rest else 0:g}"

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _calls(self, data: Mapping) -> tuple[Call, ...]:
        listed = data.get("adimlar")
        if "adimlar" in data and (not isinstance(listed, Sequence) or not listed):
            self.problem(data.lines["adimlar"], "'adimlar' should be a list with at least one step",
                         "Write steps such as '- duyar: karsilama'.")
        if not isinstance(listed, Sequence):
            return ()
        calls, between, steps = [Call(0, ())], list[Between](), 0
        for item, line in zip(listed, listed.lines, strict=True):
            over = bool(calls[-1].steps) and isinstance(calls[-1].steps[-1], HangsUp | Ends)
            again = self._again(item, line)
            if again is not None:
                if not over:
                    self.problem(line, "another call before the end of this one", "Write kapatir or kapanir before it.")
                calls.append(again._replace(before=tuple(between)))
                between.clear()
                continue
            found = self.step(item, line)
            steps += len(found)
            if steps > MAX_STEPS:
                self.problem(line, f"more than {MAX_STEPS} steps", "Write several scripts.")
                break
            if not over:
                calls[-1] = calls[-1]._replace(steps=(*calls[-1].steps, *found))
                continue
            between += [step for step in found if isinstance(step, Between)]
            if any(not isinstance(step, Between) for step in found):
                self.problem(line, "a step after the end of the call", "Take it out, or begin a call: arar, aranir.")
        if between:
            self.problem(between[0].line, "a step after the end of the call",
                         "Take it out, or begin a call: arar, aranir.")
        return tuple(calls)

    def _again(self, item: Any, line: int) -> Call | None:
        """The beginning of another call; None: an ordinary step."""
        word, value = next(iter(item.items())) if isinstance(item, Mapping) and len(item) == 1 else (item, None)
        if word == "arar":
            if value is not None:
                self.problem(line, "'arar' has nothing behind it", "Write '- arar': the same number is called again.")
            return Call(line, ())
        if word != "aranir":
            return None
        if self.known.agents is None:
            self.problem(line, "'aranir' cannot be used with --to: the caller's number is not ours",
                         "Take it out, or run the script in a lab.")
        return Call(line, (), CALLED_WITHIN_S if value is None else self.seconds(value, line))

    # -- what one script would do to another ---------------------------------------------------------------------------

    def _needs_services(self, script: Script, data: Mapping) -> None:
        """Scripts run side by side: one that waits says where, so that no other stands in the same line."""
        if script.services or script.agents or self.known.agents is None:
            return
        waits = next((step for step in script.steps if isinstance(step, Music | Talks)
                      or (isinstance(step, Hears | Begins) and step.key in self.known.waiting)), None)
        if waits is not None:
            self.problem(waits.line, "the caller waits here, and nothing says for which service",
                         "Add 'hizmet:' with the id of the service.")
