"""The next days as people read them: spans without what is closed for once, holidays by name, rosters."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from santral.centre.config import NodeConfig, node_config
from santral.cli import cli
from santral.node.centre_calendar import Closing
from santral.node.opening_hours import Row, build_pages, format_spans
from santral.node.operations import DAYS, RunningNodeOperations
from tests.ministry import copied, edit, seated
from tests.unit.santral.test_calendar import at

pytestmark = pytest.mark.unit

EVE = date(2026, 10, 28)
"""A Wednesday, the eve of Cumhuriyet Bayramı."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = copied(tmp_path)
    seated(copy)
    for name, old, new in (
            ("services.yaml", "  - id: gorus_oneri\n",
             "  - id: gorus_oneri\n    hours: {wednesday: [\"09:00-17:00\"], thursday: [\"09:00-17:00\"], "
             "friday: [\"09:00-17:00\"]}\n"),
            ("team.yaml", "- {id: a1001,", "- {id: a1001, on_call: {thursday: [\"18:00-24:00\"]},")):
        edit(copy, name, old, new)
    return copy


@pytest.fixture
def config(folder: Path) -> NodeConfig:
    return node_config(folder)


def test_each_day_has_its_rows(config: NodeConfig) -> None:
    eve, holiday, friday = build_pages(config.settings, config.loaded, EVE, 3)
    assert (eve.day.kind, holiday.day.kind, friday.day.kind) == ("half_day", "holiday", "workday")
    assert holiday.day.name == eve.day.name == "Cumhuriyet Bayramı"
    assert eve.rows == (Row("line", "", ((0, 1440),)), Row("service", "gorus_oneri", ((540, 780),)))
    assert holiday.rows[1:] == (Row("service", "gorus_oneri", ()), Row("agent", "a1001", ((1080, 1440),)))
    assert format_spans(friday.rows[1].spans) == ["09:00-17:00"]


@pytest.mark.parametrize(("begins", "ends", "left"), [
    ("2026-10-30T10:00", "2026-10-30T11:30", ["09:00-10:00", "11:30-17:00"]),
    ("2026-10-29T10:00", "2026-10-30T12:00", ["12:00-17:00"]), ("2026-10-30T16:00", None, ["09:00-16:00"]),
    ("2026-10-30T08:00", "2026-10-31T08:00", []), ("2026-11-01T08:00", None, ["09:00-17:00"])])
def test_what_is_closed_for_once_is_taken_out(config: NodeConfig, begins: str, ends: str | None,
                                              left: list[str]) -> None:
    closing = Closing("gorus_oneri", at(begins), None if ends is None else at(ends))
    (friday,) = build_pages(config.settings, config.loaded, date(2026, 10, 30), 1, [closing])
    assert format_spans(friday.rows[1].spans) == left


def test_the_command_shows_them_as_a_table(folder: Path) -> None:
    found = CliRunner().invoke(cli, ["hours", str(folder), "--from", "2026-10-28", "--days", "2"],
                               env={"COLUMNS": "120", "TERM": "dumb"})
    assert found.exit_code == 0, found.output
    for word in ("2026-10-28 Çarşamba", "yarım gün: Cumhuriyet Bayramı", "tatil: Cumhuriyet", "gün boyu",
                 "Görüş ve öneri", "09:00-13:00", "kapalı", "nöbetçi a1001", "18:00-24:00"):
        assert word in found.output, word


@pytest.mark.parametrize(("first", "days", "code"), [
    ("9999-12-24", 7, 0), ("9999-12-25", 7, 2), ("9999-12-31", 1, 2), ("9998-12-01", 800, 2), ("0001-01-01", 2, 0)])
def test_days_beyond_the_calendar_are_refused(folder: Path, first: str, days: int, code: int) -> None:
    """The last day of the calendar has no midnight after it."""
    found = CliRunner().invoke(cli, ["hours", str(folder), "--from", first, "--days", str(days)],
                               env={"COLUMNS": "120", "TERM": "dumb"})
    assert found.exit_code == code, found.output
    assert ("beyond the calendar" in found.output) is (code == 2)


def test_the_api_has_them_with_what_was_closed_at_once(config: NodeConfig) -> None:
    class Board:
        def current_closings(self) -> tuple[Closing, ...]:
            return (Closing("temsilci", at("2026-10-28T12:00"), None),)

    unused = cast(Any, type("Archive", (), {"__getattr__": lambda self, name: None})())
    house = RunningNodeOperations(lambda: config, unused, lambda: at("2026-10-28T08:00"), cast(Any, Board()),
                      unused, unused, unused, lambda: None, tuple, unused, unused, unused, str, dict)
    days = house.list_days().days
    assert len(days) == DAYS and (days[0].date, days[1].name) == ("2026-10-28", "Cumhuriyet Bayramı")
    closed = {opening.id: opening.spans for opening in days[0].openings}
    assert closed == {"": ["00:00-24:00"], "gorus_oneri": ["09:00-13:00"], "temsilci": ["00:00-12:00"]}
    assert {opening.id: opening.spans for opening in days[1].openings}["temsilci"] == []
