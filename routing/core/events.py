"""Define the events: the only input of the engine. Events are values, which `journal.py` writes and reads.

Voice events come from Asterisk (`routing/ami/event_translator.py`) and from the caller's dialogue (`ivr`). Events of
agents come from `desk` and the telephone codes. An event may arrive late, twice or in another order. Every event is
therefore safe to repeat, and an event about something that has ended changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.model.centre_model import Centre, Channel, Needs
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.privacy import CallerHash, EncryptedNumber
from routing.core.stored import Started


class Configured(NamedTuple):
    """The settings of the centre, at start and at each reload. All state is kept, except of removed services and
    agents."""

    centre: Centre


class ContactQueued(NamedTuple):
    """A caller has chosen a service and waits in the hold loop. After a restart the event is repeated with `since`."""

    contact: ContactId
    service: ServiceId
    leg: str = ""
    """Full name of the caller's channel. The agent's leg is bridged to the channel by this name."""
    channel: Channel = Channel.VOICE
    since: float | None = None
    """Start of the wait, Unix seconds. A channel variable keeps it over restarts. None for now."""
    priority: int = 0
    """Points that are added to those of the service."""
    caller_hash: CallerHash = ""
    number_encrypted: EncryptedNumber = ""
    """Keyed hash and encrypted number, both opaque to the engine. Empty for anonymous services."""
    slow: bool = False
    """The caller asked for slow speech."""
    node: str = ""
    """The Asterisk that carries the call."""
    needs: Needs = ()
    """Requirements of this caller in every step: a language (`en`), or text. They are never relaxed."""
    topics: frozenset[str] = frozenset()
    """Topics of the contact that an agent's profile may exclude, e.g. `abusive`."""
    language: str = ""
    """Language of the prompts that the caller chose, opaque to the engine. A callback uses it too. Empty for the first
    language."""
    shown: bool = True
    """The adapter knows the caller's channel. Otherwise the contact is not offered before `ChannelShown`."""


class ChannelShown(NamedTuple):
    """Asterisk shows the channel of a contact that a dialogue has queued, so the caller is real."""

    contact: ContactId


class HoldTick(NamedTuple):
    """The hold loop of a waiting caller made one round, at most 15 s long.

    If the contact is unknown, the sender of the event must send ContactQueued.
    """

    contact: ContactId
    key: str = ""


class CallerHungUp(NamedTuple):
    """The caller's channel is gone."""

    contact: ContactId
    ended_at: float | None = None
    """True end of the call, Unix seconds, if the report is late (CEL recovery). None for now."""
    failure: bool = False
    """Asterisk ended together with the call."""
    dropped: bool = False
    """The network lost the line, and nobody hung up."""


class ContactExited(NamedTuple):
    """The caller left the queue alive: into the fallback queue, or by a key."""

    contact: ContactId
    reason: str
    """`fallback`, `key`, or `rule`: a rule of the service has led the caller out."""
    key: str = ""
    """The key that the caller pressed. After a rule: its reason, or `message`."""
    exited_at: float | None = None
    """True time, Unix seconds, if the report is late. None for now."""
    seat: SeatId = SeatId("")
    """Phone that took the caller in the fallback queue. Empty if it is not known."""
    talk_s: float | None = None
    """Length of that talk. None if it is not known, or goes on."""


class ReturnedToMenu(NamedTuple):
    """The caller takes the choice back (`9`) and hears the menu again. `ContactQueued` brings the next choice."""

    contact: ContactId


class FallbackEntered(NamedTuple):
    """The caller of a contact waits in the fallback queue, where a phone may ring. The contact keeps its position.

    It is not offered before its next hold tick, or for `caller_events.FALLBACK_S`.
    """

    contact: ContactId


class OutageCallFound(NamedTuple):
    """A call came and ended while no node listened (CEL recovery). Safe to repeat."""

    contact: ContactId
    service: ServiceId
    """Service of the fallback queue, or that of callers who have not chosen one."""
    queued_at: float
    ended_at: float
    """End of the wait, Unix seconds: the talk in the fallback queue, or the hang-up."""
    answered: bool = False
    """The fallback queue gave the caller to an agent."""
    seat: SeatId = SeatId("")
    """Phone that took the caller there. Empty if it is not known."""
    talk_s: float | None = None
    """Length of that talk. None without one."""
    failure: bool = False
    """Asterisk ended with the call."""


class ContactPrioritised(NamedTuple):
    """A supervisor gives a waiting contact other points."""

    contact: ContactId
    priority: int
    by: str = ""
    """Role or id of the person who decided."""


