"""Calculate how many agents to keep free for a service (`keep_free`), so that its callers hardly wait longer.

The model. Callers of the service come at random and have exponential handle times, as in Erlang C. Other contacts wait
without end, which is the worst case: whenever more agents are free than are kept, one more of them takes another
contact. Nobody is interrupted. A state is (callers of the service, agents with other contacts), and the steady law of
this chain follows level by level (linear level reduction). Keeping all agents free gives Erlang C.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planning.theory.erlang import ErlangQueue

MEAN_WAIT, WITHIN = 1.15, 0.95
"""Goals: mean wait at most, and share within the target at least, as factors of agents who take nothing else."""

TAIL = 1e-10
"""Probability of queues that are longer than the calculated ones."""

LEVELS_MAX = 5_000
"""Most callers of the service at one time. Only a load of more than 99.5 % of the agents would need more."""


class KeptFree(NamedTuple):
    """Waits of the callers of the service."""

    mean_wait_s: float
    within: float
    """Share answered within the target. A wait is taken as exponential, which Erlang C makes exact."""


def waits_with_kept(queue: ErlangQueue, kept: int, other_handle_s: float, within_s: float) -> KeptFree:
    """Return the waits for `queue` if `kept` of its agents stay free of other contacts of this mean handle time.

    Callers of the service have no limit of patience. Raise ValueError if the agents cannot carry their load.
    """
    agents, rate = queue.agents, queue.rate
    if rate * queue.handle_s >= agents:
        raise ValueError(f"{agents} agents cannot carry {rate * queue.handle_s:.2f} Erlang")
    others = max(0, agents - kept)
    # 1. The levels: enough that longer queues hardly ever occur.
    tail = math.log(TAIL) / math.log(rate * queue.handle_s / agents)
    top = min(LEVELS_MAX, agents + math.ceil(tail))
    chain = _Chain(rate, 1.0 / queue.handle_s, 1.0 / other_handle_s, agents, others)
    # 2. From the top down: each level as a multiple of the one below.
    ratios: list[npt.NDArray[np.float64]] = [np.zeros(0)] * (top + 1)
    up = rate * np.eye(others + 1)
    inner = chain.within_level(top, last=True)
    for level in range(top, 0, -1):
        ratios[level] = -up @ np.linalg.inv(inner)
        inner = chain.within_level(level - 1) + ratios[level] @ chain.down(level)
    # 3. From the bottom up. Without a caller of the service all agents who may are with other contacts.
    law = np.zeros(others + 1)
    law[others] = 1.0
    busy = np.arange(others + 1)
    total = waiting = queued = 0.0
    for level in range(top + 1):
        if level:
            law = law @ ratios[level]
        total += float(law.sum())
        waiting += float(law[level + busy >= agents].sum())
        queued += float((law * np.maximum(0, level + busy - agents)).sum())
    # 4. Little's law, and an exponential wait of those who wait.
    mean_s, waits = queued / total / rate, waiting / total
    return KeptFree(mean_s, 1.0 - waits * math.exp(-within_s * waits / mean_s) if mean_s > 0.0 else 1.0)


def fewest_kept(queue: ErlangQueue, other_handle_s: float, within_s: float) -> int:
    """Return the smallest number of agents to keep free that meets `MEAN_WAIT` and `WITHIN`.

    Agents who cannot carry the load of the service alone are all kept.
    """
    if queue.rate * queue.handle_s >= queue.agents:
        return queue.agents
    alone = waits_with_kept(queue, queue.agents, other_handle_s, within_s)
    for kept in range(queue.agents):
        found = waits_with_kept(queue, kept, other_handle_s, within_s)
        if found.mean_wait_s <= MEAN_WAIT * alone.mean_wait_s and found.within >= WITHIN * alone.within:
            return kept
    return queue.agents


class _Chain(NamedTuple):
    """The rates between the states of two levels, and within one. A level is a number of callers of the service."""

    rate: float
    ends: float
    other_ends: float
    agents: int
    others: int

    def within_level(self, level: int, *, last: bool = False) -> npt.NDArray[np.float64]:
        """Return the rates within a level, with what leaves each state on the diagonal. The last level lets nobody in.
        """
        found = np.zeros((self.others + 1, self.others + 1))
        for busy in range(self.others + 1):
            # Too few agents are busy: another contact would have come at once, so the state never occurs.
            if level + busy < self.others:
                found[busy, busy] = -1.0
                continue
            leaves = min(level, self.agents - busy) * self.ends + (0.0 if last else self.rate)
            # Otherwise the next of the other contacts takes the place.
            if busy and level + busy - 1 >= self.others:
                found[busy, busy - 1] = busy * self.other_ends
                leaves += busy * self.other_ends
            found[busy, busy] = -leaves
        return found

    def down(self, level: int) -> npt.NDArray[np.float64]:
        """Return the rates to the level below."""
        found = np.zeros((self.others + 1, self.others + 1))
        for busy in range(self.others + 1):
            if level + busy >= self.others:
                found[busy, busy + (level - 1 + busy < self.others)] = min(level, self.agents - busy) * self.ends
        return found
