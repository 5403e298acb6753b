"""The shipped engine on the virtual clock has the values of queueing theory."""

from __future__ import annotations

import random
from heapq import heapreplace
from math import inf, isclose

import pytest

from bench.harness.product_form import solve_system
from bench.theory import (
    CASES,
    ERRORS_ALLOWED,
    RING_AWAY_MAX,
    RING_OF_180,
    SAME_S,
    Comparison,
    TheoryCase,
    build_centre,
    compare_case,
    compare_one_agent,
    compare_shipped,
    compare_with_pool,
    exact_values,
    farthest_single_wait,
    one_pool_case,
    simulate_values,
)
from planning.simulation.centre_run import Arrival, Duty, run_simulation
from routing.core.model.facts import Fact
from routing.core.model.ids import ServiceId
from routing.core.model.talk_facts import Connected

pytestmark = pytest.mark.integration

SHORT = [case for case in CASES if case.name != "W, 3+4+3"]
"""The others of its kind have unequal loads: the harder case."""
SHORT_WIDTH = 0.07
LONG_WIDTH = 0.01


def hold(values: list[Comparison], width: float) -> None:
    """Every value within three standard errors, P(wait) known as well as asked for."""
    for value in values:
        assert value.errors_away <= ERRORS_ALLOWED, value
        if value.what.startswith("waits"):
            assert value.half_width <= width, value


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.name)
def test_small_systems(case: TheoryCase) -> None:
    hold(compare_case(case, 30, 2_000), SHORT_WIDTH)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_small_systems_to_one_percent(case: TheoryCase) -> None:
    hold(compare_case(case, 30, 64_000), LONG_WIDTH)


def test_180_agents_with_two_of_three_skills() -> None:
    """Mean wait 1.5162 s, 3 % above the pool of all. Ten runs without the control would be off by some ten per cent."""
    controlled, plain = compare_with_pool(RING_OF_180, 10, 5_000)
    assert f"{controlled.exact:.4f}" == "1.5162"
    assert controlled.errors_away <= ERRORS_ALLOWED
    assert controlled.half_width < 0.25 * plain.half_width
    assert controlled.half_width < 0.04


@pytest.mark.long
def test_180_agents_with_two_of_three_skills_to_two_percent() -> None:
    controlled, _plain = compare_with_pool(RING_OF_180, 10, 200_000)
    assert controlled.errors_away <= ERRORS_ALLOWED
    assert controlled.half_width <= 0.005
    assert abs(controlled.mean / controlled.exact - 1.0) <= RING_AWAY_MAX


def test_every_single_wait_of_a_pool() -> None:
    """First come, first served by the first who is free: the wait of each call, not only the mean."""
    agents, number = 40, 4_000
    house = build_centre(one_pool_case("", agents, 39.0, 60.0).system)
    rng = random.Random(7)
    now, coming = 0.0, []
    for _ in range(number):
        now += rng.expovariate(0.66)
        coming.append(Arrival(now, ServiceId("t0"), rng.lognormvariate(3.5, 1.1)))
    found: dict[str, float] = {}

    def watch(facts: list[Fact]) -> None:
        found.update((fact.contact, fact.wait_s) for fact in facts if isinstance(fact, Connected))

    run_simulation(house, coming, [Duty(agent.id, 0.0, 10 * now) for agent in house.agents], watch=watch)
    free = [0.0] * agents
    waited = 0
    for place, arrival in enumerate(coming, start=1):
        begins = max(arrival.at, free[0])
        heapreplace(free, begins + arrival.handle_s)
        assert isclose(found[str(place)], begins - arrival.at, abs_tol=1e-6)
        waited += begins > arrival.at
    assert waited > number / 10, "the calls are enough to make a queue"


def test_wrap_up_and_ringing_belong_to_the_time_of_the_agent() -> None:
    one = compare_one_agent(30, 1_000)
    assert one.errors_away <= ERRORS_ALLOWED and one.half_width < 0.25
    away, mean_s = farthest_single_wait(3_000)
    assert away <= SAME_S and mean_s > 10.0, "the calls are enough to make a queue"


def test_the_shipped_steps_and_levels_are_those_of_a_plain_simulation() -> None:
    found = compare_shipped(3_000)
    assert found.differ == 0 and found.relaxed > 100
    assert compare_shipped(3_000, points=False).differ > 100, "the comparison sees another order"


def test_a_run_repeats_itself_and_another_seed_differs() -> None:
    case = CASES[-1]
    first = simulate_values(case, 500, 3)
    assert simulate_values(case, 500, 3) == first != simulate_values(case, 500, 4)
    assert set(exact_values(case)) <= set(first), "every value of theory is measured"


def test_a_wrong_theory_is_seen() -> None:
    """The comparison has teeth: the values of another system are many standard errors away."""
    ring = CASES[-1]
    values = compare_case(ring, 30, 400)
    equal = solve_system(CASES[-2].system).types[0]
    waits = next(value for value in values if value.what == "waits t0")
    assert waits._replace(exact=equal.waits).errors_away > ERRORS_ALLOWED
    assert Comparison("", 1.0, 1.0, 0.0).errors_away == 0.0
    assert Comparison("", 1.0, 2.0, 0.0).errors_away == inf
