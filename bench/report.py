"""Time to report a day of 20,000 contacts, compared with decoding its facts one by one in the same run.

The day ran through the shipped engine and has the default centre's size: 180 agents, five services, callers who hang
up, menu and survey. It is stored in SQLite as by a node: some 200,000 facts. The yardstick decodes each of them, as a
program would have to that takes figures from the journal without the store's rows.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.row import Row
from lab.people import day
from metrics.reports import daily_report
from metrics.reports.period import named_period
from metrics.reports.view import ReportView
from routing.store.reader import Reader

TAKES_S = 20.0
CONTACTS = 20_000
ROUNDS = 3
GOAL_S = 2.0
DATE = "2026-03-02"


def measure_rows() -> list[Row]:
    """Measure a report of the day."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "santral.db"
        rules, midnight = day.build_centre(), datetime(2026, 3, 2, tzinfo=UTC).timestamp()
        asyncio.run(day.store_day(path, day.simulate_day(rules, midnight, CONTACTS)))
        took = [_measure_report(path) for _ in range(ROUNDS)]
        decoded, facts = _measure_decoding(path)
    best, cpu = min(seconds for seconds, *_ in took), min(seconds for _, seconds, _ in took)
    return [Row("report.day", best, "s", f"{facts} facts decoded: {decoded:.1f} s", decoded / best, f"<= {GOAL_S:g} s",
                best <= GOAL_S),
            Row("report.day.cpu", cpu, "s", f"{took[0][2]} contacts", None, "", None)]


def _measure_report(path: Path) -> tuple[float, float, int]:
    """Read and count a day and render its page. Return seconds by the clock, CPU seconds and the number of contacts."""
    before, cpu = time.perf_counter(), time.process_time()
    with Reader(path) as reader, reader.open_snapshot() as ask:
        found = daily_report.read_report(ask, named_period("day", DATE, ZoneInfo("UTC"), 0.0))
    ReportView(found).render_page()
    return time.perf_counter() - before, time.process_time() - cpu, found.total.offered


def _measure_decoding(path: Path) -> tuple[float, int]:
    before, count = time.perf_counter(), 0
    with Reader(path) as reader:
        while page := reader.facts_after(count):
            count += len(page)
    return time.perf_counter() - before, count
