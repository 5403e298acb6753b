"""A record is run again as it was: who left from a break does not come back, a brief is not heard twice, skills for now
end with their duty."""

from __future__ import annotations

import pytest

from planning.errors import PlanningError
from planning.journal import recorded_traffic
from planning.simulation.centre_run import Arrival, Duty, run_simulation
from routing.core.events import AgentPaused, AgentSkillsChanged
from routing.core.model.centre_model import Agent, Centre, PreConnect, Profile, Service, Step
from routing.core.model.facts import AgentChanged, Fact
from routing.core.model.ids import AgentId, ServiceId, SkillId

pytestmark = pytest.mark.unit

SKILL, SERVICE, ECE = SkillId("genel"), ServiceId("genel"), AgentId("ece")


def house(profile: Profile) -> Centre:
    return Centre((Service(SERVICE, "Genel", (Step(((SKILL, 1),)),)),), (Agent(ECE, ((SKILL, 50),), profile),))


def again(centre: Centre, also: list[tuple[float, AgentPaused]], answer_s: float) -> tuple[list[float], list[float]]:
    """Waits of the callers as they were, and as they are when the record is run again."""
    facts: list[Fact] = []
    first = run_simulation(centre, [Arrival(10.0, SERVICE, 60.0), Arrival(300.0, SERVICE, 60.0)],
        [Duty(ECE, 0.0, 900.0)],
                answer_s=answer_s, also=also, watch=facts.extend)
    taken = recorded_traffic.read_traffic(facts)
    second = run_simulation(centre, taken.arrivals, taken.duties, answer_s=taken.answer_delay_s, also=taken.events)
    return list(first.total.waits), list(second.total.waits)


def test_who_leaves_from_a_break_does_not_come_back() -> None:
    was, now = again(house(Profile()), [(800.0, AgentPaused(ECE))], 3.0)
    assert was == now == [3.0, 3.0]


def test_the_whisper_and_the_time_to_read_are_not_counted_twice() -> None:
    was, now = again(house(Profile(pre_connect=PreConnect.BOTH, pre_connect_s=5.0)), [], 3.0)
    assert was == [12.0, 12.0]
    assert now == pytest.approx(was)


def test_a_caller_who_comes_back_to_an_old_place_comes_when_they_came() -> None:
    """Ece talks until 303. A caller waits from 10 to 60, another one from 70 on; the first one rings again at 100, has
    the age of 10 and is served first. Run again, it is the same: two arrivals of one caller, 90 s apart."""
    centre, facts = house(Profile(wrapup_s=0.0)), list[Fact]()
    calls = [Arrival(0.0, SERVICE, 300.0), Arrival(10.0, SERVICE, 60.0, 50.0, caller="h"),
             Arrival(70.0, SERVICE, 60.0, caller="other"), Arrival(100.0, SERVICE, 60.0, caller="h")]
    first = run_simulation(centre, calls, [Duty(ECE, 0.0, 900.0)], answer_s=3.0, watch=facts.extend)
    taken = recorded_traffic.read_traffic(facts)
    assert [(one.at, one.caller) for one in taken.arrivals] == [(one.at, one.caller) for one in calls]
    assert taken.arrivals[1].patience_s == 50.0
    second = run_simulation(centre, taken.arrivals, taken.duties, answer_s=taken.answer_delay_s, also=taken.events)
    assert list(first.total.waits) == list(second.total.waits) == [3.0, 296.0, 299.0]


def test_bounds_beyond_the_record_are_those_of_the_record() -> None:
    facts: list[Fact] = []
    run_simulation(house(Profile()), [Arrival(10.0, SERVICE, 60.0), Arrival(300.0, SERVICE, 60.0, 1.0)],
        [Duty(ECE, 0.0, 200.0)],
        watch=facts.extend)
    whole, wider = recorded_traffic.read_traffic(facts), recorded_traffic.read_traffic(facts, -1e9, 1e9)
    assert wider == whole and (whole.start, whole.end) == (10.0, 301.0)
    assert recorded_traffic.read_traffic(facts, 0.0, 50.0).end == 50.0
    for bounds in ((400.0, None), (None, 5.0), (300.5, 20.0)):
        with pytest.raises(PlanningError, match="no contact came"):
            recorded_traffic.read_traffic(facts, *bounds)


DAY = 86_400.0
FOR_NOW = ((SKILL, 7),)


def skilled(at: float, *duties: Duty) -> list[Fact]:
    """Callers at ten and eleven of two days; at a moment Ece serves something else for now."""
    facts: list[Fact] = []
    coming = [Arrival(day * DAY + hour * 3600.0, SERVICE, 60.0, 5.0) for day in (0, 1) for hour in (10, 11)]
    run_simulation(house(Profile()), coming, duties, also=[(at, AgentSkillsChanged(ECE, FOR_NOW))], watch=facts.extend)
    return facts


TWO_DAYS = tuple(Duty(ECE, day * DAY + 8 * 3600.0, day * DAY + 17 * 3600.0) for day in (0, 1))


@pytest.mark.parametrize(("start", "end", "kept"), [
    (None, None, [9 * 3600.0]),
    (10.5 * 3600.0, None, [10.5 * 3600.0]),
    (None, 10.5 * 3600.0, []),
    (DAY, None, []),
    (DAY + 9 * 3600.0, None, []),
], ids=["whole", "from within that duty", "up to before it", "from midnight", "from within the next duty"])
def test_skills_for_now_end_with_their_duty(start: float | None, end: float | None, kept: list[float]) -> None:
    """By the record alone Ece's skills change at nine; a part that begins later has them from its beginning, and one of
    the next day has not."""
    at = 11.5 * 3600.0 if end is not None else 9 * 3600.0
    taken = recorded_traffic.read_traffic(skilled(at, *TWO_DAYS), start, end)
    wanted = [(max(one, taken.start), AgentSkillsChanged(ECE, FOR_NOW)) for one in kept]
    assert [one for one in taken.events if isinstance(one[1], AgentSkillsChanged)] == wanted
    run_simulation(house(Profile()), taken.arrivals, taken.duties, also=taken.events)  # refused if she were not there


def test_skills_that_change_in_the_last_moment_of_a_record_change_nothing() -> None:
    facts = [fact for fact in skilled(DAY + 12 * 3600.0, *TWO_DAYS) if fact.at <= DAY + 12 * 3600.0]
    assert isinstance(facts[-1], AgentChanged) and facts[-1].skills == FOR_NOW
    taken = recorded_traffic.read_traffic(facts)
    assert taken.end == facts[-1].at and not any(isinstance(event, AgentSkillsChanged) for _, event in taken.events)
    run_simulation(house(Profile()), taken.arrivals, taken.duties, also=taken.events)
