"""Faults of the node's process: killed, frozen, out of file handles, out of time."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lab.faults.fault_model import CannotInject
from lab.faults.fault_place import FAKETIME, FaultPlace
from lab.lab_nodes import start_node, wait_ready
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
    """Start the node on a false clock, let it jump while calls go on, and put it right again."""
    path = place.lab.folder / "clock"
    # The keeper would start it on the true clock.
    place.keeps = False
    path.write_text("+0", encoding="ascii")
    await asyncio.to_thread(place.lab.kill_node)
    identity = start_node(place.lab.folder, env=false_clock(path))
    await asyncio.to_thread(wait_ready, place.lab.node(), identity)
    if not _has_library(identity.pid):
        raise CannotInject("libfaketime is not loaded by the node")
    jumps = asyncio.create_task(_jump(path), name="fault.clock")
    yield
    await jumps


async def _jump(path: Path) -> None:
    for jump in JUMPS:
        await asyncio.sleep(JUMP_S)
        await asyncio.to_thread(path.write_text, jump, encoding="ascii")


def false_clock(path: Path) -> dict[str, str]:
    """Return the environment in which a process reads the wall clock with the offset in a file. Its steady clock stays
    true, as it does when the clock of a machine is set."""
    return {**os.environ, "LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(path), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


def _last_handle(pid: int) -> int:
    """Return the highest file handle that a process has open. A limit bounds the number of a handle."""
    return max(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir())


def _has_library(pid: int) -> bool:
    return FAKETIME.name in Path(f"/proc/{pid}/maps").read_text(encoding="ascii", errors="replace")
