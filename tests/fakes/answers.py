"""A Prometheus that answers what a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

from metrics.dashboards.source import Found, NoAnswer, Span

SPAN = Span(1_772_431_200.0, 1_772_434_800.0, 60.0)
"""An hour, 61 points."""


def found(*values: float, **labels: str) -> Found:
    """A series that ends with these values; before them there was nothing."""
    return Found(labels, (*[nan] * (SPAN.points - len(values)), *values))


class Answers:
    """`given`: answers by expression; everything else gets `otherwise`."""

    span = SPAN

    def __init__(self, given: Mapping[str, Sequence[Found] | NoAnswer] | None = None,
                 otherwise: Sequence[Found] = ()) -> None:
        self.given, self.otherwise, self.asked = dict(given or {}), list(otherwise), list[str]()

    def ask(self, expression: str) -> list[Found]:
        """See Source."""
        self.asked.append(expression)
        answer = self.given.get(expression, self.otherwise)
        if isinstance(answer, NoAnswer):
            raise answer
        return list(answer)
