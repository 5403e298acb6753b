"""Legs, consult transfers and callbacks follow their tables; late and repeated news changes nothing."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls.legs import follow_callback, follow_consult, follow_leg
from routing.core.model.centre_model import Agent, Channel, OfferState, Profile
from routing.core.model.errors import IllegalTransition
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, leg_id
from routing.core.model.state_tables import CallbackState, LegState
from routing.core.records import AgentRecord, Consult, Contact, Offer
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit


def new_offer(callback: CallbackState | None = None) -> Offer:
    """Return an offer of a call that is to ring."""
    contact = Contact(ContactId("c1"), EDU, Channel.VOICE, 1.0, 0, 1, 1.0)
    agent = AgentRecord(Agent(AgentId("a"), ()), 0)
    return Offer(OfferId(7), contact, agent, SeatId("sa"), 1.0, 20.0, 0, 50, callback=callback)


def test_an_impossible_change_of_a_leg_is_refused_by_name_and_changes_nothing() -> None:
    offer = new_offer()
    with pytest.raises(IllegalTransition, match="leg 7: consult_cancelled is not possible in state called"):
        follow_leg(offer, "consult_cancelled")
    assert offer.leg is LegState.CALLED


def test_an_impossible_change_of_a_callback_is_refused_by_name() -> None:
    offer = new_offer(CallbackState.AGENT_CALLED)
    follow_callback(offer, "taken")
    assert offer.dialling
    follow_callback(offer, "reached")
    with pytest.raises(IllegalTransition, match="callback 7: failed is not possible in state caller_there"):
        follow_callback(offer, "failed")
    assert not offer.dialling


def test_an_impossible_change_of_a_consult_transfer_is_refused_by_name() -> None:
    offer = new_offer()
    offer.consult = Consult(EDU, 10.0, False, 20.0)
    follow_consult(offer, "cancelled")
    with pytest.raises(IllegalTransition, match="consult transfer 7: completed is not possible in state cancelled"):
        follow_consult(offer, "completed")


def test_late_and_repeated_news_of_a_leg_changes_nothing() -> None:
    told = House({"a": 50})
    told.sits("a")
    offer = told.calls("edu", 1.0)
    for event in (e.OfferAnswered(offer.offer), e.OfferRinging(offer.offer), e.OfferAnswered(offer.offer),
                  e.OfferConnected(offer.offer, offer.contact), e.OfferAnswered(offer.offer),
                  e.OfferRinging(offer.offer), e.OfferConnected(offer.offer, offer.contact)):
        told.tell(event, 2.0)
    assert told.engine.live_offers()[0].state is OfferState.ACCEPTED


def test_an_agent_who_was_asked_and_hangs_up_gives_the_caller_back_and_may_be_asked_again() -> None:
    told = House({"a": 50, "b": 50}, Profile(wrapup_s=0.0), (EDU, EDU._replace(id=ServiceId("tip"), name="İhbar")))
    told.sits("a", "b")
    talk = told.calls("edu", 1.0)
    told.tell(e.OfferConnected(talk.offer, talk.contact), 2.0)
    for at in (10.0, 20.0):
        told.tell(e.ConsultRequested(talk.offer, ServiceId("tip")), at)
        asked = told.offers[-1]
        told.tell(e.OfferConnected(asked.offer, ContactId(leg_id(talk.offer, talk.contact))), at + 1.0)
        assert [one.with_consulting_agent for one in told.engine.live_offers()] == [False, True]
        told.tell(e.OfferEnded(asked.offer, "hangup"), at + 2.0)
        told.tell(e.OfferConnected(talk.offer, talk.contact), at + 3.0)
        (live,) = told.engine.live_offers()
        assert (live.offer, live.state) == (talk.offer, OfferState.ACCEPTED)
