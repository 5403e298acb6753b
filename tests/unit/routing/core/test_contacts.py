"""Contacts: order, steps, floor, overflow, ends; settings, links and the rebuilding after a restart."""

from __future__ import annotations

import pytest

from routing.core import domain
from routing.core import events as e
from routing.core.agents import break_rules
from routing.core.callers import caller_events
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    Centre,
    Channel,
    ContactState,
    OfferState,
    Outcome,
    Profile,
    Rule,
    Service,
    Step,
)
from routing.core.model.commands import Offer, Rescind
from routing.core.model.errors import UnknownService
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.stored import StoredAgent, StoredContact, StoredOffer
from tests.core.house import EDU, House, farewell_after, restore

pytestmark = pytest.mark.unit

STEPS = Service("edu", "Uzaktan eğitim", (Step((("edu", 80),), 20.0), Step((("edu", 10),), 30.0), Step(())),
                floor=(("edu", 40),))
URGENT = EDU._replace(id="urgent", name="Acil", priority=3)


def test_one_point_of_priority_is_one_minute_of_age() -> None:
    house = House({"a": 50}, services=(EDU, URGENT))
    house.waits("edu", at=100.0)
    house.waits("urgent", at=279.0)
    house.waits("edu", at=98.0, since=70.0, priority=1)
    house.sits("a", at=300.0)
    order = []
    for _ in range(3):
        order.append(house.offers[-1].contact)
        house.tell(e.CallerHungUp(house.offers[-1].contact))
    assert order == ["c3", "c2", "c1"]


def test_equal_ages_go_by_arrival() -> None:
    house = House({"a": 50})
    for _ in range(3):
        house.waits("edu", at=5.0)
    house.sits("a", at=6.0)
    assert house.offers[-1].contact == "c1" and house.contact("c3").position == 3


def test_steps_relax_by_time_and_the_floor_never() -> None:
    house = House({"high": 90, "low": 45, "under": 39}, services=(STEPS,))
    house.sits("high", "low", "under")
    house.tell(e.AgentPaused("high"))
    assert house.waits("edu", at=1.0) == [], "somebody signed in could meet the step: it is waited for"
    assert house.tick(20.9) == []
    (offer,) = house.tick(21.0)
    assert isinstance(offer, Offer) and offer.agent == "low" and house.last(f.Offered).step == 1
    assert house.waits("edu", at=22.0) == []
    house.tick(500.0)
    assert house.contact("c2").state is ContactState.PENDING, "the last step asks for nothing, the floor stays"


def test_a_step_that_nobody_signed_in_can_meet_is_left_at_once() -> None:
    house = House({"high": 90, "low": 45}, services=(STEPS,))
    house.sits("low")
    assert house.calls("edu", at=1.0).agent == "low"
    house.sits("high")
    house.tell(e.AgentPaused("high"))
    house.waits("edu", at=2.0)
    house.tell(e.OfferConnected(house.offers[0].offer, "c1"), 2.5)
    house.tell(e.TalkEnded(house.offers[0].offer, "agent"), 3.0)
    house.tell(e.WrapUpEnded("low"), 3.0)
    assert len(house.offers) == 1, "c2 waits for the better one"
    house.tell(e.AgentSignedOut("high"), 4.0)
    assert house.offers[-1].contact == "c2" and house.offers[-1].agent == "low"


def test_an_undefined_skill_is_not_zero() -> None:
    house = House({"a": 0}, services=(Service("edu", "x", (Step((("edu", 0),)),)),
                                      Service("tip", "y", (Step((("tip", 0),)),))))
    house.sits("a")
    assert house.waits("tip", at=1.0) == []
    assert house.calls("edu", at=1.0).agent == "a"


def test_channel_and_capacity_are_hard() -> None:
    profile = Profile(channels=frozenset({Channel.CHAT, Channel.EMAIL}), max_concurrency=((Channel.EMAIL, 0),))
    house = House({"a": 50}, profile)
    house.sits("a")
    assert house.waits("edu", at=1.0) == []
    assert house.waits("edu", at=1.0, channel=Channel.EMAIL) == [], "no capacity for it"
    assert house.calls("edu", at=1.0, channel=Channel.CHAT).agent == "a"


