"""A record is run again as it was: who left from a break does not come back, a brief is not heard twice."""

from __future__ import annotations

import pytest

from planning import recorded
from planning.house import Arrival, Duty, run
from routing.core.events import AgentPaused
from routing.core.facts import Fact
from routing.core.ids import AgentId, ServiceId, SkillId
from routing.core.model import Agent, Centre, PreConnect, Profile, Service, Step

pytestmark = pytest.mark.unit

SKILL, SERVICE, ECE = SkillId("genel"), ServiceId("genel"), AgentId("ece")


def house(profile: Profile) -> Centre:
    return Centre((Service(SERVICE, "Genel", (Step(((SKILL, 1),)),)),), (Agent(ECE, ((SKILL, 50),), profile),))


def again(centre: Centre, also: list[tuple[float, AgentPaused]], answer_s: float) -> tuple[list[float], list[float]]:
    """Waits of the callers as they were, and as they are when the record is run again."""
    facts: list[Fact] = []
    first = run(centre, [Arrival(10.0, SERVICE, 60.0), Arrival(300.0, SERVICE, 60.0)], [Duty(ECE, 0.0, 900.0)],
                answer_s=answer_s, also=also, watch=facts.extend)
    taken = recorded.read(facts)
    second = run(centre, taken.arrivals, taken.duties, answer_s=taken.answer_s, also=taken.events)
    return list(first.total.waits), list(second.total.waits)


def test_who_leaves_from_a_break_does_not_come_back() -> None:
    was, now = again(house(Profile()), [(800.0, AgentPaused(ECE))], 3.0)
    assert was == now == [3.0, 3.0]


def test_the_brief_and_the_time_to_read_are_not_counted_twice() -> None:
    was, now = again(house(Profile(pre_connect=PreConnect.BOTH, pre_connect_s=5.0)), [], 3.0)
    assert was == [12.0, 12.0]
    assert now == pytest.approx(was)


def test_a_caller_who_comes_back_to_an_old_place_comes_when_they_came() -> None:
    """Ece talks until 303. A caller waits from 10 to 60, another one from 70 on; the first one rings again at 100, has
    the age of 10 and is served first. Run again, it is the same: two arrivals of one caller, 90 s apart."""
    centre, facts = house(Profile(wrapup_s=0.0)), list[Fact]()
    calls = [Arrival(0.0, SERVICE, 300.0), Arrival(10.0, SERVICE, 60.0, 50.0, caller="h"),
             Arrival(70.0, SERVICE, 60.0, caller="other"), Arrival(100.0, SERVICE, 60.0, caller="h")]
    first = run(centre, calls, [Duty(ECE, 0.0, 900.0)], answer_s=3.0, watch=facts.extend)
    taken = recorded.read(facts)
    assert [(one.at, one.caller) for one in taken.arrivals] == [(one.at, one.caller) for one in calls]
    assert taken.arrivals[1].patience_s == 50.0
    second = run(centre, taken.arrivals, taken.duties, answer_s=taken.answer_s, also=taken.events)
    assert list(first.total.waits) == list(second.total.waits) == [3.0, 296.0, 299.0]
