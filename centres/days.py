"""[calendar]: days that are not like others, and planned closures.

Türkiye's public holidays and the half days before them come from the package `holidays` (law 2429; the religious ones
by the calendar of Diyanet, years far ahead by reckoning). What it cannot know (administrative leave, a Saturday that is
worked) the centre writes down, and that goes before it.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Literal, Self

import holidays as official
from pydantic import AfterValidator, Field, model_validator

from centres.model import HALF_DAY, HOLIDAY, Day, Name, Shape, Text

COUNTRY, LANGUAGE = "TR", "tr"
MAX_DAYS = 400
"""Days of its own: more than a year of them is no exception any more."""
MAX_CLOSURES = 100

_FROM_ONE = re.compile(r" \(saat 13\.00'ten\)")
"""The package says of a half day when it begins; so do we, in the spans."""


def _local(at: datetime) -> datetime:
    if at.tzinfo is not None:
        raise ValueError("should have no time zone: the clock of [centre] timezone is meant")
    return at


Moment = Annotated[datetime, AfterValidator(_local)]
"""By the clock on the centre's wall."""


class Special(Shape):
    """A day of the centre's own."""

    date: date
    """Unique."""
    kind: Literal["holiday", "half_day", "workday"]
    """Overrides the public calendar."""
    name: Text = ""
    """Shown to people."""


class Closure(Shape):
    """The line, or some of its services, is closed for once: works on the building, a training of the whole team."""

    begins: Moment
    """By the centre's clock, such as `2026-12-31T12:00:00`."""
    ends: Moment
    """Not included."""
    services: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)] | None = None
    """Left out: the whole line. Never a distress service."""
    say: Name | None = None
    """Prompt during the closure."""

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.ends <= self.begins:
            raise ValueError("ends before it begins")
        return self


class Calendar(Shape):
    """[calendar]"""

    holidays: bool = True
    """Use Türkiye's public holidays and half days."""
    days: Annotated[tuple[Special, ...], Field(max_length=MAX_DAYS)] = ()
    """The centre's own days."""
    closures: Annotated[tuple[Closure, ...], Field(max_length=MAX_CLOSURES)] = ()
    """Planned closures."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        dates = [one.date for one in self.days]
        if len(set(dates)) < len(dates):
            twice = next(one for one in dates if dates.count(one) > 1)
            raise ValueError(f"names the day {twice} twice; keep one of them")
        return self

    def day(self, at: date) -> Day:
        """What kind of day it is."""
        for one in self.days:
            if one.date == at:
                return Day(at, one.kind, one.name)
        found = _year(at.year).get(at) if self.holidays else None
        return found or Day(at)


@lru_cache(maxsize=8)
def _year(year: int) -> dict[date, Day]:
    """The days of a year that are not like others."""
    found: dict[date, Day] = {}
    for kind, category in ((HALF_DAY, "half_day"), (HOLIDAY, "public")):  # a holiday goes before a half day
        listed = official.country_holidays(COUNTRY, years=year, categories=(category,), language=LANGUAGE)
        found |= {at: Day(at, kind, _FROM_ONE.sub("", name)) for at, name in listed.items()}
    return found
