"""Edges of opening hours on the days of a clock change, in every zone that has one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from centres.base_shapes import Week
from centres.calendar_days import Calendar
from santral.node.centre_calendar import next_edge

pytestmark = pytest.mark.unit

FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2026, 2028))
DAY_S, HOUR_S, MINUTE_S = 86_400.0, 3_600.0, 60.0
SPANS = ["00:00-00:30", "00:45-01:15", "01:30-02:00", "02:30-02:45", "03:15-09:00", "22:30-23:15", "23:45-24:00"]
WEEK = Week.model_validate(dict.fromkeys((
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "holiday", "half_day"), SPANS))
CALENDAR = Calendar()


def offset(zone: ZoneInfo, at: float) -> float:
    found = datetime.fromtimestamp(at, zone).utcoffset()
    assert found is not None
    return found.total_seconds()


def clock_changes() -> Iterator[tuple[str, float]]:
    """Yield one zone for each different change of the clock in two years."""
    seen: set[tuple[float, float, float]] = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        times = [FIRST + DAY_S * number for number in range(int((LAST - FIRST) // DAY_S) + 1)]
        for low, high in pairwise(times):
            before, after = offset(zone, low), offset(zone, high)
            while before != after and high - low > MINUTE_S:
                middle = (low + high) // 120 * 60
                low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
            if before != after and (high, before, after) not in seen:
                seen.add((high, before, after))
                yield name, high


CHANGES = tuple(clock_changes())


def is_open(zone: ZoneInfo, at: float) -> bool:
    local = datetime.fromtimestamp(at, zone)
    return WEEK.is_within(CALENDAR.day_of(local.date()), local.hour * 60 + local.minute)


def edges(zone: ZoneInfo, at: float) -> float:
    day = CALENDAR.day_of(datetime.fromtimestamp(at, zone).date())
    return next_edge(at, WEEK.edges_on(day), zone)


def test_there_are_changes_of_every_kind() -> None:
    kinds = {offset(ZoneInfo(name), at) - offset(ZoneInfo(name), at - 1.0) for name, at in CHANGES}
    assert {3_600.0, -3_600.0, 1_800.0, -1_800.0} <= kinds and len(CHANGES) > 40
    local = {datetime.fromtimestamp(at, ZoneInfo(name)).hour for name, at in CHANGES}
    assert {0, 1, 3, 23} <= local, "also at midnight, and back over it"


@pytest.mark.parametrize(("name", "changes_at"), CHANGES)
def test_every_change_of_the_hours_is_seen_in_its_minute(name: str, changes_at: float) -> None:
    zone = ZoneInfo(name)
    begin, end = changes_at - 5 * HOUR_S, changes_at + 5 * HOUR_S
    looks, now = set(), begin
    while now < end:
        now = edges(zone, now)
        looks.add(now)
    minutes = [begin + MINUTE_S * number for number in range(int((end - begin) / MINUTE_S))]
    turns = [late for early, late in pairwise(minutes) if is_open(zone, early) is not is_open(zone, late)]
    assert turns and not [datetime.fromtimestamp(at, zone).isoformat() for at in turns if at not in looks]
    assert len(looks) < 60, "few looks"
