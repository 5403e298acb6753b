"""Recover the times of calls that were connected or ended while nobody listened, from Asterisk's CEL file.

`cel_custom` writes one line for each event: `time,event,uniqueid,linkedid`. The time is in seconds since 1970 with a
fraction. The template is `asterisk_conf/templates/cel_custom.conf.j2`. The file holds nothing about people.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

READ_MAX = 32 * 1024 * 1024
"""Bytes read after a gap: some 400,000 events, hours of the busiest traffic. Of a larger gap the newest bytes are read.
"""
CLOCK_SKEW_MAX_S = 5.0
"""Largest accepted difference between Asterisk's clock and the node's. On two machines with NTP it is milliseconds.

A time further outside the possible range comes from a clock that was set meanwhile.
"""
_ENDS = {"CHAN_END", "HANGUP"}
_ENTERS = "BRIDGE_ENTER"
NO_NODE, FALLBACK = "SC_NO_NODE", "SC_FALLBACK-"
"""Events of the dialplan: a new caller whom no node has answered, and a caller who enters the fallback queue of the
service that follows (`asterisk_conf`)."""
OPEN_CALLS_MAX = 2_000
"""Calls remembered that met no node and have not ended yet. The oldest is forgotten first."""


class ChannelPast(NamedTuple):
    """Times of one channel in a gap, by the node's clock. None means that the file has no time, or none that can be
    trusted."""

    entered: float | None = None
    """When the channel was first bridged with another channel."""
    ended: float | None = None
    fallback_talk: float | None = None
    """When the fallback queue gave the channel to an agent."""


class OutageCall(NamedTuple):
    """A caller who met no node, by the node's clock."""

    uniqueid: str
    began: float
    service: str = ""
    """Service of the last fallback queue. Empty if the caller hung up before."""
    talked: float | None = None
    """When the fallback queue gave the caller to an agent."""
    ended: float | None = None


