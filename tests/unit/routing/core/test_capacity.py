"""Additional contacts of an agent: units, channels, one at a time."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Channel, Profile, WrapUpMode, channel_rows
from routing.core.model.errors import NotNow
from tests.core.house import House

pytestmark = pytest.mark.unit

CHAT, EMAIL, VOICE, TASK = Channel.CHAT, Channel.EMAIL, Channel.VOICE, Channel.TASK
SEVERAL = Profile(max_concurrency=((VOICE, 1), (CHAT, 3), (EMAIL, 2)), wrapup_s=10.0)


def house_of(profile: Profile = SEVERAL, *names: str) -> House:
    house = House(dict.fromkeys(names or ("a",), 50), profile)
    house.sits(*(names or ("a",)))
    return house


def test_three_chats_or_two_mails_fit_and_no_more() -> None:
    house = house_of()
    for _ in range(3):
        house.chats()
    assert house.waits("edu", channel=CHAT) == [], "the fourth: its channel is full"
    assert house.waits("edu", channel=TASK) == [], "99 of 100 units are taken"
    mails = house_of()
    mails.chats(EMAIL)
    mails.chats(EMAIL)
    assert mails.waits("edu", channel=CHAT) == [], "100 of 100"
    assert mails.engine._domain.agents["a"].used_units == 100  # type: ignore[index]


def test_costs_are_settings_and_count_from_the_offer_on() -> None:
    house = house_of()
    house.reload(channels=channel_rows({CHAT: 60}))
    house.calls("edu", channel=CHAT)
    assert house.waits("edu", channel=CHAT) == [], "60 and 60 are more than 100, although the first one only rings"


def test_what_costs_more_than_the_capacity_never_comes() -> None:
    house = house_of(SEVERAL._replace(capacity=60))
    assert house.waits("edu") == []
    house.chats(EMAIL)


def test_during_a_call_only_a_larger_capacity_takes_a_chat() -> None:
    house = house_of()
    house.talks()
    assert house.waits("edu", channel=CHAT) == []
    larger = house_of(SEVERAL._replace(capacity=140))
    larger.talks()
    larger.chats()
    assert larger.waits("edu", channel=CHAT) == [], "133 of 140"
    assert larger.waits("edu", channel=EMAIL) == [], "a contact that a call interrupts does not begin during the call"


def test_one_at_a_time_is_one_of_any_channel() -> None:
    house = house_of(SEVERAL._replace(one_at_a_time=True))
    chat = house.chats()
    assert house.waits("edu", channel=CHAT) == [] and house.waits("edu") == []
    house.over(chat, 5.0)
    assert house.tick(15.0)[0].contact == "c2", "after the wrap-up"  # type: ignore[union-attr]


def test_a_wrap_up_takes_what_its_contact_took_and_no_call_comes_during_it() -> None:
    house = house_of(SEVERAL._replace(capacity=200))
    first, _ = house.chats(), house.chats()
    house.over(first, 5.0)
    assert house.state("a") is AgentState.TALKING and house.agent("a").contact == "c2"
    assert house.waits("edu") == [] and house.engine._domain.agents["a"].used_units == 66  # type: ignore[index]
    assert house.tick(15.0)[0].contact == "c3"  # type: ignore[union-attr]


def test_the_state_is_that_of_the_most_engaging_contact() -> None:
    house = house_of()
    first = house.calls("edu", 1.0, channel=CHAT)
    assert house.state("a") is AgentState.RINGING
    house.tell(e.OfferConnected(first.offer, first.contact), 2.0)
    second = house.calls("edu", 3.0, channel=CHAT)
    same = house.last(f.AgentChanged)
    assert (same.before, same.state, same.before_s, same.since) == (AgentState.TALKING, AgentState.TALKING, 0.0, 2.0)
    assert house.last(f.Offered).agent_version == same.version
    house.over(first, 4.0)
    assert house.state("a") is AgentState.RINGING, "rings and wraps up"
    house.tell(e.OfferEnded(second.offer, "rejected"), 5.0)
    assert house.state("a") is AgentState.WRAPUP and house.agent("a").until == 14.0
    house.tell(e.CallerHungUp(second.contact), 6.0)
    house.tick(14.0)
    assert house.state("a") is AgentState.READY


def test_a_phone_that_is_gone_keeps_calls_away_and_nothing_else() -> None:
    house = house_of()
    house.seat("a", reachable=False)
    assert house.state("a") is AgentState.UNREACHABLE and house.waits("edu") == []
    chat = house.chats()
    house.over(chat, 5.0)
    house.tick(15.0)
    assert house.state("a") is AgentState.UNREACHABLE


def test_who_is_on_a_call_of_their_own_gets_nothing() -> None:
    house = house_of()
    house.seat("a", in_use=True)
    assert house.state("a") is AgentState.BUSY and house.waits("edu", channel=CHAT) == []
    assert house.seat("a")[0].contact == "c1"  # type: ignore[union-attr]
    talking = house_of()
    talking.chats()
    talking.seat("a", in_use=True)
    assert talking.waits("edu", channel=CHAT) == []
    assert talking.seat("a")[0].contact == "c2"  # type: ignore[union-attr]


def test_a_break_waits_for_all_and_takes_back_what_rings() -> None:
    house = house_of()
    chat = house.chats(at=1.0)
    ringing = house.calls("edu", 2.0, channel=CHAT)
    back = house.tell(e.AgentPaused("a", "mola"), 3.0)
    assert [one.offer for one in back] == [ringing.offer], "taken back, and not offered again"
    assert house.agent("a").pause_pending == "mola" and house.state("a") is AgentState.TALKING
    house.over(chat, 4.0)
    assert house.state("a") is AgentState.WRAPUP
    house.tick(14.0)
    assert house.state("a") is AgentState.PAUSED
    house.tell(e.AgentResumed("a"), 15.0)
    assert house.offers[-1].contact == ringing.contact


def test_a_break_forgotten_lets_new_contacts_come_again() -> None:
    house = house_of()
    house.chats()
    house.tell(e.AgentPaused("a"))
    assert house.waits("edu", channel=CHAT) == []
    assert house.tell(e.AgentResumed("a"))[0].contact == "c2"  # type: ignore[union-attr]


def test_signing_out_waits_for_talks_and_closes_wrap_ups() -> None:
    house = house_of()
    first, second = house.chats(at=1.0), house.chats(at=1.0)
    house.over(first, 2.0)
    house.tell(e.AgentSignedOut("a"), 3.0)
    assert house.state("a") is AgentState.TALKING and house.last(tf.WrappedUp).contact == "c1"
    house.over(second, 4.0)
    assert house.state("a") is AgentState.SIGNED_OUT and house.last(tf.WrappedUp).wrapup_s == 0.0


def test_ring_no_answers_during_other_contacts_count_when_those_are_over() -> None:
    house = house_of(SEVERAL._replace(rna_allowed=1, capacity=140))
    chat = house.chats(at=1.0)
    missed = house.calls("edu", 2.0)
    house.tell(e.OfferEnded(missed.offer, "no_answer"), 20.0)
    assert house.state("a") is AgentState.TALKING and house.tick(60.0) == [], "nothing more until then"
    house.over(chat, 61.0)
    house.tick(71.0)
    assert (house.state("a"), house.last(f.AgentChanged).reason) == (AgentState.NOT_RESPONDING, "ring_no_answer")
    assert house.tell(e.AgentResumed("a"), 72.0)[0].contact == missed.contact  # type: ignore[union-attr]


def test_ring_no_answers_during_others_are_forgotten_by_the_agents_word() -> None:
    house = house_of(SEVERAL._replace(rna_allowed=1, capacity=140))
    house.chats(at=1.0)
    missed = house.calls("edu", 2.0)
    house.tell(e.OfferEnded(missed.offer, "no_answer"), 20.0)
    assert house.tell(e.AgentResumed("a"), 60.0)[0].contact == missed.contact  # type: ignore[union-attr]


def test_a_chat_has_no_phone_that_could_vanish() -> None:
    house = house_of()
    offer = house.calls("edu", 1.0, channel=CHAT)
    assert house.tick(10.0) == [] and house.state("a") is AgentState.RINGING
    house.tell(e.OfferEnded(offer.offer, "unreachable"), 11.0)
    assert house.engine._domain.seat_of("sa").reachable and house.state("a") is AgentState.READY  # type: ignore[arg-type]
    assert house.tick(40.0) == [] and house.tick(41.0)[0].contact == "c1", "after half a minute"  # type: ignore[union-attr]


def test_a_lost_chat_goes_to_somebody_else_and_the_phone_stays() -> None:
    house = house_of(SEVERAL, "a", "b")
    chat = house.chats(at=1.0)
    again = house.tell(e.TalkEnded(chat.offer, "lost"), 5.0)
    assert [(one.contact, one.agent) for one in again] == [("c1", "b")]  # type: ignore[union-attr]
    house.tick(10.0)
    assert house.calls("edu", at=11.0).agent == "a"


def test_only_calls_are_what_asterisk_can_tell_of() -> None:
    house = house_of(SEVERAL, "a", "b")
    house.chats()
    call = house.talks()
    assert [one.contact for one in house.engine.live_contacts()] == [call.contact]
    assert [one.offer for one in house.engine.live_offers()] == [call.offer]


def test_one_wrap_up_of_several_can_be_ended_by_its_contact() -> None:
    house = house_of()
    first, second = house.chats(at=1.0), house.chats(at=1.0)
    house.over(first, 2.0)
    house.over(second, 3.0)
    assert house.state("a") is AgentState.WRAPUP and house.agent("a").until == 13.0
    house.tell(e.WrapUpExtended("a"), 4.0)
    assert house.agent("a").until == 73.0
    house.tell(e.WrapUpEnded("a", first.contact), 5.0)
    assert house.state("a") is AgentState.WRAPUP and house.last(tf.WrappedUp).contact == "c1"
    house.tell(e.WrapUpEnded("a", first.contact), 5.0)
    house.tell(e.WrapUpEnded("a"), 6.0)
    assert house.state("a") is AgentState.READY and house.last(tf.WrappedUp).contact == "c2"


def test_one_wrap_up_of_several_can_be_extended_by_its_contact() -> None:
    house = house_of()
    first, second = house.chats(at=1.0), house.chats(at=1.0)
    house.over(first, 2.0)
    house.over(second, 2.0)
    house.tell(e.WrapUpExtended("a", second.contact), 4.0)
    house.tick(12.0)
    assert house.last(tf.WrappedUp).contact == first.contact and house.state("a") is AgentState.WRAPUP
    with pytest.raises(NotNow):
        house.tell(e.WrapUpExtended("a", first.contact), 13.0)
    house.tick(72.0)
    assert house.last(tf.WrappedUp).contact == second.contact and house.state("a") is AgentState.READY


def test_a_wrap_up_is_requested_for_one_talk_of_several() -> None:
    house = house_of(SEVERAL._replace(wrapup_mode=WrapUpMode.AGENT_REQUESTED))
    first, second = house.chats(at=1.0), house.chats(at=1.0)
    house.tell(e.WrapUpRequested("a", second.contact), 2.0)
    house.over(first, 3.0)
    assert house.last(tf.WrappedUp).contact == first.contact, "no wrap-up follows it"
    house.over(second, 4.0)
    assert house.state("a") is AgentState.WRAPUP
    house.tell(e.WrapUpRequested("a", second.contact), 5.0)
    with pytest.raises(NotNow):
        house.tell(e.WrapUpRequested("a", first.contact), 5.0)


def test_a_seat_may_change_in_wrap_up_and_not_in_a_talk() -> None:
    house = house_of()
    chat = house.chats(at=1.0)
    with pytest.raises(NotNow):
        house.tell(e.AgentSignedIn("a", "s9"), 2.0)
    house.over(chat, 3.0)
    house.tell(e.AgentSignedIn("a", "s9"), 4.0)
    assert house.agent("a").seat == "s9" and house.state("a") is AgentState.WRAPUP
