"""Describe a centre to the engine: services, agents and what each agent needs.

The values never change in place. All durations are seconds, all levels 0-100. An undefined skill is not 0: an agent
without it never matches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from routing.core.model.ids import AgentId, SeatId, ServiceId, SkillId


class Channel(StrEnum):
    """The way a contact comes. An agent has a capacity for each channel."""

    VOICE = "voice"
    CHAT = "chat"
    SOCIAL = "social"
    EMAIL = "email"
    TASK = "task"


class ChannelRow(NamedTuple):
    """How much a contact of one channel takes of its agent. A centre may choose `cost` and `interruptible`."""

    channel: Channel
    cost: int
    """Units of an agent's capacity (100) that one contact takes."""
    interruptible: bool = False
    """Whether a contact that interrupts may come meanwhile. This contact is held then and takes no capacity."""
    interrupts: bool = False
    """Whether interruptible contacts are held, and none is offered, while the agent has such a contact."""
    needs_phone: bool = False
    """Whether the offer rings the phone of the agent's seat. The contact is then a caller on a line."""


CHANNELS = (
    ChannelRow(Channel.VOICE, 100, interrupts=True, needs_phone=True),
    ChannelRow(Channel.CHAT, 33),
    ChannelRow(Channel.SOCIAL, 33, interruptible=True),
    ChannelRow(Channel.EMAIL, 50, interruptible=True),
    ChannelRow(Channel.TASK, 50, interruptible=True),
)
"""The channels as shipped: an agent has one call, or three chats, or two e-mails."""

SHIPPED = {row.channel: row for row in CHANNELS}

PHONE_CHANNELS = frozenset(row.channel for row in CHANNELS if row.needs_phone)
"""Channels whose contacts are callers on a line."""

MESSAGE_CHANNELS = frozenset(Channel) - PHONE_CHANNELS
"""Channels whose contacts are written. An agent answers them at a desk."""

INTERRUPTING = frozenset(row.channel for row in CHANNELS if row.interrupts)


def channel_rows(costs: Mapping[Channel, int] = MappingProxyType({}),
                 interruptible: Collection[Channel] | None = None) -> tuple[ChannelRow, ...]:
    """Return the shipped rows with a centre's own costs.

    `interruptible` has the channels that the centre lets be interrupted, or None for the shipped ones.
    """
    return tuple(row._replace(
        cost=costs.get(row.channel, row.cost),
        interruptible=row.interruptible if interruptible is None else row.channel in interruptible)
        for row in CHANNELS)


Needs = tuple[tuple[SkillId, int], ...]
"""Skills with their least levels, all of which an agent must have. The first one ranks."""


class Step(NamedTuple):
    """One step of a requirement: the needs, and the condition in `where`."""

    needs: Needs
    lasts_s: float | None = None
    """Time after which the next step begins. None for the last step, which stays."""
    where: str = ""
    """A further condition in the words of `skill_expression`, e.g. `tr and not stajyer`. Empty for none."""


class CallbackOrder(StrEnum):
    """The order in which agent and caller are called for a callback."""

    NONE = "none"
    """The service calls nobody back."""
    AGENT_FIRST = "agent_first"
    """The agent takes the offer, then the caller is dialled. The caller meets a person who is there."""
    CALLER_FIRST = "caller_first"
    """The agent is reserved, the caller is dialled, and the agent's phone rings when the caller is there. An agent
    never waits in vain for a caller who does not answer."""
    PREDICTIVE = "predictive"
    """No agent is reserved. Callers are dialled in proportion to the agents who are expected to be free, and wait for
    one after the answer. A distress service calls the agent first instead."""


class Trigger(StrEnum):
    """A reason for a rule of a service (`Service.when_*`), in the order in which the rules of an arrival hold."""

    CLOSED = "closed"
    """The service is closed when the contact comes."""
    FULL = "full"
    """`max_waiting` contacts wait when the contact comes."""
    NOBODY = "nobody"
    """No agent is there who could take the contact."""
    EXPECTED = "expected"
    """The expected wait is too long when the contact comes."""
    WAITED = "waited"
    """The contact has waited too long in the service."""


class WayOut(StrEnum):
    """A way out of the queue."""

    CALLBACK = "callback"
    """The caller is offered a callback."""
    MESSAGE = "message"
    """The caller may record a message, which is answered later."""
    GOODBYE = "goodbye"
    """The caller hears a sentence and good-bye."""


