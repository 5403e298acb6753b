"""Who plays in which script, and what a script has to itself."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from centres.load import Loaded
from centres.load import load as load_centre
from lab.script import Agent, Ahead, Call, HangsUp, Script
from lab.script_run import Bad, Cast, callers
from lab.up import CENTRE, Seat

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def centre() -> Loaded:
    return load_centre(CENTRE)


@pytest.fixture
def cast(centre: Loaded) -> Cast:
    return Cast(centre, [Seat(agent.id, f"2{agent.number[1:]}", "", "", dict(agent.skills), agent.team)
                         for agent in centre.agents])


def script(*who: str, number: str = "", caller: str = "", services: tuple[str, ...] = (), ahead: int = 0) -> Script:
    agents = tuple(Agent(line, name, "0") for line, name in enumerate(who, 5))
    return Script(Path("x.yaml"), "x", number, caller, frozenset(services), agents,
                  Ahead(ahead, "1") if ahead else None, None, (Call(0, (HangsUp(9),)),))


def test_agents_of_a_service_serve_it_alone_need_nothing_and_know_most_first(centre: Loaded, cast: Cast) -> None:
    part = cast.part(script("psikososyal", "psikososyal", "gorus_oneri"))
    team = {agent.id: agent for agent in centre.agents}
    chosen = [team[part.people[line]] for line in (5, 6, 7)]
    assert [set(agent.skills) for agent in chosen] == [{"psikososyal"}, {"psikososyal"}, {"gorus_oneri"}]
    assert chosen[0].id != chosen[1].id and chosen[0].skills["psikososyal"] >= chosen[1].skills["psikososyal"] >= 70
    assert not {agent.id for agent in chosen} & set(centre.accommodations)
    assert part.services == {"psikososyal", "gorus_oneri"}


def test_who_serves_several_services_keeps_them_all_from_other_scripts(centre: Loaded, cast: Cast) -> None:
    several = next(agent for agent in centre.agents if len(agent.skills) >= 2)
    part = cast.part(script(several.id, services=("ihbar_sikayet",)))
    assert part.people == {5: several.id}
    assert part.services >= {"ihbar_sikayet", *several.skills}


def test_nobody_plays_twice_and_when_nobody_is_left_the_line_is_told(centre: Loaded, cast: Cast) -> None:
    with pytest.raises(Bad, match=r"x\.yaml:6: the team has nobody left for 'a1001'\. Name an agent by id"):
        cast.part(script("a1001", "a1001"))
    few = Cast(centre, [Seat("a1004", "2004", "", "", {"gorus_oneri": 99}, "")])
    with pytest.raises(Bad, match=r"x\.yaml:5: .*'gorus_oneri'"):
        few.part(script("gorus_oneri"))  # a1004 needs something: only by id
    assert few.part(script("a1004")).people == {5: "a1004"}


def test_numbers_that_are_called_and_numbers_of_callers(cast: Cast) -> None:
    plain, entry, hidden = cast.part(script()), cast.part(script(number="ana")), cast.part(script(caller="gizli"))
    assert plain.number == entry.number == "4440632" and hidden.caller == "gizli"
    ahead = cast.part(script(ahead=3))
    everybody = [plain.caller, entry.caller, ahead.caller, *ahead.others]
    assert len(set(everybody)) == 6 and all(one.startswith("0500") and len(one) == 11 for one in everybody)
    assert not plain.services


def test_callers_numbers_do_not_come_again_soon() -> None:
    assert len(set(itertools.islice(callers(), 1_000))) == 1_000