@pytest.mark.parametrize(("event", "outcome"), [
    (e.CallerHungUp("c1"), Outcome.ABANDONED), (e.CallerHungUp("c1", ended_at=4.0), Outcome.ABANDONED_SHORT),
    (e.CallerHungUp("c1", failure=True), Outcome.FAILURE), (e.ContactExited("c1", "fallback"), Outcome.FALLBACK),
    (e.ContactExited("c1", "key", "9"), Outcome.LEFT),
], ids=lambda one: str(one)[:40])
def test_each_way_out_of_the_line(event: e.Event, outcome: Outcome) -> None:
    house = House({"a": 50})
    house.waits("edu", at=1.0)
    house.waits("edu", at=2.0)
    house.tell(event, 9.0)
    end = house.last(f.Ended)
    assert (end.outcome, end.state, end.position, end.version) == (outcome, ContactState.CANCELED, 1, 2)
    assert house.contact("c1") is None and house.contact("c2").position == 1
    house.tell(event, 10.0)
    assert len(house.facts_of(f.Ended)) == 1


def test_a_hang_up_that_overtakes_the_queue_entry_leaves_no_ghost() -> None:
    house = House({"a": 50})
    house.tell(e.CallerHungUp("c1"), 1.0)
    assert house.waits("edu", at=1.1) == [] and house.contact("c1") is None
    for number in range(domain.ENDED_REMEMBERED):
        house.tell(e.CallerHungUp(f"x{number}"), 2.0)
    assert len(house.engine._domain.ended_contacts) == domain.ENDED_REMEMBERED \
        and "c1" not in house.engine._domain.ended_contacts


def test_an_id_that_comes_again_later_is_another_caller() -> None:
    house = House({"a": 50})
    house.waits("edu", at=1.0)
    house.tell(e.CallerHungUp("c1"), 9.0)
    again = e.ContactQueued("c1", "edu", "PJSIP/c1")
    house.tell(again, 9.0 + domain.ENDED_S - 0.1)
    assert house.contact("c1") is None
    house.tell(again, 9.0 + domain.ENDED_S)
    assert house.contact("c1").position == 1 and house.last(f.Queued).version == 1


def test_a_wait_that_is_too_long_ends_once_and_never_in_distress() -> None:
    bye = farewell_after(30.0)
    house = House({"a": 50}, services=(EDU._replace(when_waited=bye), URGENT._replace(when_waited=bye, distress=True)))
    house.waits("edu", at=1.0)
    house.waits("urgent", at=1.0)
    assert house.tick(31.0) == [] and house.led_out() == [("c1", "waited", "goodbye")]
    assert house.contact("c1").farewell and house.contact("c1").state is ContactState.PENDING
    house.sits("a", at=32.0)
    assert house.offers[-1].contact == "c2", "who hears good-bye is offered to nobody"
    house.tell(e.CallerHungUp("c1"), 33.0)
    house.tick(200.0)
    assert len(house.led_out()) == 1
    ended = house.facts_of(f.Ended)[0]
    assert (ended.outcome, ended.key) == (Outcome.TURNED_AWAY, "waited")


def test_a_rule_waits_while_a_phone_rings() -> None:
    house = House({"a": 50}, services=(EDU._replace(when_waited=farewell_after(10.0)),))
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferRinging(offer.offer), 1.1)
    assert house.tick(12.0) == [] and house.contact("c1").service == "edu"
    house.tell(e.AgentPaused("a"), 13.0)
    house.tick(13.0)
    assert house.led_out() == [("c1", "waited", "goodbye")]


