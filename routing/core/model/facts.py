"""Declare facts: flat records of events, the one source of store rows, queue_log, metrics, MQTT and reports.

Facts of the talk, from the bridge to the end of the wrap-up, are in `talk_facts`.

Every fact has a number and a time. `seq` grows by one without gaps. `at` is in Unix seconds on the engine's clock.
`version` counts the changes of the contact, or agent, of the fact, beginning at 1: the store compares before it sets.
Facts hold no number and no name of a caller.

Each fact that carries a contact's version has the one before plus one. So has each AgentChanged for its agent. When an
agent changes together with an offer, AgentChanged comes first. The fact about the offer repeats the agent's version
(`agent_version`).
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.model.centre_model import (
    AgentState,
    Channel,
    ContactState,
    Estimate,
    Needs,
    OfferState,
    Outcome,
    Trigger,
    WayOut,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.privacy import CallerHash, EncryptedNumber
from routing.core.model.talk_facts import (
    CallerFlaggedAbusiveRecorded,
    Connected,
    ConsultCancelled,
    ConsultCompleted,
    ConsultStarted,
    FollowUpAgreedRecorded,
    HoldSetRecorded,
    Interrupted,
    TalkEndedRecorded,
    WrappedUp,
    WrapUpRequestedRecorded,
)


class Queued(NamedTuple):
    """A contact entered a queue: state `pending`, version 1."""

    seq: int
    at: float
    contact: ContactId
    version: int
    service: ServiceId
    channel: Channel
    since: float
    """Start of the wait. The same as `at`, unless the contact was adopted after a gap."""
    priority: int
    position: int
    """Position in the order of its service, from 1."""
    caller_hash: CallerHash
    number_encrypted: EncryptedNumber
    slow: bool
    node: str
    estimate: Estimate | None = None
    """Expected wait as told at entry. None if an agent was free."""
    needs: Needs = ()
    topics: frozenset[str] = frozenset()
    language: str = ""
    """Language of the prompts. Empty for the first language."""
    entered_at: float | None = None
    """When the contact came to the service, with the age of an earlier call or callback. None for `since`."""


class Moved(NamedTuple):
    """A waiting contact went to a different service with its age.

    The reasons are the rules of a service (`Trigger`), the caller's own choice, a supervisor, and an agent's transfer
    (TalkEndedRecorded comes before). The contact still has one outcome: Ended names the last service.
    """

    seq: int
    at: float
    contact: ContactId
    version: int
    before: ServiceId
    service: ServiceId
    channel: Channel
    reason: str
    """A `Trigger`, or `chosen`, `supervisor`, `transfer`."""
    waited_s: float
    """Wait in the service before."""
    position: int
    """Position in the new service."""
    left_position: int = 0
    """Last position in the service before."""
    caller_anonymised: bool = False
    """The service is anonymous. The hash and the encrypted number of the caller are forgotten from now on."""


class WayOutOffered(NamedTuple):
    """A rule of the service leads a waiting contact out of the queue. The hold loop says so to the caller.

    The contact waits on until the caller has chosen. It is not offered to agents if it was turned away (`closed`,
    `full`), or hears good-bye.
    """

    seq: int
    at: float
    contact: ContactId
    version: int
    service: ServiceId
    channel: Channel
    trigger: Trigger
    way: WayOut


class ContactChanged(NamedTuple):
    """A property of a waiting contact has changed: its points (set by a supervisor), its needs or topics, or the start
    of its wait.
    """

    seq: int
    at: float
    contact: ContactId
    version: int
    service: ServiceId
    priority: int
    needs: Needs
    topics: frozenset[str]
    position: int
    """Position from now on."""
    since: float | None = None
    """A different start of the wait, because the caller gave up the place of an earlier call. None for the same."""


class Stepped(NamedTuple):
    """A waiting contact has reached a step that asks for less, by time."""

    seq: int
    at: float
    contact: ContactId
    version: int
    service: ServiceId
    step: int
    """The new step, from 0."""
    reason: str
    """`expired`, or `preferred`: the time of the preferred agent is over, and step 0 begins."""


class CallbackChanged(NamedTuple):
    """A contact became a callback, or a try failed and the next one is due at `not_before`."""

    seq: int
    at: float
    contact: ContactId
    version: int
    service: ServiceId
    tries: int
    """Tries that have failed so far."""
    not_before: float
    reason: str
    """`requested`, `reached` (the caller is on the line again), or the reason why the try failed."""
    callback: bool = True
    """Whether the contact waits to be called back."""
    leg: str = ""
    """Full name of the caller's channel. Empty if the caller has hung up."""
    anytime: bool = False
    """Whether the caller is called in quiet hours too."""
    callback_hash: CallerHash = ""
    callback_number_encrypted: EncryptedNumber = ""
    """Encrypted number for the callback. Empty for the number of the call."""


