"""`santral bench`: every benchmark is a module beside this one.

Its first sentence says what it measures, `TAKES_S` about how long that takes (seconds by the clock on two cores without
other work), and `rows()` does it; one row is one measure.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.table import Column, Table

import lab.bench
from lab.bench.row import Row

NO_BENCHMARK = ("cli", "row", "stand_in")


def names() -> list[str]:
    """Every benchmark there is."""
    return sorted(module.name for module in pkgutil.iter_modules(lab.bench.__path__) if module.name not in NO_BENCHMARK)


def takes_s(name: str) -> float:
    """About how long one takes, in seconds."""
    return float(importlib.import_module(f"lab.bench.{name}").TAKES_S)


def run(name: str) -> Sequence[Row]:
    """Measure one."""
    rows: Sequence[Row] = importlib.import_module(f"lab.bench.{name}").rows()
    return rows


def bench(
    name: Annotated[list[str] | None, typer.Argument(help="Which; without one they are told, and how long each "
                                                         "takes.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All, one after the other.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")] = False,
    history: Annotated[Path | None, typer.Option("--history", help="Append the rows to the last table of this page, "
                                                                   "e.g. docs/develop/benchmarks.md.")] = None,
) -> None:
    """Measure, each candidate beside its yardstick in the same run; exit 1 when a goal is missed."""
    wanted = names() if everything else name or []
    unknown = [one for one in wanted if one not in names()]
    if unknown:
        typer.echo(f"no benchmark {', '.join(unknown)}; there are: {', '.join(names())}", err=True)
        raise typer.Exit(2)
    if history is not None and not _ends_with_table(history):
        typer.echo(f"{history} does not end with the table of the history; see docs/develop/benchmarks.md", err=True)
        raise typer.Exit(2)
    console = Console(stderr=as_json)
    if not wanted:
        console.print(_choice())
        console.print(f"Name those you want, or say --all: {about(sum(map(takes_s, names())))}.", soft_wrap=True)
        raise typer.Exit
    # What nodes say as they are measured is no part of the rows.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    found: list[Row] = []
    for one in wanted:
        with console.status(f"measuring {one}: {about(takes_s(one))} …"):
            found += run(one)
    if history is not None:
        today = datetime.now(UTC).date()
        with history.open("a", encoding="utf-8") as page:
            page.writelines(history_line(row, today) + "\n" for row in found)
    if as_json:
        typer.echo(json.dumps([row._asdict() for row in found], ensure_ascii=False, indent=1))
    else:
        console.print(_table(found))
    if any(row.ok is False for row in found):
        raise typer.Exit(1)


HISTORY = ("date", "measure", "value", "beside", "ratio", "goal", "met")


def _ends_with_table(page: Path) -> bool:
    """The last table of the page is the history."""
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    table = text.rpartition("\n\n")[2]
    return text.endswith("|\n") and table.startswith(f"| {' | '.join(HISTORY)} |\n")


def history_line(row: Row, day: date) -> str:
    """A row of the history, in Markdown."""
    met = {True: "yes", False: "**no**", None: ""}[row.ok]
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    cells = (day.isoformat(), f"`{row.name}`", f"{row.value:.4g} {row.unit}", row.beside, ratio, row.goal, met)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def about(seconds: float) -> str:
    """In words; nobody waits for a second more or less."""
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} min"


def _choice() -> Table:
    table = Table(Column("benchmark", no_wrap=True), "measures", Column("takes", no_wrap=True))
    for name in names():
        told = importlib.import_module(f"lab.bench.{name}").__doc__ or ""
        table.add_row(name, " ".join(told.partition("\n\n")[0].split()), about(takes_s(name)))
    return table


def _table(rows: Sequence[Row]) -> Table:
    table = Table(Column("measure", no_wrap=True), Column("value", no_wrap=True, justify="right"), "unit", "beside",
                  "ratio", "goal", "ok")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        ok = {True: "yes", False: "NO", None: ""}[row.ok]
        table.add_row(row.name, f"{row.value:.4g}", row.unit, row.beside, ratio, row.goal, ok)
    return table
