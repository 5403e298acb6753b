"""A reader for an operator's script. It reports all mistakes at once, each with its file and line.

`docs/centre/scripts.md` is the operator's page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from centres.base_shapes import NAME_PATTERN, NUMBER_PATTERN
from centres.document_reader import Mapping, Sequence, read_document
from centres.problem import Problem
from centres.validation import suggest_word
from lab.script.model import (
    ANONYMOUS,
    CALLED_WITHIN_S,
    WITHIN_S,
    Announcement,
    Begins,
    Between,
    CallersAhead,
    CallScript,
    Ends,
    HangsUp,
    Hears,
    Music,
    ScriptAgent,
    ScriptCall,
    Talks,
)
from lab.script.steps import KEYS, ScriptVocabulary, StepReader

HEAD = ("ad", "arar", "kimden", "hizmet", "onunde", "temsilciler", "duyuru", "adimlar")
MAX_STEPS = 200
"""Most steps of a script. A call of half an hour has about a hundred sentences."""
MAX_AGENTS = 8
MAX_AHEAD = 10
"""Most callers in front. Each is a real call."""
BEHAVIOURS = {"cevaplar": "", "cevaplamaz": "ignore", "mesgul": "busy", "reddeder": "decline"}
"""Word for a phone's behaviour -> value for the lab's telephone network. An empty value answers after some seconds."""
LATER = "sonra"
"""Word before a behaviour for an agent who signs in when a step says so."""


def load_script(path: Path, known: ScriptVocabulary) -> tuple[CallScript | None, list[Problem]]:
    """Load a script. Return None and the problems if it has mistakes."""
    parsed = read_document(path, missing="Name a file that is there, or a folder of them.")
    reader = _Reader(path.name, known)
    reader.problems += parsed.problems
    if not parsed.problems and not isinstance(parsed.data, Mapping):
        reader.add_problem(1, "there is no script in this file", "Write 'ad:' and 'adimlar:' (docs/centre/scripts.md).")
    script = reader.read_script(path, parsed.data) if isinstance(parsed.data, Mapping) else None
    # The problems come in the order of the file, whatever order the reader took.
    problems = sorted(reader.problems, key=lambda one: one.order)
    return (None if problems else script), problems


class _Reader(StepReader):
    """Reader of one document."""

    def read_script(self, path: Path, data: Mapping) -> CallScript:
        """Read the whole script. The result is only valid if there are no problems."""
        for key in data.keys() - set(HEAD):
            self.add_problem(data.lines[key], f"unknown key '{key}'", suggest_word(key, HEAD))
        for key in ("ad", "adimlar"):
            if key not in data:
                self.add_problem(data.line, f"the key '{key}' is missing", "Add it.")
        services = self._read_services(data)
        agents = self._read_agents(data)
        script = CallScript(path, self._read_text(data, "ad"), self._read_number(data), self._read_caller(data),
                            frozenset(services), agents, self._read_callers_ahead(data),
                            self._read_announcement(data), self._read_calls(data))
        self._require_services(script, data)
        return script

    # -- the head ------------------------------------------------------------------------------------------------------

    def _read_text(self, data: Mapping, key: str) -> str:
        value = data.get(key)
        if value is None and key not in data:
            return ""
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
        self.add_problem(data.lines[key], f"'{key}' should be a text", "Write one line of text.")
        return ""

    def _read_number(self, data: Mapping) -> str:
        called, known = self._read_text(data, "arar"), self.vocabulary.numbers
        if called and known is not None and called not in known:
            self.add_problem(data.lines["arar"], f"'{called}' is no number and no entry of the centre",
                             suggest_word(called, known))
        return called

    def _read_caller(self, data: Mapping) -> str:
        caller = self._read_text(data, "kimden")
        if caller and caller != ANONYMOUS and not re.match(NUMBER_PATTERN, caller):
            self.add_problem(data.lines["kimden"], f"'{caller}' is no telephone number",
                             f"Write 3 to 15 digits, such as 05001234567, or {ANONYMOUS}.")
        return caller

    def _read_services(self, data: Mapping) -> list[str]:
        value = data.get("hizmet")
        if value is None:
            return []
        items = list(zip(value, value.lines, strict=True)) if isinstance(value, Sequence) else \
            [(value, data.lines["hizmet"])]
        for item, line in items:
            self._check_service(item, line)
        return [str(item) for item, _ in items]

    def _read_callers_ahead(self, data: Mapping) -> CallersAhead | None:
        value = data.get("onunde")
        if "onunde" not in data:
            return None
        line = data.lines["onunde"]
        if self.vocabulary.agents is None:
            self.add_problem(line, "'onunde' cannot be used with --to: nobody sees who waits there",
                             "Take it out, or run the script in a lab.")
        # The shape is checked in one go: a half-written entry gets one message with an example.
        count, keys = (value.get("kac"), str(value.get("basar"))) if isinstance(value, Mapping) else (None, "")
        if not isinstance(value, Mapping) or set(value) != {"kac", "basar"} or not isinstance(count, int) \
                or not 1 <= count <= MAX_AHEAD or not KEYS.fullmatch(keys):
            self.add_problem(line, "'onunde' says how many wait in front and what they press",
                             f"Write for example 'onunde: {{kac: 2, basar: 1}}', at most {MAX_AHEAD}.")
            return None
        # One service is needed, because the callers in front press the keys of one queue.
        if not isinstance(data.get("hizmet"), str):
            self.add_problem(line, "those in front wait for one service, and it is not said which",
                             "Add 'hizmet:' with its id.")
        return CallersAhead(count, keys)

    def _read_announcement(self, data: Mapping) -> Announcement | None:
        if "duyuru" not in data:
            return None
        value, line = data["duyuru"], data.lines["duyuru"]
        if self.vocabulary.agents is None:
            self.add_problem(line, "'duyuru' cannot be used with --to: the node there is not part of the lab",
                             "Take it out, or run the script in a lab.")
        if not isinstance(value, Mapping) or not {"soz"} <= set(value) <= {"soz", "hizmet", "kapali"} \
                or value.get("kapali", "evet") != "evet":
            self.add_problem(line, "'duyuru' says which sentence is announced, to whose callers, and whether it closes",
                             "Write for example 'duyuru: {soz: merkez-kapali, hizmet: gorus_oneri, kapali: evet}'.")
            return None
        key, _ = self.read_prompt(value["soz"], line, WITHIN_S)
        if "hizmet" in value:
            self._check_service(value["hizmet"], line)
        return Announcement(key, str(value.get("hizmet", "")), "kapali" in value)

    def _check_service(self, value: Any, line: int) -> None:
        known = self.vocabulary.services
        if not isinstance(value, str) or not re.match(NAME_PATTERN, value):
            self.add_problem(line, f"'{value}' is no service", "Write the id of a service.")
        elif known is not None and value not in known:
            self.add_problem(line, f"there is no service '{value}'", suggest_word(value, known))

    def _read_agents(self, data: Mapping) -> tuple[ScriptAgent, ...]:
        # 1. Check the list.
        listed = data.get("temsilciler", Sequence(self.file, 1))
        if not isinstance(listed, Sequence) or ("temsilciler" in data and not listed):
            self.add_problem(data.lines["temsilciler"], "'temsilciler' should be a list",
                             "Write items such as '- psikososyal: cevaplar 2 sn'.")
            return ()
        if len(listed) > MAX_AGENTS:
            self.add_problem(listed.lines[MAX_AGENTS], f"more than {MAX_AGENTS} agents",
                             "One call does not need that many.")
        if listed and self.vocabulary.agents is None:
            self.add_problem(listed.line, "'temsilciler' cannot be used with --to: the people there are not part of "
                                          "the lab",
                             "Take it out, or run the script in a lab.")
        # 2. Read each agent with the way the phone acts.
        found = []
        for item, line in zip(listed, listed.lines, strict=True):
            if not isinstance(item, Mapping) or len(item) != 1:
                self.add_problem(line, "an agent is one word and how the phone acts",
                                 "Write for example '- psikososyal: cevaplar 2 sn'.")
                continue
            [(who, how)] = item.items()
            if self.vocabulary.agents is not None:
                self.check_person(who, line)
            word, _, rest = str(how).partition(" ")
            later = word == LATER
            found.append(ScriptAgent(line, who, self._read_answer(rest if later else how, line), later))
        return tuple(found)

    def _read_answer(self, how: Any, line: int) -> str:
        word, _, rest = str(how).partition(" ")
        if word not in BEHAVIOURS or (rest and word != "cevaplar"):
            self.add_problem(line, f"'{how}' is nothing a phone does",
                             f"Known: {', '.join(BEHAVIOURS)}; cevaplar 2 sn.")
            return "0"
        return BEHAVIOURS[word] or f"{self.read_seconds(rest, line) if rest else 0:g}"

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _read_calls(self, data: Mapping) -> tuple[ScriptCall, ...]:
        # 1. Check the list.
        listed = data.get("adimlar")
        if "adimlar" in data and (not isinstance(listed, Sequence) or not listed):
            self.add_problem(data.lines["adimlar"], "'adimlar' should be a list with at least one step",
                             "Write steps such as '- duyar: karsilama'.")
        if not isinstance(listed, Sequence):
            return ()
        # 2. Sort the steps: into the current call, between two calls, or at the beginning of a new call.
        calls, between, steps = [ScriptCall(0, ())], list[Between](), 0
        for item, line in zip(listed, listed.lines, strict=True):
            over = bool(calls[-1].steps) and isinstance(calls[-1].steps[-1], HangsUp | Ends)
            again = self._read_next_call(item, line)
            if again is not None:
                if not over:
                    self.add_problem(line, "another call before the end of this one",
                                     "Write kapatir or kapanir before it.")
                calls.append(again._replace(before=tuple(between)))
                between.clear()
                continue
            found = self.read_step(item, line)
            steps += len(found)
            if steps > MAX_STEPS:
                self.add_problem(line, f"more than {MAX_STEPS} steps", "Write several scripts.")
                break
            if not over:
                calls[-1] = calls[-1]._replace(steps=(*calls[-1].steps, *found))
                continue
            between += [step for step in found if isinstance(step, Between)]
            if any(not isinstance(step, Between) for step in found):
                self.add_problem(line, "a step after the end of the call",
                                 "Take it out, or begin a call: arar, aranir.")
        # 3. Steps between calls need a call after them.
        if between:
            self.add_problem(between[0].line, "a step after the end of the call",
                             "Take it out, or begin a call: arar, aranir.")
        return tuple(calls)

    def _read_next_call(self, item: Any, line: int) -> ScriptCall | None:
        """Return the call that a step begins, or None for an ordinary step."""
        word, value = next(iter(item.items())) if isinstance(item, Mapping) and len(item) == 1 else (item, None)
        if word == "arar":
            if value is not None:
                self.add_problem(line, "'arar' has nothing behind it",
                                 "Write '- arar': the same number is called again.")
            return ScriptCall(line, ())
        if word != "aranir":
            return None
        if self.vocabulary.agents is None:
            self.add_problem(line, "'aranir' cannot be used with --to: the caller's number is not part of the lab",
                             "Take it out, or run the script in a lab.")
        return ScriptCall(line, (), CALLED_WITHIN_S if value is None else self.read_seconds(value, line))

    # -- what one script would do to another ---------------------------------------------------------------------------

    def _require_services(self, script: CallScript, data: Mapping) -> None:
        """Report a script that waits without a service.

        Scripts run at the same time, so a script that waits must name its queue. No other script then waits there.
        """
        if script.services or script.agents or self.vocabulary.agents is None:
            return
        waits = next((step for step in script.steps if isinstance(step, Music | Talks)
                      or (isinstance(step, Hears | Begins) and step.key in self.vocabulary.waiting)), None)
        if waits is not None:
            self.add_problem(waits.line, "the caller waits here, and nothing says for which service",
                             "Add 'hizmet:' with the id of the service.")
