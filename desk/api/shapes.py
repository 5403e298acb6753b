"""What goes in and out over HTTP, as models: the handlers and the OpenAPI description are made from the same ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

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
    """The reason of a pause. Ordinary breaks and those that an accommodation asks for have the same one."""

    reason: Annotated[str, StringConstraints(pattern=WORDS)] | None = Field(
        None, description="Id of a row of `[pause_reasons]`; null: the default row.")


class Reason(Shape):
    """A row of the centre's table of pause reasons."""

    id: str
    tr: str
    en: str
    work: bool = Field(description="The time counts as work, not as a rest.")
    limit_s: float | None = Field(description="After this long the agent is shown as over the limit; null: no limit.")
    default: bool
    digit: str = Field(description="Key of the phone after `*46`; empty: the phone does not offer the reason.")


class Reasons(Shape):
    """The centre's table of pause reasons."""

    reasons: list[Reason]


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


ID_MAX = 2**63 - 1
"""The largest number that a column takes; beyond it a store fails instead of finding nothing."""
MOMENT = Annotated[float, Field(allow_inf_nan=False)]
"""Unix seconds. JSON as Python reads it knows NaN and Infinity, which are before and after nothing."""


class Find(Shape):
    """Which recordings; what is left out does not matter. The newest first."""

    contact: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.~-]{1,90}$")] | None = None
    service: Annotated[str, StringConstraints(pattern=SKILL)] | None = None
    agent: Annotated[str, StringConstraints(pattern=NAME)] | None = None
    kind: Literal["call", "message", "survey"] | None = None
    since: MOMENT | None = Field(None, description="Unix seconds.")
    until: MOMENT | None = None
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
    until: MOMENT | None = Field(default=None, description="Unix seconds, at most 366 days ahead; null: until it is "
                                                           "switched off.")
    by: WORD | None = Field(default=None, description="Who says so, for the record; beside the token's role.")


class Silence(Shape):
    """An announcement is switched off."""

    id: Annotated[int, Field(ge=1, le=ID_MAX)]
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
