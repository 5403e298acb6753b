"""`santral report` and `santral export`: a period in figures, and its contacts one by one.

Exit 2: what was given cannot be used, or nothing is known of that time; 1: a file cannot be written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from shutil import copymode
from typing import Annotated, NamedTuple, Never, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from metrics import contacts, export, legs, report
from metrics.export import Columns, Row
from metrics.period import BadPeriod, Period, between, named
from metrics.report_view import View, as_csv
from routing.store.reader import Ask


class House(NamedTuple):
    """Given by `santral`: what this room may not know."""

    open_past: Callable[[str], AbstractContextManager[Ask]]
    """The rows of a state, all of one moment."""
    zone: Callable[[Path], ZoneInfo]
    """Of a centre's clock."""
    centre: Path
    """The default centre."""
    picture: Callable[[Path, Path], None]
    """A page as a browser shows it, into a PNG."""


T = TypeVar("T")

STATE = ("STATE is the state folder of a node, its santral.db, or the URL of its database. A running node is not "
         "disturbed.")

Centre = Annotated[Path | None, typer.Option("--centre", help="Folder of the centre: whose clock.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Write half hours and services into this file; - is stdout.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page with pictures into this file; it prints well.")]
Picture = Annotated[Path | None, typer.Option("--picture", hidden=True, help="The page as a PNG; needs --html.")]
English = Annotated[bool, typer.Option("--english", help="In English.")]
State = Annotated[str, typer.Argument(metavar="STATE", help=STATE)]
First = Annotated[str, typer.Option("--from", help="From this local time on: 2026-03-01 or 2026-03-01T08:00.")]
Last = Annotated[str, typer.Option("--to", help="Up to this local time, not included.")]
Out = Annotated[Path, typer.Option("--out", help="File to write, .csv or .parquet.")]
Words = Annotated[list[str], typer.Argument(metavar="[DATE] STATE", help=f"DATE: see the examples. {STATE}")]
Bounds = Annotated[list[str], typer.Argument(metavar="FROM TO STATE", help=f"Local times, TO not included. {STATE}")]


def mount(app: typer.Typer, house: House) -> None:
    """Put the commands beside those of the other rooms."""
    app.add_typer(_reports(house), name="report")
    app.add_typer(_exports(house), name="export")


def _reports(house: House) -> typer.Typer:
    reports = typer.Typer(no_args_is_help=True, help="A day, a week, a month or an interval in figures.")

    @reports.command("day")
    def day(words: Words, centre: Centre = None, csv: Csv = None, html: Html = None, picture: Picture = None,
            english: English = False) -> None:
        """A day (2026-03-02); without DATE yesterday."""
        _tell(house, *_whole("day", words), centre, Asked(csv, html, picture, english))

    @reports.command("week")
    def week(words: Words, centre: Centre = None, csv: Csv = None, html: Html = None, picture: Picture = None,
             english: English = False) -> None:
        """A week from Monday, by a day of it (2026-03-02) or its number (2026-W10); without DATE the last whole one."""
        _tell(house, *_whole("week", words), centre, Asked(csv, html, picture, english))

    @reports.command("month")
    def month(words: Words, centre: Centre = None, csv: Csv = None, html: Html = None, picture: Picture = None,
              english: English = False) -> None:
        """A month (2026-03); without DATE the last whole one."""
        _tell(house, *_whole("month", words), centre, Asked(csv, html, picture, english))

    @reports.command("interval")
    def interval(words: Bounds, centre: Centre = None, csv: Csv = None, html: Html = None, picture: Picture = None,
                 english: English = False) -> None:
        """From one time to another: 2026-03-02T08:00 2026-03-02T12:30."""
        if len(words) != 3:
            raise typer.BadParameter(f"{len(words)} arguments; write: santral report interval FROM TO STATE")
        first, last, state = words
        _tell(house, lambda zone: between(first, last, zone), state, centre, Asked(csv, html, picture, english))

    return reports


