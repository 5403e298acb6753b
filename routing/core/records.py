"""Hold the records of contacts, offers, agents, seats and links. The state changes through the handlers alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from routing.core.matching.agent_cohort import Cohort, Placement
from routing.core.matching.agent_pool import Group, Pool, Quota
from routing.core.matching.matching_index import Matching
from routing.core.matching.sorted_queue import LineKey
from routing.core.model.centre_model import (
    MESSAGE_CHANNELS,
    PHONE_CHANNELS,
    RINGING_OFFER,
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
    Trigger,
    WayOut,
)
from routing.core.model.declare import CALLER, END, STATE, record, stored
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.privacy import CallerHash, EncryptedNumber
from routing.core.model.state_tables import CallbackState, ConsultState, LegState

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
WITH_CONSULTING_AGENT, LED_TO_CALLER = LegState.WITH_CONSULTING_AGENT, LegState.LED_TO_CALLER
CONSULTING = OfferState.CONSULTING
PENDING, RESERVED = ContactState.PENDING, ContactState.RESERVED
CALLER_DIALLED, CALLER_DIALLED_FIRST = CallbackState.CALLER_DIALLED, CallbackState.CALLER_DIALLED_FIRST

TURNING_AWAY = (Trigger.CLOSED, Trigger.FULL)
"""Reasons for which a contact does not wait in the queue."""

Index: TypeAlias = "Matching[AgentRecord, Contact]"
"""The index of all agents and contacts."""

ContactGroup: TypeAlias = "Group[AgentRecord, Contact]"
"""Contacts that wait for the same agents."""

QueueEntry: TypeAlias = "tuple[float, int, Contact]"

class SupervisorAct(NamedTuple):
    """The last act of a supervisor on a waiting contact, with service and points before it and since."""

    before: tuple[ServiceId, int]
    after: tuple[ServiceId, int]
    """If the contact has another service or other points by now, something else has changed them."""


CLOSED_OFFERS_MAX = 4
"""Closed offers that a contact remembers. Each one has rung for seconds, so an older leg has ended long ago."""

NOT_QUEUED: Any = (0.0, 0, None)
"""Entry of a contact that is in no queue."""


@record
class Contact:
    """A caller, a message or a task, from queue entry to its end."""

    id: ContactId = stored(column="contact", key=True)
    service: Service = stored(read="r.service.id", type="ServiceId")
    channel: Channel = stored(once=True)
    since: float = stored(past=True, comment="start of the wait: decides the place in line")
    priority: int = stored()
    number: int
    """Grows with each contact and breaks ties of age."""
    queued_at: float = stored(once=True)
    leg: str = stored(default="")
    slow: bool = stored(default=False)
    node: str = stored(default="")
    caller_hash: CallerHash = stored(default="", group=CALLER,
                                     comment="keyed hash of the number, empty on anonymous services")
    number_encrypted: EncryptedNumber = stored(default="", group=CALLER,
                                               comment="encrypted number, empty on anonymous services")
    needs: Needs = stored(default=())
    """Requirements of this caller in every step (`ContactQueued.needs`)."""
    topics: frozenset[str] = stored(default=frozenset())
    language: str = stored(default="", comment="what the caller hears; empty: the first language")
    entered_at: float = stored(default=0.0, past=True)
    """Time at which the contact came to its present service."""
    step_at: float = stored(default=0.0, column="step_since", past=True)
    """Start of the present step."""
    # State and version follow the tables. Each fact of the contact carries the version.
    state: ContactState = stored(default=ContactState.PENDING, group=STATE)
    version: int = stored(default=1)
    timed_step: int = stored(default=0, column="step")
    """The step of the service that the contact has reached by time."""
    original_position: int = stored(default=1, column="position", once=True, comment="place in line at the beginning")
    offer: Offer | None = stored(default=None, read="None if r.offer is None else r.offer.id", type="OfferId | None",
                                 comment="the offer that rings, talks or is wrapped up")
    agent: AgentId | None = stored(default=None, read="r.agent if r.offer is None else r.offer.agent.id",
                                   comment="whom the caller is offered to, or talked with last")
    outcome: Outcome | None = stored(default=None, group=END, comment="exactly one for each contact, set once")
    ended_at: float | None = stored(default=None, group=END)
    wait_s: float | None = stored(default=None)
    """Wait before the talk, or before the end without a talk. None until then."""
    # Fields without `stored` live in memory only. A restart derives them, or begins without them.
    saved: int = 0
    """Version of the row in the store. 0 if there is no row."""
    dirty: int = 0
    """Groups of columns (`declare`) of the row to be written. 0 if nothing is to be written."""
    step: int = 0
    """The step in force: `timed_step`, or a later one while no agent who is signed in could meet that step. The index
    computes it at each search."""
    group: ContactGroup | None = None
    """Group in which the contact waits for an agent. None if it does not wait."""
    displaced_from: tuple[ContactGroup, ...] = ()
    """Groups of the steps before the one in force, which may come into force again."""
    entry: QueueEntry = NOT_QUEUED
    """The contact's entry in its queue and in its group: virtual start, number, contact. The smallest one is served
    first."""
    not_led_before: float = 0.0
    """Earliest time of the next try of a rule that led nowhere."""
    alone_at: float | None = None
    """Time since which nobody is there for the contact. None if somebody is, or if no rule asks for it."""
    preferred: AgentRecord | None = None
    """Agent for whom the contact waits before step 0. None if any suitable agent may take it."""
    preferred_s: float | None = None
    """Length of that wait. None for the service's own `Service.preferred_s`."""
    beside: tuple[Offer, ...] = ()
    """Offers whose phones ring next to that of `offer`, the oldest first (`queueing.second_phone`)."""
    rings_since: float | None = None
    """Time since which phones ring without a gap for a caller in distress. A restart takes the start of `offer`."""
    consulting_offer: Offer | None = None
    """Offer of the agent who consults a colleague about this caller (`consult_transfer`)."""
    transferred_at: float | None = stored(default=None, past=True)
    """Time of the last transfer. None if there was no transfer."""
    beyond_ceiling: bool = False
    """The contact has waited beyond the service's emergency ceiling."""
    visited: tuple[ServiceId, ...] = stored(default=())
    """Earlier services of the contact. No rule leads it back into one of them."""
    led_by: tuple[Trigger, ...] = stored(default=())
    """Reasons for which the present service has led the contact out, the last one at the end. Each holds once."""
    way_out: WayOut | None = stored(default=None)
    """The last way out that the rules have found, until the contact leaves the service."""
    # Callback and follow-up.
    in_menu: bool = stored(default=False)
    """The caller has taken the choice back and is in the menu again. The contact keeps its place and is not offered."""
    shown: bool = stored(default=True)
    """The caller's channel was seen. A contact without it may be forged, so no phone rings for it."""
    words_until: float = stored(default=0.0)
    """Time at which the words end that the caller hears first and an agent must wait for (`ring_moment`)."""
    callback: bool = stored(default=False)
    """The caller will be called back. Nobody is on the line until an agent has taken the offer."""
    tries: int = stored(default=0)
    """Number of failed tries."""
    not_before: float = stored(default=0.0)
    """Earliest time of the next offer."""
    anytime: bool = stored(default=False)
    """The callback may come in quiet hours."""
    deferred: bool = stored(default=False)
    """Quiet hours or a chosen time have held this callback back, so it takes turns with live callers."""
    expires_at: float = stored(default=0.0)
    """Time at which a callback ends that has not reached its caller. 0 if the contact is no callback."""
    dialling: bool = stored(default=False)
    """The caller's phone rings for a callback, and no agent is reserved (`callback_dial`)."""
    dials: tuple[tuple[float, bool], ...] = stored(
        default=(), comment="dials without a reserved agent, and refusals of such dials: time, whether refused")
    callback_hash: CallerHash = stored(default="")
    callback_number_encrypted: EncryptedNumber = stored(default="")
    """Encrypted number for the callback. Empty if it is the number of the call."""
    follow_up: bool = stored(default=False)
    """The caller has agreed to be called back if the call is lost."""
    abusive: bool = stored(default=False, erased=True)
    """An agent has flagged the caller as abusive in this contact."""
    source: str = stored(default="", comment="fallback: read from the black box, because no node answered the caller")
    """How the contact came to be known, if not by the caller's own steps (`reasons.FALLBACK`)."""
    fallback_talk_s: float | None = stored(
        default=None, comment="talk that the fallback queue gave, from ended_at on; agent: who took it")
    """Length of that talk. None if there was none, or if it is not known."""
    closed_offers: tuple[Offer, ...] = ()
    """Last offers by phone that are over without a connection, oldest first, at most `CLOSED_OFFERS_MAX`. The talk of
    such an offer may still be found (`found_talk`)."""
    merged: bool = False
    """The contact took over the position of a callback of the same caller."""
    farewell: str = ""
    """Key of the sentence with which a supervisor's withdrawal ends the call. The contact is not offered any more. A
    restart forgets the withdrawal."""
    blocks_callbacks: tuple[Contact, ...] = ()
    """Callbacks that are held while this contact lives, because their caller is on the line in it
    (`callback_flow.review_blocks`)."""
    blocked_by: tuple[Contact, ...] = ()
    """Later calls of the caller that hold this callback."""
    estimate: Estimate | None = None
    """Expected wait that the caller was told at entry. None if an agent was free."""
    own_position: tuple[float, int] | None = None
    """Start and points of the contact's own wait, while it has a held position. None if the position is its own."""
    act: SupervisorAct | None = None
    """The act that a supervisor may take back. None if there is none, or an agent was offered the contact since."""
    deadline_armed: bool = False
    """The contact has a deadline (`contact_queue.TIMER`)."""
    claimed_at: float = 0.0
    """Time at which an agent was taken back last for this contact (`distress_claim`)."""
    dial_released: bool = False
    """An agent was taken back while the caller was dialled (`distress_claim`). The caller may have picked up."""

    @property
    def place(self) -> tuple[ServiceId, int]:
        """The service and the points, which a supervisor may change."""
        return self.service.id, self.priority

    @property
    def dial_hash(self) -> str:
        """The keyed hash of the number for a callback. Empty if there is none."""
        return self.callback_hash or self.caller_hash

    @property
    def calls_other_line(self) -> bool:
        """Tell whether the number for a callback was keyed in and is not that of the call. Its owner may have asked for
        nothing."""
        return bool(self.callback_hash) and self.callback_hash != self.caller_hash

    @property
    def has_answered_dial(self) -> bool:
        """Tell whether the caller answered a dial without a reserved agent and looks for an agent."""
        return bool(self.dials) and not self.callback and self.state is PENDING

    @property
    def is_turned_away(self) -> bool:
        """Whether the contact may not wait, because its service was closed or full when it came."""
        return self.way_out is not None and self.led_by[-1] in TURNING_AWAY

    @property
    def dial_number_encrypted(self) -> str:
        """The encrypted number for a callback. Empty if there is none."""
        return self.callback_number_encrypted or self.number_encrypted

    @property
    def ringing_offers(self) -> tuple[Offer, ...]:
        """The offers that ring for the contact, the last one first. None of them if it is in a talk."""
        return () if self.offer is None or self.state is not RESERVED else (*reversed(self.beside), self.offer)

    def remember_closed(self, offer: Offer) -> None:
        """Remember an offer by phone that is over without a connection. A pair, and a dialled caller, have more legs.
        """
        if offer.voice and offer.partner is None and offer.dialled_at is None:
            self.closed_offers = (*self.closed_offers[1 - CLOSED_OFFERS_MAX:], offer)

    def waits_from(self) -> float:
        """Return the start of the present wait. The queue position depends on `since`, which a transfer keeps."""
        return self.since if self.transferred_at is None else self.transferred_at


