"""Reads a script as an operator writes it, whole: every mistake at once, each with its file and line.

`docs/scripts.md` is the operator's page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

from centres.document import Mapping, Sequence, read
from centres.model import NAME_PATTERN, NUMBER_PATTERN
from centres.problem import Problem
from centres.shape import guess
from lab.script import (
    ANONYMOUS,
    CALLED_WITHIN_S,
    TALK_WITHIN_S,
    WITHIN_S,
    Acts,
    Agent,
    Ahead,
    Announced,
    Begins,
    Between,
    Call,
    Comes,
    Ends,
    HangsUp,
    Hears,
    HearsNot,
    Leaves,
    Music,
    Node,
    Presses,
    Says,
    Script,
    Step,
    Talks,
    Waits,
)

MAX_STEPS = 200
"""A call of half an hour has about a hundred sentences."""
MAX_AGENTS = 8
MAX_AHEAD = 10
"""Each is a real call."""
MAX_S = 900.0
"""The longest time that may be written: nobody tests a wait of more than a quarter of an hour."""
BEHAVIOURS = {"cevaplar": "", "cevaplamaz": "ignore", "mesgul": "busy", "reddeder": "decline"}
"""How an agent's phone acts -> what the lab's telephone network calls it; empty: answers, after some seconds."""
LATER = "sonra"
"""Before one of them: signs in when a step says so."""
NODE = ("durur", "kalkar")
ACTS = ("kapatir", "basar")
"""What an agent in a talk does: hangs up; presses keys."""

_TIME = re.compile(r"(\d+(?:\.\d+)?) ?(sn|dk)")
_KEYS = re.compile(r"[0-9*#]+")


class Known(NamedTuple):
    """The words that a script may use."""

    prompts: Collection[str]
    services: Collection[str] | None
    """None: nobody knows (another centre at the end of a trunk); then none is refused."""
    agents: Collection[str] | None
    numbers: Collection[str] | None
    """Called numbers, and entries of the menu."""
    waiting: Collection[str]
    """Prompts that only a waiting caller hears."""


def load(path: Path, known: Known) -> tuple[Script | None, list[Problem]]:
    """A script, or everything that is wrong with it."""
    parsed = read(path, missing="Name a file that is there, or a folder of them.")
    reader = _Reader(path.name, known)
    reader.problems += parsed.problems
    if not parsed.problems and not isinstance(parsed.data, Mapping):
        reader.problem(1, "no script stands here", "Write 'ad:' and 'adimlar:' (docs/scripts.md).")
    script = reader.script(path, parsed.data) if isinstance(parsed.data, Mapping) else None
    problems = sorted(reader.problems, key=lambda one: one.order)
    return (None if problems else script), problems


class _Reader:
    """Reads one document and gathers what is wrong."""

    def __init__(self, file: str, known: Known) -> None:
        self._file, self._known = file, known
        self.problems: list[Problem] = []

    def problem(self, line: int, what: str, mend: str) -> None:
        """Note what is wrong."""
        self.problems.append(Problem(f"{self._file}:{line}", what, mend))

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
        called, known = self._text(data, "arar"), self._known.numbers
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
        if self._known.agents is None:
            self.problem(line, "'onunde' cannot be used with --to: nobody sees who waits there",
                         "Take it out, or run the script in a lab.")
        count, keys = (value.get("kac"), str(value.get("basar"))) if isinstance(value, Mapping) else (None, "")
        if not isinstance(value, Mapping) or set(value) != {"kac", "basar"} or not isinstance(count, int) \
                or not 1 <= count <= MAX_AHEAD or not _KEYS.fullmatch(keys):
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
        if self._known.agents is None:
            self.problem(line, "'duyuru' cannot be used with --to: the node there is not ours",
                         "Take it out, or run the script in a lab.")
        if not isinstance(value, Mapping) or not {"soz"} <= set(value) <= {"soz", "hizmet", "kapali"} \
                or value.get("kapali", "evet") != "evet":
            self.problem(line, "'duyuru' says which sentence is announced, to whose callers, and whether it closes",
                         "Write for example 'duyuru: {soz: merkez-kapali, hizmet: gorus_oneri, kapali: evet}'.")
            return None
        key, _ = self._prompt(value["soz"], line, WITHIN_S)
        if "hizmet" in value:
            self._service(value["hizmet"], line)
        return Announced(key, str(value.get("hizmet", "")), "kapali" in value)

    def _service(self, value: Any, line: int) -> None:
        known = self._known.services
        if not isinstance(value, str) or not re.match(NAME_PATTERN, value):
            self.problem(line, f"'{value}' is no service", "Write the id of a service.")
        elif known is not None and value not in known:
            self.problem(line, f"there is no service '{value}'", guess(value, known))

    def _agents(self, data: Mapping) -> tuple[Agent, ...]:
        listed = data.get("temsilciler", Sequence(self._file, 1))
        if not isinstance(listed, Sequence) or ("temsilciler" in data and not listed):
            self.problem(data.lines["temsilciler"], "'temsilciler' should be a list",
                         "Write items such as '- psikososyal: cevaplar 2 sn'.")
            return ()
        if len(listed) > MAX_AGENTS:
            self.problem(listed.lines[MAX_AGENTS], f"more than {MAX_AGENTS} agents", "One call does not need so many.")
        if listed and self._known.agents is None:
            self.problem(listed.line, "'temsilciler' cannot be used with --to: the people there are not ours",
                         "Take it out, or run the script in a lab.")
        found = []
        for item, line in zip(listed, listed.lines, strict=True):
            if not isinstance(item, Mapping) or len(item) != 1:
                self.problem(line, "an agent is one word and how the phone acts",
                             "Write for example '- psikososyal: cevaplar 2 sn'.")
                continue
            [(who, how)] = item.items()
            if self._known.agents is not None:
                self._person(who, line)
            word, _, rest = str(how).partition(" ")
            later = word == LATER
            found.append(Agent(line, who, self._answer(rest if later else how, line), later))
        return tuple(found)

    def _person(self, who: str, line: int) -> None:
        # At somebody else's trunk nobody is known, and nothing is refused.
        people = [*(self._known.services or ()), *(self._known.agents or ())]
        if people and who not in people:
            self.problem(line, f"'{who}' is no service and no agent", guess(who, self._known.services or people))

    def _answer(self, how: Any, line: int) -> str:
        word, _, rest = str(how).partition(" ")
        if word not in BEHAVIOURS or (rest and word != "cevaplar"):
            self.problem(line, f"'{how}' is nothing a phone does", f"Known: {', '.join(BEHAVIOURS)}; cevaplar 2 sn.")
            return "0"
        return BEHAVIOURS[word] or f"{self._seconds(rest, line) if rest else 0:g}"

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
            found = self._step(item, line)
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
        if self._known.agents is None:
            self.problem(line, "'aranir' cannot be used with --to: the caller's number is not ours",
                         "Take it out, or run the script in a lab.")
        return Call(line, (), CALLED_WITHIN_S if value is None else self._seconds(value, line))

    def _step(self, item: Any, line: int) -> list[Step]:
        if isinstance(item, str):
            word, value, lines = item, None, [line]
        elif isinstance(item, Mapping) and len(item) == 1:
            [(word, value)] = item.items()
            lines = value.lines if isinstance(value, Sequence) else [item.lines[word]]
        else:
            self.problem(line, "a step is one word and what belongs to it", "Write for example '- duyar: karsilama'.")
            return []
        make = STEPS.get(word)
        if make is None:
            self.problem(line, f"unknown step '{word}'", guess(word, STEPS))
            return []
        several = value if isinstance(value, Sequence) and word == "duyar" else [value]
        found = [make(self, one, at) for one, at in zip(several, lines, strict=False)]
        return [step for step in found if step is not None]

    def _prompt(self, value: Any, line: int, default: float) -> tuple[str, float]:
        key, time = self._with_time(value, line, default)
        if not key:
            self.problem(line, "no sentence is named", "Write the key of a prompt, such as karsilama.")
        elif key not in self._known.prompts:
            self.problem(line, f"there is no prompt '{key}'", _near(key, self._known.prompts))
        return key, time

    def _with_time(self, value: Any, line: int, default: float) -> tuple[str, float]:
        """`karsilama, 10 sn` as word and seconds."""
        word, comma, time = ("" if value is None else str(value)).partition(",")
        return word.strip(), self._seconds(time, line) if comma else default

    def _seconds(self, value: Any, line: int) -> float:
        match = _TIME.fullmatch(str(value).strip())
        if match is None:
            self.problem(line, f"'{str(value or '').strip()}' is no time", "Write for example 5 sn, 1.5 sn or 2 dk.")
            return 1.0
        seconds = float(match[1]) * (60.0 if match[2] == "dk" else 1.0)
        if not 0 < seconds <= MAX_S:
            self.problem(line, f"'{value}' is too short or too long", f"Write more than 0 and at most {MAX_S:g} sn.")
        return seconds

    def _hears(self, value: Any, line: int) -> Step:
        return Hears(line, *self._prompt(value, line, WITHIN_S))

    def _begins(self, value: Any, line: int) -> Step:
        return Begins(line, *self._prompt(value, line, WITHIN_S))

    def _hears_not(self, value: Any, line: int) -> Step:
        if "," not in str(value):
            self.problem(line, "'duymaz' needs a time", "Write for example '- duymaz: sira-2, 10 sn'.")
        return HearsNot(line, *self._prompt(value, line, WITHIN_S))

    def _presses(self, value: Any, line: int) -> Step:
        keys = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not _KEYS.fullmatch(keys):
            self.problem(line, f"'{value}' are no keys", "Write digits, \"*\" or \"#\" (these two in quotes).")
        return Presses(line, keys)

    def _waits(self, value: Any, line: int) -> Step:
        return Waits(line, self._seconds(value, line))

    def _says(self, value: Any, line: int) -> Step:
        return Says(line, self._seconds(value, line))

    def _music(self, value: Any, line: int) -> Step:
        first, comma, rest = str(value).partition(",")
        return Music(line, self._seconds(first, line), self._seconds(rest, line) if comma else WITHIN_S)

    def _talks(self, value: Any, line: int) -> Step:
        who, within = self._with_time(value, line, TALK_WITHIN_S)
        self._person(who, line)
        return Talks(line, who, within)

    def _acts(self, value: Any, line: int) -> Step:
        if value == "gelir":
            return Comes(line)
        what, _, rest = str(value).partition(" ")
        if what not in ACTS or (_KEYS.fullmatch(rest.strip()) is None if what == "basar" else bool(rest)):
            self.problem(line, f"'{value}' is nothing an agent does", "Known: gelir; kapatir; basar and keys.")
        return Acts(line, what, rest.strip())

    def _leaves(self, value: Any, line: int) -> Step:
        if value != "kapatir":
            self.problem(line, f"'{value}' is nothing that who waits in front does", "Known: kapatir.")
        return Leaves(line)

    def _node(self, value: Any, line: int) -> Step:
        if value not in NODE:
            self.problem(line, f"'{value}' is nothing that happens to a node", "Known: durur, kalkar.")
        if self._known.agents is None:
            self.problem(line, "'dugum' cannot be used with --to: the node there is not ours",
                         "Take it out, or run the script in a lab.")
        return Node(line, value == NODE[1])

    def _hangs_up(self, value: Any, line: int) -> Step:
        if value is not None:
            self.problem(line, "'kapatir' has nothing behind it", "Write '- kapatir'.")
        return HangsUp(line)

    def _ends(self, value: Any, line: int) -> Step:
        return Ends(line, WITHIN_S if value is None else self._seconds(value, line))

    # -- what one script would do to another ---------------------------------------------------------------------------

    def _needs_services(self, script: Script, data: Mapping) -> None:
        """Scripts run side by side: one that waits says where, so that no other stands in the same line."""
        if script.services or script.agents or self._known.agents is None:
            return
        waits = next((step for step in script.steps if isinstance(step, Music | Talks)
                      or (isinstance(step, Hears | Begins) and step.key in self._known.waiting)), None)
        if waits is not None:
            self.problem(waits.line, "the caller waits here, and nothing says for which service",
                         "Add 'hizmet:' with the id of the service.")


def _near(key: str, prompts: Collection[str]) -> str:
    """The nearest key; there are too many to name all."""
    mend = guess(key, prompts)
    return mend if mend.startswith("Did") else "See them all: santral prompts list."


HEAD = ("ad", "arar", "kimden", "hizmet", "onunde", "temsilciler", "duyuru", "adimlar")
STEPS: dict[str, Callable[[_Reader, Any, int], Step]] = {
    "duyar": _Reader._hears, "baslar": _Reader._begins, "duymaz": _Reader._hears_not, "basar": _Reader._presses,
    "bekler": _Reader._waits, "soyler": _Reader._says, "muzik": _Reader._music, "konusur": _Reader._talks,
    "temsilci": _Reader._acts, "onundeki": _Reader._leaves, "dugum": _Reader._node,
    "kapatir": _Reader._hangs_up, "kapanir": _Reader._ends}
