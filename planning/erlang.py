"""Erlang's formulae for one pool of equal agents: B (nobody waits), C (everybody waits), A (callers give up).

Arrivals are Poisson, handle times and patience exponential. Times are seconds, rates calls per second, loads Erlang
(rate x handle time). The values are exact but for rounding.

Sources: Erlang B and C, the recurrence for 1/B: any text on queues, e.g. Cooper, Introduction to Queueing Theory, 1981.
Erlang A: Garnett, Mandelbaum and Reiman, M&SOM 4(3):208-227, 2002.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

NEGLIGIBLE = 1e-300
"""A state this much rarer than the most likely one is left out: rarer than anything a double can add up."""

TAIL = 1e-15
"""What a sum over the queue or over the steps of uniformisation may leave out: the rounding of a probability."""

LONGEST_PATIENCE_S = 100_000.0
"""A mean patience beyond a day and more is refused: in an overload the queue would be that long, and so would the
sums over it. Infinity is the way to say that nobody gives up."""

MOST_AGENTS = 10_000_000
"""Where the search for the fewest agents gives up: more than any centre, reached only when the target cannot be met."""


def erlang_b(load: float, agents: int) -> float:
    """Share of calls lost when nobody may wait, `load` Erlang on `agents` lines.

    1/B(0) = 1, 1/B(k) = 1 + (k/load)/B(k-1): every term is positive, so nothing cancels."""
    _check(load, agents)
    if load == 0.0:
        return 1.0 if agents == 0 else 0.0
    inverse = 1.0
    for k in range(1, agents + 1):
        inverse = 1.0 + k / load * inverse
    return 1.0 / inverse


def erlang_c(load: float, agents: int) -> float:
    """Share of calls that wait when everybody waits as long as it takes; 1 when the load is too much for the agents."""
    lost = erlang_b(load, agents)
    if load >= agents:
        return 1.0
    return lost / (1.0 - load / agents * (1.0 - lost))


class Queue(NamedTuple):
    """One pool of equal agents and the calls offered to it. Without a patience it is Erlang C, with one Erlang A."""

    rate: float
    """Calls per second."""
    handle_s: float
    """Mean handle time, wrap-up included."""
    agents: int
    patience_s: float = math.inf
    """Mean time after which a waiting caller gives up; infinity: never."""

    @property
    def load(self) -> float:
        """Offered load in Erlang."""
        return self.rate * self.handle_s

    @property
    def stable(self) -> bool:
        """Whether the queue has a steady state: always, when callers give up."""
        return self.load < self.agents or math.isfinite(self.patience_s)

    def waits(self) -> float:
        """Share of calls that do not find a free agent."""
        if math.isinf(self.patience_s):
            return erlang_c(self.load, self.agents)
        return _steady(self).waits

    def mean_wait_s(self) -> float:
        """Mean wait of all calls (ASA): of those who find a free agent, who wait, and who give up."""
        if self.rate == 0.0:
            return 0.0
        return self.mean_queue() / self.rate

    def mean_queue(self) -> float:
        """Mean number of callers waiting. By Little's law it is rate x mean wait."""
        if math.isfinite(self.patience_s):
            return _steady(self).queue
        if not self.stable:
            return math.inf
        if self.rate == 0.0:
            return 0.0
        return self.waits() * self.rate / self._spare()

    def abandoned(self) -> float:
        """Share of calls that give up: everyone in the queue leaves at 1/patience, so rate x share = queue/patience."""
        if self.rate == 0.0 or math.isinf(self.patience_s):
            return 0.0
        return self.mean_queue() / self.patience_s / self.rate

    def occupancy(self) -> float:
        """Share of their time that agents are busy."""
        if self.agents == 0:
            return 0.0
        if not self.stable:
            return 1.0
        return self.load * (1.0 - self.abandoned()) / self.agents

    def within(self, limit_s: float) -> float:
        """Service level: calls answered within `limit_s` of all calls offered."""
        if limit_s < 0.0:
            raise ValueError(f"a time limit cannot be negative: {limit_s} s")
        if math.isfinite(self.patience_s):
            steady = _steady(self)
            if self.agents == 0 or steady.waits == 0.0 or limit_s == 0.0:
                return 1.0 - steady.waits
            served = answered_from(steady.ahead, self.agents / self.handle_s, 1.0 / self.patience_s, limit_s)
            return min(1.0 - steady.waits + served, 1.0)
        if not self.stable:
            return 0.0
        return 1.0 - self.waits() * math.exp(-self._spare() * limit_s)

    def _spare(self) -> float:
        return self.agents / self.handle_s - self.rate


class _Steady(NamedTuple):
    """The stationary law of Erlang A: `ahead[j]` = share of calls that find everybody busy and j callers waiting."""

    waits: float
    queue: float
    ahead: tuple[float, ...]


