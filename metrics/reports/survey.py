"""Sum the survey by service, from facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from metrics.prometheus.names import K_MIN
from routing.core.callers.survey_answers import ASKED, CARED, MESSAGE, SOLVED
from routing.core.model.facts import Fact, SurveyAnsweredRecorded
from routing.core.model.ids import ServiceId

CARED_FROM = 4
"""Answers from here on mean "they cared about my problem"."""


@dataclass
class SurveyAnswers:
    """Answers of the callers of one service."""

    asked: int = 0
    cared: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(1, 6), 0))
    """Answer -> its count."""
    solved: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    messages: int = 0
    few_cared: int = 0
    """Answers of services that show no mean, in the sum of all services.

    If these are fewer than `K_MIN`, the sum shows no mean either: subtracting the others would reveal them.
    """
    few_solved: int = 0

    def count_answer(self, fact: SurveyAnsweredRecorded) -> None:
        """Count one answer."""
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
        """Callers who answered the first question."""
        return sum(self.cared.values())

    @property
    def rate(self) -> float | None:
        """Share of the asked callers who answered. None if nobody was asked."""
        return self.answered / self.asked if self.asked else None

    @property
    def mean(self) -> float | None:
        """Mean of the answers 1 to 5. None below `K_MIN` answers, or if fewer could be calculated from it."""
        if not _is_enough(self.answered, self.few_cared):
            return None
        return sum(key * many for key, many in self.cared.items()) / self.answered

    @property
    def cared_share(self) -> float | None:
        """Share of 4 and 5. None as for the mean."""
        if not _is_enough(self.answered, self.few_cared):
            return None
        return sum(many for key, many in self.cared.items() if key >= CARED_FROM) / self.answered

    @property
    def solved_share(self) -> float | None:
        """Share of "yes". None as for the mean."""
        both = sum(self.solved.values())
        return self.solved[True] / both if _is_enough(both, self.few_solved) else None

    def to_json(self) -> dict[str, float | int | None]:
        """Return the figures for JSON."""
        return {"asked": self.asked, "answered": self.answered, "rate": self.rate, "mean": self.mean,
                "cared": self.cared_share, "solved": self.solved_share, "messages": self.messages}


def _is_enough(answers: int, few: int) -> bool:
    return answers >= K_MIN and not 0 < few < K_MIN


def answers_by_service(facts: Iterable[Fact], start: float | None = None, end: float | None = None
                       ) -> dict[ServiceId, SurveyAnswers]:
    """Return the answers of each service, ordered by id.

    `start` and `end` (Unix seconds, the end not included) select surveys by their start. A survey over midnight stays
    whole.
    """
    found: dict[ServiceId, SurveyAnswers] = {}
    begun: set[str] = set()
    for fact in facts:
        if not isinstance(fact, SurveyAnsweredRecorded):
            continue
        if fact.question == ASKED:
            if (start is not None and fact.at < start) or (end is not None and fact.at >= end):
                # Asterisk may use an id again, so an earlier survey of this id must not count.
                begun.discard(fact.contact)
                continue
            begun.add(fact.contact)
        if fact.contact in begun:
            found.setdefault(fact.service, SurveyAnswers()).count_answer(fact)
    return dict(sorted(found.items()))


def sum_answers(answers: Iterable[SurveyAnswers]) -> SurveyAnswers:
    """Return the sum of all services."""
    whole = SurveyAnswers()
    for one in answers:
        whole.asked += one.asked
        whole.messages += one.messages
        both = sum(one.solved.values())
        # Small services are remembered, because the sum must not reveal them.
        whole.few_cared += one.answered if one.answered < K_MIN else 0
        whole.few_solved += both if both < K_MIN else 0
        for key, many in one.cared.items():
            whole.cared[key] += many
        for yes, many in one.solved.items():
            whole.solved[yes] += many
    return whole
