"""Times that callers may choose for a callback: only parts of a day that come, in which their service is open."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from santral.centre.config import NodeConfig, node_config
from santral.node.callback_windows import find_windows
from santral.node.centre_calendar import Closing
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit

DAY = "uzaktan_egitim"
HOURS = '{monday: ["09:00-18:30"], wednesday: ["09:00-13:00", "14:30-18:30"], thursday: ["09:00-12:30"]}'
NIGHT = '[callback]\nquiet_from = "21:00"\nquiet_to = "09:00"\n'


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Istanbul")).timestamp()


def centre(folder: Path, more: str = "", hours: str = "") -> NodeConfig:
    copy = copied(folder)
    with (copy / "santral.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{more}")
    if hours:
        edit(copy, "services.yaml", f"  - id: {DAY}\n", f"  - id: {DAY}\n    hours: {hours}\n")
    return node_config(copy)


def said(config: NodeConfig, now: str, *closings: Closing) -> list[str]:
    return [f"{one.part} {one.begins:%d %H:%M}-{one.ends:%H:%M}"
            for one in find_windows(config, DAY, at(now), iter(closings))]


@pytest.mark.parametrize(("now", "wanted"), [
    ("2026-11-25T08:59", ["morning 25 09:00-12:00", "noon 25 12:00-15:00", "evening 25 17:00-20:00"]),
    ("2026-11-25T09:00", ["noon 25 12:00-15:00", "evening 25 17:00-20:00", "morning 26 09:00-12:00"]),
    ("2026-11-25T16:00", ["evening 25 17:00-20:00", "morning 26 09:00-12:00", "noon 26 12:00-15:00"]),
    ("2026-11-25T23:30", ["morning 26 09:00-12:00", "noon 26 12:00-15:00", "evening 26 17:00-20:00"])])
def test_the_next_parts_of_a_day_are_offered_and_none_that_has_begun(tmp_path: Path, now: str,
                                                                     wanted: list[str]) -> None:
    assert said(centre(tmp_path), now) == wanted


def test_only_open_time_of_a_service_is_offered_and_closed_days_are_passed_over(tmp_path: Path) -> None:
    config = centre(tmp_path, hours=HOURS)
    # 25 November 2026 is a Wednesday. Its noon is open for one hour, and again for half an hour.
    assert said(config, "2026-11-25T08:00") == [
        "morning 25 09:00-12:00", "noon 25 12:00-13:00", "evening 25 17:00-18:30"]
    assert said(config, "2026-11-25T18:00") == [
        "morning 26 09:00-12:00", "morning 30 09:00-12:00", "noon 30 12:00-15:00"]


def test_closings_and_holidays_are_no_time_for_a_callback(tmp_path: Path) -> None:
    config = centre(tmp_path, hours=HOURS.replace("thursday", "friday"))
    training = Closing(DAY, at("2026-11-25T10:00"), at("2026-11-25T14:00"))
    assert said(config, "2026-11-25T08:00", training) == [
        "morning 25 09:00-10:00", "evening 25 17:00-18:30", "morning 27 09:00-12:00"]
    line = Closing("", at("2026-11-25T08:00"), None)
    assert said(config, "2026-11-25T08:00", line) == [], "until further notice"
    # 1 January 2027 is a Friday and a holiday.
    assert said(config, "2026-12-31T08:00")[0] == "morning 04 09:00-12:00"


def test_a_centre_names_its_own_parts_or_none(tmp_path: Path) -> None:
    config = centre(tmp_path, f'{NIGHT}parts = {{ evening = "18:00-21:00", morning = "10:00-11:30" }}\n')
    assert said(config, "2026-11-25T08:00") == [
        "morning 25 10:00-11:30", "evening 25 18:00-21:00", "morning 26 10:00-11:30"]


def test_nobody_is_asked_for_a_time_in_quiet_hours_nor_in_a_centre_without_parts(tmp_path: Path) -> None:
    for number, (more, wanted) in enumerate((
            ('[callback]\nquiet_from = "18:30"\nquiet_to = "10:00"\n', [
                "morning 25 10:00-12:00", "noon 25 12:00-15:00", "evening 25 17:00-18:30"]),
            ('[callback]\nquiet_from = "08:00"\nquiet_to = "07:00"\n', []),
            ('[callback]\nquiet_from = "09:00"\nquiet_to = "09:00"\nparts = { morning = "08:00-10:00" }\n', [
                "morning 25 08:00-10:00", "morning 26 08:00-10:00", "morning 27 08:00-10:00"]),
            ("[callback]\nparts = {}\n", []))):
        (folder := tmp_path / str(number)).mkdir()
        assert said(centre(folder, more), "2026-11-25T06:00") == wanted
