"""How long contacts take, as learned: quantile, mean, what is left, and forgetting."""

from __future__ import annotations

import math
import random

import pytest

from routing.core.domain import Domain
from routing.core.memory.handle_times import (
    _STEPS,
    HALF_COUNT,
    LONGEST_S,
    P80_SHARE,
    SEED_MEAN_S,
    SEED_WEIGHT,
    SHORTEST_S,
    STEP_WIDTH,
    TOO_LARGE,
    HandleTimes,
)
from routing.core.model.ids import ServiceId

pytestmark = pytest.mark.unit


def test_of_an_unknown_service_the_usual_is_believed() -> None:
    times = Domain(1, 1).handle_times[ServiceId("new")]
    assert times.mean_s == pytest.approx(SEED_MEAN_S)
    assert SEED_MEAN_S < times.p80_s < 2 * SEED_MEAN_S
    assert times.remaining_s(0.0) == pytest.approx(SEED_MEAN_S, rel=STEP_WIDTH)


@pytest.mark.parametrize("seed", range(3))
def test_eight_of_ten_take_no_longer(seed: int) -> None:
    rng = random.Random(seed)
    times, taken = HandleTimes(), []
    for _ in range(4_000):
        taken.append(rng.lognormvariate(5.0, 0.7))
        times.note_contact(taken[-1])
    exact = math.exp(5.0 + 0.8416 * 0.7)
    assert times.p80_s == pytest.approx(exact, rel=0.15)
    mean = math.exp(5.0 + 0.7 * 0.7 / 2)
    assert times.mean_s == pytest.approx(mean, rel=0.15)
    left = [one - 200.0 for one in taken if one > 200.0]
    assert times.remaining_s(200.0) == pytest.approx(sum(left) / len(left), rel=0.25)


def test_the_value_at_hand_is_that_of_a_look_at_every_step() -> None:
    rng = random.Random(7)
    times = HandleTimes()
    for number in range(3_000):
        times.note_contact(rng.choice((3.0, 30.0, 300.0, 3_000.0)) * rng.uniform(0.5, 2.0))
        if number % 50 == 0:
            at, below, wanted = 0, times._counts[0], P80_SHARE * sum(times._counts)
            while below < wanted:
                at += 1
                below += times._counts[at]
            low = SHORTEST_S * (1 + STEP_WIDTH) ** at
            assert low * 0.999 <= times.p80_s <= low * (1 + STEP_WIDTH) * 1.001


def test_what_was_long_ago_is_forgotten_by_half() -> None:
    times = HandleTimes()
    for _ in range(2_000):
        times.note_contact(100.0)
    for _ in range(round(HALF_COUNT)):
        times.note_contact(1_000.0)
    assert times.mean_s == pytest.approx(550.0, rel=0.01), "half of the weight is new"


def test_the_seed_is_a_few_contacts() -> None:
    times = HandleTimes()
    for _ in range(10 * round(SEED_WEIGHT)):
        times.note_contact(20.0)
    assert times.p80_s < 40.0 and times.mean_s < 50.0


@pytest.mark.parametrize(("seconds", "like"), [(-5.0, SHORTEST_S), (0.0, SHORTEST_S), (1e9, LONGEST_S)])
def test_what_is_outside_counts_at_the_edge(seconds: float, like: float) -> None:
    times, same = HandleTimes(), HandleTimes()
    for _ in range(500):
        times.note_contact(seconds)
        same.note_contact(like)
    assert times.p80_s == same.p80_s and times.mean_s == same.mean_s and 0 < times.p80_s <= LONGEST_S * (1 + STEP_WIDTH)


def test_weights_that_grow_too_large_are_made_small_and_nothing_changes() -> None:
    times = HandleTimes()
    count = math.ceil(math.log2(TOO_LARGE) * HALF_COUNT) + 50
    for number in range(count):
        before = times._weight
        times.note_contact(60.0 if number % 2 else 600.0)
        if times._weight < before:
            break
    else:
        pytest.fail("never made small")
    assert times._weight == 1.0
    assert times.mean_s == pytest.approx(330.0, rel=0.01)
    assert times._below == pytest.approx(sum(times._counts[:times._at]))
    assert times._total == pytest.approx(sum(times._counts))


def test_beyond_everything_known_there_is_still_an_answer() -> None:
    times = HandleTimes()
    assert times.remaining_s(LONGEST_S * 2) == pytest.approx(times.mean_s)
    assert len(times._counts) == _STEPS


def test_each_service_learns_for_itself() -> None:
    d = Domain(1, 1)
    for _ in range(300):
        d.handle_times[ServiceId("short")].note_contact(30.0)
        d.handle_times[ServiceId("long")].note_contact(900.0)
    assert d.handle_times[ServiceId("short")].p80_s < 60.0 < 800.0 < d.handle_times[ServiceId("long")].p80_s
