"""Calculate Erlang's formulas for one pool of equal agents.

In Erlang B no caller waits, in Erlang C all callers wait, and in Erlang A callers give up. Arrivals are Poisson, handle
times and patience exponential. Times are seconds, rates calls per second, loads Erlang (rate x handle time). The values
are exact except for rounding.

Sources: for Erlang B and C and the recurrence for 1/B, Cooper, Introduction to Queueing Theory, 1981. For Erlang A,
Garnett, Mandelbaum and Reiman, M&SOM 4(3):208-227, 2002.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

NEGLIGIBLE = 1e-300
"""Probability relative to the most likely state below which a state is left out. It is below anything a double can
add."""

TAIL = 1e-15
"""Probability that sums over the queue or the steps of uniformisation may leave out: the rounding of a probability."""

PATIENCE_MAX_S = 100_000.0
"""Largest mean patience, more than a day. In an overload the queue and the sums over it would grow with the patience.
Infinity means that no caller gives up."""

AGENTS_MAX = 10_000_000
"""Bound of the search for the fewest agents. It is beyond any centre and reached only if the target cannot be met."""


def erlang_b(load: float, agents: int) -> float:
    """Return the share of lost calls if no caller may wait, for `load` Erlang on `agents` lines.

    1/B(0) = 1, 1/B(k) = 1 + (k/load)/B(k-1). All terms are positive, so nothing cancels.
    """
    _check_load(load, agents)
    if load == 0.0:
        return 1.0 if agents == 0 else 0.0
    inverse = 1.0
    for k in range(1, agents + 1):
        inverse = 1.0 + k / load * inverse
    return 1.0 / inverse


def erlang_c(load: float, agents: int) -> float:
    """Return the share of calls that wait if no caller gives up. The share is 1 if the load is too much for the
    agents."""
    lost = erlang_b(load, agents)
    if load >= agents:
        return 1.0
    return lost / (1.0 - load / agents * (1.0 - lost))


class ErlangQueue(NamedTuple):
    """One pool of equal agents and the calls offered to it. The model is Erlang A with a patience, else Erlang C."""

    rate: float
    """Calls per second."""
    handle_s: float
    """Mean handle time, including wrap-up."""
    agents: int
    patience_s: float = math.inf
    """Mean patience of a waiting caller. With infinity no caller gives up."""

    @property
    def load(self) -> float:
        """Offered load in Erlang."""
        return self.rate * self.handle_s

    @property
    def stable(self) -> bool:
        """Whether the queue has a steady state. With a finite patience it always has one."""
        return self.load < self.agents or math.isfinite(self.patience_s)

    def waiting_share(self) -> float:
        """Return the share of calls that find no free agent."""
        if math.isinf(self.patience_s):
            return erlang_c(self.load, self.agents)
        return _steady_law(self).waits

    def mean_wait_s(self) -> float:
        """Return the mean wait of all calls (ASA), whether answered at once, after a wait, or given up."""
        if self.rate == 0.0:
            return 0.0
        return self.mean_queue() / self.rate

    def mean_queue(self) -> float:
        """Return the mean number of waiting callers. By Little's law it is rate x mean wait."""
        if math.isfinite(self.patience_s):
            return _steady_law(self).queue
        if not self.stable:
            return math.inf
        if self.rate == 0.0:
            return 0.0
        return self.waiting_share() * self.rate / self._spare_rate()

    def abandoned_share(self) -> float:
        """Return the share of calls that give up.

        Each waiting caller leaves at rate 1/patience, so rate x share = queue/patience.
        """
        if self.rate == 0.0 or math.isinf(self.patience_s):
            return 0.0
        return self.mean_queue() / self.patience_s / self.rate

    def agent_occupancy(self) -> float:
        """Return the share of time that agents are busy."""
        if self.agents == 0:
            return 0.0
        if not self.stable:
            return 1.0
        return self.load * (1.0 - self.abandoned_share()) / self.agents

    def service_level(self, limit_s: float) -> float:
        """Return calls answered within `limit_s` / calls offered."""
        if limit_s < 0.0:
            raise ValueError(f"a time limit cannot be negative: {limit_s} s")
        if math.isfinite(self.patience_s):
            steady = _steady_law(self)
            if self.agents == 0 or steady.waits == 0.0 or limit_s == 0.0:
                return 1.0 - steady.waits
            served = answered_from(steady.ahead, self.agents / self.handle_s, 1.0 / self.patience_s, limit_s)
            return min(1.0 - steady.waits + served, 1.0)
        if not self.stable:
            return 0.0
        return 1.0 - self.waiting_share() * math.exp(-self._spare_rate() * limit_s)

    def _spare_rate(self) -> float:
        return self.agents / self.handle_s - self.rate


class _Steady(NamedTuple):
    """The stationary law of Erlang A. `ahead[j]` is the share of calls that find all agents busy and j callers
    waiting."""

    waits: float
    queue: float
    ahead: tuple[float, ...]