@pytest.mark.parametrize(("over_s", "at"), [(10.0, 11.0), (9.5, 11.0), (9.5, 12.5)])
def test_whom_an_agent_can_have_in_the_same_tick_is_not_led_out(over_s: float, at: float) -> None:
    """The wrap-up ends at 11, at the moment of the rule or after it, and the timer may be late."""
    waited = farewell_after(over_s)
    house = House({"a": 50}, Profile(wrapup_s=5.0), (EDU._replace(when_waited=waited),))
    house.sits("a", at=0.0)
    talk = house.talks(0.5)
    for _ in range(2):
        house.waits("edu", at=1.0)
    house.over(talk, 6.0)
    (offer,) = house.tick(at)
    assert isinstance(offer, Offer) and offer.contact == "c2"
    assert house.led_out() == [("c3", "waited", "goodbye")], "nobody is left for the second one"
    house.tell(e.OfferEnded(offer.offer, "rejected"), at + 0.5)
    house.tick(at + 0.5)
    assert house.led_out()[1:] == [("c2", "waited", "goodbye")], "still too long, and nobody has them"


def test_who_goes_on_is_offered_there_before_others_are_led_on() -> None:
    """There is room for one in the other service: they have its agent at once."""
    away = EDU._replace(when_waited=Rule(ServiceId("tip"), over_s=10.0))
    tip = EDU._replace(id=ServiceId("tip"), steps=(Step(((SkillId("tip"), 1),)),), max_waiting=1)
    house = House({"a": 50}, services=(away, tip))
    house.reload(agents=(*house.centre.agents, Agent(AgentId("b"), ((SkillId("tip"), 50),))))
    house.sits("b", at=0.0)
    for _ in range(2):
        house.waits("edu", at=1.0)
    (offer,) = house.tick(11.0)
    assert isinstance(offer, Offer) and (offer.contact, offer.agent) == ("c1", "b")
    assert [one.contact for one in house.facts_of(f.Moved)] == ["c1"], "the room is for one"


def test_who_came_first_has_the_room_of_the_other_service() -> None:
    """On a late clock both have waited too long; whose time was over first decides nothing."""
    tip = EDU._replace(id=ServiceId("tip"), max_waiting=1)
    quick = EDU._replace(id=ServiceId("quick"), when_waited=Rule(ServiceId("tip"), over_s=5.0))
    house = House({"a": 50}, services=(EDU._replace(when_waited=Rule(ServiceId("tip"), over_s=10.0)), quick, tip))
    house.sits("a", at=0.0)
    house.talks(0.5, service="tip")
    house.waits("edu", at=1.0)
    house.waits("quick", at=2.0)
    assert house.tick(12.0) == []
    assert [one.contact for one in house.facts_of(f.Moved)] == ["c2"]


def test_news_of_a_known_contact_keeps_its_age() -> None:
    house = House({"a": 50}, services=(EDU, EDU._replace(id="tip", name="İhbar")))
    house.waits("edu", at=1.0)
    house.waits("tip", at=2.0)
    house.tell(e.ContactQueued("c1", "tip", "PJSIP/new", since=50.0), 60.0)
    assert house.contact("c1").position == 1 and house.contact("c1").waited_s == 59.0
    moved = house.last(f.Moved)
    assert (moved.before, moved.service, moved.reason, moved.version, moved.waited_s) == (
        "edu", "tip", "chosen", 2, 59.0)
    house.sits("a")
    assert house.offers[-1].leg == "PJSIP/new" and house.offers[-1].service == "tip"


def test_an_unknown_service_is_refused() -> None:
    house = House({"a": 50})
    with pytest.raises(UnknownService, match="nothing"):
        house.waits("nothing", at=1.0)
    assert house.contact("c1") is None


def test_a_lost_link_stops_offers_and_deadlines() -> None:
    house = House({"a": 90, "b": 50})
    house.sits("a", "b")
    offer = house.calls("edu", at=1.0)
    house.tell(e.LinkChanged("", False), 2.0)
    house.tell(e.LinkChanged("", False), 2.5)
    assert house.waits("edu", at=3.0) == []
    short = min(break_rules.short_break_at(record) for record in house.engine._domain.agents.values())
    assert house.engine.next_deadline() == short, "nothing but the agents' own breaks"
    assert not house.engine.status(3.0).link_up and house.tick(300.0) == []
    (made,) = house.tell(e.LinkChanged("", True), 300.0)
    assert isinstance(made, Offer) and made.contact == "c2"
    assert house.engine.next_deadline() == 300.0 + house.centre.phone_reacts_s - 1.0, "what was left of it"
    assert house.tick(301.0)[0] == Rescind(offer.offer, "c1", "vanished")


