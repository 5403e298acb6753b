"""What the engine believes to be alive right now: the half of a resync that Asterisk cannot tell.

After a gap `routing/ami/resync.py` lays these beside what Asterisk says and turns each difference into an event.
`Engine.live_contacts()` and `Engine.live_offers()` give them (lists or tuples, read in one turn of the loop); the
runner passes them on to `routing/ami/switch.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.ids import AgentId, ContactId, OfferId, SeatId
from routing.core.model import ContactState, OfferState


class LiveContact(NamedTuple):
    """A contact that is not over: pending, reserved or assigned (wrapping has no caller's channel)."""

    contact: ContactId
    """Uniqueid of the caller's channel."""
    leg: str
    """Full name of the caller's channel, as it was when the contact was queued."""
    state: ContactState
    node: str
    """The Asterisk that carries the call."""


class LiveOffer(NamedTuple):
    """An offer whose agent's leg may be alive: pending or accepted."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    seat: SeatId
    state: OfferState
    answered: bool
    """The agent's leg was seen up (it may still hear the brief)."""
    leg: str
    """Channel id of the agent's leg, `leg_id(offer, contact)`."""
    dialling: bool = False
    """The caller is being called back: a channel with the contact's id rings."""
    rung: bool = True
    """The agent's leg was asked for; not yet where the caller comes first."""
    held: bool = False
    """The caller is on hold."""
    introduced: bool = False
    """Who was asked talks with the agent who asks."""
    partner_rings: bool = False
    """It is offered to a pair, and the leg of the other one was not seen up."""
