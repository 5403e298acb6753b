"""The records of the oracle: callers, offers, agents and phones."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from routing.core.model.centre_model import Agent, AgentState, Channel, ContactState, Estimate, OfferState, Service
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId

READY, RINGING, TALKING, WRAPUP = AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP
SIGNED_OUT, PAUSED, NOT_RESPONDING = AgentState.SIGNED_OUT, AgentState.PAUSED, AgentState.NOT_RESPONDING
BUSY, UNREACHABLE = AgentState.BUSY, AgentState.UNREACHABLE
FREE = (READY, BUSY, UNREACHABLE)
AWAY = (PAUSED, SIGNED_OUT, NOT_RESPONDING)
ENGAGED = (RINGING, TALKING, WRAPUP)

PENDING, ACCEPTED, WRAPPING = OfferState.PENDING, OfferState.ACCEPTED, OfferState.WRAPPING
BESIDE, CONSULTING = OfferState.BESIDE, OfferState.CONSULTING
WAITS, RESERVED, ASSIGNED = ContactState.PENDING, ContactState.RESERVED, ContactState.ASSIGNED
VOICE = Channel.VOICE


@dataclass(slots=True, eq=False)
class Caller:
    """A contact."""

    id: ContactId
    service: Service
    channel: Channel
    since: float
    points: int
    number: int
    queued_at: float
    leg: str = ""
    slow: bool = False
    node: str = ""
    hash: str = ""
    needs: tuple = ()
    topics: frozenset = frozenset()
    entered_at: float = 0.0
    step_at: float = 0.0
    step: int = 0
    """The step in force."""
    timed_step: int = 0
    """The step reached by time."""
    state: ContactState = WAITS
    offer: Offer | None = None
    beside: list[Offer] = field(default_factory=list)
    """Offers that ring next to it, the oldest first."""
    rings_since: float | None = None
    """Since when phones ring without a gap."""
    preferred: Person | None = None
    preferred_s: float | None = None
    """Seconds to wait for the preferred agent. None means the time of the service."""
    consulting_offer: Offer | None = None
    """The offer of the agent who consults about this caller."""
    sent_at: float | None = None
    """The time of the last transfer."""
    urgent: bool = False
    told: Estimate | None = None
    """The wait to expect, told at the entry. A restart forgets it."""
    own: tuple[float, int] | None = None
    act: tuple[tuple[str, int], tuple[str, int]] | None = None
    """Service and points before and after what a supervisor may take back."""
    """Start and points of the new call, while the caller has a held position."""
    visited: tuple[ServiceId, ...] = ()
    closed: list[Offer] = field(default_factory=list)
    """The last four offers by phone that are over, since the last talk."""
    in_menu: bool = False
    """The caller has taken the choice back and chooses again."""
    shown: bool = True
    """The caller's channel was seen."""
    callback: bool = False
    tries: int = 0
    not_before: float = 0.0
    anytime: bool = False
    other_hash: str = ""
    """Hash of the number for the callback."""
    deferred: bool = False
    """A callback that was held back, and takes turns with the others."""
    ends_at: float = 0.0
    """The time at which an unreached callback ends."""
    farewell: str = ""
    """The sentence with which a supervisor has withdrawn the caller."""
    dialling: bool = False
    """The caller's phone rings, and no agent is reserved."""
    dial_due: float | None = None
    dial_left_s: float | None = None
    """Rest of the time of the dial while the link is down."""
    called_alone: bool = False
    """The caller was dialled without a reserved agent."""
    caller_on_line: bool = False
    """A callback whose caller is on the line in a later call."""
    language: str = ""
    words_until: float = 0.0
    """Time at which the first words are over."""
    follow_up: bool = False
    """The caller has agreed to a callback if the call is lost."""
    abusive: bool = False
    """An agent has flagged the caller in this call."""
    led_by: tuple[str, ...] = ()
    """Reasons for which a rule of the service has led out of the queue."""
    way_out: str | None = None
    alone_at: float | None = None
    """Time since which nobody is there for the contact."""
    rule_retry_at: float = 0.0
    late: bool = False
    """A rule is due. If still waiting, the contact is led on at the end of the clock's turn."""
    fresh: bool = False
    """The contact has just lost its offer. Its deadlines begin after the next assignment."""
    claimed_at: float = 0.0
    dial_released: bool = False
    """Time at which an agent was taken back last for this person in distress."""

    @property
    def dialled(self) -> str:
        """Return the hash of the number for a callback."""
        return self.other_hash or self.hash

    @property
    def others_line(self) -> bool:
        """Return whether the number was keyed in and is not that of the call."""
        return self.other_hash not in ("", self.hash)

    @property
    def in_line(self) -> bool:
        """Return whether the contact has a place in the queue."""
        return self.state in (WAITS, RESERVED)

    @property
    def waits_from(self) -> float:
        """Return the start of the present wait."""
        return self.since if self.sent_at is None else self.sent_at

    @property
    def place(self) -> tuple[float, int]:
        """Return the sort key in the queue."""
        return self.since * self.service.weight - 60.0 * (self.service.priority + self.points), self.number

    def looks(self, now: float, quiet: bool) -> bool:
        """Return whether an agent may be found for the contact now, or its caller dialled."""
        return self.awake(now, quiet) and not self.dialling

    def awake(self, now: float, quiet: bool) -> bool:
        """Return whether the contact may be served now. The phone of its caller may ring already."""
        kept = self.callback and (self.leg or self.caller_on_line or (quiet and not self.anytime))
        return self.state is WAITS and self.not_before <= now and not kept and not self.in_menu and not self.farewell \
            and self.shown and not (self.way_out is not None and self.led_by[-1] in ("closed", "full"))


