"""`santral survey` on the journal of a real store."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from routing.core.engine import Engine
from routing.core.events import Configured, Event, SurveyAnswered
from routing.core.model.centre_model import Centre, Service, Step
from routing.core.model.ids import ContactId, ServiceId
from routing.core.stored import Started
from routing.runner import RunnerTurn
from routing.store.store import Store
from santral.cli import cli
from tests.ministry import copied, edit

pytestmark = pytest.mark.integration

BEGAN = datetime(2026, 3, 2, 23, 59, tzinfo=ZoneInfo("Europe/Istanbul")).timestamp()
CENTRE = Centre(tuple(Service(ServiceId(name), name, (Step(()),)) for name in ("bilgi", "tip")), ())


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    store = await Store.open_store(tmp_path / "santral.db")
    engine, now = Engine(), BEGAN

    async def tell(event: Event) -> None:
        engine.handle(event, now)
        changes = engine.take_changes()
        await store.commit(RunnerTurn([(now, event)], engine.take_facts(), changes))

    await tell(Started(CENTRE))
    await tell(Configured(CENTRE))
    for number in range(6):
        contact = ContactId(f"1.{number}")
        await tell(SurveyAnswered(contact, ServiceId("bilgi"), "asked"))
        now += 20.0
        await tell(SurveyAnswered(contact, ServiceId("bilgi"), "cared", 5 if number else 1))
    await store.close()
    return tmp_path


def santral(*words: str) -> Result:
    return CliRunner().invoke(cli, ["survey", *words])


async def test_the_table_and_the_numbers(state: Path) -> None:
    told = json.loads(santral(str(state), "--json").stdout)
    assert told == {"bilgi": {"asked": 6, "answered": 6, "rate": 1.0, "mean": 26 / 6, "cared": 5 / 6, "solved": None,
                              "messages": 0}}
    table = santral(str(state)).output
    assert "bilgi" in table and "4.33" in table and "83 %" in table and "together" in table


async def test_only_of_a_time(state: Path) -> None:
    told = json.loads(santral(str(state), "--json", "--from", "2026-03-03").stdout)
    assert told["bilgi"]["asked"] == 3 == told["bilgi"]["answered"]
    told = json.loads(santral(str(state), "--json", "--to", "2026-03-03").stdout)
    assert told["bilgi"]["asked"] == 3 == told["bilgi"]["answered"], "the one over midnight is whole, and counted once"
    assert "nobody was asked" in santral(str(state), "--from", "2027-01-01").output


@pytest.mark.parametrize("machine", ["Asia/Tokyo", "America/New_York"])
async def test_a_day_is_one_of_the_centre_wherever_the_command_runs(
        state: Path, machine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", 'timezone = "Europe/Istanbul"', 'timezone = "Europe/London"')
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        told = json.loads(santral(str(state), "--json", "--to", "2026-03-03").stdout)
        assert told["bilgi"]["asked"] == 3
        words = (str(state), "--json", "--centre", str(folder))
        assert json.loads(santral(*words, "--to", "2026-03-02T21:00").stdout)["bilgi"]["asked"] == 3, "by its own clock"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("words", "told"), [
    (["--from", "yesterday"], "is no time"), (["--from", "2026-03-03", "--to", "2026-03-02"], "is not before")])
async def test_a_time_that_is_none(state: Path, words: list[str], told: str) -> None:
    done = santral(str(state), *words)
    assert done.exit_code == 2 and told in done.output


def test_no_state_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    done = santral(str(tmp_path / "none"))
    assert done.exit_code == 2 or "no journal" in str(done.exception)
    assert not (tmp_path / "none").exists()
