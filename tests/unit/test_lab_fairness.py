"""The bench of fairness: the same day twice is the same, and its checker sees an engine that knows nobody's needs."""

from __future__ import annotations

import pytest

from lab.bench.fairness import AGENTS, LOAD, NEEDS, SHARES, callers, equal, lived, mixed, needing, present
from metrics.names import POOLED
from planning.house import Arrival

pytestmark = pytest.mark.unit


def morning(seed: int) -> list[Arrival]:
    return [arrival for arrival in callers(seed, present(mixed(needs=False)), SHARES) if arrival.at < 4_500.0]


def test_fifty_agents_need_something_and_the_days_are_the_same_hours() -> None:
    needy, plain = mixed(needs=True), mixed(needs=False)
    usual = plain.centre.agents[0].profile
    assert sum(agent.profile != usual for agent in needy.centre.agents) == sum(number for number, _ in NEEDS) == 50
    assert len(set(needing())) == 50 and needy.duties == plain.duties and len(needy.centre.agents) == AGENTS
    assert present(mixed(needs=False, part_days=False)) > present(plain)


def test_the_same_day_twice_is_the_same() -> None:
    house = mixed(needs=True)
    first, second = (lived(house, morning(1), judge=house.centre) for _ in range(2))
    assert first == second and first.offers > 2_000
    assert not first.violations
    assert lived(house, morning(2)).outcome.occupancies() != first.outcome.occupancies()


def test_the_checker_sees_a_house_that_knows_nobodys_needs() -> None:
    wrong = lived(mixed(needs=False), morning(1), judge=mixed(needs=True).centre).violations
    assert wrong.keys() >= {"rest_gap", "ring_timeout", POOLED}, wrong  # pooled: rules that fewer than five have


def test_the_load_is_what_is_said() -> None:
    house = equal()
    work = sum(arrival.handle_s + 15.0 for arrival in callers(1, AGENTS, {house.centre.services[0].id: 1.0}))
    assert work == pytest.approx(LOAD * AGENTS * 8 * 3600.0, rel=0.03)
