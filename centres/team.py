"""Define the shapes of `team.yaml` and `accommodations.yaml`: the agents, and the needs of each.

Nothing here states why an agent needs something. There is no field for a reason, and no free text among the
accommodations.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from centres.base_shapes import DAYS, SIGN_IN_PATTERN, Channel, Day, Id, Name, Shape, Skills, Span, Week

REMOTE_ID = re.compile(r"[A-Za-z0-9_-]{1,35}", re.ASCII)
"""Ids that fit into the endpoint `uzak-<id>` of Asterisk, 40 letters at most."""


class OnCall(Week):
    """Hours in which a remote agent is on call, by the centre's clock. Holidays count as any day, because somebody must
    be on call."""

    RESTS: ClassVar[bool] = False

    @model_validator(mode="after")
    def _require_spans(self) -> Self:
        if not self.has_spans():
            raise ValueError("has no span; write spans for the days")
        return self


class OnDuty(Week):
    """Working hours of an agent at a seat, by the centre's clock. A gap of up to four hours is a planned break. With
    `dates` alone, other days are as without `on_duty`."""

    @model_validator(mode="after")
    def _require_spans(self) -> Self:
        if not self.has_spans():
            raise ValueError("has no span; write spans for the days")
        return self

    def hours_on(self, day: Day) -> tuple[tuple[int, int], ...] | None:
        """Return the working hours of a day in minutes from midnight, or None if they are not fixed."""
        weekly = any((*(getattr(self, name) for name in DAYS), self.holiday, self.half_day))
        return self.spans_on(day) if weekly or day.date in self.dates else None


class Agent(Shape):
    """A person who answers contacts. The file holds no name of a person."""

    id: Id
    """Unique; used in records, API and queue_log. With `on_call` only letters, digits, `_` and `-`."""
    number: Annotated[str, StringConstraints(pattern=SIGN_IN_PATTERN)]
    """Unique; dialled to sign in. Quote it."""
    team: Name = "genel"
    """Group of metrics; groups below five are pooled."""
    skills: Annotated[Skills, Field(min_length=1)]
    """Skills with levels."""
    on_call: OnCall | None = None
    """Spans of a remote agent at an external number (`secrets/remote_agents.json`); left out: answers at a seat."""
    on_duty: OnDuty | None = None
    """Working hours at a seat; left out: any. `dates` hold the roster of `santral staff`."""

    @model_validator(mode="after")
    def _require_callable(self) -> Self:
        if self.on_call is not None and self.on_duty is not None:
            raise ValueError("has on_call and on_duty; a remote agent works by on_call alone")
        if self.on_call is not None and not REMOTE_ID.fullmatch(self.id):
            raise ValueError("with on_call needs an 'id' of 1 to 35 of the letters A to Z and a to z, digits, _ and -: "
                             "Asterisk calls by it")
        return self


class Distress(Shape):
    """Limits of the distress load."""

    soft: Annotated[float, Field(ge=1, le=100)] = 6.0
    """From here heavy contacts come only if nobody else is free."""
    hard: Annotated[float, Field(ge=1, le=100)] = 9.0
    """From here no heavy contacts come."""
    release: Annotated[float, Field(ge=0.1, le=100)] = 6.0
    """Heavy contacts resume below this load."""

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        # The load must be able to fall from `hard` to `release`, or the limit would never end.
        if not (self.soft <= self.hard and self.release <= self.hard):
            raise ValueError("needs soft <= hard and release <= hard")
        return self


class Needs(Shape):
    """Needs of an agent: [profile] for everybody, an accommodation for one. A field that is not set takes the level
    below."""

    channels: frozenset[Channel] | None = None
    """Channels that reach the agent."""
    max_concurrency: dict[Channel, Annotated[int, Field(ge=0, le=10, strict=True)]] | None = None
    """Contacts at once; a channel without entry: 1."""
    capacity: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    """Limit of units of all contacts together."""
    one_at_a_time: bool | None = None
    """One contact, whatever its channel."""
    ring_timeout_s: Annotated[float, Field(ge=10, le=60)] | None = None
    """Time to answer. Remote agents: 30 by default."""
    ring_signal: frozenset[Literal["audio", "visual", "haptic", "mqtt_device"]] | None = None
    """Signals of desk and devices."""
    answer_mode: Literal["manual", "auto", "auto_after_whisper", "single_switch", "press_one"] | None = None
    """Pick up; phone answers by itself; the same after the whisper announcement; any key; pick up and press 1."""
    pre_connect_mode: Literal["none", "whisper", "screen", "both"] | None = None
    """Before the caller: whisper announcement, time to read the screen, or both."""
    pre_connect_s: Annotated[float, Field(ge=0, le=20)] | None = None
    """Time to read; a key ends it."""
    wrapup_mode: Literal["mandatory", "optional", "mandatory_timeout", "mandatory_forced_timeout",
                         "agent_requested"] | None = None
    """How wrap-up starts and ends."""
    wrapup_s: Annotated[float, Field(ge=0, le=1800)] | None = None
    """Length of wrap-up."""
    wrapup_extend_s: Annotated[float, Field(ge=0, le=600)] | None = None
    """Length of one extension."""
    rest_gap_s: Annotated[float, Field(ge=0, le=300)] | None = None
    """Shortest time between two contacts."""
    rna_allowed: Annotated[int, Field(ge=1, le=20, strict=True)] | None = None
    """RNA or refusals in a row before *not responding*."""
    auto_return_s: Annotated[float, Field(ge=30, le=3600)] | None = None
    """*Not responding* ends after this time; left out: by the agent. Remote agents: 300 by default."""
    break_plan: tuple[Span, ...] | None = None
    """Daily breaks; no offer may run into one."""
    break_grace_s: Annotated[float, Field(ge=0, le=900)] | None = None
    """Longest delay of a break."""
    max_continuous_s: Annotated[float, Field(ge=1800, le=14_400)] | None = None
    """Longest time without a break; a short break starts in its last quarter, unless a planned one is near."""
    distress_limit: Distress | None = None
    """Limits of the distress load."""
    no_topics: frozenset[Name] | None = None
    """Services and menu topics that never reach the agent."""
    no_abusive_history: bool | None = None
    """Callers flagged as abusive never reach the agent."""
    captions: bool | None = None
    """Calls need live captions; nothing makes them yet, so no call comes."""
    pair_id: Name | None = None
    """Two agents with the same value answer one call together."""
    ear: Literal["left", "right", "both"] | None = None
    """Side of the caller in a page; on a phone the headset has it."""
    gain_db: Annotated[float, Field(ge=0, le=24)] | None = None
    """Amplification of the caller, in a page or on the leg of a phone that the node rings."""
    limiter: bool | None = None
    """Limits sudden loudness in a page; on a phone the headset has it."""
    verbosity: Literal["low", "normal", "high"] | None = None
    """Amount of announcements on the desk."""
    braille_cells: Literal[0, 20, 40, 80] | None = None
    """Length of the braille line."""

    def set_fields(self) -> dict[str, Any]:
        """Return the fields that are set, by name."""
        return {name: value for name in Needs.model_fields if (value := getattr(self, name)) is not None}


class Accommodation(Needs):
    """The needs of one agent, never their reason. A field that is not set is as for everybody."""

    agent: Name
    """`id` in `team.yaml`."""
    valid_from: date | None = None
    """First day; left out: always."""
    valid_to: date | None = None
    """Last day. The entry stays in force, with a warning, until a later one follows."""
    review_at: date | None = None
    """Day of the next review with the agent. The entry stays in force."""
    approved_by: Name | None = None
    """Role or id."""

    @model_validator(mode="after")
    def _require_dates(self) -> Self:
        if self.valid_from is not None and self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("ends before it begins")
        return self

    def __repr__(self) -> str:
        """Return a fixed text. A traceback or a log line may print it, so it does not even name the agent."""
        return "Accommodation(...)"

    __str__ = __repr__