class CelRecovery:
    """Read one CEL file from a marked position.

    Every method tolerates a file that is missing, rotated or truncated. `clock` is the node's clock, which nobody sets.
    Asterisk writes by the wall clock (`wall`).
    """

    def __init__(self, path: Path, clock: Callable[[], float], wall: Callable[[], float] = time.time,
                 explained: float = -math.inf) -> None:
        self._path, self._clock, self._wall = path, clock, wall
        self._explained = explained
        """Time before which an earlier process has read the outage calls."""
        self._open: dict[str, OutageCall] = {}
        """Outage calls that had not ended at the last mark, by uniqueid."""
        self._still_open: dict[str, OutageCall] = {}
        self._inode = 0
        self._offset = 0
        self._since = -math.inf
        """When the position was marked."""
        self._was_set_by_s = self.set_by_s
        """How far the wall clock had been set when the position was marked."""

    @property
    def set_by_s(self) -> float:
        """Return how far the wall clock was set since the process began. A positive value means forward."""
        return self._wall() - self._clock()

    def find_trouble(self) -> str:
        """Return why the file cannot be read, or an empty text if nothing is wrong.

        A missing file is not wrong: Asterisk creates the file at the first call, but never creates its folder.
        """
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

    def mark_position(self) -> None:
        """Mark the end of the file: everything before it is known."""
        self._open = self._still_open
        self._since, self._was_set_by_s = self._clock(), self.set_by_s
        try:
            stat = self._path.stat()
        except OSError:
            self._inode = self._offset = 0
        else:
            self._inode, self._offset = stat.st_ino, stat.st_size

    def read_past(self, wanted: Collection[str]) -> dict[str, ChannelPast]:
        """Return the times of these channels that the file has since the mark. The read is bounded.

        A channel without a line is left out. One without a usable time is in the result all the same.
        """
        found: dict[str, ChannelPast] = {}
        in_fallback = {uniqueid for uniqueid, call in self._open.items() if call.service}
        now, set_by_s = self._clock(), self.set_by_s
        for line in self._new_lines():
            row = next(csv.reader([line]), [])
            if len(row) != 4 or row[2] not in wanted:
                continue
            known = found.setdefault(row[2], ChannelPast())
            try:
                at = self._to_node_time(float(row[0]), now, set_by_s)
            except ValueError:
                continue
            if row[1].startswith(FALLBACK):
                in_fallback.add(row[2])
            if row[1] == _ENTERS and row[2] in in_fallback and known.fallback_talk is None:
                found[row[2]] = known._replace(fallback_talk=at)
            elif row[1] in _ENDS:
                found[row[2]] = known._replace(ended=at)
            elif row[1] == _ENTERS and known.entered is None:
                found[row[2]] = known._replace(entered=at)
        return found

    def read_outage_calls(self) -> list[OutageCall]:
        """Return the calls that met no node and have ended, as far as the file has told since the mark.

        Calls that have not ended are remembered for the next read, which begins at the next mark.
        """
        now, set_by_s = self._clock(), self.set_by_s
        calls, ended = dict(self._open), list[OutageCall]()
        for line in self._new_lines():
            row = next(csv.reader([line]), [])
            if len(row) != 4:
                continue
            uniqueid, event = row[2], row[1]
            starts = event == NO_NODE or event.startswith(FALLBACK)
            if not starts and uniqueid not in calls:
                continue
            try:
                at = self._to_node_time(float(row[0]), now, set_by_s)
            except ValueError:
                continue
            # 1. The call begins, or chooses another service.
            if starts:
                call = calls.get(uniqueid, OutageCall(uniqueid, at))
                if call.began >= self._explained:
                    service = event.removeprefix(FALLBACK) if event.startswith(FALLBACK) else call.service
                    calls[uniqueid] = call._replace(service=service)
            # 2. The fallback queue gives it to an agent, and it ends.
            elif event == _ENTERS and calls[uniqueid].service and calls[uniqueid].talked is None:
                calls[uniqueid] = calls[uniqueid]._replace(talked=at)
            elif event in _ENDS:
                ended.append(calls.pop(uniqueid)._replace(ended=at))
        self._still_open = dict(list(calls.items())[-OPEN_CALLS_MAX:])
        return ended

    def is_open_call(self, uniqueid: str) -> bool:
        """Return whether a call that met no node had not ended at the last mark."""
        return uniqueid in self._open

    def _to_node_time(self, at: float, now: float, set_by_s: float) -> float:
        """Return a time of the file by the node's clock, between the mark and now.

        Raise ValueError if the clock was set meanwhile and both readings of the time, or neither, are possible.
        """
        # If the wall clock was set in the gap, the line may have been written before or after that.
        meanwhile = abs(set_by_s - self._was_set_by_s) > CLOCK_SKEW_MAX_S
        by = (set_by_s, self._was_set_by_s) if meanwhile else (set_by_s,)
        found = [at - one if abs(one) > CLOCK_SKEW_MAX_S else at for one in by]
        # The unpacking raises ValueError if not exactly one reading fits.
        (one,) = (one for one in found if self._since - CLOCK_SKEW_MAX_S <= one <= now + CLOCK_SKEW_MAX_S)
        return one

    def _new_lines(self) -> Iterator[str]:
        """Yield whole lines since the mark: first the rest of a rotated file, then the present file."""
        # 1. The same inode means that the file only grew.
        try:
            same = self._path.stat().st_ino == self._inode
        except OSError:
            return
        if same:
            yield from _read_tail(self._path, self._offset)
            return
        # 2. After a rotation the marked file has the ending `.1`.
        rotated = self._path.with_name(self._path.name + ".1")
        try:
            known = self._inode and rotated.stat().st_ino == self._inode
        except OSError:
            known = False
        if known:
            yield from _read_tail(rotated, self._offset)
        yield from _read_tail(self._path, 0)


def _read_tail(path: Path, offset: int) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < offset:  # truncated in place (copytruncate), so all of it is new
                offset = 0
            start = max(offset, size - READ_MAX)
            file.seek(start)
            data = file.read(READ_MAX)
    except OSError:
        return
    lines = data.split(b"\n")[:-1]  # the last line may still be incomplete
    if start > offset:
        lines = lines[1:]  # the limit cut the first line
    for line in lines:
        yield line.decode("utf-8", "replace").removesuffix("\r")
