"""What the engine remembers of one contact, offer, agent and seat. Changed only by `contacts`, `offers`, `agents`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

from routing.core.declare import CALLER, END, STATE, record, stored
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.kind import Kind, Standing
from routing.core.line import LineKey
from routing.core.match import Matching
from routing.core.model import (
    Agent,
    AgentState,
    Channel,
    ContactState,
    Estimate,
    Needs,
    OfferState,
    Outcome,
    Profile,
    Service,
)
from routing.core.pool import Group, Pool, Quota, line_key
from routing.core.states import CallbackState, ConsultState, LegState

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
WITH_CONSULTING_AGENT, LED_TO_CALLER = LegState.WITH_CONSULTING_AGENT, LegState.LED_TO_CALLER
CONSULTING = OfferState.CONSULTING
CALLER_DIALLED, CALLER_DIALLED_FIRST = CallbackState.CALLER_DIALLED, CallbackState.CALLER_DIALLED_FIRST

Index: TypeAlias = "Matching[AgentRecord, Contact]"
"""The index of all agents and contacts."""

ContactGroup: TypeAlias = "Group[AgentRecord, Contact]"
"""Contacts that wait for the same agents."""


@record
class Contact:
    """A caller (or a message, a task) from queue entry to its end."""

    id: ContactId = stored(column="contact", key=True)
    service: Service = stored(read="r.service.id", type="ServiceId")
    channel: Channel = stored(once=True)
    since: float = stored(past=True, comment="start of the wait: decides the place in line")
    priority: int = stored()
    number: int
    """Grows with every contact: breaks ties of age."""
    queued_at: float = stored(once=True)
    leg: str = stored(default="")
    slow: bool = stored(default=False)
    node: str = stored(default="")
    caller_hash: str = stored(default="", hash=True, group=CALLER,
                              comment="keyed hash of the number, empty on anonymous services")
    caller_box: str = stored(default="", number=True, group=CALLER,
                             comment="encrypted number, empty on anonymous services")
    needs: Needs = stored(default=())
    """What this caller needs whatever the step (`ContactQueued.needs`)."""
    topics: frozenset[str] = stored(default=frozenset())
    language: str = stored(default="", comment="what the caller hears; empty: the first language")
    """As in `ContactQueued`."""
    entered_at: float = stored(default=0.0, past=True)
    """When it came to its present service."""
    step_at: float = stored(default=0.0, column="step_since", past=True)
    """When its present step began."""
    state: ContactState = stored(default=ContactState.PENDING, group=STATE)
    version: int = stored(default=1)
    step: int = stored(default=0)
    original_position: int = stored(default=1, column="position", once=True, comment="place in line at the beginning")
    offer: Offer | None = stored(default=None, read="None if r.offer is None else r.offer.id", type="OfferId | None",
                                 comment="the offer that rings, talks or is wrapped up")
    agent: AgentId | None = stored(default=None, read="r.agent if r.offer is None else r.offer.agent.id",
                                   comment="whom the caller is offered to, or talked with last")
    outcome: Outcome | None = stored(default=None, group=END, comment="exactly one for each contact, set once")
    ended_at: float | None = stored(default=None, group=END)
    wait_s: float | None = stored(default=None)
    """Before the talk, or before the end without one; None: neither has come."""
    saved: int = 0
    """Version of the row in the store; 0: there is none."""
    dirty: int = 0
    """The row is to be written: groups of columns (`declare`). 0 if the row is not to be written."""
    group: ContactGroup | None = None
    """Where it waits for an agent; None: it does not."""
    key: LineKey = (0.0, 0)
    not_overflowed_before: float = 0.0
    """The safety net was asked to take this caller: not again before this."""
    preferred: AgentRecord | None = None
    """The agent it waits for in person, before step 0; None: for anybody who fits."""
    preferred_s: float | None = None
    """How long; None: as its service says (`Service.preferred_s`)."""
    introducer: Offer | None = None
    """Of the agent who sent the caller on and asks first whoever comes (`consult`)."""
    handed_at: float | None = stored(default=None, past=True)
    """When an agent sent it on; None: nobody did."""
    urgent: bool = False
    """It has waited beyond the service's emergency ceiling."""
    visited: tuple[ServiceId, ...] = stored(default=())
    """Services it was in before: it never overflows back into one."""
    callback: bool = stored(default=False)
    """The caller is to be called back: nobody is on the line until an agent has taken the offer."""
    tries: int = stored(default=0)
    """Failed so far."""
    not_before: float = stored(default=0.0)
    """A callback is not offered earlier."""
    anytime: bool = stored(default=False)
    """It is called back in quiet hours too."""
    callback_hash: str = stored(default="", hash=True)
    callback_box: str = stored(default="", number=True)
    """Of the number the caller agreed on; empty: the one they came with."""
    follow_up: bool = stored(default=False)
    """The caller has agreed to be called back should the call be lost."""
    abusive: bool = stored(default=False, erased=True)
    """An agent has said in this contact that the caller is abusive."""
    merged: bool = False
    """It took over the place of a callback of the same caller."""
    keeps: tuple[Contact, ...] = ()
    """Callbacks that stand still while it lives: their caller is on the line with it (`callback.review_blocks`)."""
    kept_by: tuple[Contact, ...] = ()
    """Of a callback: the later calls of its caller that keep it."""
    estimate: Estimate | None = None
    """The wait as it was told at entry; None: somebody was free."""
    returned: tuple[float, int] | None = None
    """It has the place of a call that dropped: the start of its own wait, and its own points; None: it has its own."""
    armed: bool = False
    """It has a deadline (`contacts.TIMER`)."""

    @property
    def box(self) -> str:
        """The number at which the caller is called back, sealed; empty: there is none."""
        return self.callback_box or self.caller_box

    def waits_from(self) -> float:
        """Start of the present wait. Its place in line comes of `since`, which a transfer keeps."""
        return self.since if self.handed_at is None else self.handed_at

    def line_key(self) -> LineKey:
        """Age with priority: the smallest is served first. Between services of another weight the time that has gone
        by counts too: see `pool.Group`."""
        return line_key(self.service, self.since, self.priority, self.number)


