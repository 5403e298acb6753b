"""What goes in and out over HTTP, as models: the handlers and the OpenAPI description are made from the same ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from desk.api.tokens import Who
from routing.core.inbox import AgentView, QueueView, Status

NAME = r"^[A-Za-z0-9_./-]{1,40}$"
WORDS = r"^[A-Za-z0-9çğıöşüâîûÇĞİÖŞÜÂÎÛ _.-]{1,40}$"
"""Free text of people: letters, digits, spaces. No line ends, quotes, separators: other programs read it."""


SKILL = r"^[a-z][a-z0-9_]{0,39}$"
SKILLS_MAX = 64
"""Skills of one agent: more than any centre has."""


class Shape(BaseModel):
    """Unknown fields are refused, values are frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SignIn(Shape):
    """Where the agent sits down."""

    seat: Annotated[str, StringConstraints(pattern=NAME)] = Field(description="Name of the phone at the seat.")


class Pause(Shape):
    """Why the agent is away. One word for all: ordinary breaks and those an accommodation asks for look the same."""

    reason: Annotated[str, StringConstraints(pattern=WORDS)] = "mola"


class Weight(Shape):
    """How heavy the contact really was."""

    load: Annotated[int, Field(ge=0, le=5)] = Field(description="0: nothing, 5: the heaviest there is.")


class FollowUp(Shape):
    """What the caller has told the agent: whether they want to be called back should this call be lost."""

    agreed: bool


class Points(Shape):
    """How much sooner than by its age a contact is served."""

    points: Annotated[int, Field(ge=-60, le=60)] = Field(
        description="One counts as a minute of waiting; they replace those that the contact has of its own.")


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


class Abusive(Shape):
    """What the agent says of the caller at hand. No text is taken: what happened is for people to talk about."""

    abusive: bool = True


class Wish(Shape):
    """What the caller wants in later calls; null: as it was. No reason is asked, and there is no place for one."""

    slow: bool | None = Field(None, description="Slow speech from the beginning.")
    human_first: bool | None = Field(None, description="A person at once.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.slow is None and self.human_first is None:
            raise ValueError("slow or human_first is needed")
        return self


class Transfer(Shape):
    """Where the caller is sent on to: a service, an agent (of the present service), or an agent of another service."""

    service: Annotated[str, StringConstraints(pattern=NAME)] | None = Field(None, description="Null: the present one.")
    agent: Annotated[str, StringConstraints(pattern=NAME)] | None = Field(None, description="Null: whoever comes next.")

    @model_validator(mode="after")
    def _somewhere(self) -> Transfer:
        if self.service is None and self.agent is None:
            raise ValueError("a service or an agent is needed")
        return self


class Duties(Shape):
    """What an agent serves from now on."""

    skills: dict[Annotated[str, StringConstraints(pattern=SKILL)], Annotated[int, Field(ge=0, le=100)]] | None = Field(
        None, max_length=SKILLS_MAX, description="Skill and level; null: as configured.")


class Relaxed(Shape):
    """Rules of a profile that do not hold for a while, said aloud: the agent is told, and it is counted."""

    rules: list[Literal["rest_gap", "distress_limit", "decompression"]] = Field(min_length=1, max_length=3)
    minutes: Annotated[int, Field(ge=0, le=60)] = Field(description="From now; 0: they hold again.")


class Forget(Shape):
    """A caller to be forgotten, by the keyed hash of the number: the number itself is never sent."""

    hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Wishes(Wish):
    """What some callers want in later calls, by the keyed hashes of their numbers."""

    hashes: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]] = Field(min_length=1, max_length=50)


class Changed(Shape):
    """It is done, and stored."""

    changed: int = Field(description="Callers of whom something else was known before.")


class Wished(Shape):
    """How many callers want what. Fewer than five are told as 0."""

    slow: int
    human_first: int
    most: int = Field(description="So many callers can be remembered.")
    forgotten_days: int = Field(description="Who has not called for so long is forgotten.")
    kept: bool = Field(description="Whether wishes are kept and followed at all.")


