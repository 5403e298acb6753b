"""`santral simulate`: a study of days, its summary, and the command around it."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, nan
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer
from typer.testing import CliRunner, Result

from bench import simulate as bench
from planning import cli, options
from planning.errors import PlanningError
from planning.journal.replay import EventJournal
from planning.simulation import duty_plan, report
from planning.simulation.arrivals import DEFAULT_DAY, CallProfile, ChanceSettings, Day, generate_arrivals
from planning.simulation.centre_run import Duty, run_simulation
from planning.simulation.counts import choose_days, read_counts
from planning.simulation.opening import always_open
from planning.simulation.study import (
    NORMAL,
    PEAK_LOAD,
    STUDENT,
    SimulationStudy,
    fit_factor,
    merge_runs,
    run_study,
    spread_of_runs,
    summarise_study,
)
from routing.core.model.centre_model import Centre, Channel
from routing.core.model.ids import ServiceId
from tests.planning_house import BARE, EDU, agent, pool, service, zone_of

pytestmark = pytest.mark.unit

DAY = Day("today", 9 * 3600.0, 1800.0, (30.0, 60.0, 45.0))
BANK = "SANTRAL_BANK_CALLS"
"""Names the file `bank_calls` as date,slot,calls; without it the anchors of real days are not tried."""


def study(**more: Any) -> SimulationStudy:
    centre = pool(8)
    return SimulationStudy(centre, (DAY,), tuple(duty_plan.plan_all_day(centre)), {EDU: 1.0})._replace(**more)


def test_runs_differ_by_their_seed_alone_and_are_told_as_they_go() -> None:
    told: list[float] = []
    found = run_study(study(runs=3, chance=ChanceSettings(7)), told.append)
    assert [one.seed for one in found] == [7, 8, 9]
    assert told == sorted(told)
    assert told[-1] == 1.0
    alone = run_study(study(chance=ChanceSettings(8)))[0].outcome
    assert alone.cells == found[1].outcome.cells
    assert merge_runs(found).total.offered == sum(one.outcome.total.offered for one in found)


def test_the_summary_is_json_and_adds_up() -> None:
    the_study = study(runs=2)
    found = json.loads(json.dumps(summarise_study(the_study, run_study(the_study))))
    total = found["total"]
    assert total["offered"] == sum(found["services"][name]["offered"] for name in found["services"])
    assert total["offered"] == sum(slot["offered"] for slot in found["half_hours"])
    assert total["offered"] == total["answered"] + total["abandoned"] + total["overflowed"] + total["still_there"]
    assert found["order"]["violations"] == 0
    assert len(found["each_run"]) == 2
    assert found["intervals"]["asa_s"]["half"] >= 0.0


def test_an_interval_of_few_runs_is_students() -> None:
    assert spread_of_runs([4.0]) == spread_of_runs([None, 4.0]) == (4.0, None)
    assert spread_of_runs([]) == spread_of_runs([None]) == (None, None)
    assert spread_of_runs([1.0, 3.0]).half == pytest.approx(STUDENT[0] * 2**0.5 / 2**0.5)
    many = [float(number % 2) for number in range(40)]
    assert spread_of_runs(many).half == pytest.approx(NORMAL * 0.50637 / 40**0.5, rel=1e-3)


def test_the_curve_is_made_as_high_as_the_team_can_carry() -> None:
    centre = pool(10, BARE._replace(wrapup_s=20.0))
    kinds = {EDU: CallProfile(180.0, 100.0)}
    factor = fit_factor(DAY, centre, duty_plan.plan_all_day(centre), {EDU: 1.0}, kinds)
    assert 60.0 * factor * 200.0 == pytest.approx(PEAK_LOAD * 10 * 1800.0)
    resting = [Duty(one.id, 0.0, 86_400.0, ((34_200.0, 36_000.0),)) for one in centre.agents[:5]]
    with pytest.raises(PlanningError, match=r"on duty at 9\.5 h"):
        fit_factor(DAY, centre, resting, {EDU: 1.0})
    with pytest.raises(PlanningError, match="no calls"):
        fit_factor(DAY.scale_counts(0.0), centre, duty_plan.plan_all_day(centre), {EDU: 1.0})
    deaf = centre._replace(agents=(agent("a1", profile=BARE._replace(channels=frozenset({Channel.CHAT}))),))
    with pytest.raises(PlanningError, match="nobody in the team takes calls"):
        fit_factor(DAY, deaf, duty_plan.plan_all_day(deaf), {EDU: 1.0})


def test_the_page_and_the_csv_say_what_the_summary_says() -> None:
    the_study = study(runs=2)
    runs = run_study(the_study)
    whole = merge_runs(runs)
    text = report.render_page("Bir gün", ["words"], runs)
    assert f"<td>{whole.total.offered}</td>" in text
    assert text.count("<figure>") == 5
    assert "Each run" in text
    rows = list(csv.DictReader(report.render_csv(whole).splitlines()))
    assert {row["service"] for row in rows} == {"edu", ""}
    assert sum(int(row["offered"]) for row in rows if row["service"] == "edu") == whole.total.offered
    assert rows[0]["half_hour"] == "09:00"


def test_a_histogram_loses_nobody() -> None:
    found = report.count_bars([-1.0, 0.0, 0.5, 1.0, 9.0], 0.0, 1.0)
    assert sum(count for *_, count in found) == 5
    assert (found[0][2], found[-1][2]) == (2, 2)


def test_the_bare_simulator_and_the_engine_say_the_same() -> None:
    centre = bench.pooled_centre()._replace(agents=bench.pooled_centre().agents[:12])
    arrivals = list(generate_arrivals(DEFAULT_DAY.scale_counts(0.066), {ServiceId("s"): 1.0}, ChanceSettings(2)))
    found = run_simulation(centre, arrivals, duty_plan.plan_all_day(centre))
    assert bench.count_differences(found, bench.run_bare(arrivals, 12)) == 0
    assert found.total.abandoned > 10
    assert bench.count_differences(found, bench.run_bare(arrivals[:-1], 12)) > 0


def test_the_mean_weekday_of_180_agents_at_95_percent() -> None:
    centre = pool(180)
    found = run_simulation(centre, generate_arrivals(DEFAULT_DAY, {EDU: 1.0}, ChanceSettings(1)),
        duty_plan.plan_all_day(centre))
    assert found.total.service_level(20.0) > 0.97
    assert found.total.abandonment < 0.005
    assert found.violations == 0


@pytest.mark.long
@pytest.mark.skipif(BANK not in os.environ, reason=f"{BANK} names no file")
@pytest.mark.parametrize(("day", "level", "spread_", "abandoned", "asa_s", "p99_s"), [
    ("2003-03-03", 0.530, 0.022, 0.0733, 25.5, 102.0), ("2003-03-05", 0.998, 0.004, 0.0006, 0.21, 7.6),
    ("2003-09-02", 0.450, 0.014, 0.0905, 32.2, 119.0), ("2003-05-07", 1.0, 0.001, 0.0, 0.0, 0.0),
])
def test_real_days(day: str, level: float, spread_: float, abandoned: float, asa_s: float, p99_s: float) -> None:
    """180 agents pooled, counts spread evenly in each slot, talk lognormal 180/218 s, patience 354 s: values of a
    simulation that was not ours, with the standard deviation between its runs."""
    centre = pool(180)
    (chosen,) = choose_days(read_counts(Path(os.environ[BANK])), day)
    runs = [run_simulation(centre, generate_arrivals(chosen, {EDU: 1.0}, ChanceSettings(seed, poisson=False)),
        duty_plan.plan_all_day(centre)).total
            for seed in (1, 2, 3)]
    assert sum(one.service_level(20.0) for one in runs) / 3 == pytest.approx(level, abs=2 * spread_)
    assert sum(one.abandonment for one in runs) / 3 == pytest.approx(abandoned, abs=0.01)
    assert sum(one.asa_s for one in runs) / 3 == pytest.approx(asa_s, rel=0.12, abs=0.3)
    assert sum(one.wait_percentile(0.99) for one in runs) / 3 == pytest.approx(p99_s, rel=0.12, abs=6.0)


def centre_of(_folder: Path) -> Centre:
    tip = agent("t1", "tip", "edu", profile=BARE._replace(wrapup_s=60.0))
    return pool(20)._replace(services=(service("edu"), service("tip")), agents=(*pool(20).agents, tip))


@contextmanager
def no_journal(state: str) -> Iterator[EventJournal]:
    """These commands read none."""
    raise PlanningError(f"no journal in {state}")
    yield


def ask(*options: str | Path) -> Result:
    app = cli.build_commands(centre_of, lambda _: always_open, zone_of, Path("nowhere"), no_journal, lambda *_: None)
    return CliRunner().invoke(app, ["simulate", *map(str, options)])


def test_the_command_shows_a_table_and_writes_what_is_asked_for(tmp_path: Path) -> None:
    page, table = tmp_path / "day.html", tmp_path / "day.csv"
    result = ask("--runs", "2", "--html", page, "--csv", table)
    assert result.exit_code == 0, result.output
    assert "Edu" in result.output
    assert "Order: 0 of" in result.output
    assert "95 % interval" in result.output
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert table.read_text(encoding="utf-8").startswith("half_hour,service,offered")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day.csv", "day.html"]


def test_the_command_gives_json_of_a_day_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("date,slot,calls\n2026-03-02,09:00,40\n2026-03-02,09:30,20\n2026-03-03,09:00,10\n",
                    encoding="utf-8")
    found = json.loads(ask("--arrivals", path, "--day", "2026-03-02", "--all-day", "--json").stdout)
    assert (found["days"], found["total"]["offered"], found["scale"]) == (["2026-03-02"], 60, 1.0)
    whole = json.loads(ask("--arrivals", path, "--day", "all", "--all-day", "--json", "--share", "tip=1").stdout)
    assert whole["total"]["offered"] == whole["services"]["tip"]["offered"] == 70
    scaled = json.loads(ask("--arrivals", path, "--day", "2026-03-02", "--scale", "3", "--all-day", "--json").stdout)
    assert 120 < scaled["total"]["offered"] < 240


def test_the_command_takes_another_team_and_a_plan(tmp_path: Path) -> None:
    plan = tmp_path / "shifts.csv"
    plan.write_text("agent,start,end\na1,06:00,22:00\nt1,06:00,22:00\n", encoding="utf-8")
    found = json.loads(ask("--shifts", plan, "--json", "--answer", "2").stdout)
    assert found["total"]["p50_s"] >= 2.0
    assert json.loads(ask("--agents", "40", "--json").stdout)["agents"] == 40


@pytest.mark.parametrize(("options", "said"), [
    (("--arrivals", "none.csv"), "none.csv cannot be read"),
    (("--day", "2026-03-02"), "add --arrivals FILE"),
    (("--share", "none=1"), "no service 'none'; there are edu, tip"),
    (("--share", "edu=much"), "'much' is no number"),
    (("--share", "edu=0"), "not all 0"),
    (("--share", "edu=nan"), "a share is from 0 to 1000000"),
    (("--share", "edu=inf"), "a share is from 0 to 1000000"),
    (("--share", "edu=-1", "--share", "tip=2"), "a share is from 0 to 1000000"),
    (("--arrivals", "{calls}", "--scale", "1000"), "times 1000, the file's day has 2000000 calls in one interval"),
    (("--shifts", "none.csv"), "none.csv cannot be read"),
    (("--shifts", "none.csv", "--all-day"), "contradict"),
])
def test_what_cannot_be_used_is_one_message_and_exit_2(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("slot,calls\n09:00,2000\n", encoding="utf-8")
    result = ask(*(option.format(calls=calls) for option in options))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.startswith("santral: ")


@pytest.mark.parametrize(("option", "most"), [
    ("--scale", options.SCALE_MAX), ("--handle", options.DURATION_MAX_S), ("--handle-sd", options.DURATION_MAX_S),
    ("--answer", options.DURATION_MAX_S), ("--day-cv", 1.0), ("--patience", inf)])
def test_numbers_have_bounds(option: str, most: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def simulated(study: SimulationStudy, _progress: object) -> NoReturn:
        raise PlanningError("it would be simulated")

    monkeypatch.setattr(cli, "run_study", simulated)
    for given in (most * 1.001, 1e200, inf, nan):
        result = ask(option, str(given))
        assert result.exit_code == 2
        assert ("it would be simulated" in result.stderr) is (given <= most), given
    assert "it would be simulated" in ask(option, str(most)).stderr


def test_what_is_no_number_passes_no_bound() -> None:
    assert (options.require_number(None), options.require_number(inf)) == (None, inf)
    with pytest.raises(typer.BadParameter, match="no number"):
        options.require_number(nan)


@pytest.mark.parametrize("option", ["--html", "--csv"])
def test_what_cannot_be_written_is_exit_1_before_anything_is_simulated(
        option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "run_study", None)
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "none" / "day", Path(), Path("/"), tmp_path, tmp_path / ("x" * 300)):
        result = ask(option, path)
        assert (result.exit_code, result.stdout) == (1, ""), path
        assert f"{path} cannot be written" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_until_there_is_something_to_write(tmp_path: Path) -> None:
    kept = tmp_path / "day.html"
    kept.write_text("of yesterday", encoding="utf-8")
    assert ask("--html", kept, "--share", "none=1").exit_code == 2
    assert kept.read_text(encoding="utf-8") == "of yesterday" and list(tmp_path.iterdir()) == [kept]


def test_a_centre_without_services_is_refused() -> None:
    app = cli.build_commands(lambda _: Centre((), pool(1).agents), lambda _: always_open, zone_of, Path("nowhere"),
        no_journal,
                       lambda *_: None)
    result = CliRunner().invoke(app, ["simulate"])
    assert result.exit_code == 2
    assert "no services" in result.stderr
