"""`santral report` and `santral export`: show a period in figures, and its contacts one by one.

Exit 2: an argument cannot be used, or the record does not cover that time. Exit 1: a file cannot be written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date
from pathlib import Path
from shutil import copymode
from typing import Annotated, NamedTuple, Never, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from drawing.console_output import OutputConsole
from drawing.texts import Language
from metrics.reports import contacts, daily_report, day_summary, export, legs, spreadsheet
from metrics.reports.export import Columns, Row
from metrics.reports.mail import MailError, MailPlan, build_mail, send_mail
from metrics.reports.period import BadPeriod, Period, named_period, period_between
from metrics.reports.view import ReportView, render_csv
from routing.store.reader import Query


class ReportOpening(NamedTuple):
    """Opening hours of a centre, as a report needs them."""

    closed_entry: str
    """Menu entry of callers outside the hours; empty: none."""
    spans_on: Callable[[date], Sequence[tuple[int, int]]]
    """Return the open spans of a day in minutes from midnight; empty: closed or open all day."""


class ReportSources(NamedTuple):
    """Functions of `santral` that this room may not import."""

    open_past: Callable[[str], AbstractContextManager[Query]]
    """Open the rows of a state, all of one moment."""
    zone: Callable[[Path], ZoneInfo]
    """Return the zone of a centre's clock."""
    language: Callable[[Path], Language]
    """Return the language of a centre's reports."""
    centre: Path
    """The default centre."""
    picture: Callable[[Path, Path], None]
    """Write a page as a browser shows it into a PNG."""
    opening: Callable[[Path], ReportOpening]
    """Return the opening hours of a centre."""
    mail: Callable[[Path, Path | None, Path], MailPlan]
    """Return where reports go: centre, settings of the machine, state folder. Raise SantralError if nowhere."""


T = TypeVar("T")

STATE = ("STATE is the state folder of a node, its santral.db, or the URL of its database. A running node is not "
         "disturbed.")

Centre = Annotated[Path | None, typer.Option("--centre", help="Folder of the centre, for its clock.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Write half hours and services into this file; - is stdout.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page with pictures into this file; it prints well.")]
Excel = Annotated[Path | None, typer.Option("--excel", help=(
    "Write CSV that a Turkish Excel opens: with ; and a decimal comma."))]
Xlsx = Annotated[Path | None, typer.Option("--xlsx", help="Write a workbook into this file.")]
Picture = Annotated[Path | None, typer.Option("--picture", hidden=True, help="Write the page as a PNG; needs --html.")]
Written = Annotated[Language | None, typer.Option("--language", help="Language; left out: that of the centre.")]
State = Annotated[str, typer.Argument(metavar="STATE", help=STATE)]
First = Annotated[str, typer.Option("--from", help="Start in local time: 2026-03-01 or 2026-03-01T08:00.")]
Last = Annotated[str, typer.Option("--to", help="End in local time, not included.")]
Out = Annotated[Path, typer.Option("--out", help="File to write, .csv or .parquet.")]
Words = Annotated[list[str], typer.Argument(metavar="[DATE] STATE", help=f"DATE: see the examples. {STATE}")]
Bounds = Annotated[list[str], typer.Argument(metavar="FROM TO STATE", help=f"Local times, TO not included. {STATE}")]


def add_commands(app: typer.Typer, house: ReportSources) -> None:
    """Add the commands to the command line."""
    app.add_typer(_report_commands(house), name="report")
    app.add_typer(_export_commands(house), name="export")


