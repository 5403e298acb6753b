"""Plan a week for `santral staff --from-records`: forecast, needs and roster."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from drawing.chart import format_clock
from drawing.console_output import OutputConsole
from drawing.output import csv_text, make_table
from planning import options as shared
from planning.errors import PlanningError
from planning.simulation.arrivals import CallProfile
from planning.simulation.outcome import SLOT_S
from planning.staffing.call_record import CallRecord, KindOn, always_ordinary, monday_of
from planning.staffing.requirement import SLOTS
from planning.staffing.week_plan import Correct, WeekPlan, WeekTask
from planning.staffing.week_view import WeekView, list_assumptions

FromRecords = Annotated[str | None, typer.Option("--from-records", metavar="STATE", help=(
    "Plan a week from the calls in a state: forecast, needs and roster. STATE as for `santral report`."))]
Week = Annotated[str | None, typer.Option("--week", help=(
    "Week to plan: a date of it or 2026-W12. Default: the one after the record. With --arrivals the file is the "
    "record."))]
RosterFile = Annotated[Path | None, typer.Option("--roster", help="Write the roster of the week as a page to print.")]
OnDutyFile = Annotated[Path | None, typer.Option("--on-duty", help=(
    "Write the roster of the week as lines of on_duty for team.yaml."))]


def no_records(place: str, centre: Path) -> CallRecord:
    """Raise PlanningError. This is the reader where no store can be read."""
    raise PlanningError(f"no records can be read from {place} here")


def no_calendar(centre: Path) -> KindOn:
    """Return a calendar without holidays."""
    return always_ordinary


class RecordSources(NamedTuple):
    """Functions of `santral` that read recorded calls and the calendar."""

    read_record: Callable[[str, Path], CallRecord] = no_records
    """Return the calls of a state, by the clock of the centre in a folder."""
    read_calendar: Callable[[Path], KindOn] = no_calendar
    """Return the calendar of the centre in a folder."""


class WeekOptions(NamedTuple):
    """Options of `santral staff` for a week."""

    week: str | None
    roster: Path | None
    on_duty: Path | None
    as_json: bool
    html: Path | None
    csv: Path | None


def parse_week(text: str | None, record: CallRecord) -> date:
    """Return the Monday of a week. Raise PlanningError if the text names none."""
    if text is None:
        return monday_of(record.last) + timedelta(days=7)
    try:
        return monday_of(date.fromisoformat(text))
    except ValueError:
        raise PlanningError(f"--week {text}: {text!r} is no week; write 2026-03-16 (any day of it) or "
                            "2026-W12") from None


def show_week(task: WeekTask, assumed: CallProfile, shrinkage: float, correct: Correct, options: WeekOptions,
              centre: str) -> None:
    """Plan the week, and write and print what the options ask for."""
    # 1. Measured figures of the record come before assumed ones.
    kinds = {service.id: task.record.profiles.get(service.id, assumed) for service in task.centre.services}
    plan = task._replace(kinds=kinds).plan_week(parse_week(options.week, task.record), correct)
    view = WeekView(plan, {service.id: service.name for service in task.centre.services},
                    list_assumptions(kinds, task.record.profiles, shrinkage))
    # 2. Write the files.
    page = view.render_page(centre) if options.roster or options.html else ""
    for path in filter(None, (options.roster, options.html)):
        shared.write_file(path, page)
    if options.on_duty is not None:
        shared.write_file(options.on_duty, view.render_on_duty())
    if options.csv is not None:
        shared.write_file(options.csv, csv_text(list_needs(plan)))
    # 3. Print the plan.
    if options.as_json:
        typer.echo(json.dumps(view.to_json(), ensure_ascii=False, indent=1))
        return
    console = OutputConsole(highlight=False, soft_wrap=True)
    for sentence in view.describe_plan():
        console.print(sentence, markup=False)
    console.print(make_table(("Date", "", "Calls", "Most needed", "Shifts", "Forecast"), view.day_rows()))
    console.print(make_table(("Agent", *(f"{view.day_of(day):%a %d}" for day in range(7)), "Hours"),
                             view.roster_rows()))
    for day in range(7):
        if rows := view.break_rows(day):
            console.print(make_table(("Agent", f"{view.day_of(day)}", "Breaks"), rows))


def list_needs(plan: WeekPlan) -> list[list[object]]:
    """Return the needs as rows of a CSV, with their head."""
    rows: list[list[object]] = [["date", "half_hour", "service", "calls", "scheduled"]]
    for day, needs in zip(plan.days, plan.needs, strict=True):
        for service, slots in needs.items():
            counts = day.services.get(service) or (0.0,) * SLOTS
            rows += [[day.date, format_clock(slot * SLOT_S), service, f"{counts[slot]:.2f}", agents]
                     for slot, agents in enumerate(slots) if agents or counts[slot]]
    return rows
