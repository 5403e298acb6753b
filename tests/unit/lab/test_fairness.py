"""The bench of fairness: the same day twice is the same, and its checker sees an engine that knows nobody's needs."""

from __future__ import annotations

import pytest

from bench.fairness import (
    AGENTS,
    LOAD,
    NEEDS,
    SHARES,
    accommodated_places,
    draw_callers,
    equal_team,
    mean_present,
    mixed_team,
    simulate_day,
)
from metrics.prometheus.names import POOLED
from planning.simulation.centre_run import Arrival

pytestmark = pytest.mark.unit


def morning(seed: int) -> list[Arrival]:
    return [arrival for arrival in draw_callers(seed, mean_present(mixed_team(needs=False)), SHARES)
        if arrival.at < 4_500.0]


def test_fifty_agents_need_something_and_the_days_are_the_same_hours() -> None:
    needy, plain = mixed_team(needs=True), mixed_team(needs=False)
    usual = plain.centre.agents[0].profile
    assert sum(agent.profile != usual for agent in needy.centre.agents) == sum(number for number, _ in NEEDS) == 50
    assert len(set(accommodated_places())) == 50 and needy.duties == plain.duties and len(needy.centre.agents) == AGENTS
    assert mean_present(mixed_team(needs=False, part_days=False)) > mean_present(plain)


def test_the_same_day_twice_is_the_same() -> None:
    house = mixed_team(needs=True)
    first, second = (simulate_day(house, morning(1), judge=house.centre) for _ in range(2))
    assert first == second and first.offers > 2_000
    assert not first.violations
    assert simulate_day(house, morning(2)).outcome.agent_occupancies() != first.outcome.agent_occupancies()


def test_the_checker_sees_a_house_that_knows_nobodys_needs() -> None:
    wrong = simulate_day(mixed_team(needs=False), morning(1), judge=mixed_team(needs=True).centre).violations
    assert wrong.keys() >= {"rest_gap", "ring_timeout", POOLED}, wrong  # pooled: rules that fewer than five have


def test_the_load_is_what_is_said() -> None:
    house = equal_team()
    work = sum(arrival.handle_s + 15.0 for arrival in draw_callers(1, AGENTS, {house.centre.services[0].id: 1.0}))
    assert work == pytest.approx(LOAD * AGENTS * 8 * 3600.0, rel=0.03)
