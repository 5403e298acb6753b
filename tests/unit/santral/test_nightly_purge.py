"""The time of the nightly purge, by the clock of the centre."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from santral.centre.config import node_config
from santral.node.nightly_purge import next_purge
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit


def at(text: str, zone: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(("zone", "now", "due"), [
    ("Europe/Istanbul", "2026-11-29T03:29:59", "2026-11-29T03:30"),
    ("Europe/Istanbul", "2026-11-29T03:30:00", "2026-11-30T03:30"),
    ("Europe/Istanbul", "2026-12-31T23:00:00", "2027-01-01T03:30"),
    ("Europe/Berlin", "2026-03-28T12:00:00", "2026-03-29T03:30"),
    ("Europe/Berlin", "2026-10-24T12:00:00", "2026-10-25T03:30"),
])
def test_the_purge_comes_at_half_past_three_of_the_centre(
        tmp_path: Path, zone: str, now: str, due: str) -> None:
    folder = copied(tmp_path)
    if zone != "Europe/Istanbul":
        edit(folder, "santral.toml", '"Europe/Istanbul"', f'"{zone}"')
    settings = node_config(folder, None).settings
    assert settings.centre.timezone == zone
    assert next_purge(settings, at(now, zone)) == at(due, zone)
