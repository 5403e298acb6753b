"""Hold the options and helpers that the commands of this room share.

Exit code 2 means that an argument or a file is invalid, exit code 1 that a file cannot be written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EISDIR
from math import isnan
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from planning.errors import PlanningError
from planning.simulation import duty_plan
from planning.simulation.arrivals import (
    DEFAULT_DAY,
    Day,
    check_shares,
    shares_of,
)
from planning.simulation.centre_run import Duty
from planning.simulation.counts import choose_days, read_counts
from planning.simulation.opening import OpeningOn, exclude_on_call, ignore_on_duty, restrict_to_team
from planning.simulation.trunk_lines import LineRules
from routing.core.model.centre_model import Centre
from routing.core.model.errors import RoutingError
from routing.core.model.ids import ServiceId

DURATION_MAX_S = 86_400.0
"""Largest talk time, deviation, limit or answer time: one day. A longer one is a typing error, and with a talk of 1e200
s no figure is a number."""

SCALE_MAX = 1_000.0
"""Largest factor for the calls. A curve of one call in each interval can reach the maximum of calls with it."""

SHARE_MAX = 1_000_000.0
"""Largest share of a service. Shares are parts of any sum, for example the calls of a day."""

ReadOpening = Callable[[Path], OpeningOn]
"""Return opening hours and on-call times of the services in a centre's folder. `santral` supplies the function."""

ReadCentre = Callable[[Path], Centre]
"""Return the centre in a folder, or raise PlanningError with its problems. `santral` supplies the function."""

ReadLines = Callable[[Path], LineRules | None]
"""Return the lines of the carrier of the centre in a folder, or None if it names none. `santral` supplies the
function."""

ReadZone = Callable[[Path], ZoneInfo]
"""Return the time zone of the centre in a folder. `santral` supplies the function."""

NoteNeeds = Callable[[str, Path | None, str], None]
"""Write to the audit log that reasons from agents' needs will be shown. `santral` supplies the function. The arguments
are the journal, the folder of the audit log if it is a different one, and the contact. If the function raises, nothing
is shown."""


def no_lines(folder: Path) -> None:
    """Return None. This is the `ReadLines` of centres whose carrier has no limit."""


def with_redials(rules: LineRules | None, share: float) -> LineRules | None:
    """Return the lines with this share of blocked callers who call again."""
    return None if rules is None else rules._replace(redial_share=share)


def require_number(value: float | None) -> float | None:
    """Reject nan in an option. It compares as neither less nor more than a bound, so typer up to 0.15 lets it pass."""
    if value is not None and isnan(value):
        raise typer.BadParameter("nan is no number")
    return value


Arrivals = Annotated[Path | None, typer.Option("--arrivals", help=(
    "CSV file with date,slot,calls[,service]. Default: the curve of a typical weekday."))]
DayChoice = Annotated[str | None, typer.Option("--day", help=(
    "A date within --arrivals, or 'all'. Default: the median day."))]
Agents = Annotated[int | None, typer.Option("--agents", min=1, max=100_000, help=(
    "Number of agents: a part of the team, or the team repeated."))]
Shifts = Annotated[Path | None, typer.Option("--shifts", help=(
    "CSV file with agent,start,end[,break ...], e.g. a1001,08:00,16:00,10:00-10:15."))]
AllDay = Annotated[bool, typer.Option("--all-day", help="All agents work all day, without breaks.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the random numbers. The same seed gives the same day.")]
Runs = Annotated[int, typer.Option("--runs", min=1, max=1_000, help="Runs of each day, each with a different seed.")]
Scale = Annotated[float | None, typer.Option("--scale", min=0.0, max=SCALE_MAX, callback=require_number, help=(
    "Multiply call volume by this factor. Default: 1 for a CSV file; the built-in curve is scaled to what the team "
    "can handle."))]
Share = Annotated[list[str] | None, typer.Option("--share", help=(
    "SERVICE=PART, e.g. temsilci=0.4. Repeat it for more services. Services without a share get no calls."))]
