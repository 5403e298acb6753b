"""One thread that does what it is handed, in order: the writer's, and the reader's.

Synchronous database calls in a thread of their own: on the same machine the asynchronous stack takes ten times as long
for one decision, and a thread that owns its connection needs no pool and no lock.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from routing.store.errors import StoreUnavailable

T = TypeVar("T")

QUEUE_MAX = 256
"""Calls that may wait. The runner waits for each commit, so two or three wait on a good day; at the limit the database
has stood still for long, and saying so at once is better than promising."""

CLOSE_S = 30.0
"""Longest wait for the last call at the end: three times the lock time-out of the database."""

HOLD_S = 0.002
"""Longest stand of a loop that lets its thread work alone: what a turn tells SQLite takes a quarter of it. With a
burst, or another program's lock, it takes longer, and the loop goes on."""

_Job = tuple[Callable[[], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]


def _nothing() -> None:
    """For who has nothing to do between calls."""


class Worker:
    """A thread with a bounded queue. `call` from a loop; results and errors come back into that loop. `between` is done
    in the thread when a call is over, its result handed back, and none waits. It raises nothing."""

    def __init__(self, name: str, between: Callable[[], None] = _nothing) -> None:
        # Not a `Queue`: its lock and condition are Python, and cost the way there and back a sixth of its time.
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._between = between
        self._closed = False
        self._busy = False
        """A call is being done: it is in the queue no more."""
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def call(self, function: Callable[[], T], until: threading.Lock | None = None) -> T:
        """Run `function` in the thread. A caller who is cancelled does not stop it: what was handed over is done.

        `until`: a held lock, which `function` lets go. Up to there it works alone, if nothing was before it: the loop
        stands still. A thread that goes to SQLite and comes back waits each time until the loop has let the interpreter
        go; with 1 ms of other work in the loop a turn's forty times were 0.83 ms instead of 0.50 on average, and one in
        a hundred 8 (measured).

        Raises `StoreUnavailable` (`busy`) at once when the queue is full, (`closed`) after `close`.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._closed:
            raise StoreUnavailable("closed", "it is closed")
        if self._jobs.qsize() >= QUEUE_MAX:
            raise StoreUnavailable("busy", f"{QUEUE_MAX} calls already wait for the database, which does not answer. "
                                           "Look at its disk and at other programs that use it")
        first = not self._busy and self._jobs.empty()
        self._jobs.put((function, future, loop))
        if until is not None and first:
            until.acquire(timeout=HOLD_S)
        return await future

    @property
    def closed(self) -> bool:
        """Whether it takes no more calls."""
        return self._closed

    async def close(self) -> None:
        """Do what is queued, then end the thread."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._jobs.put(None)
        self._thread.join(CLOSE_S)

    def _work(self) -> None:
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
            self._busy = False  # before anybody hears of it, and may come with the next one
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:
                # The loop is closed: nobody waits any more.
                continue
            if self._jobs.empty():
                self._between()


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
