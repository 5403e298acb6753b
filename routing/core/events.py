"""What the engine is told: the only way in. Events are values; `journal.py` writes and reads them.

Voice events come from Asterisk (`routing/ami/translate.py`) and from the caller's dialogue (`ivr`), agents' events from
`desk` and the telephone codes. The engine may hear of a thing late, twice or in another order: every event is safe to
repeat, and one about something that is already over changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import Centre, Channel, Needs
from routing.core.stored import Started


class Configured(NamedTuple):
    """The centre's settings, at start and at each reload. State is kept; what no longer exists is let go."""

    centre: Centre


class ContactQueued(NamedTuple):
    """A caller has chosen a service and waits in the hold loop. Sent again after a restart: then `since` decides."""

    contact: ContactId
    service: ServiceId
    leg: str = ""
    """Full name of the caller's channel: the agent's leg is bridged to it by name."""
    channel: Channel = Channel.VOICE
    since: float | None = None
    """Start of the wait, Unix seconds (survives restarts in a channel variable); None: now."""
    priority: int = 0
    """Points added to the service's own."""
    caller_hash: str = ""
    caller_box: str = ""
    """Keyed hash and encrypted number, both opaque to the engine. Empty on anonymous services."""
    slow: bool = False
    """The caller asked for slow speech."""
    node: str = ""
    """The Asterisk that carries the call."""
    needs: Needs = ()
    """What this caller needs whatever the step: a language (`en`), text. Never relaxes."""
    topics: frozenset[str] = frozenset()
    """What is known of the contact that an agent's profile may exclude, e.g. `abusive`."""
    language: str = ""
    """What the caller has chosen to hear; empty: the first language. Opaque: who is called back hears it."""


class ContactTicked(NamedTuple):
    """A waiting caller's hold loop came by (each <= 15 s). Unknown contact: the asker must send ContactQueued."""

    contact: ContactId
    key: str = ""


class ContactGone(NamedTuple):
    """The caller's channel is gone."""

    contact: ContactId
    ended_at: float | None = None
    """True end when learned late (from the black box); None: now."""
    failure: bool = False
    """Asterisk went away with the call."""
    dropped: bool = False
    """The network lost the line, nobody put the call down."""


class ContactLeft(NamedTuple):
    """The caller left the queue alive: into the safety net, or by a key of their own."""

    contact: ContactId
    reason: str
    """`net` or `key`."""
    key: str = ""


class ContactRanked(NamedTuple):
    """Other points for a contact that waits (a supervisor's word)."""

    contact: ContactId
    priority: int


class ContactWeighed(NamedTuple):
    """The agent says what a contact really weighed (see `Service.load`), during the talk or in the wrap-up."""

    offer: OfferId
    load: int


class PlaceDeclined(NamedTuple):
    """A caller who has the place of a call that dropped (`ContactView.returned`) does not want it."""

    contact: ContactId


class CallbackAsked(NamedTuple):
    """A waiting caller wants to be called back: the place in line stays, the caller may hang up."""

    contact: ContactId
    after_s: float = 0.0
    """Not earlier than this from now."""
    anytime: bool = False
    """In quiet hours too: the caller has said so."""
    caller_hash: str = ""
    caller_box: str = ""
    """Hash and box of the number to be called; empty: the one the caller came with."""


class CallbackTaken(NamedTuple):
    """The agent has taken the offer of a callback and waits: the caller is dialled now."""

    offer: OfferId


class CallbackReached(NamedTuple):
    """Who is to be called back is on the line: they have taken the call, or never hung up. From now on they wait like
    any other caller."""

    contact: ContactId
    leg: str
    """Full name of the caller's channel."""


class CallbackFailed(NamedTuple):
    """The caller was dialled for this offer and did not take it (`no_answer`, `busy`, `refused`, `no_key`, `failed`).
    """

    offer: OfferId
    reason: str


class CallbacksQuiet(NamedTuple):
    """Quiet hours begin or end: nobody is called back in them but who wants it."""

    on: bool


class CallerForgotten(NamedTuple):
    """What is known of a caller is to be erased. Journalled like any event; the store blanks the hash in it."""

    caller_hash: str


class OfferRinging(NamedTuple):
    """The agent's phone rings."""

    offer: OfferId


class OfferAnswered(NamedTuple):
    """The agent's leg is up: brief or the connection follows. Not yet accepted."""

    offer: OfferId
    partner: bool = False
    """It is the leg of the other one of a pair."""


class OfferConnected(NamedTuple):
    """Agent's leg and the caller's channel are together in one bridge."""

    offer: OfferId
    contact: ContactId
    """Who is really in the bridge. Not the offer's own contact: the leg is ended and an alarm raised."""
    connected_at: float | None = None
    """True time, when it is told late (Unix seconds); None: now."""


class OfferEnded(NamedTuple):
    """The agent's leg is gone, or never came to be. Before OfferConnected: the offer was not accepted."""

    offer: OfferId
    reason: str
    """`no_answer`, `busy`, `rejected`, `unreachable`, `failed`, `hangup`, `lost` (the phone vanished in the talk)."""
    partner: bool = False
    """The leg is that of the other one of a pair."""


class CommandRefused(NamedTuple):
    """No channel adapter takes a command: nothing was done, and nobody has missed anything."""

    contact: ContactId
    offer: OfferId | None = None
    """The offer of the command; None: the contact itself cannot be moved (`Overflow`)."""


class TalkEnded(NamedTuple):
    """Caller and agent are no longer together."""

    offer: OfferId
    by: str
    """`caller`, `agent`, `lost` (the agent's phone vanished), `dropped` (the caller's line did)."""
    ended_at: float | None = None
    """True time, when it is told late (Unix seconds); None: now."""


