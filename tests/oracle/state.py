"""What the oracle remembers of callers, offers, agents and phones."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import Agent, AgentState, Channel, ContactState, OfferState, Service

READY, RINGING, TALKING, WRAPUP = AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP
SIGNED_OUT, PAUSED, NOT_RESPONDING = AgentState.SIGNED_OUT, AgentState.PAUSED, AgentState.NOT_RESPONDING
BUSY, UNREACHABLE = AgentState.BUSY, AgentState.UNREACHABLE
FREE = (READY, BUSY, UNREACHABLE)
AWAY = (PAUSED, SIGNED_OUT, NOT_RESPONDING)
ENGAGED = (RINGING, TALKING, WRAPUP)

PENDING, ACCEPTED, WRAPPING = OfferState.PENDING, OfferState.ACCEPTED, OfferState.WRAPPING
CONSULTING = OfferState.CONSULTING
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
    state: ContactState = WAITS
    offer: Offer | None = None
    preferred: Person | None = None
    preferred_s: float | None = None
    """Waited for so long; None: as the service says."""
    introducer: Offer | None = None
    """Of the agent who asks whoever comes first."""
    sent_at: float | None = None
    """An agent sent the caller on."""
    urgent: bool = False
    own: tuple[float, int] | None = None
    """Start and points of its own call, while it has the place of one that dropped."""
    visited: tuple[ServiceId, ...] = ()
    callback: bool = False
    tries: int = 0
    not_before: float = 0.0
    anytime: bool = False
    other_hash: str = ""
    """Of the number to be called back."""
    calls_us: bool = False
    """To be called back, and on the line just now in a later call."""
    language: str = ""
    follow_up: bool = False
    """To be called back if the call is lost."""
    abusive: bool = False
    """An agent has said so in this call."""
    net_again: float = 0.0
    late: bool = False
    """Has waited too long: goes on at the end of the clock's turn, if still there."""
    fresh: bool = False
    """Nothing is due before the next assignment: it has just lost its offer."""

    @property
    def in_line(self) -> bool:
        """Has a place in the line of its service."""
        return self.state in (WAITS, RESERVED)

    @property
    def waits_from(self) -> float:
        """The present wait began."""
        return self.since if self.sent_at is None else self.sent_at

    @property
    def place(self) -> tuple[float, int]:
        """Order in the line."""
        return self.since * self.service.weight - 60.0 * (self.service.priority + self.points), self.number

    def looks(self, now: float, quiet: bool) -> bool:
        """An agent may be found for it now."""
        kept = self.callback and (self.leg or self.calls_us or (quiet and not self.anytime))
        return self.state is WAITS and self.not_before <= now and not kept


@dataclass(slots=True, eq=False)
class Offer:
    """An offer, and the talk and wrap-up after it."""

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
    rang_at: float | None = None
    answered_at: float | None = None
    partner_answered: bool = False
    connected_at: float | None = None
    talk_over_at: float | None = None
    held_since: float | None = None
    held_s: float = 0.0
    waited_s: float = 0.0
    """Before the talk, of who asks."""
    interrupted: bool = False
    wrapup_asked: bool = False
    load: int = 0
    weighed: bool = False
    introduced: bool = False
    """Talks with the agent who asked."""
    came_from: Service | None = None
    line: bool = False
    apart: bool = False
    turned_at: float | None = None
    due: dict[str, float] = field(default_factory=dict)
    """Deadlines that run: `vanish`, `ring`, `brief`, `dial`, `wrap`, `consult`."""
    calls_back: bool = False
    """Nobody was on the line when it was made."""
    caller_first: bool = False
    dialling: bool = False
    """The caller's phone is being rung."""

    @property
    def voice(self) -> bool:
        """It is a call."""
        return self.caller.channel is VOICE

    @property
    def talks(self) -> bool:
        """With the caller, or with another agent about them."""
        return self.state in (ACCEPTED, CONSULTING) or self.introduced

    @property
    def people(self) -> list[Person]:
        """The agent, or both of a pair."""
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
    """Was signed in before."""
    phone: Phone | None = None
    next_seat: str | None = None
    """Told while on the phone: where they sit after it."""
    misses: int = 0
    idle_since: float = 0.0
    not_before: float = 0.0
    gap_until: float = 0.0
    hands: list[Offer] = field(default_factory=list)
    aside: bool = False
    aside_at: float | None = None
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
    steady_at: float = 0.0
    rest_until: float = 0.0
    spared_until: float = 0.0
    occupied: float = 0.0
    occupied_at: float = 0.0
    relaxed: dict[str, float] = field(default_factory=dict)
    # breaks
    working_since: float = 0.0
    paused_at: float = 0.0
    works: bool = False
    """The pause counts as work."""
    limit_at: float = inf
    """The pause should be over by then."""
    limit_told: bool = False
    breaks: tuple[tuple[float, float], ...] = ()
    break_begun: float = 0.0
    break_s: float = 0.0
    break_until: float = 0.0
    # as of the last look, see `burden.look`
    touched: bool = False
    bears: tuple[int, int, int] = (5, 5, 5)
    protected: bool = False
    wake_at: float | None = None

    @property
    def id(self) -> AgentId:
        """Name."""
        return self.agent.id

    @property
    def signed(self) -> bool:
        """Signed in."""
        return self.state is not SIGNED_OUT

    @property
    def seat(self) -> SeatId | None:
        """Where they are signed in."""
        return None if self.phone is None else self.phone.id

    def calls(self) -> bool:
        """Has a call at hand."""
        return any(one.voice for one in self.hands)
