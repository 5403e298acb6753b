"""The steps of a script, one by one: what a caller does and must hear, as an operator writes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from centres.document import Mapping, Sequence
from centres.problem import Problem
from centres.shape import guess
from lab.script import (
    TALK_WITHIN_S,
    WITHIN_S,
    Acts,
    Begins,
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
    Step,
    Talks,
    Waits,
)

MAX_S = 900.0
"""The longest time that may be written: nobody tests a wait of more than a quarter of an hour."""
NODE = ("durur", "kalkar")
ACTS = ("kapatir", "basar")
"""What an agent in a talk does: hangs up; presses keys."""

_TIME = re.compile(r"(\d+(?:\.\d+)?) ?(sn|dk)")
KEYS = re.compile(r"[0-9*#]+")


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


class StepReader:
    """Reads steps and gathers what is wrong in `file`."""

    def __init__(self, file: str, known: Known) -> None:
        self.file, self.known = file, known
        self.problems: list[Problem] = []

    def problem(self, line: int, what: str, mend: str) -> None:
        """Note what is wrong."""
        self.problems.append(Problem(f"{self.file}:{line}", what, mend))

    def person(self, who: str, line: int) -> None:
        """Notes somebody whom the centre does not have, by service or name."""
        # At somebody else's trunk nobody is known, and nothing is refused.
        people = [*(self.known.services or ()), *(self.known.agents or ())]
        if people and who not in people:
            self.problem(line, f"'{who}' is no service and no agent", guess(who, self.known.services or people))

    def step(self, item: Any, line: int) -> list[Step]:
        """One line of the list; several sentences are several steps. Empty: it was wrong."""
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

    def prompt(self, value: Any, line: int, default: float) -> tuple[str, float]:
        """A sentence and within how many seconds."""
        key, time = self._with_time(value, line, default)
        if not key:
            self.problem(line, "no sentence is named", "Write the key of a prompt, such as karsilama.")
        elif key not in self.known.prompts:
            self.problem(line, f"there is no prompt '{key}'", _near(key, self.known.prompts))
        return key, time

    def _with_time(self, value: Any, line: int, default: float) -> tuple[str, float]:
        """`karsilama, 10 sn` as word and seconds."""
        word, comma, time = ("" if value is None else str(value)).partition(",")
        return word.strip(), self.seconds(time, line) if comma else default

    def seconds(self, value: Any, line: int) -> float:
        """`5 sn` or `2 dk`, in seconds."""
        match = _TIME.fullmatch(str(value).strip())
        if match is None:
            self.problem(line, f"'{str(value or '').strip()}' is no time", "Write for example 5 sn, 1.5 sn or 2 dk.")
            return 1.0
        seconds = float(match[1]) * (60.0 if match[2] == "dk" else 1.0)
        if not 0 < seconds <= MAX_S:
            self.problem(line, f"'{value}' is too short or too long", f"Write more than 0 and at most {MAX_S:g} sn.")
        return seconds

    def _hears(self, value: Any, line: int) -> Step:
        return Hears(line, *self.prompt(value, line, WITHIN_S))

    def _begins(self, value: Any, line: int) -> Step:
        return Begins(line, *self.prompt(value, line, WITHIN_S))

    def _hears_not(self, value: Any, line: int) -> Step:
        if "," not in str(value):
            self.problem(line, "'duymaz' needs a time", "Write for example '- duymaz: sira-2, 10 sn'.")
        return HearsNot(line, *self.prompt(value, line, WITHIN_S))

    def _presses(self, value: Any, line: int) -> Step:
        keys = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not KEYS.fullmatch(keys):
            self.problem(line, f"'{value}' are no keys", "Write digits, \"*\" or \"#\" (these two in quotes).")
        return Presses(line, keys)

    def _waits(self, value: Any, line: int) -> Step:
        return Waits(line, self.seconds(value, line))

    def _says(self, value: Any, line: int) -> Step:
        return Says(line, self.seconds(value, line))

    def _music(self, value: Any, line: int) -> Step:
        first, comma, rest = str(value).partition(",")
        return Music(line, self.seconds(first, line), self.seconds(rest, line) if comma else WITHIN_S)

    def _talks(self, value: Any, line: int) -> Step:
        who, within = self._with_time(value, line, TALK_WITHIN_S)
        self.person(who, line)
        return Talks(line, who, within)

    def _acts(self, value: Any, line: int) -> Step:
        if value == "gelir":
            return Comes(line)
        what, _, rest = str(value).partition(" ")
        if what not in ACTS or (KEYS.fullmatch(rest.strip()) is None if what == "basar" else bool(rest)):
            self.problem(line, f"'{value}' is nothing an agent does", "Known: gelir; kapatir; basar and keys.")
        return Acts(line, what, rest.strip())

    def _leaves(self, value: Any, line: int) -> Step:
        if value != "kapatir":
            self.problem(line, f"'{value}' is nothing that who waits in front does", "Known: kapatir.")
        return Leaves(line)

    def _node(self, value: Any, line: int) -> Step:
        if value not in NODE:
            self.problem(line, f"'{value}' is nothing that happens to a node", "Known: durur, kalkar.")
        if self.known.agents is None:
            self.problem(line, "'dugum' cannot be used with --to: the node there is not ours",
                         "Take it out, or run the script in a lab.")
        return Node(line, value == NODE[1])

    def _hangs_up(self, value: Any, line: int) -> Step:
        if value is not None:
            self.problem(line, "'kapatir' has nothing behind it", "Write '- kapatir'.")
        return HangsUp(line)

    def _ends(self, value: Any, line: int) -> Step:
        return Ends(line, WITHIN_S if value is None else self.seconds(value, line))


def _near(key: str, prompts: Collection[str]) -> str:
    """The nearest key; there are too many to name all."""
    mend = guess(key, prompts)
    return mend if mend.startswith("Did") else "See them all: santral prompts list."


STEPS: dict[str, Callable[[StepReader, Any, int], Step]] = {
    "duyar": StepReader._hears, "baslar": StepReader._begins, "duymaz": StepReader._hears_not,
    "basar": StepReader._presses, "bekler": StepReader._waits, "soyler": StepReader._says, "muzik": StepReader._music,
    "konusur": StepReader._talks, "temsilci": StepReader._acts, "onundeki": StepReader._leaves,
    "dugum": StepReader._node, "kapatir": StepReader._hangs_up, "kapanir": StepReader._ends}