class Rule(NamedTuple):
    """Where a service leads its contacts for one reason: to another service, or out of the queue."""

    to: ServiceId | None = None
    way: WayOut | None = None
    """None if the rule leads to a service."""
    over_s: float = 0.0
    """Limit of the expected or the real wait."""
    say: str = ""
    """Key of the sentence that the caller hears. Empty for the usual one."""


class Service(NamedTuple):
    """A queue. `floor` never relaxes: an agent below it is never offered a contact, whatever the step says."""

    id: ServiceId
    name: str
    """In Turkish, short: the agent's phone shows it ("Psikososyal destek")."""
    # Required skills. Steps relax with time, the floor never does.
    steps: tuple[Step, ...]
    floor: Needs = ()
    # Order against other services.
    priority: int = 0
    """Points. One point counts as one minute of age."""
    distress: bool = False
    """Whether contacts of this service come before all others, never time out, are never dropped, and never overflow by
    the engine."""
    keep_free: int = 0
    """Number of agents who fit this distress service and are kept free: others get such an agent only beyond it."""
    keep_free_percent: int = 0
    """The same as a share of the signed-in agents who fit, rounded up. The two numbers are added."""
    # Figures of the reports.
    target_s: float = 20.0
    """Service-level threshold: answered within this time."""
    target_share: float = 0.8
    short_abandon_s: float = 5.0
    anonymous: bool = False
    """Whether the caller's number is neither shown to anybody nor stored."""
    floor_where: str = ""
    """A further condition that never relaxes, in the words of `skill_expression`."""
    strategy: str = "longest_idle"
    """Name of a module in `matching.strategies`, which orders several fitting agents."""
    weight: float = 1.0
    """How fast a contact of this service grows older than others. With 2 every second of waiting counts twice."""
    # Last-agent routing.
    preferred_s: float = 0.0
    """Time for which a caller waits for the agent of the last talk before other agents are tried. 0 for none."""
    preferred_days: float = 30.0
    """An agent whose talk with the caller is older than this is not preferred any more."""
    # Limits of the queue and of the talks.
    max_waiting: int | None = None
    """Number of waiting contacts from which `when_full` holds for a new one. Never in distress."""
    max_talking: int | None = None
    """Limit of contacts of this service at agents at one moment, offered or talked with. None for no limit."""
    # Weight on the agents.
    load: int = 0
    """Weight of one contact on an agent: 0 information, 1 complaint, 2 abuse, 3 psychosocial, 4 violence, 5 risk."""
    ceiling_s: float | None = None
    """Emergency ceiling. A contact that waits longer may be offered to an agent at the distress limit. Such an agent
    must accept by a key. None for never."""
    # Calls after a hang-up, and callbacks.
    position_held_s: float = 300.0
    """Time for which the place of a waiting caller is held for the next call, after a hang-up or a loss. 0 for not at
    all."""
    callback_tries: int = 3
    """Tries of a callback in all."""
    callback_retry_s: float = 900.0
    """Time after which a callback that was not taken is tried again."""
    callback: CallbackOrder = CallbackOrder.AGENT_FIRST
    callback_max: int = 100
    """Limit of callers who wait to be called back. The next one who asks is refused and waits on."""
    follows_up: bool = True
    """Whether callers may be called back when a call is lost, if they agree. Independent of `callback`."""
    callback_press: bool = False
    """Whether a caller who is called back presses 1 to say that a person is there. Otherwise a mailbox that answers may
    pass for a person."""
    # Rules for contacts that would wait in vain. Never in distress.
    when_closed: Rule | None = None
    when_full: Rule | None = None
    when_nobody: Rule | None = None
    when_expected: Rule | None = None
    when_waited: Rule | None = None

    def rule_for(self, trigger: Trigger) -> Rule | None:
        """Return the rule for a reason, or None if the service has none."""
        found: Rule | None = getattr(self, f"when_{trigger}")
        return found

    @property
    def keeps_free(self) -> bool:
        """Whether agents are kept free for this service."""
        return self.distress and (self.keep_free > 0 or self.keep_free_percent > 0)

    @property
    def dials_ahead(self) -> bool:
        """Whether callers are called back without a reserved agent."""
        return self.callback is CallbackOrder.PREDICTIVE and not self.distress