def test_a_reload_keeps_state_and_lets_go_of_what_is_gone() -> None:
    house = House({"a": 50, "b": 40, "c": 30}, services=(EDU, URGENT))
    house.sits("a", "b", "c")
    talk, ring = house.calls("edu", at=1.0), house.calls("edu", at=2.0)
    house.tell(e.OfferConnected(talk.offer, "c1"), 3.0)
    house.tell(e.AgentPaused("c"), 3.0)
    house.waits("urgent", at=4.0)
    centre = Centre((EDU,), (Agent("c", (("edu", 77),)),))
    assert house.tell(e.Configured(centre), 5.0) == [Rescind(ring.offer, "c2", "signed_out")]
    assert house.engine.agent_view("b", 5.0) is None and house.state("a") is AgentState.TALKING
    house.tell(e.TalkEnded(talk.offer, "caller"), 6.0)
    assert house.last(f.AgentChanged).state is AgentState.SIGNED_OUT, "no wrap-up for who is not in the team"
    assert house.engine.agent_view("a", 100.0) is None
    (offer,) = house.tell(e.AgentResumed("c"), 101.0)
    assert isinstance(offer, Offer) and offer.contact == "c3", "the removed service's caller is still served, first"


def test_status_counts_what_is() -> None:
    house = House({"a": 90, "b": 50, "c": 40}, services=(EDU, URGENT))
    house.sits("a", "b")
    offer = house.calls("edu", at=1.0)
    house.calls("edu", at=2.0)
    house.waits("urgent", at=3.0)
    house.tell(e.OfferConnected(offer.offer, "c1"), 4.0)
    edu, urgent = house.engine.status(13.0).queues
    assert (edu.waiting, edu.ringing, edu.talking, edu.oldest_wait_s) == (1, 1, 1, 11.0)
    assert (urgent.waiting, urgent.oldest_wait_s, urgent.agents_signed_in, urgent.agents_ready) == (1, 10.0, 2, 0)
    assert [view.agent for view in house.engine.status(13.0).agents] == ["a", "b", "c"]
    assert house.engine.queue_status(13.0).queues == (edu, urgent)
    sitting, talking = house.engine.agent_at_seat(SeatId("sa"), 13.0), house.engine.agent_of_offer(offer.offer, 13.0)
    assert sitting is not None and talking is not None and talking.offers == (offer.offer,)
    assert talking == house.engine.agent_view(talking.agent, 13.0) and sitting.agent == "a"
    assert house.engine.agent_at_seat(SeatId("sc"), 13.0) is house.engine.agent_of_offer(OfferId(99), 13.0) is None
    house.tell(e.ContactPrioritised(ContactId("c3"), 5), 13.0)
    for view in house.engine.status(13.0).contacts:
        alone = house.engine.contact_view(view.contact, 13.0)
        assert alone is not None and alone._replace(unserved=False, estimate=None) == view
    assert [(one.contact, one.state) for one in house.engine.live_contacts()] == [
        ("c1", ContactState.ASSIGNED), ("c2", ContactState.RESERVED), ("c3", ContactState.PENDING)]
    first, second = house.engine.live_offers()
    assert (first.state, first.answered, first.leg) == (OfferState.ACCEPTED, True, "o1-c1")
    assert (second.state, second.answered, second.seat) == (OfferState.PENDING, False, "sb")


