"""Declare the interface of the engine for other rooms: an inbox for events, and values that are read."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from routing.core.events import Event
from routing.core.model.centre_model import (
    AgentState,
    Channel,
    Comfort,
    ContactState,
    Estimate,
    OfferState,
    PauseReason,
    Trigger,
    WayOut,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.state_tables import ConsultState


class ContactView(NamedTuple):
    """A contact as it is now."""

    contact: ContactId
    service: ServiceId
    channel: Channel
    state: ContactState
    position: int
    """Position in the queue of its service, from 1. The value is 0 if the contact does not wait."""
    waiting: int
    """Number of contacts that wait for the service, with this one."""
    waited_s: float
    offer: OfferId | None
    agent: AgentId | None
    slow: bool
    callback: bool = False
    """The caller will be called back."""
    estimate: Estimate | None = None
    """Expected remaining wait, in answers of `Inbox.contact_view` and `Inbox.ask`. None if the offer rings, if its turn
    has come, or if no agent at work can take it. Always None in a whole `Status`."""
    tries: int = 0
    """Number of failed callback tries."""
    not_before: float = 0.0
    """Earliest time of the next callback try, Unix seconds."""
    merged: bool = False
    """The contact took over the position of a callback of the same caller."""
    unserved: bool = False
    """The contact waits, and no agent at work can take it in this or a later step. Always false in a whole `Status`."""
    has_held_position: bool = False
    """The contact has the position of a dropped call of the same number, and may decline it
    (`HeldPositionDeclined`)."""
    abusive: bool = False
    """An agent has flagged the caller as abusive in this contact."""
    priority: int = 0
    """The contact's own points, without those of the service."""
    farewell: str = ""
    """Key of the sentence with which a supervisor's withdrawal ends the call. Empty if there is none."""
    led_by: Trigger | None = None
    """Reason of the last rule that leads the caller out of the queue. None if there is none, or if it no longer holds
    because somebody is there again. Always None in a whole `Status`."""
    way_out: WayOut | None = None
    """Way out of that rule."""
    transferred_at: float | None = None
    """Time of the last transfer, Unix seconds. The wait starts again there. None if there was no transfer."""
    has_talked: bool = False
    """The engine knows of a talk with an agent."""


class ContactAtHand(NamedTuple):
    """A contact that an agent has at hand: offered, in talk, in a consult transfer or in wrap-up."""

    contact: ContactId
    offer: OfferId
    channel: Channel
    service: ServiceId
    state: OfferState


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
    """End of the wrap-up, Unix seconds."""
    rna_count: int
    skills: tuple[tuple[str, int], ...]
    pause_pending: str
    """Reason of the pause that begins after the talk. Empty if there is none."""
    offer: OfferId | None = None
    """The offer of `contact`."""
    overrides: tuple[tuple[str, float], ...] = ()
    """Rules of the profile that are overridden, each with the end of the override in Unix seconds."""
    heavy_declined_until: float | None = None
    """Time until which the agent declines heavy contacts, Unix seconds. None if heavy contacts come as usual."""
    resting_until: float | None = None
    """End of the rest after a heavy contact, Unix seconds. None if there is no rest."""
    pause_limit_at: float | None = None
    """End of the time that the pause reason allows, Unix seconds. None if there is no limit."""
    over_limit: bool = False
    """The pause lasts longer than its reason allows."""
    offers: tuple[OfferId, ...] = ()
    """The agent's offers that are the present ones of their contacts, oldest first."""
    break_postponed: bool = False
    """A short break is due, and waits until another agent is on duty for a distress service."""
    desk: bool = False
    """The agent has a desk open. Only then messages come."""
    contacts: tuple[ContactAtHand, ...] = ()
    """The contacts at hand, the most engaging one first: that of `contact`."""
    skills_for_now: bool = False
    """The skills differ from the settings until sign-out."""


class ConsultView(NamedTuple):
    """A consult transfer that the agent has begun."""

    state: ConsultState
    service: ServiceId
    """Service for which the caller waits meanwhile."""
    agent: AgentId | None
    """Agent who is offered the caller, or talks with the consulting agent. None while nobody is found."""
    since: float


class HeldContact(NamedTuple):
    """A contact at an agent: offered, in talk or in wrap-up. All times are in Unix seconds."""

    offer: OfferId
    contact: ContactId
    channel: Channel
    service: ServiceId
    service_name: str
    state: OfferState
    waiting_since: float
    callback: bool
    """The caller is called back, so nobody was on the line when the offer was made."""
    language: str
    """Language that the caller hears. Empty for the first language."""
    slow: bool
    returned: bool
    """The caller has talked with an agent in this contact before, or has the place of a dropped call."""
    asked_by: AgentId | None
    """Agent who consults this agent about the caller."""
    talks_first: bool
    """This agent talks with `asked_by`, and is not connected with the caller yet. The offer is still pending."""
    partner: AgentId | None
    """The other agent of a pair."""
    rings_until: float | None
    """End of the ringing. None if nothing rings."""
    answered_at: float | None
    """Time of the answered phone. The caller is connected later if the profile has a whisper announcement."""
    talking_since: float | None
    on_hold_since: float | None
    interrupted: bool
    """The contact is held while its agent is in a call."""
    consult: ConsultView | None
    follow_up: bool
    """The caller has agreed to a callback if the call is lost."""
    abusive: bool
    wrapup_until: float | None
    """End of the wrap-up. None if it has no end by the clock."""
    wrapup_requested: bool
    wrapup_possible: bool
    """A wrap-up may follow the talk, by itself or on request."""
    wrapup_follows: bool
    """A wrap-up follows the talk, by itself or because the agent has asked for it."""
    leads_pair: bool
    """This agent is the first one of a pair, or has the contact alone."""
    time_to_read: bool
    """The profile gives time to read before the caller is connected."""
    reported_load: int | None
    """Weight that the agent has reported. None without a report."""
    told_until: float | None = None
    """End of the words that the caller still hears before the talk. None if there are none."""


