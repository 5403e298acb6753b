"""What the engine is told about a centre: services, agents and what each agent needs. Values, never changed in place.

All durations are seconds, all levels 0-100. An undefined skill is not 0: an agent without it never matches.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from routing.core.ids import AgentId, SeatId, ServiceId, SkillId


class Channel(StrEnum):
    """How a contact reaches us. An agent has a capacity for each."""

    VOICE = "voice"
    CHAT = "chat"
    SOCIAL = "social"
    EMAIL = "email"
    TASK = "task"


class ChannelRow(NamedTuple):
    """What a contact of one channel is to the agent who has it. A centre may choose `cost` and `interruptible`."""

    channel: Channel
    cost: int
    """Units of an agent's capacity (100) that one contact takes."""
    interruptible: bool = False
    """A contact that interrupts may come meanwhile: this one is held then and takes no capacity."""
    interrupts: bool = False
    """While the agent has such a contact, interruptible ones are held and no new one is offered."""
    needs_phone: bool = False
    """The offer rings the phone of the agent's seat, and the contact is a caller on a line."""


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

INTERRUPTING = frozenset(row.channel for row in CHANNELS if row.interrupts)


def channel_rows(costs: Mapping[Channel, int] = MappingProxyType({}),
                 interruptible: Collection[Channel] | None = None) -> tuple[ChannelRow, ...]:
    """Return the shipped rows with a centre's own costs, and with the channels that it lets be interrupted (None: the
    shipped ones)."""
    return tuple(row._replace(
        cost=costs.get(row.channel, row.cost),
        interruptible=row.interruptible if interruptible is None else row.channel in interruptible)
        for row in CHANNELS)


Needs = tuple[tuple[SkillId, int], ...]
"""Every skill named must be there at the level or above. The first one ranks."""


class Step(NamedTuple):
    """One step of a requirement: the needs, and `where` as well."""

    needs: Needs
    lasts_s: float | None = None
    """The next step begins after this long in this one; None: the last step, it stays."""
    where: str = ""
    """A further condition in the words of `expression.py`, e.g. `tr and not stajyer`; empty: none."""


class CallbackOrder(StrEnum):
    """Who is called first when a caller of a service is called back."""

    NONE = "none"
    """Nobody: the service calls nobody back."""
    AGENT_FIRST = "agent_first"
    """The agent takes the offer, then the caller is dialled: the caller meets a person who is there."""
    CALLER_FIRST = "caller_first"
    """The agent is kept free, the caller is dialled, and the agent's phone rings when they have come: an agent never
    waits in vain for somebody who does not answer."""


class Service(NamedTuple):
    """A queue. `floor` never relaxes: whatever the step says, no agent below it is ever offered a contact."""

    id: ServiceId
    name: str
    """Turkish, short: shown on the agent's phone ("Psikososyal destek")."""
    steps: tuple[Step, ...]
    floor: Needs = ()
    priority: int = 0
    """Points; one point counts as one minute of age."""
    distress: bool = False
    """Never times out, never dropped, never overflowed by the engine."""
    target_s: float = 20.0
    """Service-level threshold: answered within."""
    target_share: float = 0.8
    short_abandon_s: float = 5.0
    overflow_s: float | None = None
    """After this long in the queue the caller goes to the safety net; None: never."""
    anonymous: bool = False
    """The caller's number is kept from everybody and not stored."""
    floor_where: str = ""
    """A further condition that never relaxes, in the words of `expression.py`."""
    strategy: str = "longest_idle"
    """Name of a module in `strategies`: which of several fitting agents."""
    weight: float = 1.0
    """How fast a contact of this service grows older than others: with 2 every second of waiting counts twice."""
    preferred_s: float = 0.0
    """So long a caller waits for the agent who spoke with them last, before anybody else is asked; 0: not at all."""
    preferred_days: float = 30.0
    """Who spoke with the caller longer ago than this is not preferred any more."""
    overflow_to: ServiceId | None = None
    """Where a contact goes after `overflow_s`, or when this service is full or closed; None: to the safety net."""
    max_waiting: int | None = None
    """Admission: with so many in line the next one goes to `overflow_to` (or the net) at once. Never in distress."""
    max_talking: int | None = None
    """At most so many contacts of this service at agents at one moment (offered or talked with); None: no limit."""
    load: int = 0
    """What one contact weighs on an agent: 0 information, 1 complaint, 2 abuse, 3 psychosocial, 4 violence, 5 risk."""
    ceiling_s: float | None = None
    """Emergency ceiling: a contact that waits longer may be offered to an agent at the distress limit, who must accept
    by a key. None: never."""
    place_kept_s: float = 300.0
    """So long the place of a caller who hung up, or was lost, while waiting is kept for their next call; 0: not."""
    callback_tries: int = 3
    callback_retry_s: float = 900.0
    """A callback that was not taken is tried again after this long, so many times in all."""
    callback: CallbackOrder = CallbackOrder.AGENT_FIRST
    callback_max: int = 100
    """So many callers may wait to be called back; the next one who asks is refused and waits on."""
    follows_up: bool = True
    """Its callers may be called back when a call is lost, if they agree; whatever `callback` says."""
    callback_press: bool = False
    """Who is called back presses 1 to say that a person is there; else a mailbox that answers may pass for one."""


