"""Run a world on a virtual clock. Each process of it has an event loop, which runs only while the process is awake.

A process that is frozen keeps its connections, and what arrives waits for it. A process that is killed never runs
again. A process may also stop in the middle of its work, between two bytes that it writes: `freeze_now`.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from contextvars import Context, copy_context
from itertools import count
from typing import Any, Protocol, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Run = Callable[[], None]

FAREWELL_STEPS = 200
"""Rounds of a loop whose process has ended, in which its tasks are cancelled. Three are enough for all of ours."""


TIMER_LATE_S = 1e-9
"""Time by which a loop wakes after its timer, so that a sum of times that was rounded is not too early."""


class World:
    """The virtual clock, and what happens at which time. Things of the same moment happen in the order they were set.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Run]] = []
        self._count = 0

    def call_at(self, when: float, run: Run) -> None:
        """Have a function run at a time, or now if that is past."""
        self._count += 1
        heapq.heappush(self._queue, (when if when > self.now else self.now, self._count, run))

    def call_after(self, delay_s: float, run: Run) -> None:
        """Have a function run after a time."""
        self.call_at(self.now + delay_s, run)

    def run_until(self, end: float, is_done: Callable[[], bool] = lambda: False) -> None:
        """Let time pass up to `end`, or until `is_done` says so after a step."""
        queue = self._queue
        while queue and queue[0][0] <= end and not is_done():
            self.now, _, run = heapq.heappop(queue)
            run()
        if not queue or queue[0][0] > end:
            self.now = max(self.now, end)


class Wiring(Protocol):
    """The network, as a process needs it."""

    def end_process(self, loop: ProcessLoop) -> None:
        """Close what an ended process has."""

    def listen(self, loop: ProcessLoop, factory: Callable[[], Any], port: int) -> Any:
        """Let a process listen at a port."""

    async def open_connection(self, loop: ProcessLoop, factory: Callable[[], Any], port: int) -> Any:
        """Connect a process with Asterisk."""


