"""What the engine is told about a centre: services, agents and what each agent needs. Values, never changed in place.

All durations are seconds, all levels 0-100. An undefined skill is not 0: an agent without it never matches.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from routing.core.ids import AgentId, SeatId, ServiceId, SkillId


class Channel(StrEnum):
    """How a contact reaches us. An agent has a capacity for each."""

    VOICE = "voice"
    CHAT = "chat"
    SOCIAL = "social"
    EMAIL = "email"
    TASK = "task"


class Step(NamedTuple):
    """One step of a requirement: every skill named must be there at the level or above."""

    needs: tuple[tuple[SkillId, int], ...]
    lasts_s: float | None = None
    """The next step begins after this long in this one; None: the last step, it stays."""


class Service(NamedTuple):
    """A queue. `floor` never relaxes: whatever the step says, no agent below it is ever offered a contact."""

    id: ServiceId
    name: str
    """Turkish, short: shown on the agent's phone ("Psikososyal destek")."""
    steps: tuple[Step, ...]
    floor: tuple[tuple[SkillId, int], ...] = ()
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


class AnswerMode(StrEnum):
    """How the agent's phone takes a call."""

    MANUAL = "manual"
    AUTO = "auto"
    PRESS_ONE = "press_one"


class Profile(NamedTuple):
    """What this agent needs, never why. Every field is a hard rule or a parameter of the offer."""

    channels: frozenset[Channel] = frozenset(Channel)
    max_concurrency: tuple[tuple[Channel, int], ...] = ((Channel.VOICE, 1), (Channel.CHAT, 3))
    ring_timeout_s: float = 15.0
    answer_mode: AnswerMode = AnswerMode.MANUAL
    brief: bool = False
    """A short spoken brief (service and wait) is played to the agent before the caller is connected."""
    wrapup_s: float = 15.0
    wrapup_extend_s: float = 60.0
    rest_gap_s: float = 0.0
    """Shortest idle time before the next offer."""
    misses_allowed: int = 2
    """Missed offers in a row before the agent is NOT_RESPONDING."""


class Agent(NamedTuple):
    """A person who answers, as configured."""

    id: AgentId
    skills: tuple[tuple[SkillId, int], ...]
    profile: Profile = Profile()
    team: str = "genel"


class Centre(NamedTuple):
    """The part of a centre's settings that decides routing. A change of it is an event, or replay would lie."""

    services: tuple[Service, ...]
    agents: tuple[Agent, ...]
    seats: frozenset[SeatId] | None = None
    """Phones at which agents may sign in; None: any."""


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
