"""A call comes first: what it interrupts is held and goes on after it."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Channel, ContactState, Profile, Step, channel_rows
from routing.core.model.commands import Offer, Rescind, SetInterrupted
from routing.core.model.ids import ServiceId, SkillId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

EMAIL, CHAT = Channel.EMAIL, Channel.CHAT


def house_of(**profile: object) -> House:
    house = House({"a": 50}, Profile(wrapup_s=10.0, max_concurrency=((EMAIL, 2), (CHAT, 3)))._replace(**profile))
    house.sits("a")
    return house


def test_a_call_holds_the_mail_from_the_connection_to_the_end_of_its_wrap_up() -> None:
    house = house_of()
    mail = house.chats(EMAIL, 1.0)
    call = house.calls("edu", 2.0)
    assert house.facts_of(tf.Interrupted) == [] and house.state("a") is AgentState.TALKING
    assert house.waits("edu", channel=EMAIL) == [], "nothing new during the call"
    done = house.tell(e.OfferConnected(call.offer, call.contact), 3.0)
    assert done == [SetInterrupted(mail.offer, mail.contact, True, channel=EMAIL)]
    assert house.engine._domain.agents["a"].used_units == 100  # type: ignore[index]
    assert house.agent("a").contact == call.contact
    assert house.over(call, 10.0) == [] and house.state("a") is AgentState.WRAPUP
    on, new = house.tick(20.0)
    assert on == SetInterrupted(mail.offer, mail.contact, False, channel=EMAIL)
    assert isinstance(new, Offer) and new.contact == "c3"
    assert house.state("a") is AgentState.TALKING and house.agent("a").contact == mail.contact
    assert [one.on for one in house.facts_of(tf.Interrupted)] == [True, False]


def test_a_mail_that_rings_is_taken_back_for_the_call() -> None:
    house = house_of()
    mail = house.calls("edu", 1.0, channel=EMAIL)
    back, call = house.waits("edu", at=2.0)
    assert back == Rescind(mail.offer, mail.contact, "call", channel=EMAIL)
    assert isinstance(call, Offer) and call.channel is Channel.VOICE
    assert house.last(f.OfferClosed).reason == "call" and house.contact("c1").position == 1
    assert house.state("a") is AgentState.RINGING


def test_a_mail_taken_back_that_nobody_could_take_any_more_asks_for_less_at_once() -> None:
    steps = (Step(((SkillId("edu"), 40),), 60.0), Step(((SkillId("edu"), 1),)))
    house = House({"a": 50, "b": 10}, Profile(), (EDU._replace(steps=steps), EDU._replace(id=ServiceId("any"))))
    house.sits("a", "b")
    house.calls("edu", 1.0, channel=EMAIL)
    house.tell(e.AgentSkillsChanged("a", ((SkillId("edu"), 30),)), 2.0)
    mail = house.offers[-1]
    assert mail.agent == "a" and house.contact("c1").state is ContactState.RESERVED
    back, call, again = house.waits("any", at=3.0)
    assert (back.offer, call.agent, again.agent, again.contact) == (mail.offer, "a", "b", "c1")  # type: ignore[union-attr]
    assert house.last(f.Offered).step == 1


def test_what_may_not_be_interrupted_keeps_the_call_away() -> None:
    house = house_of()
    house.chats(CHAT)
    assert house.waits("edu") == []
    house.reload(channels=channel_rows(interruptible=(CHAT,)))
    assert house.offers[-1].contact == "c2", "now it may"


def test_a_mail_in_wrap_up_keeps_the_call_away() -> None:
    house = house_of()
    mail = house.chats(EMAIL, 1.0)
    house.over(mail, 2.0)
    assert house.waits("edu", at=3.0) == []
    assert house.tick(12.0)[0].contact == "c2"  # type: ignore[union-attr]


def test_a_call_that_nobody_takes_interrupts_nothing() -> None:
    house = house_of()
    house.chats(EMAIL, 1.0)
    call = house.calls("edu", 2.0)
    house.tell(e.CallerHungUp(call.contact), 4.0)
    assert house.facts_of(tf.Interrupted) == [] and house.state("a") is AgentState.TALKING


def test_a_call_that_is_lost_lets_the_mail_go_on() -> None:
    house = house_of()
    mail = house.chats(EMAIL, 1.0)
    call = house.talks(2.0)
    assert SetInterrupted(mail.offer, mail.contact, False,
        channel=EMAIL) in house.tell(e.TalkEnded(call.offer, "lost"), 5.0)


def test_a_mail_that_ends_while_it_is_held_is_wrapped_up_and_not_told_to_go_on() -> None:
    house = house_of()
    mail = house.chats(EMAIL, 1.0)
    call = house.talks(2.0)
    house.over(mail, 3.0)
    assert house.state("a") is AgentState.TALKING
    house.tick(13.0)
    assert house.over(call, 20.0) == [] and house.tick(30.0) == []
    assert house.state("a") is AgentState.READY


def test_a_break_in_a_call_comes_when_the_mail_is_done_too() -> None:
    house = house_of()
    mail = house.chats(EMAIL, 1.0)
    call = house.talks(2.0)
    house.tell(e.AgentPaused("a"), 3.0)
    house.over(call, 4.0)
    house.tick(14.0)
    assert house.state("a") is AgentState.TALKING
    house.over(mail, 15.0)
    house.tick(25.0)
    assert house.state("a") is AgentState.PAUSED
