"""The states of an offer's legs, of its consult transfer and of its callback, changed by their tables alone."""

from __future__ import annotations

from routing.core.records import Offer
from routing.core.states import CALLBACK, CONSULT, LEG, LegState, follow


def follow_leg(offer: Offer, trigger: str) -> None:
    """Change the state of the agent's leg. Raise IllegalTransition if the table has no such change."""
    offer.leg = LEG.get((offer.leg, trigger)) or follow(LEG, "leg", offer.id, offer.leg, trigger)


def follow_partner_leg(offer: Offer, trigger: str) -> None:
    """Change the state of the partner's leg, if the offer is to a pair."""
    if offer.partner_leg is not None:
        offer.partner_leg = follow(LEG, "leg", offer.id, offer.partner_leg, trigger)


def end_legs(offer: Offer) -> None:
    """End the agent's leg, and the partner's leg if there is one.

    An agent who was asked and leaves before the caller is connected leaves the consulting agent without an answer.
    """
    asker = offer.contact.introducer
    if offer.leg is LegState.WITH_CONSULTING_AGENT and asker is not None:
        follow_consult(asker, "consultant_left")
    follow_leg(offer, "ended")
    follow_partner_leg(offer, "ended")


def follow_consult(offer: Offer, trigger: str) -> None:
    """Change the state of the consult transfer that the agent of `offer` has begun."""
    assert offer.consult is not None
    offer.consult.state = follow(CONSULT, "consult transfer", offer.id, offer.consult.state, trigger)


def follow_callback(offer: Offer, trigger: str) -> None:
    """Change the state of the call to the caller of `offer`."""
    assert offer.callback is not None
    offer.callback = follow(CALLBACK, "callback", offer.id, offer.callback, trigger)
