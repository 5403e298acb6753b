"""The routing domain: everything the engine knows, and the two lists it writes (commands and facts).

No rule stands here. `contacts`, `offers` and `agents` change what is in it, `assign` brings them together, `views`
reads.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable

from routing.core.abuse import Abuse
from routing.core.commands import Command
from routing.core.declare import DIRTY
from routing.core.estimate import Forecast
from routing.core.facts import Fact
from routing.core.handled import Handled
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.kept import Kept
from routing.core.known import Known
from routing.core.line import Line
from routing.core.match import Matching
from routing.core.model import AgentState, Centre, Channel, Service
from routing.core.records import AgentRecord, Contact, NodeLink, Offer, Seat
from routing.core.served import Lately
from routing.core.stored import Row
from routing.core.timers import Timers

OVER_REMEMBERED = 10_000
"""Contacts that are over and still known as such: a call's last events come within minutes, and ten thousand calls are
more than an hour of a full house. Without it a hang-up that overtakes the queue entry would leave a ghost in line."""

OVER_S = 60.0
"""So long a contact that is over cannot come again. Late news comes within seconds; after a minute the same id is
another caller: a Uniqueid is (second, count since Asterisk's start), and a clock that was set back makes it twice."""


class Domain:
    """State of one routing domain."""

    __slots__ = (
        "abuse", "agents", "by_state", "callbacks", "centre", "closed", "commands", "contacts", "costs", "deferred",
        "dirty",
        "facts", "forecast", "fresh", "handled", "kept", "known", "lately", "lines", "links", "matching",
        "next_number", "next_offer", "next_seq", "now", "offers", "over", "overdue", "quiet", "repairs", "seats",
        "seats_allowed", "services", "surveys", "timers", "watch")

    def __init__(self, first_offer: int, first_seq: int) -> None:
        self.now = 0.0
        self.next_offer = first_offer
        self.next_seq = first_seq
        self.next_number = 1
        self.centre = Centre((), ())
        """The settings in force."""
        self.costs: dict[Channel, int] = {}
        """Units of an agent's capacity that one contact takes (`Centre.costs`)."""
        self.by_state = [0] * len(AgentState)
        """How many signed-in agents are in each state, in the order of `AgentState`."""
        self.services: dict[ServiceId, Service] = {}
        self.agents: dict[AgentId, AgentRecord] = {}
        self.contacts: dict[ContactId, Contact] = {}
        self.offers: dict[OfferId, Offer] = {}
        self.seats: dict[SeatId, Seat] = {}
        self.seats_allowed: frozenset[SeatId] | None = None
        """Seats of the centre; None: any."""
        self.links: dict[str, NodeLink] = {}
        self.lines: defaultdict[ServiceId, Line[tuple[float, int, Contact]]] = defaultdict(Line)
        """Who waits (pending or reserved) for each service, in order."""
        self.over: OrderedDict[ContactId, float] = OrderedDict()
        """When it was heard that a contact is over, oldest first."""
        self.handled: defaultdict[ServiceId, Handled] = defaultdict(Handled)
        """How long each service's contacts take, as learned."""
        self.fresh: list[Contact] = []
        """Contacts that have come to wait in this turn: those not offered at once get a deadline."""
        self.overdue: dict[Contact, None] = {}
        """Contacts that have waited too long by this tick: they go on only when nobody has taken them at its end."""
        self.closed: set[ServiceId] = set()
        """Services that take no new contacts by their hours."""
        self.known = Known()
        """Who spoke with whom last."""
        self.kept = Kept()
        """Places of callers who hung up lately while waiting."""
        self.lately = Lately()
        """Who was served lately."""
        self.abuse = Abuse()
        """Who was abusive."""
        self.callbacks: dict[tuple[str, ServiceId], dict[Contact, None]] = {}
        """Callbacks in line by keyed hash of the caller and service."""
        self.deferred: dict[ServiceId, int] = {}
        """How many callbacks are in line."""
        self.quiet = False
        """Nobody is called back now but who wants it."""
        self.surveys: OrderedDict[ContactId, set[str]] = OrderedDict()
        """Who was asked after the talk, oldest first, and which questions have their answer."""
        self.forecast = Forecast()
        """Expected waits: what is learned for them, and how good they were."""
        self.matching = Matching(())
        self.timers = Timers()
        self.commands: list[Command] = []
        self.facts: list[Fact] = []
        self.dirty: list[Contact | Offer | AgentRecord] = []
        """Records whose rows are to be written, each once."""
        self.watch: Callable[[Domain, Contact, AgentRecord], None] | None = None
        """Looks on, just before an offer is made; changes nothing. For those who ask why."""
        self.repairs: list[Row] = []
        """Rows of the store that a start found contradictory, as they must read."""

    def mark(self, record: Contact | Offer | AgentRecord, groups: int = 0) -> None:
        """Have the row of a record written with the turn; `groups`: of its columns, beside those always written."""
        if not record.dirty:
            self.dirty.append(record)
        record.dirty |= DIRTY | groups

    def take_number(self) -> int:
        """A number for a contact: the order of arrival."""
        number = self.next_number
        self.next_number = number + 1
        return number

    def seat(self, seat: SeatId) -> Seat:
        """The seat; one that was never heard of is unreachable."""
        found = self.seats.get(seat)
        if found is None:
            found = self.seats[seat] = Seat(seat)
        return found

    def position(self, contact: Contact) -> int:
        """Place in the service's line, from 1."""
        line = self.lines.get(contact.service.id)
        if line is None:
            return 1
        start, number = contact.key
        return line.rank((start, number, contact)) + 1

    def link_up(self, node: str) -> bool:
        """A link that was never heard of counts as up: seats are unreachable then anyway."""
        link = self.links.get(node)
        return link is None or link.up

    def remember_over(self, contact: ContactId) -> None:
        """A contact is over for good: later events about it change nothing."""
        over = self.over
        if contact in over:
            over.move_to_end(contact)
        over[contact] = self.now
        if len(over) > OVER_REMEMBERED:
            over.popitem(last=False)

    def is_over(self, contact: ContactId) -> bool:
        """News of this contact is late news."""
        at = self.over.get(contact)
        return at is not None and self.now - at < OVER_S
