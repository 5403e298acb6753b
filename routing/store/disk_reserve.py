"""Keep room on the disk for the calls of the moment a disk is full.

A full disk harms more than the store. Asterisk forgets phones that register meanwhile, although it answers them with
200, and its black box loses lines. So a node holds a file that means nothing, and gives its room away when the disk is
full: the store, Asterisk and the black box go on, while a person looks for what fills the disk.
"""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger()

FILE = "reserve"
"""Name of the file in the state folder."""
RESERVE_BYTES = 32 * 1024 * 1024
"""Room that is given away: store and black box write about 3 kB a call, so it holds some 10,000 calls."""
LOW_BYTES = 1024 * 1024
"""Free room below which the reserve is given away. SQLite and Asterisk write less between two looks."""
REFILL_BYTES = 2 * RESERVE_BYTES
"""Free room from which the reserve is made again, so that the file itself never makes a disk full."""
LOOK_S = 0.1
"""Pause between two looks. A phone that registers on a full disk is forgotten until its next registration, and a look
takes some microseconds."""


class DiskReserve:
    """The reserve of one state folder. The methods may be called by any thread."""

    def __init__(self, state: Path) -> None:
        self._state, self._file = state, state / FILE

    async def watch_disk(self) -> None:
        """Give the room away when the disk is full, and take it again when there is plenty, until cancelled.

        The end removes the file: nobody would give its room away any more.
        """
        try:
            while True:
                self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def look(self) -> None:
        """Look at the disk once. A folder that cannot be read is left to those who write there."""
        with suppress(OSError):
            free, held = self._free_bytes(), self._file.exists()
            if held and free < LOW_BYTES:
                self._give_away()
            elif not held and free >= REFILL_BYTES:
                self._take_again()

    def make_room(self) -> bool:
        """Give the room away after a write that found none. Return whether there is room now."""
        with suppress(OSError):
            self._give_away()
            return self._free_bytes() >= LOW_BYTES
        return False

    def _free_bytes(self) -> int:
        found = os.statvfs(self._state)
        return found.f_bavail * found.f_frsize

    def _give_away(self) -> None:
        with suppress(FileNotFoundError):
            self._file.unlink()
            log.error("disk.reserve_released", folder=str(self._state), room_mb=RESERVE_BYTES // 1024 ** 2,
                      mend="the disk is full, and this room is the last: find what fills it, and make room")

    def _take_again(self) -> None:
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Blocks, not only a length: a file with holes would hold no room.
            os.posix_fallocate(handle, 0, RESERVE_BYTES)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            self._file.unlink(missing_ok=True)
        finally:
            os.close(handle)