class AnswerMode(StrEnum):
    """The way in which an agent takes an offer.

    AUTO_AFTER_WHISPER: the phone answers by itself, and the caller comes after the whisper announcement. SINGLE_SWITCH:
    one key or switch does everything. The phone answers by itself, and any key takes the caller.
    """

    MANUAL = "manual"
    AUTO = "auto"
    AUTO_AFTER_WHISPER = "auto_after_whisper"
    SINGLE_SWITCH = "single_switch"
    PRESS_ONE = "press_one"


AUTO_ANSWER_MODES = frozenset({AnswerMode.AUTO, AnswerMode.AUTO_AFTER_WHISPER, AnswerMode.SINGLE_SWITCH})
"""Modes in which the phone answers by itself."""


class PreConnect(StrEnum):
    """The preparation of an agent before the caller comes: a whisper announcement, time to read the screen, or both."""

    NONE = "none"
    WHISPER = "whisper"
    SCREEN = "screen"
    BOTH = "both"


class WrapUpMode(StrEnum):
    """The way in which a wrap-up begins and ends, in Genesys' names.

    MANDATORY ends only at the agent's request. MANDATORY_TIMEOUT ends by the clock or at the request.
    MANDATORY_FORCED_TIMEOUT ends by the clock only. OPTIONAL: the agent is ready at once, unless a wrap-up is requested
    in the talk or within `wrapup_s` after it. AGENT_REQUESTED: a wrap-up comes only if it is requested during the talk.
    """

    MANDATORY = "mandatory"
    OPTIONAL = "optional"
    MANDATORY_TIMEOUT = "mandatory_timeout"
    MANDATORY_FORCED_TIMEOUT = "mandatory_forced_timeout"
    AGENT_REQUESTED = "agent_requested"


class DistressLimit(NamedTuple):
    """Limits of an agent's distress load: the sum of `Service.load`, halved every `Centre.load_half_life_s`."""

    soft: float = 6.0
    """From this load on, heavy contacts (load 3 and more) come only if no other agent is free."""
    hard: float = 9.0
    """From this load on, no heavy contacts come until the load is below `release`."""
    release: float = 6.0
    binds: bool = False
    """Whether the limit is the agent's own accommodation. Only such a limit keeps distress away."""


class Comfort(NamedTuple):
    """Settings of the agent's desk and devices. The engine only passes them on."""

    ring_signal: frozenset[str] = frozenset({"audio", "visual"})
    """Of audio, visual, haptic, mqtt_device."""
    ear: str = "both"
    gain_db: float = 0.0
    limiter: bool = True
    verbosity: str = "normal"
    braille_cells: int = 0


class Profile(NamedTuple):
    """The accommodations of an agent: what the agent needs, never why.

    Every field is a hard rule or a parameter of the offer.
    """

    # Contacts that the agent can have at all.
    channels: frozenset[Channel] = frozenset(Channel)
    max_concurrency: tuple[tuple[Channel, int], ...] = ((Channel.VOICE, 1), (Channel.CHAT, 3))
    """Limit of contacts for each channel. A channel that is not named has 1."""
    # How an offer comes.
    ring_timeout_s: float = 15.0
    answer_mode: AnswerMode = AnswerMode.MANUAL
    pre_connect: PreConnect = PreConnect.NONE
    pre_connect_s: float = 0.0
    """Time to read before the caller is connected. A key ends it early. It counts as the caller's wait."""
    # Time after a contact.
    wrapup_s: float = 15.0
    wrapup_extend_s: float = 60.0
    rest_gap_s: float = 0.0
    """Shortest idle time before the next offer."""
    rna_allowed: int = 2
    """Ring-no-answers and declines in a row before the agent is NOT_RESPONDING."""
    wrapup_mode: WrapUpMode = WrapUpMode.MANDATORY_TIMEOUT
    # Several contacts at one time.
    capacity: int = 100
    """Units. The costs of all contacts at the agent never exceed it (`ChannelRow.cost`)."""
    one_at_a_time: bool = False
    """Whether the agent has only one contact at a time, of any channel."""
    # Breaks and distress load.
    break_grace_s: float = 0.0
    """Longest delay of a planned break."""
    max_continuous_s: float = 7200.0
    """A short break begins by itself before an agent has worked for this long without one. It begins at a different
    part of the last quarter for each agent (`break_rules.short_break_at`). A team therefore does not go all at once."""
    distress: DistressLimit = DistressLimit()
    # Contacts and agents that belong together, or not.
    no_topics: frozenset[str] = frozenset()
    """Services (by id) and topics of contacts that never come to this agent."""
    pair_id: str = ""
    """Two agents with the same id work as a pair. Both must be ready, and one offer reserves both."""
    auto_return_s: float | None = None
    """Time after which NOT_RESPONDING ends by itself. None if only the agent ends it."""
    comfort: Comfort = Comfort()

    @property
    def whispers(self) -> bool:
        """Whether a whisper announcement (service and wait) is played to the agent before the caller is connected."""
        return self.pre_connect in (PreConnect.WHISPER, PreConnect.BOTH)

    @property
    def reading_s(self) -> float:
        """Time to read the screen before the caller is connected."""
        return self.pre_connect_s if self.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH) else 0.0


