"""Tell from the planned working hours of agents how many of them come and leave, and when.

An agent who is signed in leaves at the end of the present hours. An agent who is not signed in comes at the next begin.
Nobody is expected whose hours have begun already, and nobody leaves who works outside the planned hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

Spans = tuple[tuple[float, float], ...]

EARLY_S = 1_800.0
"""Agents who sign in up to this long before their hours work in these hours. Nobody comes at the minute."""

CHANGES_MAX = 64
"""Times at which the number of agents changes that an estimate looks at: more than two shifts an hour for a day."""


class HeadCounts(NamedTuple):
    """Agents who come and agents who leave at a time."""

    coming: float
    leaving: float


Changes = dict[float, HeadCounts]
"""Head counts by time, in Unix seconds."""

NO_CHANGE = HeadCounts(0.0, 0.0)


def count_changes(changes: Changes, hours: Spans, now: float, *, signed_in: bool, agents: float = 1.0) -> None:
    """Add what the hours of an agent say to the head counts. The agent stands for `agents` of them."""
    coming = [span for span in hours if span[0] > now]
    if signed_in:
        present = next((span for span in hours if span[0] - EARLY_S <= now < span[1]), None)
        if present is None:
            return
        _add_counts(changes, present[1], HeadCounts(0.0, agents))
        coming = [span for span in coming if span[0] >= present[1]]
    for begin, end in coming:
        _add_counts(changes, begin, HeadCounts(agents, 0.0))
        _add_counts(changes, end, HeadCounts(0.0, agents))


def scale_changes(changes: Changes, share: float) -> Changes:
    """Return the head counts of a share of these agents."""
    return changes if share == 1.0 else {
        at: HeadCounts(counts.coming * share, counts.leaving * share) for at, counts in changes.items()}


def merge_changes(some: Iterable[Changes]) -> Iterator[tuple[float, HeadCounts]]:
    """Yield the sums of head counts in the order of their times, at most `CHANGES_MAX`."""
    merged: Changes = {}
    for changes in some:
        for at, counts in changes.items():
            _add_counts(merged, at, counts)
    yield from sorted(merged.items())[:CHANGES_MAX]


def _add_counts(changes: Changes, at: float, counts: HeadCounts) -> None:
    before = changes.get(at, NO_CHANGE)
    changes[at] = HeadCounts(before.coming + counts.coming, before.leaving + counts.leaving)
