"""Find the hours of a week in which the roster has too few agents for a distress service.

Remote agents are called in the spans of their roster alone. Agents with a seat may sign in at any hour, so each hour
counts them. Distress knows no holidays, and neither do rosters.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from centres.base_shapes import DAY_MIN, DAYS, Week, minute_of

NAMED = 3
"""Spans that a message names. The others are counted."""


class RosterSpan(NamedTuple):
    """Part of a day with the same number of agents."""

    day: str
    begin: int
    """Minutes from midnight, as `end`."""
    end: int
    agents: int

    def describe_span(self) -> str:
        """Return the span as in the files: monday 08:00-18:00."""
        return (f"{self.day} {self.begin // 60:02d}:{self.begin % 60:02d}-{self.end // 60:02d}:{self.end % 60:02d}")


def spans_of_week(rosters: Collection[Week | None]) -> list[RosterSpan]:
    """Return the agents of each part of the week. None is the roster of an agent with a seat."""
    seated = sum(week is None for week in rosters)
    found = []
    for day in DAYS:
        spans = [(minute_of(span[:5]), minute_of(span[6:])) for week in rosters if week is not None
                 for span in getattr(week, day)]
        edges = sorted({0, DAY_MIN, *(edge for span in spans for edge in span)})
        parts = [(begin, end, seated + sum(first <= begin < last for first, last in spans))
                 for begin, end in pairwise(edges)]
        for agents, same in groupby(parts, key=lambda part: part[2]):
            joined = list(same)
            found.append(RosterSpan(day, joined[0][0], joined[-1][1], agents))
    return found


def spans_below(spans: Sequence[RosterSpan], least: int) -> list[RosterSpan]:
    """Return the parts of the week with fewer agents, those of a day joined. `agents` is the fewest of them."""
    found: list[RosterSpan] = []
    for span in spans:
        if span.agents >= least:
            continue
        last = found[-1] if found else None
        if last is not None and (last.day, last.end) == (span.day, span.begin):
            found[-1] = last._replace(end=span.end, agents=min(last.agents, span.agents))
        else:
            found.append(span)
    return found


def describe_spans(spans: Sequence[RosterSpan]) -> str:
    """Return the first spans in words, and the number of the others."""
    words = ", ".join(span.describe_span() for span in spans[:NAMED])
    return f"{words} and {len(spans) - NAMED} more" if len(spans) > NAMED else words
