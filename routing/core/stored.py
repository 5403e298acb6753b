"""What the store keeps of a contact, an offer, an agent and a talk: what the engine is built from after a restart.

All times are Unix seconds. `restore.py` makes the domain of them.
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.facts import Wellbeing
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AgentState, Centre, Channel, ContactState, Needs, OfferState


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
    """Time of the Queued fact: decides between equal ages, then the contact's id does."""
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
    step: int = 0
    """Present step of the service (`Stepped`)."""
    step_since: float | None = None
    """When it began: the time of the last Stepped or Moved; None: `queued_at`."""
    entered_at: float | None = None
    """When it came to its present service: the time of the last Moved; None: `since`."""
    visited: tuple[ServiceId, ...] = ()
    """Services it was in before, by Moved with another reason than `chosen` since the last that was chosen."""
    needs: Needs = ()
    topics: frozenset[str] = frozenset()
    callback: bool = False
    """It is to be called back (`CallbackChanged`); so are the next ones."""
    tries: int = 0
    not_before: float = 0.0
    anytime: bool = False
    callback_hash: str = ""
    callback_box: str = ""
    handed_at: float | None = None
    """When an agent sent the caller on (TalkOver with `to`); None: nobody did."""
    wait_s: float | None = None
    """Before the last connection; None: there was none."""
    language: str = ""
    """What the caller hears; empty: the first language."""
    follow_up: bool = False
    """The caller has agreed to be called back should the call be lost (the last `FollowUpSet`)."""
    abusive: bool = False
    """The agent has said that the caller is abusive (the last `AbuseNoted`)."""


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
    interrupted: bool = False
    """Held while its agent has a call (the last `Interrupted` fact)."""
    partner: AgentId | None = None
    """The other one of a pair (`Offered.partner`)."""
    dialled_at: float | None = None
    """When the caller was called back (`CallbackDialled`)."""
    held_since: float | None = None
    """The caller is on hold since then (the last `HoldChanged`)."""
    wrapup_asked: bool = False
    """The agent wants a wrap-up after this talk (`WrapUpWanted`)."""


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
    leave_pending: bool = False
    wellbeing: Wellbeing | None = None
    """Of the last AgentChanged that had one; None: there was none yet."""
    skills: Needs | None = None
    """Skills for now, of the last AgentChanged; None: as configured."""


Row = StoredContact | StoredOffer | StoredAgent


class Spoke(NamedTuple):
    """One caller's last talk."""

    caller_hash: str
    agent: AgentId
    at: float
    """Unix seconds."""


class Abused(NamedTuple):
    """When an agent last said of a caller that they were abusive."""

    caller_hash: str
    at: float
    """Unix seconds."""


class OldPlace(NamedTuple):
    """The place in line of a caller who hung up, or was lost, while waiting."""

    caller_hash: str
    services: tuple[ServiceId, ...]
    """The one waited for, and those it was in before."""
    since: float
    priority: int
    """Its points, without the service's."""
    at: float
    """When the caller was gone, Unix seconds."""


class Started(NamedTuple):
    """A node starts: everything its engine begins with, as one entry of the journal, so that a replay goes through
    restarts. Handled by a new engine, before any other event."""

    centre: Centre
    contacts: tuple[StoredContact, ...] = ()
    offers: tuple[StoredOffer, ...] = ()
    agents: tuple[StoredAgent, ...] = ()
    over: tuple[ContactId, ...] = ()
    """Contacts that ended lately, so that late news of them is known to be late."""
    spoke: tuple[Spoke, ...] = ()
    """The last talk of each caller, for preferred agents."""
    next_offer: int = 1
    next_fact: int = 1
    places: tuple[OldPlace, ...] = ()
    """Of callers who hung up lately while waiting."""
    abusive: tuple[Abused, ...] = ()
    """Callers of whom an agent has said it."""
