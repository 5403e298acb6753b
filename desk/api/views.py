"""What is true now, as it goes out over HTTP: the engine's views as models, each as the asker may see it."""

from __future__ import annotations

from pydantic import Field

from desk.api.shapes import Reason, Reasons, Shape
from desk.api.tokens import Who
from routing.core.inbox import AgentView, QueueView, Status


class Agent(Shape):
    """An agent as they are now. What would show an accommodation (`until` and after) is for the agent
    alone."""

    id: str
    team: str
    state: str
    reason: str = Field(description="Of a pause the id of its row in `[pause_reasons]`; of `not_responding` what came "
                                    "last: `misses` (nobody picked up) or `refusals` (the phone refused, as in "
                                    "\"do not disturb\").")
    since: float = Field(description="Start of the state, Unix seconds.")
    seat: str | None
    contact: str | None
    service: str | None
    pause_pending: str = Field(description="Reason of the break that begins after the talk; empty: none.")
    limit_at: float | None = Field(None, description="When the pause reaches the limit of its reason, Unix seconds; "
                                                    "null: no limit.")
    over_limit: bool = Field(False, description="The pause is longer than its reason allows. Nothing else changes.")
    until: float | None = Field(None, description="End of wrap-up, Unix seconds. Only for the agent's own token.")
    misses: int | None = Field(None, description="Offers missed or refused in a row. Only for the agent's own token.")
    relaxed: dict[str, float] | None = Field(
        None, description="Protective rules that a supervisor has set aside, and until when. Only for the own token.")
    spared_until: float | None = Field(None, description="End of \"not now\". Only for the agent's own token.")
    resting_until: float | None = Field(
        None, description="End of the rest after a heavy contact. Only for the agent's own token.")


class Agents(Shape):
    """All agents."""

    agents: list[Agent]


class Expected(Shape):
    """An expected wait: the median, and bounds between which 80 of 100 waits end."""

    wait_s: float
    low_s: float
    high_s: float


class Queue(Shape):
    """A service as it is now."""

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
        None, description="Of a caller who came now; null: none, or nobody who could take them is at work.")


class Queues(Shape):
    """All services."""

    queues: list[Queue]


class Waiting(Shape):
    """A contact that waits."""

    id: str
    service: str
    position: int = Field(description="In the line of its service, from 1.")
    waited_s: float
    points: int = Field(description="Its own; the service's come on top.")


class AllWaiting(Shape):
    """Who waits: by service, in the order of the line."""

    contacts: list[Waiting]


class Callback(Shape):
    """A caller who waits to be called back. Whom, is nobody's business here."""

    id: str = Field(description="Id of the contact.")
    service: str
    since: float = Field(description="Start of the wait, Unix seconds: it decides the place in line.")
    position: int
    tries: int = Field(description="Failed so far.")
    next_at: float = Field(description="Not tried earlier, Unix seconds; in quiet hours later.")
    dialling: bool = Field(description="An agent has them, or their phone rings.")


class Callbacks(Shape):
    """All who wait to be called back, longest first."""

    at: float
    callbacks: list[Callback]


class LastGood(Shape):
    """The centre's files had mistakes when the node started: a copy of those before is in force."""

    since: float = Field(description="When the files of the copy came in force.")
    problems: list[str] = Field(description="The first mistakes the start found, with file and line.")


class Now(Shape):
    """Everything at one moment."""

    at: float
    link_up: bool
    last_good: LastGood | None = Field(description="Null: the centre's files are in force.")
    nobody_left: list[str] = Field(description="What nobody can take today by what agents need; the first ones, with "
                                               "file and line.")
    queues: list[Queue]
    agents: list[Agent]


def agent(view: AgentView, who: Who) -> Agent:
    """A view as the asker may see it."""
    own = who.agent == view.agent
    return Agent(id=view.agent, team=view.team, state=view.state.value, reason=view.reason, since=view.since,
                 seat=view.seat, contact=view.contact, service=view.service, pause_pending=view.pause_pending,
                 limit_at=view.pause_limit_at, over_limit=view.over_limit,
                 until=view.until if own else None, misses=view.misses if own else None,
                 relaxed=dict(view.relaxed) if own else None, spared_until=view.spared_until if own else None,
                 resting_until=view.resting_until if own else None)


def reasons(status: Status) -> Reasons:
    """Return the table of pause reasons that is in force."""
    return Reasons(reasons=[Reason(id=one.id, tr=one.name, en=one.name_en, work=one.work, limit_s=one.limit_s,
                                   default=one.default, digit=one.digit) for one in status.pause_reasons])


def queue(view: QueueView) -> Queue:
    """A view of a service."""
    return Queue(id=view.service, name=view.name, waiting=view.waiting, ringing=view.ringing, talking=view.talking,
                 oldest_wait_s=round(view.oldest_wait_s, 1), agents_signed_in=view.agents_signed_in,
                 agents_ready=view.agents_ready, open=view.open,
                 expected_wait=None if view.estimate is None else Expected(
                     **{name: round(value, 1) for name, value in view.estimate._asdict().items()}))


def waiting(status: Status) -> AllWaiting:
    """Who waits."""
    found = [Waiting(id=view.contact, service=view.service, position=view.position, waited_s=round(view.waited_s, 1),
                     points=view.priority) for view in status.contacts if view.position]
    return AllWaiting(contacts=sorted(found, key=lambda one: (one.service, one.position)))


def callbacks(status: Status) -> Callbacks:
    """Who waits to be called back."""
    found = [Callback(id=view.contact, service=view.service, since=status.at - view.waited_s, position=view.position,
                      tries=view.tries, next_at=view.not_before, dialling=view.offer is not None)
             for view in status.contacts if view.callback]
    return Callbacks(at=status.at, callbacks=sorted(found, key=lambda one: one.since))


def now(status: Status, last_good: LastGood | None, nobody_left: list[str], who: Who) -> Now:
    """The whole status as the asker may see it."""
    return Now(at=status.at, link_up=status.link_up, last_good=last_good, nobody_left=nobody_left,
               queues=[queue(one) for one in status.queues],
               agents=[agent(one, who) for one in status.agents])
