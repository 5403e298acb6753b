"""The number of agents to keep free: Erlang C with all of them kept, and a plain simulation with fewer."""

from __future__ import annotations

import random
from heapq import heappop, heappush
from statistics import fmean

import pytest

from planning.theory.erlang import ErlangQueue
from planning.theory.kept_free import MEAN_WAIT, WITHIN, fewest_kept, waits_with_kept

pytestmark = pytest.mark.unit

QUEUE = ErlangQueue(1 / 60, 615.0, 15)


@pytest.mark.parametrize(("agents", "load"), [(1, 0.5), (4, 3.0), (15, 10.25), (60, 55.0)])
def test_with_all_agents_kept_it_is_erlang_c(agents: int, load: float) -> None:
    queue = ErlangQueue(load / 600.0, 600.0, agents)
    found = waits_with_kept(queue, agents, 195.0, 15.0)
    assert found.mean_wait_s == pytest.approx(queue.mean_wait_s(), rel=1e-6)
    assert found.within == pytest.approx(queue.service_level(15.0), rel=1e-6)


def test_each_agent_kept_shortens_the_wait() -> None:
    waits = [waits_with_kept(QUEUE, kept, 195.0, 15.0).mean_wait_s for kept in range(16)]
    assert waits == sorted(waits, reverse=True) and waits[0] > 3.0 * waits[-1]


def simulate(queue: ErlangQueue, kept: int, other_s: float, calls: int, seed: int) -> float:
    """Return the mean wait if other contacts always wait: one more begins whenever more agents are free than kept."""
    rng, now, waited = random.Random(seed), 0.0, 0.0
    ends: list[float] = [rng.expovariate(1.0 / other_s) for _ in range(queue.agents - kept)]
    ends.sort()
    line: list[float] = []
    for _ in range(calls):
        now += rng.expovariate(queue.rate)
        while ends and ends[0] <= now:
            at = heappop(ends)
            if line:
                waited += at - line.pop(0)
                heappush(ends, at + rng.expovariate(1.0 / queue.handle_s))
            elif queue.agents - len(ends) > kept:
                heappush(ends, at + rng.expovariate(1.0 / other_s))
        if len(ends) < queue.agents:
            heappush(ends, now + rng.expovariate(1.0 / queue.handle_s))
        else:
            line.append(now)
    return waited / calls


@pytest.mark.parametrize("kept", [0, 2])
def test_a_plain_simulation_says_the_same(kept: int) -> None:
    queue = ErlangQueue(1 / 100, 300.0, 5)
    found = fmean(simulate(queue, kept, 100.0, 80_000, seed) for seed in range(5))
    assert found == pytest.approx(waits_with_kept(queue, kept, 100.0, 15.0).mean_wait_s, rel=0.05)


def test_the_fewest_that_meet_both_goals() -> None:
    kept = fewest_kept(QUEUE, 195.0, 15.0)
    alone = waits_with_kept(QUEUE, 15, 195.0, 15.0)
    enough, less = (waits_with_kept(QUEUE, one, 195.0, 15.0) for one in (kept, kept - 1))
    assert kept == 5 and enough.mean_wait_s <= MEAN_WAIT * alone.mean_wait_s and enough.within >= WITHIN * alone.within
    assert less.mean_wait_s > MEAN_WAIT * alone.mean_wait_s or less.within < WITHIN * alone.within


def test_agents_who_cannot_carry_the_load_are_all_kept() -> None:
    overloaded = ErlangQueue(1 / 60, 615.0, 10)
    assert fewest_kept(overloaded, 195.0, 15.0) == 10
    with pytest.raises(ValueError, match=r"10 agents cannot carry 10\.25 Erlang"):
        waits_with_kept(overloaded, 3, 195.0, 15.0)
