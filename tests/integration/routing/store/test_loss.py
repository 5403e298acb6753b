"""Acknowledged data survives `kill -9`. A turn that could not be written leaves no part behind."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from routing.core.model.centre_model import Outcome
from routing.store.errors import StoreUnavailable
from routing.store.reader import PAGE, Reader
from routing.store.store import Store
from routing.store.threads.worker import QUEUE_MAX
from tests.fakes.store_day import SERVICE, Day

pytestmark = pytest.mark.integration

ACKS = 200
"""Commits before the kill: enough that WAL pages have been written over by a checkpoint or are about to be."""

WRITER = """
from __future__ import annotations
import asyncio, sys
from routing.core.model.centre_model import Outcome
from routing.store.store import Store
from tests.fakes.store_day import Day

async def main() -> None:
    store = await Store.open_store(sys.argv[1])
    day = Day()
    day.sign_in("a1")
    number = 0
    while True:
        number += 1
        day.queue(f"c{number}")
        offer = day.offer(f"c{number}", "a1")
        day.connect(offer)
        day.talk_over(offer)
        day.wrap(offer)
        await store.commit(day.turn())
        print(day.seq, flush=True)

asyncio.run(main())
"""


def test_every_acknowledged_fact_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "santral.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acked = 0
        for _ in range(ACKS):
            acked = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        acked = max([acked, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    assert writer.returncode == -signal.SIGKILL
    with Reader(path) as reader:
        numbers: list[int] = []
        while page := reader.facts_after(numbers[-1] if numbers else 0):
            numbers += [fact.seq for fact in page]
        loaded = reader.load_state()
        counts = reader.count_contacts()
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers[-1] >= acked
    # Whole turns only: each ends with a wrapped-up call.
    assert (numbers[-1] - 1) % 6 == 0
    assert loaded.contacts == ()
    assert counts == [(SERVICE, Outcome.ANSWERED, (numbers[-1] - 1) // 6)]
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def fill(store: Store) -> tuple[Day, StoreUnavailable]:
    """Commit until it fails; the day and the error."""
    day = Day()
    for number in range(100_000):
        before = day.seq
        day.queue(f"c{number}")
        try:
            await store.commit(day.turn(events=20))
        except StoreUnavailable as error:
            day.seq = before
            return day, error
    raise AssertionError("it never got full")


async def check_whole(path: Path, day: Day) -> None:
    with Reader(path) as reader:
        loaded = reader.load_state()
        kept: list[int] = []
        while page := reader.facts_after(kept[-1] if kept else 0):
            kept += [fact.seq for fact in page]
    assert kept == list(range(1, day.seq + 1))
    assert len(loaded.contacts) == day.seq
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM journal").fetchone() == (20 * day.seq,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_a_full_database_says_so_and_writes_nothing_by_half(tmp_path: Path) -> None:
    path = tmp_path / "santral.db"
    store = await Store.open_store(path, max_page_count=96)
    day, error = await fill(store)
    assert error.kind == "full"
    assert str(path) in str(error)
    assert "Free space" in str(error)
    assert day.seq > 5
    await check_whole(path, day)
    await store.close()
    # With room again the next number is the one that failed.
    store = await Store.open_store(path)
    day.facts = day.facts[:day.seq]
    day.taken = day.seq
    day.queue("again")
    await store.commit(day.turn(events=20))
    await check_whole(path, day)
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True,
                          check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_says_so_and_writes_nothing_by_half(small_disk: Path) -> None:
    path = small_disk / "santral.db"
    store = await Store.open_store(path)
    day, error = await fill(store)
    assert error.kind == "full"
    await check_whole(path, day)
    await store.close()


async def test_a_disk_without_any_room_is_refused_at_the_start(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(StoreUnavailable) as caught:
        await Store.open_store(small_disk / "santral.db")
    assert caught.value.kind == "full"


async def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "santral.db"
    path.write_bytes(b"This is no database. " * 400)
    with pytest.raises(StoreUnavailable, match="damaged") as caught:
        await Store.open_store(path)
    assert caught.value.kind == "damaged"


async def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="folder must exist"):
        await Store.open_store(tmp_path / "nowhere" / "santral.db")


async def test_a_transaction_has_the_lock_from_its_beginning(tmp_path: Path) -> None:
    """One that begins by reading and wants it in the middle is refused without waiting when another has written."""
    path = tmp_path / "santral.db"
    store = await Store.open_store(path)

    def lock(_: Connection) -> str:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return str(error)
        return ""

    assert "locked" in await store.run_write(lock)
    await store.close()


async def test_a_lock_of_another_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.store.database.LOCK_S", 0.05)
    path = tmp_path / "santral.db"
    store = await Store.open_store(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    day = Day()
    day.queue("c1")
    turn = day.turn()
    with pytest.raises(StoreUnavailable, match="locked by another program") as caught:
        await store.commit(turn)
    assert caught.value.kind == "locked"
    # Readers do not wait for a writer.
    assert await store.facts_after(0) == []
    other.execute("ROLLBACK")
    other.close()
    await store.commit(turn)
    assert await store.facts_after(0) == day.facts
    await store.close()


async def test_a_reader_gets_pages(tmp_path: Path) -> None:
    store = await Store.open_store(tmp_path / "santral.db")
    day = Day()
    for number in range(PAGE + 5):
        day.queue(f"c{number}")
    await store.commit(day.turn())
    assert len(await store.facts_after(0, limit=10 * PAGE)) == PAGE
    assert [fact.seq for fact in await store.facts_after(PAGE)] == list(range(PAGE + 1, PAGE + 6))
    assert len(await store.facts_after(0, limit=3)) == 3
    await store.close()


async def test_a_database_that_is_stuck_is_not_promised_to(tmp_path: Path) -> None:
    store = await Store.open_store(tmp_path / "santral.db")
    other = sqlite3.connect(tmp_path / "santral.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    # One is taken by the thread and waits for the lock, QUEUE_MAX wait for the thread.
    waiting = [asyncio.create_task(store.set_cursor(f"n{number}", number)) for number in range(QUEUE_MAX + 2)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    refused = [task.exception() for task in done]
    assert all(isinstance(error, StoreUnavailable) and error.kind == "busy" for error in refused)
    other.execute("ROLLBACK")
    other.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert 1 <= len([one for one in results if isinstance(one, StoreUnavailable)]) <= 2
    assert await store.read_cursor("n7") == 7
    await store.close()


async def test_a_cancelled_commit_is_still_done(tmp_path: Path) -> None:
    store = await Store.open_store(tmp_path / "santral.db")
    day = Day()
    day.queue("c1")
    task = asyncio.create_task(store.commit(day.turn()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The writer's queue is in order: this comes after it.
    assert (await store.load_state()).next_fact == 2
    await store.close()




@pytest.mark.parametrize(("thread", "limit"), [
    ("writer", "lease.lease_keeper.STANDSTILL_MAX_S"), ("reader", "threads.database_threads.START_S")])
async def test_no_call_of_a_node_waits_without_a_limit(
        thread: str, limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await Store.open_store(tmp_path / "santral.db", node=True)
    monkeypatch.setattr(f"routing.store.{limit}", 0.2)
    go_on = threading.Event()
    ask = store.run_write if thread == "writer" else store.run_query
    # The end does not wait either: neither for the stuck call nor for those behind it.
    with pytest.raises(StoreUnavailable, match="no answer in time"):
        await ask(lambda connection: go_on.wait())
    behind = asyncio.create_task(ask(lambda connection: None))
    monkeypatch.setattr("routing.store.store.CLOSE_S", 0.2)
    monkeypatch.setattr(f"routing.store.{limit}", 300.0)
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(StoreUnavailable):
        await behind
    go_on.set()


async def test_a_server_that_takes_connections_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.store.database.CONNECT_S", 2)  # the least that the driver takes
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with pytest.raises(StoreUnavailable, match="does not answer") as caught:
            await Store.open_store(f"postgresql://santral@127.0.0.1:{server.getsockname()[1]}/santral", node=True)
    assert caught.value.kind == "gone"
