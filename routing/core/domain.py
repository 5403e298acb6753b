"""The routing domain: everything the engine knows, and the two lists that it writes (commands and facts).

The module has no rule. `contacts`, `offers` and `agents` change the domain, `assign` brings contacts and agents
together, and `views` reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from routing.core.changes import Change
from routing.core.commands import Command
from routing.core.crew import Crew
from routing.core.declare import DIRTY
from routing.core.facts import Fact
from routing.core.handled import Handled
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.line import Line
from routing.core.match import Matching
from routing.core.memory.bounded import BoundedMemory
from routing.core.memory.callers import CallerMemory
from routing.core.memory.waits import Forecast
from routing.core.model import SHIPPED, AgentState, Centre, Channel, ChannelRow, Service
from routing.core.records import AgentRecord, Contact, Index, NodeLink, Offer, Seat
from routing.core.stored import Row
from routing.core.timers import Timers

OVER_REMEMBERED = 10_000
"""Contacts that are over and still known as such. The last events of a call come within minutes, and ten thousand calls
are more than an hour of a full centre. Without the memory a hang-up that overtakes the queue entry would leave a ghost
in the queue."""

OVER_S = 60.0
"""A contact that is over cannot come again within this time. Late events come within seconds. After a minute the same
id is another caller: a Uniqueid is (second, count since Asterisk's start), and a clock that was set back makes it
twice."""

SURVEYS_REMEMBERED = 2_000
"""Surveys that are running or over. A survey takes a minute. A full centre of 180 agents ends some 60 talks in one."""


class Domain:
    """State of one routing domain."""

    __slots__ = (
        "agents", "by_state", "callbacks", "caller_memory", "centre", "changes", "channels", "closed", "commands",
        "contacts", "deferred", "dirty", "facts", "forecast", "fresh", "handled", "lines", "links", "matching",
        "next_number", "next_offer", "next_seq", "now", "offers", "over", "overdue", "quiet", "repairs", "seats",
        "seats_allowed", "services", "supply", "supply_read", "surveys", "timers", "watch")

    def __init__(self, first_offer: int, first_seq: int) -> None:
        self.now = 0.0
        self.next_offer = first_offer
        self.next_seq = first_seq
        self.next_number = 1
        self.centre = Centre((), ())
        """The settings in force."""
        self.channels: dict[Channel, ChannelRow] = SHIPPED
        """The row of every channel, by the settings in force."""
        self.by_state = [0] * len(AgentState)
        """How many signed-in agents are in each state, in the order of `AgentState`."""
        self.services: dict[ServiceId, Service] = {}
        self.agents: dict[AgentId, AgentRecord] = {}
        self.contacts: dict[ContactId, Contact] = {}
        self.offers: dict[OfferId, Offer] = {}
        self.seats: dict[SeatId, Seat] = {}
        self.seats_allowed: frozenset[SeatId] | None = None
        """Seats of the centre, or None if any seat may be used."""
        self.links: dict[str, NodeLink] = {}
        self.lines: defaultdict[ServiceId, Line[tuple[float, int, Contact]]] = defaultdict(Line)
        """Contacts that wait (pending or reserved) for each service, in order."""
        self.over: BoundedMemory[ContactId, float] = BoundedMemory(OVER_REMEMBERED)
        """When the end of each contact was heard, the oldest first."""
        self.handled: defaultdict[ServiceId, Handled] = defaultdict(Handled)
        """How long each service's contacts take, as learned."""
        self.fresh: list[Contact] = []
        """Contacts that have come to wait in this turn. Those not offered at once get a deadline."""
        self.overdue: dict[Contact, None] = {}
        """Contacts that have waited too long by this tick. They overflow only if no agent has taken them by its end."""
        self.closed: set[ServiceId] = set()
        """Services that take no new contacts by their hours."""
        self.caller_memory = CallerMemory()
        """What is remembered of callers after their contacts are over."""
        self.callbacks: dict[tuple[str, ServiceId], dict[Contact, None]] = {}
        """Waiting callbacks by keyed hash of the caller and service."""
        self.deferred: dict[ServiceId, int] = {}
        """Number of waiting callbacks of each service."""
        self.quiet = False
        """Quiet hours: only callers who want it are called back now."""
        self.surveys: BoundedMemory[ContactId, set[str]] = BoundedMemory(SURVEYS_REMEMBERED)
        """Contacts that were asked after the talk, the oldest first, each with the questions that have their answer."""
        self.forecast = Forecast()
        """What is learned for expected waits, and how good the estimates were."""
        self.supply, self.supply_read = Crew(), Crew()
        """The supply of agents that expected waits are calculated from: for decisions, and for reads."""
        self.matching: Index = Matching(())
        self.timers = Timers()
        self.commands: list[Command] = []
        self.facts: list[Fact] = []
        self.changes: list[Change] = []
        """Changes of this turn that may matter to other records; `reactions` handles them after the handler."""
        self.dirty: list[Contact | Offer | AgentRecord] = []
        """Records whose rows are to be written, each once."""
        self.watch: Callable[[Domain, Contact, AgentRecord], None] | None = None
        """Called just before an offer is made. It changes nothing and serves explanations."""
        self.repairs: list[Row] = []
        """Rows of the store that a start found contradictory, as they must read."""

    def forget_supply(self) -> None:
        """Discard the findings about the agents, because the settings have changed."""
        self.supply, self.supply_read = Crew(), Crew()

    def mark(self, record: Contact | Offer | AgentRecord, groups: int = 0) -> None:
        """Have the row of a record written with the turn. `groups` adds columns to those always written."""
        if not record.dirty:
            self.dirty.append(record)
        record.dirty |= DIRTY | groups

    def take_number(self) -> int:
        """Return a number for a contact: the order of arrival."""
        number = self.next_number
        self.next_number = number + 1
        return number

    def seat(self, seat: SeatId) -> Seat:
        """Return the seat. A seat that was never heard of is unreachable."""
        found = self.seats.get(seat)
        if found is None:
            found = self.seats[seat] = Seat(seat)
        return found

    def position(self, contact: Contact) -> int:
        """Return the contact's place in the queue of its service, from 1."""
        line = self.lines.get(contact.service.id)
        if line is None:
            return 1
        start, number = contact.key
        return line.rank((start, number, contact)) + 1

    def link_up(self, node: str) -> bool:
        """Return whether the link to a node is up. A link that was never heard of counts as up: its seats are
        unreachable anyway."""
        link = self.links.get(node)
        return link is None or link.up

    def remember_over(self, contact: ContactId) -> None:
        """Remember that a contact is over for good: later events about the contact change nothing."""
        self.over[contact] = self.now

    def is_over(self, contact: ContactId) -> bool:
        """Return whether an event about this contact comes after its end."""
        at = self.over.get(contact)
        return at is not None and self.now - at < OVER_S