@lru_cache(maxsize=4096)
def _steady_law(queue: ErlangQueue) -> _Steady:
    """Solve the balance equations from the most likely state outwards. The terms only shrink, so nothing overflows."""
    # 1. Check the parameters and handle a queue without calls.
    _check_load(queue.load, queue.agents)
    if not 0.0 < queue.patience_s <= PATIENCE_MAX_S or queue.handle_s <= 0.0:
        raise ValueError(f"a mean patience of {queue.patience_s:g} s and a handle time of {queue.handle_s:g} s: both "
                         f"must be positive, the patience at most {PATIENCE_MAX_S:g} s (infinite: nobody gives up)")
    if queue.rate == 0.0:
        none = 1.0 if queue.agents == 0 else 0.0
        return _Steady(none, 0.0, (none,) if none else ())
    # 2. Find the most likely state, where arrivals and departures balance.
    mu, theta, agents = 1.0 / queue.handle_s, 1.0 / queue.patience_s, queue.agents
    top = int(queue.load) if queue.load <= agents else agents + int((queue.rate - agents * mu) / theta)

    def leaving_rate(k: int) -> float:
        return min(k, agents) * mu + max(k - agents, 0) * theta

    # 3. Walk up, then down, until the states are negligible.
    above = [1.0]
    k = top
    while above[-1] > NEGLIGIBLE:
        k += 1
        above.append(above[-1] * queue.rate / leaving_rate(k))
    below, k = [], top
    weight = 1.0
    while k > 0 and weight > NEGLIGIBLE:
        weight *= leaving_rate(k) / queue.rate
        k -= 1
        below.append(weight)
    low = k
    # 4. Normalise, and keep the states in which a call must wait.
    law = [*reversed(below), *above]
    total = math.fsum(law)
    ahead = [weight / total for weight in law[max(agents - low, 0):]]
    if low > agents:
        ahead = [0.0] * (low - agents) + ahead
    return _Steady(math.fsum(ahead), math.fsum(j * share for j, share in enumerate(ahead)), tuple(ahead))


def answered_from(ahead: tuple[float, ...], served_rate: float, theta: float, limit_s: float) -> float:
    """Return the chance that a waiting caller is answered within the limit, by uniformisation.

    `ahead[j]` is the chance to find j callers waiting. `served_rate` is the rate of all agents together, and 1/`theta`
    the mean patience.

    With j callers ahead, three things can happen. The caller moves up at rate served_rate + j*theta, because an agent
    finishes or a caller ahead gives up. The caller gives up at rate theta. With j = 0 the caller is answered at rate
    served_rate. All positions move together, step by step, and the number of steps within the limit is Poisson.
    """
    # 1. Choose a clock as fast as the fastest position, so that each step is a chance per position.
    law = _without_tail(ahead)
    clock = served_rate + len(law) * theta
    tails = _poisson_tails(clock * limit_s)
    # A caller so far behind needs more steps than the limit allows, even with one position per step.
    del law[len(tails):]
    if math.fsum(law) < TAIL:
        return 0.0
    # 2. Step, and collect the chance to be answered from the first position.
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
    """Return the law without the end that is below rounding."""
    rest, last = 0.0, len(law)
    while last > 1 and rest + law[last - 1] < TAIL:
        last -= 1
        rest += law[last]
    return list(law[:last])


def _poisson_tails(mean: float) -> list[float]:
    """Return P(N > k) for k = 0, 1, ... until it is negligible.

    This is the chance that step k + 1 happens within the limit.
    """
    last = int(mean + 9.0 * math.sqrt(mean) + 30.0)
    # Logarithms, because mean**k and k! overflow long before their quotient does.
    logs = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(last + 1)]
    tails, tail = [0.0] * last, 0.0
    for k in range(last, 0, -1):
        tail += math.exp(logs[k])
        tails[k - 1] = min(tail, 1.0)
    return tails


def fewest_agents(rate: float, handle_s: float, target: float, within_s: float, patience_s: float = math.inf) -> int:
    """Return the smallest number of agents that answers the share `target` of calls within `within_s` seconds."""
    if not 0.0 < target < 1.0:
        raise ValueError(f"a target share lies between 0 and 1, not {target}")
    if rate <= 0.0:
        return 0

    def meets_target(agents: int) -> bool:
        return ErlangQueue(rate, handle_s, agents, patience_s).service_level(within_s) >= target

    # 1. Double the step until the target is met.
    high = max(1, math.ceil(rate * handle_s))
    low, step = 0, 1
    while not meets_target(high):
        low, high, step = high, high + step, 2 * step
        if high > AGENTS_MAX:
            raise ValueError(f"no number of agents answers {target:.1%} within {within_s:g} s")
    # 2. Halve the interval. More agents never lower the service level.
    while high - low > 1:
        middle = (low + high) // 2
        if meets_target(middle):
            high = middle
        else:
            low = middle
    return high


def _check_load(load: float, agents: int) -> None:
    """Raise ValueError for a load or a number of agents that no pool can have."""
    if not load >= 0.0 or agents < 0:
        raise ValueError(f"a load and a number of agents cannot be negative: {load} Erlang, {agents} agents")
