"""Show faults and their rows: tables for people, and a table for a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from lab.errors import LabError
from lab.faults.fault import Fault
from lab.faults.fault_model import FaultRow

COLUMNS = ("calls", "lost", "doubled", "records", "history", "talk", "wait", "new", "decision")
ROW = re.compile(r"^(F-\d\d[a-z]?) \| ")
"""Row of the page's table."""


def list_faults(faults: Sequence[Fault]) -> Table:
    """Return the table of `--list`."""
    table = Table("id", "fault", "needs", "how")
    for one in faults:
        table.add_row(one.id, Text(one.title), ", ".join(one.needs), Text(one.how))
    return table


def show_rows(rows: Sequence[FaultRow]) -> Group:
    """Return the table of results, which fits into 80 columns, and below it what was seen in each row."""
    table = Table("id", "ok", *COLUMNS, box=SIMPLE_HEAD, pad_edge=False, padding=0)
    seen = []
    for row in rows:
        said = [row.skipped] * bool(row.skipped) + row.problems + row.notes
        table.add_row(row.id, tell_ok(row), *tell_values(row))
        seen.append(Text("\n  ".join([f"{row.id} {row.title}", *said])))
    return Group(table, *seen)


def tell_ok(row: FaultRow) -> str:
    """Return one word for the result."""
    return "-" if row.skipped else "yes" if row.ok else "NO"


def tell_values(row: FaultRow) -> list[str]:
    """Return the values of the columns. A skipped fault has none."""
    if row.skipped:
        return ["-"] * len(COLUMNS)
    times = (row.talk_gap_s, row.wait_gap_s, row.new_gap_s, row.decision_s)
    return [str(one) for one in (row.calls, row.lost, row.doubled, row.records, row.history)] + [
        "-" if one is None else f"{one:.2f}" for one in times]


def write_page(path: Path, rows: Sequence[FaultRow]) -> None:
    """Put rows into the table of a page, in place of the rows with the same ids. Raise LabError if it has no table."""
    lines = path.read_text(encoding="utf-8").splitlines()
    old = {found[1]: number for number, line in enumerate(lines) if (found := ROW.match(line))}
    if not old:
        raise LabError(f"{path} has no table of faults, whose rows begin with their id")
    for row in rows:
        text = " | ".join((row.id, row.title, tell_ok(row), *tell_values(row), row.skipped or row.how))
        if row.id in old:
            lines[old[row.id]] = text
        else:
            after = max((number for name, number in old.items() if name < row.id), default=min(old.values()) - 1)
            lines.insert(after + 1, text)
            old = {found[1]: number for number, line in enumerate(lines) if (found := ROW.match(line))}
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
