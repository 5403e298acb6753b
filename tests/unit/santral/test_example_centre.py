"""The example of 25 agents: good as shipped, open from 8 to 17, with the needs of four people, in its own words."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from centres.centre_reader import SHIPPED
from ivr.opening_words import LINE
from prompts.text_reader import all_prompts
from santral.centre.centre_words import read_words
from santral.centre.config import NodeConfig, check_centre, config_of
from santral.centre.file_difference import find_changes
from santral.first_centre.answers import CentreAnswers
from santral.first_centre.centre_files import render_files
from santral.node.centre_calendar import CentreCalendar, line_open, next_change
from tests.ministry import edit

pytestmark = pytest.mark.unit

ORNEK = SHIPPED / "ornek"
MONDAY = date(2026, 11, 30)


@pytest.fixture(scope="module")
def config() -> NodeConfig:
    checked = check_centre(ORNEK, today=MONDAY)
    assert checked.problems == () and checked.today == ()
    found = config_of(checked)
    assert found is not None
    return found


def test_it_was_made_by_init_and_then_edited() -> None:
    made = render_files(CentreAnswers("Örnek Hastanesi", "", ("4440112",), ("Randevu", "Tahlil sonucu", "Fatura"),
                                      "08:00-17:00", ("monday", "tuesday", "wednesday", "thursday", "friday"), 25, 24,
                                      ""))
    assert (ORNEK / "menu.yaml").read_text(encoding="utf-8") == made["menu.yaml"]
    shipped = {str(path.relative_to(ORNEK)) for path in ORNEK.rglob("*.*") if path.is_file()}
    assert shipped == {*made, "prompts/en/menu.yaml"}


def test_it_is_open_from_eight_to_five_on_weekdays(config: NodeConfig) -> None:
    zone = ZoneInfo("Europe/Istanbul")

    def at(day: int, hour: int, minute: int = 0) -> float:
        return datetime(2026, 11, day, hour, minute, tzinfo=zone).timestamp()

    hours = {moment: line_open(config.settings, at(*moment)) for moment in (
        (27, 7, 59), (27, 8), (27, 16, 59), (27, 17), (28, 10), (29, 10), (30, 8))}
    assert [moment for moment, is_open in hours.items() if is_open] == [(27, 8), (27, 16, 59), (30, 8)]
    assert next_change(config, at(30, 7), line=True) == at(30, 8)


@pytest.mark.parametrize(("now", "opens"), [
    ("2026-11-27T17:00", "2026-11-30T08:00"), ("2026-11-30T07:59", "2026-11-30T08:00"),
    ("2026-11-30T20:15", "2026-12-01T08:00"), ("2026-10-28T18:00", "2026-10-30T08:00"),
])
def test_callers_hear_when_it_opens_again(config: NodeConfig, now: str, opens: str) -> None:
    """A weekend, the same morning, the next day, and the day after a holiday."""
    zone = ZoneInfo("Europe/Istanbul")
    at = datetime.fromisoformat(now).replace(tzinfo=zone).timestamp()
    calendar = CentreCalendar(config, lambda event: None, lambda: at, lambda: ())
    assert calendar.opens_at(LINE) == datetime.fromisoformat(opens).replace(tzinfo=zone)


def test_it_has_the_needs_of_four_people(config: NodeConfig) -> None:
    team = {agent.id: agent for agent in config.centre.agents}
    assert len(team) == 25 and config.settings.seats.count == 24
    assert team["a1004"].profile.answer_mode == "auto_after_whisper"
    needs = config.loaded.accommodations
    assert needs["a1011"].gain_db == 12 and needs["a1011"].limiter
    assert needs["a1011"].pre_connect_mode == "screen"
    assert [agent.id for agent in config.loaded.agents if agent.on_call is not None] == ["a1025"]
    assert needs["a1024"].break_plan == ("10:00-10:15",)
    assert [agent.id for agent in config.loaded.agents if agent.on_duty is not None] == ["a1024"]


@pytest.mark.parametrize(("key", "said"), [
    ("karsilama", "Örnek Hastanesine hoş geldiniz."),
    ("geri-arama-merhaba", "Merhaba, Örnek Hastanesinden arıyoruz. Sizi aramamızı istemiştiniz."),
    ("merkez-kapali", "Hafta içi sekizden on yediye kadar buradayız. Örnek Hastanesi şu anda kapalı."),
    ("ana-menu-2", "Tahlil sonucu için, ikiye basın."), ("bilgi-tahlil_sonucu", "Tahlil sonucu."),
    ("en/karsilama", "Welcome to Örnek Hospital."), ("en/ana-menu-3", "For an invoice, press 3."),
])
def test_it_speaks_in_its_own_words(key: str, said: str) -> None:
    assert all_prompts(read_words(ORNEK))[key].text == said


def test_changed_hours_of_a_centre_without_lines_are_the_only_change(config: NodeConfig, tmp_path: Path) -> None:
    folder = tmp_path / "ornek"
    shutil.copytree(ORNEK, folder)
    (folder / "accommodations.yaml").chmod(0o600)
    edit(folder, "santral.toml", 'monday = ["08:00-17:00"]', 'monday = ["08:30-17:00"]')
    new = config_of(check_centre(folder, today=MONDAY))
    assert new is not None and config.settings.lines is None
    assert [change.place for change in find_changes(config, new)] == ["settings [hours] monday"]


def test_no_file_of_it_names_a_ministry() -> None:
    for path in Path(ORNEK).rglob("*.*"):
        assert "bakanl" not in path.read_text(encoding="utf-8").lower()
