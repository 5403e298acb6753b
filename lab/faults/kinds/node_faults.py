"""Faults of the node's process: killed, frozen, out of file handles, out of time."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lab.faults.false_clock import set_offset
from lab.faults.fault_place import FaultPlace
from lab.lifecycle import find_process

SPARE_HANDLES = 2
"""File handles that a node may open beyond those it has: fewer than one caller needs."""
JUMPS = ("+1h", "-1d", "+0")
"""Offsets of the clock, one after the other: an hour ahead, a day back, and right again."""
JUMP_S = 6.0
"""Time between two jumps, in which each caller who waits asks the node at least once."""


@asynccontextmanager
async def break_nothing(place: FaultPlace) -> AsyncIterator[None]:
    """Change nothing. This is the yardstick for the noise of the machine."""
    del place
    yield


@asynccontextmanager
async def kill_node(place: FaultPlace) -> AsyncIterator[None]:
    """Kill the node. The keeper starts it again."""
    await asyncio.to_thread(place.lab.kill_node)
    yield


@asynccontextmanager
async def freeze_node(place: FaultPlace) -> AsyncIterator[None]:
    """Stop the node with SIGSTOP and continue it."""
    place.lab.freeze_node()
    try:
        yield
    finally:
        place.lab.thaw_node()


@asynccontextmanager
async def take_handles(place: FaultPlace) -> AsyncIterator[None]:
    """Lower the node's limit of file handles to what it has open, and raise it again."""
    pid = find_process(place.lab.folder, "node").pid
    used = await asyncio.to_thread(_last_handle, pid)
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 1 + SPARE_HANDLES, old[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
        log = place.lab.folder / "node.log"
        place.notes.append(f"{len(log.read_bytes().splitlines())} lines in the node's log")


@asynccontextmanager
async def jump_clock(place: FaultPlace) -> AsyncIterator[None]:
    """Let the node's wall clock jump while calls go on, and put it right again."""
    jumps = asyncio.create_task(_jump(place.lab.folder), name="fault.clock")
    yield
    await jumps


async def _jump(folder: Path) -> None:
    for jump in JUMPS:
        await asyncio.to_thread(set_offset, folder, jump)
        await asyncio.sleep(JUMP_S)


def _last_handle(pid: int) -> int:
    """Return the highest file handle that a process has open. A limit bounds the number of a handle."""
    return max(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir())
