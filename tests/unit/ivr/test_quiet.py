"""Quiet hours by the clock on the wall, over midnight and on days of a change of time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ivr.quiet_hours import QuietHours

pytestmark = pytest.mark.unit

ISTANBUL, BERLIN = ZoneInfo("Europe/Istanbul"), ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(21 * 60, 9 * 60)


def at(text: str, zone: ZoneInfo = ISTANBUL) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(("now", "until"), [
    ("2026-11-25T20:59:59", None), ("2026-11-25T21:00:00", "2026-11-26T09:00"),
    ("2026-11-25T23:59:59", "2026-11-26T09:00"), ("2026-11-26T00:00:00", "2026-11-26T09:00"),
    ("2026-11-26T08:59:59", "2026-11-26T09:00"), ("2026-11-26T09:00:00", None),
    ("2026-12-31T22:00:00", "2027-01-01T09:00")])
def test_over_midnight(now: str, until: str | None) -> None:
    found = NIGHT.end_at(at(now))
    assert (None if found is None else found.isoformat()[:16]) == until


def test_within_a_day_and_never() -> None:
    noon = QuietHours(12 * 60, 13 * 60 + 30)
    assert noon.end_at(at("2026-11-25T11:59:59")) is None and noon.end_at(at("2026-11-25T13:30:00")) is None
    found = noon.end_at(at("2026-11-25T12:00:00"))
    assert found is not None and found.isoformat() == "2026-11-25T13:30:00+03:00"
    never = QuietHours(540, 540)
    assert never.end_at(at("2026-11-25T09:00:00")) is None and not never.change_minutes()
    assert NIGHT.change_minutes() == {1260, 540}


def test_the_clock_on_the_wall_decides_when_it_is_changed() -> None:
    found = QuietHours(21 * 60, 9 * 60, "Europe/Berlin").end_at(at("2026-10-24T22:00", BERLIN))
    assert found is not None and found.timestamp() - at("2026-10-24T22:00", BERLIN) == 12 * 3600, "a night of 25 hours"