def restored(house: House) -> None:
    """Rows of a node that was killed: c1 talks to a, c2 is wrapped up by b, c3 rings at d, c4 and c5 wait."""
    def contact(name: str, state: ContactState, since: float, offer: int | None = None) -> StoredContact:
        return StoredContact(contact=name, state=state, version=4, service="edu", channel=Channel.VOICE,
                             since=since, queued_at=since, priority=0, position=2, leg=f"PJSIP/{name}",
                             offer=offer, step_since=since, entered_at=since)

    def offer(number: int, contact: str, agent: str, state: OfferState, **more: float) -> StoredOffer:
        return StoredOffer(offer=number, contact=contact, agent=agent, seat="s" + agent, service="edu",
                           channel=Channel.VOICE, state=state, offered_at=10.0, ring_s=15.0, step=0, level=-1,
                           **more)

    restore(house.engine, [contact("c5", ContactState.PENDING, 40.0), contact("c4", ContactState.PENDING, 30.0),
         contact("c1", ContactState.ASSIGNED, 5.0, 1), contact("c2", ContactState.WRAPPING, 6.0, 2),
         contact("c3", ContactState.RESERVED, 7.0, 3)],
        [offer(1, "c1", "a", OfferState.ACCEPTED, connected_at=12.0),
         offer(2, "c2", "b", OfferState.WRAPPING, connected_at=13.0, talk_ended_at=45.0),
         offer(3, "c3", "d", OfferState.PENDING)],
        [StoredAgent(agent="a", version=7, state=AgentState.TALKING, reason="", since=12.0, seat="sa",
                     idle_since=12.0),
         StoredAgent(agent="b", version=5, state=AgentState.WRAPUP, reason="", since=45.0, seat="sb",
                     idle_since=45.0),
         StoredAgent(agent="d", version=3, state=AgentState.RINGING, reason="", since=10.0, seat="sd",
                     idle_since=10.0),
         StoredAgent(agent="x", version=9, state=AgentState.SIGNED_OUT, reason="", since=1.0, seat=None,
                     idle_since=1.0),
         StoredAgent(agent="gone", version=2, state=AgentState.READY, reason="", since=1.0, seat="sg",
                     idle_since=1.0)], 50.0, over=("c0",))
    house.now = 50.0


def test_a_restart_goes_on_where_it_stopped() -> None:
    house = House({"a": 50, "b": 50, "d": 50, "x": 50})
    count = len(house.facts)
    restored(house)
    assert house.engine.take_facts() == [] and len(house.facts) == count
    assert [house.contact(name).position for name in ("c3", "c4", "c5")] == [1, 2, 3]
    house.tick(60.0)
    assert house.state("b") is AgentState.UNREACHABLE and house.last(tf.WrappedUp).version == 5
    assert house.engine.agent_view("gone", 60.0) is None, "not in the team any more: signed out"
    house.seat("b", at=61.0)
    assert house.offers == [], "the link is not back yet"
    house.tell(e.LinkChanged("main", True), 62.0)
    assert (house.offers[-1].contact, house.offers[-1].offer, house.last(f.Offered).version) == ("c4", 4, 5)
    house.tell(e.TalkEnded(1, "caller"), 70.0)
    assert (house.last(tf.TalkEndedRecorded).talk_s, house.last(tf.TalkEndedRecorded).version) == (58.0, 5)
    house.tell(e.OfferConnected(3, "c3"), 63.0)
    assert house.last(tf.Connected).original_position == 2
    assert house.tell(e.ContactQueued("c0", "edu")) == [] and house.contact("c0") is None
    house.tell(e.AgentSignedIn("x", "sx"))
    assert house.last(f.AgentChanged).version == 10


