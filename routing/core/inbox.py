"""The one way for other rooms to reach the engine: put an event into the inbox, look at values that come back."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from routing.core.events import Event
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AgentState, Channel, ContactState, Estimate, PauseReason


class ContactView(NamedTuple):
    """A contact as it is now."""

    contact: ContactId
    service: ServiceId
    channel: Channel
    state: ContactState
    position: int
    """In its service's order, from 1; 0 when it does not wait."""
    waiting: int
    """How many wait in that service, this one included."""
    waited_s: float
    offer: OfferId | None
    agent: AgentId | None
    slow: bool
    callback: bool = False
    """The caller is to be called back."""
    estimate: Estimate | None = None
    """How long it still waits, as `Inbox.contact` and `ask` say it; None: its turn has come, it is ringing, nobody who
    could take it is at work, or the view is one of a whole `Status`."""
    tries: int = 0
    """Failed calls back."""
    not_before: float = 0.0
    """A callback is not tried earlier, Unix seconds."""
    merged: bool = False
    """It took over the place of a callback of the same caller."""
    unserved: bool = False
    """It waits, and nobody who could take it is at work, in this step or a later one. False in a whole `Status`."""
    returned: bool = False
    """It has the place of a call of the same number that dropped, and may give it back (`PlaceDeclined`)."""
    abusive: bool = False
    """An agent has said in this contact that the caller is abusive."""
    priority: int = 0
    """Its own points; those of the service come on top."""
    handed_at: float | None = None
    """When an agent sent it on last, Unix seconds: another wait than the one before that talk. None: nobody did."""


class AgentView(NamedTuple):
    """An agent as they are now."""

    agent: AgentId
    team: str
    state: AgentState
    reason: str
    since: float
    """Start of the state, Unix seconds."""
    seat: SeatId | None
    contact: ContactId | None
    service: ServiceId | None
    until: float | None
    """End of wrap-up, Unix seconds."""
    misses: int
    skills: tuple[tuple[str, int], ...]
    pause_pending: str
    """Reason of the break that begins when the talk is over; empty: none."""
    offer: OfferId | None = None
    """Of `contact`."""
    relaxed: tuple[tuple[str, float], ...] = ()
    """Protective rules of the profile that do not hold, and until when (Unix seconds)."""
    spared_until: float | None = None
    """No heavy contacts until then, by the agent's own word; None: they come as usual."""
    resting_until: float | None = None
    """The rest after a heavy contact; None: there is none."""
    pause_limit_at: float | None = None
    """When the time is over that the reason of the pause allows, Unix seconds; None: no limit."""
    over_limit: bool = False
    """The pause has lasted longer than its reason allows."""


class QueueView(NamedTuple):
    """A service as it is now."""

    service: ServiceId
    name: str
    waiting: int
    ringing: int
    talking: int
    oldest_wait_s: float
    agents_signed_in: int
    """Who could serve it."""
    agents_ready: int
    estimate: Estimate | None = None
    """What a caller who came now would have to wait; None: nothing, or nobody who could take them is at work."""
    open: bool = True
    """By its hours."""


class Status(NamedTuple):
    """Everything at one moment."""

    at: float
    link_up: bool
    queues: tuple[QueueView, ...]
    agents: tuple[AgentView, ...]
    contacts: tuple[ContactView, ...]
    pause_reasons: tuple[PauseReason, ...] = ()
    """The centre's table."""


class Inbox(Protocol):
    """Implemented by `routing.runner`. Events are handled in the order in which they are put in."""

    def post(self, event: Event) -> None:
        """Hand over and forget. Never blocks; when the inbox is full the oldest promise is kept by a resync."""
        ...

    async def ask(self, event: Event) -> ContactView | AgentView | None:
        """Hand over and wait until it is handled *and stored*. Gives the view of what the event was about (None
        when it is not known). Raises `Refused` when the engine refused, `InboxClosed` when the node stops or the store
        fails, `TimeoutError` after the runner's `ASK_S`."""
        ...

    def status(self) -> Status:
        """What is true now. A read of memory, no waiting; a look at everybody (a millisecond in a full house)."""
        ...

    def contact(self, contact: ContactId) -> ContactView | None:
        """One contact as it is now; None: not known (any more). A read of memory, whatever the house holds."""
        ...


class InboxClosed(Exception):
    """The node is going down, or its store does not answer: the event was not taken."""
