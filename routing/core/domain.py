"""Hold the routing domain: all state of the engine, and its two outputs (commands and facts).

The module has no rules. The handlers in `calls`, `callers`, `queueing`, `agents` and `shifts` change the domain.
`assignment` offers contacts to agents, and `read_views` reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from routing.core.changes import Change
from routing.core.matching.agent_pool import BY_PHONE
from routing.core.matching.matching_index import Matching
from routing.core.matching.protocols import WaitingContact
from routing.core.matching.skill_requirement import asked_skills
from routing.core.matching.sorted_queue import SortedQueue
from routing.core.memory.bounded import BoundedMemory
from routing.core.memory.callers import CallerMemory
from routing.core.memory.handle_times import HandleTimes
from routing.core.memory.waits import Forecast, LearnedService
from routing.core.model.centre_model import (
    PHONE_CHANNELS,
    SHIPPED,
    AgentState,
    Centre,
    Channel,
    ChannelRow,
    ContactState,
    Service,
)
from routing.core.model.commands import Command
from routing.core.model.declare import DIRTY
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.records import AgentRecord, Contact, Index, NodeLink, Offer, QueueEntry, Seat
from routing.core.stored import Row
from routing.core.timers import Key, Timers
from routing.core.waiting_time.agent_supply import AgentSupply

PENDING = ContactState.PENDING
"""A global: to read a member from its enum takes ten times as long on Python 3.11."""

ENDED_REMEMBERED = 10_000
"""Number of ended contacts that are remembered. Without the memory, a hang-up that overtakes its queue entry would
leave a contact without a caller in the queue. The last events of a call come within minutes. Ten thousand calls are
more than an hour of a full centre."""

ENDED_S = 60.0
"""An ended contact cannot come back within this time. Late events come within seconds. After a minute the same id
belongs to another caller. A Uniqueid is a second and a count since Asterisk's start, so a clock that was set back
repeats ids."""

MESSAGES_WAIT_S = 60.0
"""Messages wait this long for a call in distress whose link is down. After 60 s without a node the dialplan leads the
caller to the fallback queue, where an agent's phone rings without the engine."""

LINK_TIMER: Key = "link", ""
"""Deadline at which messages wait no longer for a lost link."""

SURVEYS_REMEMBERED = 2_000
"""Number of surveys that are remembered, running or ended. A survey takes a minute, and a full centre of 180 agents
ends about 60 talks in a minute."""


class CallbackTurns:
    """Turns of live callers and of callbacks that were held back (`assignment`).

    A restart begins with a live caller.
    """

    __slots__ = ("contested", "credit")

    def __init__(self) -> None:
        self.credit = 0.0
        """Share of a turn that callbacks have gained."""
        self.contested = False
        """Both kinds were possible at the choice of the contact that is offered next."""