def test_rows_that_do_not_fit_together_are_settled_for_the_caller() -> None:
    house = House({"a": 50})
    row = StoredContact(contact="c1", state=ContactState.RESERVED, version=2, service="edu",
                        channel=Channel.VOICE, since=1.0, queued_at=1.0, priority=0, position=1, leg="PJSIP/c1",
                        offer=9, step_since=1.0, entered_at=1.0)
    gone = StoredContact(contact="c2", state=ContactState.PENDING, version=1, service="closed",
                         channel=Channel.VOICE, since=1.0, queued_at=1.0, priority=0, position=1,
                         leg="PJSIP/c2", step_since=1.0, entered_at=1.0)
    ringing = StoredAgent(agent="a", version=3, state=AgentState.RINGING, reason="", since=1.0, seat="sa",
                          idle_since=1.0)
    repairs = restore(house.engine, [row, gone], [], [ringing], 5.0)
    assert repairs == [row._replace(state=ContactState.PENDING, offer=None), ringing._replace(state=AgentState.READY)]
    house.tell(e.LinkChanged("", True), 6.0)
    assert house.contact("c1").state is ContactState.PENDING and house.state("a") is AgentState.READY
    house.tick(25.0)
    assert house.led_out() == [], "the other service has nobody either"
    house.seat("a", at=7.0)
    assert house.offers[-1].contact == "c1"
    alarms = house.facts_of(f.Alarm)
    assert [(one.kind, one.contact, one.agent) for one in alarms] == [
        ("rows_repaired", "c1", None), ("rows_repaired", None, "a")]


def test_a_clock_that_was_set_back_holds_nobody_up() -> None:
    """Rows of an hour ahead: the wrap-up lasts as long as it was to last, not an hour and that."""
    house = House({"a": 50, "b": 50}, profile=Profile(rest_gap_s=3.0))
    restore(
        house.engine,
        [StoredContact(contact=name, state=ContactState.PENDING, version=1, service="edu",
                       channel=Channel.VOICE, since=since, queued_at=since, priority=0, position=1,
                       leg=f"PJSIP/{name}", step_since=since, entered_at=since)
         for name, since in (("c1", 3605.0), ("c2", 3601.0))]
        + [StoredContact(contact="c3", state=ContactState.WRAPPING, version=5, service="edu",
                         channel=Channel.VOICE, since=3590.0, queued_at=3590.0, priority=0, position=1, leg="",
                         offer=1, step_since=3590.0, entered_at=3590.0)],
        [StoredOffer(offer=1, contact="c3", agent="a", seat="sa", service="edu", channel=Channel.VOICE,
                     state=OfferState.WRAPPING, offered_at=3591.0, ring_s=15.0, connected_at=3592.0,
                     talk_ended_at=3600.0, step=0, level=-1)],
        [StoredAgent(agent="a", version=9, state=AgentState.WRAPUP, reason="", since=3600.0, seat="sa",
                     wrapup_until=3620.0, idle_since=3600.0),
         StoredAgent(agent="b", version=3, state=AgentState.READY, reason="", since=3000.0, seat="sb",
                     idle_since=3000.0)], 5.0)
    assert (house.contact("c2").position, house.contact("c1").position) == (1, 2)
    house.tell(e.LinkChanged("", True), 6.0)
    house.seat("a", at=6.0)
    house.seat("b", at=6.0)
    house.tick(8.0)
    assert [(one.agent, one.contact) for one in house.offers] == [("b", "c2")], "after the rest gap"
    house.tick(25.0)
    assert house.facts_of(tf.WrappedUp)[0].wrapup_s == 20.0


def test_a_caller_in_the_fallback_queue_is_offered_after_the_next_tick_or_the_longest_ring() -> None:
    house = House({"a": 50}, services=(Service("edu", "x", (Step((("edu", 0),)),)),))
    house.waits("edu", at=1.0)
    house.waits("edu", at=1.0)
    for contact in ("c1", "c2"):
        house.tell(e.FallbackEntered(contact), 2.0)
    house.sits("a")
    assert not house.offers, "a phone may ring for them there"
    house.tell(e.HoldTick("c2"), 3.0)
    assert [one.contact for one in house.offers] == ["c2"], "back in the hold loop, with its age"
    house.tell(e.OfferConnected(house.offers[0].offer, "c2"), 4.0)
    house.tell(e.TalkEnded(house.offers[0].offer, "agent"), 5.0)
    house.tell(e.WrapUpEnded("a"), 5.0)
    house.tick(2.0 + caller_events.FALLBACK_S - 0.1)
    assert len(house.offers) == 1
    house.tick(2.0 + caller_events.FALLBACK_S)
    assert house.offers[-1].contact == "c1", "nobody waits for a tick for ever"
