"""The log of SQLite is brought into the file between turns; no turn waits for that."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from routing.store import database
from routing.store.store import Store
from routing.store.threads.worker import Worker
from routing.store.write_ahead import PAGES_MAX, TURNS
from tests.fakes.store_day import Day
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

SQLITES_OWN = 1000
"""Pages after which SQLite itself would do so, within the commit."""
CALLS = 20
"""Of one turn here: it writes some 30 pages."""


def in_file(path: Path) -> int:
    """Facts in the file without its log; none while it is written to."""
    alone = shutil.copy(path, path.with_name("alone.db"))
    with closing(sqlite3.connect(alone)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM facts").fetchone()[0])
        except sqlite3.DatabaseError:
            return 0


async def keep_some(store: Store, day: Day, turns: int) -> None:
    for _ in range(turns):
        for _ in range(CALLS):
            name = f"c{day.seq}"
            day.queue(name)
            offer = day.offer(name, "a1")
            day.connect(offer)
            day.talk_over(offer)
            day.wrap(offer)
        await store.commit(day.turn())


async def test_the_log_is_brought_in_after_some_turns_and_not_by_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "santral.db"
    store, day = await Store.open_store(path), Day()
    day.sign_in("a1")
    await keep_some(store, day, TURNS - 1)
    pages = path.with_name("santral.db-wal").stat().st_size // 4120
    assert SQLITES_OWN < pages < PAGES_MAX and in_file(path) == 0
    await keep_some(store, day, 1)
    await until_async(lambda: in_file(path) == day.seq)
    kept = day.seq
    await keep_some(store, day, TURNS - 1)
    assert in_file(path) == kept
    await keep_some(store, day, 1)
    await until_async(lambda: in_file(path) == day.seq)
    await store.close()


async def test_a_log_that_grows_too_long_is_brought_in_by_the_turn_that_finds_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PAGES_MAX", 200)
    path = tmp_path / "santral.db"
    store, day = await Store.open_store(path), Day()
    day.sign_in("a1")
    await keep_some(store, day, TURNS // 4)
    assert in_file(path) > 0
    await store.close()


async def test_what_is_done_between_calls_comes_after_the_answer_and_not_before_another_call() -> None:
    told: list[str] = []
    held, entered = threading.Event(), threading.Event()

    def between() -> None:
        told.append("between")
        entered.set()
        held.wait(2 * LIMIT_S)

    worker = Worker("test", between)
    async with asyncio.timeout(LIMIT_S):
        await worker.call_function(lambda: told.append("one"))  # answered, although what is between waits
    await until_async(entered.is_set)
    calls = [asyncio.create_task(worker.call_function(lambda name=name: told.append(name)))
        for name in ("two", "three")]
    await asyncio.sleep(0)
    held.set()
    await asyncio.gather(*calls)
    # An end that comes first waits like a call, and nothing is done between.
    await until_async(lambda: told == ["one", "between", "two", "three", "between"], what=f"{told}")
    await worker.close()
