"""A talk whose begin no node has seen goes on: the offer of its leg is opened again, unless a rule forbids it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from routing.core import events as e
from routing.core.model.centre_model import AgentState, ContactState, OfferState, Outcome
from routing.core.model.commands import Command, Offer, Rescind
from routing.core.model.facts import Ended, OfferClosed, Offered
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId
from routing.core.model.talk_facts import Connected
from routing.core.records import CLOSED_OFFERS_MAX
from routing.core.stored import Started, contact_row, offer_row
from tests.core.house import House
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit


def silent_phone(*names: str) -> tuple[House, Offer]:
    """Return a house in which an offer to the first agent is over, because no report of its phone came."""
    house = House(dict.fromkeys(names, 50))
    house.sits(names[0], at=1.0)
    offer = house.calls("edu", 2.0)
    house.tick(2.0 + house.centre.phone_reacts_s)
    assert house.last(OfferClosed).reason == "vanished"
    return house, offer


def found(house: House, offer: Offer, at: float, began: float | None = None) -> list[Command]:
    return house.tell(e.TalkFound(offer.offer, offer.contact, began), at)


def test_the_caller_keeps_the_agent_from_the_true_begin_on() -> None:
    house, offer = silent_phone("a")
    assert found(house, offer, 30.0, 12.0) == []
    connected = house.last(Connected)
    assert (connected.offer, connected.agent) == (offer.offer, "a")
    assert (connected.connected_at, connected.wait_s) == (12.0, 10.0)
    assert house.last(Offered).strategy == "found" and house.state("a") is AgentState.TALKING
    assert [(one.offer, one.state) for one in house.engine.live_offers()] == [(offer.offer, OfferState.ACCEPTED)]
    house.tell(e.TalkEnded(offer.offer, "agent"), 40.0)
    assert house.last(Ended).outcome is Outcome.ANSWERED


def test_the_news_of_a_connection_finds_the_talk_of_an_offer_that_is_just_over() -> None:
    house, offer = silent_phone("a")
    assert house.tell(e.OfferConnected(offer.offer, offer.contact, 12.0), 30.0) == []
    assert house.state("a") is AgentState.TALKING and house.last(Connected).connected_at == 12.0
    house.tell(e.TalkEnded(offer.offer, "caller"), 31.0)
    # An offer that nobody remembers, and a contact that is over, mean nothing.
    for number, contact in ((99, offer.contact), (offer.offer, "c9")):
        assert house.tell(e.OfferConnected(OfferId(number), ContactId(contact)), 32.0) == []


def test_what_rings_for_the_caller_elsewhere_stops() -> None:
    house, offer = silent_phone("a", "b")
    house.sits("b", at=10.0)
    other = house.offers[-1]
    assert other.agent == "b"
    assert [command[:3] for command in found(house, offer, 11.0)] == [(other.offer, offer.contact, "found")]
    assert house.state("b") is AgentState.READY and house.state("a") is AgentState.TALKING


def test_what_rings_at_the_agent_for_another_caller_goes_on_to_somebody_else() -> None:
    house, offer = silent_phone("a")
    house.seat("a", at=20.0)
    assert house.offers[-1].contact == offer.contact
    house.tell(e.OfferEnded(house.offers[-1].offer, "failed"), 21.0)
    house.waits("edu", 22.0, priority=9)
    house.tick(40.0)
    other = house.offers[-1]
    assert (other.agent, other.contact) == ("a", "c2")
    (ended,) = found(house, offer, 41.0)
    assert isinstance(ended, Rescind) and (ended.offer, ended.reason) == (other.offer, "call")
    assert house.contact("c2").state is ContactState.PENDING


@pytest.mark.parametrize("forbid", [
    lambda house, offer: house.tell(e.AgentSignedOut(AgentId("a")), 20.0),
    lambda house, offer: house.tell(e.AgentSignedIn(AgentId("a"), SeatId("s-other")), 20.0),
    lambda house, offer: house.tell(e.AgentSkillsChanged(AgentId("a"), ()), 20.0),
    lambda house, offer: house.tell(e.CallbackRequested(offer.contact), 20.0)], ids=(
        "signed out", "at another phone", "without the skill", "a callback"))
def test_a_rule_that_forbids_the_talk_ends_its_leg(forbid: Callable[[House, Offer], object]) -> None:
    house, offer = silent_phone("a")
    house.tell(e.ContactPrioritised(offer.contact, 1), 19.0)
    forbid(house, offer)
    assert found(house, offer, 30.0) == [Rescind(offer.offer, offer.contact, "stale", talks=True)]
    assert house.contact(offer.contact).state is ContactState.PENDING


def test_an_agent_with_another_call_gets_no_second_one() -> None:
    house, offer = silent_phone("a")
    house.seat("a", at=20.0)
    again = house.offers[-1]
    house.tell(e.ReturnedToMenu(offer.contact), 21.0)
    house.talks(40.0)
    assert again.contact == offer.contact and house.state("a") is AgentState.TALKING
    assert found(house, offer, 41.0) == [Rescind(offer.offer, offer.contact, "stale", talks=True)]


def test_a_caller_whom_the_agent_has_transferred_waits_for_the_next_one() -> None:
    house = House({"a": 50})
    house.sits("a", at=1.0)
    offer = house.talks(2.0)
    house.tell(e.TransferRequested(offer.offer, offer.service, confirmed=True), 10.0)
    assert found(house, offer, 12.0) == [Rescind(offer.offer, offer.contact, "stale", talks=True)]


def test_a_pause_of_the_agent_comes_after_the_talk() -> None:
    house, offer = silent_phone("a")
    house.tell(e.AgentPaused(AgentId("a"), "yemek"), 20.0)
    found(house, offer, 30.0)
    assert house.agent("a").pause_pending == "yemek" and house.state("a") is AgentState.TALKING
    house.tell(e.TalkEnded(offer.offer, "caller"), 40.0)
    house.tell(e.WrapUpEnded(AgentId("a")), 41.0)
    assert (house.state("a"), house.agent("a").reason) == (AgentState.PAUSED, "yemek")


def test_a_contact_remembers_its_last_offers_only() -> None:
    house, first = silent_phone("a")
    for number in range(CLOSED_OFFERS_MAX):
        house.seat("a", at=100.0 * (number + 1))
        house.tick(100.0 * (number + 1) + 60.0)
    assert len(house.offers) == CLOSED_OFFERS_MAX + 1
    contact = house.engine._domain.contacts[first.contact]
    assert [one.id for one in contact.closed_offers] == [one.offer for one in house.offers[1:]]
    assert found(house, first, 900.0) == [Rescind(first.offer, first.contact, "stale", talks=True)]
    assert found(house, house.offers[1], 901.0) == [] and contact.closed_offers == ()


def test_a_node_that_takes_over_knows_the_offers_before_it() -> None:
    house, offer = silent_phone("a")
    contact = house.engine._domain.contacts[offer.contact]
    contacts, offers, agents = rows(house.engine)
    past = offer_row(contact.closed_offers[0])
    talked = past._replace(offer=OfferId(9), state=OfferState.COMPLETED, connected_at=20.0)
    for known, kept in (((past,), True), ((past, talked), False)):
        after = House({"a": 50})
        after.engine = type(after.engine)()
        after.tell(Started(house.centre, tuple(contacts), tuple(offers), tuple(agents), past_offers=known,
                           next_offer=10), 30.0)
        assert (found(after, offer, 31.0) == []) is kept
        assert contact_row(after.engine._domain.contacts[offer.contact]).state is (
            ContactState.ASSIGNED if kept else ContactState.PENDING)
