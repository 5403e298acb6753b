"""Read a CSV file as spreadsheets write it, and report all its problems at once."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from planning.errors import PlanningError

SHOWN = 20
"""Number of problems that are named. The rest is only counted: a file in a wrong form has one problem in each line."""


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file. Raise PlanningError if it cannot be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise PlanningError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise PlanningError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def read_rows(path: Path, lines: Sequence[str], separator: str, problems: list[str],
              head: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line (from 1) and its stripped cells, beginning at index `head`.

    A cell beyond 131,072 characters is a problem and ends the reading. An unclosed quotation mark makes such a cell of
    the rest of the file.
    """
    table = csv.reader(lines[head:], delimiter=separator)
    try:
        for cells in table:
            yield head + table.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        problems.append(f"{path}:{head + table.line_num}: {error}; is a quotation mark never closed?")


def raise_problems(problems: Sequence[str]) -> None:
    """Raise PlanningError with the first `SHOWN` problems, if there are any."""
    if problems:
        more = [f"... and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise PlanningError("\n".join([*problems[:SHOWN], *more]))
