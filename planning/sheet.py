"""A CSV file as somebody's spreadsheet writes it: its lines, their cells, and what is wrong with it all at once."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from planning.errors import PlanningError

SHOWN = 20
"""So many problems are named, then it is said how many more there are: a file in a wrong form has one in each line."""


def read(path: Path) -> list[str]:
    """The lines of a file. Raises PlanningError when it cannot be read or is no UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise PlanningError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise PlanningError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def rows(path: Path, lines: Sequence[str], separator: str, problems: list[str],
         head: int = 0) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line from number `head` (from 0) on, stripped, with the line's number from 1. A cell that is
    too long for the reader (131,072 signs: a quotation mark that is never closed makes one of all that follows) is a
    problem, and the end."""
    table = csv.reader(lines[head:], delimiter=separator)
    try:
        for cells in table:
            yield head + table.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        problems.append(f"{path}:{head + table.line_num}: {error}; is a quotation mark never closed?")


def complain(problems: Sequence[str]) -> None:
    """Raises PlanningError with the first `SHOWN` problems, if there are any."""
    if problems:
        more = [f"... and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise PlanningError("\n".join([*problems[:SHOWN], *more]))
