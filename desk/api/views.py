"""Show the present state over HTTP: the engine's views as models, each as the asker may see it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from desk.api.models import Reason, Reasons, Shape
from desk.api.tokens import TokenHolder
from routing.core.inbox import AgentView, QueueStatus, QueueView, Status
from routing.core.model.centre_model import PauseReason


class ContactAtHand(Shape):
    """A contact that an agent has at hand."""

    contact: str
    channel: str
    service: str
    state: str = Field(description="`pending` (offered), `accepted`, `consulting` or `wrapping`.")


class Agent(Shape):
    """An agent now. Fields that would show an accommodation (`until` and after) are for the agent alone."""

    id: str
    team: str
    state: str
    reason: str = Field(description="Of a pause the id of its row in `[pause_reasons]`; of `not_responding` what came "
                                    "last: `ring_no_answer` (nobody picked up), `declines` (the phone refused, as in "
                                    "\"do not disturb\") or `phone_drops` (it answered and hung up).")
    since: float = Field(description="Start of the state, Unix seconds.")
    seat: str | None = Field(description="Null while signed in: for messages alone.")
    desk: bool = Field(description="A desk is open, so messages may come.")
    contact: str | None = Field(description="The most engaging one of `contacts`.")
    service: str | None
    contacts: list[ContactAtHand] = Field(description="A call and messages at hand, the most engaging one first.")
    pause_pending: str = Field(description="Reason of the break that begins after the talk; empty: none.")
    limit_at: float | None = Field(None, description="When the pause reaches the limit of its reason, Unix seconds; "
                                                    "null: no limit.")
    over_limit: bool = Field(False, description="The pause is longer than its reason allows. Nothing else changes.")
    break_postponed: bool = Field(False, description="A short break is due and waits: nobody else is on duty for a "
                                                     "distress service.")
    until: float | None = Field(None, description="End of wrap-up, Unix seconds. Only for the agent's own token.")
    rna_count: int | None = Field(
        None, description="Offers missed or refused in a row. Only for the agent's own token.")
    overrides: dict[str, float] | None = Field(
        None, description="Protective rules that a supervisor has set aside, and until when. Only for the own token.")
    heavy_declined_until: float | None = Field(None, description="End of \"not now\". Only for the agent's own token.")
    resting_until: float | None = Field(
        None, description="End of the rest after a heavy contact. Only for the agent's own token.")


class Skills(Shape):
    """Skills of an agent now."""

    skills: dict[str, int] = Field(description="Level by skill.")
    for_now: bool = Field(description="They differ from `team.yaml` until sign-out.")


class Agents(Shape):
    """All agents."""

    agents: list[Agent]


class Expected(Shape):
    """An expected wait: the median, and the bounds of 80 of 100 waits."""

    wait_s: float
    low_s: float
    high_s: float


class Queue(Shape):
    """A service now."""

    id: str
    name: str
    waiting: int
    ringing: int
    talking: int
    oldest_wait_s: float
    agents_signed_in: int
    agents_ready: int
    open: bool = Field(description="By its hours.")
    expected_wait: Expected | None = Field(
        None, description="Of a caller who enters now; null: no wait, or no agent for it is at work.")


class Queues(Shape):
    """All services at one moment."""

    at: float = Field(description="Moment of the counts, Unix seconds. It is at most a second ago.")
    queues: list[Queue]


class Waiting(Shape):
    """A waiting contact."""

    id: str
    service: str
    position: int = Field(description="In the queue of its service, from 1.")
    waited_s: float
    points: int = Field(description="Points of the contact, without those of the service.")


class AllWaiting(Shape):
    """All waiting contacts, by service and in the order of the queue."""

    contacts: list[Waiting]


class Callback(Shape):
    """A caller who waits to be called back, without a number."""

    id: str = Field(description="Id of the contact.")
    service: str
    since: float = Field(description="Start of the wait, Unix seconds. It decides the position.")
    position: int
    tries: int = Field(description="Failed tries.")
    next_at: float = Field(description="Earliest next try, Unix seconds; later in quiet hours.")
    dialling: bool = Field(description="An agent has the callback, or the caller's phone rings.")


class Callbacks(Shape):
    """All waiting callbacks, longest wait first."""

    at: float
    callbacks: list[Callback]


class LastKnownGood(Shape):
    """The copy that is in force because the centre's files had mistakes at start."""

    since: float = Field(description="Time since which the copy has been in force.")
    problems: list[str] = Field(description="The first mistakes of the files, with file and line.")


