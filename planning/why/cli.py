"""Define `santral why`, which explains how a contact was routed.

The exit code is 1 if the replay of a decision differs and 2 if an argument is invalid. It is 4 if the store cannot be
read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from drawing.texts import Language
from planning import options as shared
from planning.errors import PlanningError
from planning.journal.cli import Needs, Noted
from planning.why.contact_account import ContactArchive, explain_contact
from planning.why.contact_course import CourseLine
from planning.why.view import AccountView, TextTable
from planning.why.words import AccountWords

WIDTH = 100
"""Columns of the output, which fit on a printed page."""

INDENT = 10
"""Indent of a decision's details, so that they start below its text and not below its time."""

OpenArchive = Callable[[str], AbstractContextManager[ContactArchive]]
"""Open the journal of a node's state, or raise PlanningError if there is none. `santral` supplies the function."""

Words = Annotated[list[str], typer.Argument(metavar="[CONTACT] JOURNAL", help=(
    "Id of a contact (the Uniqueid of the call) or its beginning, then a state folder, its santral.db, or the URL of "
    "a database."))]
Longest = Annotated[str | None, typer.Option("--longest", metavar="DAY", help=(
    "Explain the contact that waited longest on this day (2026-03-02) instead of a named one."))]
Written = Annotated[Language | None, typer.Option("--language", help="Language; left out: that of the centre.")]
Everybody = Annotated[bool, typer.Option("--all", help=(
    "List all agents who were not chosen, not only eight per reason."))]
CentreOf = Annotated[Path | None, typer.Option(
    "--centre", help="Folder of the centre whose clock and language are used.")]


class CentreInfo(NamedTuple):
    """Functions of `santral` about the centre in a folder."""

    zone: shared.ReadZone
    language: Callable[[Path], Language]
    """Return the language of tables and reports."""
    default: Path
    """The default centre."""


def add_commands(app: typer.Typer, open_archive: OpenArchive, note_needs: shared.NoteNeeds, house: CentreInfo) -> None:
    """Add the command of this module to the application."""

    @app.command("why")
    def show_explanation(
        words: Words, longest: Longest = None, language: Written = None, needs: Needs = False,
        everybody: Everybody = False, centre: CentreOf = None, state: Noted = None, as_json: shared.AsJson = False,
    ) -> None:
        """Explain how one contact was routed: its course, each decision, and why others were not chosen. The
        summary ends with a conclusion.

        Reasons that come from agents' needs read "uygun değildi". With --needs they are named, and the audit log
        records it.
        """
        if len(words) != (2 if longest is None else 1):
            raise typer.BadParameter("write: santral why CONTACT JOURNAL, or santral why --longest DAY JOURNAL")
        journal = words[-1]
        with shared.exit_on_error(), open_archive(journal) as opened:
            folder = centre or house.default
            zone = house.zone(folder)
            english = (language or house.language(folder)) is Language.ENGLISH
            contact = words[0] if longest is None else find_longest(opened, longest, zone)
            console = Console(stderr=True, highlight=False)
            # 1. Replay the journal up to the decisions of the contact.
            with shared.progress_bar(console) as shown:
                task = shown.add_task("replaying", total=1.0)
                account = explain_contact(opened, contact, lambda share: shown.update(task, completed=share))
            # 2. Write the audit entry before needs are shown. If that fails, nothing is shown.
            if needs:
                note_needs(journal, state, account.contact)
            # 3. Print the account.
            view = AccountView(account, AccountWords(zone, english=english, needs=needs), everybody=everybody)
            if as_json:
                typer.echo(json.dumps(view.to_json(), ensure_ascii=False, indent=1))
            else:
                wide = Console()
                print_account(view, Console(
                    highlight=False, width=min(wide.width, WIDTH) if wide.is_terminal else WIDTH))
            if account.untold:
                raise typer.Exit(1)


def find_longest(archive: ContactArchive, text: str, zone: ZoneInfo) -> str:
    """Return the contact that waited longest on a day of the centre's clock. Raise PlanningError if there is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise PlanningError(f"--longest {text}: no day; write 2026-03-02") from None
    start, end = (datetime.combine(one, time(), zone).timestamp() for one in (day, day + timedelta(days=1)))
    row = archive.find_longest(start, end)
    if row is None:
        raise PlanningError(f"nobody waited on {day}, as far as the journal tells")
    return row.contact


def print_account(view: AccountView, console: Console) -> None:
    """Print the account on a terminal."""
    console.print(Text(view.title, style="bold"))
    for text in view.summary:
        console.print(Text(text))
    console.print()
    # Lines up to a decision form one grid, so that their times align. The decision follows below it.
    some: list[CourseLine] = []
    for one in view.course_lines():
        some.append(one)
        if one.offer is not None:
            _print_lines(console, some)
            some = []
            _print_decision(console, *view.explain_decision(one.offer))
    _print_lines(console, some)
    waits = view.explain_waiting()
    if waits is not None:
        console.print()
        console.print(Text(view.words.translate_text("waiting"), style="bold"))
        _print_decision(console, *waits)


def _print_lines(console: Console, lines: Iterable[CourseLine]) -> None:
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for line in lines:
        grid.add_row(Text(line.time), Text(line.text, style="bold" if line.offer is not None else ""))
    if grid.row_count:
        console.print(grid)


def _print_decision(console: Console, said: list[str], tables: list[TextTable]) -> None:
    for text in said:
        console.print(Padding(Text(text), (0, 0, 0, INDENT)))
    for table in tables:
        drawn = RichTable(box=SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
        for place, title in enumerate(table.head):
            drawn.add_column(Text(title), justify="right" if place in table.numbers else "left")
        for row in table.rows:
            drawn.add_row(*(Text(cell) for cell in row))
        console.print(Padding(drawn, (0, 0, 0, INDENT)))
    console.print()
