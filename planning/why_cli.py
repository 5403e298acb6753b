"""`santral why`: how a contact was routed. Exit 1: a decision does not come again; 2: what was given cannot be used;
4: the store cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from planning import cli as shared
from planning.record_cli import Needs, Noted, Place
from planning.why import Archive, tell
from planning.why_course import Line
from planning.why_view import Table, View
from planning.why_words import Words

WIDTH = 100
"""Columns: what fits on a printed page and beside a second window."""

INDENT = 10
"""What belongs to a decision stands below its text, not below its time."""

OpenArchive = Callable[[str], AbstractContextManager[Archive]]
"""Given by `santral`: the journal of a state. Raises PlanningError when there is none."""

Which = Annotated[str, typer.Argument(metavar="CONTACT", help="Id of a contact (the Uniqueid of the call), or the "
                                                              "beginning of it.")]
English = Annotated[bool, typer.Option("--english", help="In English.")]
Everybody = Annotated[bool, typer.Option("--all", help="Every agent who was not chosen, not eight a reason.")]
CentreOf = Annotated[Path | None, typer.Option("--centre", help="Folder of the centre: whose clock.")]


def mount(app: typer.Typer, open_archive: OpenArchive, note_needs: shared.NoteNeeds, read_zone: shared.ReadZone,
          default_centre: Path) -> None:
    """Add the command."""

    @app.command("why")
    def why(
        contact: Which, journal: Place, english: English = False, needs: Needs = False, everybody: Everybody = False,
        centre: CentreOf = None, state: Noted = None, as_json: shared.AsJson = False,
    ) -> None:
        """How one contact was routed: its way, each decision, and why others were not chosen. In Turkish.

        Reasons that come from what an agent needs read "uygun değildi"; --needs names them, and is noted."""
        with shared.told(), open_archive(journal) as opened:
            zone = read_zone(centre or default_centre)
            console = Console(stderr=True, highlight=False)
            with shared.bar(console) as shown:
                task = shown.add_task("replaying", total=1.0)
                account = tell(opened, contact, lambda share: shown.update(task, completed=share))
            if needs:
                note_needs(journal, state, account.contact)
            view = View(account, Words(zone, english=english, needs=needs), everybody=everybody)
            if as_json:
                typer.echo(json.dumps(view.as_json(), ensure_ascii=False, indent=1))
            else:
                wide = Console()
                show(view, Console(highlight=False, width=min(wide.width, WIDTH) if wide.is_terminal else WIDTH))
            if account.untold:
                raise typer.Exit(1)


def show(view: View, console: Console) -> None:
    """The account on a terminal."""
    console.print(Text(view.title, style="bold"))
    for text in view.summary:
        console.print(Text(text))
    console.print()
    some: list[Line] = []
    for one in view.lines():
        some.append(one)
        if one.offer is not None:
            _lines(console, some)
            some = []
            _below(console, *view.decision(one.offer))
    _lines(console, some)
    waits = view.waiting()
    if waits is not None:
        console.print()
        console.print(Text(view.words.say("waiting"), style="bold"))
        _below(console, *waits)


def _lines(console: Console, lines: Iterable[Line]) -> None:
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for line in lines:
        grid.add_row(Text(line.time), Text(line.text, style="bold" if line.offer is not None else ""))
    if grid.row_count:
        console.print(grid)


def _below(console: Console, said: list[str], tables: list[Table]) -> None:
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
