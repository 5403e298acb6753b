"""Run calls in one thread, in order: one worker for the writer, one for the reader.

Database calls are synchronous in a separate thread. On the same machine the asynchronous stack takes ten times as long
for one decision. A thread that owns its connection needs no pool and no lock.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from routing.store.errors import StoreUnavailable

T = TypeVar("T")

QUEUE_MAX = 256
"""Calls that may wait.

The runner waits for each commit, so two or three calls wait on a good day. At the limit the database has been blocked
for long, and an error at once is better than a promise.
"""

CLOSE_S = 30.0
"""Longest wait for the last call at the end: three times the lock time-out of the database.

The thread is then left alone, and the end of the process ends it.
"""

LOOP_STOP_MAX_S = 0.002
"""Longest stop of a loop that lets its thread work alone.

SQLite's part of a turn takes a quarter of it. A burst or another program's lock takes longer, and then the loop goes
on.
"""

_Job = tuple[Callable[[], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]


def _do_nothing() -> None:
    """Do nothing between calls."""


class Worker:
    """A thread with a bounded queue, called from an event loop. Results and errors come back into that loop.

    `between` runs in the thread after a call whose result was handed back, if no other call waits. It must raise
    nothing.
    """

    def __init__(self, name: str, between: Callable[[], None] = _do_nothing) -> None:
        # No `Queue`: its lock and condition are Python, and cost the way there and back a sixth of its time.
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._between = between
        self._closed = False
        self._busy = False
        """A call is running, and is no longer in the queue."""
        self._thread = threading.Thread(target=self._run_jobs, name=name, daemon=True)
        self._thread.start()

    async def call_function(self, function: Callable[[], T], until: threading.Lock | None = None) -> T:
        """Run `function` in the thread. A cancelled caller does not stop it.

        `until` is a held lock that `function` releases. Up to that point the thread works alone if no call was before
        it, and the loop stops. A thread that calls SQLite waits after each call until the loop gives the interpreter
        back. With 1 ms of other work in the loop, the forty calls of a turn took 0.83 ms instead of 0.50 on average.
        One in a hundred took 8 ms (measured).

        Raise `StoreUnavailable` at once: with `busy` if the queue is full, with `closed` after `close`.
        """
        # 1. Refuse at once what cannot be promised.
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._closed:
            raise StoreUnavailable("closed", "it is closed")
        if self._jobs.qsize() >= QUEUE_MAX:
            raise StoreUnavailable("busy", f"{QUEUE_MAX} calls already wait for the database, which does not answer. "
                                           "Look at its disk and at other programs that use it")
        # 2. Hand over, and stop the loop for a moment if the thread is free.
        first = not self._busy and self._jobs.empty()
        self._jobs.put((function, future, loop))
        if until is not None and first:
            until.acquire(timeout=LOOP_STOP_MAX_S)
        return await future

    @property
    def closed(self) -> bool:
        """Return whether the worker takes no more calls."""
        return self._closed

    async def close(self, within_s: float = CLOSE_S) -> None:
        """Run the queued calls, then end the thread. After `within_s` the calls fail that have not begun."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join, within_s)
        if self._thread.is_alive():
            self._drop_jobs()

    def _drop_jobs(self) -> None:
        with suppress(queue.Empty):
            while True:
                if (job := self._jobs.get_nowait()) is not None:
                    _settle_future(job[1], None, StoreUnavailable("closed", "it closed before this call"))
        self._jobs.put(None)

    def _run_jobs(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            function, future, loop = job
            result: Any = None
            error: BaseException | None = None
            self._busy = True
            try:
                result = function()
            except BaseException as caught:
                error = caught
            self._busy = False  # before the caller hears of it, and perhaps comes with the next call
            try:
                loop.call_soon_threadsafe(_settle_future, future, result, error)
            except RuntimeError:
                # The loop is closed, and nobody waits any more.
                continue
            # Upkeep must not delay a call that already waits.
            if self._jobs.empty():
                self._between()


def _settle_future(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
