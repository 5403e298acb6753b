"""The shapes of `team.yaml` and `accommodations.yaml`: who answers, and what each of them needs.

Nothing here says why an agent needs something: there is no field for it, and no free text among the accommodations.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from centres.model import SIGN_IN_PATTERN, Channel, Id, Name, Shape, Skills, Span, Week

OUTSIDE = re.compile(r"[A-Za-z0-9_-]{1,35}", re.ASCII)
"""An id that Asterisk's endpoint `uzak-<id>` can have, of 40 letters at most."""


class OnCall(Week):
    """When a remote counsellor is on call, in the centre's time. On holidays as on any day: somebody has to be."""

    RESTS: ClassVar[bool] = False

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.some():
            raise ValueError("has no span; write spans for the days")
        return self


class Agent(Shape):
    """A person who answers. No name of a person stands here."""

    id: Id
    number: Annotated[str, StringConstraints(pattern=SIGN_IN_PATTERN)]
    """Typed on a phone to sign in."""
    team: Name = "genel"
    skills: Annotated[Skills, Field(min_length=1)]
    on_call: OnCall | None = None
    """A remote counsellor: called at an outside number (in the node's secrets) in these spans. Left out: at a seat."""

    @model_validator(mode="after")
    def _callable(self) -> Self:
        if self.on_call is not None and not OUTSIDE.fullmatch(self.id):
            raise ValueError("with on_call needs an 'id' of 1 to 35 of the letters A to Z and a to z, digits, _ and -: "
                             "Asterisk calls by it")
        return self


class Distress(Shape):
    """Limits of the distress load."""

    soft: Annotated[float, Field(ge=1, le=100)] = 6.0
    hard: Annotated[float, Field(ge=1, le=100)] = 9.0
    again: Annotated[float, Field(ge=0.1, le=100)] = 6.0

    @model_validator(mode="after")
    def _order(self) -> Self:
        if not (self.soft <= self.hard and self.again <= self.hard):
            raise ValueError("needs soft <= hard and again <= hard")
        return self


class Needs(Shape):
    """What an agent may need: [profile] for everybody, an accommodation for one. Not set: as below it."""

    channels: frozenset[Channel] | None = None
    max_concurrency: dict[Channel, Annotated[int, Field(ge=0, le=10, strict=True)]] | None = None
    capacity: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    """Units, of 100: all contacts together never take more."""
    one_at_a_time: bool | None = None
    ring_timeout_s: Annotated[float, Field(ge=10, le=60)] | None = None
    ring_signal: frozenset[Literal["audio", "visual", "haptic", "mqtt_device"]] | None = None
    answer_mode: Literal["manual", "auto", "auto_after_brief", "single_switch", "press_one"] | None = None
    pre_connect_mode: Literal["none", "whisper", "screen", "both"] | None = None
    """What comes before the caller: a spoken brief, time to read the screen, or both."""
    pre_connect_s: Annotated[float, Field(ge=0, le=20)] | None = None
    """Time to read; a key ends it early."""
    wrapup_mode: Literal["mandatory", "optional", "mandatory_timeout", "mandatory_forced_timeout",
                         "agent_requested"] | None = None
    wrapup_s: Annotated[float, Field(ge=0, le=1800)] | None = None
    wrapup_extend_s: Annotated[float, Field(ge=0, le=600)] | None = None
    rest_gap_s: Annotated[float, Field(ge=0, le=300)] | None = None
    misses_allowed: Annotated[int, Field(ge=1, le=20, strict=True)] | None = None
    auto_return_s: Annotated[float, Field(ge=30, le=3600)] | None = None
    """Not responding ends by itself after this long."""
    break_plan: tuple[Span, ...] | None = None
    """Breaks of the day: nothing is offered that would run into one."""
    break_grace_s: Annotated[float, Field(ge=0, le=900)] | None = None
    max_continuous_s: Annotated[float, Field(ge=1800, le=14_400)] | None = None
    """A short break comes by itself before so much time without one is over, not for all at one moment."""
    distress_limit: Distress | None = None
    no_topics: frozenset[Name] | None = None
    """Services and topics that never come to this agent."""
    no_abusive_history: bool | None = None
    """Callers who were abusive before never come to this agent."""
    captions: bool | None = None
    """A call needs live captions: nothing else beside it."""
    pair_id: Name | None = None
    """Two agents with the same one work as a pair."""
    ear: Literal["left", "right", "both"] | None = None
    gain_db: Annotated[float, Field(ge=0, le=24)] | None = None
    limiter: bool | None = None
    verbosity: Literal["low", "normal", "high"] | None = None
    braille_cells: Literal[0, 20, 40, 80] | None = None

    def changes(self) -> dict[str, Any]:
        """What is set, by name."""
        return {name: value for name in Needs.model_fields if (value := getattr(self, name)) is not None}


class Accommodation(Needs):
    """What one agent needs, never why. A field that is not set means: as for everybody."""

    agent: Name
    valid_from: date | None = None
    """First day; left out: always was."""
    valid_to: date | None = None
    """Last day. Past it everything stays in force, and is warned about, until a later entry follows or it is taken
    out: nothing that an agent needs ends by itself."""
    review_at: date | None = None
    """When to ask the agent again. Past it everything stays in force and `santral check` asks for the review."""
    approved_by: Name | None = None
    """Role or id of who agreed to it."""

    @model_validator(mode="after")
    def _dates(self) -> Self:
        if self.valid_from is not None and self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("ends before it begins")
        return self

    def __repr__(self) -> str:
        """Shows nothing: not even whose it is, since a traceback or a log line may print it."""
        return "Accommodation(...)"

    __str__ = __repr__
