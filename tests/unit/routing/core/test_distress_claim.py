"""A person in distress who waits takes the agent of a phone that nobody has answered."""

from __future__ import annotations

from typing import Any

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, CallbackOrder, Channel, OfferState, Profile, Service
from routing.core.model.commands import DialCaller, Offer, Rescind
from routing.core.model.ids import AgentId, ContactId
from routing.core.queueing.contact_queue import REDIAL_S
from tests.core.house import House
from tests.unit.routing.core.test_distress import INFO, PSY, QUICK, busy, house

pytestmark = pytest.mark.unit

CALLED = PSY._replace(callback=CallbackOrder.AGENT_FIRST, callback_retry_s=60.0)
LATER = INFO._replace(callback=CallbackOrder.AGENT_FIRST, callback_retry_s=60.0)


def asks_for_callback(h: House, service: str, at: float, after_s: float = 0.0) -> str:
    """Queue a call that becomes a callback and hangs up."""
    h.waits(service, at, caller_hash=f"k{h.numbers}", number_encrypted="x")
    name = ContactId(f"c{h.numbers}")
    h.tell(e.CallbackRequested(name, after_s), at)
    h.tell(e.CallerHungUp(name), at)
    return name


def dialled(h: House, service: str = "psy", at: float = 10.0) -> Offer:
    """Let an agent take a callback, so that the caller's phone rings and the agent's is in use."""
    asks_for_callback(h, service, at, 5.0)
    h.tick(at + 5.0)
    offer = h.offers[-1]
    h.seat(offer.agent, in_use=True)
    h.tell(e.OfferAnswered(offer.offer))
    assert any(isinstance(one, DialCaller) for one in h.tell(e.CallbackAccepted(offer.offer)))
    return offer


def rescinded(commands: list[Any]) -> list[tuple[str, str]]:
    return [(one.contact, one.reason) for one in commands if isinstance(one, Rescind)]


@pytest.mark.parametrize("service", ["psy", "info"])
def test_a_dial_that_nobody_has_answered_gives_its_agent(service: str) -> None:
    h = house(CALLED, LATER, a=80)
    offer = dialled(h, service)
    done = h.waits("psy", 20.0)
    assert rescinded(done) == [("c1", "distress")] and done[0].dialled, "the caller's phone stops, too"
    assert h.seat("a", at=20.1)[0].contact == "c2", "as soon as the phone is free"
    assert (h.last(f.OfferClosed).state, h.last(f.OfferClosed).reason) == (OfferState.RESCINDED, "distress")
    assert h.contact("c1").tries == 0 and h.agent("a").state is AgentState.RINGING, "no try, and nothing was missed"
    h.tell(e.OfferConnected(h.offers[-1].offer, ContactId("c2")), 25.0)
    h.over(h.offers[-1], 26.0)
    h.tick(20.0 + REDIAL_S)
    assert h.offers[-1].contact == "c1" != offer.offer, "the callback has kept its place"


def test_ten_callbacks_of_the_night_are_behind_a_person_who_is_there() -> None:
    h = house(CALLED, INFO, a=80)
    first = busy(h, "info", 1.0)
    for number in range(10):
        asks_for_callback(h, "psy", 2.0 + number)
    h.waits("psy", 400.0)
    assert h.contact("c12").position == 1 and h.contact("c2").position == 2
    h.over(first, 401.0)
    assert h.offers[-1].contact == "c12", "nobody is at those phones yet"
    h.tell(e.OfferConnected(h.offers[-1].offer, ContactId("c12")))
    h.over(h.offers[-1], 500.0)
    assert h.offers[-1].contact == "c2", "then by age"


def test_a_callback_that_rings_at_the_agent_gives_way() -> None:
    h = house(CALLED, INFO, a=80)
    asks_for_callback(h, "psy", 10.0, 5.0)
    h.tick(15.0)
    assert rescinded(h.waits("psy", 20.0)) == [("c1", "distress")] and h.offers[-1].contact == "c2"


def test_a_ringing_call_of_another_class_gives_way_and_keeps_its_place() -> None:
    h = house(a=80)
    h.calls("info", 10.0)
    h.tell(e.OfferRinging(h.offers[0].offer), 11.0)
    done = h.waits("psy", 14.0)
    assert rescinded(done) == [("c1", "distress")] and h.offers[-1].contact == "c2", "the phone was not in use"
    assert h.contact("c1").position == 1 and h.contact("c1").waited_s == 4.0
    h.tell(e.OfferEnded(h.offers[0].offer, "no_answer"), 25.0)
    assert h.agent("a").state is AgentState.RINGING, "a late report counts for nothing"


def test_somebody_else_who_is_free_comes_first() -> None:
    h = house(a=80, b=50)
    h.calls("info", 10.0)
    done = h.waits("psy", 14.0)
    assert rescinded(done) == [] and h.offers[-1].agent != h.offers[0].agent


def test_a_dial_gives_way_before_a_ringing_call() -> None:
    h = house(CALLED, INFO, a=50, b=80)
    dial = dialled(h)
    assert dial.agent == "b"
    h.calls("info", 16.0)
    assert rescinded(h.waits("psy", 20.0)) == [("c1", "distress")]
    assert rescinded(h.waits("psy", 20.05)) == [("c2", "distress")], "a second person takes the second phone"
    h.seat("b", at=20.1)
    assert {(one.contact, one.agent) for one in h.offers[-2:]} == {("c3", "a"), ("c4", "b")}