class AnswerMode(StrEnum):
    """How the agent takes an offer. AUTO_AFTER_BRIEF: the phone answers by itself and the caller comes after the brief;
    SINGLE_SWITCH: one key or switch does everything, so the phone answers by itself and any key takes the caller."""

    MANUAL = "manual"
    AUTO = "auto"
    AUTO_AFTER_BRIEF = "auto_after_brief"
    SINGLE_SWITCH = "single_switch"
    PRESS_ONE = "press_one"


class PreConnect(StrEnum):
    """What the agent gets before the caller: a spoken brief, time to read the screen, or both."""

    NONE = "none"
    WHISPER = "whisper"
    SCREEN = "screen"
    BOTH = "both"


class WrapUpMode(StrEnum):
    """Genesys' names. MANDATORY ends by the agent's word only; MANDATORY_TIMEOUT by the clock or the word;
    MANDATORY_FORCED_TIMEOUT by the clock only; OPTIONAL: ready at once unless a wrap-up is asked for within the talk or
    `wrapup_s` after it; AGENT_REQUESTED: only when asked for during the talk."""

    MANDATORY = "mandatory"
    OPTIONAL = "optional"
    MANDATORY_TIMEOUT = "mandatory_timeout"
    MANDATORY_FORCED_TIMEOUT = "mandatory_forced_timeout"
    AGENT_REQUESTED = "agent_requested"


class DistressLimit(NamedTuple):
    """Limits of an agent's distress load (the sum of `Service.load`, halved every `Centre.load_half_life_s`)."""

    soft: float = 6.0
    """From here on heavy contacts (load 3 and more) come to this agent only when nobody else is free."""
    hard: float = 9.0
    """From here on none come, until the load is below `again`."""
    again: float = 6.0


class Comfort(NamedTuple):
    """What the agent's desk and devices do. The engine only carries it to them."""

    ring_signal: frozenset[str] = frozenset({"audio", "visual"})
    """Of audio, visual, haptic, mqtt_device."""
    ear: str = "both"
    gain_db: float = 0.0
    limiter: bool = True
    verbosity: str = "normal"
    braille_cells: int = 0


class Profile(NamedTuple):
    """What this agent needs, never why. Every field is a hard rule or a parameter of the offer."""

    channels: frozenset[Channel] = frozenset(Channel)
    max_concurrency: tuple[tuple[Channel, int], ...] = ((Channel.VOICE, 1), (Channel.CHAT, 3))
    """A channel that is not named: 1."""
    ring_timeout_s: float = 15.0
    answer_mode: AnswerMode = AnswerMode.MANUAL
    pre_connect: PreConnect = PreConnect.NONE
    pre_connect_s: float = 0.0
    """Time to read before the caller is connected; a key ends it early. It counts as the caller's wait."""
    wrapup_s: float = 15.0
    wrapup_extend_s: float = 60.0
    rest_gap_s: float = 0.0
    """Shortest idle time before the next offer."""
    misses_allowed: int = 2
    """Offers in a row that rang out or were refused before the agent is NOT_RESPONDING."""
    wrapup_mode: WrapUpMode = WrapUpMode.MANDATORY_TIMEOUT
    capacity: int = 100
    """Units; the costs of all contacts at the agent never exceed it (`ChannelRow.cost`)."""
    one_at_a_time: bool = False
    """One contact at a time, whatever its channel."""
    captions: bool = False
    """A call needs live captions: nothing else beside it."""
    break_grace_s: float = 0.0
    """A planned break may begin this much later, not more."""
    max_continuous_s: float = 7200.0
    """A short break comes by itself before so much time without one is over: for each agent by another part of its last
    quarter sooner, so that those who sat down together do not all go at once (`breaks.short_at`)."""
    distress: DistressLimit = DistressLimit()
    no_topics: frozenset[str] = frozenset()
    """Services (by id) and topics of contacts that never come to this agent."""
    pair_id: str = ""
    """Two agents with the same one work as a pair: both must be ready, one offer reserves both."""
    auto_return_s: float | None = None
    """NOT_RESPONDING ends by itself after this long; None: only by the agent."""
    comfort: Comfort = Comfort()

    @property
    def brief(self) -> bool:
        """A short spoken brief (service and wait) is played to the agent before the caller is connected."""
        return self.pre_connect in (PreConnect.WHISPER, PreConnect.BOTH)

    @property
    def reading_s(self) -> float:
        """Time to read the screen before the caller is connected."""
        return self.pre_connect_s if self.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH) else 0.0


