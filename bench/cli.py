"""`santral bench`: each module of this folder is a benchmark.

The first paragraph of its docstring says what it measures. `TAKES_S` is its time in seconds on two cores without other
work. `measure_rows()` measures; one row is one figure.
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

import bench
from bench.row import Row

NO_BENCHMARK = ("cli", "harness", "row", "stand_in")


def benchmark_names() -> list[str]:
    """Return the names of all benchmarks."""
    return sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name not in NO_BENCHMARK)


def expected_seconds(name: str) -> float:
    """Return the expected time of a benchmark in seconds."""
    return float(importlib.import_module(f"bench.{name}").TAKES_S)


def run_benchmark(name: str) -> Sequence[Row]:
    """Run one benchmark."""
    rows: Sequence[Row] = importlib.import_module(f"bench.{name}").measure_rows()
    return rows


def run_benchmarks(
    name: Annotated[list[str] | None, typer.Argument(help="Benchmarks to run. Without one, list them with the time "
                                                         "of each.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Run all, one after the other.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array on stdout.")] = False,
    history: Annotated[Path | None, typer.Option("--history", help="Append the rows to the last table of this page, "
                                                                   "e.g. docs/develop/benchmarks.md.")] = None,
) -> None:
    """Run benchmarks; each compares Santral with a baseline in the same run. Exit 1 if a goal is missed."""
    wanted = benchmark_names() if everything else name or []
    unknown = [one for one in wanted if one not in benchmark_names()]
    if unknown:
        typer.echo(f"no benchmark {', '.join(unknown)}; there are: {', '.join(benchmark_names())}", err=True)
        raise typer.Exit(2)
    if history is not None and not _ends_with_table(history):
        typer.echo(f"{history} does not end with the table of the history; see docs/develop/benchmarks.md", err=True)
        raise typer.Exit(2)
    console = Console(stderr=as_json)
    if not wanted:
        console.print(_benchmark_table())
        console.print(
            f"Name the ones you want, or use --all: {round_duration(sum(map(expected_seconds, benchmark_names())))}.",
            soft_wrap=True)
        raise typer.Exit
    # Log lines of measured nodes must not mix with the rows.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    found: list[Row] = []
    for one in wanted:
        with console.status(f"measuring {one}: {round_duration(expected_seconds(one))} …"):
            found += run_benchmark(one)
    if history is not None:
        today = datetime.now(UTC).date()
        with history.open("a", encoding="utf-8") as page:
            page.writelines(history_line(row, today) + "\n" for row in found)
    if as_json:
        typer.echo(json.dumps([row._asdict() for row in found], ensure_ascii=False, indent=1))
    else:
        console.print(_row_table(found))
    if any(row.ok is False for row in found):
        raise typer.Exit(1)


HISTORY = ("date", "measure", "value", "baseline", "ratio", "goal", "met")


def _ends_with_table(page: Path) -> bool:
    """Return whether the page ends with the table of the history."""
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    table = text.rpartition("\n\n")[2]
    return text.endswith("|\n") and table.startswith(f"| {' | '.join(HISTORY)} |\n")


def history_line(row: Row, day: date) -> str:
    """Return a row of the history in Markdown."""
    met = {True: "yes", False: "**no**", None: ""}[row.ok]
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    cells = (day.isoformat(), f"`{row.name}`", f"{row.value:.4g} {row.unit}", row.beside, ratio, row.goal, met)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def round_duration(seconds: float) -> str:
    """Return a duration in words. A second more or less does not matter."""
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} min"


def _benchmark_table() -> Table:
    table = Table(Column("benchmark", no_wrap=True), "measures", Column("takes", no_wrap=True))
    for name in benchmark_names():
        told = importlib.import_module(f"bench.{name}").__doc__ or ""
        table.add_row(name, " ".join(told.partition("\n\n")[0].split()), round_duration(expected_seconds(name)))
    return table


def _row_table(rows: Sequence[Row]) -> Table:
    table = Table(Column("measure", no_wrap=True), Column("value", no_wrap=True, justify="right"), "unit", "baseline",
                  "ratio", "goal", "ok")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        ok = {True: "yes", False: "NO", None: ""}[row.ok]
        table.add_row(row.name, f"{row.value:.4g}", row.unit, row.beside, ratio, row.goal, ok)
    return table
