"""Commands that no adapter takes: nobody has missed anything, and nobody is offered the same thing again and again."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls.refusals import RETRY_S
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, Channel, ContactState, OfferState, Profile
from routing.core.model.commands import Offer
from tests.core.house import EDU, House, farewell_after

pytestmark = pytest.mark.unit

CHAT = Channel.CHAT


def test_an_offer_that_no_adapter_takes_is_no_miss_of_the_agent() -> None:
    house = House({"a": 50}, Profile(rna_allowed=1, rest_gap_s=20.0))
    house.sits("a")
    house.tick(30.0)
    offer = house.calls("edu", 30.0, channel=CHAT)
    assert house.tell(e.CommandRefused(offer.contact, offer.offer), 30.0) == []
    closed = house.last(f.OfferClosed)
    assert (closed.state, closed.reason) == (OfferState.RESCINDED, "no_adapter")
    assert house.state("a") is AgentState.READY and house.agent("a").rna_count == 0
    assert house.contact("c1").state is ContactState.PENDING and house.contact("c1").position == 1
    assert house.calls("edu", 30.0).contact == "c2", "a call comes at once, and no rest was due"


def test_it_is_offered_again_after_a_while_and_to_nobody_before() -> None:
    house = House({"a": 50, "b": 50})
    house.sits("a", "b")
    offer = house.calls("edu", 1.0, channel=CHAT)
    house.tell(e.CommandRefused(offer.contact, offer.offer), 1.0)
    assert house.tell(e.AgentPaused("b"), 2.0) == house.tell(e.AgentResumed("b"), 3.0) == []
    held, _ = house.engine.explain_waiting(offer.contact) or ((), [])
    assert held == ("channel",)
    assert house.engine.next_deadline() == 1.0 + RETRY_S
    (again,) = house.tick(1.0 + RETRY_S)
    assert isinstance(again, Offer) and again.contact == offer.contact
    house.tell(e.OfferConnected(again.offer, again.contact), 40.0)
    assert house.contact("c1").state is ContactState.ASSIGNED


def test_the_next_of_the_line_is_not_held_up() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", 1.0, channel=CHAT)
    assert house.waits("edu", 1.5) == []
    (call,) = house.tell(e.CommandRefused(offer.contact, offer.offer), 2.0)
    assert isinstance(call, Offer) and call.contact == "c2"


def test_a_message_without_a_caller_on_the_line_waits_on() -> None:
    house = House({"a": 50}, services=(EDU._replace(when_waited=farewell_after(10.0)),))
    house.waits("edu", 1.0, channel=CHAT)
    assert house.tick(11.0) == [] and house.led_out() == []
    house.sits("a", at=27.0)
    assert house.last(f.Offered).contact == "c1"


def test_a_refusal_changes_nothing_where_something_rings_or_is_over() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", 1.0)
    house.tell(e.OfferRinging(offer.offer), 2.0)
    for event in (e.CommandRefused(offer.contact, offer.offer), e.CommandRefused("unknown", offer.offer)):
        assert house.tell(event, 3.0) == [] and house.state("a") is AgentState.RINGING
    house.tell(e.OfferConnected(offer.offer, offer.contact), 4.0)
    assert house.tell(e.CommandRefused(offer.contact, offer.offer), 5.0) == []
    assert house.state("a") is AgentState.TALKING