def _report_commands(house: ReportSources) -> typer.Typer:
    reports = typer.Typer(no_args_is_help=True, help="Report a day, a week, a month or an interval.")

    @reports.command("day")
    def report_day(words: Words, centre: Centre = None, csv: Csv = None, excel: Excel = None, xlsx: Xlsx = None,
                   html: Html = None, picture: Picture = None, language: Written = None) -> None:
        """Report a day (2026-03-02); without DATE yesterday."""
        _write_report(house, *_parse_words("day", words), centre,
                      ReportOptions(csv, excel, xlsx, html, picture, language))

    @reports.command("week")
    def report_week(words: Words, centre: Centre = None, csv: Csv = None, excel: Excel = None, xlsx: Xlsx = None,
                    html: Html = None, picture: Picture = None, language: Written = None) -> None:
        """Report a week from Monday, by a day of it (2026-03-02) or its number (2026-W10); without DATE the last whole
        one."""
        _write_report(house, *_parse_words("week", words), centre,
                      ReportOptions(csv, excel, xlsx, html, picture, language))

    @reports.command("month")
    def report_month(words: Words, centre: Centre = None, csv: Csv = None, excel: Excel = None, xlsx: Xlsx = None,
                     html: Html = None, picture: Picture = None, language: Written = None) -> None:
        """Report a month (2026-03); without DATE the last whole one."""
        _write_report(house, *_parse_words("month", words), centre,
                      ReportOptions(csv, excel, xlsx, html, picture, language))

    @reports.command("interval")
    def report_interval(words: Bounds, centre: Centre = None, csv: Csv = None, excel: Excel = None, xlsx: Xlsx = None,
                        html: Html = None, picture: Picture = None, language: Written = None) -> None:
        """Report from one time to another: 2026-03-02T08:00 2026-03-02T12:30."""
        if len(words) != 3:
            raise typer.BadParameter(f"{len(words)} arguments; write: santral report interval FROM TO STATE")
        first, last, state = words
        _write_report(house, lambda zone: period_between(first, last, zone), state, centre,
                      ReportOptions(csv, excel, xlsx, html, picture, language))

    @reports.command("mail")
    def mail_report(
        state: Annotated[Path, typer.Argument(metavar="STATE", help="State folder of the node.")],
        day: Annotated[str | None, typer.Option("--day", help="Day of the report; left out: yesterday.")] = None,
        centre: Centre = None,
        settings: Annotated[Path | None, typer.Option("--settings", help="Settings of this machine.")] = None,
        language: Written = None,
    ) -> None:
        """Mail the report of a day as [reports] of santral.toml says: paragraph, page and workbook."""
        folder = centre or house.centre
        plan = house.mail(folder, settings, state)
        view = _read_view(house, lambda zone: named_period("day", day, zone, time.time()), plan.store, folder, language)
        try:
            send_mail(plan, build_mail(plan, view))
        except MailError as error:
            _exit_with(str(error), 1)
        typer.echo(f"{view.title}: sent to {len(plan.to)}")

    return reports


def _export_commands(house: ReportSources) -> typer.Typer:
    exports = typer.Typer(no_args_is_help=True, help="Export contacts or legs, one line each.")

    def write_export(what: str, columns: Columns, table: Callable[[Query, Period, float], list[Row]], state: str,
                     first: str, last: str, out: Path, centre: Path | None) -> None:
        # A wrong ending should fail before a year is read.
        if out.suffix not in export.ENDINGS:
            raise typer.BadParameter(f"--out {out}: the name must end in .csv or .parquet")
        period = _exit_if_unusable(lambda: period_between(first, last, house.zone(centre or house.centre)))
        with house.open_past(state) as ask:
            days = _exit_if_unusable(lambda: daily_report.export_days(ask, period, table))
            try:
                with _replace_when_whole(out) as file:
                    count = export.write_table(file, columns, days, period.zone)
            except export.NoParquet as error:
                _exit_with(str(error), 2)
        typer.echo(f"{count} {what} in {out}")

    @exports.command("contacts")
    def export_contacts(state: State, first: First, last: Last, out: Out, centre: Centre = None) -> None:
        """Export the contacts that came in this time, a line each, with wait and outcome. No number, no name."""
        write_export("contacts", contacts.COLUMNS, contacts.export_rows, state, first, last, out, centre)

    @exports.command("legs")
    def export_legs(state: State, first: First, last: Last, out: Out, centre: Centre = None) -> None:
        """Export the legs of calls that began in this time, a line each, like a CDR. No number, no name."""
        write_export("legs", legs.COLUMNS, legs.export_rows, state, first, last, out, centre)

    return exports


class ReportOptions(NamedTuple):
    """Options of a report: files and language."""

    csv: Path | None
    excel: Path | None
    xlsx: Path | None
    html: Path | None
    picture: Path | None
    language: Language | None


def _parse_words(kind: str, words: list[str]) -> tuple[Callable[[ZoneInfo], Period], str]:
    if len(words) > 2:
        raise typer.BadParameter(f"{len(words)} arguments; write: santral report {kind} [DATE] STATE")
    return (lambda zone: named_period(kind, words[0] if len(words) == 2 else None, zone, time.time())), words[-1]


