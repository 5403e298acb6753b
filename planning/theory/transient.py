"""Solve Erlang A through a day: the number of calls as a Markov chain whose arrival rate changes by interval.

A formula for each interval (pointwise stationary) ignores the state that the interval before left: a queue after an
overload, free agents before it. The chain carries both over. It is solved for all days at once in small steps of time.
The result is the law of the state, not a sample of it.

Known counts vary less than Poisson arrivals, forecast counts vary more. Both are expressed as a peakedness: variance /
mean of the number of calls in talk with unlimited agents. Hayward's approximation includes it: a pool of n/z agents
with load/z and the same handle times, patience and limit. Source: Fredericks, Bell System Technical Journal 59(2),
1980.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planning.theory.erlang import PATIENCE_MAX_S, answered_from

Table = npt.NDArray[np.float64]

QUEUE_DEVIATIONS = 7.0
"""Places for waiting callers beyond the largest mean queue, in standard deviations (square roots of the number of
calls). The chance of a longer queue is below rounding, and its callers are lost."""

FINE = 200
"""Moments of an interval at which the peakedness is averaged. The error is then below 1e-4."""

STEP_SHARE = 0.9
"""Largest chance that anything happens in one step of time. The chain then stays a law (no negative chance). Its error
stays below that of the model (0.1 points of service level)."""


def peakedness_of(width_s: float, handle_s: float, dispersion: float) -> float:
    """Return variance / mean of the calls in talk with unlimited agents.

    `dispersion` is variance / mean of the counts in intervals of `width_s`: 0 for known counts, 1 for Poisson, more for
    a forecast of varying days.

    A call of an interval is still in talk with a chance p that depends on the time since. Given the counts n, the
    variance is the sum of n*p*(1-p). The variance of the counts adds dispersion*n*p^2. This gives 1 + (dispersion -
    1)*(sum of p^2)/(sum of p), averaged over the moments of an interval.
    """
    # 1. Chance that a call of the present interval is in talk. `passed` counts handle times since its begin.
    ratio = width_s / handle_s
    passed = (np.arange(FINE) + 0.5) / FINE * ratio
    begun = -np.expm1(-passed) / ratio
    # 2. Chance for a call of the interval before. Each older interval multiplies it by e^-ratio, a geometric series.
    before = np.exp(-passed) * -np.expm1(-ratio) / ratio
    squares = begun**2 + before**2 / -math.expm1(-2.0 * ratio)
    chances = begun + before / -math.expm1(-ratio)
    return 1.0 + (dispersion - 1.0) * float(squares.mean() / chances.mean())


class TransientResult(NamedTuple):
    """Tables with a row for each day and a column for each interval."""

    within: Table
    """Share of the interval's arrivals that are answered within the limit."""
    abandoned: Table
    """Calls that give up in the interval / calls that arrive in it. It may exceed 1 after an overload."""
    queue: Table
    """Mean number of waiting callers."""
    occupancy: Table
    """Share of time that agents are busy."""


class QueueModel(NamedTuple):
    """Parameters that stay the same through the day."""

    handle_s: float
    patience_s: float
    """Mean patience, finite, because the queue of an overload would grow without end."""
    limit_s: float
    """Time limit of the service level."""
    peakedness: float = 1.0
    """Peakedness of the arrivals, as described for the module."""


