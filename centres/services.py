"""The shape of `services.yaml`: what callers may want, and whom each service asks for."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from centres.model import EXPRESSION, LEVELS, Name, ServiceId, Shape, Skills, Week, plain

Expression = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""`psikososyal >= 60 and tr`: the engine's words, checked by `santral check` with the column marked."""

def _kind(needs: Any) -> str | None:
    if isinstance(needs, str):
        return EXPRESSION
    return LEVELS if isinstance(needs, dict) else None


Needs = Annotated[
    Annotated[Skills, Tag(LEVELS)] | Annotated[Expression, Tag(EXPRESSION)],
    Discriminator(_kind, custom_error_type="needs",
                  custom_error_message="should be levels, such as {psikososyal: 60}, or an expression in quotes")]
"""Skill: level, at least; or an expression."""

Strategy = Literal["longest_idle", "least_occupied", "longest_idle_any", "least_occupied_any", "fewest_skills",
                   "weakest_first", "fewest_contacts"]
"""Modules of `routing/core/strategies`; a test compares the names."""


class Step(Shape):
    """One step of what a service asks for. All steps but the last say how long they last."""

    needs: Needs
    lasts_s: Annotated[float, Field(gt=0, le=3600)] | None = None


class Opening(Week):
    """When a service is open; without it, whenever the line is."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.some():
            raise ValueError("is never open; write spans for the days, or leave 'hours' out")
        return self


def _music(name: str) -> str:
    """A class of Asterisk's music on hold and a folder."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name) or name in ("general", "default"):
        raise ValueError("should be 1 to 40 of the letters A to Z and a to z, digits, _ and -, and neither general nor "
                         "default")
    return name


class Waiting(Shape):
    """What callers of a service hear while they wait. Left out: as usual, for distress as is kind there."""

    first: Name | None = None
    """Prompt key of the sentence with which the wait begins."""
    place: bool = True
    """The place in line is said."""
    expected: bool = True
    """The expected wait is said, when it is known well enough."""
    comfort: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)] | None = None
    """Prompt keys, said in turn while nothing else is."""


class Service(Shape):
    """A queue. Field by field the engine's `Service`."""

    id: ServiceId
    name: Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(plain)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=10)]
    floor: Needs = {}
    """Never relaxes: nobody below it is ever offered a contact."""
    priority: Annotated[int, Field(ge=-60, le=60, strict=True)] = 0
    """Points; one counts as a minute of waiting."""
    weight: Annotated[float, Field(ge=0.1, le=10)] = 1.0
    """With 2 every second of waiting counts twice."""
    strategy: Strategy = "longest_idle"
    """Which of several fitting agents."""
    distress: bool = False
    """Never times out, never dropped."""
    load: Annotated[int, Field(ge=0, le=5, strict=True)] = 0
    """What one contact weighs on an agent."""
    ceiling_s: Annotated[float, Field(ge=10, le=3600)] | None = None
    """Emergency ceiling: who waits longer may be offered to agents at their distress limit, who accept by a key."""
    preferred_s: Annotated[float, Field(ge=0, le=300)] = 0.0
    """So long a caller waits for the agent who spoke with them last."""
    preferred_days: Annotated[float, Field(gt=0, le=366)] = 30.0
    target_s: Annotated[float, Field(gt=0, le=3600)] = 20.0
    target_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    short_abandon_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    overflow_s: Annotated[float, Field(ge=30, le=7200)] | None = None
    """After this long the caller goes to `overflow_to`, or to the safety net; left out: never."""
    overflow_to: Name | None = None
    """Another service, also for callers who come while this one is full or closed."""
    max_waiting: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """Admission: with so many in line the next one goes on at once."""
    max_talking: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """At most so many contacts of this service at agents at one moment."""
    hours: Opening | None = None
    """When it is open; left out: whenever the line is."""
    callback: Literal["none", "agent_first", "caller_first"] | None = None
    """Whether callers who wait may ask to be called back, and who is dialled first; left out: agent first, nobody where
    the service is for distress or anonymous."""
    callback_press: bool = False
    """Who is called back presses 1, so that no mailbox passes for a person."""
    callback_max: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 100
    """So many may wait to be called back."""
    place_kept_s: Annotated[float, Field(ge=0, le=1800)] = 300.0
    """So long the place of a caller who hung up, or was lost, while waiting is kept for their next call."""
    music: Annotated[str, AfterValidator(_music)] | None = None
    """What callers hear while waiting: `santral`, `sakin` (calm), or the name of a folder below that of the music; left
    out: `santral`, for distress `sakin`."""
    waiting: Waiting = Waiting()
    callback_after_s: Annotated[float, Field(ge=15, le=3600)] = 120.0
    """It is said after this wait, and again from time to time. The key works from the beginning."""
    callback_key: Annotated[int, Field(ge=3, le=7, strict=True)] = 3
    """1 and 2 answer whether an old place is wanted, the others have a meaning everywhere."""
    callback_tries: Annotated[int, Field(ge=1, le=20, strict=True)] = 3
    callback_retry_s: Annotated[float, Field(ge=60, le=86_400)] = 900.0
    emergency: Name | None = None
    """Prompt key: what callers in distress hear while nobody can be reached, with the numbers that always help."""
    survey: bool | None = None
    """Callers are asked after the talk how it was; left out: unless the service is for distress or anonymous."""
    privacy: Literal["normal", "private", "anonymous"] = "normal"
    """Private: never recorded. Anonymous: besides, the caller's number is kept from everybody and not stored."""

    @property
    def calls_back(self) -> str:
        """As `callback`, with what leaving it out means. Whose number is kept from everybody cannot be called."""
        return self.callback or ("none" if self.distress or self.privacy == "anonymous" else "agent_first")

    @property
    def asks(self) -> bool:
        """Callers are asked after the talk."""
        return self.survey if self.survey is not None else not self.distress and self.privacy != "anonymous"

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if any(step.lasts_s is None for step in self.steps[:-1]) or self.steps[-1].lasts_s is not None:
            raise ValueError("every step but the last needs 'lasts_s', and the last may not have it")
        if self.distress and self.overflow_s is not None:
            raise ValueError("a distress service never overflows; take out 'overflow_s'")
        if self.distress and (self.max_waiting is not None or self.hours is not None):
            raise ValueError("a distress service is never full and never closed; take out 'max_waiting' and 'hours'")
        if self.emergency is not None and not self.distress:
            raise ValueError("has 'emergency' and is not for distress; set 'distress', or take it out")
        if self.privacy == "anonymous" and self.callback not in (None, "none"):
            raise ValueError("is anonymous and keeps no number to call back; take out 'callback'")
        if self.overflow_to == self.id:
            raise ValueError("overflows into itself; name another service at 'overflow_to'")
        return self

