"""Steps and the facts about them; points, needs and the ceiling of a contact that waits; restarts in the middle."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls.offer_changes import RING_GRACE_S
from routing.core.engine import Engine
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Centre, Channel, ContactState, Profile, Service, Step
from routing.core.queueing import contact_queue
from routing.core.stored import Started, StoredAgent, StoredContact
from tests.core.house import EDU, House, farewell_after

pytestmark = pytest.mark.unit

STEPS = Service("edu", "Uzaktan eğitim", (Step((("edu", 80),), 20.0), Step((("edu", 60),), 30.0),
                                         Step((("edu", 10),))))


def stepped(told: House) -> list[tuple[float, int, int, str]]:
    return [(one.at, one.version, one.step, one.reason) for one in told.facts_of(f.Stepped)]


def busy(levels: dict[str, int], *services: Service) -> House:
    """Everybody is there and on a break: steps are waited for, nobody is offered."""
    told = House(levels, services=services or (STEPS,))
    told.sits(*levels)
    for name in levels:
        told.tell(e.AgentPaused(name))
    return told


def test_each_step_is_told_with_the_next_version() -> None:
    told = busy({"a": 90, "b": 65, "c": 20})
    told.waits("edu", at=1.0)
    told.tick(21.0)
    told.tick(51.0)
    assert stepped(told) == [(21.0, 2, 1, "expired"), (51.0, 3, 2, "expired")]
    told.tell(e.AgentResumed("c"), 60.0)
    assert told.last(f.Offered).version == 4 and told.last(f.Offered).step == 2


def test_a_late_clock_makes_up_for_every_step() -> None:
    told = busy({"a": 90, "b": 65, "c": 20})
    told.waits("edu", at=1.0)
    told.tick(45.0)
    assert stepped(told) == [(45.0, 2, 1, "expired")]
    told.tick(51.0)
    assert stepped(told)[1:] == [(51.0, 3, 2, "expired")], "the second step ran from 21 on"


def test_who_comes_back_at_the_moment_a_step_ends_is_offered_first() -> None:
    told = busy({"a": 90, "b": 90})
    told.waits("edu", at=1.0)
    told.tell(e.AgentResumed("a"), 21.0 - RING_GRACE_S - Profile().ring_timeout_s)
    told.tell(e.OfferRinging(told.offers[0].offer))
    told.tell(e.AgentResumed("b"), 20.0)
    told.tick(21.0)
    assert (told.last(f.OfferClosed).reason, told.last(f.Offered).agent, told.last(f.Offered).step) == ("stale", "b", 0)
    assert stepped(told) == []


def test_a_step_that_nobody_can_meet_is_left_out_until_somebody_can() -> None:
    told = busy({"b": 65})
    told.waits("edu", at=1.0)
    told.tell(e.AgentResumed("b"), 5.0)
    assert told.last(f.Offered).step == 1 and stepped(told) == []
    told.tell(e.OfferEnded(told.offers[-1].offer, "rejected"), 6.0)
    told.tick(21.0)
    assert stepped(told)[0][2:] == (1, "expired"), "the time of the first step ran on"


def test_two_seconds_between_two_shifts_relax_nobody() -> None:
    told = House({"a": 90, "b": 85, "c": 65}, services=(STEPS,))
    told.sits("a", at=0.0)
    told.tell(e.AgentPaused("a"), 0.5)
    told.waits("edu", at=1.0)
    told.tell(e.AgentSignedOut("a"), 2.0)
    told.sits("b", at=4.0)
    told.tell(e.AgentPaused("b"), 4.0)
    told.sits("c", at=5.0)
    assert told.offers[1:] == [], "c meets the second step only, whose time has not come"
    told.tell(e.AgentSignedOut("b"), 6.0)
    assert told.last(f.Offered).agent == "c" and told.last(f.Offered).step == 1


def test_no_step_runs_out_while_a_phone_rings() -> None:
    told = House({"a": 90, "b": 65}, Profile(ring_timeout_s=60.0), services=(STEPS,))
    told.sits("a", "b")
    told.tell(e.AgentPaused("b"))
    offer = told.calls("edu", at=1.0)
    told.tell(e.OfferRinging(offer.offer), 1.5)
    told.tick(21.0)
    assert stepped(told) == []
    told.tell(e.AgentPaused("a"), 21.5)
    told.tick(21.5)
    assert stepped(told) == [(21.5, 4, 1, "expired")]


def test_a_caller_who_is_offered_at_once_has_no_deadline() -> None:
    told = House({"a": 90}, services=(STEPS._replace(
        when_waited=farewell_after(30.0), ceiling_s=20.0, preferred_s=5.0),))
    told.sits("a")
    offer = told.calls("edu", at=1.0, caller_hash="h")
    told.tell(e.OfferConnected(offer.offer, "c1"), 2.0)
    assert told.engine._domain.timers.deadline_of((contact_queue.TIMER, "c1")) is None
    assert [type(one) for one in told.facts[-4:]] == [
        f.AgentChanged, f.Offered, f.AgentChanged, tf.Connected]


def test_new_rules_reach_who_waits() -> None:
    told = busy({"a": 90, "b": 65})
    told.waits("edu", at=1.0)
    shorter = STEPS._replace(steps=(STEPS.steps[0]._replace(lasts_s=5.0), *STEPS.steps[1:]))
    told.tell(e.Configured(Centre((shorter,), told.centre.agents)), 3.0)
    told.tick(6.0)
    assert stepped(told) == [(6.0, 2, 1, "expired")]


def test_a_cut_talk_restarts_its_step() -> None:
    told = House({"a": 90, "b": 65}, services=(STEPS,))
    told.sits("a", "b")
    told.tell(e.AgentPaused("b"))
    offer = told.calls("edu", at=1.0)
    told.tell(e.OfferConnected(offer.offer, "c1"), 2.0)
    told.tell(e.TalkEnded(offer.offer, "lost"), 100.0)
    told.tick(119.9)
    assert stepped(told) == []
    told.tick(120.0)
    assert stepped(told) == [(120.0, 5, 1, "expired")]


def test_a_supervisors_points_move_a_contact_in_line() -> None:
    told = House({"a": 50})
    for _ in range(3):
        told.waits("edu", at=1.0)
    told.tell(e.ContactPrioritised("c3", 2), 5.0)
    told.tell(e.ContactPrioritised("c3", 2), 6.0)
    (fact,) = told.facts_of(f.ContactChanged)
    assert (fact.contact, fact.version, fact.priority, fact.position) == ("c3", 2, 2, 1)
    told.tell(e.ContactPrioritised("nobody", 2), 6.0)
    told.sits("a", at=7.0)
    assert told.offers[-1].contact == "c3"
    told.tell(e.ContactPrioritised("c3", 0), 8.0)
    assert told.contact("c3").state is ContactState.RESERVED and told.contact("c3").position == 3


def test_a_contacts_own_needs_never_relax_and_may_be_learned_late() -> None:
    told = House({"a": 90, "b": 50}, services=(EDU,))
    told.sits("a", "b")
    told.tell(e.AgentPaused("a"))
    assert told.waits("edu", at=1.0, needs=(("edu", 80),)) == []
    told.tell(e.AgentPaused("b"), 1.5)
    told.waits("edu", at=2.0)
    told.tell(e.ContactQueued("c2", "edu", "PJSIP/c2", needs=(("edu", 70),), topics=frozenset({"abusive"})), 3.0)
    changed = told.last(f.ContactChanged)
    assert (changed.needs, changed.topics, changed.version) == ((("edu", 70),), {"abusive"}, 2)
    told.tell(e.ContactQueued("c2", "edu", "PJSIP/c2"), 4.0)
    assert len(told.facts_of(f.ContactChanged)) == 1, "a sign without needs takes none away"
    told.tell(e.AgentResumed("b"), 5.0)
    assert told.offers == []
    told.tell(e.AgentResumed("a"), 6.0)
    assert told.offers[-1].contact == "c1"


def test_the_ceiling_makes_a_contact_urgent_once() -> None:
    told = House({"a": 50}, services=(EDU._replace(ceiling_s=30.0, load=3), EDU._replace(id="tip")))
    told.waits("edu", at=1.0)
    told.waits("edu", at=2.0)
    told.tell(e.CallbackRequested("c2"), 3.0)
    told.tick(31.0)
    told.tick(33.0)
    contact = told.engine._domain.contacts["c1"]
    assert contact.beyond_ceiling and not told.engine._domain.contacts["c2"].beyond_ceiling \
        and told.engine.next_deadline() == 3.0 + told.centre.callback_hours * 3_600.0, \
        "the callback ends"
    told.tell(e.ContactQueued("c1", "tip", "PJSIP/c1"), 40.0)
    assert not contact.beyond_ceiling, "the new service has none"


def test_a_restart_goes_on_in_the_step_where_it_was() -> None:
    told = busy({"a": 90, "b": 65, "c": 20})
    told.engine = Engine()
    row = StoredContact(contact="c1", state=ContactState.PENDING, version=2, service="edu", channel=Channel.VOICE,
                        since=1.0, queued_at=1.0, priority=0, position=1, leg="PJSIP/c1", step=1, step_since=21.0,
                        needs=(("edu", 15),), entered_at=1.0)
    paused = StoredAgent(agent="b", version=9, state=AgentState.PAUSED, reason="mola", since=2.0, seat="sb",
                         idle_since=2.0)
    told.tell(Started(told.centre, (row,), agents=(paused,)), 40.0)
    told.tell(e.LinkChanged("", True), 41.0)
    told.tick(50.9)
    assert stepped(told) == []
    told.tick(51.0)
    assert stepped(told) == [(51.0, 3, 2, "expired")]
    told.sits("c", at=52.0)
    assert told.offers[-1].contact == "c1" and told.last(f.Offered).step == 2
