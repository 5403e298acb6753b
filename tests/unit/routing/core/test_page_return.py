"""A page begins again without its call: the agent is free at once, and the caller comes to the same agent first."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls.page_return import RETURN_S
from routing.core.model.centre_model import AgentState, OfferState, Profile
from routing.core.model.commands import Offer, Rescind
from routing.core.model.errors import NotSignedIn, UnknownAgent
from routing.core.model.facts import OfferClosed
from tests.core.house import House

pytestmark = pytest.mark.unit


def talking() -> House:
    """Return a house in which `a` talks and `b` has been ready for longer."""
    house = House({"a": 50, "b": 50}, Profile())
    house.sits("a")
    house.talks(1.0)
    house.sits("b")
    return house


def test_a_reload_brings_the_caller_to_the_same_agent_at_once() -> None:
    house = talking()
    lost = house.offers[-1]
    ended, again = house.tell(e.PageReturned("a"), 20.0)  # type: ignore[arg-type]
    assert isinstance(ended, Rescind) and (ended.offer, ended.reason) == (lost.offer, "page_returned")
    assert isinstance(again, Offer) and (again.agent, again.contact) == ("a", lost.contact)
    assert (house.state("a"), house.state("b")) == (AgentState.RINGING, AgentState.READY)


def test_the_caller_waits_only_a_moment_for_a_page_that_is_away_again() -> None:
    house = talking()
    house.tell(e.SeatChanged("sa", False, False), 19.0)
    house.tell(e.PageReturned("a"), 20.0)
    assert len(house.offers) == 1
    house.tick(20.0 + RETURN_S)
    assert house.offers[-1].agent == "b"


def test_a_page_without_a_call_changes_nothing_and_a_stranger_is_refused() -> None:
    house = talking()
    house.tell(e.PageReturned("b"), 20.0)  # type: ignore[arg-type]
    assert (house.state("a"), house.state("b")) == (AgentState.TALKING, AgentState.READY)
    with pytest.raises(UnknownAgent):
        house.tell(e.PageReturned("c"), 21.0)
    house.tell(e.AgentSignedOut("b"), 22.0)
    with pytest.raises(NotSignedIn):
        house.tell(e.PageReturned("b"), 23.0)


def test_a_page_that_speaks_after_a_lost_talk_is_tried_at_once() -> None:
    house = House({"a": 50}, Profile())
    house.sits("a")
    offer = house.talks(1.0)
    house.tell(e.TalkEnded(offer.offer, "lost"), 20.0)
    assert house.state("a") is AgentState.UNREACHABLE
    house.tell(e.PageReturned("a"), 22.0)  # type: ignore[arg-type]
    assert house.state("a") is AgentState.RINGING and house.offers[-1].contact == offer.contact


def test_a_ringing_page_that_begins_again_counts_like_one_that_nobody_answered() -> None:
    house = House({"a": 50, "b": 50}, Profile(rna_allowed=2))
    house.sits("a")
    house.sits("b")
    offer = house.calls("edu", 1.0)
    house.tell(e.OfferRinging(offer.offer), 1.5)
    house.tell(e.PageReturned(offer.agent), 3.0)
    # The caller goes on to the next agent, and not to the front for this one.
    other = house.offers[-1]
    assert len(house.offers) == 2 and other.agent != offer.agent and other.contact == offer.contact
    assert (house.agent(offer.agent).rna_count, house.state(offer.agent)) == (1, AgentState.READY)
    (closed,) = house.facts_of(OfferClosed)
    assert (closed.state, closed.reason) == (OfferState.TIMEOUT, "no_answer")
    # The second time in a row nothing more is offered, as after any calls that were not answered.
    house.tell(e.OfferConnected(other.offer, other.contact), 4.0)
    house.tick(10.0)
    again = house.calls("edu", 20.0)
    assert again.agent == offer.agent
    house.tell(e.OfferRinging(again.offer), 20.5)
    house.tell(e.PageReturned(again.agent), 21.0)
    assert house.state(offer.agent) is AgentState.NOT_RESPONDING


def test_a_page_that_begins_again_before_its_phone_rings_has_missed_nothing() -> None:
    house = House({"a": 50}, Profile())
    house.sits("a")
    house.calls("edu", 1.0)
    house.tell(e.PageReturned("a"), 1.1)  # type: ignore[arg-type]
    assert house.state("a") is AgentState.RINGING and len(house.offers) == 2
    assert house.agent("a").rna_count == 0
