"""Strategies: which of several fitting agents. Ranks 0 to 127, the higher the better; keys, the smaller the better."""

from __future__ import annotations

import typing
from itertools import pairwise
from pathlib import Path

import pytest

from centres.services import Strategy as Named
from routing.core.matching import strategies
from routing.core.matching.strategies import RANK_MAX, STRATEGIES, fewest_contacts, fewest_skills, least_occupied
from routing.core.matching.strategies.least_occupied import NOTHING_HANDLED
from routing.core.model.centre_model import Agent
from routing.core.model.ids import AgentId, SkillId
from routing.core.records import AgentRecord

pytestmark = pytest.mark.unit

HOUR = 3600.0


def agent(skills: int = 1) -> Agent:
    return Agent(AgentId("a"), tuple((SkillId(f"k{number}"), 50) for number in range(skills)))


def test_the_names_are_those_of_the_centres_files() -> None:
    assert tuple(STRATEGIES) == typing.get_args(Named)
    with pytest.raises(strategies.UnknownStrategy, match="no strategy 'best'; there are longest_idle, "):
        strategies.find_strategy("best")


def test_every_strategy_is_a_short_module_and_in_the_table() -> None:
    folder = Path(strategies.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} == {*STRATEGIES, "__init__"}
    for name in STRATEGIES:
        assert len((folder / f"{name}.py").read_text().splitlines()) < 80
        assert f"| `{name}` |" in str(strategies.__doc__)


@pytest.mark.parametrize("name", STRATEGIES)
def test_ranks_fit_into_their_bits_and_say_truly_whether_each_level_has_its_own(name: str) -> None:
    strategy = STRATEGIES[name]
    ranks = {(level, skills): strategy.rank(agent(skills), level) for level in range(-1, 101) for skills in (1, 3, 40)}
    assert all(0 <= found <= RANK_MAX for found in ranks.values())
    alone = all(ranks[level, 1] == ranks[level, 3] for level in range(101))
    assert strategy.by_level is (alone and len({ranks[level, 1] for level in range(101)}) == 101)


@pytest.mark.parametrize(("name", "best_first"), [
    ("longest_idle", (100, 50, 0)), ("least_occupied", (100, 50, 0)), ("fewest_contacts", (100, 50, 0)),
    ("weakest_first", (0, 50, 100)), ("fewest_skills", (100, 50, 0))])
def test_the_level_ranks(name: str, best_first: tuple[int, ...]) -> None:
    ranks = [STRATEGIES[name].rank(agent(), level) for level in best_first]
    assert all(better > worse for better, worse in pairwise(ranks))


@pytest.mark.parametrize("name", ["longest_idle_any", "least_occupied_any"])
def test_the_level_does_not_rank(name: str) -> None:
    assert STRATEGIES[name].rank(agent(), 0) == STRATEGIES[name].rank(agent(), 100)


def test_specialists_come_before_generalists_whatever_their_level() -> None:
    assert fewest_skills.rank(agent(2), 10) > fewest_skills.rank(agent(3), 100)
    assert fewest_skills.rank(agent(fewest_skills.SKILLS_MAX),
        10) == fewest_skills.rank(agent(fewest_skills.SKILLS_MAX + 9), 10)


def test_the_order_by_occupancy_is_that_of_the_decayed_time_at_any_moment() -> None:
    long_ago, just_now = AgentRecord(agent(), 0), AgentRecord(agent(), 1)
    long_ago.occupied, long_ago.occupied_at = 3000.0, 0.0
    just_now.occupied, just_now.occupied_at = 700.0, 2 * HOUR  # 3000 has become 750 by then
    key = least_occupied.key
    assert key(just_now, HOUR) < key(long_ago, HOUR)
    just_now.occupied = 800.0
    assert key(just_now, HOUR) > key(long_ago, HOUR)


def test_who_has_handled_nothing_comes_first() -> None:
    idle, hardly = AgentRecord(agent(), 0), AgentRecord(agent(), 1)
    hardly.occupied = 5e-324
    assert least_occupied.key(idle, HOUR) == NOTHING_HANDLED < least_occupied.key(hardly, HOUR)
    assert fewest_contacts.key(idle, HOUR) == NOTHING_HANDLED


def test_offers_are_counted_and_forgotten_by_halves() -> None:
    often, once = AgentRecord(agent(), 0), AgentRecord(agent(), 1)
    for at in (0.0, 0.0, 0.0):
        fewest_contacts.count_offer(often, at, HOUR)
    assert often.offered == 3.0
    fewest_contacts.count_offer(once, HOUR, HOUR)
    assert fewest_contacts.key(once, HOUR) < fewest_contacts.key(often, HOUR), "1 against 1.5"
    fewest_contacts.count_offer(often, 2 * HOUR, HOUR)
    assert often.offered == pytest.approx(1.75)
    often.offered, often.offered_at = 3.0, 0.0
    fewest_contacts.count_offer(once, 2 * HOUR, HOUR)
    assert fewest_contacts.key(once, HOUR) > fewest_contacts.key(often, HOUR), "1.5 against 0.75"