def test_the_best_agent_gives_way() -> None:
    h = house(a=50, b=90, c=60)
    for _ in "abc":
        h.calls("info", 10.0)
    h.waits("psy", 14.0)
    assert h.offers[-1].agent == "b"


@pytest.mark.parametrize("what", ["talk", "answered", "distress", "unfit", "pauses", "mail"])
def test_what_is_never_taken(what: str) -> None:
    h = house(a=0 if what == "unfit" else 80)
    service, channel = "psy" if what == "distress" else "info", Channel.VOICE
    offer = h.calls(service, 10.0)
    if what == "talk":
        h.tell(e.OfferConnected(offer.offer, offer.contact), 11.0)
    elif what == "answered":
        h.tell(e.OfferAnswered(offer.offer), 11.0)
    elif what == "pauses":
        h.tell(e.AgentPaused(AgentId("a")), 11.0)
    elif what == "mail":
        channel = Channel.EMAIL
    assert rescinded(h.waits("psy", 14.0, channel=channel)) == []


def test_one_phone_is_taken_for_one_person() -> None:
    h = house(CALLED, INFO, a=80, b=50)
    dialled(h)
    other = h.calls("info", 16.0)
    h.tell(e.OfferRinging(other.offer), 17.0)
    assert rescinded(h.waits("psy", 20.0)) == [("c1", "distress")]
    assert rescinded(h.tick(20.5)) == [], "the phone of a is about to be free"
    assert rescinded(h.tick(22.5)) == [("c2", "distress")], "it did not report in two seconds: another one is asked"


def test_the_person_who_answers_in_the_same_instant_waits_on_the_line() -> None:
    h = house(CALLED, INFO, a=80, b=50)
    offer = dialled(h)
    other = busy(h, "info", 16.0)
    h.waits("psy", 20.0)
    h.tell(e.CallbackReached(ContactId("c1"), "PJSIP/c1"), 20.05)
    assert h.contact("c1").waited_s == 10.05 and not h.contact("c1").callback
    assert h.seat("a", at=20.1)[0].contact == "c1", "the older one of two people who are there"
    h.over(other, 21.0)
    assert h.offers[-1].contact == "c3" and offer.offer != h.offers[-1].offer


def test_a_person_who_has_answered_before_keeps_the_agent() -> None:
    h = house(CALLED, INFO, a=80)
    offer = dialled(h)
    h.tell(e.CallbackReached(ContactId("c1"), "PJSIP/c1"), 19.0)
    assert rescinded(h.waits("psy", 20.0)) == []
    h.tell(e.OfferConnected(offer.offer, ContactId("c1")), 21.0)
    assert h.state("a") is AgentState.TALKING


@pytest.mark.parametrize("reason", ["no_key", "refused"])
def test_a_person_who_had_picked_up_and_does_not_confirm_counts_as_a_try(reason: str) -> None:
    h = house(CALLED, INFO, a=80)
    dialled(h)
    h.waits("psy", 20.0)
    h.tell(e.CallbackFailed(None, reason, ContactId("c1")), 22.0)
    assert h.contact("c1").tries == 1 and h.last(f.CallbackChanged).not_before == 82.0


def test_a_pair_gives_way_together() -> None:
    h = house(a=(80, 50), b=(0, 50))
    h.profiles(**{name: QUICK._replace(pair_id="p") for name in "ab"})
    offer = h.calls("info", 10.0)
    assert offer.partner is not None
    assert rescinded(h.waits("psy", 14.0)) == [("c1", "distress")]
    assert h.offers[-1].contact == "c2" and h.offers[-1].partner is not None


def test_one_of_a_pair_has_picked_up() -> None:
    h = house(a=(80, 50), b=(0, 50))
    h.profiles(**{name: QUICK._replace(pair_id="p") for name in "ab"})
    offer = h.calls("info", 10.0)
    h.tell(e.OfferAnswered(offer.offer, partner=True), 12.0)
    assert rescinded(h.waits("psy", 14.0)) == []


def test_a_message_at_an_agent_in_a_private_call_does_not_give_way() -> None:
    h = house(a=80)
    h.chats(Channel.CHAT, 10.0, "info")
    h.calls("info", 11.0, channel=Channel.EMAIL)
    h.seat("a", in_use=True)
    assert rescinded(h.waits("psy", 14.0)) == []


def test_the_weight_of_what_gives_way_is_not_counted() -> None:
    violence: Service = INFO._replace(load=4)
    h = house(PSY._replace(load=5), violence, a=80)
    h.calls("info", 10.0)
    assert rescinded(h.waits("psy", 14.0)) == [("c1", "distress")] and h.offers[-1].contact == "c2"


def test_a_rest_is_not_broken() -> None:
    h = house(profile=Profile(wrapup_s=0.0, max_continuous_s=1e9, rest_gap_s=30.0), a=80)
    h.tick(31.0)
    h.calls("info", 40.0)
    assert rescinded(h.waits("psy", 44.0)) == [("c1", "distress")] and h.offers[-1].contact == "c2", "no rest follows"
