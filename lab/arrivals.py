"""Callers of a bank-like peak: when they come, what they want, how long they talk, how long they wait for it.

Talks and patience are those of `planning.arrivals`, the rate is the peak of the same mean weekday of a real bank, at
which it stays. A run begins with everybody at work.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from planning.arrivals import HANDLE_S, HANDLE_SD_S, PATIENCE_S

AGENTS = 180
"""The centre that this rate fits."""
TALK_LEAST_S = 2.0
"""Nobody has said anything in less."""
SLOT_CALLS, SLOT_S = 285.2, 300.0
"""The busiest five minutes of the mean weekday, 10:20, at that bank: 95.1 % of 180 agents' time. The hour around it is
hardly lower (282.8)."""
NORMAL = statistics.NormalDist()


class Arrival(NamedTuple):
    """One caller. Seconds of the run, so already divided by the factor of compression."""

    at: float
    kind: int
    """Which of the services."""
    talk_s: float
    patience_s: float
    """A caller who was not connected by then hangs up."""
    counts: bool
    """False: was there before the run, or came while it warmed up."""


class Peak(NamedTuple):
    """What is drawn."""

    agents: int
    seconds: float
    """Of the run, the warm-up included."""
    warm_s: float
    compression: float = 1.0
    """Every duration is divided by this. Asterisk's own (app_queue asks once a second) are not, so a compressed run is
    harder on it: 4 at most, and an uncompressed run beside it."""
    share: Sequence[float] = (0.5, 0.3, 0.2)
    seed: int = 1


def draw(peak: Peak) -> list[Arrival]:
    """The callers of a peak, in order. Same peak, same callers. Those who are talking when it begins come first, at 0,
    with what is left of their talk: an empty centre would spend the run filling up.

    How many come is the slot's mean, and talks, patience and kinds are even samples of their laws in random order, so a
    short run has the load of the slot and not that of its luck. When who comes is chance: a Poisson process."""
    dice = random.Random(peak.seed)
    spread = math.log1p((HANDLE_SD_S / HANDLE_S) ** 2)
    sigma, centre = math.sqrt(spread), math.log(HANDLE_S)
    scale = peak.compression
    rate = SLOT_CALLS / SLOT_S * peak.agents / AGENTS
    busy, count = round(rate * HANDLE_S), round(rate * peak.seconds * scale)
    # A talk that is met at a moment of our choosing: a long one is met more often, somewhere in its middle.
    left = [talk * dice.random() for talk in _even(dice, busy, lambda part: math.exp(
        NORMAL.inv_cdf(part) * sigma + centre + spread / 2))]
    found = [Arrival(0.0, kind, max(TALK_LEAST_S, talk) / scale, math.inf, False)
             for talk, kind in zip(left, _kinds(dice, busy, peak.share), strict=True)]
    times = sorted(peak.seconds * dice.random() for _ in range(count))
    talks = _even(dice, count, lambda part: math.exp(NORMAL.inv_cdf(part) * sigma + centre - spread / 2))
    mean = HANDLE_S / statistics.fmean(talks)
    patience = _even(dice, count, lambda part: -PATIENCE_S * math.log1p(-part))
    return found + [Arrival(at, kind, max(TALK_LEAST_S, talk * mean) / scale, patient / scale, at >= peak.warm_s)
                    for at, kind, talk, patient in zip(times, _kinds(dice, count, peak.share), talks, patience,
                                                       strict=True)]


def load(arrivals: Sequence[Arrival], agents: int, seconds: float) -> float:
    """Talk that the callers of a run bring, as a share of the agents' time."""
    return sum(one.talk_s for one in arrivals if one.at > 0) / (agents * seconds)


def _kinds(dice: random.Random, count: int, share: Sequence[float]) -> list[int]:
    """So many, in their shares, in random order."""
    bounds = [round(count * sum(share[:number])) for number in range(len(share))] + [count]
    found = [kind for kind in range(len(share)) for _ in range(bounds[kind + 1] - bounds[kind])]
    dice.shuffle(found)
    return found


def _even(dice: random.Random, count: int, quantile: Callable[[float], float]) -> list[float]:
    """A sample of a law in which no part of it is over- or underrepresented, in random order."""
    found = [quantile((number + 0.5) / count) for number in range(count)]
    dice.shuffle(found)
    return found
