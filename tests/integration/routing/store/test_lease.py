"""One node on a state: a second one is refused, a dead one is replaced at once, a frozen one writes nothing more."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, update
from structlog.testing import capture_logs

from routing.store.database import LOCK_S
from routing.store.errors import LeaseHeld, LeaseLost
from routing.store.lease import lease_keeper, lease_row, process_holder
from routing.store.lease.lease_row import RENEW_S, Lease
from routing.store.lease.process_holder import Holder, is_alive, this_process
from routing.store.rows import StoreTurn
from routing.store.schema import leases
from routing.store.store import Store
from routing.store.turns.turn_writer import NextNumbers
from tests.fakes.store_day import Day
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

NODE = """
from __future__ import annotations
import asyncio, sys
from routing.store.errors import LeaseHeld
from routing.store.store import Store
from routing.store.turns.turn_writer import NextNumbers

async def main() -> None:
    store = await Store.open_store(sys.argv[1])
    try:
        lease = await store.take_lease("first")
    except LeaseHeld as error:
        sys.exit(str(error))
    print(lease.epoch, flush=True)
    await store.keep_lease()

asyncio.run(main())
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open_store(tmp_path / "santral.db")
    yield opened
    await opened.close()


@pytest.fixture
def node(tmp_path: Path, store: Store) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lease."""
    with subprocess.Popen([sys.executable, "-c", NODE, str(tmp_path / "santral.db")], stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        yield process
        process.kill()


def rewrite(tmp_path: Path, **values: object) -> None:
    """Change the row of the lease as another machine would."""
    engine = create_engine(f"sqlite:///{tmp_path / 'santral.db'}")
    with engine.begin() as connection:
        connection.execute(update(leases).values(**values))
    engine.dispose()


async def test_a_second_node_is_refused_while_the_first_lives(node: subprocess.Popen[str], store: Store) -> None:
    with pytest.raises(LeaseHeld, match=f"'first' already works on this state.*process {node.pid}") as caught:
        await store.take_lease("second")
    assert caught.value.here
    await store.close()


async def test_a_killed_node_is_replaced_at_once(node: subprocess.Popen[str], store: Store) -> None:
    node.send_signal(signal.SIGKILL)
    # Not reaped yet, or reaped: dead both times. No patience: the lease itself has seconds to go.
    await until_async(lambda: process_holder._start_ticks(node.pid) is None, what="the process is dead")
    taken = await store.take_lease("second", patience_s=0.0)
    assert taken.epoch == 2


async def test_a_lease_that_was_given_up_is_free(tmp_path: Path, store: Store) -> None:
    await store.take_lease("first")
    await store.release_lease()
    other = await Store.open_store(tmp_path / "santral.db")
    assert (await other.take_lease("second", patience_s=0.0)).epoch == 2
    await other.close()
    assert (await store.take_lease("first", patience_s=0.0)).epoch == 3


async def test_a_node_of_another_machine_is_waited_for(
        tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = await Store.open_store(tmp_path / "santral.db")
    await other.take_lease("far")
    rewrite(tmp_path, host="another boot", pid=1, expires=time.time() + LIMIT_S)
    with pytest.raises(LeaseHeld, match="on another machine"):
        await store.take_lease("near", patience_s=0.0)
    rewrite(tmp_path, expires=time.time() + 0.3)
    assert (await store.take_lease("near", patience_s=LIMIT_S)).epoch == 2
    await other.close()


async def test_a_lease_from_before_the_clock_was_set_back_is_not_waited_for(
        tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine lost its power and its clock: nobody renews the lease, which ends in a year."""
    monkeypatch.setattr(lease_row, "TTL_S", 3.0)
    monkeypatch.setattr(lease_keeper, "RENEW_S", 0.1)
    other = await Store.open_store(tmp_path / "santral.db")
    await other.take_lease("far")
    year = time.time() + 365 * 86_400.0
    rewrite(tmp_path, host="another boot", expires=year)

    async def lives() -> None:
        for step in itertools.count(1):
            await asyncio.sleep(0.1)
            rewrite(tmp_path, expires=year + step)

    renewing = asyncio.create_task(lives())
    with pytest.raises(LeaseHeld, match="on another machine"):
        await store.take_lease("near", patience_s=4.0)
    renewing.cancel()
    await asyncio.wait({renewing})
    assert (await store.take_lease("near", patience_s=LIMIT_S)).epoch == 2
    await other.close()


async def test_a_node_that_lost_its_lease_writes_nothing(tmp_path: Path, store: Store) -> None:
    await store.take_lease("frozen")
    day = Day()
    day.queue("c1")
    await store.commit(day.turn())
    rewrite(tmp_path, expires=0.0)
    other = await Store.open_store(tmp_path / "santral.db")
    await other.take_lease("second")
    day.queue("c2")
    with pytest.raises(LeaseLost, match="taken it over"):
        await store.commit(day.turn())
    with pytest.raises(LeaseLost, match="taken it over"):
        await store.keep_lease()
    assert len(await other.facts_after(0)) == 1
    # Going down, the frozen one does not take the lease of the other with it.
    await store.close()
    third = await Store.open_store(tmp_path / "santral.db")
    with pytest.raises(LeaseHeld, match="second"):
        await third.take_lease("third")
    await third.close()
    await other.close()


