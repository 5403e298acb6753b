"""Define `[surge]` of santral.toml: what changes at once on the day everybody calls, and who may switch it on."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from centres.base_shapes import Entry, Id, Name, ServiceId, Shape, Skills, Text

PROFILES_MOST = 9
"""Most profiles: a supervisor chooses one by a single key of the phone, and 0 switches it off."""


class Deflection(Shape):
    """When a caller of an ordinary service hears that nobody is free soon, and the call ends. Never in distress."""

    waiting: Annotated[int | None, Field(ge=1, le=100_000, strict=True)] = None
    """Contacts that wait for the service already."""
    over_s: Annotated[float | None, Field(ge=10, le=7200)] = None
    """Expected wait."""

    @model_validator(mode="after")
    def _require_limit(self) -> Self:
        if self.waiting is None and self.over_s is None:
            raise ValueError("needs 'waiting' or 'over_s'")
        return self


class SurgeProfile(Shape):
    """Changes of one profile."""

    name: Text
    """Name that supervisors read."""
    entry: Entry
    """Entry of menu.yaml for the common numbers: a short menu with distress first."""
    say: Name | None = None
    """Announcement to callers of ordinary services, after their choice and while they wait."""
    deflect: Deflection | None = None
    """Left out: nobody is deflected."""
    shared: Annotated[tuple[ServiceId, ...], Field(max_length=100)] = ()
    """Ordinary services whose contacts every agent of an ordinary service takes, but nobody in `reserve`."""
    reserve: Skills = {}
    """Levels of the counsellors who take no shared contact; left out: the floor of each service for distress."""
    breaks: Literal["usual", "own"] = "usual"
    """`own`: the planned breaks of `[profile]` do not apply; those of an accommodation stay."""
    call_in: bool = False
    """Agents with `on_call` in team.yaml get calls now, whatever their hours."""


class Surge(Shape):
    """[surge]: profiles for the day everybody calls. One is in force after `santral surge on PROFILE`."""

    supervisors: Annotated[tuple[Id, ...], Field(max_length=200)] = ()
    """Agents who may switch profiles by the telephone code, with their number and PIN."""
    profiles: Annotated[dict[ServiceId, SurgeProfile], Field(max_length=PROFILES_MOST)] = {}
    """Id -> profile, in the order of the keys 1 to 9 of the telephone code."""