@record
class Offer:
    """One try to bring a contact to an agent, with the talk and wrap-up that follow."""

    id: OfferId = stored(column="offer", key=True)
    contact: Contact = stored(read="r.contact.id", type="ContactId", once=True)
    agent: AgentRecord = stored(read="r.agent.id", type="AgentId", once=True)
    seat: SeatId = stored(once=True)
    offered_at: float = stored(past=True, once=True)
    ring_s: float = stored(once=True)
    step: int = stored(once=True)
    level: int = stored(once=True)
    cost: int = 100
    """Units of the agent's capacity."""
    voice: bool = stored(default=True, column="channel", read="r.contact.channel", type="Channel", once=True)
    """The contact is a call: it needs the phone and may interrupt other contacts."""
    partner: AgentRecord | None = stored(default=None, read="None if r.partner is None else r.partner.id",
                                         type="AgentId | None", once=True, comment="the other agent of a pair")
    """The other agent of a pair, while the call rings or is in talk."""
    tier: int = 0
    """As in `facts.Offered`. 2 is an offer beyond the agent's limit, allowed by the emergency ceiling."""
    # State and outcome.
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
    """The service at the time of the offer."""
    # Times of the call. None until the event comes.
    rings_at: float = stored(default=0.0)
    """Time at which the phone is told to ring, because the caller still hears words (`ring_moment`). 0 once it is."""
    rang_at: float | None = stored(default=None, past=True)
    rung_at: float | None = None
    """Time at which the phone was told to ring. None before, and after a restart."""
    answered_at: float | None = None
    connected_at: float | None = stored(default=None, past=True)
    held_since: float | None = stored(default=None, past=True)
    held_s: float = stored(default=0.0)
    talk_ended_at: float | None = stored(default=None, past=True)
    told_late_s: float = 0.0
    """Time from the end of the talk to the report of it, after a gap."""
    interrupted: bool = stored(default=False)
    """The contact is held while its agent is in a call."""
    wrapup_requested: bool = stored(default=False)
    """The agent asked during the talk for a wrap-up."""
    load: int = stored(default=0)
    """Weight of the contact on the agent: the service's load once connected, or the load that the agent reported."""
    load_reported: bool = stored(default=False)
    # Each part follows its own table (`legs`).
    leg: LegState = LegState.CALLED
    """State of the agent's leg, or of the message on the desk."""
    partner_leg: LegState | None = None
    """State of the partner's leg. None without a partner."""
    consult: Consult | None = stored(default=None, column="waited_s", type="float | None",
                                     read="r.consult_wait_s",
                                     comment="of an agent who consults: how long the caller waited for them")
    """The agent's last consult transfer. None if there was none."""
    bridge_changed_at: float | None = None
    """Last time at which a consult transfer separated or rejoined the agent and the caller."""
    quota: Quota | None = None
    """Quota of the service, while the offer is counted in it."""
    callback: CallbackState | None = None
    """State of the call to the caller. None if the caller was on the line when the offer was made."""
    dialled_at: float | None = stored(default=None, past=True, comment="when the caller was called back")

    @property
    def consult_wait_s(self) -> float | None:
        """Return how long the caller had waited for the agent, while the agent consults; None otherwise."""
        return self.consult.waited_s if self.consult is not None and self.state is CONSULTING else None

    @property
    def rings(self) -> bool:
        """Tell whether the agent is not yet bridged with the caller."""
        return self.state in RINGING_OFFER

    @property
    def dialling(self) -> bool:
        """Tell whether the caller's phone rings for a callback."""
        return self.callback is CALLER_DIALLED or self.callback is CALLER_DIALLED_FIRST

    @property
    def talks_first(self) -> bool:
        """Tell whether the agent talks with the consulting agent, or has done so and is not yet bridged with the
        caller."""
        return self.leg is WITH_CONSULTING_AGENT or self.leg is LED_TO_CALLER


