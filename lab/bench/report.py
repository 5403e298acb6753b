"""How long a day of 20,000 contacts takes to be reported, beside reading its facts one by one in the same run.

The day is one of the default centre's size through the shipped engine (180 agents, five services, callers who give up,
menu and survey), kept in SQLite as a node keeps it: some 200,000 facts. The yardstick decodes each of them, as whoever
makes figures of the journal without the store's rows would have to.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from lab import day
from lab.bench.row import Row
from metrics import report
from metrics.period import named
from metrics.report_view import View
from routing.store.reader import Reader

TAKES_S = 20.0
CONTACTS = 20_000
ROUNDS = 3
GOAL_S = 2.0
DATE = "2026-03-02"
def rows() -> list[Row]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "santral.db"
        rules, midnight = day.centre(), datetime(2026, 3, 2, tzinfo=UTC).timestamp()
        asyncio.run(day.keep(path, day.lived(rules, midnight, CONTACTS)))
        took = [_report(path) for _ in range(ROUNDS)]
        decoded, facts = _decode(path)
    best, cpu = min(seconds for seconds, *_ in took), min(seconds for _, seconds, _ in took)
    return [Row("report.day", best, "s", f"{facts} facts decoded: {decoded:.1f} s", decoded / best, f"<= {GOAL_S:g} s",
                best <= GOAL_S),
            Row("report.day.cpu", cpu, "s", f"{took[0][2]} contacts", None, "", None)]


def _report(path: Path) -> tuple[float, float, int]:
    """Read, counted and made into a page: time by the clock and of the processor, and how many contacts came."""
    before, cpu = time.perf_counter(), time.process_time()
    with Reader(path) as reader, reader.snapshot() as ask:
        found = report.read(ask, named("day", DATE, ZoneInfo("UTC"), 0.0))
    View(found).page()
    return time.perf_counter() - before, time.process_time() - cpu, found.total.offered


def _decode(path: Path) -> tuple[float, int]:
    before, count = time.perf_counter(), 0
    with Reader(path) as reader:
        while page := reader.facts_after(count):
            count += len(page)
    return time.perf_counter() - before, count
