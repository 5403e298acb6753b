"""Define the time of a report: a day, a week, a month or an interval on the centre's clock.

Midnight is that of the zone, so a day may have 23 or 25 hours. Half hours are counted from midnight in real time. If
the clock is put back, an hour comes twice, and both are there.
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
"""A longer period is shown by days, and its half hours together by time of day: a month has 1,488 of them."""

LONGEST_DAYS = 366
"""Limit of an interval. A year is read in a minute, and a wrong year must not be read for an hour."""


class BadPeriod(ValueError):
    """The text names no time that can be reported. The message shows how to write one."""


class Period(NamedTuple):
    """The time from `start` up to `end`, which is not included, in Unix seconds."""

    kind: str
    """`day`, `week`, `month`, `interval`."""
    start: float
    end: float
    zone: ZoneInfo

    @property
    def long(self) -> bool:
        """Whether the period is shown by days."""
        return self.end - self.start > DAYS_FROM

    @property
    def midnight(self) -> float:
        """Midnight of the day in which the period begins."""
        return _midnight_of(self.local_time(self.start).date(), self.zone)

    def local_time(self, at: float) -> datetime:
        """Return a moment on the centre's clock."""
        return datetime.fromtimestamp(at, self.zone)

    def contains_time(self, at: float) -> bool:
        """Return whether a moment is in the period."""
        return self.start <= at < self.end

    def slot_starts(self) -> list[float]:
        """Return the starts of the half hours, counted from each midnight. The first may begin in the middle of one."""
        found: list[float] = []
        for part in self.split_by_day():
            anchor = part.midnight
            first = int((part.start - anchor) // SLOT_S)
            # The double minus rounds up, so that a part of a half hour at the end counts.
            last = int(-(-(part.end - anchor) // SLOT_S))
            found += [max(part.start, anchor + number * SLOT_S) for number in range(first, last)]
        return found

    def split_by_day(self) -> list[Period]:
        """Return the days of the period, or their parts in it. Only one of them is in memory at a time."""
        return [self._replace(start=start, end=end) for start, end in pairwise([*self.day_starts(), self.end])]

    def day_starts(self) -> list[float]:
        """Return the starts of the days."""
        # Days are added on the calendar, because a day need not have 24 hours.
        found, day = [self.start], self.local_time(self.start).date() + timedelta(days=1)
        while (at := _midnight_of(day, self.zone)) < self.end:
            found.append(at)
            day += timedelta(days=1)
        return found

    def slot_label(self, slot: float) -> str:
        """Return the time of day of a half hour. `*` marks the second one of an hour that comes twice."""
        moment = self.local_time(slot)
        return f"{moment:%H:%M}{'*' if moment.fold else ''}"

    def format_bounds(self) -> str:
        """Return the bounds on the clock, without words."""
        first, last = self.local_time(self.start), self.local_time(self.end)
        if self.kind == "day":
            return f"{first:%d.%m.%Y}"
        if self.kind in ("week", "month"):
            return f"{first:%d.%m.%Y} – {last - timedelta(days=1):%d.%m.%Y}"
        return f"{first:%d.%m.%Y %H:%M} – {last:%d.%m.%Y %H:%M}"


def part_number(starts: list[float], at: float) -> int:
    """Return the number of the part that holds a moment. `starts` begin with the first part."""
    return bisect_right(starts, at) - 1


def named_period(kind: str, text: str | None, zone: ZoneInfo, now: float) -> Period:
    """Return a day, a week (from Monday) or a month, by a date in it or by `2026-03` or `2026-W10`.

    None means the last one that is over. Raise BadPeriod if the text is wrong.
    """
    today = datetime.fromtimestamp(now, zone).date()
    # 1. Find a day in the period.
    if text is None:
        whole = {"day": today, "week": today - timedelta(days=today.weekday()), "month": today.replace(day=1)}
        day = whole[kind] - timedelta(days=1)
    else:
        day = _parse_day(kind, text)
    # 2. Go back to its first day.
    if kind == "week":
        day -= timedelta(days=day.weekday())
    elif kind == "month":
        day = day.replace(day=1)
    # 3. The end is midnight after the last day. 32 days after its first day is always in the next month.
    length = {"day": 1, "week": 7, "month": 32}[kind]
    after = day + timedelta(days=length)
    return Period(kind, _midnight_of(day, zone),
                  _midnight_of(after.replace(day=1) if kind == "month" else after, zone), zone)


def period_between(first: str, last: str, zone: ZoneInfo) -> Period:
    """Return the period from one local time to another. A date alone is its midnight. Raise BadPeriod if it cannot be
    used."""
    start, end = parse_moment(first, zone), parse_moment(last, zone)
    if start >= end:
        raise BadPeriod(f"{first} is not before {last}: the second time is the end, itself not included")
    if end - start > LONGEST_DAYS * 86_400.0:
        raise BadPeriod(f"from {first} to {last} is longer than {LONGEST_DAYS} days: ask for parts")
    return Period("interval", start, end, zone)


FORMS = {"day": "2026-03-02", "week": "2026-03-02 (any day of it) or 2026-W10", "month": "2026-03"}


def _parse_day(kind: str, text: str) -> date:
    try:
        # `fromisoformat` takes more forms than the help shows, so the length is checked too.
        if kind == "month" and len(text) == len("2026-03"):
            text += "-01"
        if len(text) != len("2026-03-02") and not (kind == "week" and len(text) == len("2026-W10")):
            raise ValueError
        found = date.fromisoformat(text)
        # Other years leave the calendar when the offset of a zone is added.
        if not 1971 <= found.year <= 9000:
            raise ValueError
    except ValueError:
        raise BadPeriod(f"{text!r} is no {kind}; write {FORMS[kind]}") from None
    return found


def parse_moment(text: str, zone: ZoneInfo) -> float:
    """Return a local time in Unix seconds. A date alone is its midnight. Raise BadPeriod if it cannot be used."""
    try:
        found = datetime.fromisoformat(text)
        if not 1971 <= found.year <= 9000:
            raise ValueError
    except ValueError:
        raise BadPeriod(f"{text!r} is no time; write 2026-03-02 or 2026-03-02T08:30") from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()


def _midnight_of(day: date, zone: ZoneInfo) -> float:
    return datetime.combine(day, clock(), zone).timestamp()
