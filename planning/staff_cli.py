"""`santral staff`: agents by service and half hour for a target, what is wrong with the duties, and whether forecasts
hold. Exit 2: what was given cannot be used; 1: a file cannot be written."""

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

from drawing.chart import clock
from drawing.output import csv_text
from planning import cli as shared
from planning import staff_view as view
from planning.arrivals import HANDLE_S, HANDLE_SD_S, PATIENCE_S, Chance, Day, Kind
from planning.coverage import Trouble, presence, troubles
from planning.duties import team_of
from planning.erlang import LONGEST_PATIENCE_S
from planning.errors import PlanningError
from planning.opening import Opening, among
from planning.opening import words as opening_words
from planning.outcome import SLOT_S
from planning.simulate import fitted
from planning.staffing import ROUNDS, RUNS, SLOTS, Goal, Staffing, by_erlang, by_simulation
from routing.core.ids import ServiceId
from routing.core.model import Centre

if TYPE_CHECKING:
    from planning.forecast import Checked

CHECKED_AGENTS = 180
"""Agents of `--check` when none are given: the peak of the typical weekday is 95 % of them."""

CHECKED_WITHIN_S = 20.0
"""Their limit when none is given: the field's usual one."""

Target = Annotated[float | None, typer.Option("--target", min=0.01, max=0.999, callback=shared.number, help=(
    "Share of calls to be answered in time; each service's own when not given."))]
Within = Annotated[float | None, typer.Option("--within", min=0.0, max=shared.LONGEST_S, callback=shared.number, help=(
    "In time: seconds; each service's own when not given."))]
Handle = Annotated[float, typer.Option("--handle", min=1.0, max=shared.LONGEST_S, callback=shared.number, help=(
    "Mean handle time in seconds: talk and wrap-up."))]
HandleSd = Annotated[float, typer.Option("--handle-sd", min=0.0, max=shared.LONGEST_S, callback=shared.number, help=(
    "Standard deviation of the handle time."))]
Shrinkage = Annotated[float, typer.Option("--shrinkage", min=0.0, max=0.9, callback=shared.number, help=(
    "Share of scheduled agents who are away: breaks, training, illness."))]
Runs = Annotated[int, typer.Option("--runs", min=0, max=1_000, help="Simulated days before each correction; 0: Erlang "
                                                                    "A only.")]
Check = Annotated[bool, typer.Option("--check", help="Does the forecast hold? Erlang A beside the simulation, day by "
                                                     "day, all agents in one pool (default 180).")]


def mount(app: typer.Typer, read_centre: shared.ReadCentre, read_opening: shared.ReadOpening,
          default_centre: Path) -> None:
    """Add the command."""

    @app.command("staff")
    def staff(
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")] = default_centre,
        target: Target = None, within: Within = None, handle: Handle = HANDLE_S, handle_sd: HandleSd = HANDLE_SD_S,
        patience: shared.Patience = PATIENCE_S, shrinkage: Shrinkage = 0.0, arrivals: shared.Arrivals = None,
        day: shared.Which = None, scale: shared.Scale = None, share: shared.Share = None,
        agents: shared.Agents = None, shifts: shared.Shifts = None, all_day: shared.AllDay = False,
        seed: shared.Seed = 1, runs: Runs = RUNS, check: Check = False, as_json: shared.AsJson = False,
        html: shared.Html = None, csv: shared.Csv = None,
    ) -> None:
        """Agents by service and half hour for a target: Erlang A first, then corrected by simulation.

        Warns of open services that nobody on duty may serve, and of services whose work is more than those on duty who
        can do it. --check: how well the forecast holds, for one day or every day of --arrivals."""
        kind = Kind(handle, handle_sd, patience)
        with shared.told():
            shared.ready(html, csv)
            if LONGEST_PATIENCE_S < patience < inf:
                raise PlanningError(f"--patience {patience:g}: at most {LONGEST_PATIENCE_S:g} s, or inf: nobody gives "
                                    "up")
            if check:
                days = _checked_days(arrivals, day, scale)
                limit_s = CHECKED_WITHIN_S if within is None else within
                found = _check(days, agents or CHECKED_AGENTS, kind, limit_s, seed)
                _show_check(days, found, as_json=as_json, csv=csv)
                return
            house = read_centre(centre)
            if agents is not None:
                house = team_of(house, agents)
            shares = shared.shares_given(house, share)
            curve = shared.days_given(arrivals, day, frozenset(map(str, shares)))
            if len(curve) != 1:
                raise PlanningError("a plan is for one day; name it by --day")
            _Plan(house, shares, kind, shifts, all_day, among(read_opening(centre), house)(curve[0].name)).show(
                shared.house_name(centre), curve[0], scale if scale is not None or arrivals is None else 1.0,
                _goals(house, target, within, shrinkage), Chance(seed), runs, as_json=as_json, html=html, csv=csv)