def _write_report(house: ReportSources, period: Callable[[ZoneInfo], Period], state: str, centre: Path | None,
                  asked: ReportOptions) -> None:
    # 1. Check the arguments, then read everything and close the store.
    if asked.picture is not None and asked.html is None:
        raise typer.BadParameter("--picture is a picture of the page: name its file with --html")
    view = _read_view(house, period, state, centre or house.centre, asked.language)
    # 2. Write what was asked for. The terminal is for a report without files.
    found = view.report
    if asked.csv is not None and str(asked.csv) == "-":
        typer.echo(render_csv(found), nl=False)
        return
    if asked.csv is not None:
        _write_file(asked.csv, render_csv(found))
    if asked.html is not None:
        _write_file(asked.html, view.render_page())
        if asked.picture is not None:
            house.picture(asked.html, asked.picture)
    if asked.excel is not None:
        _write_file(asked.excel, spreadsheet.render_excel_csv(view))
    if asked.xlsx is not None:
        with _replace_when_whole(asked.xlsx) as file:
            file.write_bytes(spreadsheet.render_xlsx(view))
    if not any((asked.csv, asked.excel, asked.xlsx, asked.html)):
        _print_report(view)


def _read_view(house: ReportSources, period: Callable[[ZoneInfo], Period], state: str, folder: Path,
               language: Language | None) -> ReportView:
    """Read everything that a report shows, and close the store."""
    when = _exit_if_unusable(lambda: period(house.zone(folder)))
    opening = house.opening(folder)
    with house.open_past(state) as ask:
        found = _exit_if_unusable(lambda: daily_report.read_report(ask, when, opening.closed_entry))
        summary = day_summary.read_summary(ask, found)
    english = (language or house.language(folder)) is Language.ENGLISH
    return ReportView(found, summary, english=english, hours=open_spans(when, opening))


def open_spans(period: Period, opening: ReportOpening) -> list[tuple[float, float]]:
    """Return the opening hours of a day in Unix seconds; empty for other periods."""
    if period.kind != "day":
        return []
    return [(period.midnight + begin * 60.0, period.midnight + end * 60.0)
            for begin, end in opening.spans_on(period.local_time(period.start).date())]


def _exit_if_unusable(make: Callable[[], T]) -> T:
    try:
        return make()
    except (BadPeriod, daily_report.NothingRecorded) as error:
        _exit_with(str(error), 2)


def _exit_with(message: str, code: int) -> Never:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _write_file(path: Path, text: str) -> None:
    with _replace_when_whole(path) as file:
        # CSV has the line ends that it is made with.
        file.write_text(text, encoding="utf-8", newline="")


@contextmanager
def _replace_when_whole(path: Path) -> Iterator[Path]:
    """Yield a path to write. The file replaces `path` when it is whole, so a full disk costs nobody the old file.

    A target that is no plain file (a pipe, /dev/stdout) is written directly. Exit with 1 if it cannot be written.
    """
    target = path.resolve()
    plain = not target.exists() or target.is_file()
    part = target.with_name(f"{target.stem}.part{target.suffix}") if plain else path
    try:
        yield part
        if plain:
            if target.exists():
                # The new file keeps the access rights of the old one.
                copymode(target, part)
            part.replace(target)
    except OSError as error:
        # The words of pyarrow repeat the path.
        why = os.strerror(error.errno) if error.errno else str(error)
        _exit_with(f"{path} cannot be written: {why}", 1)
    finally:
        if plain:
            with suppress(OSError):
                part.unlink()


def _print_report(view: ReportView) -> None:
    console = OutputConsole(highlight=False)
    console.print(view.title, style="bold", markup=False)
    for line in view.intro_lines():
        console.print(line, markup=False)
    for sheet in view.build_sheets(narrow=True):
        table = Table(title=sheet.title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False,
                      collapse_padding=True)
        table.add_column(sheet.head[0], overflow="fold")
        # Names and headings may wrap, figures may not.
        for number, title in enumerate(sheet.head[1:], 1):
            least = max(len(row[number]) for row in sheet.rows)
            table.add_column(title, justify="right", overflow="fold", min_width=least,
                             max_width=max([least, *map(len, title.split())]))
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
        if sheet.note:
            console.print(sheet.note, markup=False)
