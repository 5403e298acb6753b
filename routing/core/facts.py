"""What happened, as flat records: the one source of store rows, queue_log, metrics, MQTT and reports.

Those of the talk, from the bridge to the end of the wrap-up, stand in `talk_facts`.

Every fact has a number (`seq`, growing by one without gaps) and a time (`at`, Unix seconds on the engine's clock).
`version` counts the changes of the contact (or agent) the fact is about, beginning at 1: the store compares before it
sets. Facts hold no number and no name of a caller.

Each fact that carries a contact's version has the one before plus one; so has each AgentChanged for its agent. When an
agent changes together with an offer, AgentChanged comes first and the fact about the offer repeats its version
(`agent_version`).
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AgentState, Channel, ContactState, Estimate, Needs, OfferState, Outcome
from routing.core.talk_facts import (
    AbuseNoted,
    Connected,
    Consulting,
    FollowUpSet,
    HoldChanged,
    Interrupted,
    Introduced,
    Returned,
    TalkOver,
    WrappedUp,
    WrapUpWanted,
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
    """Start of the wait; the same as `at` unless the contact was adopted after a gap."""
    priority: int
    position: int
    """In its service's order, from 1."""
    leg: str
    caller_hash: str
    caller_box: str
    slow: bool
    node: str
    estimate: Estimate | None = None
    """Expected wait as it was told at entry; None: somebody was free."""
    needs: Needs = ()
    topics: frozenset[str] = frozenset()
    language: str = ""
    """What the caller hears; empty: the first language."""
    entered_at: float | None = None
    """When it came to the service, with the age of an earlier call or callback; None: at `since`."""


class Moved(NamedTuple):
    """A waiting contact went to another service with its age: by overflow, because its service was full or closed, by
    the caller's own choice, or by an agent's transfer (TalkOver comes before). One outcome still: Ended names the last
    service."""

    seq: int
    at: float
    contact: ContactId
    version: int
    before: ServiceId
    service: ServiceId
    channel: Channel
    reason: str
    """`overflow`, `full`, `closed`, `chosen`, `transfer`."""
    waited_s: float
    """In the service before."""
    position: int
    """In the new one."""
    left_position: int = 0
    """In the service before, at the end."""
    unknown: bool = False
    """The service is anonymous: what was known of the caller (hash, box) is forgotten from here on."""


class ContactChanged(NamedTuple):
    """What is known of a waiting contact has changed: its points (a supervisor's word), its needs or topics, or
    from when its wait counts."""

    seq: int
    at: float
    contact: ContactId
    version: int
    service: ServiceId
    priority: int
    needs: Needs
    topics: frozenset[str]
    position: int
    """From now on."""
    since: float | None = None
    """Another start of the wait: the caller gave the place of a call before back. None: the same."""


class Stepped(NamedTuple):
    """A waiting contact asks for less from now on."""

    seq: int
    at: float
    contact: ContactId
    version: int
    service: ServiceId
    step: int
    """The new one, from 0."""
    reason: str
    """`expired`, `nobody` (no signed-in agent could meet the step before), `preferred` (the preferred agent's time is
    over: step 0 begins)."""


class CallbackChanged(NamedTuple):
    """A contact became a callback, or a try of it failed and the next one is due at `not_before`."""

    seq: int
    at: float
    contact: ContactId
    version: int
    service: ServiceId
    tries: int
    """Failed so far."""
    not_before: float
    reason: str
    """`asked`; `reached`: it is a caller on the line again; else why the try failed."""
    callback: bool = True
    """It waits to be called back."""
    leg: str = ""
    """Full name of the caller's channel; empty: they have hung up."""
    anytime: bool = False
    """In quiet hours too."""
    callback_hash: str = ""
    callback_box: str = ""
    """Of the number the caller agreed on; empty: the one they came with."""


