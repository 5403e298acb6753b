"""Erlang A through a day: the number of calls in the house as a Markov chain whose arrival rate changes by interval.

A formula per interval (pointwise stationary) forgets what the interval before left behind: after an overload its queue,
before it the agents that are still free. The chain carries both over. It is solved for all days at once in small steps
of time; what is left to chance is the law of the state, not a sample of it.

Counts that are known leave less to chance than Poisson arrivals do, forecast ones more. Both are a peakedness: variance
over mean of the number of calls in talk if there were agents without end. It is put in by Hayward's approximation: a
house of n/z agents with load/z that has the same handle times, patience and limit (Fredericks, Bell System Technical
Journal 59(2), 1980).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planning.erlang import LONGEST_PATIENCE_S, answered_from

Table = npt.NDArray[np.float64]

QUEUE_DEVIATIONS = 7.0
"""Places for waiting callers beyond the largest mean queue: so many standard deviations (square roots of the number in
the house). The chance of more is below rounding; who comes then is lost."""

FINE = 200
"""Moments of an interval at which the peakedness is averaged: its error is then below 1e-4."""

STEP_SHARE = 0.9
"""A step of time is short enough for this chance, at most, that anything at all happens in it: the chain stays a law
(no negative chance) and its error stays below that of the model (0.1 points of service level)."""


def peakedness(width_s: float, handle_s: float, dispersion: float) -> float:
    """Variance over mean of the calls in talk, if agents were without end, when the counts of intervals of `width_s`
    have this variance over mean (0: they are known, 1: Poisson, above: forecast of days that differ).

    A call of an interval is still in talk with a chance p that depends on how long ago that was. Given the counts n the
    variance is the sum of n*p*(1-p), that of the counts adds dispersion*n*p^2: 1 + (dispersion - 1)*(sum of p^2)/(sum
    of p), averaged over the moments of an interval."""
    ratio = width_s / handle_s
    passed = (np.arange(FINE) + 0.5) / FINE * ratio  # handle times since the present interval began
    begun = -np.expm1(-passed) / ratio
    before = np.exp(-passed) * -np.expm1(-ratio) / ratio  # still there of the interval before; each older one e^-ratio
    squares = begun**2 + before**2 / -math.expm1(-2.0 * ratio)
    chances = begun + before / -math.expm1(-ratio)
    return 1.0 + (dispersion - 1.0) * float(squares.mean() / chances.mean())


class Course(NamedTuple):
    """Tables with a row for each day and a column for each interval."""

    within: Table
    """Share of the interval's arrivals that are answered within the limit."""
    abandoned: Table
    """Calls that give up in the interval, of those that arrive in it (may exceed 1 after an overload)."""
    queue: Table
    """Mean number waiting."""
    occupancy: Table
    """Share of their time that agents are busy."""


class House(NamedTuple):
    """What does not change in a day."""

    handle_s: float
    patience_s: float
    """Mean, finite: the queue of an overload without it has no end."""
    limit_s: float
    """Of the service level."""
    peakedness: float = 1.0
    """Of the arrivals; see above."""


def course(house: House, rates: Table, width_s: float, agents: Sequence[int]) -> Course:
    """The course of each day. `rates`: calls per second, a row for each day; `agents`: of each interval, the same for
    all days. A day begins with nobody in the house."""
    if not 0.0 < house.patience_s <= LONGEST_PATIENCE_S:
        raise ValueError(f"a mean patience up to {LONGEST_PATIENCE_S:g} s is needed, not {house.patience_s:g}")
    days, intervals = rates.shape
    if len(agents) != intervals:
        raise ValueError(f"{len(agents)} numbers of agents for {intervals} intervals")
    mu, theta = 1.0 / house.handle_s, 1.0 / house.patience_s
    scaled = [max(1, round(n / house.peakedness)) if n else 0 for n in agents]
    factor = np.array([big / n if n else 1.0 / house.peakedness for n, big in zip(agents, scaled, strict=True)])
    flow = rates * factor
    places = _places(flow, width_s, np.array(scaled, dtype=float), mu, theta)
    top = max(scaled) + places
    law = np.zeros((days, top + 1))
    law[:, 0] = 1.0
    number = np.arange(top + 1, dtype=float)
    out = [np.zeros((days, intervals)) for _ in range(4)]
    answered: dict[int, Table] = {}
    for i, n in enumerate(scaled):
        leaving = np.minimum(number, n) * mu + np.maximum(number - n, 0.0) * theta
        if n not in answered:
            answered[n] = _answered(n, top, mu, theta, house.limit_s)
        mean_law = _advance(law, flow[:, i], leaving, width_s)
        out[0][:, i] = mean_law @ answered[n]
        out[2][:, i] = mean_law @ np.maximum(number - n, 0.0) / factor[i]
        out[3][:, i] = mean_law @ np.minimum(number, n) / max(n, 1)
    out[1] = np.divide(out[2] * theta, rates, out=np.zeros_like(rates), where=rates > 0.0)
    return Course(*out)


def _advance(law: Table, flow: Table, leaving: Table, width_s: float) -> Table:
    """Lets an interval pass: `law` becomes that of its end; returns the mean law within it."""
    fastest = float(flow.max()) + float(leaving[-1])
    steps = max(1, math.ceil(width_s * fastest / STEP_SHARE))
    step = width_s / steps
    up = (flow * step)[:, None]
    down = leaving * step
    stay = 1.0 - down - up
    stay[:, -1] += up[:, 0]
    total = np.zeros_like(law)
    for _ in range(steps):
        after = law * stay
        after[:, 1:] += law[:, :-1] * up
        after[:, :-1] += law[:, 1:] * down[1:]
        total += after
        law[:] = after
    return total / steps


def _answered(agents: int, top: int, mu: float, theta: float, limit_s: float) -> Table:
    """By number in the house: chance that an arrival is answered in time."""
    chance = np.zeros(top + 1)
    chance[:agents] = 1.0
    if agents:
        reach = math.ceil(agents * mu * limit_s + QUEUE_DEVIATIONS * math.sqrt(agents * mu * limit_s + 1.0)
                          + top * theta * limit_s)
        for j in range(min(top + 1 - agents, reach)):
            chance[agents + j] = answered_from((*[0.0] * j, 1.0), agents * mu, theta, limit_s)
    return chance


def _places(flow: Table, width_s: float, agents: Table, mu: float, theta: float) -> int:
    """Places in the queue: by the largest mean number in the house, as a fluid, and room for chance."""
    inside, worst = np.zeros(len(flow)), 0.0
    parts = 10
    for i, n in enumerate(agents):
        for _ in range(parts):
            out = np.minimum(inside, n) * mu + np.maximum(inside - n, 0.0) * theta
            inside = np.maximum(inside + (flow[:, i] - out) * width_s / parts, 0.0)
            worst = max(worst, float((inside - n).max()))
    return math.ceil(max(worst, 0.0) + QUEUE_DEVIATIONS * math.sqrt(float(agents.max()) + max(worst, 0.0) + 1.0))
