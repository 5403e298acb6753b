"""Define requests and answers of the HTTP API as models.

The handlers and the OpenAPI description are made from the same models.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from desk.shape import Shape as Shape

NAME = r"^[A-Za-z0-9_./-]{1,40}$"
WORDS = r"^[A-Za-z0-9çğıöşüâîûÇĞİÖŞÜÂÎÛ _.-]{1,40}$"
"""Free text of people: letters, digits, spaces. Line ends, quotes and separators are refused, because other programs
read the text."""

SKILL = r"^[a-z][a-z0-9_]{0,39}$"
SKILLS_MAX = 64
"""Limit of the skills of one agent: more than any centre has."""


class SignIn(Shape):
    """The seat at which the agent signs in."""

    seat: Annotated[str, StringConstraints(pattern=NAME)] | None = Field(
        None, description="Name of the phone at the seat; null, with a session: the seat of the agent's page.")
    phone: bool = Field(True, description="False without `seat`: sign in for messages alone, without a phone.")


class PhoneWanted(Shape):
    """Where the page is."""

    far: bool = Field(False, description="The agent works at home: prefer a seat of `[seats.far]`.")


class TurnServer(Shape):
    """A relay for sound, as `RTCPeerConnection` takes it."""

    urls: str
    username: str
    credential: str = Field(description="Valid for an hour.")


class PagePhone(Shape):
    """The phone of an agent's page: seat, secret and addresses."""

    seat: str
    uri: str = Field(description="SIP address of the seat.")
    secret: str
    websocket: str = Field(description="Address of the WebSocket for SIP.")
    turn: TurnServer | None = Field(description="null: sound goes to Asterisk directly.")


class Pause(Shape):
    """The reason of a pause. An ordinary break and a break by accommodation have the same reason."""

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


class LoadReport(Shape):
    """The real load of the contact."""

    load: Annotated[int, Field(ge=0, le=5)] = Field(description="From 0, nothing, to 5, the heaviest.")


class FollowUp(Shape):
    """Whether the caller has agreed to a callback if this call is lost."""

    agreed: bool


class Points(Shape):
    """Priority of a contact."""

    points: Annotated[int, Field(ge=-60, le=60)] = Field(
        description="One counts as a minute of waiting. They replace the points that the contact has now.")


class Withdrawal(Shape):
    """How a waiting contact leaves the queue."""

    prompt: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,60}$")] | None = Field(
        default=None, description="A sentence of the catalogue before good-bye; null: the usual one.")
    callback: bool = Field(default=False, description="Make it a callback to the number of the call.")
    callback_from: MOMENT | None = Field(default=None, description="Unix seconds; null: at its turn.")
    callback_until: MOMENT | None = Field(default=None, description="Unix seconds; an unreached callback ends then.")

    @model_validator(mode="after")
    def check_one_way(self) -> Self:
        """Refuse a sentence of a callback, because the caller hears that the centre calls back; and half a window."""
        if self.callback and self.prompt:
            raise ValueError("give a prompt or callback, not both")
        times = [one for one in (self.callback_from, self.callback_until) if one is not None]
        if times and (len(times) < 2 or not self.callback):
            raise ValueError("give callback, callback_from and callback_until together")
        return self


class AbuseReport(Shape):
    """Flag of the present caller. It takes no text, because people should talk about the incident."""

    abusive: bool = True


class CallerPreference(Shape):
    """Wishes of the caller for later calls. Null leaves a wish as it is. No reason is asked or stored."""

    slow: bool | None = Field(None, description="Slow speech from the beginning.")
    human_first: bool | None = Field(None, description="A person at once.")

    @model_validator(mode="after")
    def _require_something(self) -> Self:
        if self.slow is None and self.human_first is None:
            raise ValueError("slow or human_first is needed")
        return self


