"""`santral simulate`: what a day would be like. Exit 2: what was given cannot be used; 1: a file cannot be written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from errno import EISDIR
from math import isnan
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from drawing.output import make_table
from planning import duties, report
from planning.arrivals import DEFAULT_DAY, HANDLE_S, HANDLE_SD_S, PATIENCE_S, Chance, Day, Kind, check, shares_of
from planning.counts import choose, read_counts
from planning.errors import PlanningError
from planning.house import Duty
from planning.opening import OpeningOn, among, at_seats
from planning.opening import words as opening_words
from planning.replay import Journal
from planning.simulate import PEAK_LOAD, Study, fitted, simulate, spread, summary, together
from planning.simulate import Run as OneRun
from routing.core.errors import RoutingError
from routing.core.ids import ServiceId
from routing.core.model import Centre

SHOWN = tuple(place for place, title in enumerate(report.HEAD) if title not in ("P50", "Overflow"))
"""Columns of the table in a terminal of 80; the page has all."""

LONGEST_S = 86_400.0
"""A talk, its deviation, a limit or the time until an agent picks up: a day. Longer ones are slips of the pen, and with
1e200 s for a talk no figure is a number any more."""

MOST_SCALE = 1_000.0
"""Times as many calls: what a curve of one call in each interval may become, and more than any other needs."""

MOST_SHARE = 1_000_000.0
"""Of a service: shares are parts of any sum, calls of a day for instance."""

ReadOpening = Callable[[Path], OpeningOn]
"""Given by `santral`: when the services of that folder are open, and who is on call."""

ReadCentre = Callable[[Path], Centre]
"""Given by `santral`: the centre of a folder. Raises PlanningError with what is wrong with it."""

ReadZone = Callable[[Path], ZoneInfo]
"""Given by `santral`: a centre's clock."""

DrawOthers = Callable[[], dict[str, str]]
"""Given by `santral`: pictures of the documentation that other rooms draw, by file name."""

OpenJournal = Callable[[str], AbstractContextManager[Journal]]
"""Given by `santral`: the journal of a state. Raises PlanningError when there is none."""

NoteNeeds = Callable[[str, Path | None, str], None]
"""Given by `santral`: note that what agents need is about to be shown: the journal, the folder of its record if it is
another, the contact. Raises what a command tells; then nothing is shown."""



def number(value: float | None) -> float | None:
    """For options: nan is neither less nor more than a bound, and typer up to 0.15 lets it pass them all."""
    if value is not None and isnan(value):
        raise typer.BadParameter("nan is no number")
    return value


Arrivals = Annotated[Path | None, typer.Option("--arrivals", help="CSV date,slot,calls[,service] instead of a typical "
                                                                  "weekday's curve.")]
Which = Annotated[str | None, typer.Option("--day", help="Date within --arrivals, or 'all'; the median day when not "
                                                         "given.")]
Agents = Annotated[int | None, typer.Option("--agents", min=1, max=100_000, help="So many agents: fewer of the team, "
                                                                                 "or the team repeated.")]
Shifts = Annotated[Path | None, typer.Option("--shifts", help="CSV agent,start,end[,break ...], e.g. "
                                                              "a1001,08:00,16:00,10:00-10:15.")]
AllDay = Annotated[bool, typer.Option("--all-day", help="Everybody is there all day, without breaks.")]
Seed = Annotated[int, typer.Option("--seed", help="Same seed, same day.")]
Runs = Annotated[int, typer.Option("--runs", min=1, max=1_000, help="Runs of each day, each with other chance.")]
Scale = Annotated[float | None, typer.Option("--scale", min=0.0, max=MOST_SCALE, callback=number, help=(
    "Times as many calls. Without it a file is taken as it is, and the typical curve is made as high as the team can "
    "carry."))]
Share = Annotated[list[str] | None, typer.Option("--share", help="SERVICE=PART, e.g. temsilci=0.4; may be given "
                                                                 "again. Services not named get nothing.")]
Handle = Annotated[float, typer.Option("--handle", min=1.0, max=LONGEST_S, callback=number,
                                       help="Mean talk in seconds (lognormal).")]
HandleSd = Annotated[float, typer.Option("--handle-sd", min=0.0, max=LONGEST_S, callback=number,
                                         help="Standard deviation of the talk.")]
