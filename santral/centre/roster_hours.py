"""Find the hours of a week in which the roster has too few agents for a distress service.

Remote agents are called in the spans of their roster alone. Agents with a seat may sign in at any hour, so each hour
counts them. Distress knows no holidays, and neither do rosters.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from centres.base_shapes import DAY_MIN, DAYS, Week, minute_of
from routing.core.matching.reserve import spared_share
from routing.core.model.centre_model import Service

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
    return [span for span, _ in _count_week(rosters, ())]


def spans_kept(service: Service, kept: Collection[Week | None], others: Collection[Week | None]) -> list[RosterSpan]:
    """Return the parts of the week in which a service keeps all its agents (`kept`) free and none of `others` is on
    duty."""
    return [span for span, more in _count_week(kept, others)
            if span.agents and not more and not spared_share(service, span.agents, span.agents)]


def _count_week(rosters: Collection[Week | None], others: Collection[Week | None]) -> list[tuple[RosterSpan, int]]:
    """Return each part of the week with the agents of `rosters`, and the number of those of `others`."""
    found = []
    for day in DAYS:
        edges = {0, DAY_MIN}
        for begin, end in (*_spans_of_day(rosters, day), *_spans_of_day(others, day)):
            edges |= {begin, end}
        parts = [(begin, end, _count_at(rosters, day, begin), _count_at(others, day, begin))
                 for begin, end in pairwise(sorted(edges))]
        for (agents, more), same in groupby(parts, key=lambda part: part[2:]):
            joined = list(same)
            found.append((RosterSpan(day, joined[0][0], joined[-1][1], agents), more))
    return found


def _spans_of_day(rosters: Collection[Week | None], day: str) -> list[tuple[int, int]]:
    return [(minute_of(span[:5]), minute_of(span[6:])) for week in rosters if week is not None
            for span in getattr(week, day)]


def _count_at(rosters: Collection[Week | None], day: str, minute: int) -> int:
    return sum(week is None for week in rosters) + sum(
        begin <= minute < end for begin, end in _spans_of_day(rosters, day))


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