class ProcessTask(asyncio.Task[Any]):
    """A task of a process. Groups hold their tasks in sets, so its hash decides the order in which they are cancelled.
    """

    def __init__(self, number: int, coro: Coroutine[Any, Any, Any], **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        """Return the number of the task in its process, which is the same in each run of a seed."""
        return self._number


class ProcessCall:
    """A function that a process calls now or later, as `asyncio.TimerHandle` is, without what only a debugger asks."""

    __slots__ = ("arguments", "context", "due_at", "function", "is_cancelled")

    def __init__(self, when: float, function: Callable[..., object], arguments: Sequence[Any],
                 context: Context | None) -> None:
        self.due_at, self.function, self.arguments = when, function, arguments
        self.context = copy_context() if context is None else context
        self.is_cancelled = False

    def __lt__(self, other: ProcessCall) -> bool:
        """Return whether this call is due before the other one."""
        return self.due_at < other.due_at

    def when(self) -> float:
        """Return the time at which the function is called."""
        return self.due_at

    def cancel(self) -> None:
        """Do not call the function."""
        self.is_cancelled = True
        self.function, self.arguments = drop_call, ()


def drop_call() -> None:
    """Do nothing, in the place of a function that is not called any more."""


class ProcessLoop(asyncio.BaseEventLoop):
    """The event loop of one process. Instead of a wait, it tells the world when to go on."""

    def __init__(self, world: World, network: Wiring, name: str, on_error: Callable[[BaseException], None]) -> None:
        """`on_error` learns of each exception that a call lets out, of which a real loop only writes a line."""
        super().__init__()
        self._on_error = on_error
        self.world, self.network, self.name = world, network, name
        self._ready: deque[ProcessCall] = deque()
        self._scheduled: list[ProcessCall] = []
        self.dead = False
        self.before_write: Callable[[bytes], None] = lambda data: None
        """Called before bytes leave: the process may stop right there."""
        self._ahead = 0.0
        """True time at which a process goes on that is frozen, or was frozen in the middle of this step."""
        self._next = math.inf
        """True time of the next step."""
        self.at_kill: list[Run] = []
        """Called when the process ends: its kernel closes what it has."""
        numbers = count()
        self.set_task_factory(lambda loop, coro, **options: ProcessTask(next(numbers), coro, loop=self, **options))
        self.set_exception_handler(lambda loop, context: None)

    # -- the clock ---------------------------------------------------------------------------------------------------

    @property
    def true_time(self) -> float:
        """Return the true time that this process is at: after a freeze in the middle of a step, its end."""
        return self.time()

    def time(self) -> float:
        """Return the steady clock of this process, which runs as the true time."""
        now, ahead = self.world.now, self._ahead
        return ahead if ahead > now else now

    def freeze_until(self, when: float) -> None:
        """Stop the process now, until a time. Inside a step the rest of the step happens at that time."""
        self._ahead = max(self._ahead, when)
        if self._next < self._ahead:
            self._set_step(self._ahead)

    @property
    def is_frozen(self) -> bool:
        """Return whether the process is frozen now."""
        return self._ahead > self.world.now

    def kill(self) -> None:
        """End the process at once: it never runs again, and its connections close."""
        if not self.dead:
            self.dead = True
            self._next = math.inf
            self.network.end_process(self)
            for close in self.at_kill:
                close()

    # -- steps -------------------------------------------------------------------------------------------------------

    def deliver(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have a function run in this process as soon as it is awake."""
        if not self.dead:
            self.call_soon(function, *arguments)
            self.wake()

    def wake(self) -> None:
        """Let the process run now, or when its freeze is over."""
        if self._next > (when := self.time()):
            self._set_step(when)

    def _set_step(self, when: float) -> None:
        self._next = when
        self.world.call_at(when, lambda: self._run_step(when))

    def _run_step(self, when: float) -> None:
        # Only the last time that was set counts.
        if self.dead or when != self._next:
            return
        self._next = math.inf
        if self.is_frozen:
            self._set_step(self._ahead)
            return
        self._run_ready()
        if not self.dead and self._scheduled:
            now = self.time()
            # The sum is that of a real loop, which waits for a time and not until one.
            self._set_step(now + max(0.0, self._scheduled[0].due_at - now) + TIMER_LATE_S)

    def _run_ready(self) -> None:
        """Run all ready handles, and those that they make ready, until the process waits or has ended."""
        ready, timers = self._ready, self._scheduled
        asyncio._set_running_loop(self)
        try:
            waits = False
            while not waits:
                # 1. Timers that are due become ready. Those that were cancelled are dropped as they come first.
                while timers and timers[0].is_cancelled:
                    heapq.heappop(timers)
                now = self.time()
                waits = self.dead or not (ready or (timers and timers[0].due_at <= now))
                while timers and timers[0].due_at < now + TIMER_LATE_S:
                    ready.append(heapq.heappop(timers))
                # 2. Run one round. Calls that it makes ready come in the next round.
                for _ in range(len(ready)):
                    call = ready.popleft()
                    if not call.is_cancelled:
                        self._run_call(call)
        finally:
            asyncio._set_running_loop(None)

    def _run_call(self, call: ProcessCall) -> None:
        try:
            call.context.run(call.function, *call.arguments)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._on_error(error)

    def dispose(self) -> None:
        """Cancel all tasks of an ended process, so that nothing of it is left."""
        self.kill()
        self.dead = False
        for _ in range(FAREWELL_STEPS):
            left = asyncio.all_tasks(self)
            if not left:
                break
            # A task may have missed its cancellation, so the tasks that are left are cancelled again.
            for task in left:
                task.cancel()
            self._run_ready()
            if self._scheduled:
                self._ahead = max(self.time(), self._scheduled[0].due_at)
        self.dead = True
        self.close()

    # -- what asyncio asks of a loop ---------------------------------------------------------------------------------

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Any:
        """Call a function in the next round."""
        call = ProcessCall(0.0, callback, args, context)
        self._ready.append(call)
        return call

    def call_at(self, when: float, callback: Callable[[*Ts], object], *args: *Ts,
                context: Context | None = None) -> Any:
        """Call a function at a time of the steady clock."""
        call = ProcessCall(when, callback, args, context)
        heapq.heappush(self._scheduled, call)
        return call

    def call_later(self, delay: float, callback: Callable[[*Ts], object], *args: *Ts,
                   context: Context | None = None) -> Any:
        """Call a function after a time."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T],
                        *args: *Ts) -> asyncio.Future[T]:
        """Run a function of a thread at once."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None,
                                **options: Any) -> Any:
        """Connect to a server of the world."""
        return await self.network.open_connection(self, protocol_factory, int(port))

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None,
                            **options: Any) -> Any:
        """Listen in the world."""
        return self.network.listen(self, protocol_factory, int(port))
