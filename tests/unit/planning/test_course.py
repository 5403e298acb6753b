"""Erlang A through a day: steady where the day is, and carried over where it is not."""

from __future__ import annotations

import random
from heapq import heapreplace

import numpy as np
import pytest

from planning.theory.erlang import PATIENCE_MAX_S, ErlangQueue
from planning.theory.transient import QueueModel, peakedness_of, solve_transient

pytestmark = pytest.mark.unit

HOUSE = QueueModel(180.0, 354.0, 20.0)


@pytest.mark.parametrize("load", [16.0, 20.0, 26.0])
def test_a_steady_day_is_erlang_a(load: float) -> None:
    rate, agents = load / 180.0, 20
    queue = ErlangQueue(rate, 180.0, agents, 354.0)
    last = solve_transient(HOUSE, np.full((1, 20), rate), 900.0, [agents] * 20)
    assert last.within[0, -1] == pytest.approx(queue.service_level(20.0), abs=2e-4)
    assert last.abandoned[0, -1] == pytest.approx(queue.abandoned_share(), abs=2e-4)
    assert last.queue[0, -1] == pytest.approx(queue.mean_queue(), rel=2e-3)
    assert last.occupancy[0, -1] == pytest.approx(queue.agent_occupancy(), rel=1e-3)
    assert last.within[0, 0] > last.within[0, -1], "the first callers find an empty house"


def test_an_overload_is_carried_over() -> None:
    """After a peak the queue is still there: a formula for the interval alone would call it good."""
    rates = np.array([[0.08] * 6 + [0.22] * 6 + [0.08] * 6, [0.08] * 18])
    peak, quiet = solve_transient(HOUSE, rates, 300.0, [20] * 18).within
    alone = ErlangQueue(0.08, 180.0, 20, 354.0).service_level(20.0)
    assert quiet[-1] == pytest.approx(alone, abs=1e-3)
    assert peak[12] < alone - 0.3, "right after the peak"
    assert peak[-1] == pytest.approx(alone, abs=0.02), "half an hour later it is over"
    assert peak[6] > ErlangQueue(0.22, 180.0, 20,
        354.0).service_level(20.0) + 0.2, "and the peak began with free agents"


def test_agents_who_come_and_go() -> None:
    rates = np.full((1, 8), 0.1)
    found = solve_transient(HOUSE, rates, 1800.0, [0, 0, 25, 25, 12, 12, 25, 25])
    assert found.within[0, 0] == 0.0 and found.occupancy[0, 0] == 0.0
    assert found.abandoned[0, 1] == pytest.approx(1.0, abs=0.02), "with nobody there all give up"
    assert found.within[0, 3] == pytest.approx(ErlangQueue(0.1, 180.0, 25, 354.0).service_level(20.0), abs=2e-3)
    assert found.within[0, 5] == pytest.approx(ErlangQueue(0.1, 180.0, 12, 354.0).service_level(20.0), abs=5e-3)


def test_the_course_is_what_a_plain_simulation_has() -> None:
    """Counts that are known, spread over their intervals; who comes first is served by who is free first."""
    counts = [30, 30, 45, 52, 60, 60, 52, 40, 30, 30]
    house = HOUSE._replace(peakedness=peakedness_of(300.0, 180.0, 0.0))
    agents = 30
    forecast = solve_transient(house, np.array([counts]) / 300.0, 300.0, [agents] * len(counts)).within[0]
    rng = random.Random(5)
    runs = 400
    answered = np.zeros(len(counts))
    for _ in range(runs):
        free = [0.0] * agents
        for slot, count in enumerate(counts):
            for at in sorted(rng.uniform(300.0 * slot, 300.0 * (slot + 1)) for _ in range(count)):
                begins = max(at, free[0])
                if begins - at < rng.expovariate(1 / 354.0):
                    heapreplace(free, begins + rng.expovariate(1 / 180.0))
                    answered[slot] += begins - at <= 20.0
    simulated = answered / runs / np.array(counts)
    assert np.abs(forecast - simulated).max() < 0.03
    assert float(forecast @ counts) / sum(counts) == pytest.approx(float(answered.sum()) / runs / sum(counts), abs=0.01)


@pytest.mark.parametrize(("width", "handle"), [(300.0, 180.0), (1800.0, 240.0), (60.0, 180.0)])
def test_peakedness_of_known_counts(width: float, handle: float) -> None:
    """Against drawing it: as many calls in each interval as always, agents without end."""
    rng = np.random.default_rng(3)
    each, back = 40, int(8 * handle / width) + 2
    ages = rng.uniform(0.0, width, (4000, back, each)) + width * np.arange(back)[None, :, None]
    moment = rng.uniform(0.0, width, (4000, 1, 1))  # how far the present interval has come
    ages = ages - (width - moment)
    left = rng.exponential(handle, ages.shape) > ages
    there = (left & (ages >= 0.0)).sum(axis=(1, 2))
    parts = np.array_split(np.argsort(moment[:, 0, 0]), 8)  # the mean differs within an interval: compare like moments
    drawn = np.mean([there[part].var() for part in parts]) / there.mean()
    assert peakedness_of(width, handle, 0.0) == pytest.approx(drawn, abs=0.06)
    assert peakedness_of(width, handle, 1.0) == pytest.approx(1.0)
    assert peakedness_of(width, handle, 1.6) > 1.0 > peakedness_of(width, handle, 0.5) > peakedness_of(width, handle,
        0.0)


def test_peakedness_costs_service() -> None:
    rates = np.full((1, 12), 0.1)
    smooth, poisson, rough = (float(solve_transient(HOUSE._replace(peakedness=z), rates, 900.0, [20] * 12).within[0,
        -1])
                              for z in (0.6, 1.0, 1.6))
    assert smooth > poisson + 0.01 > rough + 0.02


def test_what_is_no_day_is_refused() -> None:
    with pytest.raises(ValueError, match="3 numbers of agents for 4 intervals"):
        solve_transient(HOUSE, np.zeros((1, 4)), 300.0, [1, 2, 3])
    with pytest.raises(ValueError, match="patience"):
        solve_transient(HOUSE._replace(patience_s=2 * PATIENCE_MAX_S), np.zeros((1, 1)), 300.0, [1])
    nobody_calls = solve_transient(HOUSE, np.zeros((1, 2)), 300.0, [5, 5])
    assert (nobody_calls.within == 1.0).all() and (nobody_calls.abandoned == 0.0).all()
