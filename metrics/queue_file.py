"""The files of a queue_log: whole lines at the end of the present one, which is rotated by day or by size.

A file that is full is renamed and a new one begun; nobody writes into the old one after that. So a reader that follows
by inode (`tail -F`, a log shipper) reads the old one to its end and goes on with the new one. Rotated files are called
`<name>-<day>-<number>`, the day of their first line on the centre's clock; their names sort as they were written.
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

from metrics.forget import files

CHUNK = 65_536
"""Bytes of one write, at most."""
ROOM = 65_536
"""Bytes of the disk that are left alone: a write that might not fit is not begun, so no reader meets half a line. The
store beside it needs them more."""
MODE = 0o640
"""Readers of a group may be let in; the file holds ids, and numbers only when the operator asked for them."""
HEAD = 24
"""Bytes of a file that hold the time of its first line."""


class Rotation(NamedTuple):
    """When a new file is begun. The default: never by Santral; whoever moves the file away is followed."""

    daily: bool = False
    max_bytes: int | None = None
    keep_days: int | None = None
    """Rotated files whose day is longer ago are deleted; None: none is."""
    zone: ZoneInfo = ZoneInfo("UTC")
    """Whose midnight."""


def epoch(line: bytes) -> int | None:
    """The time of a line, or of the first line in a piece of a file; None: it has none."""
    digits = line.partition(b"|")[0]
    return int(digits) if digits.isdigit() else None


class QueueFile:
    """Every method but `close` may raise OSError; then nothing is lost and nothing is there twice."""

    def __init__(self, path: Path, rotation: Rotation) -> None:
        self.path = path
        self.turned = 0
        """So often another file was begun: by rotation, or because the old one was moved away."""
        self._rotation = rotation
        self._handle: int | None = None
        self._inode = 0
        self._day_ends: float = 0.0
        """Lines from this second on belong into another file; 0: not known yet."""
        self._first: int | None = None
        """Time of the first line."""

    def append(self, lines: deque[bytes]) -> None:
        """Write these lines and take them from the deque; those that could not be written stay in it."""
        while lines:
            handle = self._opened()
            if self._over(handle, lines[0]):
                self._rotate(handle, lines[0])
                continue
            self._begun(lines[0])
            data = self._next(lines)
            _has_room(handle, len(data))
            size = os.fstat(handle).st_size
            written = os.write(handle, data)
            whole = data.rfind(b"\n", 0, written) + 1
            for _ in range(data.count(b"\n", 0, whole)):
                lines.popleft()
            if whole < written:
                os.ftruncate(handle, size + whole)
            if whole < len(data) and not whole:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def mend(self) -> None:
        """Cut off half a line that a power failure has left at the end: it is written again whole."""
        try:
            with self.path.open("rb+") as file:
                size = file.seek(0, os.SEEK_END)
                end = size
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

    def sync(self) -> tuple[int, int] | None:
        """Bring what was written to the disk: inode and size of the present file. None: there is none."""
        if self._handle is None:
            return None
        os.fsync(self._handle)
        return self._inode, os.fstat(self._handle).st_size

    def close(self) -> None:
        """Let the file go."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _opened(self) -> int:
        """The file, opened anew when somebody has moved it away."""
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
        self._first, self._day_ends = epoch(os.pread(self._handle, HEAD, 0)), 0.0
        return self._handle

    def _begun(self, line: bytes) -> None:
        """The first line of a file says whose day it is."""
        if self._first is None:
            self._first = epoch(line)
        if not self._day_ends and self._rotation.daily and self._first is not None:
            day = datetime.fromtimestamp(self._first, self._rotation.zone).date() + timedelta(days=1)
            self._day_ends = datetime(day.year, day.month, day.day, tzinfo=self._rotation.zone).timestamp()

    def _next(self, lines: deque[bytes]) -> bytes:
        """Lines of this file's day, as many as one write takes."""
        found: list[bytes] = []
        length = 0
        for line in lines:
            if found and (length + len(line) > CHUNK or self._later(line)):
                break
            found.append(line)
            length += len(line)
        return b"".join(found)

    def _later(self, line: bytes) -> bool:
        return bool(self._day_ends) and (epoch(line) or 0) >= self._day_ends

    def _over(self, handle: int, line: bytes) -> bool:
        """The file is full, or of another day than this line."""
        if self._first is None:
            return False
        self._begun(line)
        most = self._rotation.max_bytes
        return self._later(line) or (most is not None and os.fstat(handle).st_size >= most)

    def _rotate(self, handle: int, line: bytes) -> None:
        """`line` is the next one."""
        os.fsync(handle)
        first = self._first
        assert first is not None, "an empty file is not rotated"
        stem = f"{self.path.name}-{datetime.fromtimestamp(first, self._rotation.zone):%Y%m%d}-"
        taken = [int(found[1]) for one in self.path.parent.glob(stem + "*")
                 if (found := re.match(r"(\d+)", one.name.removeprefix(stem)))]
        self.path.rename(self.path.with_name(f"{stem}{max(taken, default=0) + 1:03}"))
        self.close()
        self.turned += 1
        self._opened()
        self._clear_away(epoch(line) or first)

    def _clear_away(self, now: int) -> None:
        """Delete what is older than is kept: files that were rotated here, packed since or not."""
        if self._rotation.keep_days is None:
            return
        oldest = datetime.fromtimestamp(now, self._rotation.zone).date() - timedelta(days=self._rotation.keep_days)
        for one in files(self.path):
            if (day := _day_of(one.name.removeprefix(self.path.name))) is not None and day < f"{oldest:%Y%m%d}":
                one.unlink(missing_ok=True)


def _day_of(ending: str) -> str | None:
    """The day that the name of a file rotated here tells."""
    found = re.fullmatch(r"-(\d{8})-\d{3,}(?:\.gz)?", ending)
    return None if found is None else found[1]


def _has_room(handle: int, length: int) -> None:
    disk = os.fstatvfs(handle)
    if disk.f_bavail * disk.f_frsize < length + ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
