"""What the engine needs from the store to go on after a restart: rows as values, so the engine reads no database."""

from __future__ import annotations

from typing import NamedTuple

from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AgentState, Channel, ContactState, OfferState, Outcome


class StoredContact(NamedTuple):
    """A contact that is not over: pending, reserved, assigned or wrapping."""

    contact: ContactId
    state: ContactState
    version: int
    service: ServiceId
    channel: Channel
    since: float
    """Start of the wait, Unix seconds: decides the place in line."""
    queued_at: float
    changed_at: float
    """When it came into its state."""
    priority: int
    position: int
    """Place in line at the beginning."""
    leg: str
    caller_hash: str
    caller_box: str
    slow: bool
    node: str
    offer: OfferId | None
    agent: AgentId | None
    outcome: Outcome | None
    """Set when the talk is over and only the wrap-up goes on."""
    wait_s: float | None
    """From queue entry to the connection; None before it."""


class StoredOffer(NamedTuple):
    """An offer that is alive: pending, accepted or wrapping."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    seat: SeatId
    service: ServiceId
    channel: Channel
    state: OfferState
    agent_version: int
    offered_at: float
    ring_limit_s: float
    rang_at: float | None
    connected_at: float | None
    talk_over_at: float | None
    held_s: float
    talk_s: float | None


class StoredAgent(NamedTuple):
    """An agent as they were at the last change, signed out or not."""

    agent: AgentId
    version: int
    team: str
    state: AgentState
    reason: str
    seat: SeatId | None
    since: float
    misses: int


class Loaded(NamedTuple):
    """Everything at one moment of the store."""

    contacts: tuple[StoredContact, ...]
    """In the order of their ids."""
    offers: tuple[StoredOffer, ...]
    agents: tuple[StoredAgent, ...]
    next_offer: OfferId
    """One above every offer there ever was."""
    next_seq: int
    """Number of the next fact, from 1."""


EMPTY = Loaded((), (), (), OfferId(1), 1)
"""A new state."""
