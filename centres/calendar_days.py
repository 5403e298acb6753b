"""Read [calendar]: days that differ from others, and planned closures.

Public holidays of Türkiye and their half days come from the package `holidays` (law 2429). Religious holidays follow
the calendar of Diyanet, and are calculated for years far ahead. The package cannot know administrative leave or a
Saturday that is worked. The centre writes such days down, and they override the package.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Literal, Self

import holidays as official
from pydantic import AfterValidator, Field, model_validator

from centres.base_shapes import HALF_DAY, HOLIDAY, Day, Name, Shape, Text

COUNTRY, LANGUAGE = "TR", "tr"
MAX_DAYS = 400
"""Limit of the centre's own days: more than a year of them are no exceptions."""
MAX_CLOSURES = 100

_FROM_ONE = re.compile(r" \(saat 13\.00'ten\)")
"""The package adds the hour to the name of a half day. Here the spans state it."""


def _require_local(at: datetime) -> datetime:
    if at.tzinfo is not None:
        raise ValueError("should have no time zone: the clock of [centre] timezone is meant")
    return at


Moment = Annotated[datetime, AfterValidator(_require_local)]
"""A time by the centre's wall clock, without a time zone."""


class Special(Shape):
    """A day that the centre itself declares."""

    date: date
    """Unique."""
    kind: Literal["holiday", "half_day", "workday"]
    """Overrides the public calendar."""
    name: Text = ""
    """Shown to people."""


class Closure(Shape):
    """The line, or some of its services, is closed once: building works, or a training of the whole team."""

    begins: Moment
    """By the centre's clock, such as `2026-12-31T12:00:00`."""
    ends: Moment
    """Not included."""
    services: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)] | None = None
    """Left out: the whole line. Never a distress service."""
    say: Name | None = None
    """Prompt during the closure."""

    @model_validator(mode="after")
    def _require_order(self) -> Self:
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
    def _require_unique(self) -> Self:
        dates = [one.date for one in self.days]
        if len(set(dates)) < len(dates):
            twice = next(one for one in dates if dates.count(one) > 1)
            raise ValueError(f"names the day {twice} twice; keep one entry")
        return self

    def day_of(self, at: date) -> Day:
        """Return a date with its kind and, on a holiday, its name."""
        # A day of the centre overrides the public calendar.
        for one in self.days:
            if one.date == at:
                return Day(at, one.kind, one.name)
        found = _year_days(at.year).get(at) if self.holidays else None
        return found or Day(at)


@lru_cache(maxsize=8)
def _year_days(year: int) -> dict[date, Day]:
    """Return the holidays and half days of a year by date."""
    found: dict[date, Day] = {}
    # Holidays are read last, because a holiday replaces a half day on the same date.
    for kind, category in ((HALF_DAY, "half_day"), (HOLIDAY, "public")):
        listed = official.country_holidays(COUNTRY, years=year, categories=(category,), language=LANGUAGE)
        found |= {at: Day(at, kind, _FROM_ONE.sub("", name)) for at, name in listed.items()}
    return found