def _goals(centre: Centre, target: float | None, within: float | None, shrinkage: float) -> dict[ServiceId, Goal]:
    return {service.id: Goal(service.target_share if target is None else target,
                             service.target_s if within is None else within, shrinkage)
            for service in centre.services}


class _Plan:
    """A centre to be staffed."""

    def __init__(self, centre: Centre, shares: Mapping[ServiceId, float], kind: Kind, shifts: Path | None,
                 all_day: bool, opening: Opening) -> None:
        self.centre, self.shares, self.opening = centre, shares, opening
        self.kinds = dict.fromkeys(shares, kind)
        self.names = {service.id: service.name for service in centre.services}
        self.duties = [*shared.duties_given(centre, shifts, all_day), *opening.duties()]

    def show(self, name: str, curve: Day, scale: float | None, goals: Mapping[ServiceId, Goal], chance: Chance,
             runs: int, *, as_json: bool, html: Path | None, csv: Path | None) -> None:
        """Plan, and tell it in every form asked for."""
        factor = fitted(curve, self.centre, self.duties, self.shares, self.kinds) if scale is None else scale
        day = curve.scaled(factor)
        if not day.total:
            raise PlanningError(f"no calls come on {day.name}")
        plan = by_erlang(day, self.shares, goals, self.kinds)
        if runs:
            plan = self._simulated(plan, day, chance, runs)
        there = presence(self.centre, self.duties)
        wrong = self._troubles(plan)
        on_duty = {(service, slot): there[slot].can_serve([service]) for service in self.names for slot in range(SLOTS)}
        everybody = [sum(one.by_skills.values()) for one in there]
        height = "as high as those on duty can carry" if scale is None else f"times {factor:.4g}"
        sentences = [f"{day.name}, {height}: {day.total:.0f} calls expected. {len(self.centre.agents)} agents in all.",
                     *opening_words(self.opening, self.centre), *view.words(plan, runs)]
        if csv is not None:
            shared.write(csv, view.as_csv(plan, on_duty))
        if html is not None:
            shared.write(html, view.as_page(f"Staffing of {name}", sentences, plan, self.names, wrong, everybody))
        if as_json:
            typer.echo(json.dumps({"scale": factor, **self._summary(plan, wrong)}, ensure_ascii=False, indent=1))
        else:
            self._print(plan, wrong, sentences)

    def _simulated(self, plan: Staffing, day: Day, chance: Chance, runs: int) -> Staffing:
        with shared.bar(Console(stderr=True)) as shown:
            task = shown.add_task("simulating", total=(ROUNDS + 1) * runs)
            return by_simulation(plan, day, self.shares, self.kinds, chance=chance, runs=runs,
                                 progress=lambda done, most: shown.update(task, completed=done, total=most))

    def _troubles(self, plan: Staffing) -> list[Trouble]:
        loads: list[dict[ServiceId, float]] = [{} for _ in range(SLOTS)]
        for need in plan.needs:
            loads[need.slot][need.service] = need.load
        needed = {(need.service, need.slot): need.agents for need in plan.needs}
        return troubles(self.centre, self.duties, loads, self.opening.hours, needed)

    def _summary(self, plan: Staffing, wrong: Sequence[Trouble]) -> dict[str, object]:
        return {
            "needs": [{**need._asdict(), "goal": need.goal._asdict(), "start": clock(need.slot * SLOT_S),
                       "misses": need.misses()} for need in plan.needs],
            "pooled": {clock(slot * SLOT_S): agents for slot, agents in plan.pooled.items()},
            "corrections": plan.rounds,
            "warnings": [{**one._asdict(), "text": one.text(self.names)} for one in wrong],
        }

    def _print(self, plan: Staffing, wrong: Sequence[Trouble], sentences: Sequence[str]) -> None:
        console = Console(highlight=False)
        for one in sentences:
            console.print(one, markup=False)
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        fixed = set(view.head({}))
        for title in view.head(self.names):
            table.add_column(escape(title), overflow="fold", justify="right" if table.columns else "left",
                             no_wrap=title in fixed)
        for line in view.lines(plan, self.names):
            table.add_row(*line)
        console.print(table)
        for trouble in wrong:
            console.print(f"warning: {trouble.text(self.names)}", markup=False, soft_wrap=True)
        if not wrong:
            console.print("No warnings: every open service has somebody on duty, and every set of services enough.")


