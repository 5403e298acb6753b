"""Asterisk's own flight recorder: `cel_custom` writes one line an event, so calls that were connected or ended while
nobody listened get their true times.

The file holds `time,event,uniqueid,linkedid` (time in seconds since 1970 with fraction; `asterisk_conf/templates/
cel_custom.conf.j2` writes it so) and nothing about people.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

READ_MAX = 32 * 1024 * 1024
"""Bytes read after a gap: some 400,000 events, hours of the busiest traffic. Of more, the newest are read."""
CLOCKS_APART_S = 5.0
"""So far from a node's clock Asterisk's may be: on two machines with NTP it is milliseconds. What is further outside
the time in which it was written was written by a clock that has been set meanwhile."""
_ENDS = {"CHAN_END", "HANGUP"}
_ENTERS = "BRIDGE_ENTER"


class Past(NamedTuple):
    """What happened to one channel while nobody looked, by the node's clock; None: it does not stand there, or nobody
    can tell when it was."""

    entered: float | None = None
    """It was first connected with another channel."""
    ended: float | None = None


class BlackBox:
    """One file, and a place in it. Every method tolerates a file that is missing, rotated, or cut. `clock` is the
    node's, which nobody sets; Asterisk writes by that of the wall (`wall`)."""

    def __init__(self, path: Path, clock: Callable[[], float], wall: Callable[[], float] = time.time) -> None:
        self._path, self._clock, self._wall = path, clock, wall
        self._inode = 0
        self._offset = 0
        self._since = -math.inf
        """When the mark was set ..."""
        self._was_set_by_s = self.set_by_s
        """... and by how much the wall clock had been set until then."""

    @property
    def set_by_s(self) -> float:
        """So far the wall clock was set since the process began; positive: forward."""
        return self._wall() - self._clock()

    def trouble(self) -> str:
        """Why nothing can be read here, empty when all is well. No file yet is well: Asterisk makes it at the first
        call, but never its folder."""
        folder = self._path.parent
        try:
            if not folder.is_dir():
                return f"{folder} is not there, and Asterisk does not make it"
            if not self._path.exists():
                return ""
            with self._path.open("rb"):
                return ""
        except OSError as error:
            return f"{self._path} cannot be read: {error.strerror}"

    def mark(self) -> None:
        """From here on: what is in the file now is known."""
        self._since, self._was_set_by_s = self._clock(), self.set_by_s
        try:
            stat = self._path.stat()
        except OSError:
            self._inode = self._offset = 0
        else:
            self._inode, self._offset = stat.st_ino, stat.st_size

    def past(self, wanted: Collection[str]) -> dict[str, Past]:
        """Times of these channels, as far as they stand in the file since the mark. Reads a file, bounded."""
        found: dict[str, Past] = {}
        now, set_by_s = self._clock(), self.set_by_s
        for line in self._lines():
            row = next(csv.reader([line]), [])
            if len(row) != 4 or row[2] not in wanted:
                continue
            try:
                at = self._true(float(row[0]), now, set_by_s)
            except ValueError:
                continue
            known = found.get(row[2], Past())
            if row[1] in _ENDS:
                found[row[2]] = known._replace(ended=at)
            elif row[1] == _ENTERS and known.entered is None:
                found[row[2]] = known._replace(entered=at)
        return found

    def _true(self, at: float, now: float, set_by_s: float) -> float:
        """A time of the file by the node's clock, between the mark and now. ValueError: it is not to be told, since the
        clock was set meanwhile and it may have been written before or after that."""
        meanwhile = abs(set_by_s - self._was_set_by_s) > CLOCKS_APART_S
        by = (set_by_s, self._was_set_by_s) if meanwhile else (set_by_s,)
        found = [at - one if abs(one) > CLOCKS_APART_S else at for one in by]
        (one,) = (one for one in found if self._since - CLOCKS_APART_S <= one <= now + CLOCKS_APART_S)
        return one

    def _lines(self) -> Iterator[str]:
        """Whole lines since the mark: the rest of a rotated file first, then the present one."""
        try:
            same = self._path.stat().st_ino == self._inode
        except OSError:
            return
        if same:
            yield from _tail(self._path, self._offset)
            return
        rotated = self._path.with_name(self._path.name + ".1")
        try:
            known = self._inode and rotated.stat().st_ino == self._inode
        except OSError:
            known = False
        if known:
            yield from _tail(rotated, self._offset)
        yield from _tail(self._path, 0)


def _tail(path: Path, offset: int) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < offset:  # cut in place (copytruncate): all of it is new
                offset = 0
            start = max(offset, size - READ_MAX)
            file.seek(start)
            data = file.read(READ_MAX)
    except OSError:
        return
    lines = data.split(b"\n")[:-1]  # the last one may still be written
    if start > offset:
        lines = lines[1:]  # it was cut by the limit
    for line in lines:
        yield line.decode("utf-8", "replace").removesuffix("\r")