def solve_transient(house: QueueModel, rates: Table, width_s: float, agents: Sequence[int]) -> TransientResult:
    """Solve the course of each day. A day begins without calls.

    `rates` are calls per second with a row for each day. `agents` are the numbers for each interval, the same for all
    days.
    """
    # 1. Check the parameters.
    if not 0.0 < house.patience_s <= PATIENCE_MAX_S:
        raise ValueError(f"a mean patience up to {PATIENCE_MAX_S:g} s is needed, not {house.patience_s:g}")
    days, intervals = rates.shape
    if len(agents) != intervals:
        raise ValueError(f"{len(agents)} numbers of agents for {intervals} intervals")
    # 2. Scale agents and rates by the peakedness (Hayward).
    mu, theta = 1.0 / house.handle_s, 1.0 / house.patience_s
    scaled = [max(1, round(n / house.peakedness)) if n else 0 for n in agents]
    factor = np.array([big / n if n else 1.0 / house.peakedness for n, big in zip(agents, scaled, strict=True)])
    flow = rates * factor
    # 3. Choose the size of the chain, and start it empty.
    places = _queue_places(flow, width_s, np.array(scaled, dtype=float), mu, theta)
    top = max(scaled) + places
    law = np.zeros((days, top + 1))
    law[:, 0] = 1.0
    number = np.arange(top + 1, dtype=float)
    out = [np.zeros((days, intervals)) for _ in range(4)]
    answered: dict[int, Table] = {}
    # 4. Carry the law through each interval, and measure with its mean law.
    for i, n in enumerate(scaled):
        leaving = np.minimum(number, n) * mu + np.maximum(number - n, 0.0) * theta
        # The answer chances are costly and depend only on the number of agents.
        if n not in answered:
            answered[n] = _answer_chances(n, top, mu, theta, house.limit_s)
        mean_law = _advance_interval(law, flow[:, i], leaving, width_s)
        out[0][:, i] = mean_law @ answered[n]
        out[2][:, i] = mean_law @ np.maximum(number - n, 0.0) / factor[i]
        out[3][:, i] = mean_law @ np.minimum(number, n) / max(n, 1)
    out[1] = np.divide(out[2] * theta, rates, out=np.zeros_like(rates), where=rates > 0.0)
    return TransientResult(*out)


def _advance_interval(law: Table, flow: Table, leaving: Table, width_s: float) -> Table:
    """Advance the law through one interval. `law` becomes the law at its end, and the mean law within it is
    returned."""
    fastest = float(np.max(flow)) + float(leaving[-1])
    steps = max(1, math.ceil(width_s * fastest / STEP_SHARE))
    step = width_s / steps
    up = (flow * step)[:, None]
    down = leaving * step
    stay = 1.0 - down - up
    # A call that finds the chain full is lost, so its chance stays in the last state.
    stay[:, -1] += up[:, 0]
    total = np.zeros_like(law)
    for _ in range(steps):
        after = law * stay
        after[:, 1:] += law[:, :-1] * up
        after[:, :-1] += law[:, 1:] * down[1:]
        total += after
        law[:] = after
    return total / steps


def _answer_chances(agents: int, top: int, mu: float, theta: float, limit_s: float) -> Table:
    """Return the chance that an arrival is answered in time, by number of calls present."""
    chance = np.zeros(top + 1)
    chance[:agents] = 1.0
    if agents:
        # An arrival further behind than `reach` has no chance, so it is not calculated.
        reach = math.ceil(agents * mu * limit_s + QUEUE_DEVIATIONS * math.sqrt(agents * mu * limit_s + 1.0)
                          + top * theta * limit_s)
        for j in range(min(top + 1 - agents, reach)):
            chance[agents + j] = answered_from((*[0.0] * j, 1.0), agents * mu, theta, limit_s)
    return chance


def _queue_places(flow: Table, width_s: float, agents: Table, mu: float, theta: float) -> int:
    """Return the places in the queue: the largest mean number of a fluid model, with room for chance."""
    inside, worst = np.zeros(len(flow)), 0.0
    parts = 10
    for i, n in enumerate(agents):
        for _ in range(parts):
            out = np.minimum(inside, n) * mu + np.maximum(inside - n, 0.0) * theta
            inside = np.maximum(inside + (flow[:, i] - out) * width_s / parts, 0.0)
            worst = max(worst, float((inside - n).max()))
    return math.ceil(max(worst, 0.0) + QUEUE_DEVIATIONS * math.sqrt(float(np.max(agents)) + max(worst, 0.0) + 1.0))
