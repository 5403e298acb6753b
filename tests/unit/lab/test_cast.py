"""The people of each script, and the things that a script has for itself."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from centres.centre_reader import LoadedCentre
from centres.centre_reader import load_centre as load_centre
from lab.lifecycle import CENTRE, AgentSeat
from lab.script.model import CallersAhead, CallScript, HangsUp, ScriptAgent, ScriptCall
from lab.script.runner import CastList, ScriptProblems, caller_numbers

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def centre() -> LoadedCentre:
    return load_centre(CENTRE)


@pytest.fixture
def cast(centre: LoadedCentre) -> CastList:
    return CastList(centre, [AgentSeat(agent.id, f"2{agent.number[1:]}", "", "", dict(agent.skills), agent.team)
                         for agent in centre.agents])


def script(*who: str, number: str = "", caller: str = "", services: tuple[str, ...] = (), ahead: int = 0) -> CallScript:
    agents = tuple(ScriptAgent(line, name, "0") for line, name in enumerate(who, 5))
    return CallScript(Path("x.yaml"), "x", number, caller, frozenset(services), agents,
                  CallersAhead(ahead, "1") if ahead else None, None, (ScriptCall(0, (HangsUp(9),)),))


def test_agents_of_a_service_serve_it_alone_need_nothing_and_know_most_first(centre: LoadedCentre,
        cast: CastList) -> None:
    part = cast.cast_script(script("psikososyal", "psikososyal", "gorus_oneri"))
    team = {agent.id: agent for agent in centre.agents}
    chosen = [team[part.people[line]] for line in (5, 6, 7)]
    assert [set(agent.skills) for agent in chosen] == [{"psikososyal"}, {"psikososyal"}, {"gorus_oneri"}]
    assert chosen[0].id != chosen[1].id and chosen[0].skills["psikososyal"] >= chosen[1].skills["psikososyal"] >= 70
    assert not {agent.id for agent in chosen} & set(centre.accommodations)
    assert part.services == {"psikososyal", "gorus_oneri"}


def test_who_serves_several_services_keeps_them_all_from_other_scripts(centre: LoadedCentre, cast: CastList) -> None:
    several = next(agent for agent in centre.agents if len(agent.skills) >= 2)
    part = cast.cast_script(script(several.id, services=("ihbar_sikayet",)))
    assert part.people == {5: several.id}
    assert part.services >= {"ihbar_sikayet", *several.skills}


def test_nobody_plays_twice_and_when_nobody_is_left_the_line_is_told(centre: LoadedCentre, cast: CastList) -> None:
    with pytest.raises(ScriptProblems, match=r"x\.yaml:6: the team has nobody left for 'a1001'\. Name an agent by id"):
        cast.cast_script(script("a1001", "a1001"))
    few = CastList(centre, [AgentSeat("a1004", "2004", "", "", {"gorus_oneri": 99}, "")])
    with pytest.raises(ScriptProblems, match=r"x\.yaml:5: .*'gorus_oneri'"):
        few.cast_script(script("gorus_oneri"))  # a1004 needs something: only by id
    assert few.cast_script(script("a1004")).people == {5: "a1004"}


def test_numbers_that_are_called_and_numbers_of_callers(cast: CastList) -> None:
    plain, entry, hidden = cast.cast_script(script()), cast.cast_script(script(number="ana")), cast.cast_script(
        script(caller="gizli"))
    assert plain.number == entry.number == "4440632" and hidden.caller == "gizli"
    ahead = cast.cast_script(script(ahead=3))
    everybody = [plain.caller, entry.caller, ahead.caller, *ahead.others]
    assert len(set(everybody)) == 6 and all(one.startswith("0500") and len(one) == 11 for one in everybody)
    assert not plain.services


def test_callers_numbers_do_not_come_again_soon() -> None:
    assert len(set(itertools.islice(caller_numbers(), 1_000))) == 1_000
