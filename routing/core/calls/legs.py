"""Change the states of an offer's legs, of its consult transfer and of its callback, by their tables alone.

Three changes come with every call and are written out where they happen, for speed: ringing and the bridge in
`answering`, the end in `talk_changes`.
"""

from __future__ import annotations

from routing.core.model.state_tables import CALLBACK, CONSULT, LEG, next_state
from routing.core.records import WITH_CONSULTING_AGENT, Offer


def follow_leg(offer: Offer, trigger: str) -> None:
    """Change the state of the agent's leg. Raise IllegalTransition if the table has no such change."""
    offer.leg = LEG.get((offer.leg, trigger)) or next_state(LEG, "leg", offer.id, offer.leg, trigger)


def follow_partner_leg(offer: Offer, trigger: str) -> None:
    """Change the state of the partner's leg. The offer must be to a pair."""
    assert offer.partner_leg is not None
    offer.partner_leg = next_state(LEG, "leg", offer.id, offer.partner_leg, trigger)


def end_legs(offer: Offer) -> None:
    """End the agent's leg, and the partner's leg if there is one.

    If a consultant leaves before the caller is connected, the consulting agent waits for an answer again.
    """
    leg = offer.leg
    if leg is WITH_CONSULTING_AGENT and offer.contact.consulting_offer is not None:
        follow_consult(offer.contact.consulting_offer, "consultant_left")
    offer.leg = LEG.get((leg, "ended")) or next_state(LEG, "leg", offer.id, leg, "ended")
    if offer.partner_leg is not None:
        follow_partner_leg(offer, "ended")


def follow_consult(offer: Offer, trigger: str) -> None:
    """Change the state of the consult transfer that the agent of `offer` has started."""
    assert offer.consult is not None
    offer.consult.state = next_state(CONSULT, "consult transfer", offer.id, offer.consult.state, trigger)


def follow_callback(offer: Offer, trigger: str) -> None:
    """Change the state of the call to the caller of `offer`."""
    assert offer.callback is not None
    offer.callback = next_state(CALLBACK, "callback", offer.id, offer.callback, trigger)