class MoveRequested(NamedTuple):
    """A supervisor moves a waiting contact: to a service, to an agent, or to an agent of a service.

    If the engine refuses, the contact waits on.
    """

    contact: ContactId
    service: ServiceId | None = None
    """None for the contact's own service."""
    to: AgentId | None = None
    """Agent for whom the contact waits a while. None for any agent of the service."""
    by: str = ""
    """As in `ContactPrioritised`."""
    confirmed: bool = False
    """The supervisor wants the move into a distress service, where the contact comes before all others."""


class ActUndone(NamedTuple):
    """A supervisor takes back the last move or change of points of a waiting contact."""

    contact: ContactId
    by: str = ""
    """As in `ContactPrioritised`."""


class WithdrawalRequested(NamedTuple):
    """A supervisor takes a waiting contact out of the queue, with a sentence or into a callback."""

    contact: ContactId
    prompt: str = ""
    """Key of the sentence that the caller hears before good-bye."""
    callback: bool = False
    """The contact becomes a callback to the number of the call."""
    window: tuple[float, float] | None = None
    """Chosen time of that callback, as in `CallbackRequested`."""
    by: str = ""
    """As in `ContactPrioritised`."""


class LoadReported(NamedTuple):
    """The agent reports the real load of a contact (`Service.load`), during the talk or in the wrap-up."""

    offer: OfferId
    load: int


class HeldPositionDeclined(NamedTuple):
    """A caller with the held position of a dropped call (`ContactView.has_held_position`) does not want that
    position."""

    contact: ContactId


class CallbackRequested(NamedTuple):
    """A waiting caller asks for a callback. The queue position stays, and the caller may hang up.

    A second request with a window moves the callback to that time, while the caller is on the line.
    """

    contact: ContactId
    after_s: float = 0.0
    """Shortest time until the callback, from now."""
    anytime: bool = False
    """The caller agrees to a callback in quiet hours."""
    caller_hash: CallerHash = ""
    number_encrypted: EncryptedNumber = ""
    """Hash and encrypted number for the callback. Empty if it is the number of the call."""
    window: tuple[float, float] | None = None
    """The time that the caller has chosen, from and to in Unix seconds. None for the turn in the queue."""


class CallbackAccepted(NamedTuple):
    """The agent has taken the offer of a callback and waits. The caller is dialled now."""

    offer: OfferId


class CallbackReached(NamedTuple):
    """The caller of a callback is on the line, after taking the call or without having hung up.

    From now on the caller waits like any other.
    """

    contact: ContactId
    leg: str
    """Full name of the caller's channel."""


class CallbackFailed(NamedTuple):
    """The caller was dialled for this offer, or without a reserved agent, and did not answer.

    The reasons are `no_answer`, `busy`, `refused`, `no_key` and `failed`.
    """

    offer: OfferId | None
    """None if no agent is reserved. `contact` then names the caller."""
    reason: str
    contact: ContactId = ContactId("")


class QuietHoursChanged(NamedTuple):
    """Quiet hours begin or end. Only callers who agreed to it are called back in quiet hours."""

    on: bool


class CallerErased(NamedTuple):
    """The data about a caller must be erased. The event is journalled like any other, and the store blanks the hash in
    it."""

    caller_hash: CallerHash


class OfferRinging(NamedTuple):
    """The agent's phone rings."""

    offer: OfferId
    rang_at: float | None = None
    """True time, Unix seconds, if the report is late. None for now."""


class OfferAnswered(NamedTuple):
    """The agent's leg is answered. A whisper announcement or the connection follows, so the offer is not accepted
    yet."""

    offer: OfferId
    partner: bool = False
    """The leg is the partner's."""
    answered_at: float | None = None
    """True time, Unix seconds, if the report is late. None for now."""


class OfferConnected(NamedTuple):
    """The agent's leg and a caller's channel are in one bridge."""

    offer: OfferId
    contact: ContactId
    """The contact that is really in the bridge. If it is not the offer's own, the leg is ended and an alarm raised."""
    connected_at: float | None = None
    """True time, Unix seconds, if the report is late. None for now."""


class TalkFound(NamedTuple):
    """A look at Asterisk has found a waiting contact in a talk, by the agent's leg of an offer that is over.

    The news of the answer were lost, as when the link stalled while the phone rang. The talk goes on, unless a rule
    forbids it.
    """

    offer: OfferId
    contact: ContactId
    connected_at: float | None = None
    """True time, Unix seconds. None if it is not known."""


