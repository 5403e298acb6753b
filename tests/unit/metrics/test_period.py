"""The time a report is about: midnight of the zone, months' ends, days of 23 and 25 hours, and what is no time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from metrics.reports.period import BadPeriod, Period, named_period, part_number, period_between

pytestmark = pytest.mark.unit

ISTANBUL, BERLIN, KATHMANDU = ZoneInfo("Europe/Istanbul"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
NOW = datetime(2026, 3, 4, 9, tzinfo=ISTANBUL).timestamp()


def bounds(period: Period) -> tuple[str, str]:
    return (f"{period.local_time(period.start):%Y-%m-%d %H:%M}", f"{period.local_time(period.end):%Y-%m-%d %H:%M}")


@pytest.mark.parametrize(("kind", "text", "first", "last"), [
    ("day", "2026-03-02", "2026-03-02 00:00", "2026-03-03 00:00"),
    ("day", "2028-02-29", "2028-02-29 00:00", "2028-03-01 00:00"),
    ("day", "2026-12-31", "2026-12-31 00:00", "2027-01-01 00:00"),
    ("day", None, "2026-03-03 00:00", "2026-03-04 00:00"),
    ("week", "2026-03-04", "2026-03-02 00:00", "2026-03-09 00:00"),
    ("week", "2026-W10", "2026-03-02 00:00", "2026-03-09 00:00"),
    ("week", "2027-01-01", "2026-12-28 00:00", "2027-01-04 00:00"),
    ("week", None, "2026-02-23 00:00", "2026-03-02 00:00"),
    ("month", "2026-02", "2026-02-01 00:00", "2026-03-01 00:00"),
    ("month", "2026-01-31", "2026-01-01 00:00", "2026-02-01 00:00"),
    ("month", "2026-12", "2026-12-01 00:00", "2027-01-01 00:00"),
    ("month", None, "2026-02-01 00:00", "2026-03-01 00:00"),
])
def test_days_weeks_and_months(kind: str, text: str | None, first: str, last: str) -> None:
    assert bounds(named_period(kind, text, ISTANBUL, NOW)) == (first, last)


@pytest.mark.parametrize(("kind", "text"), [
    ("day", "2026-02-30"), ("day", "2026-W10"), ("day", "yesterday"), ("day", "20260302"), ("day", ""),
    ("day", "2026-03-02T00:00"), ("week", "2026-W54"), ("month", "2026-13"), ("month", "2026"), ("day", "0001-01-01")])
def test_what_is_no_date(kind: str, text: str) -> None:
    with pytest.raises(BadPeriod, match="write 2026-03"):
        named_period(kind, text, ISTANBUL, NOW)


def test_a_moment_lies_in_the_day_of_the_zone() -> None:
    day = named_period("day", "2026-03-02", ISTANBUL, NOW)
    assert day.start == datetime(2026, 3, 1, 21, tzinfo=UTC).timestamp()
    assert day.contains_time(day.start) and not day.contains_time(day.end) and not day.contains_time(day.start - 1e-3)


@pytest.mark.parametrize(("date", "hours", "twice"), [("2026-03-29", 23, []), ("2026-10-25", 25, ["02:00*", "02:30*"]),
                                                     ("2026-10-26", 24, [])])
def test_days_on_which_the_clock_is_changed(date: str, hours: int, twice: list[str]) -> None:
    day = named_period("day", date, BERLIN, NOW)
    slots = day.slot_starts()
    assert day.end - day.start == hours * 3600.0 and len(slots) == hours * 2
    labels = [day.slot_label(slot) for slot in slots]
    assert len(set(labels)) == len(labels) and [one for one in labels if one.endswith("*")] == twice
    assert ("02:00" in labels) == (hours != 23)


def test_half_hours_begin_at_midnight_whatever_the_zone() -> None:
    day = named_period("day", "2026-03-02", KATHMANDU, NOW)  # 5 h 45 min before UTC
    assert [day.slot_label(slot) for slot in day.slot_starts()[:2]] == ["00:00", "00:30"]


def test_a_month_is_told_by_days() -> None:
    month = named_period("month", "2026-10", BERLIN, NOW)
    days = month.day_starts()
    assert month.long and len(days) == 31 and len(month.slot_starts()) == 31 * 48 + 2
    assert [f"{month.local_time(day):%H:%M}" for day in days] == ["00:00"] * 31
    assert not named_period("day", "2026-10-25", BERLIN, NOW).long


def test_an_interval_may_begin_within_a_half_hour() -> None:
    part = period_between("2026-03-02T08:10", "2026-03-02T09:15", ISTANBUL)
    slots = part.slot_starts()
    assert [part.slot_label(slot) for slot in slots] == ["08:10", "08:30", "09:00"]
    assert part_number(slots, part.start) == 0 and part_number(slots, part.end - 1) == 2
    assert bounds(period_between("2026-03-02", "2026-03-04", ISTANBUL)) == ("2026-03-02 00:00", "2026-03-04 00:00")


@pytest.mark.parametrize(("first", "last", "said"), [
    ("2026-03-02", "2026-03-02", "not before"), ("2026-03-03", "2026-03-02", "not before"),
    ("2020-01-01", "2026-01-01", "longer than 366 days"), ("now", "2026-03-02", "no time"),
    ("2026-03-02T25:00", "2026-03-03", "no time")])
def test_what_is_no_interval(first: str, last: str, said: str) -> None:
    with pytest.raises(BadPeriod, match=said):
        period_between(first, last, ISTANBUL)
