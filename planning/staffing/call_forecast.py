"""Forecast the calls of a week by service and half hour, and measure the error on weeks that the forecast never saw.

A day is forecast from the same weekdays before it. The level is the mean of six day totals without the highest and the
lowest. The profile is the mean share of each half hour on ten days, again without the extremes. One odd day changes
neither. On 164 days of a bank this had 0.74 of the error of a seasonal naive forecast a week ahead, and 0.82 four weeks
ahead; a plain mean of six same weekdays had 0.77 and 0.84.

A record of more than a year also gives a season: the same weeks a year before, in relation to the six weeks before
them. The record itself decides which method is used: the one with the smallest error on its held-out weeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import fsum
from typing import NamedTuple

from planning.errors import PlanningError
from planning.staffing.call_record import CalendarDay, CallRecord, Counts, KindOn, empty_counts, monday_of
from planning.staffing.requirement import SLOTS
from routing.core.model.ids import ServiceId

LEVEL_DAYS = 6
"""Same weekdays that give the level of a day. Older ones are of another season."""
PROFILE_DAYS = 10
"""Same weekdays that give the profile of a day, which changes more slowly than its level."""
TRIMMED = 1
"""Values that are left out at each end."""

LEARNT_WEEKS = 12
"""Weeks at the beginning of a record that are only learnt from, if it has more. Ten same weekdays are known by then."""
LEAST_WEEKS = 2
"""Fewest weeks of a record: one to learn from and one to forecast."""
AHEAD_MAX = 26
"""Most weeks between the record and the forecast week: half a year ahead is another season."""

YEAR = timedelta(days=364)
"""A year in whole weeks, so that weekdays are equal."""
SEASON_WEEKS = 8
"""Fewest held-out weeks that judge the season."""
SEASON_MIN, SEASON_MAX = 0.5, 2.0
"""Bounds of the season. A factor beyond them comes from a fault of the record, such as a node that was down."""

NAIVE, MEAN, PROFILE, SEASON = "seasonal naive", "mean of six", "level and profile", "level, profile and season"
METHODS = (MEAN, PROFILE, SEASON)
"""Methods that may be chosen. The seasonal naive one, the last known same weekday, is the yardstick."""


class HeldOutError(NamedTuple):
    """Mean absolute errors of the methods, by service and half hour, in weeks that they had not seen."""

    ahead: int
    """Weeks from the last known day to the forecast week."""
    weeks: int
    half_hours: int
    errors: Mapping[str, float]
    """Sum of absolute errors by method. A method that the record is too short for is missing."""

    def ratio_of(self, method: str) -> float | None:
        """Return the error of a method in relation to the seasonal naive one, or None if one of them is unknown."""
        naive = self.errors.get(NAIVE, 0.0)
        return self.errors[method] / naive if naive and method in self.errors else None

    @property
    def best(self) -> str:
        """The method with the smallest error. A plain mean of few days is taken if nothing could be held out."""
        return min((method for method in METHODS if method in self.errors), key=self.errors.__getitem__, default=MEAN)


class DayForecast(NamedTuple):
    """Expected calls of one date."""

    date: date
    day: CalendarDay
    services: Mapping[ServiceId, Counts]
    basis: str
    """How the calls were found."""
    assumed: bool = False
    """Whether the record has no such day, so that the calls are an assumption."""

    @property
    def total(self) -> float:
        """Calls of the day."""
        return fsum(fsum(counts) for counts in self.services.values())


class CallForecast:
    """Forecasts from one record."""

    def __init__(self, record: CallRecord, kind_on: KindOn) -> None:
        self.record, self._kind_on = record, kind_on
        self._ordinary = sorted(day for day in record.days if kind_on(day).ordinary)
        first, last = monday_of(min(record.days)), monday_of(record.last)
        self._first, self._weeks = first, (last - first).days // 7 + 1
        if self._weeks < LEAST_WEEKS or not self._ordinary:
            raise PlanningError(f"the record has {self._weeks} week; a forecast needs {LEAST_WEEKS} or more")

    def weeks_ahead(self, monday: date) -> int:
        """Return how many weeks a week is after the record. Raise PlanningError if it is no later week."""
        ahead = -(-(monday - self.record.last).days // 7)
        if not 1 <= ahead <= AHEAD_MAX:
            raise PlanningError(f"the week of {monday} cannot be forecast: the record ends on {self.record.last}, and "
                                f"a forecast is for the {AHEAD_MAX} weeks after it")
        return ahead

    def forecast_week(self, monday: date, method: str) -> list[DayForecast]:
        """Return the seven days of a week by one method, from everything that is recorded."""
        return [self._forecast_day(monday + timedelta(days=number), method) for number in range(7)]

    def measure_error(self, ahead: int) -> HeldOutError:
        """Return the errors on held-out weeks, each forecast from what was known that many weeks before.

        Holidays and half days are not held out: a year has a handful.
        """
        errors: dict[str, float] = {}
        missing: set[str] = set()
        weeks, cells = set(), 0
        # A record with a year before enough weeks holds out only those, so that it can judge the season.
        seasoned = (YEAR + timedelta(days=7 * LEVEL_DAYS)).days // 7 + ahead
        learnt = seasoned if self._weeks >= seasoned + SEASON_WEEKS else min(LEARNT_WEEKS, max(ahead, self._weeks // 2))
        for at in self._ordinary:
            week = (monday_of(at) - self._first).days // 7
            known = monday_of(at) - timedelta(days=7 * (ahead - 1))
            if week < learnt or not (same := self._same_weekdays(at, known)):
                continue
            weeks.add(week)
            for service in self.record.services:
                actual = self._counts(at, service)
                cells += SLOTS
                for method in (NAIVE, *METHODS):
                    found = self._estimate(at, service, same, method, known)
                    if found is None:
                        missing.add(method)
                    else:
                        errors[method] = errors.get(method, 0.0) + fsum(
                            abs(one - other) for one, other in zip(found, actual, strict=True))
        # A method must have forecast every held-out day, or its sum is of other days.
        return HeldOutError(ahead, len(weeks), cells,
                            {method: sum_ for method, sum_ in errors.items() if method not in missing})

    # -- one day -----------------------------------------------------------------------------------------------------

    def _forecast_day(self, at: date, method: str) -> DayForecast:
        day, known = self._kind_on(at), self.record.last + timedelta(days=1)
        if not day.ordinary:
            return self._forecast_holiday(at, day, method)
        same = self._same_weekdays(at, known)
        if not same:
            return DayForecast(at, day, {service: empty_counts() for service in self.record.services},
                               "no such weekday is recorded: no calls", assumed=True)
        used = min(len(same), LEVEL_DAYS if method == MEAN else PROFILE_DAYS)
        return DayForecast(at, day, {
            service: self._estimate(at, service, same, method, known) or self._estimate(at, service, same, MEAN, known)
            or empty_counts() for service in self.record.services}, f"{method}, {used} days")

    def _forecast_holiday(self, at: date, day: CalendarDay, method: str) -> DayForecast:
        """Return a holiday by the recorded ones: those of the same name, or else all of the same kind.

        Each recorded one gives the share of an ordinary same weekday before it.
        """
        # 1. Find recorded holidays and the ordinary level of this date.
        like = [one for one in self.record.days if (found := self._kind_on(one)).kind == day.kind
                and found.name == day.name and self._same_weekdays(one, one)] or [
            one for one in self.record.days if self._kind_on(one).kind == day.kind and self._same_weekdays(one, one)]
        same = self._same_weekdays(at, self.record.last + timedelta(days=1))
        if like and same:
            names = ", ".join(sorted({self._kind_on(one).name or day.kind for one in like}))
            return DayForecast(at, day, {service: self._scale_holidays(at, service, like, same, method)
                                         for service in self.record.services}, f"as on {names} ({len(like)})")
        # 2. Without one, a holiday is like a Sunday, and a half day like the morning of its weekday.
        if day.kind == "half_day":
            return DayForecast(at, day, {
                service: [calls if slot < SLOTS * 13 // 24 else 0.0 for slot, calls in enumerate(
                    (same and self._estimate(at, service, same, MEAN, at)) or empty_counts())]
                for service in self.record.services}, "no half day is recorded: the weekday until 13:00", assumed=True)
        sundays = [one for one in self._ordinary if one.weekday() == 6]
        return DayForecast(at, day, {service: _mean_of([self._counts(one, service) for one in sundays[-LEVEL_DAYS:]])
                                     for service in self.record.services},
                           "no holiday is recorded: as on a Sunday", assumed=True)

    def _scale_holidays(self, at: date, service: ServiceId, like: Sequence[date], same: Sequence[date],
                        method: str) -> list[float]:
        ordinary = self._estimate(at, service, same, method, at) or self._estimate(at, service, same, MEAN, at)
        usual = fsum(fsum(_mean_of([self._counts(day, service)
                                    for day in self._same_weekdays(one, one)[-LEVEL_DAYS:]])) for one in like)
        seen = _mean_of([self._counts(one, service) for one in like])
        whole = fsum(seen)
        if not usual or not whole or ordinary is None:
            return empty_counts()
        level = fsum(ordinary) * whole * len(like) / usual
        return [level * calls / whole for calls in seen]

    def _estimate(self, at: date, service: ServiceId, same: Sequence[date], method: str,
                  known: date) -> list[float] | None:
        """Return the counts of an ordinary day by one method, or None if the record is too short for it."""
        past = [self._counts(day, service) for day in same]
        if method == NAIVE:
            return list(past[-1])
        if method == MEAN:
            return _mean_of(past[-LEVEL_DAYS:])
        found = level_and_profile(past)
        if method == PROFILE:
            return found
        season = self._season_of(at, service, known)
        return None if season is None else [calls * season for calls in found]

    def _season_of(self, at: date, service: ServiceId, known: date) -> float | None:
        """Return the level around this date a year ago, in relation to the six weeks before what is known, a year ago.

        Returns None if that time is not recorded.
        """
        then = monday_of(at) - YEAR
        near = self._days_between(then - timedelta(days=7), then + timedelta(days=14))
        before = self._days_between(known - YEAR - timedelta(days=7 * LEVEL_DAYS), known - YEAR)
        weekdays = {day.weekday() for day in near} & {day.weekday() for day in before}
        if not weekdays or min(self.record.days) > known - YEAR - timedelta(days=7 * LEVEL_DAYS):
            return None
        # The same weekdays on both sides, because a holiday removes some.
        now, past = (fsum(_trimmed_mean([fsum(self._counts(day, service)) for day in days if day.weekday() == weekday])
                          for weekday in weekdays) for days in (near, before))
        return min(SEASON_MAX, max(SEASON_MIN, now / past)) if past else 1.0

    def _days_between(self, first: date, last: date) -> list[date]:
        return [day for day in self._ordinary if first <= day < last]

    def _same_weekdays(self, at: date, known: date) -> list[date]:
        """Return the ordinary same weekdays before a date, as far as they were known, in order."""
        return [day for day in self._ordinary if day < known and day < at and day.weekday() == at.weekday()]

    def _counts(self, day: date, service: ServiceId) -> Counts:
        return self.record.days[day].get(service) or empty_counts()


def level_and_profile(past: Sequence[Counts]) -> list[float]:
    """Return the counts of a day from the same weekdays before it."""
    level = _trimmed_mean([fsum(counts) for counts in past[-LEVEL_DAYS:]])
    shares = [[calls / whole for calls in counts] for counts in past[-PROFILE_DAYS:] if (whole := fsum(counts))]
    if not shares:
        return empty_counts()
    profile = [_trimmed_mean([one[slot] for one in shares]) for slot in range(SLOTS)]
    # A profile of rare calls may lose everything with its extremes.
    whole = fsum(profile)
    return [level * share / whole for share in profile] if whole else _mean_of(past[-PROFILE_DAYS:])


def _trimmed_mean(values: Sequence[float]) -> float:
    """Return the mean without the extremes, if enough values remain."""
    kept = sorted(values)[TRIMMED:-TRIMMED] if len(values) > 2 * TRIMMED + 1 else values
    return fsum(kept) / len(kept) if kept else 0.0


def _mean_of(past: Sequence[Counts]) -> list[float]:
    return [fsum(counts[slot] for counts in past) / len(past) for slot in range(SLOTS)] if past else empty_counts()
