"""`santral staff` for a week: the roster of 25 people is checked by somebody else, and a state is read."""

from __future__ import annotations

import asyncio
import json
import re
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from random import Random
from shutil import copytree

import pytest
import yaml
from typer.testing import CliRunner

from routing.core.model.ids import ServiceId
from santral.cli import cli
from santral.errors import NoJournal
from tests.fakes.report_day import Day, centre
from tests.ministry import edit
from tests.readers.roster_checker import check_roster

pytestmark = pytest.mark.integration

ORNEK = Path(__file__).parents[3] / "centres" / "ornek"
FIRST = date(2026, 1, 5)
SHARES = {"randevu": 0.45, "tahlil_sonucu": 0.2, "fatura": 0.2, "temsilci": 0.15}
SHAPE = (0.5, 0.9, 1.0, 1.0, 0.95, 0.8, 0.6, 0.5, 0.55, 0.7, 0.8, 0.8, 0.75, 0.65, 0.5, 0.4, 0.3, 0.2)


def staff(*options: str, code: int = 0) -> str:
    found = CliRunner().invoke(cli, ["staff", *options], env={"COLUMNS": "200"})
    assert found.exit_code == code, found.output
    return found.output


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Made-up weeks of a hospital: Monday is the busiest day, and 23 April has a third of its calls."""
    lines, rng = ["date,slot,service,calls"], Random(4)
    for number in range(16 * 7):
        day = FIRST + timedelta(days=number)
        level = (62.0, 56.0, 54.0, 52.0, 50.0, 0.0, 0.0)[day.weekday()] * (0.33 if day == date(2026, 4, 23) else 1.0)
        level *= rng.uniform(0.85, 1.15)
        lines += [f"{day},{8 + slot // 2:02}:{slot % 2 * 30:02},{service},{level * share * part:.3f}"
                  for slot, part in enumerate(SHAPE) for service, share in SHARES.items() if level]
    path = tmp_path / "calls.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_roster_of_25_people_keeps_every_need(calls: Path, tmp_path: Path) -> None:
    page, lines = tmp_path / "roster.html", tmp_path / "on_duty.yaml"
    out = json.loads(staff(str(ORNEK), "--arrivals", str(calls), "--week", "2026-W18", "--json",
                           "--roster", str(page), "--on-duty", str(lines)))
    assert not out["shortages"] and not out["notes"]
    assert check_roster(ORNEK, lines.read_text("utf-8"), out["days"]) == []
    # The checker is no rubber stamp: it sees a missing shift, a long stretch, and hours that are not the agent's.
    week = yaml.safe_load(lines.read_text("utf-8"))
    monday = date(2026, 4, 27)
    assert len(week) == 24, "the agent at a mobile has on_call"
    for agents, spans, said in ((list(week)[::2], [], " of "), (["a1024"], ["08:00-17:00"], "at a stretch"),
                                (["a1024"], ["07:00-17:00"], "minutes of breaks"),
                                (["a1024"], ["08:00-10:15", "10:30-12:00", "12:30-14:00"], "outside the hours"),
                                (["a1024"], ["08:00-09:45", "10:05-12:00"], "works in the break")):
        wrong = deepcopy(week)
        for agent in agents:
            wrong[agent]["on_duty"]["dates"][monday] = spans
        assert any(said in problem for problem in check_roster(ORNEK, yaml.safe_dump(wrong), out["days"])), said
    # The page names the days and the breaks, and says which figures nobody has measured.
    text = page.read_text("utf-8")
    assert "27.04.2026 – 03.05.2026" in text and "Eksik yok." in text and "varsayım" in text
    assert re.search(r"08:00–17:00</td>\s*<td[^>]*>\d\d:\d\d–\d\d:\d\d,", text)
    # 1 May is a holiday: the record has one, 23 April, so its share is used and the closed line needs nobody.
    friday = out["days"][4]
    assert friday["kind"] == "holiday" and friday["basis"] == "closed"
    assert not any(map(any, friday["needed"].values()))
    assert out["held_out"]["weeks"] >= 4 and out["held_out"]["ratio"] < 1.0


def test_the_dates_of_a_roster_are_working_hours(calls: Path, tmp_path: Path) -> None:
    """A roster goes into team.yaml, and the next run keeps to it. Other weeks are free."""
    lines = tmp_path / "on_duty.yaml"
    staff(str(ORNEK), "--arrivals", str(calls), "--week", "2026-W18", "--on-duty", str(lines))
    centre = tmp_path / "ornek"
    copytree(ORNEK, centre)
    entry = next(line for line in lines.read_text("utf-8").splitlines() if line.startswith("a1002:"))
    edit(centre, "team.yaml", "{id: a1002,", f"{{id: a1002, on_duty: {entry.partition('on_duty: ')[2][:-1]},")
    again = [json.loads(staff(str(centre), "--arrivals", str(calls), "--week", week, "--json")) for week in (
        "2026-W18", "2026-W19")]
    first, later = ([(shift["date"], shift["start"], shift["end"]) for shift in one["shifts"]
                     if shift["agents"] == ["a1002"]] for one in again)
    given = yaml.safe_load(entry)["a1002"]["on_duty"]["dates"]
    assert first == [(str(day), spans[0][:5], spans[-1][6:]) for day, spans in given.items() if spans]
    assert later, "the next week is planned as without on_duty"


def test_a_team_that_is_too_small_is_told_what_is_missing(calls: Path) -> None:
    out = staff(str(ORNEK), "--arrivals", str(calls), "--week", "2026-W18", "--agents", "6")
    assert "needs are missing" in out
    assert re.search(r"warning: 2026-04-27 \d\d:\d\d–\d\d:\d\d Randevu: \d+ missing", out)
    assert "assumed: randevu: handle time 180 s" in out


@pytest.mark.parametrize(("options", "said"), [
    (("--week", "2026-W18"), "a week needs one record"),
    (("--arrivals", "FILE", "--week", "morgen"), "is no week; write 2026-03-16"),
    (("--arrivals", "FILE", "--week", "2026-01-12"), "the record ends on"),
    (("--arrivals", "FILE", "--week", "2026-W18", "--all-day"), "leave out --shifts"),
    (("--roster", "PAGE"), "a roster is for a week"),
])
def test_wrong_options_are_one_message(options: tuple[str, ...], said: str, calls: Path, tmp_path: Path) -> None:
    words = [str(calls) if one == "FILE" else str(tmp_path / "page.html") if one == "PAGE" else one for one in options]
    out = staff(str(ORNEK), *words, code=2)
    assert said in out and out.count("santral:") == 1


def test_a_week_is_planned_from_a_state(tmp_path: Path) -> None:
    """Sixteen whole days with a call each morning; the first day and the last one are recorded in part."""
    rules = centre()
    randevu = ServiceId("randevu")
    day = Day(rules._replace(services=(rules.services[0]._replace(id=randevu),)))
    day.sign_in(7 * 3600.0, 0)
    for number in range(17):
        at = number * 86_400.0 + 9 * 3600.0 + 60.0
        call = day.call(at, f"c{number}", randevu)
        day.connect(at + 5.0, call)
        day.over(at + 65.0, call)
    asyncio.run(day.keep(str(tmp_path / "santral.db")))
    out = json.loads(staff(str(ORNEK), "--from-records", str(tmp_path / "santral.db"), "--json"))
    assert out["monday"] == "2026-03-23" and out["held_out"]["weeks"] == 2
    monday = out["days"][0]
    assert monday["calls"]["randevu"][18] == pytest.approx(1.0) and sum(monday["calls"]["randevu"]) == 1.0
    assert monday["needed"]["randevu"][18] == 1 and sum(monday["needed"]["randevu"]) == 1
    assert {one["value"] for one in out["figures"]} == {"assumed"}, "seventeen talks give no handle time"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(NoJournal, match="no journal"):
        CliRunner().invoke(cli, ["staff", str(ORNEK), "--from-records", str(empty)], catch_exceptions=False)
