"""The queue_log file: appended, never rewritten, each line once, whatever ends the node in between.

The lines follow from the stored facts alone. So a start feeds the facts again from the first one: those whose lines are
in the file already are compared and skipped, and a line that was torn in the middle is completed. A small file beside
it (`<name>.place`) says up to which fact and byte the file is known to be on disk, so the comparison is short.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import structlog

from metrics.forget import numberless
from metrics.queue_lines import CallerId, LineState, lines, no_callerid, started
from routing.core.facts import Fact
from routing.store.errors import StoreError

log = structlog.get_logger()

SAVE_EVERY = 1024
"""Facts between two `fsync`s (which hold the loop for milliseconds) with a new place: about a hundred calls. A start
compares at most about so many lines."""
BACKLOG_MAX = 1_000_000
"""Bytes kept while the file cannot be written (disk full): about 15,000 lines. Then nothing is written until the next
start, which takes the rest from the stored facts: the file is always the beginning of what they say."""
CHUNK = 65_536
"""Bytes of one write: deleting from the front of the backlog stays cheap."""
MODE = 0o640
"""Readers of a group may be let in; the file holds ids, and numbers only when the operator asked for them."""


class QueueLog:
    """`take` is a projection: give it every stored fact at start (`start` when done), then those of each turn."""

    def __init__(self, path: Path, callerid: CallerId = no_callerid) -> None:
        self.path = path
        self._place_path = path.with_name(path.name + ".place")
        self._open_number = callerid
        self._state = LineState()
        self._file: int | None = None
        self._inode = 0
        self._seq, self._size = self._place()
        self._fed = 0
        """Last fact taken."""
        self._there = self._beyond()
        self._backlog = bytearray()
        self._stopped = False
        self._unsaved = 0
        self._complained = False
        self._keyless = False

    def take(self, facts: Sequence[Fact]) -> None:
        """Write what these facts say and the file does not say yet. Never raises: a full disk stops no call."""
        new = bytearray()
        for fact in facts:
            if fact.seq <= self._fed:
                continue
            self._fed = fact.seq
            found = lines(fact, self._state, self._callerid)
            if fact.seq <= self._seq:
                continue
            for line in found:
                new += self._missing(line.encode("ascii") + b"\n")
            self._unsaved += 1
        self._write(bytes(new))
        if self._unsaved >= SAVE_EVERY:
            self.save()

    def start(self, at: float) -> None:
        """All stored facts are in: say QUEUESTART. Lines behind the place that no fact explains stay as they are."""
        if self._fed < self._seq:
            log.warning("queue_log.other_store", path=self.path.name)
            self._seq = self._fed  # the place was written beside another store, whose facts counted further
        torn = b"\n" if self._there and not self._there[-1].endswith(b"\n") else b""
        self._there.clear()
        self._write(torn + started(self._state, at).encode("ascii") + b"\n")

    def save(self) -> None:
        """Bring the file to the disk and note the place. Nothing is noted while something is still to be written."""
        if self._file is None or self._backlog or self._stopped:
            return
        try:
            os.fsync(self._file)
            text = json.dumps({"seq": self._fed, "size": os.fstat(self._file).st_size})
            fresh = self._place_path.with_name(self._place_path.name + ".new")
            fresh.write_text(text, encoding="ascii")
            fresh.replace(self._place_path)
            self._unsaved = 0
        except OSError as error:
            self._complain(error)

    def close(self) -> None:
        """Save and let the file go."""
        self._write(b"")
        self.save()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _callerid(self, box: str) -> str:
        """What may be written of a number; nothing when its key is no longer there."""
        try:
            return self._open_number(box)
        except StoreError as error:
            if not self._keyless:
                self._keyless = True
                log.warning("queue_log.number_does_not_open", kind=type(error).__name__)
            return ""

    # -- what is there already ---------------------------------------------------------------------------------------

    def _place(self) -> tuple[int, int]:
        try:
            place = json.loads(self._place_path.read_text(encoding="ascii"))
            return int(place["seq"]), int(place["size"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0

    def _beyond(self) -> deque[bytes]:
        """Lines behind the known place; the last may be torn. QUEUESTART follows from no fact and is passed over."""
        try:
            with self.path.open("rb") as file:
                file.seek(0, os.SEEK_END)
                if file.tell() < self._size:  # rotated while we were away
                    return deque()
                file.seek(self._size)
                rest = file.read()
        except OSError:
            return deque()
        return deque(line for line in rest.splitlines(keepends=True) if b"|QUEUESTART|" not in line)

    def _missing(self, line: bytes) -> bytes:
        """What of this line is not in the file."""
        if not self._there:
            return line
        known = self._there.popleft()
        if known == line or numberless(known) == numberless(line):
            return b""  # a number that was erased since stands as `*` in the one and not at all in the other
        if line.startswith(known) and not self._there and not known.endswith(b"\n"):
            return line[len(known):]
        self._there.clear()
        log.warning("queue_log.unknown_lines", path=self.path.name)
        return line if known.endswith(b"\n") else b"\n" + line

    # -- the file ----------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self._stopped or not (self._backlog or data):
            return
        self._backlog += data
        try:
            file = self._opened()
            while self._backlog:
                del self._backlog[: os.write(file, self._backlog[:CHUNK])]
            self._complained = False
        except OSError as error:
            self._complain(error)
        if len(self._backlog) > BACKLOG_MAX:
            self._stopped = True
            self._backlog.clear()
            log.error("queue_log.stopped", path=self.path.name, mend="make room, then restart: nothing is lost")

    def _opened(self) -> int:
        """The file, opened anew when somebody has moved it away (log rotation)."""
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            inode = 0
        if self._file is not None and inode == self._inode:
            return self._file
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._unsaved = SAVE_EVERY  # the old place means nothing in the new file
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
        self._inode = os.fstat(self._file).st_ino
        return self._file

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            log.error("queue_log.cannot_write", path=self.path.name, why=error.strerror,
                      mend="make room or correct the folder's owner; lines are kept meanwhile")
