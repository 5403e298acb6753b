"""Hold recorded calls by day, service and half hour, as a store or a file of counts has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from planning.errors import PlanningError
from planning.simulation.arrivals import CallProfile, Day
from planning.staffing.requirement import SLOTS, counts_by_service, half_hours
from routing.core.model.ids import ServiceId

Counts = Sequence[float]
"""Calls of each half hour of a day, from midnight."""


class CalendarDay(NamedTuple):
    """A date with its kind: `workday`, `holiday` or `half_day`."""

    kind: str = "workday"
    name: str = ""
    """Name of the holiday."""

    @property
    def ordinary(self) -> bool:
        """Whether the date is no holiday and no half day."""
        return self.kind == "workday"


KindOn = Callable[[date], CalendarDay]
"""Return the kind of a date by the calendar of the centre."""


def always_ordinary(at: date) -> CalendarDay:
    """Return an ordinary day. This is the calendar of a centre without holidays."""
    return CalendarDay()


class CallRecord(NamedTuple):
    """Calls of many days. A date that is absent was not recorded; it does not count as a day without calls."""

    days: Mapping[date, Mapping[ServiceId, Counts]]
    profiles: Mapping[ServiceId, CallProfile] = {}
    """Measured handle time and patience by service. A missing service had too few talks, so its figures are assumed."""

    @property
    def services(self) -> list[ServiceId]:
        """All services of the record."""
        return sorted({service for day in self.days.values() for service in day})

    @property
    def last(self) -> date:
        """The last recorded date."""
        return max(self.days)


def record_of_days(days: Iterable[Day], shares: Mapping[ServiceId, float]) -> CallRecord:
    """Return the days of a file of counts as a record. Raise PlanningError if a day has no date."""
    found: dict[date, Mapping[ServiceId, Counts]] = {}
    for day in days:
        try:
            at = date.fromisoformat(day.name)
        except ValueError:
            raise PlanningError(f"{day.name!r} is no date: a forecast needs a file with a column 'date'") from None
        found[at] = {service: [calls for calls, _ in half_hours(day, counts)]
                     for service, counts in counts_by_service(day, shares).items()}
    if not found:
        raise PlanningError("the record has no day")
    return CallRecord(found)


def empty_counts() -> list[float]:
    """Return a day without calls."""
    return [0.0] * SLOTS


def monday_of(at: date) -> date:
    """Return the Monday of the week of a date."""
    return at - timedelta(days=at.weekday())
