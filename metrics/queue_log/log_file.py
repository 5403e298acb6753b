"""Write the files of a queue_log: whole lines at the end of the present file, which rotates by day or by size.

A full file is renamed, a new one begins, and nobody writes into the old one again. So a reader that follows by inode
(`tail -F`, a log shipper) reads the old file to its end and continues with the new one. Rotated files are called
`<name>-<day>-<number>`, with the day of their first line on the centre's clock. Their names sort in the order of
writing.
"""

from __future__ import annotations

import errno
import os
import re
from collections import deque
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from metrics.queue_log.erasure import queue_log_files

CHUNK = 65_536
"""Limit of one write in bytes."""
ROOM = 65_536
"""Bytes of the disk that stay free. A write that might not fit is not begun, so no reader meets half a line.

The store on the same disk needs this room more.
"""
MODE = 0o640
"""A group of readers may have access. The file holds ids, and numbers only if the operator asked for them."""
HEAD = 24
"""Bytes at the start of a file that hold the time of its first line."""


class Rotation(NamedTuple):
    """The moments at which a new file begins. By default Santral never begins one, but follows when another program
    moves the file."""

    daily: bool = False
    max_bytes: int | None = None
    keep_days: int | None = None
    """Age in days at which rotated files are deleted. None: never."""
    zone: ZoneInfo = ZoneInfo("UTC")
    """Zone of the midnight."""


def line_epoch(line: bytes) -> int | None:
    """Return the time of a line, or of the first line in a piece of a file. Return None if there is none."""
    digits = line.partition(b"|")[0]
    return int(digits) if digits.isdigit() else None


class QueueLogFile:
    """The present file and its rotation.

    Every method but `close` may raise OSError. Then nothing is lost and nothing is written twice.
    """

    def __init__(self, path: Path, rotation: Rotation) -> None:
        self.path = path
        self.turned = 0
        """Number of new files: by rotation, or because the old one was moved away."""
        self._rotation = rotation
        self._handle: int | None = None
        self._inode = 0
        self._day_ends: float = 0.0
        """Lines from this second on belong into another file. 0: not known yet."""
        self._first: int | None = None
        """Time of the first line."""

    def append_lines(self, lines: deque[bytes]) -> None:
        """Write these lines and remove them from the deque. Lines that could not be written stay in it."""
        while lines:
            # 1. Find the file of the next line.
            handle = self._open_current()
            if self._is_full(handle, lines[0]):
                self._rotate_file(handle, lines[0])
                continue
            # 2. Write as many lines of this file as one write takes.
            self._note_first_line(lines[0])
            data = self._next_chunk(lines)
            _require_room(handle, len(data))
            size = os.fstat(handle).st_size
            written = os.write(handle, data)
            # 3. Remove the lines that were written whole. A part of a line is cut off again.
            whole = data.rfind(b"\n", 0, written) + 1
            for _ in range(data.count(b"\n", 0, whole)):
                lines.popleft()
            if whole < written:
                os.ftruncate(handle, size + whole)
            # A write without a whole line means a full disk, and trying again at once would loop.
            if whole < len(data) and not whole:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def truncate_torn_line(self) -> None:
        """Cut off half a line that a power failure left at the end. It is written again whole."""
        try:
            with self.path.open("rb+") as file:
                size = file.seek(0, os.SEEK_END)
                end = size
                # Search backwards for the last line end, a piece at a time: the file may be large.
                while end:
                    start = max(0, end - CHUNK)
                    file.seek(start)
                    found = file.read(end - start).rfind(b"\n")
                    if found >= 0:
                        end = start + found + 1
                        break
                    end = start
                if end < size:
                    file.truncate(end)
        except FileNotFoundError:
            pass

    def sync_to_disk(self) -> tuple[int, int] | None:
        """Bring written lines to the disk. Return inode and size of the present file, or None if there is none."""
        if self._handle is None:
            return None
        os.fsync(self._handle)
        return self._inode, os.fstat(self._handle).st_size

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open_current(self) -> int:
        """Return the open file. Open it again if another program has moved it away."""
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            inode = 0
        if self._handle is not None and inode == self._inode:
            return self._handle
        if self._handle is not None:
            self.close()
            self.turned += 1
        self._handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
        self._inode = os.fstat(self._handle).st_ino
        self._first, self._day_ends = line_epoch(os.pread(self._handle, HEAD, 0)), 0.0
        return self._handle

    def _note_first_line(self, line: bytes) -> None:
        """Note the day of a file by its first line."""
        if self._first is None:
            self._first = line_epoch(line)
        if not self._day_ends and self._rotation.daily and self._first is not None:
            day = datetime.fromtimestamp(self._first, self._rotation.zone).date() + timedelta(days=1)
            self._day_ends = datetime(day.year, day.month, day.day, tzinfo=self._rotation.zone).timestamp()

    def _next_chunk(self, lines: deque[bytes]) -> bytes:
        """Return lines of this file's day, as many as one write takes."""
        found: list[bytes] = []
        length = 0
        for line in lines:
            if found and (length + len(line) > CHUNK or self._is_later_day(line)):
                break
            found.append(line)
            length += len(line)
        return b"".join(found)

    def _is_later_day(self, line: bytes) -> bool:
        return bool(self._day_ends) and (line_epoch(line) or 0) >= self._day_ends

    def _is_full(self, handle: int, line: bytes) -> bool:
        """Return whether the file is full, or of an earlier day than this line."""
        if self._first is None:
            return False
        self._note_first_line(line)
        most = self._rotation.max_bytes
        return self._is_later_day(line) or (most is not None and os.fstat(handle).st_size >= most)

    def _rotate_file(self, handle: int, line: bytes) -> None:
        """Rename the present file and begin a new one, whose first line is `line`."""
        # The old file must be on the disk before the saved position moves to the new one.
        os.fsync(handle)
        first = self._first
        assert first is not None, "an empty file is not rotated"
        stem = f"{self.path.name}-{datetime.fromtimestamp(first, self._rotation.zone):%Y%m%d}-"
        # Numbers go on from the highest, also of compressed files, so that names never collide.
        taken = [int(found[1]) for one in self.path.parent.glob(stem + "*")
                 if (found := re.match(r"(\d+)", one.name.removeprefix(stem)))]
        self.path.rename(self.path.with_name(f"{stem}{max(taken, default=0) + 1:03}"))
        self.close()
        self.turned += 1
        self._open_current()
        self._delete_expired(line_epoch(line) or first)

    def _delete_expired(self, now: int) -> None:
        """Delete files that are older than the limit: those rotated here, compressed since or not."""
        if self._rotation.keep_days is None:
            return
        oldest = datetime.fromtimestamp(now, self._rotation.zone).date() - timedelta(days=self._rotation.keep_days)
        for one in queue_log_files(self.path):
            if (day := _day_of(one.name.removeprefix(self.path.name))) is not None and day < f"{oldest:%Y%m%d}":
                one.unlink(missing_ok=True)


def _day_of(ending: str) -> str | None:
    """Return the day in the name of a file rotated here, or None if another program named it."""
    found = re.fullmatch(r"-(\d{8})-\d{3,}(?:\.gz)?", ending)
    return None if found is None else found[1]


def _require_room(handle: int, length: int) -> None:
    disk = os.fstatvfs(handle)
    if disk.f_bavail * disk.f_frsize < length + ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
