"""Define `santral staff`: agents by service and half hour for a target, problems of the duties, and forecast checks.

Exit code 2 means that an argument or a file is invalid, exit code 1 that a file cannot be written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from drawing.chart import format_clock
from drawing.console_output import OutputConsole
from drawing.output import csv_text
from planning import options as shared
from planning.errors import PlanningError
from planning.simulation.arrivals import HANDLE_S, HANDLE_SD_S, PATIENCE_S, CallProfile, ChanceSettings, Day
from planning.simulation.duty_plan import resize_team
from planning.simulation.opening import OpeningHours
from planning.simulation.opening import describe_opening as opening_words
from planning.simulation.outcome import SLOT_S
from planning.simulation.study import fit_factor
from planning.simulation.trunk_lines import REDIAL_SHARE, LineRules
from planning.staffing import view
from planning.staffing.call_record import CallRecord, record_of_days
from planning.staffing.coverage import CoverageTrouble, find_troubles, presence_by_slot
from planning.staffing.line_need import describe_need, find_line_need
from planning.staffing.requirement import (
    ROUNDS,
    RUNS,
    SLOTS,
    ServiceGoal,
    StaffingPlan,
    plan_by_erlang,
    plan_by_simulation,
)
from planning.staffing.week_cli import (
    FromRecords,
    OnDutyFile,
    RecordSources,
    RosterFile,
    Week,
    WeekOptions,
    show_week,
)
from planning.staffing.week_plan import Correct, WeekTask, leave_plan
from planning.theory.erlang import PATIENCE_MAX_S
from routing.core.model.centre_model import Centre
from routing.core.model.ids import ServiceId

if TYPE_CHECKING:
    from planning.staffing.forecast_check import CheckedDay
    from planning.staffing.kept_agents import KeptAgents

CHECKED_AGENTS = 180
"""Default number of agents for `--check`. The peak of the typical weekday loads them to 95 %."""

CHECKED_WITHIN_S = 20.0
"""Default time limit for `--check`, in seconds, as is usual in the field."""

Target = Annotated[float | None, typer.Option("--target", min=0.01, max=0.999, callback=shared.require_number, help=(
    "Share of calls to answer in time. Default: the target of each service."))]
Within = Annotated[float | None, typer.Option(
    "--within", min=0.0, max=shared.DURATION_MAX_S, callback=shared.require_number,
    help="Time limit for the answer in seconds. Default: the limit of each service.")]
Handle = Annotated[float, typer.Option(
    "--handle", min=1.0, max=shared.DURATION_MAX_S, callback=shared.require_number,
    help="Mean handle time in seconds: talk and wrap-up.")]
HandleSd = Annotated[float, typer.Option(
    "--handle-sd", min=0.0, max=shared.DURATION_MAX_S, callback=shared.require_number,
    help="Standard deviation of the handle time.")]
Shrinkage = Annotated[float, typer.Option("--shrinkage", min=0.0, max=0.9, callback=shared.require_number, help=(
    "Share of scheduled agents who are away: breaks, training, illness."))]
Runs = Annotated[int | None, typer.Option("--runs", min=0, max=1_000, help=(
    f"Simulated days before each correction; with 0 Erlang A only. Default: {RUNS}, and 0 for a week."))]
Check = Annotated[bool, typer.Option("--check", help=(
    "Check the forecast: compare Erlang A with the simulation for each day, with all agents in one pool (default "
    "180)."))]


def add_commands(app: typer.Typer, read_centre: shared.ReadCentre, read_opening: shared.ReadOpening,
                 default_centre: Path, read_lines: shared.ReadLines = shared.no_lines,
                 sources: RecordSources = RecordSources()) -> None:
    """Add the command of this module to the application."""

    @app.command("staff")
    def plan_staff(
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")] = default_centre,
        target: Target = None, within: Within = None, handle: Handle = HANDLE_S, handle_sd: HandleSd = HANDLE_SD_S,
        patience: shared.Patience = PATIENCE_S, shrinkage: Shrinkage = 0.0, arrivals: shared.Arrivals = None,
        day: shared.DayChoice = None, scale: shared.Scale = None, share: shared.Share = None,
        agents: shared.Agents = None, shifts: shared.Shifts = None, all_day: shared.AllDay = False,
        seed: shared.Seed = 1, runs: Runs = None, from_records: FromRecords = None, week: Week = None,
        roster: RosterFile = None, on_duty: OnDutyFile = None,
        redial: shared.Redial = REDIAL_SHARE, check: Check = False, as_json: shared.AsJson = False,
        html: shared.Html = None, csv: shared.Csv = None,
    ) -> None:
        """Plan agents by service and half hour for a target: Erlang A first, then corrected by simulation.

        The command warns of open services without a qualified agent on duty. It also warns of services with more work
        than their agents can do. With --check it compares forecast and simulation for one day or each day of
        --arrivals. With --from-records or --week it forecasts a week and makes its roster.
        """
        kind = CallProfile(handle, handle_sd, patience)
        with shared.exit_on_error():
            # 1. Check the arguments before the long run.
            shared.require_writable(html, csv, roster, on_duty)
            if PATIENCE_MAX_S < patience < inf:
                raise PlanningError(f"--patience {patience:g}: at most {PATIENCE_MAX_S:g} s, or inf: nobody gives "
                                    "up")
            # 2. With --check, compare forecast and simulation and stop.
            if check:
                days = _checked_days(arrivals, day, scale)
                limit_s = CHECKED_WITHIN_S if within is None else within
                found = _check_days(days, agents or CHECKED_AGENTS, kind, limit_s, seed)
                _show_check(days, found, as_json=as_json, csv=csv)
                return
            # 3. Read the centre and one day of arrivals.
            house = read_centre(centre)
            if agents is not None:
                house = resize_team(house, agents)
            shares = shared.parse_shares(house, share)
            goals = _goals_of(house, target, within, shrinkage)
            if from_records is not None or week is not None:
                if shifts is not None or all_day or day is not None or scale is not None:
                    raise PlanningError("a week takes hours from team.yaml and calls from the record: leave out "
                                        "--shifts, --all-day, --day and --scale")
                record = _read_record(sources, from_records, centre, arrivals, shares)
                show_week(WeekTask(house, shared.opening_for(read_opening(centre), house, given=False), record,
                                   sources.read_calendar(centre), goals, {}), kind, shrinkage,
                          _simulate_by(shares, ChanceSettings(seed), runs or 0),
                          WeekOptions(week, roster, on_duty, as_json, html, csv), shared.centre_name(centre))
                return
            if roster is not None or on_duty is not None:
                raise PlanningError("a roster is for a week: add --from-records STATE, or --arrivals FILE and --week")
            curve = shared.read_days(arrivals, day, frozenset(map(str, shares)))
            if len(curve) != 1:
                raise PlanningError("a plan is for one day; name it by --day")
            # 4. Plan and show the result.
            _StaffingTask(
                house, shares, kind, shifts, all_day,
                shared.opening_for(read_opening(centre), house, given=shifts is not None or all_day)(curve[0].name),
                shared.with_redials(read_lines(centre), redial)).plan_and_show(
                shared.centre_name(centre), curve[0], scale if scale is not None or arrivals is None else 1.0,
                goals, ChanceSettings(seed), RUNS if runs is None else runs, as_json=as_json, html=html, csv=csv)


def _read_record(sources: RecordSources, state: str | None, centre: Path, arrivals: Path | None,
                 shares: Mapping[ServiceId, float]) -> CallRecord:
    """Return the calls of a state, or those of a file of counts."""
    if (state is None) == (arrivals is None):
        raise PlanningError("a week needs one record: --from-records STATE or --arrivals FILE")
    if state is not None:
        return sources.read_record(state, centre)
    return record_of_days(shared.read_days(arrivals, "all", frozenset(map(str, shares))), shares)


def _simulate_by(shares: Mapping[ServiceId, float], chance: ChanceSettings, runs: int) -> Correct:
    """Return a function that corrects the plan of a day by simulation, or leaves it without runs."""
    def correct_plan(plan: StaffingPlan, day: Day, kinds: Mapping[ServiceId, CallProfile]) -> StaffingPlan:
        return plan_by_simulation(plan, day, dict.fromkeys(shares, 1.0), kinds, chance=chance, runs=runs)

    return correct_plan if runs else leave_plan


def _goals_of(centre: Centre, target: float | None, within: float | None,
              shrinkage: float) -> dict[ServiceId, ServiceGoal]:
    return {service.id: ServiceGoal(service.target_share if target is None else target,
                                    service.target_s if within is None else within, shrinkage)
            for service in centre.services}


class _StaffingTask:
    """A centre that needs a staffing plan."""

    def __init__(self, centre: Centre, shares: Mapping[ServiceId, float], kind: CallProfile, shifts: Path | None,
                 all_day: bool, opening: OpeningHours, lines: LineRules | None) -> None:
        self.centre, self.shares, self.opening, self.lines = centre, shares, opening, lines
        self.kinds = dict.fromkeys(shares, kind)
        self.names = {service.id: service.name for service in centre.services}
        self.duties = opening.complete_duties(shared.read_duties(centre, shifts, all_day))

    def plan_and_show(self, name: str, curve: Day, scale: float | None, goals: Mapping[ServiceId, ServiceGoal],
                      chance: ChanceSettings, runs: int, *, as_json: bool, html: Path | None,
                      csv: Path | None) -> None:
        """Plan the agents and show the plan in each requested form."""
        # 1. Plan by Erlang A, then correct by simulation.
        factor = fit_factor(curve, self.centre, self.duties, self.shares, self.kinds) if scale is None else scale
        day = curve.scale_counts(factor)
        if not day.total:
            raise PlanningError(f"no calls come on {day.name}")
        plan = plan_by_erlang(day, self.shares, goals, self.kinds)
        if runs:
            plan = self._simulate_plan(plan, day, chance, runs)
        # 2. Compare the plan with the agents on duty.
        there = presence_by_slot(self.centre, self.duties)
        wrong = self._find_troubles(plan)
        on_duty = {(service, slot): there[slot].can_serve([service]) for service in self.names for slot in range(SLOTS)}
        kept = self._find_kept(plan, on_duty)
        everybody = [sum(one.by_skills.values()) for one in there]
        height = "as high as those on duty can carry" if scale is None else f"times {factor:.4g}"
        sentences = [f"{day.name}, {height}: {day.total:.0f} calls expected. {len(self.centre.agents)} agents in all.",
                     *opening_words(self.opening, self.centre), *view.describe_plan(plan, runs),
                     *describe_need(find_line_need(plan, REDIAL_SHARE if self.lines is None else
                                                   self.lines.redial_share), self.lines),
                     *(one.describe_kept() for one in kept)]
        # 3. Write and print the plan.
        if csv is not None:
            shared.write_file(csv, view.render_csv(plan, on_duty))
        if html is not None:
            shared.write_file(html, view.render_page(
                f"Staffing of {name}", sentences, plan, self.names, wrong, everybody))
        if as_json:
            typer.echo(json.dumps({"scale": factor, **self._summarise_plan(plan, wrong),
                                   "keep_free": [one._asdict() for one in kept]}, ensure_ascii=False, indent=1))
        else:
            self._print_plan(plan, wrong, sentences)

    def _find_kept(self, plan: StaffingPlan, on_duty: Mapping[tuple[ServiceId, int], float]) -> list[KeptAgents]:
        """Return how many agents each distress service should keep free, in its half hour that needs most."""
        # Loaded here, because it loads numpy, which other commands do not need.
        from planning.staffing.kept_agents import find_kept

        return [found for service in self.centre.services if service.distress
                and (found := find_kept(service, plan, on_duty, self.kinds)) is not None]

    def _simulate_plan(self, plan: StaffingPlan, day: Day, chance: ChanceSettings, runs: int) -> StaffingPlan:
        with shared.progress_bar(Console(stderr=True)) as shown:
            task = shown.add_task("simulating", total=(ROUNDS + 1) * runs)
            return plan_by_simulation(plan, day, self.shares, self.kinds, chance=chance, runs=runs,
                                      progress=lambda done, most: shown.update(task, completed=done, total=most))

    def _find_troubles(self, plan: StaffingPlan) -> list[CoverageTrouble]:
        loads: list[dict[ServiceId, float]] = [{} for _ in range(SLOTS)]
        for need in plan.needs:
            loads[need.slot][need.service] = need.load
        needed = {(need.service, need.slot): need.agents for need in plan.needs}
        return find_troubles(self.centre, self.duties, loads, self.opening.hours, needed)

    def _summarise_plan(self, plan: StaffingPlan, wrong: Sequence[CoverageTrouble]) -> dict[str, object]:
        return {
            "needs": [{**need._asdict(), "goal": need.goal._asdict(), "start": format_clock(need.slot * SLOT_S),
                       "misses": need.misses_target()} for need in plan.needs],
            "pooled": {format_clock(slot * SLOT_S): agents for slot, agents in plan.pooled.items()},
            "corrections": plan.rounds,
            "warnings": [{**one._asdict(), "text": one.describe_trouble(self.names)} for one in wrong],
        }

    def _print_plan(self, plan: StaffingPlan, wrong: Sequence[CoverageTrouble], sentences: Sequence[str]) -> None:
        console = OutputConsole(highlight=False)
        for one in sentences:
            console.print(one, markup=False)
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        fixed = set(view.table_head({}))
        for title in view.table_head(self.names):
            table.add_column(escape(title), overflow="fold", justify="right" if table.columns else "left",
                             no_wrap=title in fixed)
        for line in view.table_rows(plan, self.names):
            table.add_row(*line)
        console.print(table)
        for trouble in wrong:
            console.print(f"warning: {trouble.describe_trouble(self.names)}", markup=False, soft_wrap=True)
        if not wrong:
            console.print("No warnings: each open service has an agent on duty, and each set of services enough.")


def _checked_days(arrivals: Path | None, day: str | None, scale: float | None) -> list[Day]:
    """Return the named day, or all days of the file. Without a file the typical weekday is checked.

    Days without calls are left out, because they have no service level.
    """
    found = shared.read_days(arrivals, "all" if arrivals is not None and day is None else day, frozenset())
    days = [one.scale_counts(1.0 if scale is None else scale) for one in found]
    if not any(one.total for one in days):
        raise PlanningError(f"no calls come on {days[0].name}" if len(days) == 1 else "no calls come on any day")
    return [one for one in days if one.total]


def _check_days(days: Sequence[Day], agents: int, kind: CallProfile, limit_s: float, seed: int) -> list[CheckedDay]:
    # Loaded here, because it loads numpy, which other commands do not need.
    from planning.staffing.forecast_check import check_days

    if kind.patience_s == inf:
        raise PlanningError("--check needs a patience: without one the queue of an overload grows without end")
    with shared.progress_bar(Console(stderr=True)) as shown:
        task = shown.add_task("days", total=len(days))
        return list(check_days(days, agents, kind, limit_s, seed=seed,
                               progress=lambda done: shown.update(task, completed=done)))


CHECK_HEAD = ("Day", "Calls", "Peak load", "Overload min", "Erlang A", "carried", "Simulated", "±", "Difference")


def _show_check(days: Sequence[Day], found: Sequence[CheckedDay], *, as_json: bool, csv: Path | None) -> None:
    """Print a table of all days, then the days on which single intervals miss the simulation."""
    from planning.staffing.forecast_check import dispersion_of

    # 1. Programs get all fields as CSV or JSON.
    if csv is not None:
        shared.write_file(csv, csv_text([
            [*found[0]._fields[:-1], "alone_is_off", "carried_is_off", "why"],
            *([*one[:-1], int(one.alone_is_off), int(one.carried_is_off), one.explain_miss()] for one in found)]))
    if as_json:
        typer.echo(json.dumps([{**one._asdict(), "alone_is_off": one.alone_is_off, "carried_is_off": one.carried_is_off,
                                "why": one.explain_miss()} for one in found], ensure_ascii=False, indent=1))
        return
    # 2. People get a table. Days with a miss are bold.
    console = OutputConsole(highlight=False)
    table = Table(*CHECK_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in found:
        table.add_row(one.name, f"{one.calls:.0f}", f"{one.peak_load:.3f}", f"{one.overload_s / 60:.0f}",
                      f"{one.alone:.4f}", f"{one.carried:.4f}", f"{one.simulated:.4f}", f"{1.96 * one.error:.4f}",
                      f"{100 * (one.carried - one.simulated):+.2f}",
                      style="bold" if one.alone_is_off or one.carried_is_off else None)
    console.print(table)
    # 3. Explain each miss, then count the misses of both forecasts.
    for one in found:
        if one.alone_is_off:
            console.print(f"{one.name}: intervals alone are off by {100 * (one.alone - one.simulated):+.1f} points "
                          f"({one.explain_miss()})", markup=False, soft_wrap=True)
    alone, carried = sum(one.alone_is_off for one in found), sum(one.carried_is_off for one in found)
    console.print(f"Within 2 points of the simulation: Erlang A of each interval alone on {len(found) - alone} of "
                  f"{len(found)} days, carried through the day on {len(found) - carried}.", markup=False)
    spread = dispersion_of(days)
    if spread is not None:
        console.print(f"Counts of an interval from day to day, scaled by day: variance / mean {spread:.2f} "
                      "(Poisson: 1).", markup=False)
