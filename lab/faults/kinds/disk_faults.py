"""Faults of the disk and of the broker: full, cut off in the middle of a write, killed."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

from lab.errors import LabError
from lab.faults.broker import Broker
from lab.faults.fault_place import FaultPlace, mount_disk
from lab.lifecycle import find_process
from lab.pbx import process
from metrics.mqtt.outbox import CURSOR

COPIES, COPY_EVERY_S = 12, 0.4
"""Copies of the files that a power cut would leave, and the mean time between two."""
TORN_MAX = 4096
"""Bytes of a torn write behind the last whole one."""
SEED = 11
FILL = 1024 * 1024
GROWS_S = 1.0
"""Time in which a full disk takes `FILL` more, wherever room is made: a log that runs away goes on."""
LOG_BYTES = 65_536
"""Size of a disk that holds nothing but a log."""
LOG_S = 1.0
"""Time for which the process of a node is watched after the calls of the fault."""
FLUSH_S = 30.0
"""Limit until a broker that is back has been told everything."""


@asynccontextmanager
async def fill_disk(place: FaultPlace) -> AsyncIterator[None]:
    """Fill the disk of node, Asterisk and recordings, go on writing, and make room again."""
    path = place.lab.folder / "full"
    # The start of a node writes to the same disk. The node is started again when there is room.
    place.keeps = False
    await asyncio.to_thread(_write_until_full, path)
    growing = asyncio.create_task(_write_on(path), name="fault.grow")
    try:
        yield
    finally:
        growing.cancel()
        await asyncio.wait([growing])
        path.unlink()
        place.keeps = True


def _write_until_full(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(FILL))


async def _write_on(path: Path) -> None:
    while True:
        await asyncio.sleep(GROWS_S)
        with path.open("ab", buffering=0) as file, suppress(OSError):
            file.write(bytes(FILL))


@asynccontextmanager
async def fill_log(place: FaultPlace) -> AsyncIterator[None]:
    """Let the node write its log to a full disk, from its start on. A node that ends there is a problem."""
    node = place.lab.node()
    log, disk = Path(node.log), place.lab.folder / "log disk"
    kept = await asyncio.to_thread(_move_log, log, disk)
    try:
        await asyncio.to_thread(place.lab.kill_node)
        yield
        lives = find_process(place.lab.folder, node.process)
        await asyncio.sleep(LOG_S)
        if not process.is_alive(lives):
            place.problems.append("the node ended while its log could not be written")
    finally:
        await asyncio.to_thread(_bring_log_back, log, disk, kept)


def _move_log(log: Path, disk: Path) -> Path:
    """Let a log go to a separate full disk, and return where its earlier lines are."""
    disk.mkdir()
    mount_disk(disk, LOG_BYTES)
    kept = log.rename(log.with_suffix(".kept"))
    (disk / log.name).touch()
    log.symlink_to(disk / log.name)
    _write_until_full(disk / "full")
    return kept


def _bring_log_back(log: Path, disk: Path, kept: Path) -> None:
    log.unlink()
    kept.rename(log)
    subprocess.run(["umount", "--lazy", str(disk)], check=False)


@asynccontextmanager
async def cut_power(place: FaultPlace) -> AsyncIterator[None]:
    """Copy the store's files at random moments, tear their last write, and check each copy. Then kill the node."""
    draw = random.Random(SEED)
    copies = asyncio.create_task(_copy_files(place, draw), name="fault.copies")
    yield
    await copies
    await asyncio.to_thread(place.lab.kill_node)


async def _copy_files(place: FaultPlace, draw: random.Random) -> None:
    for number in range(COPIES):
        await asyncio.sleep(draw.uniform(0.0, 2 * COPY_EVERY_S))
        target = place.lab.folder / f"cut-{number}"
        target.mkdir()
        # A reader has been told this much by now.
        told = place.lab.query_store("select max(seq) as seq from facts")[0]["seq"]
        # A frozen node writes nothing, so both files are of the same moment, as after a cut.
        place.lab.freeze_node()
        try:
            for name in ("santral.db", "santral.db-wal"):
                shutil.copy(place.lab.folder / name, target / name)
        finally:
            place.lab.thaw_node()
        with (target / "santral.db-wal").open("ab") as log:
            log.write(draw.randbytes(draw.randrange(TORN_MAX)))
        for what in await asyncio.to_thread(_check_copy, target / "santral.db", told):
            place.problems.append(f"copy {number}: {what}")
    place.notes.append(f"{COPIES} copies with a torn end were checked")


def _check_copy(path: Path, told: int) -> list[str]:
    with closing(sqlite3.connect(path)) as store:
        state = store.execute("pragma integrity_check").fetchone()[0]
        last = store.execute("select max(seq) from facts").fetchone()[0]
    return [f"integrity_check says {state}"] * (state != "ok") + [
        f"fact {told} was acknowledged and the copy ends with {last}"] * (last < told)


@asynccontextmanager
async def lock_store(place: FaultPlace) -> AsyncIterator[None]:
    """Lock the SQLite file by a separate connection, as a program for backups may."""
    with closing(sqlite3.connect(place.lab.folder / "santral.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@asynccontextmanager
async def kill_broker(place: FaultPlace) -> AsyncIterator[None]:
    """Kill the broker, start it again, and wait until it has been told every fact."""
    assert isinstance(place.broker, Broker)
    await asyncio.to_thread(place.broker.kill)
    try:
        yield
    finally:
        await asyncio.to_thread(place.broker.start)
    end = time.monotonic() + FLUSH_S
    while True:
        rows = place.lab.query_store("select (select max(seq) from facts) - seq as late from cursors where name = ?",
                                     CURSOR)
        if rows and rows[0]["late"] <= 0:
            return
        if time.monotonic() > end:
            raise LabError(f"{FLUSH_S:.0f} s after its return the broker lacks {rows} facts")
        await asyncio.sleep(0.1)
