"""The survey in numbers, by service, from the facts of the journal. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from metrics.names import K_MIN
from routing.core.facts import Fact, Surveyed
from routing.core.ids import ServiceId
from routing.core.survey import ASKED, CARED, MESSAGE, SOLVED

CARED_FROM = 4
"""Answers from here on say "they cared about my problem"."""


@dataclass
class Answers:
    """What callers of one service said."""

    asked: int = 0
    cared: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(1, 6), 0))
    """Answer -> how often."""
    solved: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    messages: int = 0
    few_cared: int = 0
    """Of services `together`: answers of those that show no mean. Are they fewer than `K_MIN`, the whole shows none:
    the others taken from it, theirs would be left."""
    few_solved: int = 0

    def take(self, fact: Surveyed) -> None:
        """Count one."""
        if fact.question == ASKED:
            self.asked += 1
        elif fact.question == CARED:
            self.cared[fact.answer] += 1
        elif fact.question == SOLVED:
            self.solved[bool(fact.answer)] += 1
        elif fact.question == MESSAGE:
            self.messages += 1

    @property
    def answered(self) -> int:
        """Who answered the first question."""
        return sum(self.cared.values())

    @property
    def rate(self) -> float | None:
        """Of those who were asked; None: nobody was."""
        return self.answered / self.asked if self.asked else None

    @property
    def mean(self) -> float | None:
        """Of the answers 1 to 5; None below `K_MIN` of them, or where fewer could be reckoned from it."""
        if not _many(self.answered, self.few_cared):
            return None
        return sum(key * many for key, many in self.cared.items()) / self.answered

    @property
    def cared_share(self) -> float | None:
        """Share of 4 and 5; None as for the mean."""
        if not _many(self.answered, self.few_cared):
            return None
        return sum(many for key, many in self.cared.items() if key >= CARED_FROM) / self.answered

    @property
    def solved_share(self) -> float | None:
        """Share of "yes"; None as for the mean."""
        both = sum(self.solved.values())
        return self.solved[True] / both if _many(both, self.few_solved) else None

    def plain(self) -> dict[str, float | int | None]:
        """For JSON."""
        return {"asked": self.asked, "answered": self.answered, "rate": self.rate, "mean": self.mean,
                "cared": self.cared_share, "solved": self.solved_share, "messages": self.messages}


def _many(answers: int, few: int) -> bool:
    return answers >= K_MIN and not 0 < few < K_MIN


def by_service(facts: Iterable[Fact], start: float | None = None, end: float | None = None
               ) -> dict[ServiceId, Answers]:
    """Services in the order of their ids. `start` and `end` (Unix seconds, the end not included) go by when a survey
    began: one that lasts over midnight stays whole."""
    found: dict[ServiceId, Answers] = {}
    begun: set[str] = set()
    for fact in facts:
        if not isinstance(fact, Surveyed):
            continue
        if fact.question == ASKED:
            if (start is not None and fact.at < start) or (end is not None and fact.at >= end):
                begun.discard(fact.contact)  # an id of Asterisk may come again
                continue
            begun.add(fact.contact)
        if fact.contact in begun:
            found.setdefault(fact.service, Answers()).take(fact)
    return dict(sorted(found.items()))


def together(answers: Iterable[Answers]) -> Answers:
    """All services as one."""
    whole = Answers()
    for one in answers:
        whole.asked += one.asked
        whole.messages += one.messages
        both = sum(one.solved.values())
        whole.few_cared += one.answered if one.answered < K_MIN else 0
        whole.few_solved += both if both < K_MIN else 0
        for key, many in one.cared.items():
            whole.cared[key] += many
        for yes, many in one.solved.items():
            whole.solved[yes] += many
    return whole
