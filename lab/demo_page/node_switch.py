"""Kill the node of a lab, start it again, and count the callers who were lost meanwhile."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lab.demo_page.call_watch import CallWatch, WatchedCall
from lab.lab_nodes import LabNode, start_node, wait_ready
from lab.lab_record import find_process
from lab.pbx import process

PAUSE_S = 3.0
"""Time without a node, so that one sees and hears that calls go on."""
AFTER_S = 5.0
"""Time after the return in which a caller who leaves still counts as lost."""


class Outage(NamedTuple):
    """One time without a node."""

    began: float
    ended: float | None
    """None while the node is away."""
    callers: tuple[WatchedCall, ...]
    """Callers who were on the line when it began."""

    def count_lost(self, now: float) -> int:
        """Return the number of callers who were lost."""
        until = now if self.ended is None else self.ended + AFTER_S
        return sum(call.is_lost(self.began, until) for call in self.callers)


class NodeSwitch:
    """The button, for the node of a lab."""

    def __init__(self, folder: Path, node: LabNode, watch: CallWatch, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._node, self._watch, self._clock = folder, node, watch, clock
        self.last: Outage | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_away(self) -> bool:
        """Return whether the node is away."""
        return self.last is not None and self.last.ended is None

    @property
    def has_failed(self) -> bool:
        """Return whether the node did not come back."""
        return self._task is not None and self._task.done() and self._task.exception() is not None

    def press_button(self) -> bool:
        """Kill the node and start it again. Return False if that is being done already."""
        if self._task is not None and not self._task.done():
            return False
        self.last = Outage(self._clock(), None, tuple(self._watch.on_line()))
        self._task = asyncio.create_task(self._kill_and_start(self.last), name="lab.node_switch")
        return True

    async def wait_back(self) -> None:
        """Wait until the node is back, if it is away. Raise NotReady if it does not come back."""
        if self._task is not None:
            await self._task

    async def _kill_and_start(self, outage: Outage) -> None:
        identity = find_process(self._folder, "node")
        process.send_signal(identity, signal.SIGKILL)
        await asyncio.to_thread(process.wait_end, identity, process.KILL_S)
        await asyncio.sleep(PAUSE_S)
        started = start_node(self._folder)
        await asyncio.to_thread(wait_ready, self._node, started)
        self.last = outage._replace(ended=self._clock())