@dataclass(slots=True, eq=False)
class Offer:
    """An offer, with the talk and wrap-up after it."""

    id: OfferId
    caller: Caller
    person: Person
    seat: SeatId
    partner: Person | None
    made_at: float
    ring_s: float
    step: int
    level: int
    tier: int
    cost: int
    state: OfferState = PENDING
    rings_at: float | None = None
    """Time at which the phone will be told to ring. None once it was."""
    told_at: float | None = None
    """Time at which the phone was told to ring, by this node."""
    rang_at: float | None = None
    answered_at: float | None = None
    partner_answered: bool = False
    connected_at: float | None = None
    talk_ended_at: float | None = None
    held_since: float | None = None
    held_s: float = 0.0
    waited_s: float = 0.0
    """Wait before the talk of the agent who consults."""
    interrupted: bool = False
    wrapup_requested: bool = False
    load: int = 0
    load_reported: bool = False
    with_consulting_agent: bool = False
    """The agent talks with the agent who consults."""
    service_before_consult: Service | None = None
    on_second_line: bool = False
    awaiting_rebridge: bool = False
    bridge_changed_at: float | None = None
    due: dict[str, float] = field(default_factory=dict)
    """Running deadlines: `words`, `vanish`, `ring`, `pre_connect`, `dial`, `wrap`, `consult`."""
    calls_back: bool = False
    """The offer was made for a callback."""
    caller_first: bool = False
    dialling: bool = False
    """The caller's phone rings."""
    dialled: bool = False
    """The caller's phone has rung."""
    over_at: float | None = None
    """When the leg ended, by the report."""

    @property
    def rings(self) -> bool:
        """Return whether the agent is not yet with the caller."""
        return self.state in (PENDING, BESIDE)

    @property
    def voice(self) -> bool:
        """Return whether the contact is a call."""
        return self.caller.channel is VOICE

    @property
    def talks(self) -> bool:
        """Return whether the agent talks with the caller, or about the caller with another agent."""
        return self.state in (ACCEPTED, CONSULTING) or self.with_consulting_agent

    @property
    def people(self) -> list[Person]:
        """Return the agent, or both agents of a pair."""
        return [self.person] if self.partner is None else [self.person, self.partner]


@dataclass(slots=True, eq=False)
class Phone:
    """A seat."""

    id: SeatId
    reachable: bool = False
    in_use: bool = False
    person: Person | None = None
    settling: bool = False
    settle_at: float | None = None
    again_at: float | None = None


@dataclass(slots=True, eq=False)
class Person:
    """An agent."""

    agent: Agent
    index: int
    usual: Agent | None = None
    configured: bool = True
    state: AgentState = SIGNED_OUT
    reason: str = ""
    since: float = 0.0
    ever: bool = False
    """The agent has signed in or opened a desk before."""
    phone: Phone | None = None
    next_seat: str | None = None
    """The seat for which the agent has signed in during a talk."""
    desk: bool = False
    """A desk is open. Messages come only there."""
    messages_from: float = 0.0
    """No message comes earlier, because one was declined or not answered."""
    rna_count: int = 0
    idle_since: float = 0.0
    asked_last: bool = False
    """In distress all others are asked first."""
    not_before: float = 0.0
    answers_s: float = 2.0
    """Time that the agent takes to answer, as learned by this node."""
    gap_until: float = 0.0
    hands: list[Offer] = field(default_factory=list)
    detached_wrapup: bool = False
    detached_wrapup_until: float | None = None
    talked_until: float | None = None
    pause_pending: str = ""
    leave_pending: bool = False
    leave_at: float | None = None
    partner: Person | None = None
    lead: bool = False
    offered: float = 0.0
    offered_at: float = 0.0
    # burden
    load: float = 0.0
    load_at: float = 0.0
    limited: bool = False
    last_load: int = 0
    rest_after_heavy_until: float = 0.0
    rest_until: float = 0.0
    heavy_declined_until: float = 0.0
    occupied: float = 0.0
    occupied_at: float = 0.0
    overrides: dict[str, float] = field(default_factory=dict)
    # breaks
    working_since: float = 0.0
    short_retry_at: float = 0.0
    """When a postponed short break is tried again."""
    paused_at: float = 0.0
    works: bool = False
    """The pause counts as work."""
    limit_at: float = inf
    """The end of the allowed pause."""
    limit_told: bool = False
    breaks: tuple[tuple[float, float], ...] = ()
    break_begun: float = 0.0
    break_s: float = 0.0
    break_until: float = 0.0
    # as of the last look, see `burden.look`
    touched: bool = False
    bears: tuple[int, int, int] = (5, 5, 5)
    bears_in_distress: int = 5
    burden: float = -1100.0
    protected: bool = False
    wake_at: float | None = None

    @property
    def id(self) -> AgentId:
        return self.agent.id

    @property
    def signed(self) -> bool:
        return self.state is not SIGNED_OUT

    @property
    def seat(self) -> SeatId | None:
        """Return the seat at which the agent is signed in."""
        return None if self.phone is None else self.phone.id

    def calls(self) -> bool:
        """Return whether the agent has a call at hand."""
        return any(one.voice for one in self.hands)