class Transfer(Shape):
    """Target of a transfer: a service, an agent of the present service, or an agent of another service."""

    service: Annotated[str, StringConstraints(pattern=NAME)] | None = Field(None, description="Null: the present one.")
    agent: Annotated[str, StringConstraints(pattern=NAME)] | None = Field(None, description="Null: the next agent.")


class Move(Transfer):
    """Target of a waiting contact. A move into a distress service is confirmed."""

    confirm: bool = Field(False, description="True: into a distress service, before all other callers.")


class Duties(Shape):
    """Skills of an agent until sign-out."""

    skills: dict[Annotated[str, StringConstraints(pattern=SKILL)], Annotated[int, Field(ge=0, le=100)]] | None = Field(
        None, max_length=SKILLS_MAX, description="Skill and level; null: as configured.")
    only: bool = Field(False, description="The agent keeps no other skill.")


class RuleOverride(Shape):
    """Override of protective rules for a while. The agent sees it, and it is counted."""

    rules: list[Literal["rest_gap", "distress_limit", "decompression"]] = Field(min_length=1, max_length=3)
    minutes: Annotated[int, Field(ge=0, le=60)] = Field(description="From now; 0 ends the override.")


class CallerToErase(Shape):
    """A caller to erase, by the keyed hash of the number. The number itself is never sent."""

    hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class CallersPreferences(CallerPreference):
    """Wishes of some callers for later calls, by the keyed hashes of their numbers."""

    hashes: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]] = Field(min_length=1, max_length=50)


class Changed(Shape):
    """The change is done and stored."""

    changed: int = Field(description="Callers whose stored wishes changed.")


class PreferenceCounts(Shape):
    """Number of callers by preference. Fewer than five count as 0."""

    slow: int
    human_first: int
    max_callers: int = Field(description="Limit of remembered callers.")
    expiry_days: int = Field(description="Days without a call before preferences are deleted.")
    enabled: bool = Field(description="Whether preferences are stored and followed.")


ID_MAX = 2**63 - 1
"""The largest number that a column takes. Beyond it a store fails instead of finding nothing."""
MOMENT = Annotated[float, Field(allow_inf_nan=False)]
"""Unix seconds. Python reads NaN and Infinity in JSON, but they compare with nothing."""


class RecordingSearch(Shape):
    """A search for recordings, newest first. A field that is left out does not restrict the search."""

    contact: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.~-]{1,90}$")] | None = None
    service: Annotated[str, StringConstraints(pattern=SKILL)] | None = None
    agent: Annotated[str, StringConstraints(pattern=NAME)] | None = None
    kind: Literal["call", "message", "survey"] | None = None
    since: MOMENT | None = Field(None, description="Unix seconds.")
    until: MOMENT | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class Recording(Shape):
    """A recorded talk (`call`), a spoken message, or a message after a survey."""

    id: str
    contact: str
    kind: str
    service: str
    agent: str | None
    at: float = Field(description="Start, Unix seconds.")
    seconds: float
    keep_until: float = Field(description="Time of its destruction, Unix seconds.")


class Recordings(Shape):
    """The recordings that were found."""

    recordings: list[Recording]


class Done(Shape):
    """The action is done and stored."""

    done: bool = True


class Need(Shape):
    """One entry of an agent's accommodations, as in the centre's files."""

    in_force: bool = Field(description="Whether it is in force today.")
    valid_from: str | None
    valid_to: str | None
    review_at: str | None = Field(description="Day of the next review with the agent.")
    approved_by: str | None = Field(description="Role or id of the person who approved it.")
    needs: dict[str, Any] = Field(description="Values by the keys of accommodations.yaml.")


class OwnNeeds(Shape):
    """All stored accommodations of an agent, for that agent alone. Reasons are stored nowhere."""

    everybody: dict[str, Any] = Field(description="Defaults for everybody ([profile]); an entry overrides them.")
    entries: list[Need]