class Agent(NamedTuple):
    """A person who answers contacts, as configured."""

    id: AgentId
    skills: tuple[tuple[SkillId, int], ...]
    profile: Profile = Profile()
    team: str = "genel"
    remote: bool = False
    """Whether the agent is a remote counsellor. The leg goes to an outside number, so it must be accepted by key 1
    after the whisper announcement."""


class PauseReason(NamedTuple):
    """One reason for a pause: a row of `[pause_reasons]`, the centre's own table."""

    id: str
    name: str = ""
    """In Turkish, short: agents and supervisors read the name."""
    name_en: str = ""
    work: bool = False
    """Whether the time counts as work. Such a pause is no rest, and no planned break is lost in it."""
    limit_s: float | None = None
    """Time after which the agent is shown as over the limit. The state stays as it is. None for no limit."""
    default: bool = False
    """Whether breaks that the engine begins have this reason, and pauses for which no reason is given."""
    prompt: str = ""
    """Key of the sentence that offers the reason on the phone. The engine only carries prompt and digit."""
    digit: str = ""
    """Key of the phone after the code for a pause. Empty if the phone does not offer the reason."""


NO_TABLE = (PauseReason("pause", default=True),)
"""Reasons of a centre without a table, as simulations build them: a single reason without a meaning."""


class Centre(NamedTuple):
    """The part of a centre's settings that decides routing.

    A change of these settings is an event. A replay would otherwise decide differently.
    """

    services: tuple[Service, ...]
    agents: tuple[Agent, ...]
    seats: frozenset[SeatId] | None = None
    """Phones at which agents may sign in. None for any."""
    channels: tuple[ChannelRow, ...] = CHANNELS
    """A channel that is not named is as shipped."""
    # Decay of memories. One half-life holds for all agents, so that the order of idle agents never changes.
    load_half_life_s: float = 5400.0
    """Time in which an agent's distress load halves."""
    occupied_half_life_s: float = 3600.0
    """Time in which handled time halves, for the least-occupied strategies."""
    # Rest, and protection from hard contacts.
    decompression_s: float = 600.0
    """Rest after a contact of load 4 or more. The agent may end it."""
    heavy_declined_s: float = 900.0
    """Time for which "not now" keeps heavy contacts away."""
    abusive_days: float = 180.0
    """Days for which a caller who was flagged as abusive counts as abusive."""
    callback_share: float = 0.1
    """Share of callbacks that were held back, while live callers wait for the same agents."""
    callback_hours: float = 24.0
    """Hours after which a callback ends that did not reach its caller."""
    callback_dials_per_day: int = 6
    """Limit of dials of one number within a day, for all its callbacks."""
    micro_break_s: float = 300.0
    """Length of the short break that `max_continuous_s` brings."""
    phone_reacts_s: float = 2.0
    """A phone that does not report ringing within this time is taken for gone. The next agent gets the call at once.
    Asterisk itself would send the INVITE again for 32 s (timer B of RFC 3261). The base of a cordless phone reports
    ringing when it has found the handset. A phone that sleeps reports it when it is awake. Centres with such phones
    need more time, or their phones are taken for gone at every call."""
    second_phone_s: float = 7.0
    """Time after which a second phone rings next to the first one for a caller in distress, and after the same time
    again a third. Nearly everybody who is there has picked up by then."""
    pause_reasons: tuple[PauseReason, ...] = NO_TABLE

    def find_pause_reason(self, name: str) -> PauseReason | None:
        """Return the reason with this id, or None if the table does not have it."""
        return next((one for one in self.pause_reasons if one.id == name), None)

    @property
    def break_reason(self) -> PauseReason:
        """The reason marked as default, or the first one if no reason is marked."""
        return next((one for one in self.pause_reasons if one.default), self.pause_reasons[0])