Patience = Annotated[float, typer.Option("--patience", min=1.0, callback=number,
                                         help="Mean patience in seconds (exponential); inf: nobody gives up.")]
AnswerS = Annotated[float, typer.Option("--answer", min=0.0, max=LONGEST_S, callback=number,
                                        help="Seconds until an agent picks up.")]
DayCv = Annotated[float, typer.Option("--day-cv", min=0.0, max=1.0, callback=number,
                                      help="How much days differ: coefficient of variation of the day's height.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page with pictures.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Write figures by service and half hour.")]


def commands(read_centre: ReadCentre, read_opening: ReadOpening, read_zone: ReadZone, default_centre: Path,
             open_journal: OpenJournal, note_needs: NoteNeeds, draw_others: DrawOthers) -> typer.Typer:
    """The commands of this room, to be mounted without a name. `draw_others`: pictures of the documentation that other
    rooms draw."""
    app = typer.Typer(no_args_is_help=True)

    @app.command("simulate")
    def simulate_(
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")] = default_centre,
        arrivals: Arrivals = None, day: Which = None, agents: Agents = None, shifts: Shifts = None,
        all_day: AllDay = False, seed: Seed = 1, runs: Runs = 1, scale: Scale = None, share: Share = None,
        handle: Handle = HANDLE_S, handle_sd: HandleSd = HANDLE_SD_S, patience: Patience = PATIENCE_S,
        answer: AnswerS = 0.0, day_cv: DayCv = 0.0, as_json: AsJson = False, html: Html = None, csv: Csv = None,
    ) -> None:
        """A day of the centre through the routing engine itself: service level, waits, occupancy, order.

        Waits are in seconds. SL is answered within each service's target / (answered + abandoned)."""
        with told():
            ready(html, csv)
            house = read_centre(centre)
            if agents is not None:
                house = duties.team_of(house, agents)
            plan, opening = duties_given(house, shifts, all_day), among(read_opening(centre), house)
            shares = shares_given(house, share)
            kind = Kind(handle, handle_sd, patience)
            kinds = dict.fromkeys(shares, kind)
            days = days_given(arrivals, day, frozenset(map(str, shares)))
            factor = scale
            if factor is None:
                factor = 1.0 if arrivals is not None else fitted(
                    days[0], house, [*plan, *opening(days[0].name).duties()], shares, kinds)
            study = Study(house, tuple(one.scaled(factor) for one in days), tuple(plan), shares, kinds,
                          Chance(seed, poisson=arrivals is None or factor != 1.0, day_cv=day_cv), runs, opening, answer)
            done = _watched(study)
            words = [*_words(study, factor, fitted_=scale is None and arrivals is None),
                     *(opening_words(opening(days[0].name), house) if len(days) == 1 else ())]
            if csv is not None:
                write(csv, report.as_csv(together(done)))
            if html is not None:
                write(html, report.as_page(f"Simulation of {house_name(centre)}", words, done))
            if as_json:
                typer.echo(json.dumps({"scale": factor, **summary(study, done)}, ensure_ascii=False, indent=1))
            else:
                _show(done, words)

    from planning import pictures, record_cli, staff_cli  # not above: they use the options of this module

    staff_cli.mount(app, read_centre, read_opening, default_centre)
    record_cli.mount(app, read_centre, read_zone, open_journal, note_needs)
    pictures.mount(app, read_centre, default_centre, draw_others)
    return app


@contextmanager
def told() -> Iterator[None]:
    """What was given wrongly is one message on stderr and exit code 2."""
    try:
        yield
    except (PlanningError, RoutingError) as error:
        typer.echo(f"santral: {error}", err=True)
        raise typer.Exit(2) from None


def ready(*paths: Path | None) -> None:
    """Exit 1 when one of these files could not be written: to be asked before all that it will tell is simulated."""
    for path in filter(None, paths):
        with _writing(path):
            if path.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
            part = _part(path)
            part.touch()
            part.unlink()


