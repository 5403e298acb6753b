"""What the store keeps of a contact, an offer and an agent, and how the engine is built from it after a restart.

Only what is alive is restored: contacts in `pending`, `reserved`, `assigned` or `wrapping`, their offers in `pending`,
`accepted` or `wrapping`, and every agent row (a signed-out agent's row carries only its version). Nothing is emitted:
the facts of these rows are already stored.
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AgentState, Channel, ContactState, OfferState


class StoredContact(NamedTuple):
    """A contact that is not over. All times are Unix seconds."""

    contact: ContactId
    state: ContactState
    version: int
    """Of the last fact about this contact."""
    service: ServiceId
    channel: Channel
    since: float
    """Start of the wait: decides the place in line."""
    queued_at: float
    """Time of the Queued fact: breaks ties of `since`, then the contact's id does."""
    priority: int
    position: int
    """Place in line at the beginning (`original_position`)."""
    leg: str
    slow: bool = False
    node: str = ""
    caller_hash: str = ""
    caller_box: str = ""
    offer: OfferId | None = None
    """The offer that rings, talks or is wrapped up."""


class StoredOffer(NamedTuple):
    """An offer that still holds its contact or its agent."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    seat: SeatId
    service: ServiceId
    channel: Channel
    state: OfferState
    """`pending`, `accepted` or `wrapping`."""
    offered_at: float
    ring_s: float
    step: int = 0
    level: int = -1
    rang_at: float | None = None
    connected_at: float | None = None
    talk_over_at: float | None = None
    held_s: float = 0.0


class StoredAgent(NamedTuple):
    """An agent's row, signed in or not."""

    agent: AgentId
    version: int
    state: AgentState
    reason: str
    since: float
    """Start of the state."""
    seat: SeatId | None
    misses: int = 0
    idle_since: float | None = None
    """What longest idle counts from; None: `since`."""
    wrapup_until: float | None = None
    """End of the wrap-up; None: `since` and the profile's wrap-up time."""
    pause_pending: str = ""