@record
class Offer:
    """One try to bring a contact to an agent, and the talk and wrap-up that come of it."""

    id: OfferId = stored(column="offer", key=True)
    contact: Contact = stored(read="r.contact.id", type="ContactId", once=True)
    agent: AgentRecord = stored(read="r.agent.id", type="AgentId", once=True)
    seat: SeatId = stored(once=True)
    offered_at: float = stored(past=True, once=True)
    ring_s: float = stored(once=True)
    step: int = stored(once=True)
    level: int = stored(once=True)
    cost: int = 100
    """Units of the agent's capacity that it takes."""
    voice: bool = stored(default=True, column="channel", read="r.contact.channel", type="Channel", once=True)
    """It is a call: it needs the phone and may interrupt."""
    partner: AgentRecord | None = stored(default=None, read="None if r.partner is None else r.partner.id",
                                         type="AgentId | None", once=True, comment="the other agent of a pair")
    """The other one of a pair, while the call rings or is talked."""
    tier: int = 0
    """As in `facts.Offered`: 2 is an offer beyond the agent's limit, by the emergency ceiling."""
    state: OfferState = stored(default=OfferState.PENDING, group=STATE)
    version: int = stored(default=0)
    """Grows with each change of the row."""
    saved: int = 0
    dirty: int = 0
    """Both as in `Contact`."""
    reason: str = stored(default="", comment="why it ended")
    ended_at: float | None = stored(default=None)
    talk_s: float | None = stored(default=None)
    wrapup_s: float | None = stored(default=None)
    service: ServiceId = stored(default=ServiceId(""), once=True)
    """For which it was made."""
    rang_at: float | None = stored(default=None, past=True)
    answered_at: float | None = None
    connected_at: float | None = stored(default=None, past=True)
    held_since: float | None = stored(default=None, past=True)
    held_s: float = stored(default=0.0)
    talk_over_at: float | None = stored(default=None, past=True)
    interrupted: bool = stored(default=False)
    """Held while its agent has a call."""
    wrapup_asked: bool = stored(default=False)
    """The agent asked within the talk for a wrap-up after it."""
    load: int = stored(default=0)
    """What the contact weighs on the agent: the service's load once connected, or what the agent said."""
    weighed: bool = stored(default=False)
    """The agent has said it."""
    leg: LegState = LegState.CALLED
    """Of the agent's leg, or of the message on the desk."""
    partner_leg: LegState | None = None
    """Of the leg of the other one of a pair; None: there is no other one."""
    consult: Consult | None = stored(default=None, column="waited_s", type="float | None",
                                     read="r.consult_wait_s",
                                     comment="of an agent who consults: how long the caller waited for them")
    """The consult transfer that the agent has begun last; None: there was none."""
    turned_at: float | None = None
    """When the agent and the caller were parted or joined last after a consult transfer."""
    quota: Quota | None = None
    """Of its service, while it is counted there."""
    callback: CallbackState | None = None
    """Of the call to the caller; None: a caller was on the line when the offer was made."""
    dialled_at: float | None = stored(default=None, past=True, comment="when the caller was called back")

    @property
    def consult_wait_s(self) -> float | None:
        """Return how long the caller had waited for the agent, while the agent consults; None otherwise."""
        return self.consult.waited_s if self.consult is not None and self.state is CONSULTING else None

    @property
    def dialling(self) -> bool:
        """Tell whether the caller's phone is being rung for a callback."""
        return self.callback is CALLER_DIALLED or self.callback is CALLER_DIALLED_FIRST

    @property
    def talks_first(self) -> bool:
        """Tell whether the agent talks with the agent who asked, or comes from there and is not yet with the caller."""
        return self.leg is WITH_CONSULTING_AGENT or self.leg is LED_TO_CALLER


