"""Describe the calls that the engine believes to be alive: the half of a resync that Asterisk cannot tell.

After a gap `routing/ami/resync.py` compares these values with Asterisk and turns each difference into an event.
`Engine.live_contacts()` and `Engine.live_offers()` return them (lists or tuples, read in one turn of the loop). The
runner passes them on to `routing/ami/asterisk_session.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.model.centre_model import ContactState, OfferState
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId


class LiveContact(NamedTuple):
    """A contact that is not over: pending, reserved or assigned. A wrapping contact has no caller's channel."""

    contact: ContactId
    """Uniqueid of the caller's channel."""
    leg: str
    """Full name of the caller's channel when the contact was queued."""
    state: ContactState
    node: str
    """The Asterisk that carries the call."""
    dialling: bool = False
    """Whether the caller is being called back without a reserved agent. A channel with the contact's id rings then."""
    shown: bool = True
    """Whether the caller's channel was seen."""


class LiveOffer(NamedTuple):
    """An offer whose agent's leg may be alive: pending or accepted."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    seat: SeatId
    state: OfferState
    answered: bool
    """Whether the agent's leg was seen up. It may still hear the whisper announcement."""
    leg: str
    """Channel id of the agent's leg, `leg_id(offer, contact)`."""
    dialling: bool = False
    """Whether the caller is being called back. A channel with the contact's id rings then."""
    leg_requested: bool = True
    """Whether the agent's leg was asked for. It is not while a caller-first callback dials, and not before
    the ring of an offer whose caller still hears words."""
    held: bool = False
    """Whether the caller is on hold."""
    with_consulting_agent: bool = False
    """Whether the agent of this offer, the consultant, talks with the consulting agent."""
    rings: bool = False
    """Whether the phone was reported to ring."""
    partner_rings: bool = False
    """Whether the offer is for a pair, and the partner's leg was not seen up."""
    partner: AgentId | None = None
    """The second agent of a pair."""