class OfferEnded(NamedTuple):
    """The agent's leg has ended, or never existed. Before OfferConnected, the offer was not accepted."""

    offer: OfferId
    reason: str
    """`no_answer`, `busy`, `rejected`, `unreachable`, `failed`, `hangup`, `lost` (the phone vanished during the
    talk)."""
    partner: bool = False
    """The leg is the partner's."""
    ended_at: float | None = None
    """True time, Unix seconds, if the report is late. None for now."""


class CommandRefused(NamedTuple):
    """No channel adapter takes an offer. Nothing was done, and no agent has missed a call."""

    contact: ContactId
    offer: OfferId


class TalkEnded(NamedTuple):
    """The agent and the caller are no longer bridged."""

    offer: OfferId
    by: str
    """`caller`, `agent`, `lost` (the agent's phone vanished), `dropped` (the caller's line was lost)."""
    ended_at: float | None = None
    """True time, Unix seconds, if the report is late. None for now."""


class HoldSet(NamedTuple):
    """The agent has put the caller on hold, or has resumed the talk."""

    offer: OfferId
    on: bool


class TransferRequested(NamedTuple):
    """The agent transfers the caller without consulting: to a service, to an agent, or to an agent of a service.

    If the engine refuses, the talk goes on.
    """

    offer: OfferId
    service: ServiceId | None = None
    """None for the contact's own service."""
    to: AgentId | None = None
    """Agent for whom the caller waits a while. None for any agent of the service."""
    gone: bool = False
    """The telephone has already transferred the caller (REFER). If the target is refused, the caller returns to the
    front of the present service."""
    confirmed: bool = False
    """The agent knows that nobody is there, or that the caller enters or leaves distress, and still transfers."""


class FollowUpAgreed(NamedTuple):
    """The caller agrees to a callback if this call is lost, or (not `agreed`) withdraws the agreement."""

    offer: OfferId
    agreed: bool = True


class CallerFlaggedAbusive(NamedTuple):
    """The agent flags the caller as abusive, or (not `abusive`) removes the flag.

    The event is allowed in the talk and in the wrap-up.
    """

    offer: OfferId
    abusive: bool = True


class ConsultRequested(NamedTuple):
    """The agent wants to consult a colleague before the caller is transferred. If the engine refuses, the talk goes
    on."""

    offer: OfferId
    service: ServiceId | None = None
    to: AgentId | None = None
    """As in `TransferRequested`."""
    on_second_line: bool = False
    """The agent consults on a second line of the phone. The caller stays on the first line, on hold at the phone."""
    confirmed: bool = False
    """As in `TransferRequested`."""


class ConsultEndRequested(NamedTuple):
    """The consulting agent completes the transfer, or (not `complete`) takes the caller back."""

    offer: OfferId
    complete: bool = False


class SeatChanged(NamedTuple):
    """The report of a phone. `in_use` is true for any call on the phone, also for calls of the engine."""

    seat: SeatId
    reachable: bool
    in_use: bool


class AgentSignedIn(NamedTuple):
    """An agent signs in at a seat. Refused if another agent is signed in there."""

    agent: AgentId
    seat: SeatId | None = None
    """None for an agent without a phone, who takes messages alone."""


class AgentSignedOut(NamedTuple):
    """An agent signs out. A talk goes on to its end, and a ringing offer is rescinded."""

    agent: AgentId


class AgentPaused(NamedTuple):
    """The agent asks for a pause. During a talk, the pause begins after it."""

    agent: AgentId
    reason: str = ""
    """Id of a row in `Centre.pause_reasons`. Empty for the default row."""


class AgentResumed(NamedTuple):
    """The agent is ready again, after a pause, a missed call or a wrap-up."""

    agent: AgentId


class WrapUpEnded(NamedTuple):
    """The agent ends the wrap-up early."""

    agent: AgentId
    contact: ContactId | None = None
    """The contact whose wrap-up ends. None for all of them."""


class WrapUpRequested(NamedTuple):
    """The agent wants a wrap-up after this talk (modes OPTIONAL and AGENT_REQUESTED). Refused in other modes."""

    agent: AgentId
    contact: ContactId | None = None
    """The contact whose talk it is. None for all of them, or for a talk that has just ended."""


class PageReturned(NamedTuple):
    """The page that is the agent's phone has begun again without its call, for example after a reload."""

    agent: AgentId


class DeskChanged(NamedTuple):
    """An agent has opened a desk, or has closed the last one. Messages come only to an open desk."""

    agent: AgentId
    present: bool