LOAD_MAX = 5
"""The largest weight of a contact on its agent (`Service.load`)."""
HEAVY_LOAD = 3
"""Contacts of this weight and more use the tiers, and may be kept from an agent."""


class ContactState(StrEnum):
    """The state of a contact, in TaskRouter's names."""

    PENDING = "pending"
    RESERVED = "reserved"
    ASSIGNED = "assigned"
    WRAPPING = "wrapping"
    COMPLETED = "completed"
    CANCELED = "canceled"


WAITING_STATES = (ContactState.PENDING, ContactState.RESERVED)
ON_LINE_STATES = (*WAITING_STATES, ContactState.ASSIGNED)
"""States of a contact that has a caller on the line, unless it is a callback."""
LIVE_STATES = (*ON_LINE_STATES, ContactState.WRAPPING)


class OfferState(StrEnum):
    """The state of an offer, in TaskRouter's names.

    An offer with an answered leg is still pending: accepted means connected with the caller.
    """

    PENDING = "pending"
    BESIDE = "beside"
    """In distress: the phone rings next to that of the pending offer. It holds its agent, and not the caller."""
    ACCEPTED = "accepted"
    CONSULTING = "consulting"
    """The caller waits for a consultant, and this agent talks with the consultant first."""
    REJECTED = "rejected"
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    RESCINDED = "rescinded"
    WRAPPING = "wrapping"
    COMPLETED = "completed"


OFFER_WITH_CALLER = (OfferState.PENDING, OfferState.ACCEPTED)
"""States in which an offer holds its contact."""
RINGING_OFFER = (OfferState.PENDING, OfferState.BESIDE)
"""States of an offer whose agent is not yet bridged with the caller."""
OFFER_WITH_AGENT = (*OFFER_WITH_CALLER, OfferState.BESIDE, OfferState.CONSULTING, OfferState.WRAPPING)
"""States in which an offer fills a slot of its agent."""


class AgentState(StrEnum):
    """The present state of an agent.

    UNREACHABLE and BUSY come from the phone of the seat, the others from the person.
    """

    SIGNED_OUT = "signed_out"
    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    WRAPUP = "wrapup"
    PAUSED = "paused"
    NOT_RESPONDING = "not_responding"
    BUSY = "busy"
    UNREACHABLE = "unreachable"


ENGAGED_STATES = (AgentState.TALKING, AgentState.RINGING, AgentState.WRAPUP)
"""States of an agent with live contacts. With several contacts it is that of the most engaging one, in this order."""
AWAY_STATES = frozenset({AgentState.PAUSED, AgentState.SIGNED_OUT, AgentState.NOT_RESPONDING})
"""States of an agent whose return is unknown. A phone that is busy or unreachable may be back in a moment."""


class Outcome(StrEnum):
    """The end of a contact. Each contact has exactly one."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    ABANDONED_SHORT = "abandoned_short"
    FALLBACK = "fallback"
    """The fallback queue gave the caller to an agent, while no node answered."""
    LEFT = "left"
    """The caller left the queue by a key."""
    FAILURE = "pbx_failure"
    """Asterisk itself went away with the call."""
    CALLBACK_FAILED = "callback_failed"
    """The callback was never taken."""
    TURNED_AWAY = "turned_away"
    """A rule of the service kept the caller from every agent, and the call ended without a callback or a message."""


ABANDONS = (Outcome.ABANDONED, Outcome.ABANDONED_SHORT)
UNSERVED = (*ABANDONS, Outcome.TURNED_AWAY)
"""Ends without a talk that count against the service level."""


class Estimate(NamedTuple):
    """An expected wait from now, in seconds: the median, and bounds between which 80 of 100 waits end."""

    wait_s: float
    low_s: float
    high_s: float