class Find(Shape):
    """Which recordings; what is left out does not matter. The newest first."""

    contact: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.~-]{1,90}$")] | None = None
    service: Annotated[str, StringConstraints(pattern=SKILL)] | None = None
    agent: Annotated[str, StringConstraints(pattern=NAME)] | None = None
    kind: Literal["call", "message", "survey"] | None = None
    since: float | None = Field(None, description="Unix seconds.")
    until: float | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class Recording(Shape):
    """A recorded talk (`call`), a spoken message, or what was said after a survey."""

    id: str
    contact: str
    kind: str
    service: str
    agent: str | None
    at: float = Field(description="Its beginning, Unix seconds.")
    seconds: float
    keep_until: float = Field(description="When it is destroyed.")


class Recordings(Shape):
    """Some of them."""

    recordings: list[Recording]


class Done(Shape):
    """It is done, and stored."""

    done: bool = True


class Agent(Shape):
    """An agent as they are now. What would show an accommodation (`until` and after) is for the agent
    alone."""

    id: str
    team: str
    state: str
    reason: str = Field(description="Of a break the agent's word; of `not_responding` what came last: `misses` (nobody "
                                    "picked up) or `refusals` (the phone refused, as in \"do not disturb\").")
    since: float = Field(description="Start of the state, Unix seconds.")
    seat: str | None
    contact: str | None
    service: str | None
    pause_pending: str = Field(description="Reason of the break that begins after the talk; empty: none.")
    until: float | None = Field(None, description="End of wrap-up, Unix seconds. Only for the agent's own token.")
    misses: int | None = Field(None, description="Offers missed or refused in a row. Only for the agent's own token.")
    relaxed: dict[str, float] | None = Field(
        None, description="Protective rules that a supervisor has set aside, and until when. Only for the own token.")
    spared_until: float | None = Field(None, description="End of \"not now\". Only for the agent's own token.")
    resting_until: float | None = Field(
        None, description="End of the rest after a heavy contact. Only for the agent's own token.")


class Need(Shape):
    """One entry of what an agent needs, as it stands in the centre's files."""

    in_force: bool = Field(description="Today.")
    valid_from: str | None
    valid_to: str | None
    review_at: str | None = Field(description="When the agent is asked again.")
    approved_by: str | None = Field(description="Role or id of who agreed to it.")
    needs: dict[str, Any] = Field(description="By the keys of accommodations.yaml.")


class OwnNeeds(Shape):
    """Everything that is stored of what an agent needs, for that agent alone. Why is stored nowhere."""

    everybody: dict[str, Any] = Field(description="What holds for all, where no entry says otherwise ([profile]).")
    entries: list[Need]


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


class Queues(Shape):
    """All services."""

    queues: list[Queue]


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


class Reload(Shape):
    """The centre's files read again."""

    dry_run: bool = Field(default=False, description="Only tell what would change.")
    by: Annotated[str, StringConstraints(pattern=WORDS)] | None = Field(
        default=None, description="Who wants it, for the log; beside the token's role.")


class Change(Shape):
    """One thing that a reload changes. Of what agents need only how many there are."""

    part: str = Field(description="services, team, accommodations, menu or settings.")
    item: str
    key: str
    was: str
    now: str


class Later(Shape):
    """What a reload cannot put in force, and what has to be done for it."""

    what: str
    how: str


class Reloaded(Shape):
    """How it went. Any problem: nothing was changed."""

    applied: bool
    changes: list[Change]
    later: list[Later]
    problems: list[str]
    warnings: list[str]


SENTENCE = r"^[A-Za-z0-9çğıöşüâîûÇĞİÖŞÜÂÎÛ .,;:!?'’()/-]+$"
WORD = Annotated[str, StringConstraints(pattern=WORDS)]


