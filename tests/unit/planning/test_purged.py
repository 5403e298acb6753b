"""A record that begins in the middle: a purge cuts a journal at a start of a node, and who was there is there still."""

from __future__ import annotations

import pytest

from planning.journal import recorded_traffic
from planning.simulation.centre_run import Duty
from planning.simulation.ledger import OutcomeLedger
from planning.simulation.outcome import RunOutcome
from routing.core import events as e
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Centre, Profile, Rule, Service, Step
from routing.core.model.facts import AgentChanged, Fact, Moved, OfferClosed, Queued
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

TIP = Service(ServiceId("tip"), "İhbar", (Step(((SkillId("edu"), 1),)),))
A, B = AgentId("a"), AgentId("b")


def morning() -> House:
    """One caller is given from a to b after a word between the two, one is moved, one is not taken and hangs up, one is
    cut off and gives up."""
    house = House({"a": 50, "b": 80}, Profile(wrapup_s=20.0), (EDU._replace(when_waited=Rule(TIP.id, over_s=5.0)), TIP))
    house.sits("a", at=1.0)
    first = house.talks(10.0)
    house.sits("b", at=11.0)
    house.tell(e.ConsultRequested(first.offer, ServiceId("tip")), 20.0)
    second = house.offers[-1]
    house.tell(e.OfferConnected(second.offer, first.contact), 22.0)
    house.waits("edu", 30.0)
    house.tick(36.0)
    house.over(second, 40.0)
    house.tick(61.0)
    house.tell(e.OfferEnded(house.offers[-1].offer, "no_answer"), 70.0)
    house.tell(e.CallerHungUp(ContactId("c2")), 80.0)
    third = house.talks(100.0)
    house.tell(e.TalkEnded(third.offer, "lost"), 110.0)
    house.tell(e.CallerHungUp(third.contact), 120.0)
    house.tick(200.0)
    return house


def told(facts: list[Fact], centre: Centre) -> RunOutcome:
    ledger = OutcomeLedger(centre)
    ledger.fold_facts(facts)
    return ledger.close_ledger(200.0)


def test_who_came_before_the_record_begins_is_not_counted_wherever_it_begins() -> None:
    house = morning()
    kinds = {type(fact) for fact in house.facts}
    assert {Moved, tf.ConsultCompleted, tf.WrappedUp, tf.TalkEndedRecorded, OfferClosed} <= kinds
    for cut in range(len(house.facts)):
        kept = house.facts[cut:]
        found = told(kept, house.centre)
        assert found.total.offered - found.total.moved == sum(isinstance(fact, Queued) for fact in kept), kept[0]


def test_an_agent_who_has_left_the_rules_before_the_record_begins_is_nobody_in_it() -> None:
    house = morning()
    gone = house.centre._replace(agents=())
    for cut in range(len(house.facts)):
        found = told(house.facts[cut:], gone)
        assert found.agents == {}
        assert found.cells == told(house.facts[cut:], house.centre).cells


def test_an_agent_who_was_there_before_the_record_begins_is_there_from_its_beginning() -> None:
    """The first fact about b is a change from ready after 50 s; a was on a break until then."""
    def changed(who: AgentId, at: float, before: AgentState, before_s: float) -> AgentChanged:
        return AgentChanged(1, at, who, 1, "genel", before, AgentState.READY, "", None, before_s, (), 0)

    came = next(fact for fact in morning().facts if isinstance(fact, Queued))._replace(at=100.0, since=100.0)
    facts: list[Fact] = [came, changed(B, 150.0, AgentState.RINGING, 50.0), changed(A, 160.0, AgentState.PAUSED, 600.0),
                         came._replace(contact=ContactId("c9"), at=200.0, since=200.0)]
    taken = recorded_traffic.read_traffic(facts)
    assert set(taken.duties) == {Duty(A, 100.0, 200.0), Duty(B, 100.0, 200.0)}
    assert [(at, type(event)) for at, event in taken.events] == [(100.0, e.AgentPaused), (160.0, e.AgentResumed)]
