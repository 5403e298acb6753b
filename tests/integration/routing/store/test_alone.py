"""The writer's thread tells SQLite each turn alone. The loop goes on if that takes long."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from routing.store.errors import StoreConflict
from routing.store.store import Store
from routing.store.threads import worker as worker_module
from routing.store.threads.worker import Worker
from tests.fakes.store_day import Day
from tests.until import until_async

pytestmark = pytest.mark.integration

LONG_S = 20.0
"""In place of HOLD_S where nothing may come of its end."""


def held() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


async def test_the_loop_waits_up_to_where_the_thread_lets_it_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "LOOP_STOP_MAX_S", LONG_S)
    order: list[str] = []
    until, others = held(), threading.Event()

    def work() -> None:
        time.sleep(0.02)  # a loop that did not wait would have gone on long since
        order.append("alone")
        until.release()
        others.wait(LONG_S)  # at the same time as the loop again
        order.append("beside")

    def other() -> None:
        order.append("loop")
        others.set()

    worker = Worker("test")
    asyncio.get_running_loop().call_soon(other)
    await worker.call_function(work, until=until)
    await worker.close()
    assert order == ["alone", "loop", "beside"]


async def test_a_thread_that_takes_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < worker_module.LOOP_STOP_MAX_S <= 0.01
    until, others = held(), threading.Event()
    worker = Worker("test")
    asyncio.get_running_loop().call_soon(others.set)
    assert await worker.call_function(lambda: others.wait(LONG_S), until=until)
    until.release()
    # Nor one that has something else to do first.
    monkeypatch.setattr(worker_module, "LOOP_STOP_MAX_S", LONG_S)
    until, others = held(), threading.Event()
    first = asyncio.create_task(worker.call_function(lambda: others.wait(LONG_S)))
    second = asyncio.create_task(worker.call_function(lambda: None))
    await asyncio.sleep(0)
    third = asyncio.create_task(worker.call_function(until.release, until=until))
    asyncio.get_running_loop().call_soon(others.set)  # comes behind what the third one does first
    assert await first
    await asyncio.gather(second, third)
    # That is no more in the queue, too.
    until, others, runs = held(), threading.Event(), threading.Event()
    first = asyncio.create_task(worker.call_function(lambda: runs.set() or others.wait(LONG_S)))  # type: ignore[func-returns-value]
    await until_async(runs.is_set)
    third = asyncio.create_task(worker.call_function(until.release, until=until))
    asyncio.get_running_loop().call_soon(others.set)
    assert await first
    await third
    await worker.close()


async def test_a_turn_lets_the_loop_go_before_the_disk_has_it_and_when_it_fails(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "LOOP_STOP_MAX_S", LONG_S)
    stood: list[bool] = []

    class Watched:
        def __init__(self) -> None:
            self._lock = threading.Lock()

        def acquire(self, timeout: float = -1) -> bool:
            if timeout >= 0:
                stood.append(self._lock.acquire(timeout=timeout))
                return stood[-1]
            return self._lock.acquire()

        def release(self) -> None:
            self._lock.release()

    monkeypatch.setattr("routing.store.store.Lock", Watched)
    store, day = await Store.open_store(tmp_path / "santral.db"), Day()
    day.queue("c1")
    turn = day.turn()
    await store.commit(turn)
    with pytest.raises(StoreConflict):
        await store.commit(turn)
    await store.close()
    assert stood == [True, True]