class Announce(Shape):
    """What callers are to hear at once, and what is closed meanwhile. One of prompt, text and recording; none of them
    only when something closes."""

    service: Annotated[str, StringConstraints(pattern=NAME)] | None = Field(
        default=None, description="Only callers of this service; null: everybody.")
    prompt: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,60}$")] | None = Field(
        default=None, description="A sentence of the catalogue.")
    text: Annotated[str, StringConstraints(min_length=3, max_length=500, pattern=SENTENCE)] | None = Field(
        default=None, description="A sentence to be spoken; the best voice of the node says it.")
    recording: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}\.(wav|flac|ogg)$")] | None = Field(
        default=None, description="Name of a file in the folder `announcements` of the node's state.")
    closes: bool = Field(default=False, description="The line or the service is closed meanwhile; never distress.")
    until: float | None = Field(default=None, description="Unix seconds; null: until it is switched off.")
    by: WORD | None = Field(default=None, description="Who says so, for the record; beside the token's role.")


class Silence(Shape):
    """An announcement is switched off."""

    id: Annotated[int, Field(ge=1)]
    by: WORD | None = None


class Announcement(Shape):
    """One of them, with who switched it on and off."""

    id: int
    service: str | None
    prompt: str | None
    text: str | None
    recording: str | None
    closes: bool
    on: bool
    since: float
    until: float | None
    by: str
    ended_at: float | None
    ended_by: str


class Announcements(Shape):
    """The last ones, the newest first."""

    announcements: list[Announcement]
    timezone: str = Field(description="By whose clock the centre lives, as `Europe/Istanbul`.")


class Opening(Shape):
    """When the line or a service is open, or an agent on call, on one day."""

    what: Literal["line", "service", "agent"]
    id: str
    spans: list[str] = Field(description="As 09:00-17:00; 24:00 is the end of the day.")


class Day(Shape):
    """One day of the calendar."""

    date: str
    kind: Literal["workday", "half_day", "holiday"]
    name: str = Field(description="Of the holiday.")
    openings: list[Opening]


class Days(Shape):
    """Today and the days that follow, with closures."""

    days: list[Day]


class Probe(Shape):
    """Answer to a probe: 200 when `ok`, else 503."""

    ok: bool
    parts: dict[str, bool]


class Problem(Shape):
    """Every answer that is not a success."""

    error: str = Field(description="Stable code.")
    message: str = Field(description="A Turkish sentence for people.")
    detail: str = ""


def agent(view: AgentView, who: Who) -> Agent:
    """A view as the asker may see it."""
    own = who.agent == view.agent
    return Agent(id=view.agent, team=view.team, state=view.state.value, reason=view.reason, since=view.since,
                 seat=view.seat, contact=view.contact, service=view.service, pause_pending=view.pause_pending,
                 until=view.until if own else None, misses=view.misses if own else None,
                 relaxed=dict(view.relaxed) if own else None, spared_until=view.spared_until if own else None,
                 resting_until=view.resting_until if own else None)


def queue(view: QueueView) -> Queue:
    """A view of a service."""
    return Queue(id=view.service, name=view.name, waiting=view.waiting, ringing=view.ringing, talking=view.talking,
                 oldest_wait_s=round(view.oldest_wait_s, 1), agents_signed_in=view.agents_signed_in,
                 agents_ready=view.agents_ready, open=view.open,
                 expected_wait=None if view.estimate is None else Expected(
                     **{name: round(value, 1) for name, value in view.estimate._asdict().items()}))


def callbacks(status: Status) -> Callbacks:
    """Who waits to be called back."""
    found = [Callback(id=view.contact, service=view.service, since=status.at - view.waited_s, position=view.position,
                      tries=view.tries, next_at=view.not_before, dialling=view.offer is not None)
             for view in status.contacts if view.callback]
    return Callbacks(at=status.at, callbacks=sorted(found, key=lambda one: one.since))


def waiting(status: Status) -> AllWaiting:
    """Who waits."""
    found = [Waiting(id=view.contact, service=view.service, position=view.position, waited_s=round(view.waited_s, 1),
                     points=view.priority) for view in status.contacts if view.position]
    return AllWaiting(contacts=sorted(found, key=lambda one: (one.service, one.position)))


def now(status: Status, last_good: LastGood | None, nobody_left: list[str], who: Who) -> Now:
    """The whole status as the asker may see it."""
    return Now(at=status.at, link_up=status.link_up, last_good=last_good, nobody_left=nobody_left,
               queues=[queue(one) for one in status.queues],
               agents=[agent(one, who) for one in status.agents])