async def test_a_database_that_does_not_answer_ends_the_lease(
        store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.store.lease.lease_keeper.RENEW_S", 0.05)
    monkeypatch.setattr("routing.store.lease.lease_keeper.STANDSTILL_MAX_S", 0.3)
    await store.take_lease("slow")
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stand_still() -> None:
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

    stuck = asyncio.create_task(store._threads.writer.call_function(stand_still))
    with pytest.raises(LeaseLost, match="did not answer in time"):
        await store.keep_lease()
    go_on.set()
    await stuck


async def test_a_file_that_is_locked_for_seconds_ends_no_node(tmp_path: Path, store: Store) -> None:
    """As long as a transaction waits, and longer than a lease lasts: a turn, and the renewal behind it, get through."""
    await store.take_lease("patient")
    day = Day()
    day.queue("c1")
    await store.commit(day.turn())
    keeping = asyncio.create_task(store.keep_lease())
    other = sqlite3.connect(tmp_path / "santral.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    day.queue("c2")
    waiting = asyncio.create_task(store.commit(day.turn()))
    done, _ = await asyncio.wait({keeping, waiting}, timeout=LOCK_S - 2 * RENEW_S)  # that much is what is tested
    assert not done
    other.execute("ROLLBACK")
    other.close()
    with capture_logs() as logs:
        await waiting
    assert [one["event"] for one in logs] == ["store.commit_delayed"] \
        and logs[0]["seconds"] >= LOCK_S - 2 * RENEW_S - 0.1
    assert not keeping.done()
    second = await Store.open_store(tmp_path / "santral.db")
    with pytest.raises(LeaseHeld, match="patient"):  # what the turn has let out is done within a lease
        await second.take_lease("second")
    await second.close()
    day.queue("c3")
    await store.commit(day.turn())
    assert [fact.seq for fact in await store.facts_after(0)] == [1, 2, 3]
    keeping.cancel()
    await asyncio.wait({keeping})
    assert keeping.cancelled()


async def test_a_file_that_is_locked_for_longer_says_what_to_do(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renew_s = 2.0  # between the lock given up and the time that is over: a busy machine takes half a second for nothing
    monkeypatch.setattr("routing.store.database.LOCK_S", 0.3)
    monkeypatch.setattr("routing.store.lease.lease_keeper.RENEW_S", renew_s)
    monkeypatch.setattr("routing.store.lease.lease_keeper.STANDSTILL_MAX_S", 0.3 + 2 * renew_s)
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("first")
    other = sqlite3.connect(tmp_path / "santral.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LeaseLost, match="locked by another program"):
        await store.keep_lease()
    other.execute("ROLLBACK")
    other.close()
    await store.close()


async def test_of_a_turn_that_took_longer_than_the_lease_no_command_leaves_when_another_node_came(
        tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk was slow in the commit, and the other node was there in the moment it was over."""
    await store.take_lease("slow")
    day = Day()
    day.queue("c1")
    kept = store._turns.write_turn

    def slow(connection: Connection, turn: StoreTurn, lease: Lease | None) -> NextNumbers:
        store._lease.until = 0.0
        return kept(connection, turn, lease)

    in_transaction = store._lease.run_transaction

    def taken_between(function: Callable[[Connection], object], **more: bool) -> object:
        found = in_transaction(function, **more)
        rewrite(tmp_path, node="second", epoch=2)
        return found

    monkeypatch.setattr(store._turns, "write_turn", slow)
    monkeypatch.setattr(store._lease, "run_transaction", taken_between)
    with pytest.raises(LeaseLost, match="taken it over"):
        await store.commit(day.turn())
    monkeypatch.undo()
    assert len(await store.facts_after(0)) == 1, "the other node reads it"


async def test_renewing_moves_the_end(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.store.lease.lease_keeper.RENEW_S", 0.01)
    await store.take_lease("first")
    rewrite(tmp_path, expires=1.0)
    task = asyncio.create_task(store.keep_lease())
    other = await Store.open_store(tmp_path / "santral.db")

    def expires() -> float:
        engine = create_engine(f"sqlite:///{tmp_path / 'santral.db'}")
        with engine.connect() as connection:
            found = connection.execute(leases.select()).one().expires
        engine.dispose()
        return float(found)

    await until_async(lambda: expires() > 1.0, what="the lease is renewed")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(LeaseHeld):
        await other.take_lease("second")
    await other.close()


async def test_a_node_that_did_not_renew_in_time_may_not_act(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.store.lease.lease_keeper.STANDSTILL_MAX_S", 2.0)
    assert not store.may_act(), "it has no lease"
    await store.take_lease("first")
    # A frozen process renews nothing, and wakes with its old memory.
    await until_async(lambda: not store.may_act())
    keeping = asyncio.create_task(store.keep_lease())
    await until_async(store.may_act)
    keeping.cancel()
    await store.release_lease()
    assert not store.may_act()


async def test_who_never_took_it_cannot_keep_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.store.lease.lease_keeper.RENEW_S", 0.01)
    with pytest.raises(LeaseLost, match="never taken"):
        await store.keep_lease()


def test_a_pid_that_is_used_again_is_somebody_else() -> None:
    mine = this_process()
    assert is_alive(mine)
    assert not is_alive(Holder(mine.host, mine.pid, "1"))
    with subprocess.Popen(["true"]) as child:
        started = process_holder._start_ticks(child.pid)
    assert not is_alive(Holder(mine.host, child.pid, started or "gone"))
