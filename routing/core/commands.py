"""What the engine wants done. Values: nothing is done until an event from outside says so."""

from __future__ import annotations

from typing import NamedTuple

from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AnswerMode


class Offer(NamedTuple):
    """Ring this agent for this contact. The shell stores the offer's row before anything rings."""

    offer: OfferId
    contact: ContactId
    leg: str
    """Full name of the caller's channel."""
    agent: AgentId
    seat: SeatId
    service: ServiceId
    service_name: str
    ring_s: float
    answer_mode: AnswerMode
    brief: bool
    waited_s: float
    """So far, for the agent's display."""
    node: str = ""


class Rescind(NamedTuple):
    """End the agent's leg of an offer. `reason`: `contact_gone`, `signed_out`, `paused`, `mismatch`,
    `stale`, `vanished`."""

    offer: OfferId
    contact: ContactId
    reason: str
    node: str = ""


class Overflow(NamedTuple):
    """Send the waiting caller to the safety net."""

    contact: ContactId
    leg: str
    node: str = ""


Command = Offer | Rescind | Overflow