class Held(NamedTuple):
    """The agent has put the caller on hold, or taken them back."""

    offer: OfferId
    on: bool


class TransferAsked(NamedTuple):
    """The agent sends the caller on: to a service, to another agent, or to that agent of that service. Refused, the
    talk goes on as it was."""

    offer: OfferId
    service: ServiceId | None = None
    """None: the contact's own."""
    to: AgentId | None = None
    """Waited for in person for a while; None: anybody of the service."""
    gone: bool = False
    """The telephone has done it already (REFER): who cannot be sent on waits for their own service again, in front."""


class FollowUpAgreed(NamedTuple):
    """The caller has told the agent that they want to be called back should this call be lost, or (not `agreed`) that
    they do not."""

    offer: OfferId
    agreed: bool = True


class AbuseSaid(NamedTuple):
    """The agent says that the caller is abusive, or (not `abusive`) takes back what was said of them. In the talk or in
    the wrap-up after it."""

    offer: OfferId
    abusive: bool = True


class ConsultAsked(NamedTuple):
    """The agent asks somebody else before the caller goes on to them. Refused, the talk goes on as it was."""

    offer: OfferId
    service: ServiceId | None = None
    to: AgentId | None = None
    """As in `TransferAsked`."""
    line: bool = False
    """On a second line of the agent's phone: the caller stays with the first one, put on hold by the phone."""


class ConsultEnded(NamedTuple):
    """The agent who asked gives the caller over (`give`), or takes them back."""

    offer: OfferId
    give: bool = False


class SeatChanged(NamedTuple):
    """What a phone reports. `in_use` is true for any call on it, ours too."""

    seat: SeatId
    reachable: bool
    in_use: bool


class AgentSignedIn(NamedTuple):
    """An agent sits down at a seat. Refused when somebody else is signed in there."""

    agent: AgentId
    seat: SeatId


class AgentSignedOut(NamedTuple):
    """An agent leaves. A talk goes on to its end; a ringing offer is rescinded."""

    agent: AgentId


class AgentPaused(NamedTuple):
    """Ask for a pause. A talk goes on, and the pause begins after the talk."""

    agent: AgentId
    reason: str = ""
    """Id of a row of `Centre.pause_reasons`; empty: the row marked as default."""


class AgentResumed(NamedTuple):
    """Ready again, from a break, from NOT_RESPONDING or out of wrap-up."""

    agent: AgentId


class WrapUpEnded(NamedTuple):
    """The agent is done before the time is over."""

    agent: AgentId
    contact: ContactId | None = None
    """Which of several; None: all of them."""


class WrapUpAsked(NamedTuple):
    """The agent wants a wrap-up after this talk (modes OPTIONAL and AGENT_REQUESTED). Refused where none would come."""

    agent: AgentId


class AgentSpared(NamedTuple):
    """"Not now": no heavy contacts for `Centre.spared_s`. No reason is asked, nothing is counted."""

    agent: AgentId


class AgentSkilled(NamedTuple):
    """What an agent serves from now on, without a reload (duties of the day). None: as configured."""

    agent: AgentId
    skills: Needs | None


class BreaksPlanned(NamedTuple):
    """An agent's breaks of the day, (start, end) in Unix seconds, in order. Replaces the plan known before."""

    agent: AgentId
    breaks: tuple[tuple[float, float], ...]


class RulesRelaxed(NamedTuple):
    """An emergency, said aloud: until `until` these rules of an agent's profile do not hold. Only `rest_gap`,
    `distress_limit`, `decompression` can be relaxed, never channels, capacity or breaks; at most an hour."""

    agent: AgentId
    rules: frozenset[str]
    until: float
    by: str = ""
    """Role or id of who decided."""


class SurveyAnswered(NamedTuple):
    """A caller said something after the talk, or was asked to (`survey.ANSWERS`)."""

    contact: ContactId
    service: ServiceId
    """Of the talk it is about."""
    question: str
    """`asked`, `cared`, `solved`, `message`."""
    answer: int = 0


class ServiceHours(NamedTuple):
    """A service opens or closes by the centre's calendar. Who waits is still served; distress is never closed."""

    service: ServiceId
    open: bool


class WrapUpExtended(NamedTuple):
    """More time, by the agent's own step; never marked as a fault."""

    agent: AgentId


class LinkChanged(NamedTuple):
    """The link to an Asterisk is lost (no offers are made meanwhile) or back and its state read."""

    node: str
    up: bool


class MenuLeft(NamedTuple):
    """A caller is through the menu, or has hung up in it."""

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
    """The rest of a way that was told before: `led` to an outside number, where nobody answered."""


Event = (
    Started | Configured | ContactQueued | ContactTicked | ContactGone | ContactLeft | ContactRanked
    | PlaceDeclined | CallerForgotten | ContactWeighed
    | CallbackAsked | CallbackTaken | CallbackReached | CallbackFailed | CallbacksQuiet
    | OfferRinging | OfferAnswered | OfferConnected | OfferEnded | CommandRefused
    | TalkEnded | Held | FollowUpAgreed | AbuseSaid | TransferAsked | ConsultAsked | ConsultEnded
    | SeatChanged | AgentSignedIn | AgentSignedOut | AgentPaused | AgentResumed | WrapUpEnded | WrapUpExtended
    | WrapUpAsked | AgentSpared | AgentSkilled | BreaksPlanned | RulesRelaxed | ServiceHours | LinkChanged
    | SurveyAnswered | MenuLeft
)