class Agent(NamedTuple):
    """A person who answers, as configured."""

    id: AgentId
    skills: tuple[tuple[SkillId, int], ...]
    profile: Profile = Profile()
    team: str = "genel"
    outside: bool = False
    """A remote counsellor: the leg goes to an outside number, so it must be accepted by key 1 after the brief."""


class PauseReason(NamedTuple):
    """Describe one reason for a pause: a row of `[pause_reasons]`, the centre's own table."""

    id: str
    name: str = ""
    """Turkish, short: agents and supervisors read the name."""
    name_en: str = ""
    work: bool = False
    """The time counts as work. Such a pause is no rest, and no planned break is lost in it."""
    limit_s: float | None = None
    """After this long the agent is shown as over the limit; None: no limit. The state stays as it is."""
    default: bool = False
    """Breaks that the engine begins have this reason, and so have pauses for which no reason is given."""
    prompt: str = ""
    """Key of the sentence that offers the reason on the phone. The engine only carries prompt and digit."""
    digit: str = ""
    """Key of the phone after the code for a pause; empty: the phone does not offer the reason."""


NO_TABLE = (PauseReason("pause", default=True),)
"""Reasons of a centre without a table, as simulations build them: one, without a meaning."""


class Centre(NamedTuple):
    """The part of a centre's settings that decides routing. A change of it is an event, or replay would lie."""

    services: tuple[Service, ...]
    agents: tuple[Agent, ...]
    seats: frozenset[SeatId] | None = None
    """Phones at which agents may sign in; None: any."""
    channels: tuple[ChannelRow, ...] = CHANNELS
    """A channel that is not named: as shipped."""
    load_half_life_s: float = 5400.0
    """An agent's distress load halves in this time."""
    occupied_half_life_s: float = 3600.0
    """Handled time, for the least occupied, halves in this time: one for all, so order among the idle never changes."""
    decompression_s: float = 600.0
    """Rest after a contact of load 4 or more; the agent may end it."""
    spared_s: float = 900.0
    """How long "not now" keeps heavy contacts away."""
    abusive_days: float = 180.0
    """An agent's word that a caller was abusive counts for so long."""
    micro_break_s: float = 300.0
    """The break that `max_continuous_s` brings."""
    reacts_s: float = 2.0
    """A phone that was told to ring and did not say so within this time is gone: the next agent gets the call at once.
    Asterisk itself would send the INVITE again for 32 s (timer B of RFC 3261). The base of a cordless telephone says so
    when it has found the handset, one that sleeps when it was woken: with such phones more is needed, or they are taken
    for gone at every call."""
    pause_reasons: tuple[PauseReason, ...] = NO_TABLE

    def find_pause_reason(self, name: str) -> PauseReason | None:
        """Return the reason with this id. Return None if the table does not have it."""
        return next((one for one in self.pause_reasons if one.id == name), None)

    @property
    def break_reason(self) -> PauseReason:
        """The reason marked as default; the first one if no reason is marked."""
        return next((one for one in self.pause_reasons if one.default), self.pause_reasons[0])


class ContactState(StrEnum):
    """TaskRouter's names."""

    PENDING = "pending"
    RESERVED = "reserved"
    ASSIGNED = "assigned"
    WRAPPING = "wrapping"
    COMPLETED = "completed"
    CANCELED = "canceled"


class OfferState(StrEnum):
    """TaskRouter's names. An answered leg is still pending: accepted means connected with the caller."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    CONSULTING = "consulting"
    """The caller waits for somebody else, and this agent asks that one first."""
    REJECTED = "rejected"
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    RESCINDED = "rescinded"
    WRAPPING = "wrapping"
    COMPLETED = "completed"


class AgentState(StrEnum):
    """What an agent does now. UNREACHABLE and BUSY come from the phone of the seat, the others from the person."""

    SIGNED_OUT = "signed_out"
    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    WRAPUP = "wrapup"
    PAUSED = "paused"
    NOT_RESPONDING = "not_responding"
    BUSY = "busy"
    UNREACHABLE = "unreachable"


class Outcome(StrEnum):
    """How a contact ended: exactly one for each."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    ABANDONED_SHORT = "abandoned_short"
    OVERFLOW = "overflow"
    LEFT = "left"
    """Left the queue by the caller's own key."""
    FAILURE = "pbx_failure"
    """Asterisk itself went away with the call."""
    CALLBACK_FAILED = "callback_failed"
    """A callback that was never taken."""


class Estimate(NamedTuple):
    """An expected wait from now, seconds: the median, and bounds between which 80 of 100 waits end."""

    wait_s: float
    low_s: float
    high_s: float