def write(path: Path, text: str) -> None:
    """A file of ours, whole or not at all. Exit 1 when it cannot be written."""
    with _writing(path):
        part = _part(path)
        part.write_text(text, encoding="utf-8")
        part.replace(path)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        typer.echo(f"santral: {path} cannot be written: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None


def house_name(centre: Path) -> str:
    """What a centre is called on a page: its folder."""
    return centre.resolve().name


def bar(console: Console) -> Progress:
    """How far a simulation is; nothing when nobody watches."""
    return Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
                    console=console, transient=True, disable=not console.is_terminal)


def _watched(study: Study) -> list[OneRun]:
    with bar(Console(stderr=True)) as shown:
        task = shown.add_task("simulating", total=1.0)
        return simulate(study, lambda share: shown.update(task, completed=share))


def duties_given(centre: Centre, shifts: Path | None, all_day: bool) -> list[Duty]:
    """Who sits at a seat when, as the options say. Who is on call is there by the roster, unless a file says it."""
    if shifts is not None and all_day:
        raise PlanningError("--shifts and --all-day contradict each other; leave one of them")
    if shifts is not None:
        return duties.read_shifts(shifts, centre)
    return at_seats(duties.all_day(centre) if all_day else duties.shifts(centre), centre)


def days_given(arrivals: Path | None, day: str | None, services: frozenset[str]) -> list[Day]:
    """The days that the options name."""
    if arrivals is None:
        if day is not None:
            raise PlanningError("--day chooses among the days of a file; add --arrivals FILE")
        return [DEFAULT_DAY]
    return choose(read_counts(arrivals, services), day)


def shares_given(centre: Centre, texts: list[str] | None) -> dict[ServiceId, float]:
    """Shares of the services as given, or as the team is made."""
    if not centre.services:
        raise PlanningError("the centre has no services; write some into services.yaml")
    if not texts:
        return shares_of(centre)
    found = dict.fromkeys((service.id for service in centre.services), 0.0)
    for text in texts:
        name, _, part = text.partition("=")
        if ServiceId(name) not in found:
            raise PlanningError(f"--share {text}: no service {name!r}; there are {', '.join(found)}")
        try:
            found[ServiceId(name)] = float(part)
        except ValueError:
            raise PlanningError(f"--share {text}: {part!r} is no number; write e.g. {name}=0.4") from None
        if not 0.0 <= found[ServiceId(name)] <= MOST_SHARE:
            raise PlanningError(f"--share {text}: a share is from 0 to {MOST_SHARE:.0f}")
    check(found)
    return found


def _words(study: Study, factor: float, *, fitted_: bool) -> list[str]:
    """What was simulated, in sentences."""
    days = study.days
    names = days[0].name if len(days) == 1 else f"{len(days)} days from {days[0].name} to {days[-1].name}"
    height = (f"The curve is made so high that its busiest half hour takes {PEAK_LOAD * 100:.0f} % of those on duty"
              if fitted_ else f"Calls times {factor:.4g}")
    runs = "1 run" if study.runs == 1 else f"{study.runs} runs of each day"
    return [f"{names}, {sum(day.total for day in days):.0f} calls expected, {len(study.centre.agents)} agents, "
            f"{runs}, first seed {study.chance.seed}.", f"{height}."]


def _show(runs: list[OneRun], words: list[str]) -> None:
    console, whole = Console(highlight=False, soft_wrap=True), together(runs)
    for one in words:
        console.print(one, markup=False)
    table = make_table([report.HEAD[place] for place in SHOWN])
    for line in report.lines(whole):
        table.add_row(*(line[place] for place in SHOWN), style="bold" if line[0] == "All" else None)
    console.print(table)
    console.print(report.order_words(whole), markup=False)
    console.print(report.fairness_words(whole), markup=False)
    if len(runs) > 1:
        totals = [one.outcome.total for one in runs]
        console.print(_interval("SL", [one.service_level() for one in totals], 100, "%"),
                      _interval("ASA", [one.asa_s for one in totals], 1, "s"), sep="; ")


def _interval(name: str, values: Sequence[float | None], factor: float, unit: str) -> str:
    found = spread(values)
    if found.mean is None:
        return f"{name} {report.NONE}"
    half = "" if found.half is None else f" ± {found.half * factor:.2f}"
    return f"{name} {found.mean * factor:.2f}{half} {unit} (mean of the runs, 95 % interval)"