@lru_cache(maxsize=4096)
def _steady(queue: Queue) -> _Steady:
    """Balance equations from the most likely state outwards: terms only shrink, so nothing overflows."""
    _check(queue.load, queue.agents)
    if not 0.0 < queue.patience_s <= LONGEST_PATIENCE_S or queue.handle_s <= 0.0:
        raise ValueError(f"a mean patience of {queue.patience_s:g} s and a handle time of {queue.handle_s:g} s: both "
                         f"must be positive, the patience at most {LONGEST_PATIENCE_S:g} s (infinite: nobody gives up)")
    if queue.rate == 0.0:
        none = 1.0 if queue.agents == 0 else 0.0
        return _Steady(none, 0.0, (none,) if none else ())
    mu, theta, agents = 1.0 / queue.handle_s, 1.0 / queue.patience_s, queue.agents
    top = int(queue.load) if queue.load <= agents else agents + int((queue.rate - agents * mu) / theta)

    def leaves(k: int) -> float:
        return min(k, agents) * mu + max(k - agents, 0) * theta

    above = [1.0]
    k = top
    while above[-1] > NEGLIGIBLE:
        k += 1
        above.append(above[-1] * queue.rate / leaves(k))
    below, k = [], top
    weight = 1.0
    while k > 0 and weight > NEGLIGIBLE:
        weight *= leaves(k) / queue.rate
        k -= 1
        below.append(weight)
    low = k
    law = [*reversed(below), *above]
    total = math.fsum(law)
    ahead = [weight / total for weight in law[max(agents - low, 0):]]
    if low > agents:
        ahead = [0.0] * (low - agents) + ahead
    return _Steady(math.fsum(ahead), math.fsum(j * share for j, share in enumerate(ahead)), tuple(ahead))


def answered_from(ahead: tuple[float, ...], served_rate: float, theta: float, limit_s: float) -> float:
    """Chance of an answer within the limit for a caller who waits, by uniformisation. `ahead[j]` is the chance of
    finding j callers waiting, `served_rate` what all agents together serve, 1/`theta` the mean patience.

    With j ahead the call comes nearer at served_rate + j*theta (an agent is done, or one ahead gives up), gives up
    itself at theta, and is answered out of j = 0 at served_rate. All places are moved at once, step by step; the number
    of steps within the limit is Poisson."""
    law = _without_tail(ahead)
    clock = served_rate + len(law) * theta
    tails = _poisson_tails(clock * limit_s)
    del law[len(tails):]  # so far behind that even one place a step is too slow
    if math.fsum(law) < TAIL:
        return 0.0
    nearer = [(served_rate + j * theta) / clock for j in range(len(law))]
    stays = [1.0 - move - theta / clock for move in nearer]
    answered = 0.0
    for weight in tails:
        answered += law[0] * nearer[0] * weight
        moved = [here * stay for here, stay in zip(law, stays, strict=True)]
        for j in range(1, len(law)):
            moved[j - 1] += law[j] * nearer[j]
        law = moved
    return answered


def _without_tail(law: tuple[float, ...]) -> list[float]:
    """The law up to where the rest is below rounding."""
    rest, last = 0.0, len(law)
    while last > 1 and rest + law[last - 1] < TAIL:
        last -= 1
        rest += law[last]
    return list(law[:last])


def _poisson_tails(mean: float) -> list[float]:
    """P(N > k) for k = 0, 1, ... until it is negligible: the chance that the k+1st step happens within the limit."""
    last = int(mean + 9.0 * math.sqrt(mean) + 30.0)
    logs = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(last + 1)]
    tails, tail = [0.0] * last, 0.0
    for k in range(last, 0, -1):
        tail += math.exp(logs[k])
        tails[k - 1] = min(tail, 1.0)
    return tails


def fewest_agents(rate: float, handle_s: float, target: float, within_s: float, patience_s: float = math.inf) -> int:
    """The smallest number of agents that answer the share `target` of the calls within `within_s` seconds."""
    if not 0.0 < target < 1.0:
        raise ValueError(f"a target share lies between 0 and 1, not {target}")
    if rate <= 0.0:
        return 0

    def enough(agents: int) -> bool:
        return Queue(rate, handle_s, agents, patience_s).within(within_s) >= target

    high = max(1, math.ceil(rate * handle_s))
    low, step = 0, 1
    while not enough(high):
        low, high, step = high, high + step, 2 * step
        if high > MOST_AGENTS:
            raise ValueError(f"no number of agents answers {target:.1%} within {within_s:g} s")
    while high - low > 1:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle
    return high


def _check(load: float, agents: int) -> None:
    """Refuses what no pool can have."""
    if not load >= 0.0 or agents < 0:
        raise ValueError(f"a load and a number of agents cannot be negative: {load} Erlang, {agents} agents")
