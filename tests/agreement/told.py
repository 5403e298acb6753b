"""The figures of one source about contacts, in one shape, and their comparison.

A figure belongs to a service, a channel and a name. A source has only the figures that it can give. A figure for all
channels or services together is compared with the sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

VOICE = "voice"
ENDS = ("answered", "abandoned", "abandoned_short", "fallback", "left", "pbx_failure", "callback_failed",
        "turned_away")
MOVES = ("closed", "full", "nobody", "expected", "waited", "chosen", "transfer")
CALLBACKS = ("requested", "time_chosen", "reached", "no_answer", "busy", "refused", "no_key", "failed", "stale")

Place = tuple[str, str]
"""Service and channel. An empty text means all of them together."""
Sums = Counter[tuple[Place, str]]
"""The value of a figure at a place."""

ABOUT = {"talk_s": "talks", "answered_wait_s": "answered", "abandoned_wait_s": "all abandoned"}
"""Figures in seconds, and the figure that counts their summands. A source of whole seconds may be one second short for
each summand."""
TIMES = {**ABOUT, "hold_s": "talks", "wrapup_s": "talks"}
"""All figures in seconds, and the figure that counts their summands."""
ROUNDED_S = 0.001
"""Tolerance for each summand: facts hold milliseconds, and a talk without its hold is the difference of two."""
NEAR = 1e-6
"""Tolerance: sums of the same floats in another order."""


class Told(NamedTuple):
    """The figures of one source."""

    source: str
    says: frozenset[str]
    """Its figures; those it has none of are nought."""
    sums: Sums
    place: Callable[[Place], Place | None] = lambda place: place
    """Return the place to which the source adds a figure of this place, or None if it has no such figure."""
    whole: bool = False
    """The source cuts to whole seconds."""


def differences(measure: Told, others: Iterable[Told]) -> list[str]:
    """Return the figures in which the other sources differ from the measure."""
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
            near = NEAR * max(1.0, abs(ours)) + ROUNDED_S * sum(
                value for (where, what), value in measure.sums.items()
                if what == TIMES.get(name) and other.place(where) == place)
            if not -near <= ours - theirs <= slack + near:
                found.append(f"{'/'.join(place)}: {name}: {measure.source} {ours:g}, {other.source} {theirs:g}")
        assert other.says <= measure.says, f"nobody measures {sorted(other.says - measure.says)}"
    return found


def agree(measure: Told, *others: Told) -> None:
    """Check that every figure of the other sources equals the measure."""
    found = differences(measure, others)
    assert not found, "they do not agree:\n" + "\n".join(found)


def by_service(place: Place) -> Place:
    """Return the place with all channels together."""
    return place[0], ""


def everything(place: Place) -> Place:
    """Return the place of all services together."""
    return "", ""


def voice(place: Place) -> Place | None:
    """Return the place if it is about calls, else None."""
    return place if place[1] == VOICE else None


def say(sums: Sums, place: Place, question: str, answer: int, times: float = 1) -> None:
    """Add an answer of the survey this many times."""
    sums[place, "surveys"] += times * (question == "asked")
    sums[place, "survey cared"] += times * answer * (question == "cared")
    sums[place, "survey solved"] += times * answer * (question == "solved")


def end(sums: Sums, place: Place, outcome: str, wait_s: float) -> None:
    """Count the end of a contact and its wait."""
    sums[place, outcome] += 1
    if outcome == "answered":
        sums[place, "answered_wait_s"] += wait_s
    elif outcome.startswith("abandoned"):
        sums[place, "all abandoned"] += 1
        sums[place, "abandoned_wait_s"] += wait_s