class RefusedNumber(Shape):
    """Calls to numbers of one form that are not the centre's."""

    form: str = Field(description="Begin of the number: plus, zeros (00), country (90), zero, plain or text.")
    digits: int
    calls: int


class StatusAnswer(Shape):
    """Queues and agents at one moment."""

    at: float
    link_up: bool
    last_known_good: LastKnownGood | None = Field(description="Null: the centre's files are in force.")
    unservable_needs: list[str] = Field(
        description="The first requirements that no agent can serve today, with file and line.")
    refused_numbers: list[RefusedNumber] = Field(
        description="Calls to numbers that are not the centre's since the node started, by the form of the number.")
    queues: list[Queue]
    agents: list[Agent]


def show_queues(status: QueueStatus) -> Queues:
    """Return the state of all services."""
    return Queues(at=status.at, queues=[show_queue(one) for one in status.queues])


def show_agent(view: AgentView, who: TokenHolder) -> Agent:
    """Return a view of an agent as the asker may see it."""
    own = who.agent == view.agent
    return Agent(id=view.agent, team=view.team, state=view.state.value, reason=view.reason, since=view.since,
                 seat=view.seat, desk=view.desk, contacts=[ContactAtHand(
                     contact=one.contact, channel=one.channel.value, service=one.service, state=one.state.value)
                     for one in view.contacts], contact=view.contact, service=view.service,
                 pause_pending=view.pause_pending,
                 limit_at=view.pause_limit_at, over_limit=view.over_limit,
                 break_postponed=view.break_postponed,
                 until=view.until if own else None, rna_count=view.rna_count if own else None,
                 overrides=dict(view.overrides) if own else None,
                 heavy_declined_until=view.heavy_declined_until if own else None,
                 resting_until=view.resting_until if own else None)


def show_reasons(table: Sequence[PauseReason]) -> Reasons:
    """Return the table of pause reasons that is in force."""
    return Reasons(reasons=[Reason(id=one.id, tr=one.name, en=one.name_en, work=one.work, limit_s=one.limit_s,
                                   default=one.default, digit=one.digit) for one in table])


def show_queue(view: QueueView) -> Queue:
    """Return a view of a service."""
    return Queue(id=view.service, name=view.name, waiting=view.waiting, ringing=view.ringing, talking=view.talking,
                 oldest_wait_s=round(view.oldest_wait_s, 1), agents_signed_in=view.agents_signed_in,
                 agents_ready=view.agents_ready, open=view.open,
                 expected_wait=None if view.estimate is None else Expected(
                     **{name: round(value, 1) for name, value in view.estimate._asdict().items()}))


def show_waiting(status: Status) -> AllWaiting:
    """Return the waiting contacts."""
    found = [Waiting(id=view.contact, service=view.service, position=view.position, waited_s=round(view.waited_s, 1),
                     points=view.priority) for view in status.contacts if view.position]
    return AllWaiting(contacts=sorted(found, key=lambda one: (one.service, one.position)))


def show_callbacks(status: Status) -> Callbacks:
    """Return the waiting callbacks."""
    found = [Callback(id=view.contact, service=view.service, since=status.at - view.waited_s, position=view.position,
                      tries=view.tries, next_at=view.not_before, dialling=view.offer is not None)
             for view in status.contacts if view.callback]
    return Callbacks(at=status.at, callbacks=sorted(found, key=lambda one: one.since))


def show_status(status: Status, last_good: LastKnownGood | None, nobody_left: list[str],
                refused: list[RefusedNumber], who: TokenHolder) -> StatusAnswer:
    """Return the whole status as the asker may see it."""
    return StatusAnswer(at=status.at, link_up=status.link_up, last_known_good=last_good, unservable_needs=nobody_left,
                        refused_numbers=refused,
                        queues=[show_queue(one) for one in status.queues],
                        agents=[show_agent(one, who) for one in status.agents])
