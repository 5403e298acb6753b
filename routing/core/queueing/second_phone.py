"""Seek further phones for a caller in distress whose first phone is not picked up.

An absent agent would otherwise keep the caller waiting for the whole ring time. After `Centre.second_phone_s` a second
phone rings next to the first one, and a third after the same time again. The time counts as long as a phone rings. If
one of them ends, the next one therefore rings at once. Nobody is sought any more as soon as somebody has picked up.

The further offers have the state `beside`. It holds the agent and not the caller, who stays reserved by one offer.
"""

from __future__ import annotations

from routing.core.agents import presence
from routing.core.domain import Domain
from routing.core.model.centre_model import ContactState, OfferState
from routing.core.model.declare import STATE
from routing.core.model.state_tables import OFFER, next_state
from routing.core.records import AgentRecord, Contact, Offer

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
PENDING, RESERVED = OfferState.PENDING, ContactState.RESERVED

PHONES_MAX = 3
"""Phones that ring for one caller. If one of twenty agents is absent, three absent in a row are one of 8,000."""

TIMER = "second_phone"
"""Kind of the deadline of a contact at which one more phone is sought."""


def seek_phone(d: Domain, contact: Contact) -> None:
    """Seek one more phone if it is time, or set the deadline. Otherwise seek nobody."""
    _stop_seeking(d, contact)
    phones = 1 + len(contact.beside)
    if phones >= PHONES_MAX or not _may_ring_beside(contact):
        return
    offer = contact.offer
    assert offer is not None
    if contact.rings_since is None:
        contact.rings_since = offer.offered_at
    due = contact.rings_since + phones * d.centre.second_phone_s
    if due <= d.now:
        d.matching.search_beside(contact)
    else:
        d.timers.set_deadline((TIMER, contact.id), due, contact.number)


def _may_ring_beside(contact: Contact) -> bool:
    """Return whether further phones may ring: in distress, for a call, while one agent alone is offered it.

    The second agent of a pair, a caller who is called back and a consulting agent are bound to the first phone.
    """
    offer = contact.offer
    return offer is not None and contact.service.distress and offer.voice and contact.state is RESERVED \
        and offer.partner is None and offer.callback is None and not contact.callback \
        and contact.consulting_offer is None \
        and not any(one.answered_at is not None for one in contact.ringing_offers)


def _stop_seeking(d: Domain, contact: Contact) -> None:
    if contact.rings_since is not None:
        d.timers.cancel_deadline((TIMER, contact.id))
    if contact.group is not None and contact.group.beside:
        d.matching.remove_contact(contact)


def end_ringing(d: Domain, contact: Contact) -> None:
    """Note that no phone rings for the contact any more. The time of the next phones starts again."""
    if contact.rings_since is not None:
        _stop_seeking(d, contact)
        contact.rings_since = None


def can_ring_beside(record: AgentRecord) -> bool:
    """Return whether a ready agent may be a further one: with nothing else at hand, in no pair, and at a phone that is
    not answered by a key."""
    return not record.offers and not record.leads_pair and not record.agent.remote


def promote_offer(d: Domain, contact: Contact, offer: Offer) -> None:
    """Let an offer that rings next to another one hold the caller. Nobody waits again in between."""
    offer.state = next_state(OFFER, "offer", offer.id, offer.state, "promoted")
    contact.offer, contact.beside = offer, tuple([one for one in contact.beside if one is not offer])
    d.mark(offer, STATE)
    d.mark(contact, STATE)


def note_absence(d: Domain, offer: Offer, record: AgentRecord, at: float) -> None:
    """Ask an agent last whose phone rang in distress until `at` and was not picked up, if it rang for long."""
    if offer.voice and at - (offer.offered_at if offer.rang_at is None else offer.rang_at) >= d.centre.second_phone_s:
        record.asked_last = True


def note_act(d: Domain, record: AgentRecord) -> None:
    """Ask an agent like all others again, who has picked up a phone or has acted at the desk."""
    if record.asked_last:
        record.asked_last = False
        # An agent who is ready has a place behind the others.
        if record.key is not None:
            presence.update_placement(d, record)
