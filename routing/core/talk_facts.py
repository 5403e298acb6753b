"""What happened in talks: facts (see `facts`) from the bridge to the end of the wrap-up."""

from __future__ import annotations

from typing import NamedTuple

from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import Channel, ContactState, Estimate


class Connected(NamedTuple):
    """Offer accepted: caller and agent are together. Contact `reserved` -> `assigned`."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    version: int
    agent: AgentId
    agent_version: int
    seat: SeatId
    service: ServiceId
    channel: Channel
    wait_s: float
    """From queue entry, or the transfer before, to the bridge."""
    ring_s: float
    original_position: int
    within: bool
    """Answered within the service's target."""
    connected_at: float | None = None
    """When it was, if it became known only later; None: `at`."""
    estimate: Estimate | None = None
    """What was expected at entry, counted from `since` as `wait_s` is: the two say how good the estimates are. None:
    nothing was told (`Queued.estimate`), or it is a callback."""
    pre_connect_s: float = 0.0
    """From the agent's answered phone to the bridge: brief, time to read, the key; part of `ring_s` and of the caller's
    wait. 0: the phone was not seen to be answered."""


class HoldChanged(NamedTuple):
    """The agent put the caller on hold (`on`) or took them back; `held_s` is the sum so far."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId
    on: bool
    held_s: float


class FollowUpSet(NamedTuple):
    """The caller has agreed to be called back should this call be lost, or does not any more."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    service: ServiceId
    agreed: bool


class WrapUpWanted(NamedTuple):
    """The agent has asked within the talk for a wrap-up after it. That one comes by wish is a matter of the profile:
    this is for the row alone."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId


class AbuseNoted(NamedTuple):
    """The agent says that the caller is abusive, or takes that back. `topics`: of the contact from now on."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    service: ServiceId
    abusive: bool
    topics: frozenset[str]


class Interrupted(NamedTuple):
    """A contact is held because a call came to its agent (`on`), or goes on."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId
    on: bool


class TalkOver(NamedTuple):
    """The talk ended. Contact `assigned` -> `wrapping`, offer `accepted` -> `wrapping`; when `by` is `lost` the contact
    or `transfer` the contact is `pending` again and the offer `completed`: another offer for the contact may follow at
    once. The offers of a contact, in order, are the chain of those who had the caller."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    version: int
    state: ContactState
    agent: AgentId
    agent_version: int
    service: ServiceId
    channel: Channel
    by: str
    """`caller`, `agent`, `lost`, `transfer`."""
    wait_s: float
    """Before this talk, since queue entry or the transfer before it."""
    talk_s: float
    held_s: float
    original_position: int
    to: ServiceId | None = None
    """Of a transfer: the service for which the caller waits now."""


class Consulting(NamedTuple):
    """The agent asks somebody of service `to` first: offer `accepted` -> `consulting`, contact `assigned` ->
    `pending` with its age (Moved follows when the service is another)."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    version: int
    agent: AgentId
    service: ServiceId
    to: ServiceId


class Returned(NamedTuple):
    """The caller is again with the agent who asked: offer `consulting` -> `accepted`, contact -> `assigned`. An offer
    that rang for it is closed before (OfferClosed `canceled`)."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    version: int
    agent: AgentId
    service: ServiceId


class Introduced(NamedTuple):
    """The agent who asked has left: offer `consulting` -> `completed`. Their talk ended with this, as by TalkOver; the
    contact goes on as it is. The wrap-up is the agent's own."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId
    agent_version: int
    service: ServiceId
    """Of the talk."""
    to: ServiceId
    """For which the caller waits, or is connected."""
    channel: Channel
    by: str
    """`transfer`, or `caller`: they have hung up meanwhile."""
    wait_s: float
    talk_s: float
    held_s: float
    original_position: int
    unknown: bool = False
    """As in `Moved`: the caller is given over to an anonymous service."""


class WrappedUp(NamedTuple):
    """Wrap-up is over: offer and contact `wrapping` -> `completed`; the agent may have the next one."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    version: int
    agent: AgentId
    agent_version: int
    service: ServiceId
    channel: Channel
    wrapup_s: float