Handle = Annotated[float, typer.Option("--handle", min=1.0, max=DURATION_MAX_S, callback=require_number,
                                       help="Mean talk in seconds (lognormal).")]
HandleSd = Annotated[float, typer.Option("--handle-sd", min=0.0, max=DURATION_MAX_S, callback=require_number,
                                         help="Standard deviation of the talk.")]
Patience = Annotated[float, typer.Option("--patience", min=1.0, callback=require_number, help=(
    "Mean patience in seconds (exponential). With inf no caller gives up."))]
AnswerS = Annotated[float, typer.Option("--answer", min=0.0, max=DURATION_MAX_S, callback=require_number, help=(
    "Seconds until an agent answers the phone."))]
DayCv = Annotated[float, typer.Option("--day-cv", min=0.0, max=1.0, callback=require_number, help=(
    "Variation between days: the coefficient of variation of a day's calls."))]
Redial = Annotated[float, typer.Option("--redial", min=0.0, max=0.99, callback=require_number, help=(
    "Share of the callers without a line who call again, each time. The lines are those of the centre's files."))]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page with pictures to this file.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Write figures by service and half hour to this file.")]


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Turn invalid input into one message on stderr and exit code 2."""
    try:
        yield
    except (PlanningError, RoutingError) as error:
        typer.echo(f"santral: {error}", err=True)
        raise typer.Exit(2) from None


def require_writable(*paths: Path | None) -> None:
    """Exit with code 1 if one of the files cannot be written. Commands call this before a long simulation."""
    for path in filter(None, paths):
        with _exit_if_unwritable(path):
            if path.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
            # Only a write shows whether the folder permits it, so create a file next to the target and remove it.
            part = _part_path(path)
            part.touch()
            part.unlink()


def write_file(path: Path, text: str) -> None:
    """Write a whole file or none. Exit with code 1 if the file cannot be written."""
    with _exit_if_unwritable(path):
        # A rename replaces the file in one step, so a reader never sees half of it.
        part = _part_path(path)
        part.write_text(text, encoding="utf-8")
        part.replace(path)


def _part_path(path: Path) -> Path:
    return path.with_name(path.name + ".part")


@contextmanager
def _exit_if_unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        typer.echo(f"santral: {path} cannot be written: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None


def centre_name(centre: Path) -> str:
    """Return the name of a centre for a page, which is the name of its folder."""
    return centre.resolve().name


def progress_bar(console: Console) -> Progress:
    """Return a progress bar, which stays hidden if stderr is no terminal."""
    return Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
                    console=console, transient=True, disable=not console.is_terminal)


def read_duties(centre: Centre, shifts: Path | None, all_day: bool) -> list[Duty]:
    """Return the agents' duties as the options ask for them.

    Agents on call work by the roster, unless a shift file is given.
    """
    if shifts is not None and all_day:
        raise PlanningError("--shifts and --all-day contradict each other; leave one of them")
    if shifts is not None:
        return duty_plan.read_shifts(shifts, centre)
    return exclude_on_call(duty_plan.plan_all_day(centre) if all_day else duty_plan.plan_shifts(centre), centre)


def opening_for(opening: OpeningOn, centre: Centre, *, given: bool) -> OpeningOn:
    """Return the hours for this team. `given`: the options give the duties, so `on_duty` of the files does not."""
    return restrict_to_team(ignore_on_duty(opening) if given else opening, centre)


def read_days(arrivals: Path | None, day: str | None, services: frozenset[str]) -> list[Day]:
    """Return the days that the options name."""
    if arrivals is None:
        if day is not None:
            raise PlanningError("--day chooses among the days of a file; add --arrivals FILE")
        return [DEFAULT_DAY]
    return choose_days(read_counts(arrivals, services), day)


def parse_shares(centre: Centre, texts: list[str] | None) -> dict[ServiceId, float]:
    """Return the share of each service from the options, or from the team if there are none."""
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
        if not 0.0 <= found[ServiceId(name)] <= SHARE_MAX:
            raise PlanningError(f"--share {text}: a share is from 0 to {SHARE_MAX:.0f}")
    check_shares(found)
    return found
