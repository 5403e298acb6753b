"""Write the output of commands: tables for a terminal, CSV, and files in a folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

UNWRITABLE = 1
"""Exit code of a command that cannot write a file."""


def make_table(head: Sequence[str], rows: Iterable[Sequence[str]] = (), title: str | None = None) -> Table:
    """Return a table for the terminal. The first cell of a row names the row, the others are numbers."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False,
                  show_edge=False)
    for place, name in enumerate(head):
        table.add_column(Text(name), justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV; the head is one of the rows."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def write_files(folder: Path, files: Mapping[str, str], *, private: bool = False) -> None:
    """Write files into a folder, and make the folder if it is missing.

    `private` makes them readable by their owner alone. Exit with UNWRITABLE and one sentence if a file cannot be
    written.
    """
    path = folder
    try:
        folder.mkdir(mode=0o750 if private else 0o777, parents=True, exist_ok=True)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # The mode is set before the text is written, so no secret is readable for a moment.
            if private:
                path.touch(mode=0o600)
                path.chmod(0o600)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        typer.echo(f"{error.filename or path} cannot be written: {error.strerror}. Name another folder with --out",
                   err=True)
        raise typer.Exit(UNWRITABLE) from None