def _checked_days(arrivals: Path | None, day: str | None, scale: float | None) -> list[Day]:
    """Every day of the file unless one is named; the typical weekday without a file. Of days without calls there is
    nothing to check."""
    found = shared.days_given(arrivals, "all" if arrivals is not None and day is None else day, frozenset())
    days = [one.scaled(1.0 if scale is None else scale) for one in found]
    if not any(one.total for one in days):
        raise PlanningError(f"no calls come on {days[0].name}" if len(days) == 1 else "no calls come on any day")
    return [one for one in days if one.total]


def _check(days: Sequence[Day], agents: int, kind: Kind, limit_s: float, seed: int) -> list[Checked]:
    from planning.forecast import check  # numpy is loaded for this only, not for every command

    if kind.patience_s == inf:
        raise PlanningError("--check needs a patience: without one the queue of an overload grows without end")
    with shared.bar(Console(stderr=True)) as shown:
        task = shown.add_task("days", total=len(days))
        return list(check(days, agents, kind, limit_s, seed=seed,
                          progress=lambda done: shown.update(task, completed=done)))


CHECK_HEAD = ("Day", "Calls", "Peak load", "Overload min", "Erlang A", "carried", "Simulated", "±", "Difference")


def _show_check(days: Sequence[Day], found: Sequence[Checked], *, as_json: bool, csv: Path | None) -> None:
    """The table of all days, then those at which intervals alone miss."""
    from planning.forecast import dispersion

    if csv is not None:
        shared.write(csv, csv_text([
            [*found[0]._fields[:-1], "alone_misses", "carried_misses", "why"],
            *([*one[:-1], int(one.alone_misses), int(one.carried_misses), one.why()] for one in found)]))
    if as_json:
        typer.echo(json.dumps([{**one._asdict(), "alone_misses": one.alone_misses, "carried_misses": one.carried_misses,
                                "why": one.why()} for one in found], ensure_ascii=False, indent=1))
        return
    console = Console(highlight=False)
    table = Table(*CHECK_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in found:
        table.add_row(one.name, f"{one.calls:.0f}", f"{one.peak_load:.3f}", f"{one.overload_s / 60:.0f}",
                      f"{one.alone:.4f}", f"{one.carried:.4f}", f"{one.simulated:.4f}", f"{1.96 * one.error:.4f}",
                      f"{100 * (one.carried - one.simulated):+.2f}",
                      style="bold" if one.alone_misses or one.carried_misses else None)
    console.print(table)
    for one in found:
        if one.alone_misses:
            console.print(f"{one.name}: intervals alone are off by {100 * (one.alone - one.simulated):+.1f} points "
                          f"({one.why()})", markup=False, soft_wrap=True)
    alone, carried = sum(one.alone_misses for one in found), sum(one.carried_misses for one in found)
    console.print(f"Within 2 points of the simulation: Erlang A of each interval alone on {len(found) - alone} of "
                  f"{len(found)} days, carried through the day on {len(found) - carried}.", markup=False)
    spread = dispersion(days)
    if spread is not None:
        console.print(f"Counts of an interval from day to day, scaled by day: variance / mean {spread:.2f} "
                      "(Poisson: 1).", markup=False)
