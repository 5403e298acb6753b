"""`santral staff` as a person uses it, and the forecast on whole days."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import NoReturn

import pytest
import typer
from typer.testing import CliRunner

from planning.cli import build_commands
from planning.errors import PlanningError
from planning.simulation.arrivals import DEFAULT_DAY
from planning.simulation.counts import read_counts
from planning.simulation.opening import always_open
from planning.staffing import cli as staffing_cli
from planning.staffing import forecast_check
from planning.staffing.forecast_check import TOLERANCE, check_days
from planning.staffing.view import COLUMNS
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId, SkillId
from tests.planning_house import zone_of

pytestmark = pytest.mark.integration

REAL_DAYS = "SANTRAL_BANK_CALLS"
"""Environment variable: a CSV date,slot,calls of many days of a centre whose peak is about 95 % of 180 agents."""

SKILL = SkillId("danisman")
CENTRE = Centre(
    (Service(ServiceId("psikososyal"), "Psikososyal destek", (Step(((SKILL, 50),)),), ((SKILL, 50),), target_share=0.9),
     Service(ServiceId("bilgi"), "Bilgi [genel]", (Step(((SkillId("bilgi"), 1),)),))),
    (*(Agent(AgentId(f"p{number}"), ((SKILL, 60),), Profile(), "p") for number in range(3)),
     *(Agent(AgentId(f"b{number}"), ((SKILL, 40), (SkillId("bilgi"), 50)), Profile(), "b") for number in range(9))))


def app() -> typer.Typer:
    def no_journal(_place: str) -> NoReturn:
        raise PlanningError("not asked for here")

    return build_commands(lambda _folder: CENTRE, lambda _folder: always_open, zone_of, Path("centres/deneme"),
        no_journal,
                    lambda *_: None)


def staff(*options: str, code: int = 0) -> str:
    found = CliRunner().invoke(app(), ["staff", *options], env={"COLUMNS": "160"})
    assert found.exit_code == code, found.output
    return found.output


@pytest.fixture
def curve(tmp_path: Path) -> Path:
    """A morning of two hours, half past eight to half past ten."""
    path = tmp_path / "calls.csv"
    path.write_text("date,slot,calls\n" + "".join(
        f"2026-03-0{day},{8 + (30 + 15 * slot) // 60:02d}:{(30 + 15 * slot) % 60:02d},{calls}\n"
        for day in (2, 3) for slot, calls in enumerate((20, 25, 30, 35, 35, 30, 25, day * 10))), encoding="utf-8")
    return path


@pytest.fixture
def shifts(tmp_path: Path) -> Path:
    """Nobody who passes the floor between 09:30 and 10:00."""
    path = tmp_path / "shifts.csv"
    path.write_text("agent,start,end\n" + "".join(f"p{number},00:00,09:30\n" for number in range(3))
                    + "p0,10:00,00:00\n" + "".join(f"b{number},08:00,12:00\n" for number in range(9)),
                    encoding="utf-8")
    return path


def test_plan_as_table_page_and_csv(curve: Path, shifts: Path, tmp_path: Path) -> None:
    page, table = tmp_path / "plan.html", tmp_path / "plan.csv"
    said = staff("--arrivals", str(curve), "--day", "2026-03-02", "--shifts", str(shifts),
                 "--share", "psikososyal=0.2", "--share", "bilgi=0.8", "--handle", "300", "--runs", "4",
                 "--shrinkage", "0.25", "--html", str(page), "--csv", str(table))
    assert "Psikososyal destek" in said and "Bilgi [genel]" in said and "220 calls expected" in said
    assert "warning: 09:30–10:00 Psikososyal destek: open, but no agent on duty may serve it" in said
    assert "more than they can do" in said, "9 agents for the calls of bilgi"
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 8, "two services, four half hours"
    for row in rows:
        assert int(row["agents"]) >= int(row["agents_erlang_a"]) > 0
        assert int(row["scheduled"]) == -(-int(row["agents"]) * 4 // 3)
        assert float(row["target"]) == (0.9 if row["service"] == "psikososyal" else 0.8)
        assert float(row["forecast"]) >= float(row["target"])
    gone = next(row for row in rows if row["service"] == "psikososyal" and row["half_hour"] == "09:30")
    assert float(gone["on_duty"]) == 0.0
    html = page.read_text(encoding="utf-8")
    assert html.count("<svg viewBox") == 3 and "no agent on duty may serve it" in html and "Bilgi [genel]" in html


def test_plan_as_json_by_the_formula_alone(curve: Path) -> None:
    found = json.loads(staff("--arrivals", str(curve), "--day", "2026-03-03", "--all-day", "--runs", "0", "--json",
                             "--target", "0.7", "--within", "30", "--patience", "inf"))
    assert found["scale"] == 1.0 and found["corrections"] == 0
    assert {need["simulated"] for need in found["needs"]} == {None}
    assert {(need["goal"]["share"], need["goal"]["within_s"]) for need in found["needs"]} == {(0.7, 30.0)}
    assert found["pooled"].keys() == {"08:30", "09:00", "09:30", "10:00"}
    assert not any(one["what"] == "nobody" for one in found["warnings"]), "everybody is there all day"


def test_the_same_seed_gives_the_same_plan(curve: Path) -> None:
    options = ("--arrivals", str(curve), "--day", "2026-03-02", "--all-day", "--runs", "3", "--json")
    assert staff(*options) == staff(*options) != staff(*options, "--seed", "7")


def test_the_typical_day_is_as_high_as_the_team_can_carry() -> None:
    found = json.loads(staff("--all-day", "--runs", "0", "--json"))
    assert 0.0 < found["scale"] < 0.1, "twelve agents, not hundreds"


@pytest.mark.parametrize(("options", "why"), [
    (("--day", "2026-03-02"), "--day chooses among the days of a file"),
    (("--arrivals", "{curve}", "--day", "all"), "a plan is for one day"),
    (("--arrivals", "{curve}", "--day", "2026-03-09"), "no day 2026-03-09"),
    (("--arrivals", "{curve}", "--scale", "0"), "no calls come"),
    (("--check", "--patience", "inf"), "--check needs a patience"),
    (("--patience", "100001"), "--patience 100001: at most 100000 s, or inf"),
    (("--check", "--patience", "100001"), "--patience 100001: at most 100000 s, or inf"),
    (("--within", "86401"), "--within"),
    (("--within", "inf"), "--within"),
    (("--handle", "inf"), "--handle"),
    (("--check", "--handle", "inf"), "--handle"),
    (("--handle-sd", "1e200"), "--handle-sd"),
    (("--arrivals", "{curve}", "--scale", "inf"), "--scale"),
    (("--check", "--arrivals", "{curve}", "--scale", "1e9"), "--scale"),
    (("--arrivals", "{curve}", "--share", "bilgi=0"), "not all 0"),
    (("--check", "--arrivals", "{curve}", "--scale", "0"), "no calls come on any day"),
    (("--share", "yok=1"), "no service 'yok'"),
    (("--arrivals", "nowhere.csv"), "cannot be read"),
])
def test_what_cannot_be_used(options: tuple[str, ...], why: str, curve: Path) -> None:
    assert why in staff(*(option.format(curve=curve) for option in options), code=2)


@pytest.mark.parametrize("options", [("--csv", "/"), ("--html", "."), ("--check", "--csv", "nowhere/x.csv")])
def test_what_cannot_be_written_is_said_before_anything_is_simulated(
        options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staffing_cli, "plan_by_erlang", None)
    monkeypatch.setattr(forecast_check, "check_days", None)
    assert "cannot be written" in staff(*options, code=1)


def test_check_prints_the_days_and_the_misses(curve: Path, tmp_path: Path) -> None:
    table = tmp_path / "check.csv"
    said = staff("--check", "--arrivals", str(curve), "--agents", "18", "--csv", str(table))
    assert "2026-03-02" in said and "2026-03-03" in said and "of 2 days" in said
    assert "variance / mean" in said
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["name"] for row in rows] == ["2026-03-02", "2026-03-03"]
    assert all(abs(float(row["carried"]) - float(row["simulated"])) < 0.1 for row in rows)
    found = json.loads(staff("--check", "--arrivals", str(curve), "--agents", "18", "--day", "2026-03-03", "--json"))
    assert [day["name"] for day in found] == ["2026-03-03"] and isinstance(found[0]["why"], str)
    with curve.open("a", encoding="utf-8") as file:  # a day on which the line is closed
        file.writelines(line.replace("2026-03-03", "2026-03-04").rsplit(",", 1)[0] + ",0\n"
                        for line in curve.read_text(encoding="utf-8").splitlines() if line.startswith("2026-03-03"))
    assert "of 2 days" in staff("--check", "--arrivals", str(curve), "--agents", "18")


def test_the_forecast_holds_on_the_typical_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a fresh clone: the typical weekday, and one that is a tenth too high for 180 agents (120 min of overload)."""
    monkeypatch.setattr(forecast_check, "ERROR", 0.004)
    usual, high = check_days([DEFAULT_DAY, DEFAULT_DAY.scale_counts(1.1)], 180)
    assert usual.simulated > 0.98 and abs(usual.carried - usual.simulated) <= TOLERANCE
    assert high.overload_s == 7200.0
    assert 0.88 < high.simulated < 0.97 and abs(high.carried - high.simulated) <= TOLERANCE


@pytest.mark.long
@pytest.mark.skipif(REAL_DAYS not in os.environ, reason=f"{REAL_DAYS} names no file of real days")
def test_the_forecast_holds_on_every_real_day() -> None:
    days = read_counts(Path(os.environ[REAL_DAYS]))
    found = list(check_days(days, 180))
    assert len(found) == len(days) > 100
    assert [one for one in found if one.carried_is_off] == []
    assert sum(one.alone_is_off for one in found) > 0, "overload days need what is carried over"
