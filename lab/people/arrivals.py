"""Callers of a peak as at a bank: arrival time, service, length of the talk and patience.

Talks and patience are those of `planning.simulation.arrivals`. The rate is the peak of the mean weekday of the same
bank, and it stays constant. A run begins with all agents at work.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from planning.simulation.arrivals import HANDLE_S, HANDLE_SD_S, PATIENCE_S

AGENTS = 180
"""Number of agents that this rate occupies."""
TALK_LEAST_S = 2.0
"""Shortest talk: nobody has said anything in less time."""
SLOT_CALLS, SLOT_S = 285.2, 300.0
"""Busiest five minutes of the mean weekday at that bank, 10:20. They take 95.1 % of the time of 180 agents. The hour
around has hardly fewer calls (282.8)."""
NORMAL = statistics.NormalDist()


class Arrival(NamedTuple):
    """One caller. Times are seconds of the run, so they are already divided by the compression."""

    at: float
    kind: int
    """Number of the service."""
    talk_s: float
    patience_s: float
    """The caller hangs up if not connected within this time."""
    counts: bool
    """False for callers who were there before the run or came during the warm-up."""


class PeakPlan(NamedTuple):
    """Parameters of a peak."""

    agents: int
    seconds: float
    """Length of the run with its warm-up."""
    warm_s: float
    compression: float = 1.0
    """Divisor of every duration.

    Asterisk's own times (app_queue looks once a second) are not divided, so a compressed run is harder for app_queue.
    Use at most 4, and compare with an uncompressed run.
    """
    share: Sequence[float] = (0.5, 0.3, 0.2)
    seed: int = 1


def draw_callers(peak: PeakPlan) -> list[Arrival]:
    """Draw the callers of a peak, in order. The same peak gives the same callers.

    Callers who already talk when the peak begins come first, at 0, with the rest of their talk. An empty centre would
    spend the run filling up.

    The number of callers is the mean of the slot. Talks, patience and services are even samples of their distributions
    in random order, so a short run has the load of the slot whatever the seed. Arrival times are a Poisson process.
    """
    # 1. Set the parameters of the lognormal talk from its mean and deviation.
    dice = random.Random(peak.seed)
    spread = math.log1p((HANDLE_SD_S / HANDLE_S) ** 2)
    sigma, centre = math.sqrt(spread), math.log(HANDLE_S)
    scale = peak.compression
    rate = SLOT_CALLS / SLOT_S * peak.agents / AGENTS
    # 2. Draw the talks that already run when the peak begins.
    busy, count = round(rate * HANDLE_S), round(rate * peak.seconds * scale)
    # At any given moment a long talk is more likely to be met, somewhere in its middle.
    left = [talk * dice.random() for talk in _draw_evenly(dice, busy, lambda part: math.exp(
        NORMAL.inv_cdf(part) * sigma + centre + spread / 2))]
    found = [Arrival(0.0, kind, max(TALK_LEAST_S, talk) / scale, math.inf, False)
             for talk, kind in zip(left, _draw_kinds(dice, busy, peak.share), strict=True)]
    # 3. Draw the callers who come during the peak. The drawn talks are scaled to the exact mean.
    times = sorted(peak.seconds * dice.random() for _ in range(count))
    talks = _draw_evenly(dice, count, lambda part: math.exp(NORMAL.inv_cdf(part) * sigma + centre - spread / 2))
    mean = HANDLE_S / statistics.fmean(talks)
    patience = _draw_evenly(dice, count, lambda part: -PATIENCE_S * math.log1p(-part))
    return found + [Arrival(at, kind, max(TALK_LEAST_S, talk * mean) / scale, patient / scale, at >= peak.warm_s)
                    for at, kind, talk, patient in zip(times, _draw_kinds(dice, count, peak.share), talks, patience,
                                                       strict=True)]


def _draw_kinds(dice: random.Random, count: int, share: Sequence[float]) -> list[int]:
    """Return `count` service numbers in their shares, in random order."""
    bounds = [round(count * sum(share[:number])) for number in range(len(share))] + [count]
    found = [kind for kind in range(len(share)) for _ in range(bounds[kind + 1] - bounds[kind])]
    dice.shuffle(found)
    return found


def _draw_evenly(dice: random.Random, count: int, quantile: Callable[[float], float]) -> list[float]:
    """Return an even sample of a distribution in random order: no part is over- or underrepresented."""
    found = [quantile((number + 0.5) / count) for number in range(count)]
    dice.shuffle(found)
    return found