class DeskView(NamedTuple):
    """Everything that an agent's desk shows, read at the cost of one agent."""

    at: float
    agent: AgentView
    phone_registered: bool
    """The phone of the seat reports that it can ring."""
    break_planned_at: float | None
    """Start of the next break, planned or short. None if none is due."""
    break_until: float | None
    """End of a break that the engine began. None outside of one."""
    contacts: tuple[HeldContact, ...]
    """All contacts of the agent, the most engaging one first: a talk, a ringing offer, a wrap-up."""
    serves: tuple[ServiceId, ...] = ()
    """Services that the agent can serve now. Empty for an agent who is signed out."""
    comfort: Comfort = Comfort()
    """Settings of the desk by the agent's profile."""
    leave_pending: bool = False
    """The agent is signed out after the talk."""


class ColleagueView(NamedTuple):
    """A signed-in agent, as other agents see them."""

    agent: AgentId
    serves: tuple[ServiceId, ...]
    free: bool
    """The agent could be offered a call now."""


class QueueView(NamedTuple):
    """A service as it is now."""

    service: ServiceId
    name: str
    waiting: int
    ringing: int
    talking: int
    oldest_wait_s: float
    agents_signed_in: int
    """Signed-in agents who can take its calls."""
    agents_ready: int
    estimate: Estimate | None = None
    """Expected wait of a caller who arrives now. None if there is no wait, or if no agent at work can take the
    caller."""
    open: bool = True
    """The service is open by its hours."""


class QueueStatus(NamedTuple):
    """All services at one moment."""

    at: float
    queues: tuple[QueueView, ...]


class QueueLoad(NamedTuple):
    """Load that a further caller of a service meets while no agent is ready for it."""

    waiting: int
    expected_s: float | None
    """Expected wait, or None if nothing is known."""


class Status(NamedTuple):
    """The whole domain at one moment."""

    at: float
    link_up: bool
    queues: tuple[QueueView, ...]
    agents: tuple[AgentView, ...]
    contacts: tuple[ContactView, ...]


class CallerInbox(Protocol):
    """Take the events of a caller in the menu."""

    def post(self, event: Event) -> None:
        """Post an event without waiting. The method never blocks. If the inbox is full, a resynchronisation restores
        what was lost."""
        ...

    async def ask(self, event: Event) -> ContactView | AgentView | None:
        """Post an event and wait until it is handled and stored. Return the view of the event's subject, or None if it
        is unknown.

        Raise `Refused` if the engine refused the event. Raise `InboxClosed` if the node stops or the store fails. Raise
        `TimeoutError` after the runner's `ASK_S`.
        """
        ...

    def queue_load(self, service: str) -> QueueLoad | None:
        """Return the load of a service. Return None if an agent is ready for it, or if there is no such service.

        The cost does not grow with agents or contacts, so each caller may ask.
        """
        ...


class Inbox(CallerInbox, Protocol):
    """Take events for the engine. `routing.runner` implements it and handles events in the order in which they
    arrive."""

    async def catch_up(self) -> None:
        """Wait until all events that were posted before are handled and stored, so that a view shows them.

        Raise `InboxClosed` and `TimeoutError` as `ask` does: the store may not answer.
        """
        ...

    def status(self) -> Status:
        """Return the present state from memory, without waiting. The look at everybody takes 30 milliseconds with 2,000
        agents and 5,000 waiting contacts, so no request of an agent or caller may need it."""
        ...

    def queue_status(self) -> QueueStatus:
        """Return all services as they are now, without a view of any agent or contact."""
        ...

    def agent_views(self) -> tuple[AgentView, ...]:
        """Return all agents as they are now, in the order of the team. No contact is looked at."""
        ...

    def agent_view(self, agent: AgentId) -> AgentView | None:
        """Return one agent as they are now, or None if the agent is not in the team."""
        ...

    def desk_view(self, agent: AgentId) -> DeskView | None:
        """Return what the desk of one agent shows, or None if the agent is not in the team. The cost does not grow with
        agents or contacts."""
        ...

    def colleagues_of(self, agent: AgentId) -> tuple[ColleagueView, ...]:
        """Return the other agents who are signed in, in the order of the team."""
        ...

    def callbacks_for(self, agent: AgentId) -> tuple[ContactView, ...]:
        """Return the waiting callbacks of the services that the agent serves now, longest wait first."""
        ...

    def agent_at_seat(self, seat: SeatId) -> AgentView | None:
        """Return the agent who is signed in at a seat, or None if nobody is."""
        ...

    def agent_of_offer(self, offer: OfferId) -> AgentView | None:
        """Return the agent of a live offer, or None if the offer is unknown or over."""
        ...

    def pause_reasons(self) -> tuple[PauseReason, ...]:
        """Return the table of pause reasons in force."""
        ...

    def now(self) -> float:
        """Return the time of the engine, Unix seconds."""
        ...

    def contact_view(self, contact: ContactId) -> ContactView | None:
        """Return one contact as it is now, or None if it is unknown or deleted. The read of memory costs the same in
        any centre."""
        ...


class InboxClosed(Exception):
    """The event was not taken: the node stops, or its store does not answer."""