class CallbackDialled(NamedTuple):
    """The caller is called back for this offer, or without a reserved agent."""

    seq: int
    at: float
    offer: OfferId | None
    """None if no agent is reserved."""
    contact: ContactId
    service: ServiceId
    agent: AgentId | None


class Overridden(NamedTuple):
    """A rule of a profile was set aside: explicitly, for a limited time, and counted.

    The accommodation manager sees which rule it was.
    """

    seq: int
    at: float
    agent: AgentId
    offer: OfferId | None
    rule: str
    until: float
    by: str
    """`ceiling` (the caller waited beyond the service's emergency ceiling), or the person who decided."""


class ServiceChanged(NamedTuple):
    """A service opened or closed."""

    seq: int
    at: float
    service: ServiceId
    open: bool


class Offered(NamedTuple):
    """An offer was made: contact `pending` -> `reserved`, unless the phone rings `beside` another one. The decision
    record of constant cost is part of it."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    version: int
    agent: AgentId
    agent_version: int
    seat: SeatId
    service: ServiceId
    channel: Channel
    ring_s: float
    # The decision record: how the agent was chosen.
    step: int
    level: int
    """The agent's level in the skill that ranked, or -1 if the service asks for none."""
    idle_s: float
    runners_up: tuple[AgentId, ...]
    """At most five."""
    agents_ready: int
    """Ready agents of the whole domain, including the chosen one. `agents_signed_in` includes the agent too."""
    agents_signed_in: int
    waiting: int
    """Contacts that wait in this service, including this one."""
    strategy: str = "longest_idle"
    score: float = 0.0
    """The key by which the strategy ordered the agents: the smaller the better."""
    tier: int = 0
    """0: normal, 1: last resort, beyond the soft distress limit, 2: emergency, beyond the ceiling."""
    by_state: tuple[int, ...] = ()
    """Agents in each state before the offer, in the order of `AgentState`, without those who are signed out."""
    preferred: bool = False
    """Whether the agent had the last talk with the caller."""
    partner: AgentId | None = None
    """The partner of a pair."""
    rings_at: float = 0.0
    """Time at which the phone begins to ring, because the caller still hears words. 0 for at once."""
    beside: bool = False
    """Whether the phone rings next to another one for the same caller, who is `reserved` already."""


class OfferRang(NamedTuple):
    """The phone rings for sure."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId


class OfferClosed(NamedTuple):
    """An offer ended without a connection: `rejected`, `timeout`, `canceled` (the contact is gone) or `rescinded`."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId
    agent_version: int
    service: ServiceId
    channel: Channel
    state: OfferState
    reason: str
    rang_s: float
    contact_version: int | None
    """The contact's version if it went back to `pending` by this. None if its state changed for a different reason, or
    if another phone rings for it."""


class Ended(NamedTuple):
    """The one final outcome of a contact as the caller sees it.

    For an answered contact it comes right after TalkEndedRecorded. It has the next version, and the state is still
    `wrapping`. The state becomes `completed` with WrappedUp. For other contacts the state is `canceled` from now on. A
    ringing offer is closed before (OfferClosed `canceled`).
    """

    seq: int
    at: float
    contact: ContactId
    version: int
    state: ContactState
    service: ServiceId
    channel: Channel
    outcome: Outcome
    wait_s: float
    position: int
    """Last position, from 1. 0 for an answered contact."""
    original_position: int
    key: str
    ended_at: float | None = None
    """Time of the end, if it became known only later. None for `at`."""


class LoadState(NamedTuple):
    """The load of an agent, as far as metrics and reports need it. The agent's row has all of it.

    All times are Unix seconds.
    """

    load: float = 0.0
    """Distress load at `load_at`."""
    load_at: float = 0.0
    rest_until: float = 0.0
    """End of the decompression."""
    at_hard_limit: bool = False
    """Whether the agent has reached the hard limit and is not yet below `release`."""
    # Breaks of the engine.
    break_begun: float = 0.0
    """Planned start of the last break that has begun."""
    break_s: float = 0.0
    """Length of the break that begins after the live contacts. 0 for none."""
    break_until: float = 0.0
    """End of the break that the engine began. 0 for none."""
    overrides: tuple[tuple[str, float], ...] = ()
    """Overridden rules of the profile, each with its end."""


