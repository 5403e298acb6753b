"""The time a report is about: a day, a week, a month or an interval of the centre's own clock.

Midnight is the zone's, so a day may have 23 or 25 hours. Half hours are counted from midnight in real time:
when the clock is put back an hour comes twice, and both are there.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta
from datetime import time as clock
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

SLOT_S = 1_800.0
"""Contact centres are planned in half hours."""

DAYS_FROM = 48 * 3600.0
"""A longer period is told by days, and its half hours together by time of day: a month has 1,488 of them."""

LONGEST_DAYS = 366
"""Of an interval: a year is read in a minute, and a wrong year must not be read for an hour."""


class BadPeriod(ValueError):
    """What was given names no time that can be reported; the message says how to write one."""


class Period(NamedTuple):
    """From `start` up to and without `end`, Unix seconds."""

    kind: str
    """`day`, `week`, `month`, `interval`."""
    start: float
    end: float
    zone: ZoneInfo

    @property
    def long(self) -> bool:
        """Told by days."""
        return self.end - self.start > DAYS_FROM

    @property
    def midnight(self) -> float:
        """Of the day that it begins in."""
        return _midnight(self.local(self.start).date(), self.zone)

    def local(self, at: float) -> datetime:
        """A moment on the centre's clock."""
        return datetime.fromtimestamp(at, self.zone)

    def holds(self, at: float) -> bool:
        """Whether a moment lies in it."""
        return self.start <= at < self.end

    def slots(self) -> list[float]:
        """Starts of its half hours, counted from each midnight; the first one may begin in the middle of one."""
        found: list[float] = []
        for part in self.parts():
            anchor = part.midnight
            first = int((part.start - anchor) // SLOT_S)
            last = int(-(-(part.end - anchor) // SLOT_S))
            found += [max(part.start, anchor + number * SLOT_S) for number in range(first, last)]
        return found

    def parts(self) -> list[Period]:
        """Its days, or what of them lies in it: so much is in memory at once."""
        return [self._replace(start=start, end=end) for start, end in pairwise([*self.days(), self.end])]

    def days(self) -> list[float]:
        """Starts of its days."""
        found, day = [self.start], self.local(self.start).date() + timedelta(days=1)
        while (at := _midnight(day, self.zone)) < self.end:
            found.append(at)
            day += timedelta(days=1)
        return found

    def label(self, slot: float) -> str:
        """Time of day of a half hour; `*` marks the second one of an hour that comes twice."""
        moment = self.local(slot)
        return f"{moment:%H:%M}{'*' if moment.fold else ''}"

    def title(self) -> str:
        """Its bounds on the clock, without words."""
        first, last = self.local(self.start), self.local(self.end)
        if self.kind == "day":
            return f"{first:%d.%m.%Y}"
        if self.kind in ("week", "month"):
            return f"{first:%d.%m.%Y} – {last - timedelta(days=1):%d.%m.%Y}"
        return f"{first:%d.%m.%Y %H:%M} – {last:%d.%m.%Y %H:%M}"


def place(starts: list[float], at: float) -> int:
    """Number of the part that a moment lies in; `starts` begin with the first one."""
    return bisect_right(starts, at) - 1


def named(kind: str, text: str | None, zone: ZoneInfo, now: float) -> Period:
    """A day, week (from Monday) or month by a date in it, or by `2026-03` or `2026-W10`; None: the last one that is
    over. BadPeriod."""
    today = datetime.fromtimestamp(now, zone).date()
    if text is None:
        whole = {"day": today, "week": today - timedelta(days=today.weekday()), "month": today.replace(day=1)}
        day = whole[kind] - timedelta(days=1)
    else:
        day = _day(kind, text)
    if kind == "week":
        day -= timedelta(days=day.weekday())
    elif kind == "month":
        day = day.replace(day=1)
    length = {"day": 1, "week": 7, "month": 32}[kind]
    after = day + timedelta(days=length)
    return Period(kind, _midnight(day, zone), _midnight(after.replace(day=1) if kind == "month" else after, zone), zone)


def between(first: str, last: str, zone: ZoneInfo) -> Period:
    """From one local time to another; a date alone is its midnight. BadPeriod."""
    start, end = moment(first, zone), moment(last, zone)
    if start >= end:
        raise BadPeriod(f"{first} is not before {last}: the second time is the end, itself not included")
    if end - start > LONGEST_DAYS * 86_400.0:
        raise BadPeriod(f"from {first} to {last} is longer than {LONGEST_DAYS} days: ask for parts")
    return Period("interval", start, end, zone)


FORMS = {"day": "2026-03-02", "week": "2026-03-02 (any day of it) or 2026-W10", "month": "2026-03"}


def _day(kind: str, text: str) -> date:
    try:
        if kind == "month" and len(text) == len("2026-03"):
            text += "-01"
        if len(text) != len("2026-03-02") and not (kind == "week" and len(text) == len("2026-W10")):
            raise ValueError
        found = date.fromisoformat(text)
        if not 1971 <= found.year <= 9000:
            raise ValueError
    except ValueError:
        raise BadPeriod(f"{text!r} is no {kind}; write {FORMS[kind]}") from None
    return found


def moment(text: str, zone: ZoneInfo) -> float:
    """A local time, in Unix seconds; a date alone is its midnight. BadPeriod."""
    try:
        found = datetime.fromisoformat(text)
        if not 1971 <= found.year <= 9000:
            raise ValueError
    except ValueError:
        raise BadPeriod(f"{text!r} is no time; write 2026-03-02 or 2026-03-02T08:30") from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()


def _midnight(day: date, zone: ZoneInfo) -> float:
    return datetime.combine(day, clock(), zone).timestamp()