@dataclass(slots=True, eq=False)
class Consult:
    """A consult transfer: the agent of an offer asks somebody else about the caller."""

    service: Service
    """Of the talk before."""
    waited_s: float
    """How long the caller had waited for the agent who asks."""
    second_line: bool
    """The agent asks on a second line of the phone: the caller has stayed with them."""
    state: ConsultState = ConsultState.SEEKING


@record
class AgentRecord:
    """An agent as configured and as they are now."""

    agent: Agent
    index: int
    """Place in the centre's list: the last tie-break."""
    configured: bool = True
    state: AgentState = stored(default=AgentState.SIGNED_OUT)
    reason: str = stored(default="")
    since: float = stored(default=0.0, past=True)
    version: int = stored(default=0)
    saved: int = 0
    dirty: int = 0
    """Both as in `Contact`."""
    seat: SeatId | None = stored(default=None, group=STATE)
    next_seat: SeatId | None = None
    """Where they sit as soon as what rings or is talked is over: told while on call (`shift.sign_in`). A restart
    forgets it; the roster is told anew then."""
    misses: int = stored(default=0)
    wrapup_until: float | None = stored(default=None)
    """When the wrap-up ends by itself, as of the last change; None: there is none."""
    idle_since: float = stored(default=0.0, past=True)
    not_before: float = 0.0
    """No offer before this: rest gap, or the moment after a declined call."""
    offers: dict[OfferId, Offer] = field(default_factory=dict)
    """What rings, talks or is wrapped up, oldest first."""
    used: int = 0
    """Units of capacity that the live offers take; while there is a call, those that it interrupts take none."""
    calls: int = 0
    """How many of the live offers are calls."""
    full: bool = False
    """One call takes all that they can give: nothing comes beside it."""
    allows: int = 0
    """Channels that the profile allows when nothing is under way, a bit for each in the order of `Channel`."""
    as_configured: Agent | None = stored(default=None, column="skills", type="Needs | None",
                                         read="None if r.as_configured is None else r.agent.skills")
    """The agent of the centre's settings while `agent` has other skills for now; None: they are the same."""
    aside: bool = False
    """Wraps up without a live offer: asked for after the talk, or the second one of a pair."""
    talked_until: float | None = None
    """End of the last talk that had no wrap-up: one may still be asked for (WrapUpMode.OPTIONAL)."""
    partner: AgentRecord | None = None
    """The other one of the pair."""
    lead: bool = False
    """The first one of the pair: stands and is offered calls for both."""
    pause_pending: str = stored(default="")
    leave_pending: bool = stored(default=False)
    serves: tuple[ServiceId, ...] = ()
    """Services the agent can serve."""
    key: LineKey | None = None
    """The agent's key in the pools while they stand there; None: they do not."""
    kind: Kind[AgentRecord, Contact] | None = None
    """What they have in common with agents of the same skills: set while they are signed in."""
    standing: Standing[AgentRecord, Contact] | None = None
    """The places where they stand, or stood last."""
    code: int = -1
    """For which channels and loads `standing` is; see `match.Matching.stand`."""
    channels: int = 0
    """Of which channels something may be offered to them now, a bit for each in the order of `Channel`."""
    own: tuple[Pool[AgentRecord, Contact], ...] = ()
    """Personal pools: of contacts that wait for this agent."""
    keys: tuple[LineKey, ...] = ()
    """Their keys in the pools of other strategies than longest idle, in the order of `standing.keyed`."""
    signed: bool = False
    """Counted in the pools as signed in."""
    offered: float = 0.0
    """Contacts offered, decayed to `offered_at` with `Centre.occupied_half_life_s` (`strategies.fewest_contacts`)."""
    offered_at: float = 0.0

    gladly: int = 5
    """Contacts of a service up to this load come to this agent like to anybody (tier 0)."""
    atmost: int = 5
    """Up to this load when nobody else is free (tier 1); beyond it only by the emergency ceiling (tier 2)."""
    utmost: int = 5
    """Beyond this load never, not even by the ceiling: the agent said "not now"."""
    load: float = stored(default=0.0)
    """Distress load at `load_at`: the sum of what contacts weighed, each halved every `Centre.load_half_life_s`."""
    load_at: float = stored(default=0.0, past=True)
    last_load: int = stored(default=0)
    """Of the contact that ended last."""
    steady_at: float = stored(default=0.0)
    """After a contact of load 4 or more: no other one of such a load before this."""
    limited: bool = stored(default=False)
    """Reached the hard limit of the distress load and is not yet below `again`."""
    spared_until: float = stored(default=0.0)
    rest_until: float = stored(default=0.0)
    """No offer before this: decompression."""
    gap_until: float = 0.0
    """No offer before this: the profile's rest gap."""
    working_since: float = stored(default=0.0, past=True)
    """End of the last break that was one."""
    occupied: float = stored(default=0.0)
    """Handled seconds, decayed to `occupied_at` with `Centre.occupied_half_life_s`."""
    occupied_at: float = stored(default=0.0, past=True)
    breaks: tuple[tuple[float, float], ...] = ()
    """Planned breaks that have not begun, (start, end), in order."""
    break_begun: float = stored(default=0.0)
    """Planned start of the last break that has begun: told again, it does not begin again."""
    break_s: float = stored(default=0.0)
    """Length of the break that begins after what is under way; 0: none."""
    break_at: float = math.inf
    """When the next break is due: from then on nothing is offered, however late the clock is."""
    break_until: float = stored(default=0.0)
    """End of the break that the engine began, after which the agent is ready by themselves; 0: none."""
    wanted_by: dict[Contact, None] = field(default_factory=dict)
    """Contacts that wait for this agent in person."""
    resting: bool = False
    """A timer tells when the next offer may come."""
    relaxed: dict[str, float] = stored(default_factory=dict, column="relaxed", type="tuple[tuple[str, float], ...]",
                                       read="tuple(sorted(r.relaxed.items()))")
    """Rules of the profile that do not hold, each until when."""
    paused_at: float = 0.0
    """Start of the pause. A change from rest to work, or from work to rest, starts another pause."""
    pause_works: bool = False
    """The pause counts as work (`PauseReason.work`)."""
    pause_limit_at: float = math.inf
    """End of the time that the reason of the pause allows; `inf`: no limit."""
    strained: bool = False
    """There is a load, a rest or a "not now" to be thought of: `wellbeing.allow` has something to say."""
    untold: bool = False
    """The next AgentChanged carries the burden, because it has changed."""

    id: AgentId = stored(init=False, column="agent", key=True)
    team: str = stored(default="", init=False)
    profile: Profile = field(init=False)
    pair_id: str = field(init=False)
    """Of `agent`: fields, because they are read so often."""

    def __post_init__(self) -> None:
        self.id = self.agent.id
        self.become(self.agent)

    def become(self, agent: Agent) -> None:
        """Be described by this from now on."""
        self.agent, self.team, self.profile, self.pair_id = agent, agent.team, agent.profile, agent.profile.pair_id


@record
class Seat:
    """A phone. Unreachable until something tells otherwise."""

    id: SeatId
    reachable: bool = False
    in_use: bool = False
    agent: AgentRecord | None = None
    """Who is signed in here."""
    settling: bool = False
    """Our own leg has just ended and the phone has not yet said that it is free."""


@record
class NodeLink:
    """The link to one Asterisk."""

    up: bool = True
    frozen: list[tuple[str, OfferId, float]] = field(default_factory=list)
    """Deadlines of offers that stand still: kind, offer, seconds that were left."""
