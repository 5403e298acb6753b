"""A log is emptied and a file is written again next to a running node, whose turns must not wait for long."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing.store import compaction
from routing.store.store import Store
from tests.fakes.store_day import Day
from tests.until import until_async

pytestmark = pytest.mark.integration

BIG = 150 * 1024 * 1024
"""Bytes. `privacy` has up to 200 MB written again next to a node."""


class Node:
    """Keeps turns as one does, and its lease."""

    def __init__(self, store: Store) -> None:
        self.kept, self._store, self._day = 0, store, Day()

    async def impatient(self, lock_s: float) -> None:
        """From now on its turns wait for a lock no longer than this."""
        await self._store.run_write(lambda connection: connection.exec_driver_sql(
            f"PRAGMA busy_timeout={int(lock_s * 1000)}").close())

    async def run(self) -> None:
        """Until cancelled, or until a turn cannot be kept."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._store.keep_lease())
            while True:
                self._day.queue(f"c{self.kept}")
                await self._store.commit(self._day.turn())
                self.kept += 1
                await asyncio.sleep(0.01)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("first")
    yield Node(store)
    await store.close()


def fill(path: Path) -> None:
    with sqlite3.connect(path) as plain:
        plain.execute("CREATE TABLE ballast (body BLOB)")
        for _ in range(BIG // (1 << 20)):
            plain.execute("INSERT INTO ballast VALUES (randomblob(1048576))")
    plain.close()


async def test_a_big_file_is_written_again_next_to_a_node_that_goes_on(tmp_path: Path, node: Node) -> None:
    path = tmp_path / "santral.db"
    await asyncio.to_thread(fill, path)
    with sqlite3.connect(path) as plain:
        plain.execute("DELETE FROM ballast WHERE rowid % 2")
    plain.close()
    working = asyncio.create_task(node.run())
    command = await Store.open_store(path)
    assert await command.rewrite_file(within_s=60.0)
    before = node.kept
    await until_async(lambda: node.kept > before or working.done(), what="the node keeps turns afterwards")
    assert not working.done()
    assert path.stat().st_size < 0.6 * BIG
    assert sorted(one.name for one in tmp_path.iterdir()) == ["santral.db", "santral.db-shm", "santral.db-wal"]
    working.cancel()
    await asyncio.wait({working})
    await command.close()


async def test_where_the_disk_is_slow_it_is_not_written_again(
        tmp_path: Path, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "santral.db"
    modes = []
    time_of = compaction.time.monotonic

    def late() -> float:
        modes.extend(one.stat().st_mode & 0o777 for one in tmp_path.glob(f"*{compaction.COPY_ENDING}"))
        return time_of() + (compaction.COPY_MAX_S + 1.0 if modes else 0.0)

    (tmp_path / f"santral.db{compaction.COPY_ENDING}").write_bytes(b"of one that was killed")
    before = path.stat().st_ino, path.read_bytes()
    command = await Store.open_store(path)
    monkeypatch.setattr(compaction.time, "monotonic", late)
    assert not await command.rewrite_file(within_s=compaction.COPY_MAX_S)
    monkeypatch.undo()
    assert modes == [0o600], "only its owner reads it"
    assert (path.stat().st_ino, path.read_bytes()) == before
    assert not list(tmp_path.glob(f"*{compaction.COPY_ENDING}"))
    await command.close()


async def test_a_log_that_somebody_reads_keeps_no_turn_waiting(
        tmp_path: Path, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait for readers holds the writers' lock, so a report of some minutes would end the node."""
    monkeypatch.setattr(compaction, "TRIES", 4)
    await node.impatient(2.0)
    working = asyncio.create_task(node.run())
    await until_async(lambda: node.kept > 1, what="there is a log")
    reader = sqlite3.connect(tmp_path / "santral.db", isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM facts").fetchone()
    command = await Store.open_store(tmp_path / "santral.db")
    before = node.kept
    assert not await command.empty_log()
    assert not working.done() and node.kept > before
    reader.close()
    assert await command.empty_log()
    await command.close()
    working.cancel()
    await asyncio.wait({working})