def _exports(house: House) -> typer.Typer:
    exports = typer.Typer(no_args_is_help=True, help="What happened, line by line.")

    def exported(what: str, columns: Columns, table: Callable[[Ask, Period, float], list[Row]], state: str, first: str,
                 last: str, out: Path, centre: Path | None) -> None:
        if out.suffix not in export.ENDINGS:
            raise typer.BadParameter(f"--out {out}: the name must end in .csv or .parquet")
        period = _usable(lambda: between(first, last, house.zone(centre or house.centre)))
        with house.open_past(state) as ask:
            days = _usable(lambda: report.export(ask, period, table))
            try:
                with _in_place_of(out) as file:
                    count = export.write(file, columns, days, period.zone)
            except export.NoParquet as error:
                _fail(str(error), 2)
        typer.echo(f"{count} {what} in {out}")

    @exports.command("contacts")
    def contacts_(state: State, first: First, last: Last, out: Out, centre: Centre = None) -> None:
        """The contacts that came in this time, a line each: how they waited and ended. No number, no name."""
        exported("contacts", contacts.COLUMNS, contacts.rows, state, first, last, out, centre)

    @exports.command("legs")
    def legs_(state: State, first: First, last: Last, out: Out, centre: Centre = None) -> None:
        """The legs of calls that began in this time, a line each, as a CDR has them. No number, no name."""
        exported("legs", legs.COLUMNS, legs.rows, state, first, last, out, centre)

    return exports


class Asked(NamedTuple):
    """How a report is wanted: files, and the language."""

    csv: Path | None
    html: Path | None
    picture: Path | None
    english: bool


def _whole(kind: str, words: list[str]) -> tuple[Callable[[ZoneInfo], Period], str]:
    if len(words) > 2:
        raise typer.BadParameter(f"{len(words)} arguments; write: santral report {kind} [DATE] STATE")
    return (lambda zone: named(kind, words[0] if len(words) == 2 else None, zone, time.time())), words[-1]


def _tell(house: House, period: Callable[[ZoneInfo], Period], state: str, centre: Path | None, asked: Asked) -> None:
    if asked.picture is not None and asked.html is None:
        raise typer.BadParameter("--picture is a picture of the page: name its file with --html")
    when = _usable(lambda: period(house.zone(centre or house.centre)))
    with house.open_past(state) as ask:
        found = _usable(lambda: report.read(ask, when))
    view = View(found, english=asked.english)
    if asked.csv is not None and str(asked.csv) == "-":
        typer.echo(as_csv(found), nl=False)
        return
    if asked.csv is not None:
        _write(asked.csv, as_csv(found))
    if asked.html is not None:
        _write(asked.html, view.page())
        if asked.picture is not None:
            house.picture(asked.html, asked.picture)
    if asked.csv is None and asked.html is None:
        _show(view)


def _usable(make: Callable[[], T]) -> T:
    try:
        return make()
    except (BadPeriod, report.NothingKnown) as error:
        _fail(str(error), 2)


def _fail(message: str, code: int) -> Never:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _write(path: Path, text: str) -> None:
    with _in_place_of(path) as file:
        file.write_text(text, encoding="utf-8")


@contextmanager
def _in_place_of(path: Path) -> Iterator[Path]:
    """A file to be written: it takes the place of `path` when it is whole, so a full disk costs nobody the one of
    before. What is no plain file (a pipe, /dev/stdout) is written as it is. Exit 1 when it cannot be written."""
    target = path.resolve()
    plain = not target.exists() or target.is_file()
    part = target.with_name(f"{target.stem}.part{target.suffix}") if plain else path
    try:
        yield part
        if plain:
            if target.exists():
                copymode(target, part)
            part.replace(target)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)  # pyarrow's words name the path once more
        _fail(f"{path} cannot be written: {why}", 1)
    finally:
        if plain:
            with suppress(OSError):
                part.unlink()


def _show(view: View) -> None:
    console = Console(highlight=False)
    console.print(view.title, style="bold", markup=False)
    for line in view.lines():
        console.print(line, markup=False)
    for sheet in view.sheets(narrow=True):
        table = Table(title=sheet.title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False,
                      collapse_padding=True)
        table.add_column(sheet.head[0], overflow="fold")
        for number, title in enumerate(sheet.head[1:], 1):  # names and headings may be broken, figures may not
            least = max(len(row[number]) for row in sheet.rows)
            table.add_column(title, justify="right", overflow="fold", min_width=least,
                             max_width=max([least, *map(len, title.split())]))
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
        if sheet.note:
            console.print(sheet.note, markup=False)
