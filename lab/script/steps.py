"""The steps of a script, as an operator writes them: what a caller does and must hear."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from centres.document_reader import Mapping, Sequence
from centres.problem import Problem
from centres.validation import suggest_word
from lab.script.model import (
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
    NodeStep,
    Presses,
    Says,
    Step,
    Talks,
    Waits,
)

MAX_S = 900.0
"""Longest time that may be written. Nobody tests a wait of more than a quarter of an hour."""
NODE = ("durur", "kalkar")
ACTS = ("kapatir", "basar")
"""Actions of an agent in a talk: hang up, press keys."""

_TIME = re.compile(r"(\d+(?:\.\d+)?) ?(sn|dk)")
KEYS = re.compile(r"[0-9*#]+")


class ScriptVocabulary(NamedTuple):
    """Words that a script may use."""

    prompts: Collection[str]
    services: Collection[str] | None
    """None for an unknown centre at the end of a trunk. No service is refused then."""
    agents: Collection[str] | None
    numbers: Collection[str] | None
    """Called numbers, and entries of the menu."""
    waiting: Collection[str]
    """Prompts that only a waiting caller hears."""


class StepReader:
    """Read steps and collect the problems of a file."""

    def __init__(self, file: str, known: ScriptVocabulary) -> None:
        self.file, self.vocabulary = file, known
        self.problems: list[Problem] = []

    def add_problem(self, line: int, what: str, mend: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(f"{self.file}:{line}", what, mend))

    def check_person(self, who: str, line: int) -> None:
        """Report a name that is neither a service nor an agent of the centre."""
        # The people at a trunk are unknown, so no name is refused there.
        people = [*(self.vocabulary.services or ()), *(self.vocabulary.agents or ())]
        if people and who not in people:
            self.add_problem(line, f"'{who}' is no service and no agent",
                             suggest_word(who, self.vocabulary.services or people))

    def read_step(self, item: Any, line: int) -> list[Step]:
        """Read one line of the list. Several sentences are several steps. Return no step if the line is wrong."""
        # A step is a word alone, or a mapping of one word to its value.
        if isinstance(item, str):
            word, value, lines = item, None, [line]
        elif isinstance(item, Mapping) and len(item) == 1:
            [(word, value)] = item.items()
            lines = value.lines if isinstance(value, Sequence) else [item.lines[word]]
        else:
            self.add_problem(line, "a step is one word and what belongs to it",
                             "Write for example '- duyar: karsilama'.")
            return []
        make = STEPS.get(word)
        if make is None:
            self.add_problem(line, f"unknown step '{word}'", suggest_word(word, STEPS))
            return []
        several = value if isinstance(value, Sequence) and word == "duyar" else [value]
        found = [make(self, one, at) for one, at in zip(several, lines, strict=False)]
        return [step for step in found if step is not None]

    def read_prompt(self, value: Any, line: int, default: float) -> tuple[str, float]:
        """Read the key of a prompt and its limit in seconds."""
        key, time = self._split_time(value, line, default)
        if not key:
            self.add_problem(line, "no sentence is named", "Write the key of a prompt, such as karsilama.")
        elif key not in self.vocabulary.prompts:
            self.add_problem(line, f"there is no prompt '{key}'", _suggest_prompt(key, self.vocabulary.prompts))
        return key, time

    def _split_time(self, value: Any, line: int, default: float) -> tuple[str, float]:
        """Split `karsilama, 10 sn` into word and seconds."""
        word, comma, time = ("" if value is None else str(value)).partition(",")
        return word.strip(), self.read_seconds(time, line) if comma else default

    def read_seconds(self, value: Any, line: int) -> float:
        """Read `5 sn` or `2 dk` in seconds."""
        match = _TIME.fullmatch(str(value).strip())
        if match is None:
            self.add_problem(line, f"'{str(value or '').strip()}' is no time",
                             "Write for example 5 sn, 1.5 sn or 2 dk.")
            return 1.0
        seconds = float(match[1]) * (60.0 if match[2] == "dk" else 1.0)
        if not 0 < seconds <= MAX_S:
            self.add_problem(line, f"'{value}' is too short or too long",
                             f"Write more than 0 and at most {MAX_S:g} sn.")
        return seconds

    def _read_hears(self, value: Any, line: int) -> Step:
        return Hears(line, *self.read_prompt(value, line, WITHIN_S))

    def _read_begins(self, value: Any, line: int) -> Step:
        return Begins(line, *self.read_prompt(value, line, WITHIN_S))

    def _read_hears_not(self, value: Any, line: int) -> Step:
        if "," not in str(value):
            self.add_problem(line, "'duymaz' needs a time", "Write for example '- duymaz: sira-2, 10 sn'.")
        return HearsNot(line, *self.read_prompt(value, line, WITHIN_S))

    def _read_presses(self, value: Any, line: int) -> Step:
        keys = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not KEYS.fullmatch(keys):
            self.add_problem(line, f"'{value}' are no keys", "Write digits, \"*\" or \"#\" (these two in quotes).")
        return Presses(line, keys)

    def _read_waits(self, value: Any, line: int) -> Step:
        return Waits(line, self.read_seconds(value, line))

    def _read_says(self, value: Any, line: int) -> Step:
        return Says(line, self.read_seconds(value, line))

    def _read_music(self, value: Any, line: int) -> Step:
        first, comma, rest = str(value).partition(",")
        return Music(line, self.read_seconds(first, line), self.read_seconds(rest, line) if comma else WITHIN_S)

    def _read_talks(self, value: Any, line: int) -> Step:
        who, within = self._split_time(value, line, TALK_WITHIN_S)
        self.check_person(who, line)
        return Talks(line, who, within)

    def _read_acts(self, value: Any, line: int) -> Step:
        if value == "gelir":
            return Comes(line)
        what, _, rest = str(value).partition(" ")
        if what not in ACTS or (KEYS.fullmatch(rest.strip()) is None if what == "basar" else bool(rest)):
            self.add_problem(line, f"'{value}' is nothing an agent does", "Known: gelir; kapatir; basar and keys.")
        return Acts(line, what, rest.strip())

    def _read_leaves(self, value: Any, line: int) -> Step:
        if value != "kapatir":
            self.add_problem(line, f"'{value}' is nothing that a caller in front does", "Known: kapatir.")
        return Leaves(line)

    def _read_node(self, value: Any, line: int) -> Step:
        if value not in NODE:
            self.add_problem(line, f"'{value}' is nothing that happens to a node", "Known: durur, kalkar.")
        if self.vocabulary.agents is None:
            self.add_problem(line, "'dugum' cannot be used with --to: the node there is not part of the lab",
                             "Take it out, or run the script in a lab.")
        return NodeStep(line, value == NODE[1])

    def _read_hangs_up(self, value: Any, line: int) -> Step:
        if value is not None:
            self.add_problem(line, "'kapatir' has nothing behind it", "Write '- kapatir'.")
        return HangsUp(line)

    def _read_ends(self, value: Any, line: int) -> Step:
        return Ends(line, WITHIN_S if value is None else self.read_seconds(value, line))


def _suggest_prompt(key: str, prompts: Collection[str]) -> str:
    """Return advice with the nearest key. There are too many prompts to name them all."""
    mend = suggest_word(key, prompts)
    return mend if mend.startswith("Did") else "See them all: santral prompts list."


STEPS: dict[str, Callable[[StepReader, Any, int], Step]] = {
    "duyar": StepReader._read_hears, "baslar": StepReader._read_begins, "duymaz": StepReader._read_hears_not,
    "basar": StepReader._read_presses, "bekler": StepReader._read_waits, "soyler": StepReader._read_says,
    "muzik": StepReader._read_music,
    "konusur": StepReader._read_talks, "temsilci": StepReader._read_acts, "onundeki": StepReader._read_leaves,
    "dugum": StepReader._read_node, "kapatir": StepReader._read_hangs_up, "kapanir": StepReader._read_ends}
