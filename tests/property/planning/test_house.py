"""Any small centre, any day: nobody is lost, nobody is passed, no agent has more than they can carry."""

from __future__ import annotations

from collections import Counter
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.simulation.centre_run import Arrival, Duty, run_simulation
from routing.core.model.centre_model import Agent, Centre, PreConnect, Profile, Service, Step, WayOut
from routing.core.model.facts import Fact, OfferClosed, Offered, WayOutOffered
from routing.core.model.ids import AgentId, OfferId, ServiceId, SkillId
from routing.core.model.talk_facts import Connected, TalkEndedRecorded, WrappedUp
from tests.core.house import farewell_after
from tests.examples import examples

pytestmark = pytest.mark.property

SKILLS = tuple(SkillId(name) for name in ("k0", "k1", "k2"))
LEVELS = st.integers(1, 100)
HORIZON_S = 4_000.0

profiles = st.tuples(st.sampled_from((0.0, 15.0, 60.0)), st.sampled_from((0.0, 30.0)),
                     st.sampled_from((PreConnect.NONE, PreConnect.WHISPER))).map(
    lambda some: Profile(wrapup_s=some[0], rest_gap_s=some[1], pre_connect=some[2], max_continuous_s=inf))


@st.composite
def centres(draw: st.DrawFn) -> Centre:
    """One to three services in steps that ask for less and less, one to five agents."""
    services = []
    for skill in draw(st.lists(st.sampled_from(SKILLS), min_size=1, max_size=3, unique=True)):
        first, second = sorted((draw(LEVELS), draw(LEVELS)), reverse=True)
        services.append(Service(
            ServiceId(skill), skill,
            (Step(((skill, first),), draw(st.sampled_from((5.0, 20.0)))), Step(((skill, second),))),
            priority=draw(st.sampled_from((0, 0, 3))),
            when_waited=draw(st.sampled_from((None, None, farewell_after(90.0))))))
    agents = []
    for number in range(draw(st.integers(1, 5))):
        skills = draw(st.dictionaries(st.sampled_from(SKILLS), LEVELS, min_size=1))
        agents.append(Agent(AgentId(f"a{number}"), tuple(skills.items()), draw(profiles)))
    return Centre(tuple(services), tuple(agents))


@st.composite
def days(draw: st.DrawFn) -> tuple[Centre, list[Arrival], list[Duty], float]:
    """A centre with its arrivals, duties and how fast phones are picked up."""
    centre = draw(centres())
    names = st.sampled_from([service.id for service in centre.services])
    seconds = st.integers(0, 300).map(float)
    arrivals = draw(st.lists(st.tuples(
        st.integers(0, 2_000).map(float), names, seconds, st.one_of(seconds, st.just(inf)),
        st.sampled_from((0, 0, 0, 2))).map(lambda some: Arrival(*some[:4], priority=some[4])), max_size=40))
    duties = []
    for agent in centre.agents:
        start = draw(st.integers(0, 500))
        end = start + draw(st.integers(100, 3_000))
        begin = draw(st.integers(start, end - 50))
        breaks = ((float(begin), float(begin + 50)),) if draw(st.booleans()) else ()
        duties.append(Duty(agent.id, float(start), float(end), breaks))
    return centre, sorted(arrivals), duties, draw(st.sampled_from((0.0, 0.0, 2.0, 12.0, 30.0)))


def carried(facts: list[Fact]) -> int:
    """The most contacts that an agent had at once, from the first ring to the end of the wrap-up."""
    now: Counter[AgentId] = Counter()
    open_: dict[OfferId, AgentId] = {}
    most = 0
    for fact in facts:
        if isinstance(fact, Offered):
            open_[fact.offer] = fact.agent
            now[fact.agent] += 1
            most = max(most, now[fact.agent])
        elif isinstance(fact, OfferClosed | WrappedUp) and fact.offer in open_:
            now[open_.pop(fact.offer)] -= 1
    return most


@given(days())
@settings(max_examples=examples(120))
def test_a_day_keeps_its_promises(day: tuple[Centre, list[Arrival], list[Duty], float]) -> None:
    centre, arrivals, duties, answer_s = day
    facts: list[Fact] = []
    found = run_simulation(centre, arrivals, duties, answer_s=answer_s, until=HORIZON_S, watch=facts.extend)
    total = found.total
    assert total.offered == len(arrivals)
    assert total.still_there >= 0
    for figures in (total, *found.services.values()):
        assert figures.offered == (figures.answered + figures.abandoned + figures.left + figures.still_there)
        assert figures.overflowed == figures.moved == figures.failed == 0, "no other end on such a day"
        assert len(figures.waits) == figures.answered
        assert len(figures.gave_up) == figures.abandoned
    assert found.violations == 0
    assert carried(facts) <= 1
    led_out = [fact for fact in facts if isinstance(fact, WayOutOffered)]
    assert total.left == len(led_out) and all(fact.way is WayOut.GOODBYE for fact in led_out), "by a rule only"
    talks = [fact for fact in facts if isinstance(fact, TalkEndedRecorded)]
    assert sorted(round(talk.talk_s, 6) for talk in talks) == sorted(
        round(arrivals[int(talk.contact) - 1].handle_s, 6) for talk in talks), "everybody talks as long as was decided"
    for fact in facts:
        if isinstance(fact, Connected):
            assert fact.wait_s <= arrivals[int(fact.contact) - 1].patience_s
    for duty in duties:
        tally = found.agents[duty.agent]
        spent = tally.talk_s + tally.wrapup_s + tally.available_s + tally.ringing_s + tally.paused_s
        assert spent <= duty.end - duty.start + 300.0 + 60.0 + 1e-6, "a talk and its wrap-up may go beyond the end"
    again = run_simulation(centre, arrivals, duties, answer_s=answer_s, until=HORIZON_S)
    assert (again.cells, again.agents) == (found.cells, found.agents)
