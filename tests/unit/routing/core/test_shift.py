"""Agents: signing in and out, breaks, wrap-up, what the phone does to them."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Agent, AgentState, Channel, ContactState, OfferState, Profile
from routing.core.model.commands import Offer, Rescind
from routing.core.model.errors import NotNow, NotSignedIn, SeatTaken, UnknownAgent, UnknownSeat
from routing.core.model.ids import AgentId, OfferId, SeatId, SkillId
from routing.core.stored import StoredAgent, StoredContact, StoredOffer
from tests.core.house import House, restore

pytestmark = pytest.mark.unit


def talking(house: House, at: float = 1.0) -> Offer:
    offer = house.calls("edu", at=at)
    house.tell(e.OfferConnected(offer.offer, offer.contact), at + 1)
    return offer


def test_a_seat_nobody_heard_of_is_unreachable() -> None:
    house = House({"a": 50})
    house.tell(e.AgentSignedIn("a", "sa"), 1.0)
    assert house.state("a") is AgentState.UNREACHABLE
    assert house.waits("edu", at=2.0) == []
    assert [type(one) for one in house.seat("a", at=3.0)] == [Offer]


def test_two_on_one_seat_are_refused_and_the_same_again_is_not() -> None:
    house = House({"a": 50, "b": 50})
    house.sits("a")
    with pytest.raises(SeatTaken, match="sa"):
        house.tell(e.AgentSignedIn("b", "sa"))
    count = len(house.facts)
    house.tell(e.AgentSignedIn("a", "sa"))
    assert len(house.facts) == count
    with pytest.raises(UnknownAgent):
        house.tell(e.AgentSignedIn("nobody", "sx"))
    house.tell(e.AgentSignedOut("a"))
    house.tell(e.AgentSignedIn("b", "sa"))
    assert house.agent("b").seat == "sa" and house.agent("a").seat is None


def test_an_idle_agent_may_change_the_seat_a_talking_one_not() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.tell(e.SeatChanged("s9", True, False))
    house.tell(e.AgentSignedIn("a", "s9"), 1.0)
    offer = house.calls("edu", at=2.0)
    assert offer.seat == "s9"
    with pytest.raises(NotNow):
        house.tell(e.AgentSignedIn("a", "sa"))


def outside(house: House) -> None:
    """A reload has made everybody a remote counsellor."""
    house.reload(agents=tuple(agent._replace(remote=True) for agent in house.centre.agents))


def test_who_is_made_a_remote_counsellor_in_a_talk_is_called_outside_after_it() -> None:
    """The roster says so once: refused, it would say it again with the next span only."""
    house = House({"a": 50}, Profile(wrapup_s=5.0))
    house.sits("a")
    talk = house.talks(1.0)
    outside(house)
    assert house.tell(e.AgentSignedIn("a", "uzak-a"), 2.0) == [] and house.agent("a").seat == "sa"
    house.over(talk, 10.0)
    assert (house.state("a"), house.agent("a").seat) == (AgentState.WRAPUP, "sa")
    house.tick(15.0)
    assert (house.state("a"), house.agent("a").seat) == (AgentState.READY, "uzak-a")
    offer = house.calls("edu", 16.0)
    assert (offer.seat, offer.remote) == ("uzak-a", True)
    house.reload(agents=(*house.centre.agents, Agent(AgentId("b"), ((SkillId("edu"), 50),))))
    house.tell(e.AgentSignedIn("b", "sa"), 17.0)
    assert house.agent("b").seat == "sa", "the desk is free"


def test_who_is_free_when_they_are_made_a_remote_counsellor_is_called_outside_at_once() -> None:
    """That seat never says what it is: it is there as long as its person is."""
    house = House({"a": 50})
    house.sits("a")
    outside(house)
    house.tell(e.AgentSignedIn("a", "uzak-a"), 2.0)
    assert house.state("a") is AgentState.READY and house.calls("edu", 3.0).seat == "uzak-a"


def test_a_phone_that_rings_as_the_hours_begin_is_let_ring() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", 1.0)
    outside(house)
    assert house.tell(e.AgentSignedIn("a", "uzak-a"), 2.0) == []
    house.tell(e.OfferEnded(offer.offer, "rejected"), 3.0)
    assert (house.state("a"), house.agent("a").seat) == (AgentState.READY, "uzak-a")


def test_a_call_that_takes_the_place_of_what_rings_comes_to_the_same_seat() -> None:
    """They are free for a moment only, and the phone of the next seat may be in use: who dials a code there is."""
    house = House({"a": 50}, Profile(max_concurrency=((Channel.EMAIL, 1),), wrapup_s=0.0))
    house.sits("a")
    outside(house)
    house.tell(e.AgentSignedIn("a", "uzak-a"), 0.5)
    house.calls("edu", 1.0, channel=Channel.EMAIL)
    house.tell(e.SeatChanged(SeatId("s9"), True, True), 1.5)
    assert house.tell(e.AgentSignedIn("a", "s9"), 2.0) == []
    _, call = house.waits("edu", at=3.0)
    assert isinstance(call, Offer) and (call.seat, house.agent("a").seat) == ("uzak-a", "uzak-a")
    house.tell(e.SeatChanged(SeatId("s9"), True, False), 4.0)
    house.tell(e.OfferConnected(call.offer, call.contact), 5.0)
    house.over(call, 9.0)
    assert (house.agent("a").seat, house.contact("c1").agent) == ("s9", "a"), "they move after it"


def test_the_last_word_about_the_seat_counts() -> None:
    house = House({"a": 50, "b": 50}, Profile(wrapup_s=0.0))
    house.sits("a")
    talk = house.talks(1.0)
    outside(house)
    for seat in ("uzak-a", "sa"):
        house.tell(e.AgentSignedIn("a", SeatId(seat)), 2.0)
    house.over(talk, 3.0)
    assert house.agent("a").seat == "sa", "they stay where they are"
    talk = house.talks(4.0)
    house.tell(e.AgentSignedIn("a", "uzak-a"), 5.0)
    house.tell(e.AgentSignedOut("a"), 6.0)
    house.over(talk, 7.0)
    assert house.state("a") is AgentState.SIGNED_OUT
    house.sits("a", at=8.0)
    assert house.agent("a").seat == "sa", "forgotten with the end of the shift"
    talk = house.talks(9.0)
    house.tell(e.AgentSignedOut("a"), 10.0)
    house.tell(e.AgentSignedIn("a", "uzak-a"), 11.0)
    house.over(talk, 12.0)
    assert (house.state("a"), house.agent("a").seat) == (AgentState.READY, "uzak-a"), "the hours have begun meanwhile"


@pytest.mark.parametrize("taken", (True, False))
def test_a_seat_that_is_gone_or_somebody_elses_by_then_is_not_sat_at(taken: bool) -> None:
    house = House({"a": 50, "b": 50}, Profile(wrapup_s=0.0))
    house.sits("a")
    talk = house.talks(1.0)
    outside(house)
    house.tell(e.AgentSignedIn("a", "s9"), 2.0)
    if taken:
        house.tell(e.AgentSignedIn("b", "s9"), 3.0)
    else:
        house.reload(seats=frozenset({SeatId("sa")}))
    house.over(talk, 4.0)
    assert (house.state("a"), house.agent("a").seat) == (AgentState.READY, "sa")
    assert house.agent("b").seat == ("s9" if taken else None)


def test_what_only_a_signed_in_agent_can_do() -> None:
    house = House({"a": 50})
    for event in (e.AgentPaused("a"), e.AgentResumed("a"), e.WrapUpEnded("a"), e.WrapUpExtended("a")):
        with pytest.raises(NotSignedIn):
            house.tell(event)
    house.tell(e.AgentSignedOut("a"))
    assert house.facts_of(f.AgentChanged) == []


def test_a_break_begins_at_once_or_after_talk_and_wrap_up() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.tell(e.AgentPaused("a", "yemek"), 1.0)
    assert (house.state("a"), house.agent("a").reason) == (AgentState.PAUSED, "yemek")
    assert house.waits("edu", at=2.0) == []
    (offer,) = house.tell(e.AgentResumed("a"), 3.0)
    assert isinstance(offer, Offer)
    house.tell(e.OfferConnected(offer.offer, "c1"), 4.0)
    house.tell(e.AgentPaused("a", "mola"), 5.0)
    assert house.state("a") is AgentState.TALKING and house.agent("a").pause_pending == "mola"
    house.tell(e.TalkEnded(offer.offer, "caller"), 9.0)
    assert house.state("a") is AgentState.WRAPUP
    house.tick(24.0)
    assert (house.state("a"), house.agent("a").pause_pending) == (AgentState.PAUSED, "")


def test_a_break_while_it_rings_takes_the_offer_back() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    assert house.tell(e.AgentPaused("a"), 2.0) == [Rescind(offer.offer, "c1", "paused")]
    assert house.state("a") is AgentState.PAUSED and house.agent("a").rna_count == 0
    assert house.contact("c1").state is ContactState.PENDING


def test_signing_out_waits_for_the_talk_only() -> None:
    house = House({"a": 50, "b": 40})
    house.sits("a", "b")
    offer = house.calls("edu", at=1.0)
    rescind, following = house.tell(e.AgentSignedOut("a"), 2.0)
    assert rescind == Rescind(offer.offer, "c1", "signed_out") and isinstance(following, Offer)
    assert following.agent == "b" and house.state("a") is AgentState.SIGNED_OUT
    house.tell(e.OfferConnected(following.offer, "c1"), 3.0)
    house.tell(e.AgentSignedOut("b"), 4.0)
    assert house.state("b") is AgentState.TALKING
    house.tell(e.TalkEnded(following.offer, "caller"), 9.0)
    assert house.state("b") is AgentState.SIGNED_OUT and house.last(tf.WrappedUp).wrapup_s == 0.0


def test_wrap_up_ends_early_or_lasts_longer() -> None:
    house = House({"a": 50}, Profile(wrapup_s=10.0, wrapup_extend_s=60.0))
    house.sits("a")
    offer = talking(house)
    with pytest.raises(NotNow):
        house.tell(e.WrapUpExtended("a"))
    house.tell(e.TalkEnded(offer.offer, "agent"), 10.0)
    house.tell(e.WrapUpExtended("a"), 11.0)
    assert house.agent("a").until == 80.0
    house.tick(79.9)
    assert house.state("a") is AgentState.WRAPUP
    house.tell(e.WrapUpEnded("a"), 79.95)
    assert house.state("a") is AgentState.READY
    house.tell(e.WrapUpEnded("a"), 80.0)


def test_signing_out_in_wrap_up_completes_the_contact() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = talking(house)
    house.tell(e.TalkEnded(offer.offer, "agent"), 10.0)
    house.tell(e.AgentSignedOut("a"), 12.0)
    assert house.state("a") is AgentState.SIGNED_OUT and house.last(tf.WrappedUp).wrapup_s == 2.0
    assert house.engine.next_deadline() is None


def test_a_foreign_call_makes_busy_and_its_end_ready() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.seat("a", in_use=True, at=1.0)
    assert house.state("a") is AgentState.BUSY and house.waits("edu", at=2.0) == []
    assert [type(one) for one in house.seat("a", at=3.0)] == [Offer]


def test_the_phone_does_not_end_a_break() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.tell(e.AgentPaused("a"))
    house.seat("a", reachable=False)
    assert house.state("a") is AgentState.PAUSED
    house.tell(e.AgentResumed("a"))
    assert house.state("a") is AgentState.UNREACHABLE


def test_a_rest_gap_is_kept_and_the_place_among_the_idle_too() -> None:
    house = House({"a": 50}, Profile(rest_gap_s=8.0))
    house.sits("a", at=1.0)
    assert house.waits("edu", at=2.0) == [] and house.engine.next_deadline() == 9.0
    (offer,) = house.tick(9.0)
    assert isinstance(offer, Offer) and house.last(f.Offered).idle_s == 8.0


def test_versions_go_on_over_sign_ins() -> None:
    house = House({"a": 50})
    for _ in range(3):
        house.tell(e.AgentSignedIn("a", "sa"))
        house.tell(e.AgentSignedOut("a"))
    assert [fact.version for fact in house.facts_of(f.AgentChanged)] == list(range(1, 1 + len(
        house.facts_of(f.AgentChanged))))


def test_what_an_agent_has_asked_for_is_told_and_outlives_a_restart() -> None:
    house = House({"a": 50, "b": 50}, Profile(wrapup_s=20.0, wrapup_extend_s=30.0))
    house.sits("a", "b", at=0.0)
    for agent, at in (("a", 1.0), ("b", 2.0)):
        offer = house.calls("edu", at)
        assert offer.agent == agent
        house.tell(e.OfferConnected(offer.offer, offer.contact))
    house.tell(e.TalkEnded(house.offers[0].offer, "caller"), 10.0)
    house.tell(e.WrapUpExtended(AgentId("a")), 12.0)
    more = house.last(f.AgentChanged)
    assert (more.before, more.state, more.before_s, more.since, more.wrapup_until) == (
        AgentState.WRAPUP, AgentState.WRAPUP, 0.0, 10.0, 60.0)
    house.tell(e.AgentPaused(AgentId("a"), "yemek"), 13.0)
    house.tell(e.AgentPaused(AgentId("a"), "yemek"), 14.0)
    assert [fact.pause_pending for fact in house.facts_of(f.AgentChanged)][-2:] == ["", "yemek"], "told once"
    house.tell(e.AgentSignedOut(AgentId("b")), 15.0)
    assert house.last(f.AgentChanged).leave_pending

    rows = {fact.agent: fact for fact in house.facts_of(f.AgentChanged)}
    again = House({"a": 50, "b": 50}, Profile(wrapup_s=20.0))
    one, two = (offer.contact for offer in house.offers)
    edu, voice = house.offers[0].service, Channel.VOICE
    restore(
        again.engine,
        [StoredContact(contact=one, state=ContactState.WRAPPING, version=4, service=edu, channel=voice,
                       since=1.0, queued_at=1.0, priority=0, position=1, leg="", offer=OfferId(1),
                       step_since=1.0, entered_at=1.0),
         StoredContact(contact=two, state=ContactState.ASSIGNED, version=3, service=edu, channel=voice,
                       since=2.0, queued_at=2.0, priority=0, position=1, leg="", offer=OfferId(2),
                       step_since=2.0, entered_at=2.0)],
        [StoredOffer(offer=OfferId(1), contact=one, agent=AgentId("a"), seat=SeatId("sa"), service=edu,
                     channel=voice, state=OfferState.WRAPPING, offered_at=1.0, ring_s=15.0, connected_at=1.0,
                     talk_ended_at=10.0, step=0, level=-1),
         StoredOffer(offer=OfferId(2), contact=two, agent=AgentId("b"), seat=SeatId("sb"), service=edu,
                     channel=voice, state=OfferState.ACCEPTED, offered_at=2.0, ring_s=15.0, connected_at=2.0,
                     step=0, level=-1)],
        [StoredAgent(agent=row.agent, version=row.version, state=row.state, reason=row.reason,
                     since=row.since or row.at, seat=row.seat, rna_count=row.rna_count, idle_since=row.idle_since,
                     wrapup_until=row.wrapup_until, pause_pending=row.pause_pending,
                     leave_pending=row.leave_pending)
         for row in rows.values()], 20.0)
    again.tell(e.LinkChanged("", True), 21.0)
    again.tick(59.0)
    assert again.state("a") is AgentState.WRAPUP
    again.tick(60.0)
    assert (again.state("a"), again.agent("a").reason) == (AgentState.PAUSED, "yemek")
    again.tell(e.TalkEnded(OfferId(2), "caller"), 61.0)
    assert again.state("b") is AgentState.SIGNED_OUT


def test_a_break_or_a_leave_taken_back_is_told() -> None:
    house = House({"a": 50})
    house.sits("a", at=0.0)
    offer = house.calls("edu", 1.0)
    house.tell(e.OfferConnected(offer.offer, offer.contact))
    house.tell(e.AgentPaused(AgentId("a"), "mola"), 2.0)
    house.tell(e.AgentResumed(AgentId("a")), 3.0)
    assert house.last(f.AgentChanged).pause_pending == "" and house.last(f.AgentChanged).at == 3.0
    house.tell(e.AgentSignedOut(AgentId("a")), 4.0)
    house.tell(e.AgentSignedOut(AgentId("a")), 5.0)
    assert (house.last(f.AgentChanged).leave_pending, house.last(f.AgentChanged).at) == (True, 4.0)
    house.tell(e.AgentSignedIn(AgentId("a"), SeatId("sa")), 6.0)
    assert (house.last(f.AgentChanged).leave_pending, house.last(f.AgentChanged).at) == (False, 6.0)


def test_nobody_signs_in_at_a_seat_that_is_not_there() -> None:
    """Else a slip of the pen leaves an agent waiting for ever at a phone that never rings."""
    house = House({"a": 50})
    house.tell(e.Configured(house.centre._replace(seats=frozenset({"sa"}))))
    with pytest.raises(UnknownSeat, match="no seat saa in the centre"):
        house.tell(e.AgentSignedIn("a", "saa"))
    assert house.engine.take_facts() == [] and "saa" not in house.engine._domain.seats
    house.sits("a")
    assert house.state("a") is AgentState.READY
