"""Write the queue_log: each line once, however the node ends in between.

The lines follow from the stored facts alone. So a start feeds the facts again, from well before the first line that may
not be on disk. Lines in the file are compared and skipped. A small file next to it (`<name>.place`) notes the fact,
file and byte up to which everything is on disk, so the comparison is short.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import structlog

from metrics.queue_log.lines import CallerId, LineState, hide_callerid, lines_of, start_line
from metrics.queue_log.log_file import QueueLogFile, Rotation
from metrics.queue_log.written_lines import WrittenLines
from routing.core.model.facts import Fact
from routing.core.model.ids import ContactId
from routing.store.errors import StoreError

log = structlog.get_logger()

SAVE_EVERY = 4096
"""Facts between two `fsync`s with a new position: about two hundred calls.

An `fsync` holds the loop for milliseconds. A start compares at most about this many lines.
"""
BACKLOG_MAX = 1_000_000
"""Limit in bytes of lines that wait while the file cannot be written (disk full): about 15,000 lines.

Beyond it nothing is written until the next start, which takes the rest from the stored facts. So the file is always the
beginning of the facts' lines.
"""


class SavedPosition(NamedTuple):
    """The position up to which everything is on disk."""

    seq: int = 0
    """The last fact."""
    size: int = 0
    inode: int = 0
    """Inode of the file with this size."""


class QueueLog:
    """Projection of facts into the file.

    At start call `write_facts` with the stored facts: those after `done`, and enough earlier ones for every open visit.
    Then call `write_start`. Afterwards call `write_facts` for each turn.
    """

    def __init__(self, path: Path, callerid: CallerId = hide_callerid, *, asternic: bool = False,
                 rotation: Rotation | None = None) -> None:
        self.path = path
        self._place_path = path.with_name(path.name + ".place")
        self._open_number = callerid
        self._state = LineState(asternic=asternic)
        self._file = QueueLogFile(path, rotation or Rotation())
        noted = self._load_position()
        self.done = None if noted is None else noted.seq
        """The last fact whose lines are known to be on disk. None: no position is saved."""
        self._position = noted or SavedPosition()
        self._fed = 0
        """The last fact that was taken."""
        self._backlog: deque[bytes] = deque()
        self._stopped = False
        self._unsaved = 0
        self._turned = 0
        self._complained = False
        self._keyless = False
        self._written_lines: WrittenLines | None = None
        try:
            self._file.truncate_torn_line()
            self._written_lines = WrittenLines(path, self._position.inode, self._position.size)
        except OSError as error:
            self._stop_writing(error)

    def note_waiting(self, contacts: Iterable[ContactId]) -> None:
        """Note callers who waited before the first fact that will be given."""
        self._state.talking.update(dict.fromkeys(contacts))

    def write_facts(self, facts: Sequence[Fact]) -> None:
        """Write the lines of these facts that the file does not have yet.

        This never raises: a full disk stops no call.
        """
        for fact in facts:
            if fact.seq <= self._fed:
                continue
            self._fed = fact.seq
            # The lines of earlier facts are made all the same, because they build the state.
            found = lines_of(fact, self._state, self._caller_number)
            if fact.seq <= self._position.seq:
                continue
            for line in found:
                self._add_line(line)
            self._unsaved += 1
        self._write_backlog()
        if self._unsaved >= SAVE_EVERY:
            self.save_position()

    def write_start(self, at: float) -> None:
        """Write QUEUESTART after all stored facts. Lines after the position that no fact explains stay as they are."""
        # 1. End the comparison with the file, and report what did not match.
        if self._fed < self._position.seq:
            log.warning("queue_log.store_replaced", path=self.path.name)
            # The position belongs to another store, whose facts counted further.
            self._position = self._position._replace(seq=self._fed)
        elif self._written_lines is not None:
            try:
                self._written_lines.skip_rest()
            except OSError as error:
                self._stop_writing(error)
            else:
                if self._written_lines.foreign:
                    log.warning("queue_log.lines_unexplained", path=self.path.name, lines=self._written_lines.foreign)
                if self._written_lines.late:
                    log.warning("queue_log.lines_added_late", path=self.path.name, lines=self._written_lines.late)
        # 2. From here on every line is new.
        self._written_lines = None
        self._add_line(start_line(self._state, at))
        self._write_backlog()

    def save_position(self) -> None:
        """Bring the file to the disk and save the position. Nothing is saved while lines wait."""
        if self._backlog or self._stopped:
            return
        try:
            synced = self._file.sync_to_disk()
            if synced is None:
                return
            inode, size = synced
            # A rename is atomic, so a power failure leaves the old or the new position.
            fresh = self._place_path.with_name(self._place_path.name + ".new")
            fresh.write_text(json.dumps(SavedPosition(self._fed, size, inode)._asdict()), encoding="ascii")
            fresh.replace(self._place_path)
            self._unsaved = 0
        except OSError as error:
            self._log_write_error(error)

    def close(self) -> None:
        """Write what waits, save the position, and close the file."""
        self._write_backlog()
        self.save_position()
        self._file.close()

    def _caller_number(self, box: str) -> str:
        """Return the number to write, or nothing if its key no longer exists."""
        try:
            return self._open_number(box)
        except StoreError as error:
            if not self._keyless:
                self._keyless = True
                log.warning("queue_log.number_not_decrypted", kind=type(error).__name__)
            return ""

    def _load_position(self) -> SavedPosition | None:
        try:
            place = json.loads(self._place_path.read_text(encoding="ascii"))
            return SavedPosition(int(place["seq"]), int(place["size"]), int(place["inode"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _add_line(self, text: str) -> None:
        """Add a line, unless the files have it."""
        if self._stopped:
            return
        line = text.encode("ascii") + b"\n"
        if self._written_lines is not None:
            try:
                if self._written_lines.has_line(line):
                    return
            except OSError as error:
                self._stop_writing(error)
                return
        self._backlog.append(line)

    def _write_backlog(self) -> None:
        if self._stopped or not self._backlog:
            return
        try:
            self._file.append_lines(self._backlog)
            self._complained = False
        except OSError as error:
            self._log_write_error(error)
        if sum(map(len, self._backlog)) > BACKLOG_MAX:
            self._stop_writing()
        elif self._file.turned > self._turned:
            self._turned = self._file.turned
            # The saved position is now in another file, so a new one must be saved soon.
            self._unsaved = SAVE_EVERY

    def _stop_writing(self, error: OSError | None = None) -> None:
        """Stop writing until the next start."""
        self._stopped = True
        self._backlog.clear()
        why = {} if error is None else {"why": error.strerror}
        log.error("queue_log.stopped", path=self.path.name, **why,
                  mend="make room or correct the file's owner, then restart: nothing is lost")

    def _log_write_error(self, error: OSError) -> None:
        # A full disk fails at every write, so only the first failure is logged.
        if not self._complained:
            self._complained = True
            log.error("queue_log.write_failed", path=self.path.name, why=error.strerror,
                      mend="make room or correct the folder's owner; lines are kept meanwhile")
