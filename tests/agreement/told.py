"""What a source says of contacts, in one shape, and whether all say the same.

A figure belongs to a service, a channel and a name; what a source cannot say it does not say, and what it says of all
channels or services together is compared with the sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

VOICE = "voice"
ENDS = ("answered", "abandoned", "abandoned_short", "overflow", "left", "pbx_failure", "callback_failed")
MOVES = ("overflow", "full", "closed", "chosen", "transfer")
CALLBACKS = ("asked", "reached", "no_answer", "busy", "refused", "no_key", "failed", "stale")

Place = tuple[str, str]
"""Service and channel; empty: all of them together."""
Sums = Counter[tuple[Place, str]]
"""Of a place and a figure."""

ABOUT = {"talk_s": "talks", "answered_wait_s": "answered", "abandoned_wait_s": "all abandoned"}
"""Seconds, and of how many things they are the sum: who writes whole seconds is so much short at most."""
NEAR = 1e-6
"""Sums of the same floats in another order."""


class Told(NamedTuple):
    """What one source says."""

    source: str
    says: frozenset[str]
    """Its figures; those it has none of are nought."""
    sums: Sums
    place: Callable[[Place], Place | None] = lambda place: place
    """Where it puts what happened there; None: it does not tell of that."""
    whole: bool = False
    """Whole seconds, cut off."""


def differences(measure: Told, others: Iterable[Told]) -> list[str]:
    """What the others say otherwise; none: all agree."""
    found = []
    for other in others:
        wanted: Sums = Counter()
        for (where, name), value in measure.sums.items():
            place = other.place(where)
            if place is not None and name in other.says:
                wanted[place, name] += value
        for place, name in sorted({*wanted, *(key for key in other.sums if key[1] in other.says)}):
            ours, theirs = wanted[place, name], other.sums[place, name]
            slack = sum(value for (where, what), value in measure.sums.items()
                        if what == ABOUT.get(name) and other.place(where) == place) if other.whole else 0.0
            if not -NEAR * max(1.0, abs(ours)) <= ours - theirs <= slack + NEAR * max(1.0, abs(ours)):
                found.append(f"{'/'.join(place)}: {name}: {measure.source} {ours:g}, {other.source} {theirs:g}")
        assert other.says <= measure.says, f"nobody measures {sorted(other.says - measure.says)}"
    return found


def agree(measure: Told, *others: Told) -> None:
    """Every figure of the others is the measure's."""
    found = differences(measure, others)
    assert not found, "they do not agree:\n" + "\n".join(found)


def by_service(place: Place) -> Place:
    """All channels together."""
    return place[0], ""


def everything(place: Place) -> Place:
    """All services together."""
    return "", ""


def voice(place: Place) -> Place | None:
    """Nothing but calls."""
    return place if place[1] == VOICE else None


def say(sums: Sums, place: Place, question: str, answer: int, times: float = 1) -> None:
    """An answer of the survey, so many times."""
    sums[place, "surveys"] += times * (question == "asked")
    sums[place, "survey cared"] += times * answer * (question == "cared")
    sums[place, "survey solved"] += times * answer * (question == "solved")


def end(sums: Sums, place: Place, outcome: str, wait_s: float) -> None:
    """How a contact ended, after how long a wait."""
    sums[place, outcome] += 1
    if outcome == "answered":
        sums[place, "answered_wait_s"] += wait_s
    elif outcome.startswith("abandoned"):
        sums[place, "all abandoned"] += 1
        sums[place, "abandoned_wait_s"] += wait_s