@dataclass(slots=True, eq=False)
class Consult:
    """A consult transfer: the agent of an offer consults a colleague about the caller."""

    service: Service
    """Service of the talk before."""
    waited_s: float
    """Wait of the caller before the talk with the consulting agent."""
    second_line: bool
    """The agent consults on a second line of the phone. The caller has stayed with the agent."""
    since: float
    """Start of the consult transfer."""
    state: ConsultState = ConsultState.SEEKING


@record
class AgentRecord:
    """An agent, with the settings and the present state."""

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
    """As in `Contact`."""
    # The seat, and the offers at it.
    seat: SeatId | None = stored(default=None, group=STATE)
    next_seat: SeatId | None = None
    """Seat after the present call or ringing, reported during it (`shift_handlers.sign_in`). A restart forgets the
    seat, and the roster is then reported again."""
    desk: bool = stored(default=False, comment="a desk is open: messages may come")
    """The agent has a desk open, signed in or not. Only then messages may come."""
    messages_from: float = 0.0
    """Earliest time of the next message, after a declined or unanswered one. Calls come meanwhile."""
    rna_count: int = stored(default=0)
    wrapup_until: float | None = stored(default=None)
    """Time at which the wrap-up ends without the agent, as of the last change. None if there is no such time."""
    idle_since: float = stored(default=0.0, past=True)
    not_before: float = 0.0
    """Earliest time of the next offer, after a declined or unanswered one."""
    answers_in_s: float | None = None
    """Time that the agent takes to answer, as learned (`ring_moment`). It is in memory alone: no row, fact or view has
    it. None before the first talk."""
    offers: dict[OfferId, Offer] = field(default_factory=dict)
    """Offers that ring, talk or are in wrap-up, oldest first."""
    # Counts over `offers`, kept because every placement reads them.
    used_units: int = 0
    """Units of capacity that the live offers take. Offers that a call interrupts take none meanwhile."""
    call_count: int = 0
    """Number of calls among the live offers."""
    at_capacity: bool = False
    """One call takes the whole capacity, so nothing else is offered."""
    allowed_channels: int = 0
    """Channels that the profile allows for an idle agent, one bit each in the order of `Channel`."""
    as_configured: Agent | None = stored(default=None, column="skills", type="Needs | None",
                                         read="None if r.as_configured is None else r.agent.skills")
    """The configured agent while `agent` has other skills for a time. None if the two are equal."""
    detached_wrapup: bool = False
    """The agent is in a wrap-up without a live offer (`talk_changes`)."""
    last_talk_ended_at: float | None = None
    """End of the last talk without a wrap-up. The agent may still ask for one (`WrapUpMode.OPTIONAL`)."""
    partner: AgentRecord | None = None
    """The other agent of the pair."""
    leads_pair: bool = False
    """The agent is offered calls for both agents of the pair."""
    pause_pending: str = stored(default="")
    leave_pending: bool = stored(default=False)
    # Kept for the index of agents (`matching_index`).
    serves: tuple[ServiceId, ...] = ()
    services_told: tuple[ServiceId, ...] = ()
    """Services that the last `AgentChanged` named. Not known after a restart."""
    key: LineKey | None = None
    """The agent's key in the pools. None if the agent is in no pool."""
    cohort: Cohort[AgentRecord, Contact] | None = None
    """The cohort of agents with the same skills. Set while the agent is signed in."""
    placement: Placement[AgentRecord, Contact] | None = None
    """The agent's present or last places in the pools."""
    placement_code: int = -1
    """Channels and loads to which `placement` applies (`Matching.index_agent`)."""
    open_channels: int = 0
    """Channels that may be offered now, one bit each in the order of `Channel`."""
    personal_pools: tuple[Pool[AgentRecord, Contact], ...] = ()
    """Pools of contacts that wait for this agent."""
    ranking_keys: tuple[LineKey, ...] = ()
    """Keys in the pools of strategies other than longest idle, in the order of `placement.keyed`."""
    is_signed_in: bool = False
    """The pools count the agent as signed in."""
    present_channels: int = 0
    """Channels, as bits, for which the pools count the agent as there: signed in, neither on a break nor not
    responding, and for calls with a phone that is reachable."""
    offered: float = 0.0
    """Number of offered contacts, decayed to `offered_at` with `Centre.occupied_half_life_s`
    (`strategies.fewest_contacts`)."""
    offered_at: float = 0.0

    # Distress load and rest (`distress_load`).
    max_load_normal: int = 5
    """Greatest load of contacts that come to this agent as to any other (tier 0)."""
    max_load_last_resort: int = 5
    """Greatest load if no other agent is free (tier 1). Beyond it only the emergency ceiling helps (tier 2)."""
    max_load_emergency: int = 5
    """Greatest load even under the emergency ceiling. It falls while the agent declines heavy contacts, or has one of
    the heaviest at hand."""
    asked_last: bool = False
    """The agent let a phone ring in distress for `Centre.second_phone_s`, and has neither picked one up nor acted at
    the desk since. In distress all others come first. Nobody is shown or told this, and no row keeps it."""
    distress_calls_only: bool = False
    """The agent has a message in distress at hand, which no other call may interrupt."""
    max_load_distress: int = 5
    """Greatest load in tier 1 of distress services. Only the limit of the agent's own accommodation lowers it."""
    load: float = stored(default=0.0)
    """Distress load at `load_at`: the sum of all contact loads, each halved every `Centre.load_half_life_s`."""
    load_at: float = stored(default=0.0, past=True)
    last_load: int = stored(default=0)
    """Load of the contact that ended last."""
    rest_after_heavy_until: float = stored(default=0.0)
    """Earliest time of the next contact with load 4 or more, after such a contact."""
    at_hard_limit: bool = stored(default=False)
    """The distress load reached the hard limit and has not fallen below the release limit since."""
    heavy_declined_until: float = stored(default=0.0)
    declines_heavy: bool = False
    """The pools count the agent as one to whom no heavy contact comes: the agent, or the partner of a lead, has said
    "not now" (`Matching.set_declining`)."""
    rest_until: float = stored(default=0.0)
    """Earliest time of the next offer: end of the decompression."""
    gap_until: float = 0.0
    """Earliest time of the next offer: end of the profile's rest gap."""
    working_since: float = stored(default=0.0, past=True)
    """End of the last break that was long enough to count."""
    occupied: float = stored(default=0.0)
    """Handled seconds, decayed to `occupied_at` with `Centre.occupied_half_life_s`."""
    occupied_at: float = stored(default=0.0, past=True)
    # Breaks and pauses (`break_plan`).
    breaks: tuple[tuple[float, float], ...] = ()
    """Planned breaks that have not begun, as (start, end), in order."""
    hours: tuple[tuple[float, float], ...] = ()
    """Planned working hours that are not over, as (begin, end), in order (`working_hours`)."""
    break_begun: float = stored(default=0.0)
    """Planned start of the last break that has begun. The same break does not begin twice."""
    break_s: float = stored(default=0.0)
    """Length of the break that begins after the present contacts. 0 if there is none."""
    break_at: float = math.inf
    """Time of the next break. Nothing is offered from then on, however late the clock is."""
    break_retry_at: float = 0.0
    """Time of the next try of a short break that waits until another agent is on duty. 0 if none waits."""
    break_until: float = stored(default=0.0)
    """End of a break that the engine began. The agent becomes ready then. 0 if there is none."""
    awaited_by: dict[Contact, None] = field(default_factory=dict)
    """Contacts that wait for this agent."""
    rest_timer_armed: bool = False
    """A timer runs until the next offer may come."""
    overrides: dict[str, float] = stored(default_factory=dict, type="tuple[tuple[str, float], ...]",
                                       read="tuple(sorted(r.overrides.items()))")
    """Overridden rules of the profile, each with the end of the override."""
    paused_at: float = 0.0
    """Start of the pause. A change between rest and work starts another pause."""
    pause_works: bool = False
    """The pause counts as work (`PauseReason.work`)."""
    pause_limit_at: float = math.inf
    """End of the time that the pause reason allows. `inf` if there is no limit."""
    load_limits_apply: bool = False
    """The agent has a load, a rest, or declines heavy contacts. `distress_load.set_load_limits` has work to do."""
    load_state_changed: bool = False
    """The load state has changed, so the next AgentChanged carries it."""

    id: AgentId = stored(init=False, column="agent", key=True)
    team: str = stored(default="", init=False)
    profile: Profile = field(init=False)
    pair_id: str = field(init=False)
    """Copies from `agent`. They are fields because they are read often."""

    def __post_init__(self) -> None:
        self.id = self.agent.id
        self.set_agent(self.agent)

    def set_agent(self, agent: Agent) -> None:
        """Set the description of the agent: the configured one, or one with other skills."""
        self.agent, self.team, self.profile, self.pair_id = agent, agent.team, agent.profile, agent.profile.pair_id

    @property
    def usable_channels(self) -> frozenset[Channel]:
        """Return the channels of the profile for which the agent has what it takes: a seat for calls, a desk for
        messages."""
        channels = self.profile.channels
        if self.seat is None:
            channels -= PHONE_CHANNELS
        return channels if self.desk else channels - MESSAGE_CHANNELS


@record
class Seat:
    """A phone. It is unreachable until an event reports otherwise."""

    id: SeatId
    reachable: bool = False
    in_use: bool = False
    agent: AgentRecord | None = None
    """The agent who is signed in at this phone."""
    settling: bool = False
    """The agent's leg has just ended, and the phone has not reported yet that it is free."""


@record
class NodeLink:
    """The link to one Asterisk."""

    up: bool = True
    down_since: float = 0.0
    """Time of the loss of the link. It counts while the link is down."""
    frozen: list[tuple[str, OfferId | ContactId, float]] = field(default_factory=list)
    """Frozen deadlines of offers and dials: kind, offer or contact, and the seconds that were left."""