class Reload(Shape):
    """A request to read the centre's files again."""

    dry_run: bool = Field(default=False, description="Only show the changes.")
    by: Annotated[str, StringConstraints(pattern=WORDS)] | None = Field(
        default=None, description="Name for the log, next to the token's role.")


class Change(Shape):
    """One change of a reload. For accommodations only their number is shown."""

    part: str = Field(description="services, team, accommodations, menu or settings.")
    item: str
    key: str
    was: str
    now: str


class NotApplied(Shape):
    """A change that a reload cannot apply, and how to apply it."""

    what: str
    how: str


class Reloaded(Shape):
    """Result of a reload. If there is any problem, nothing was changed."""

    applied: bool
    changes: list[Change]
    not_applied: list[NotApplied]
    problems: list[str]
    warnings: list[str]


SENTENCE = r"^[A-Za-z0-9çğıöşüâîûÇĞİÖŞÜÂÎÛ .,;:!?'’()/-]+$"
WORD = Annotated[str, StringConstraints(pattern=WORDS)]


class Announce(Shape):
    """An announcement, which may also close the line or a service.

    It has one of prompt, text and recording. It may have none of them only if it closes something.
    """

    service: Annotated[str, StringConstraints(pattern=NAME)] | None = Field(
        default=None, description="Only callers of this service; null: everybody.")
    prompt: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,60}$")] | None = Field(
        default=None, description="A sentence of the catalogue.")
    text: Annotated[str, StringConstraints(min_length=3, max_length=500, pattern=SENTENCE)] | None = Field(
        default=None, description="A sentence for the best voice of the node.")
    recording: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}\.(wav|flac|ogg)$")] | None = Field(
        default=None, description="Name of a file in the folder `announcements` of the node's state.")
    closes: bool = Field(default=False, description="Close the line or the service meanwhile; never distress.")
    until: MOMENT | None = Field(default=None, description="Unix seconds, at most 366 days ahead; null: until it is "
                                                           "switched off.")
    by: WORD | None = Field(default=None, description="Name for the record, next to the token's role.")


class SurgeWanted(Shape):
    """The surge profile that shall be in force."""

    profile: Annotated[str, StringConstraints(pattern=NAME)] | None = Field(
        default=None, description="Id of a profile in `[surge.profiles]`; null: none.")
    by: WORD | None = Field(default=None, description="Name for the audit log, next to the token's role.")


class SurgeProfile(Shape):
    """A surge profile of the centre."""

    id: str
    name: str


class Surge(Shape):
    """The surge profile in force, and all profiles."""

    profile: str | None = Field(description="Profile in force; null: none.")
    since: float | None
    by: str
    profiles: list[SurgeProfile]


class AnnouncementEnd(Shape):
    """The end of an announcement."""

    id: Annotated[int, Field(ge=1, le=ID_MAX)]
    by: WORD | None = None


class Announcement(Shape):
    """One announcement, with the people who started and ended it."""

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
    """The last announcements, newest first."""

    announcements: list[Announcement]
    timezone: str = Field(description="Time zone of the centre, such as `Europe/Istanbul`.")


class Opening(Shape):
    """Hours of the line, of a service or of an agent on call, on one day."""

    what: Literal["line", "service", "agent"]
    id: str
    spans: list[str] = Field(description="Such as 09:00-17:00; 24:00 is the end of the day.")


class Day(Shape):
    """One day of the calendar."""

    date: str
    kind: Literal["workday", "half_day", "holiday"]
    name: str = Field(description="Name of the holiday.")
    openings: list[Opening]


class Days(Shape):
    """Today and the following days, with closures."""

    days: list[Day]


class Probe(Shape):
    """Answer to a probe: 200 if `ok`, else 503."""

    ok: bool
    parts: dict[str, bool]


class Problem(Shape):
    """Any answer that is not a success."""

    error: str = Field(description="Stable code.")
    message: str = Field(description="A Turkish sentence for people.")
    detail: str = ""
