"""Each rule of offers and talks, one call at a time."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.agents.presence import DECLINE_GAP_S, PHONE_RETRY_S, RNA_GAP_S, SEAT_RETRY_S, SETTLE_S
from routing.core.callers.caller_events import AGI_STEP_S
from routing.core.calls.offer_changes import PRE_CONNECT_LIMIT_S, RING_GRACE_S
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Channel, ContactState, OfferState, Outcome, Profile
from routing.core.model.commands import Offer, Rescind
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId
from routing.core.stored import StoredAgent, StoredContact, StoredOffer
from tests.core.house import EDU, House, restore

pytestmark = pytest.mark.unit


def test_best_level_first_then_longest_idle_then_smallest_index() -> None:
    house = House({"a": 50, "b": 90, "c": 90, "d": 90})
    house.sits("d", "c", "b", "a")
    assert [house.calls("edu", at=1.0 + n).agent for n in range(4)] == ["b", "c", "d", "a"]
    late = House({"a": 90, "b": 90})
    late.sits("b", at=1.0)
    late.sits("a", at=2.0)
    assert late.calls("edu", at=3.0).agent == "b"


def test_the_decision_record_names_the_others() -> None:
    house = House({name: 90 - index for index, name in enumerate("abcdefgh")})
    house.sits(*"abcdefgh")
    house.calls("edu", at=9.0)
    fact = house.last(f.Offered)
    assert fact.runners_up == tuple("bcdef") and fact.level == 90 and fact.step == 0
    assert (fact.agents_ready, fact.agents_signed_in, fact.waiting, fact.idle_s) == (8, 8, 1, 9.0)


def test_a_call_from_ring_to_completed() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=10.0)
    assert (offer.leg, offer.ring_s, offer.service_name) == ("PJSIP/c1", 15.0, "Uzaktan eğitim")
    house.tell(e.OfferRinging(offer.offer), 10.1)
    house.tell(e.OfferAnswered(offer.offer), 13.0)
    house.tell(e.OfferConnected(offer.offer, offer.contact), 13.1)
    connected = house.last(tf.Connected)
    assert connected.wait_s == pytest.approx(3.1) and connected.ring_s == pytest.approx(3.0) and connected.within
    house.tell(e.HoldSet(offer.offer, True), 20.0)
    house.tell(e.HoldSet(offer.offer, True), 21.0)
    house.tell(e.HoldSet(offer.offer, False), 25.0)
    house.tell(e.TalkEnded(offer.offer, "agent"), 33.1)
    over, end = house.last(tf.TalkEndedRecorded), house.last(f.Ended)
    assert (over.talk_s, over.held_s, over.state) == (pytest.approx(20.0), 5.0, ContactState.WRAPPING)
    assert (end.outcome, end.version, end.position) == (Outcome.ANSWERED, over.version + 1, 0)
    assert house.agent("a").until == pytest.approx(48.1)
    house.tick(48.2)
    assert house.last(tf.WrappedUp).wrapup_s == pytest.approx(15.1) and house.state("a") is AgentState.READY
    assert house.contact("c1") is None


@pytest.mark.parametrize("since, ends, held_s", [
    (20.0, e.HoldSet(OfferId(1), False), 13.0), (20.0, None, 23.0), (None, None, 3.0), (60.0, None, 13.0)])
def test_a_hold_goes_on_through_a_restart(since: float | None, ends: e.Event | None, held_s: float) -> None:
    """The caller was on hold when the node died. All of the hold counts, or from now if the clock was set back."""
    house = House({"a": 50})
    c, a, s, one = ContactId("c1"), AgentId("a"), SeatId("sa"), OfferId(1)
    restore(house.engine, [StoredContact(contact=c, state=ContactState.ASSIGNED, version=4, service=EDU.id,
                                        channel=Channel.VOICE, since=5.0, queued_at=5.0, priority=0, position=1,
                                        leg="PJSIP/c1", offer=one, step_since=5.0, entered_at=5.0)],
            [StoredOffer(offer=one, contact=c, agent=a, seat=s, service=EDU.id, channel=Channel.VOICE,
                         state=OfferState.ACCEPTED, offered_at=6.0, ring_s=15.0, connected_at=10.0, held_s=3.0,
                         held_since=since, step=0, level=-1)], [StoredAgent(agent=a, version=7,
                                        state=AgentState.TALKING, reason="", since=10.0, seat=s,
                                        idle_since=10.0)], 30.0)
    [live] = house.engine.live_offers()
    assert live.held is (since is not None)
    if ends is not None:
        house.tell(ends, 30.0)
        assert house.last(tf.HoldSetRecorded).held_s == held_s
    house.tell(e.TalkEnded(OfferId(1), "agent"), 40.0)
    assert house.last(tf.TalkEndedRecorded).held_s == held_s


def test_nobody_answers_next_agent_same_place() -> None:
    house = House({"a": 50, "b": 50})
    house.sits("a", "b")
    first, other = house.calls("edu", at=5.0), house.calls("edu", at=6.0)
    house.waits("edu", at=7.0)
    house.tell(e.OfferRinging(first.offer), 7.1)
    house.tell(e.OfferConnected(other.offer, "c2"), 8.0)
    house.tell(e.TalkEnded(other.offer, "agent"), 9.0)
    house.tell(e.AgentPaused("a"), 19.0)
    closed = house.last(f.OfferClosed)
    assert (closed.state, closed.reason, closed.contact_version) == (OfferState.RESCINDED, "paused", 3)
    assert [house.contact(name).position for name in ("c1", "c3")] == [1, 2]
    following = house.tell(e.WrapUpEnded("b"), 20.0)[0]
    assert isinstance(following, Offer) and (following.agent, following.contact) == ("b", "c1")
    assert house.tell(e.OfferEnded(following.offer, "no_answer"), 35.0) == []
    missed = house.tick(35.0 + RNA_GAP_S)[0]
    assert isinstance(missed, Offer) and missed.contact == "c1" and house.agent("b").rna_count == 1
    assert house.facts_of(f.OfferClosed)[-1].state is OfferState.TIMEOUT and house.contact("c3").position == 2


def test_who_just_missed_it_is_not_asked_again_while_another_fits_even_one_of_lower_level() -> None:
    house = House({"a": 90, "b": 40})
    house.sits("a", "b")
    first = house.calls("edu", at=1.0)
    assert first.agent == "a"
    second = house.tell(e.OfferEnded(first.offer, "no_answer"), 16.0)[0]
    assert isinstance(second, Offer) and second.agent == "b" and second.contact == "c1"
    house.tell(e.OfferRinging(second.offer), 16.5)
    house.tick(16.0 + RNA_GAP_S)
    third = house.tell(e.OfferEnded(second.offer, "no_answer"), 31.0)[0]
    assert isinstance(third, Offer) and third.agent == "a", "b missed it last"


def test_who_missed_it_alone_is_not_rung_again_at_once_and_others_come_first() -> None:
    house = House({"a": 50, "b": 0})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.waits("edu", at=2.0)
    assert house.tell(e.OfferEnded(offer.offer, "no_answer"), 16.0) == []
    assert house.engine.next_deadline() == 16.0 + RNA_GAP_S and house.contact("c1").position == 1
    assert house.tick(16.0 + RNA_GAP_S - 0.1) == []
    (again,) = house.tick(16.0 + RNA_GAP_S)
    assert isinstance(again, Offer) and (again.agent, again.contact) == ("a", "c1")


def test_ring_no_answers_in_a_row_make_not_responding_and_resume_ends_it() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer"), 16.0)
    again = house.tick(21.0)[0]
    assert isinstance(again, Offer) and again.agent == "a", "nobody else: asked again"
    assert house.tell(e.OfferEnded(again.offer, "no_answer"), 31.0) == []
    assert house.state("a") is AgentState.NOT_RESPONDING and house.last(f.AgentChanged).reason == "ring_no_answer"
    back = house.tell(e.AgentResumed("a"), 40.0)[0]
    assert isinstance(back, Offer) and house.agent("a").rna_count == 0


def test_a_connection_ends_the_row_of_misses() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer"), 16.0)
    again = house.tick(21.0)[0]
    assert isinstance(again, Offer)
    house.tell(e.OfferConnected(again.offer, "c1"), 22.0)
    assert house.agent("a").rna_count == 0


@pytest.mark.parametrize(("reason", "counts"), [("rejected", 1), ("busy", 1), ("failed", 0), ("hangup", 0)])
def test_who_declines_once_has_a_short_rest_and_is_asked_again(reason: str, counts: int) -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    assert house.tell(e.OfferEnded(offer.offer, reason), 2.0) == []
    assert house.last(f.OfferClosed).state is OfferState.REJECTED and house.agent("a").rna_count == counts
    assert house.engine.next_deadline() == 2.0 + DECLINE_GAP_S and house.state("a") is AgentState.READY
    assert [type(one) for one in house.tick(2.0 + DECLINE_GAP_S)] == [Offer]


def drop(house: House, offer: Offer, at: float) -> None:
    """Let the phone answer and hang up, 0.2 s later."""
    house.tell(e.OfferRinging(offer.offer), at)
    house.tell(e.OfferAnswered(offer.offer), at + 0.1)
    house.tell(e.OfferEnded(offer.offer, "hangup"), at + 0.2)


def test_a_phone_that_answers_and_hangs_up_is_out_of_service_and_tried_again_with_one_call() -> None:
    """One caller had rung 581 times in an hour."""
    house = House({"a": 50})
    house.sits("a")
    offer, rings, at = house.calls("edu", at=0.0), 0, 0.0
    while at < 3600.0:
        drop(house, offer, at)
        rings += 1
        assert (house.last(f.OfferClosed).state, house.last(f.OfferClosed).reason) == (
            OfferState.REJECTED, "pre_connect_hangup")
        at = house.engine.next_deadline() or 3600.0
        while not (again := [one for one in house.tick(at) if isinstance(one, Offer)]):
            at = house.engine.next_deadline() or 3600.0
        (offer,) = again
        if rings == 2:
            changed = house.facts_of(f.AgentChanged)[-3]
            assert (changed.state, changed.reason) == (AgentState.NOT_RESPONDING, "phone_drops")
    assert rings == 2 + 11 and house.contact("c1").position == 1
    house.tell(e.OfferAnswered(offer.offer), at)
    house.tell(e.OfferConnected(offer.offer, "c1"), at)
    assert house.agent("a").rna_count == 0, "repaired"


def test_a_broken_phone_does_not_ring_first_for_each_of_sixty_calls() -> None:
    """It had been the first for each of them."""
    house = House({"a": 90, "b": 50}, Profile(wrapup_s=0.0))
    house.sits("a", "b")
    first = []
    for number in range(60):  # seven minutes: one try after five
        at = 7.0 * number + 1.0
        house.tick(at)
        offer = house.calls("edu", at)
        first.append(offer.agent)
        if offer.agent == "a":
            drop(house, offer, at)
            offer = house.offers[-1]
        assert offer.agent == "b"
        house.tell(e.OfferConnected(offer.offer, offer.contact), at + 0.5)
        house.over(offer, at + 1.0)
    assert first.count("a") == 3 and house.agent("a").reason == "phone_drops"


def test_a_longer_auto_return_of_the_profile_holds_for_a_phone_that_hangs_up_too() -> None:
    for own_s, returns_s in ((20.0, PHONE_RETRY_S), (900.0, 900.0)):
        house = House({"a": 50}, Profile(rna_allowed=1, auto_return_s=own_s))
        house.sits("a")
        drop(house, house.calls("edu", at=1.0), 1.0)
        house.tick(1.2 + returns_s - 0.1)
        assert house.state("a") is AgentState.NOT_RESPONDING
        house.tick(1.2 + returns_s)
        assert house.state("a") is AgentState.RINGING


@pytest.mark.parametrize("reason", ["rejected", "busy"])
def test_a_phone_that_refuses_call_after_call_does_not_respond_and_the_caller_keeps_the_place(reason: str) -> None:
    """"Do not disturb": it had been offered the same call every 5 s, and the agent had been shown as ready."""
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferEnded(offer.offer, reason), 1.1)
    (again,) = house.tick(1.1 + DECLINE_GAP_S)
    assert isinstance(again, Offer) and again.contact == "c1"
    house.tell(e.OfferEnded(again.offer, reason), 6.2)
    changed = house.last(f.AgentChanged)
    assert (changed.state, changed.reason, changed.rna_count) == (AgentState.NOT_RESPONDING, "declines", 2)
    house.waits("edu", at=7.0)
    assert house.tick(600.0) == [] and [house.contact(name).position for name in ("c1", "c2")] == [1, 2]
    (back,) = house.tell(e.AgentResumed("a"), 601.0)
    assert isinstance(back, Offer) and back.contact == "c1" and house.agent("a").rna_count == 0


@pytest.mark.parametrize(("then", "reason"), [("no_answer", "ring_no_answer"), ("busy", "declines")])
def test_what_was_missed_and_what_was_refused_stand_in_one_row_and_the_last_one_names_it(then: str,
                                                                                        reason: str) -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferEnded(offer.offer, "busy" if then == "no_answer" else "no_answer"), 2.0)
    (again,) = house.tick(2.0 + DECLINE_GAP_S)
    assert isinstance(again, Offer)
    house.tell(e.OfferEnded(again.offer, then), 8.0)
    assert (house.state("a"), house.last(f.AgentChanged).reason) == (AgentState.NOT_RESPONDING, reason)


def test_a_talk_between_ends_the_row_of_refusals() -> None:
    house = House({"a": 50})
    house.sits("a")
    for number in range(3):
        at = 100.0 * number
        offer = house.calls("edu", at=at + 1.0)
        house.tell(e.OfferEnded(offer.offer, "rejected"), at + 2.0)
        (again,) = house.tick(at + 2.0 + DECLINE_GAP_S)
        assert isinstance(again, Offer)
        house.tell(e.OfferConnected(again.offer, again.contact), at + 8.0)
        house.tell(e.TalkEnded(again.offer, "caller"), at + 20.0)
        house.tell(e.WrapUpEnded("a"), at + 30.0)
        assert house.state("a") is AgentState.READY


def test_an_unreachable_phone_gets_nothing_until_it_reports() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    assert house.tell(e.OfferEnded(offer.offer, "unreachable"), 2.0) == []
    assert house.state("a") is AgentState.UNREACHABLE and house.agent("a").rna_count == 0
    assert [type(one) for one in house.seat("a", at=9.0)] == [Offer]


def test_a_phone_that_was_slow_once_is_tried_again() -> None:
    """Asterisk reports changes only: no word may ever come of a phone that it never took for gone."""
    house = House({"a": 50})
    house.sits("a")
    house.calls("edu", at=1.0)
    house.tick(1.0 + house.centre.phone_reacts_s)
    assert house.state("a") is AgentState.UNREACHABLE
    again = 1.0 + house.centre.phone_reacts_s + SEAT_RETRY_S
    assert house.tick(again - 0.1) == []
    assert [type(one) for one in house.tick(again)] == [Offer]


@pytest.mark.parametrize("before", [True, False])
def test_a_phone_that_says_itself_to_be_gone_is_not_tried_again(before: bool) -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    if before:
        house.seat("a", reachable=False, at=1.1)
    house.tell(e.OfferEnded(offer.offer, "unreachable"), 1.2)
    if not before:
        house.seat("a", reachable=False, at=1.3)
    assert house.tick(2.0 + SEAT_RETRY_S) == [] and house.state("a") is AgentState.UNREACHABLE


def test_a_centre_of_slow_phones_gives_them_time_before_they_are_gone() -> None:
    """The base of a cordless telephone rings when it has found the handset, three seconds later."""
    house = House({"a": 50})
    house.reload(phone_reacts_s=5.0)
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    assert house.tick(3.9) == []
    house.tell(e.OfferRinging(offer.offer), 4.0)
    house.tell(e.OfferConnected(offer.offer, offer.contact), 10.0)
    assert house.state("a") is AgentState.TALKING
    house.over(offer, 11.0)
    house.tick(59.0)
    house.reload(phone_reacts_s=1.0)
    late = house.calls("edu", at=60.0)
    assert house.tick(61.0)[0] == Rescind(late.offer, late.contact, "vanished")


def test_a_phone_that_does_not_ring_has_vanished() -> None:
    house = House({"a": 90, "b": 50})
    house.sits("a", "b")
    offer = house.calls("edu", at=1.0)
    assert house.tick(1.0 + house.centre.phone_reacts_s - 0.1) == []
    rescind, following = house.tick(1.0 + house.centre.phone_reacts_s)
    assert rescind == Rescind(offer.offer, "c1", "vanished") and isinstance(following, Offer)
    assert following.agent == "b" and house.state("a") is AgentState.UNREACHABLE and house.agent("a").rna_count == 0


def test_ringing_that_nobody_ends_is_ended() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferRinging(offer.offer), 1.1)
    assert house.engine.next_deadline() == 1.0 + 15.0 + RING_GRACE_S
    (rescind,) = house.tick(1.0 + 15.0 + RING_GRACE_S)
    (again,) = house.tick(1.0 + 15.0 + RING_GRACE_S + RNA_GAP_S)
    assert rescind == Rescind(offer.offer, "c1", "stale") and isinstance(again, Offer)
    assert house.agent("a").rna_count == 1
    # Late news of the closed offer: the two talk, so the phone stops to ring for the caller once more.
    assert house.tell(e.OfferConnected(offer.offer, "c1"), 20.0) == [Rescind(again.offer, "c1", "found")]
    assert house.state("a") is AgentState.TALKING


def test_a_whisper_that_does_not_end_is_ended() -> None:
    house = House({"a": 50}, Profile(rna_allowed=1))
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferAnswered(offer.offer), 4.0)
    house.tell(e.OfferAnswered(offer.offer), 9.0)
    assert house.engine.next_deadline() == 4.0 + PRE_CONNECT_LIMIT_S
    assert house.tick(4.0 + PRE_CONNECT_LIMIT_S) == [Rescind(offer.offer, "c1", "stale")]
    assert house.state("a") is AgentState.NOT_RESPONDING


def test_the_wrong_caller_in_the_bridge_is_an_alarm() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    done = house.tell(e.OfferConnected(offer.offer, "stranger"), 2.0)
    assert done[0] == Rescind(offer.offer, "c1", "mismatch")
    alarm = house.last(f.Alarm)
    assert (alarm.kind, alarm.contact, alarm.agent) == ("bridge_mismatch", "stranger", "a")
    assert house.last(f.OfferClosed).state is OfferState.RESCINDED


def test_the_caller_hangs_up_while_it_rings_and_the_agent_is_free_with_the_old_place() -> None:
    house = House({"a": 50, "b": 50})
    house.sits("a", at=0.5)
    house.sits("b", at=1.0)
    offer = house.calls("edu", at=2.0)
    house.tell(e.OfferRinging(offer.offer), 2.1)
    assert house.tell(e.CallerHungUp("c1"), 9.0) == [Rescind(offer.offer, "c1", "caller_hung_up")]
    assert house.state("a") is AgentState.READY
    closed, end = house.last(f.OfferClosed), house.last(f.Ended)
    assert (closed.state, closed.contact_version) == (OfferState.CANCELED, None)
    assert (end.outcome, end.wait_s, end.position) == (Outcome.ABANDONED, 7.0, 1)
    assert house.calls("edu", at=9.5).agent == "a", "idle since before b: not the agent's doing"


def test_a_lost_talk_goes_to_the_front_by_its_age() -> None:
    house = House({"a": 50, "b": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferConnected(offer.offer, "c1"), 2.0)
    house.waits("edu", at=3.0)
    house.waits("edu", at=4.0)
    assert house.tell(e.TalkEnded(offer.offer, "lost"), 60.0) == []
    over = house.last(tf.TalkEndedRecorded)
    assert (over.state, over.by) == (ContactState.PENDING, "lost") and house.facts_of(f.Ended) == []
    assert house.contact("c1").position == 1 and house.state("a") is AgentState.UNREACHABLE
    house.sits("b", at=61.0)
    assert house.offers[-1].contact == "c1" and house.offers[-1].agent == "b"


def test_a_leg_that_ends_after_the_connection_ends_the_talk() -> None:
    house = House({"a": 50})
    house.sits("a")
    for reason, by in (("hangup", "agent"), ("lost", "lost")):
        offer = house.calls("edu", at=house.now + 1.0)
        house.tell(e.OfferConnected(offer.offer, offer.contact))
        house.tell(e.OfferEnded(offer.offer, reason), house.now + 5)
        assert house.last(tf.TalkEndedRecorded).by == by
        house.tell(e.WrapUpEnded("a"))


def test_the_caller_hangs_up_in_the_talk_and_the_true_end_counts() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferConnected(offer.offer, "c1"), 2.0)
    house.tell(e.CallerHungUp("c1", ended_at=12.0), 100.0)
    assert (house.last(tf.TalkEndedRecorded).by, house.last(tf.TalkEndedRecorded).talk_s) == ("caller", 10.0)
    assert house.last(f.Ended).outcome is Outcome.ANSWERED
    before = len(house.facts)
    for late in (e.CallerHungUp("c1"), e.TalkEnded(offer.offer, "agent"), e.OfferEnded(offer.offer, "hangup"),
                 e.OfferConnected(offer.offer, "c1"), e.HoldTick("c1"), e.ContactQueued("c1", "edu")):
        assert house.tell(late) == []
    assert len(house.facts) == before, "late news changes nothing"


def test_the_same_event_twice_is_one() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    for event in (e.OfferRinging(offer.offer), e.OfferAnswered(offer.offer), e.OfferConnected(offer.offer, "c1"),
                  e.TalkEnded(offer.offer, "agent")):
        house.tell(event)
        count = len(house.facts)
        house.tell(event)
        assert len(house.facts) == count


@pytest.mark.parametrize("event", [
    e.OfferRinging(7), e.OfferAnswered(7), e.OfferConnected(7, "x"), e.OfferEnded(7, "busy"),  # type: ignore[arg-type]
    e.TalkEnded(7, "agent"), e.HoldSet(7, True), e.HoldTick("x"), e.ContactExited("x", "fallback"),  # type: ignore[arg-type]
], ids=lambda event: type(event).__name__)
def test_what_was_never_heard_of_changes_nothing(event: e.Event) -> None:
    house = House({"a": 50})
    house.sits("a")
    count = len(house.facts)
    assert house.tell(event) == [] and len(house.facts) == count


def test_a_tick_of_one_who_should_be_talking_means_the_talk_was_cut() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.tell(e.OfferConnected(offer.offer, "c1"), 2.0)
    assert house.tell(e.HoldTick("c1"), 2.0 + AGI_STEP_S) == [], "sent before the bridge, perhaps"
    done = house.tell(e.ContactQueued("c1", "edu", "PJSIP/c1"), 2.0 + AGI_STEP_S + 0.1)
    assert done[0] == Rescind(offer.offer, "c1", "stale", talks=True)
    assert isinstance(done[1], Offer) and done[1].contact == "c1"


def test_a_phone_that_says_free_a_moment_late_is_no_foreign_call() -> None:
    house = House({"a": 50}, Profile(wrapup_s=0.0))
    house.sits("a")
    offer = house.calls("edu", at=1.0)
    house.seat("a", in_use=True, at=1.1)
    house.tell(e.OfferConnected(offer.offer, "c1"), 2.0)
    house.waits("edu", at=3.0)
    assert house.tell(e.TalkEnded(offer.offer, "agent"), 10.0) == [], "not while the phone is in use"
    assert house.state("a") is AgentState.READY
    assert [type(one) for one in house.seat("a", at=10.01)] == [Offer]
    second = house.offers[-1]
    house.tell(e.OfferConnected(second.offer, second.contact), 11.0)
    house.seat("a", in_use=True, at=11.1)
    house.tell(e.TalkEnded(second.offer, "agent"), 20.0)
    house.tick(20.0 + SETTLE_S)
    assert house.state("a") is AgentState.BUSY, "still on the phone: a call that is not ours"


def test_what_is_told_late_has_its_true_times() -> None:
    house = House({"a": 50})
    house.sits("a", at=0.0)
    offer = house.calls("edu", at=10.0)
    house.tell(e.OfferRinging(offer.offer), 11.0)
    house.tell(e.OfferConnected(offer.offer, offer.contact, 14.0), 30.0)
    found = house.last(tf.Connected)
    assert (found.wait_s, found.ring_s, found.connected_at, found.at) == (4.0, 3.0, 14.0, 30.0)
    house.tell(e.TalkEnded(offer.offer, "caller", 24.0), 31.0)
    assert (house.last(tf.TalkEndedRecorded).talk_s, house.last(f.Ended).ended_at) == (10.0, 24.0)


def test_a_ring_and_its_end_that_are_told_late_have_their_true_times() -> None:
    house = House({"a": 50})
    house.sits("a", at=0.0)
    offer = house.calls("edu", at=10.0)
    house.tell(e.OfferRinging(offer.offer, 9.0), 10.4)
    house.tell(e.OfferEnded(offer.offer, "no_answer", ended_at=14.0), 30.0)
    assert house.last(f.OfferClosed).rang_s == 4.0, "no phone rings before its offer"


def test_the_end_of_a_leg_that_is_told_late_ends_the_talk_then() -> None:
    house = House({"a": 50})
    house.sits("a", at=0.0)
    offer = house.calls("edu", at=10.0)
    house.tell(e.OfferRinging(offer.offer), 11.0)
    house.tell(e.OfferAnswered(offer.offer, answered_at=12.0), 20.0)
    house.tell(e.OfferConnected(offer.offer, offer.contact, 14.0), 20.0)
    assert house.last(tf.Connected).pre_connect_s == 2.0
    house.tell(e.OfferEnded(offer.offer, "hangup", ended_at=24.0), 31.0)
    assert (house.last(tf.TalkEndedRecorded).talk_s, house.last(f.Ended).ended_at) == (10.0, 24.0)


def test_a_connection_from_before_the_ringing_was_heard_of_has_rung_for_no_time() -> None:
    house = House({"a": 50})
    house.sits("a", at=0.0)
    offer = house.calls("edu", at=10.0)
    house.tell(e.OfferRinging(offer.offer), 12.0)
    house.tell(e.OfferConnected(offer.offer, offer.contact, 11.0), 13.0)
    assert (house.last(tf.Connected).wait_s, house.last(tf.Connected).ring_s) == (1.0, 0.0)


@pytest.mark.parametrize("connected, ended, talk_s", [(5.0, 40.0, 20.0), (99.0, 5.0, 0.0), (12.0, 11.0, 0.0)])
def test_a_time_that_cannot_be_is_brought_between_the_offer_and_now(
        connected: float, ended: float, talk_s: float) -> None:
    house = House({"a": 50})
    house.sits("a", at=0.0)
    offer = house.calls("edu", at=10.0)
    house.tell(e.OfferConnected(offer.offer, offer.contact, connected), 30.0)
    house.tell(e.TalkEnded(offer.offer, "caller", ended), 30.0)
    assert house.last(tf.TalkEndedRecorded).talk_s == talk_s
    assert house.last(tf.Connected).wait_s >= 0