class CallbackDialled(NamedTuple):
    """The caller is called back for this offer."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    service: ServiceId
    agent: AgentId


class Overridden(NamedTuple):
    """A rule of a profile did not hold: explicit, for a time, counted. Which one is for the accommodation manager."""

    seq: int
    at: float
    agent: AgentId
    offer: OfferId | None
    rule: str
    until: float
    by: str
    """`ceiling` (the caller waited beyond the service's emergency ceiling), or who decided."""


class ServiceChanged(NamedTuple):
    """A service opened or closed."""

    seq: int
    at: float
    service: ServiceId
    open: bool


class Offered(NamedTuple):
    """An offer was made: contact `pending` -> `reserved`. The decision record of constant cost is part of it."""

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
    step: int
    level: int
    """The agent's level in the skill that ranked, -1 when the service asks for none."""
    idle_s: float
    runners_up: tuple[AgentId, ...]
    """Who would have been next, at most five."""
    agents_ready: int
    """Of the whole domain, the chosen one included; so is the next."""
    agents_signed_in: int
    waiting: int
    """In this contact's service, this one included."""
    strategy: str = "longest_idle"
    score: float = 0.0
    """By which the strategy ordered: the smaller the better."""
    tier: int = 0
    """0: gladly, 1: beyond the soft distress limit, 2: by the emergency ceiling."""
    by_state: tuple[int, ...] = ()
    """Signed-in agents in each state, in the order of `AgentState`, before the offer."""
    preferred: bool = False
    """The agent is the one who spoke with the caller last."""
    partner: AgentId | None = None
    """The other one of the pair."""


class OfferRang(NamedTuple):
    """The phone rings for sure."""

    seq: int
    at: float
    offer: OfferId
    contact: ContactId
    agent: AgentId


class OfferClosed(NamedTuple):
    """An offer ended without a connection: `rejected`, `timeout`, `canceled` (contact gone) or `rescinded`."""

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
    """The contact's version when it went back to `pending` by this; None when its state changed for another reason."""


class Ended(NamedTuple):
    """The one final outcome of a contact as the caller sees it. For an answered contact it comes right after TalkOver
    (with the next version, the state still `wrapping`); its state becomes `completed` with WrappedUp. For the others
    the state is `canceled` from here on. An offer that rang for it is closed before (OfferClosed `canceled`)."""

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
    """At the end, from 1; 0 for an answered contact."""
    original_position: int
    key: str
    ended_at: float | None = None
    """When it was, if it became known only later; None: `at`."""


class Wellbeing(NamedTuple):
    """An agent's burden, as far as the engine counts it. All times Unix seconds."""

    load: float = 0.0
    """Distress load at `load_at`."""
    load_at: float = 0.0
    last_load: int = 0
    """Of the last contact."""
    limited: bool = False
    """At the hard limit and not yet below `again`."""
    spared_until: float = 0.0
    rest_until: float = 0.0
    """Decompression."""
    working_since: float = 0.0
    """End of the last break."""
    occupied: float = 0.0
    """Handled seconds, decayed to `occupied_at`."""
    occupied_at: float = 0.0
    steady_at: float = 0.0
    """After a contact of load 4 or more: no other one before this."""
    break_begun: float = 0.0
    """Planned start of the last break that has begun."""
    break_s: float = 0.0
    """Length of the break that begins after what is under way; 0: none."""
    break_until: float = 0.0
    """End of the break that the engine began; 0: none."""
    relaxed: tuple[tuple[str, float], ...] = ()
    """Rules of the profile that do not hold, each until when."""
    weighed: tuple[tuple[OfferId, int], ...] = ()
    """Contacts at the agent that weigh what the agent said, not what their service does."""


class AgentChanged(NamedTuple):
    """What an agent does has changed; or, with the same state, what they have asked for (more wrap-up, a break or the
    end of the shift after this call): then `before_s` is 0 and `since` stays."""

    seq: int
    at: float
    agent: AgentId
    version: int
    team: str
    before: AgentState
    state: AgentState
    reason: str
    """Pause reason, or why the engine did it (`misses`, `seat`, `signed_in` ...)."""
    seat: SeatId | None
    """Where they are signed in; on signing out, the seat they leave."""
    before_s: float
    """Time spent in the state before."""
    services: tuple[ServiceId, ...]
    """Services the agent can serve (queue_log writes some lines per queue)."""
    misses: int
    """Missed offers in a row."""
    since: float | None = None
    """Start of the state; None: `at`."""
    idle_since: float | None = None
    """What longest idle counts from; None: `since`."""
    wrapup_until: float | None = None
    """When the wrap-up ends by itself; None: there is none."""
    pause_pending: str = ""
    """Reason of the break that begins after talk and wrap-up."""
    leave_pending: bool = False
    """Signs out after the talk."""
    wellbeing: Wellbeing | None = None
    """What must outlive a restart; None: as before."""
    skills: Needs | None = None
    """What the agent serves for now instead of what is configured; None: as configured."""


class PauseLimitReached(NamedTuple):
    """The pause of an agent has lasted as long as its reason allows. The agent stays in the pause."""

    seq: int
    at: float
    agent: AgentId
    reason: str


class CentreChanged(NamedTuple):
    """Settings were put in force."""

    seq: int
    at: float
    services: int
    agents: int


class Alarm(NamedTuple):
    """Something that must not happen: `bridge_mismatch`, `double_seat` ... Counted, shown, never ignored."""

    seq: int
    at: float
    kind: str
    contact: ContactId | None
    offer: OfferId | None
    agent: AgentId | None


class MenuPassed(NamedTuple):
    """A caller is through the menu, or has hung up in it (`events.MenuLeft`)."""

    seq: int
    at: float
    contact: ContactId
    entry: str
    nodes: tuple[str, ...]
    """The way, from the entry's first node to the last one that was heard. Names of menu.yaml."""
    outcome: str
    """See `menu.OUTCOMES`."""
    lasted_s: float
    service: str = ""
    """Chosen at the end; empty: none."""
    timeouts: int = 0
    """Questions to which no key came."""
    wrong: int = 0
    """Keys that the menu does not have."""
    repeats: int = 0
    more: int = 0
    """How often more time was asked for."""
    slow: bool = False
    """Slow speech at the end."""
    resumed: bool = False
    """The rest of a way that was told before as `led`."""


class Surveyed(NamedTuple):
    """What a caller said after the talk, one question (`survey.ANSWERS`); `asked`: the survey began."""

    seq: int
    at: float
    contact: ContactId
    service: ServiceId
    question: str
    answer: int


Fact = (
    Queued | Moved | ContactChanged | Stepped | CallbackChanged | CallbackDialled | Offered | OfferRang | OfferClosed
    | Connected | HoldChanged | WrapUpWanted | FollowUpSet | AbuseNoted | Consulting | Returned | Introduced
    | Interrupted | TalkOver | WrappedUp | Ended | AgentChanged | Overridden | ServiceChanged
    | CentreChanged | PauseLimitReached | Alarm | Surveyed | MenuPassed
)