class AgentChanged(NamedTuple):
    """An agent's state has changed, or a request of the agent with the same state.

    Requests are a longer wrap-up, a break, or a sign-out after this call. For a request `before_s` is 0, and `since`
    stays.
    """

    seq: int
    at: float
    agent: AgentId
    version: int
    team: str
    before: AgentState
    state: AgentState
    reason: str
    """The pause reason, or why the engine changed the state (`ring_no_answer`, `phone_drops`, `seat` ...)."""
    seat: SeatId | None
    """Seat of the agent. After signing out, the seat that the agent left."""
    before_s: float
    """Time in the state before."""
    services: tuple[ServiceId, ...] | None
    """Services the agent can serve (queue_log writes some lines per queue). None for those of the change before."""
    rna_count: int
    """Ring-no-answers and declines in a row."""
    # Values that a restart needs.
    since: float | None = None
    """Start of the state. None for `at`."""
    idle_since: float | None = None
    """Start of the idle time, as the longest-idle strategy counts it. None for `since`."""
    wrapup_until: float | None = None
    """Time at which the wrap-up ends by itself. None if there is none."""
    pause_pending: str = ""
    """Reason of the break that begins after talk and wrap-up."""
    leave_pending: bool = False
    """Whether the agent signs out after the talk."""
    load_state: LoadState | None = None
    """The load state, which must survive a restart. None if it has not changed."""
    skills: Needs | None = None
    """Skills that the agent serves for the time being. None for the configured ones."""


class PauseLimitReached(NamedTuple):
    """The pause of an agent has lasted as long as its reason allows. The agent stays in the pause."""

    seq: int
    at: float
    agent: AgentId
    reason: str


class BreakPostponed(NamedTuple):
    """A short break is due, but nobody else is on duty for a distress service. The break is tried again."""

    seq: int
    at: float
    agent: AgentId
    service: ServiceId


class DeskChangedRecorded(NamedTuple):
    """An agent has opened a desk, where messages can be answered, or has closed the last one."""

    seq: int
    at: float
    agent: AgentId
    agent_version: int
    present: bool


class CentreChanged(NamedTuple):
    """New settings came into force."""

    seq: int
    at: float
    services: int
    agents: int


class Alarm(NamedTuple):
    """A state that must not happen: `bridge_mismatch`, `double_seat` ... It is counted and shown, never ignored."""

    seq: int
    at: float
    kind: str
    contact: ContactId | None
    offer: OfferId | None
    agent: AgentId | None


class MenuEndedRecorded(NamedTuple):
    """A caller has passed the menu, or has hung up in it (`events.MenuEnded`)."""

    seq: int
    at: float
    contact: ContactId
    entry: str
    nodes: tuple[str, ...]
    """The IVR path, from the entry's first node to the last one that was heard. Names of menu.yaml."""
    outcome: str
    """See `menu.OUTCOMES`."""
    lasted_s: float
    service: str = ""
    """The service chosen at the end. Empty for none."""
    timeouts: int = 0
    """Questions to which no key came."""
    wrong: int = 0
    """Pressed keys that the menu does not have."""
    repeats: int = 0
    more: int = 0
    """Requests for more time."""
    slow: bool = False
    """Whether speech was slow at the end."""
    resumed: bool = False
    """Whether this is the rest of a path that was recorded before as `external_transfer`."""


class SurveyAnsweredRecorded(NamedTuple):
    """A caller answered one question of the survey (`survey_answers`).

    The question `asked` says that the survey began.
    """

    seq: int
    at: float
    contact: ContactId
    service: ServiceId
    question: str
    answer: int


class CallsRefusedRecorded(NamedTuple):
    """Calls were refused before the answer in about the last minute (`events.CallsRefused`)."""

    seq: int
    at: float
    reason: str
    calls: int
    form: str = ""
    """Form of the called number, and never the number."""


Fact = (
    Queued | Moved | WayOutOffered | ContactChanged | Stepped | CallbackChanged | CallbackDialled | Offered | OfferRang
    | OfferClosed
    | Connected | HoldSetRecorded | WrapUpRequestedRecorded | FollowUpAgreedRecorded | CallerFlaggedAbusiveRecorded
    | ConsultStarted | ConsultCancelled | ConsultCompleted
    | Interrupted | TalkEndedRecorded | WrappedUp | Ended | AgentChanged | Overridden | ServiceChanged
    | CentreChanged | PauseLimitReached | BreakPostponed | DeskChangedRecorded | Alarm
    | SurveyAnsweredRecorded | MenuEndedRecorded | CallsRefusedRecorded
)