class Domain:
    """State of one routing domain."""

    __slots__ = (
        "agents",
        "by_state",
        "callback_numbers",
        "callbacks",
        "caller_memory",
        "centre",
        "changes",
        "channels",
        "closed",
        "commands",
        "contacts",
        "dial_look_due",
        "dirty",
        "ended_contacts",
        "facts",
        "forecast",
        "handle_times",
        "links",
        "matching",
        "messages_held",
        "newly_queued",
        "next_number",
        "next_offer",
        "next_seq",
        "now",
        "offers",
        "on_choice",
        "queues",
        "quiet_hours",
        "repairs",
        "rules_due",
        "seats",
        "seats_allowed",
        "services",
        "supply",
        "supply_read",
        "surveys",
        "timers",
        "turned_away",
        "turns",
        "unrecorded_ends",
        "waiting_callbacks",
    )

    def __init__(self, first_offer: int, first_seq: int) -> None:
        # Counters and the clock. A replay sets them the same way, so that every number comes out again.
        self.now = 0.0
        self.next_offer = first_offer
        self.next_seq = first_seq
        self.next_number = 1
        self.centre = Centre((), ())
        self.channels: dict[Channel, ChannelRow] = SHIPPED
        """The row of every channel under the settings in force."""
        self.by_state = [0] * len(AgentState)
        """Number of signed-in agents in each state, in the order of `AgentState`."""
        # The records. Contacts and offers leave these mappings when they end.
        self.services: dict[ServiceId, Service] = {}
        self.agents: dict[AgentId, AgentRecord] = {}
        self.contacts: dict[ContactId, Contact] = {}
        self.offers: dict[OfferId, Offer] = {}
        self.seats: dict[SeatId, Seat] = {}
        self.seats_allowed: frozenset[SeatId] | None = None
        """Seats of the centre, or None if any seat may be used."""
        self.links: dict[str, NodeLink] = {}
        self.messages_held = False
        """The last assignment has kept messages back (`holds_messages`)."""
        self.queues: defaultdict[ServiceId, SortedQueue[QueueEntry]] = defaultdict(SortedQueue)
        """Contacts that wait for each service (pending or reserved), in order."""
        self.ended_contacts: BoundedMemory[ContactId, float] = BoundedMemory(ENDED_REMEMBERED)
        """The time at which the end of each contact was reported, the oldest first. Later events about the contact
        change nothing."""
        self.unrecorded_ends: BoundedMemory[ContactId, float] = BoundedMemory(ENDED_REMEMBERED)
        """Callers who hung up before a contact of theirs was known. Perhaps they came while no node listened."""
        self.handle_times: defaultdict[ServiceId, HandleTimes] = defaultdict(HandleTimes)
        """Learned handle times of the contacts of each service."""
        self.newly_queued: list[Contact] = []
        """Contacts that have started to wait in this turn. Those that are not offered at once get a deadline."""
        self.rules_due: dict[Contact, None] = {}
        """Contacts that a rule of their service leads at the end of this tick, unless an agent takes them by then."""
        self.turned_away: dict[ServiceId, int] = {}
        """Number of contacts in each queue that do not wait there, because the service was closed or full."""
        self.closed: set[ServiceId] = set()
        """Services that take no new contacts because of their opening hours."""
        self.caller_memory = CallerMemory()
        """Notes about callers that outlive their contacts."""
        self.callbacks: dict[tuple[str, ServiceId], dict[Contact, None]] = {}
        """Waiting callbacks, by keyed hash of the caller and service."""
        self.waiting_callbacks: dict[ServiceId, dict[Contact, None]] = {}
        """Waiting callbacks of each service."""
        self.callback_numbers: dict[str, dict[Contact, None]] = {}
        """Waiting callbacks, by keyed hash of the number that is dialled."""
        self.dial_look_due = False
        """Callers may be dialled without a reserved agent at the end of this tick."""
        self.turns = CallbackTurns()
        self.quiet_hours = False
        """In quiet hours only callers who agreed to it are called back."""
        self.surveys: BoundedMemory[ContactId, set[str]] = BoundedMemory(SURVEYS_REMEMBERED)
        """Contacts whose survey has begun, the oldest first, each with the questions that already have an answer."""
        self.forecast = Forecast()
        """Learned data for expected waits, and the accuracy of the estimates."""
        self.supply, self.supply_read = AgentSupply(), AgentSupply()
        """The supply of agents from which expected waits are calculated: one for decisions, one for reads. Reads must
        not change a decision."""
        self.matching: Index = Matching(())
        self.timers = Timers()
        # The outputs of the turn.
        self.commands: list[Command] = []
        self.facts: list[Fact] = []
        self.changes: list[Change] = []
        """Changes of this turn that may matter to other records. `reactions` handles them after the handler."""
        self.dirty: list[Contact | Offer | AgentRecord | LearnedService] = []
        """Records whose rows must be written, each once."""
        self.on_choice: Callable[[Domain, Contact, AgentRecord], None] | None = None
        """Function that is called just before an offer is made. It changes nothing and serves explanations."""
        self.repairs: list[Row] = []
        """Rows of the store that a start found contradictory, in their corrected form."""

    def forget_supply(self) -> None:
        """Discard what was learned about the supply of agents, because the settings have changed."""
        self.supply, self.supply_read = AgentSupply(), AgentSupply()

    def learn_about(self, service: ServiceId) -> LearnedService | None:
        """Return what is learned of a service, to be changed: its row is written with this turn.

        Return None for a service that is not configured any more. It teaches nothing.
        """
        configured = self.services.get(service)
        if configured is None:
            return None
        found = self.forecast.by_service.get(service)
        if found is None:
            found = LearnedService(service, skills=asked_skills(configured), handle_times=self.handle_times[service])
            self.forecast.add_service(found)
        self.mark(found)
        return found

    def forget_other_services(self) -> None:
        """Forget what was learned of services that are removed, or that ask for other skills now.

        The rows stay, with the seed: no more than one for each name that a service of the centre ever had.
        """
        for learned in self.forecast.by_service.values():
            configured = self.services.get(learned.service)
            skills = None if configured is None else asked_skills(configured)
            if learned.skills != skills:
                learned.forget_values(skills)
                self.mark(learned)

    def mark(self, record: Contact | Offer | AgentRecord | LearnedService, groups: int = 0) -> None:
        """Have the row of a record written with this turn. `groups` adds columns to those that are always written."""
        if not record.dirty:
            self.dirty.append(record)
        record.dirty |= DIRTY | groups

    def take_number(self) -> int:
        """Return the next number for a contact. The numbers follow the order of arrival."""
        number = self.next_number
        self.next_number = number + 1
        return number

    def seat_of(self, seat: SeatId) -> Seat:
        """Return the seat. A seat that no event has named yet is unreachable."""
        found = self.seats.get(seat)
        if found is None:
            found = self.seats[seat] = Seat(seat)
        return found

    def position_of(self, contact: Contact) -> int:
        """Return the contact's position in the queue of its service, from 1.

        Callbacks that nobody may be offered now are not in front of anybody. Of those that were held back, only as many
        are as have their turn before. The cost follows the number of callbacks.
        """
        line = self.queues.get(contact.service.id)
        if line is None:
            return 1
        entry = contact.entry
        position = line.rank(entry) + 1
        callbacks = self.waiting_callbacks.get(contact.service.id)
        return self.count_turns(position, contact, [one for one in callbacks if one.entry < entry]) if callbacks \
            else position

    def count_turns(self, position: int, contact: Contact, callbacks: Sequence[Contact]) -> int:
        """Return the position of a contact, of which `callbacks` are in front."""
        if contact.service.distress:
            return self._count_in_distress(position, contact, callbacks)
        asleep = [self.is_asleep(one) for one in callbacks]
        position -= sum(asleep)
        if contact.deferred:
            return position
        late = sum([one.deferred and not sleeps for one, sleeps in zip(callbacks, asleep, strict=True)])
        live, share = position - 1 - late, self.centre.callback_share
        return 1 + live + min(late, int(live * share / (1.0 - share) + 1e-9))

    def _count_in_distress(self, position: int, contact: Contact, callbacks: Sequence[Contact]) -> int:
        """Return the position in distress, where all people who are there come before callbacks."""
        if not contact.callback:
            return position - len(callbacks)
        service = contact.service.id
        there = self.queues[service].size - len(self.waiting_callbacks[service])
        return 1 + there + sum([not self.is_asleep(one) for one in callbacks])

    def is_asleep(self, contact: Contact) -> bool:
        """Return whether a contact is a callback that may not be offered now: its caller is on the line, its time has
        not come, or the hours are quiet."""
        return contact.callback and contact.state is PENDING and (
            bool(contact.leg or contact.blocked_by) or contact.not_before > self.now
            or (self.quiet_hours and not contact.anytime))

    def can_reach(self, contact: WaitingContact) -> bool:
        """Return whether a contact can be led to an agent now. Only calls follow the link to their Asterisk."""
        return contact.channel not in PHONE_CHANNELS or self.link_up(contact.node)

    def holds_messages(self) -> bool:
        """Return whether messages wait for a call in distress behind a lost link, which comes before them.

        After `MESSAGES_WAIT_S` Asterisk leads its callers to the fallback queue itself, so messages wait no longer.
        """
        lost = {node: until for node, link in self.links.items()
                if not link.up and self.now < (until := link.down_since + MESSAGES_WAIT_S)}
        waits = [lost[group.node] for group in self.matching.waiting_groups if group.distress
                 and not group.beside and group.pool.channel & BY_PHONE and group.node in lost] if lost else []
        self.messages_held = bool(waits)
        if waits:
            self.timers.set_deadline(LINK_TIMER, min(waits))
        else:
            self.timers.cancel_deadline(LINK_TIMER)
        return self.messages_held

    def link_up(self, node: str) -> bool:
        """Return whether the link to a node is up. A link that no event has named counts as up, because its seats are
        unreachable anyway."""
        link = self.links.get(node)
        return link is None or link.up