class HeavyContactsDeclined(NamedTuple):
    """The agent declines heavy contacts for `Centre.heavy_declined_s`. No reason is asked, and nothing is counted."""

    agent: AgentId


class AgentSkillsChanged(NamedTuple):
    """The agent's skills change without a reload (duties of the day). None for the configured skills."""

    agent: AgentId
    skills: Needs | None
    added: bool = False
    """The agent keeps the present skills, and gets these too or at another level."""


class BreaksPlanned(NamedTuple):
    """The agent's breaks of the day, as (start, end) in Unix seconds, in order. The event replaces the earlier plan."""

    agent: AgentId
    breaks: tuple[tuple[float, float], ...]


class WorkingHoursPlanned(NamedTuple):
    """The agent's working hours of these days, as (begin, end) in Unix seconds, in order. The event replaces the
    earlier plan."""

    agent: AgentId
    hours: tuple[tuple[float, float], ...]


class RulesOverridden(NamedTuple):
    """An explicit emergency: these rules of an agent's profile do not hold until `until`, at most an hour.

    Only `rest_gap`, `distress_limit` and `decompression` can be overridden, never channels, capacity or breaks.
    """

    agent: AgentId
    rules: frozenset[str]
    until: float
    by: str = ""
    """Role or id of the person who decided."""


class SurveyAnswered(NamedTuple):
    """A caller answered a survey question after the talk, or the survey began (`survey_answers.ANSWERS`)."""

    contact: ContactId
    service: ServiceId
    """Service of the talk."""
    question: str
    """`asked`, `cared`, `solved`, `message`."""
    answer: int = 0


class ServiceHoursSet(NamedTuple):
    """A service opens or closes by the centre's calendar. Waiting callers are still served, and distress never
    closes."""

    service: ServiceId
    open: bool


class WrapUpExtended(NamedTuple):
    """The agent extends the wrap-up by one step. An extension never counts as a fault."""

    agent: AgentId
    contact: ContactId | None = None
    """The contact whose wrap-up goes on. None for all of them."""


class LinkChanged(NamedTuple):
    """The link to an Asterisk is lost, or is back with its state read. No offers are made while the link is down."""

    node: str
    up: bool


class MenuEnded(NamedTuple):
    """A caller has finished the menu, or has hung up in it."""

    contact: ContactId
    entry: str
    nodes: tuple[str, ...]
    """The IVR path: names of menu.yaml, from the first node of the entry to the last one that was heard."""
    outcome: str
    """See `menu_outcome.OUTCOMES`."""
    lasted_s: float
    service: str = ""
    """Service chosen at the end. Empty if there is none."""
    timeouts: int = 0
    """Number of questions without a key."""
    wrong: int = 0
    """Number of keys that the menu does not have."""
    repeats: int = 0
    more: int = 0
    """Number of requests for more time."""
    slow: bool = False
    """The speech was slow at the end."""
    resumed: bool = False
    """The event continues an earlier path: nobody answered after an `external_transfer`."""


class CallsRefused(NamedTuple):
    """Calls were refused before the answer: a sum of about one minute. A single call never comes here."""

    reason: str
    """See `refused_calls.REASONS`."""
    calls: int
    form: str = ""
    """Form of the called number: its begin and its digits (`plus-13`), or `other`. Empty without a free line."""


Event = (
    Started | Configured | ContactQueued | ChannelShown | HoldTick | CallerHungUp | ContactExited | ReturnedToMenu
    | FallbackEntered | OutageCallFound | ContactPrioritised
    | MoveRequested | ActUndone | WithdrawalRequested | HeldPositionDeclined | CallerErased | LoadReported
    | CallbackRequested | CallbackAccepted | CallbackReached | CallbackFailed | QuietHoursChanged
    | OfferRinging | OfferAnswered | OfferConnected | TalkFound | OfferEnded | CommandRefused
    | TalkEnded | HoldSet | FollowUpAgreed | CallerFlaggedAbusive | TransferRequested | ConsultRequested
    | ConsultEndRequested
    | SeatChanged | AgentSignedIn | AgentSignedOut | AgentPaused | AgentResumed | WrapUpEnded | WrapUpExtended
    | WrapUpRequested | PageReturned | DeskChanged | HeavyContactsDeclined | AgentSkillsChanged | BreaksPlanned
    | WorkingHoursPlanned | RulesOverridden | ServiceHoursSet | LinkChanged
    | SurveyAnswered | MenuEnded | CallsRefused
)
