"""Define `santral simulate`, which runs a day of a centre through the engine, and mount the room's other commands.

Exit code 2 means that an argument or a file is invalid, exit code 1 that a file cannot be written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from drawing.console_output import OutputConsole
from drawing.output import make_table
from planning.journal import cli as journal_cli
from planning.journal.replay import OpenJournal
from planning.options import (
    Agents,
    AllDay,
    AnswerS,
    Arrivals,
    AsJson,
    Csv,
    DayChoice,
    DayCv,
    Handle,
    HandleSd,
    Html,
    NoteNeeds,
    Patience,
    ReadCentre,
    ReadLines,
    ReadOpening,
    ReadZone,
    Redial,
    Runs,
    Scale,
    Seed,
    Share,
    Shifts,
    centre_name,
    exit_on_error,
    no_lines,
    opening_for,
    parse_shares,
    progress_bar,
    read_days,
    read_duties,
    require_writable,
    with_redials,
    write_file,
)
from planning.simulation import duty_plan, report
from planning.simulation.arrivals import HANDLE_S, HANDLE_SD_S, PATIENCE_S, CallProfile, ChanceSettings
from planning.simulation.opening import describe_opening as opening_words
from planning.simulation.study import (
    PEAK_LOAD,
    SimulationStudy,
    fit_factor,
    merge_runs,
    run_study,
    spread_of_runs,
    summarise_study,
)
from planning.simulation.study import StudyRun as OneRun
from planning.simulation.trunk_lines import REDIAL_SHARE
from planning.staffing import cli as staffing_cli
from planning.staffing.week_cli import RecordSources

SHOWN = tuple(place for place, title in enumerate(report.HEAD) if title not in ("P50", "Overflow"))
"""Columns of the table in a terminal 80 characters wide. The page has all columns."""


def build_commands(read_centre: ReadCentre, read_opening: ReadOpening, read_zone: ReadZone, default_centre: Path,
             open_journal: OpenJournal, note_needs: NoteNeeds,
                   read_lines: ReadLines = no_lines, sources: RecordSources = RecordSources()) -> typer.Typer:
    """Return the commands of this room as an application without a name."""
    app = typer.Typer(no_args_is_help=True)

    @app.command("simulate")
    def simulate_centre(
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")] = default_centre,
        arrivals: Arrivals = None, day: DayChoice = None, agents: Agents = None, shifts: Shifts = None,
        all_day: AllDay = False, seed: Seed = 1, runs: Runs = 1, scale: Scale = None, share: Share = None,
        handle: Handle = HANDLE_S, handle_sd: HandleSd = HANDLE_SD_S, patience: Patience = PATIENCE_S,
        answer: AnswerS = 0.0, day_cv: DayCv = 0.0, redial: Redial = REDIAL_SHARE,
        as_json: AsJson = False, html: Html = None, csv: Csv = None,
    ) -> None:
        """Simulate a day of the centre with the routing engine: service level, waits, occupancy, order.

        Waits are in seconds. SL is the calls answered within the target / (answered + abandoned).
        """
        with exit_on_error():
            # 1. Check the output files first: a simulation takes minutes, and its result would be lost.
            require_writable(html, csv)
            # 2. Read the centre, its duties and its arrivals.
            house = read_centre(centre)
            if agents is not None:
                house = duty_plan.resize_team(house, agents)
            plan = read_duties(house, shifts, all_day)
            opening = opening_for(read_opening(centre), house, given=shifts is not None or all_day)
            shares = parse_shares(house, share)
            kind = CallProfile(handle, handle_sd, patience)
            kinds = dict.fromkeys(shares, kind)
            days = read_days(arrivals, day, frozenset(map(str, shares)))
            # 3. Without --scale, fit the built-in curve to the team. Counts from a file are taken as they are.
            factor = scale
            if factor is None:
                factor = 1.0 if arrivals is not None else fit_factor(
                    days[0], house, opening(days[0].name).complete_duties(plan), shares, kinds)
            # 4. Simulate. Counts from a file are exact unless they are scaled, so only others get Poisson noise.
            study = SimulationStudy(
                house, tuple(one.scale_counts(factor) for one in days), tuple(plan), shares, kinds,
                ChanceSettings(seed, poisson=arrivals is None or factor != 1.0, day_cv=day_cv), runs, opening, answer,
                with_redials(read_lines(centre), redial))
            done = _simulate_with_progress(study)
            # 5. Write and print the result.
            words = [*_study_sentences(study, factor, fitted_=scale is None and arrivals is None),
                     *report.describe_lines(done),
                     *(opening_words(opening(days[0].name), house) if len(days) == 1 else ())]
            if csv is not None:
                write_file(csv, report.render_csv(merge_runs(done)))
            if html is not None:
                write_file(html, report.render_page(f"Simulation of {centre_name(centre)}", words, done))
            if as_json:
                typer.echo(json.dumps({"scale": factor, **summarise_study(study, done)}, ensure_ascii=False, indent=1))
            else:
                _print_figures(done, words)

    staffing_cli.add_commands(app, read_centre, read_opening, default_centre, read_lines, sources)
    journal_cli.add_commands(app, read_centre, read_zone, open_journal, note_needs)
    return app


def _simulate_with_progress(study: SimulationStudy) -> list[OneRun]:
    with progress_bar(Console(stderr=True)) as shown:
        task = shown.add_task("simulating", total=1.0)
        return run_study(study, lambda share: shown.update(task, completed=share))


def _study_sentences(study: SimulationStudy, factor: float, *, fitted_: bool) -> list[str]:
    """Return sentences that say what was simulated."""
    days = study.days
    names = days[0].name if len(days) == 1 else f"{len(days)} days from {days[0].name} to {days[-1].name}"
    height = (f"The curve is made so high that its busiest half hour takes {PEAK_LOAD * 100:.0f} % of those on duty"
              if fitted_ else f"Calls times {factor:.4g}")
    runs = "1 run" if study.runs == 1 else f"{study.runs} runs of each day"
    return [f"{names}, {sum(day.total for day in days):.0f} calls expected, {len(study.centre.agents)} agents, "
            f"{runs}, first seed {study.chance.seed}.", f"{height}."]


def _print_figures(runs: list[OneRun], words: list[str]) -> None:
    console, whole = OutputConsole(highlight=False, soft_wrap=True), merge_runs(runs)
    for one in words:
        console.print(one, markup=False)
    table = make_table([report.HEAD[place] for place in SHOWN])
    for line in report.figure_rows(whole):
        table.add_row(*(line[place] for place in SHOWN), style="bold" if line[0] == "All" else None)
    console.print(table)
    console.print(report.describe_order(whole), markup=False)
    console.print(report.describe_fairness(whole), markup=False)
    if len(runs) > 1:
        # Several runs give a confidence interval, a single one does not.
        totals = [one.outcome.total for one in runs]
        console.print(_format_interval("SL", [one.service_level() for one in totals], 100, "%"),
                      _format_interval("ASA", [one.asa_s for one in totals], 1, "s"), sep="; ")


def _format_interval(name: str, values: Sequence[float | None], factor: float, unit: str) -> str:
    found = spread_of_runs(values)
    if found.mean is None:
        return f"{name} {report.NONE}"
    half = "" if found.half is None else f" ± {found.half * factor:.2f}"
    return f"{name} {found.mean * factor:.2f}{half} {unit} (mean of the runs, 95 % interval)"
