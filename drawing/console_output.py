"""Print tables for a terminal, for a pipe and for a program, by one console for all commands.

On a terminal a table has lines, and no cell is ever cut. In a pipe, and with `--plain`, a table is one line a row with
tabs: no boxes, no wrapping. With `--json` the tables are one object.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

PLAIN = "SANTRAL_PLAIN"
"""Variable of the environment that `--plain` sets. Somebody with a screen reader sets it once."""
JSON = "SANTRAL_JSON"
"""Variable of the environment that `--json` sets, for commands that print tables."""


class OutputConsole(Console):
    """A console whose tables suit the reader."""

    def print(self, *objects: Any, **more: Any) -> None:
        """Print objects. In a pipe and with `--plain` nothing is wrapped, and tables have no boxes."""
        if JSON_OUTPUT.wanted:
            # Sentences around a table are for people. A program gets the tables.
            JSON_OUTPUT.add_tables(iterate_tables(objects))
        elif self.is_terminal and PLAIN not in os.environ:
            for table in iterate_tables(objects):
                for column in table.columns:
                    column.overflow = "fold"
            super().print(*objects, **more)
        else:
            for one in objects:
                if not isinstance(one, (str, Text, Table, Group, Padding)):
                    # Objects of rich itself, such as the frames of a live view.
                    super().print(one, **more)
                    continue
                for line in plain_lines(one, markup=more.get("markup", True)):
                    self.file.write(line + "\n")
            if not objects:
                self.file.write("\n")


class JsonOutput:
    """Collect what a command shows, and print it as one JSON object when the program ends."""

    def __init__(self) -> None:
        self._tables: list[Mapping[str, object]] = []
        self._answer: Any = None

    @property
    def wanted(self) -> bool:
        """Tell whether the command shall print JSON instead of tables."""
        return JSON in os.environ

    def begin_output(self) -> None:
        """Print the object at the end of the program. A command without a row prints one too."""
        os.environ[JSON] = "1"
        atexit.register(self._write_object)

    def add_tables(self, tables: Iterable[Table]) -> None:
        """Add tables."""
        self._tables += map(_to_rows, tables)

    def set_answer(self, answer: Any) -> None:
        """Print the answer of a node instead of tables, because it says more."""
        self._answer = answer

    def _write_object(self) -> None:
        found = {"tables": self._tables} if self._answer is None else self._answer
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")


JSON_OUTPUT = JsonOutput()
"""The one object of this program."""


def print_answer(found: Any, shown: Any) -> None:
    """Print the answer of a node as JSON if that is wanted, else its tables."""
    if JSON_OUTPUT.wanted:
        JSON_OUTPUT.set_answer(found)
    else:
        OutputConsole().print(shown)


def iterate_tables(objects: Iterable[Any]) -> Iterable[Table]:
    """Yield the tables among these objects, also inside groups."""
    for one in objects:
        if isinstance(one, Table):
            yield one
        elif isinstance(one, Group):
            yield from iterate_tables(one.renderables)
        elif isinstance(one, Padding):
            yield from iterate_tables([one.renderable])


def plain_lines(one: Any, *, markup: bool = True) -> Iterable[str]:
    """Yield the lines of an object without boxes: of a table one for each row, with tabs."""
    if isinstance(one, Group):
        for each in one.renderables:
            yield from plain_lines(each, markup=markup)
    elif isinstance(one, Padding):
        yield from (" " * one.left + line for line in plain_lines(one.renderable, markup=markup))
    elif isinstance(one, Table):
        if one.title:
            yield _cell_text(one.title)
        if one.show_header:
            yield "\t".join(_cell_text(column.header) for column in one.columns)
        yield from ("\t".join(row) for row in _rows_of(one))
    elif isinstance(one, str) and not markup:
        yield one
    else:
        yield _cell_text(one)


def _rows_of(table: Table) -> Iterable[tuple[str, ...]]:
    return zip(*([_cell_text(cell) for cell in column.cells] for column in table.columns), strict=True)


def _to_rows(table: Table) -> Mapping[str, object]:
    """Return a table as an object: its title, and its rows by the heads of the columns."""
    heads = [_cell_text(column.header) or f"column {place}" for place, column in enumerate(table.columns, 1)]
    return {"title": _cell_text(table.title or ""),
            "rows": [dict(zip(heads, row, strict=True)) for row in _rows_of(table)]}


def _cell_text(cell: Any) -> str:
    if isinstance(cell, Text):
        return cell.plain
    return Text.from_markup(cell).plain if isinstance(cell, str) else str(cell)
