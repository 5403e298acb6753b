"""Define what the routes of an agent's own desk take and answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from desk.shape import Shape

Signal = Literal["audio", "visual", "haptic", "mqtt_device"]


class ComfortWish(Shape):
    """How the desk of the agent sounds and speaks. A value that is left out is as in the accommodations."""

    ear: Literal["left", "right", "both"] | None = Field(default=None, description="Side of the caller's voice.")
    gain_db: Annotated[float, Field(ge=0, le=20, allow_inf_nan=False)] | None = Field(
        default=None, description="Amplification of the caller.")
    limiter: bool | None = Field(default=None, description="Limit sudden loudness.")
    verbosity: Literal["low", "normal", "high"] | None = Field(default=None, description="Amount of announcements.")
    ring: Annotated[list[Signal], Field(max_length=4)] | None = Field(
        default=None, description="Signals of an offer at the desk.")


class Comfort(Shape):
    """The values in force: the agent's wish, else the accommodations."""

    ear: str
    gain_db: float
    limiter: bool
    verbosity: str
    ring: list[str]
    chosen: list[str] = Field(description="The values that the agent has chosen.")


class Colleague(Shape):
    """A colleague who is signed in."""

    id: str
    name: str = Field(description="Display name, or the id. For pages only: no log or message may hold it.")
    services: list[str]
    free: bool = Field(description="Would get a call now.")


class Colleagues(Shape):
    """The colleagues whom the agent may consult or transfer a caller to."""

    colleagues: list[Colleague]


class OwnCallback(Shape):
    """A callback of a service that the agent serves."""

    id: str
    service: str
    since: float = Field(description="Start of the wait, Unix seconds.")
    tries: int = Field(description="Failed tries.")
    next_at: float = Field(description="Earliest next try, Unix seconds; later in quiet hours.")
    mine: bool = Field(description="The agent has it at hand now.")


class OwnCallbacks(Shape):
    """The callbacks that may come to the agent, longest wait first."""

    callbacks: list[OwnCallback]


class DayBreak(Shape):
    """A break of the day."""

    begins: float
    ends: float | None = Field(description="Unix seconds; null: it goes on.")
    reason: str
    planned: bool = Field(description="The node began it, by the plan or after long work.")


class OwnDay(Shape):
    """The agent's own day since midnight of the centre."""

    since: float = Field(description="Midnight, Unix seconds.")
    signed_in_s: float
    calls: int = Field(description="Talks that have ended.")
    talk_s: float
    hold_s: float
    wrapup_s: float
    missed: int = Field(description="Offers that were not answered or were refused.")
    breaks: list[DayBreak]
    breaks_kept: int = Field(description="Planned breaks that have begun today.")
    next_break_at: float | None


class Shown(Shape):
    """A time at which needs of agents were shown to somebody."""

    at: str = Field(description="UTC.")
    who: str
    what: str = Field(description="`needs`: needs of all agents for one decision; `rules_overridden`: a supervisor set "
                                  "a rule of this agent aside.")


class RuleSetAside(Shape):
    """A rule of the agent's profile that was set aside, for an offer or a while."""

    at: float
    rule: str
    offer: int | None = Field(description="The offer that came by it; null: a supervisor set the rule aside.")
    until: float
    by: str = Field(description="`ceiling`: a caller had waited beyond the emergency ceiling; or the person.")


class AccessLog(Shape):
    """The people who were shown what the agent needs, and the rules of the agent that were set aside."""

    shown: list[Shown]
    rules: list[RuleSetAside]
