"""Declare the facts of talks (see `facts`), from the bridge to the end of the wrap-up."""

from __future__ import annotations

from typing import NamedTuple

from routing.core.model.centre_model import Channel, ContactState, Estimate
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId


class Connected(NamedTuple):
    """The offer is accepted: the caller and the agent are connected. Contact `reserved` -> `assigned`."""

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
    """From queue entry, or from the transfer before, to the bridge."""
    ring_s: float
    original_position: int
    within: bool
    """Whether the contact was answered within the service's target."""
    connected_at: float | None = None
    """Time of the bridge, if it became known only later. None for `at`."""
    estimate: Estimate | None = None
    """Estimate at entry, counted from `since` like `wait_s`. The two show how good the estimates are. None if no
    estimate was told (`Queued.estimate`), or for a callback."""
    pre_connect_s: float = 0.0
    """From the agent's answered phone to the bridge: whisper announcement, time to read, and the key. Part of `ring_s`
    and of the caller's wait. 0 if the phone was not seen to be answered."""


class HoldSetRecorded(NamedTuple):
    """The agent put the caller on hold (`on`), or resumed the talk. `held_s` is the sum so far."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId
    on: bool
    held_s: float


class FollowUpAgreedRecorded(NamedTuple):
    """The caller agreed to be called back if this call is lost, or withdrew that."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    service: ServiceId
    agreed: bool


class WrapUpRequestedRecorded(NamedTuple):
    """The agent requested a wrap-up during the talk.

    Whether wrap-ups come on request is private, because it is in the profile. This fact is for the store row alone.
    """

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId


class CallerFlaggedAbusiveRecorded(NamedTuple):
    """The agent flagged the caller as abusive, or withdrew that.

    `topics` are those of the contact from now on.
    """

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


class TalkEndedRecorded(NamedTuple):
    """The talk ended. Contact `assigned` -> `wrapping`, offer `accepted` -> `wrapping`.

    If `by` is `lost` or `transfer`, the contact is `pending` again and the offer `completed`. Another offer for the
    contact may then follow at once. The offers of a contact, in order, are the chain of the agents who had the caller.
    """

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
    """Wait before this talk, since queue entry or the transfer before it."""
    talk_s: float
    held_s: float
    original_position: int
    to: ServiceId | None = None
    """For a transfer, the service for which the caller waits now."""


class ConsultStarted(NamedTuple):
    """The agent began a consult transfer to service `to`: offer `accepted` -> `consulting`, contact `assigned` ->
    `pending` with its age.

    Moved follows if the service is a different one.
    """

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    version: int
    agent: AgentId
    service: ServiceId
    to: ServiceId


class ConsultCancelled(NamedTuple):
    """The caller is with the consulting agent again: offer `consulting` -> `accepted`, contact -> `assigned`.

    A ringing offer of the consult transfer is closed before (OfferClosed `canceled`).
    """

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    version: int
    agent: AgentId
    service: ServiceId


class ConsultCompleted(NamedTuple):
    """The consulting agent has left: offer `consulting` -> `completed`.

    The agent's talk ended with this, as by TalkEndedRecorded. The contact goes on as it is. The wrap-up is the agent's
    alone, detached from the contact.
    """

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId
    agent_version: int
    service: ServiceId
    """Service of the talk."""
    to: ServiceId
    """Service for which the caller waits, or is connected."""
    channel: Channel
    by: str
    """`transfer`, or `caller` if the caller has hung up meanwhile."""
    wait_s: float
    talk_s: float
    held_s: float
    original_position: int
    caller_anonymised: bool = False
    """As in `Moved`: the caller now belongs to an anonymous service."""


class WrappedUp(NamedTuple):
    """The wrap-up is over: offer and contact `wrapping` -> `completed`. The agent may have the next contact."""

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
