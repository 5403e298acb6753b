"""The queue_log: each line once, whatever ends the node in between.

The lines follow from the stored facts alone. So a start feeds them again, from well before the first one whose lines
may not be on disk: lines that are in the file already are compared and skipped (`queue_known`). A small file beside it
(`<name>.place`) says up to which fact, file and byte all is known to be on disk, so the comparison is short.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import structlog

from metrics.queue_file import QueueFile, Rotation
from metrics.queue_known import Known
from metrics.queue_lines import CallerId, LineState, lines, no_callerid, started
from routing.core.facts import Fact
from routing.core.ids import ContactId
from routing.store.errors import StoreError

log = structlog.get_logger()

SAVE_EVERY = 4096
"""Facts between two `fsync`s (which hold the loop for milliseconds) with a new place: about two hundred calls. A start
compares at most about so many lines."""
BACKLOG_MAX = 1_000_000
"""Bytes kept while the file cannot be written (disk full): about 15,000 lines. Then nothing is written until the next
start, which takes the rest from the stored facts: the file is always the beginning of what they say."""


class Place(NamedTuple):
    """Up to where all is on disk."""

    seq: int = 0
    """The last fact."""
    size: int = 0
    inode: int = 0
    """Of the file that has this size; 0: an older Santral did not say it."""


class QueueLog:
    """`take` is a projection: at start give it the stored facts, those after `done` and enough of those before for
    every visit that is open (`start` when done), then those of each turn."""

    def __init__(self, path: Path, callerid: CallerId = no_callerid, *, asternic: bool = False,
                 rotation: Rotation | None = None) -> None:
        self.path = path
        self._place_path = path.with_name(path.name + ".place")
        self._open_number = callerid
        self._state = LineState(asternic=asternic)
        self._file = QueueFile(path, rotation or Rotation())
        noted = self._noted()
        self.done = None if noted is None else noted.seq
        """The last fact whose lines are known to be on disk; None: nobody has noted it."""
        self._place = noted or Place()
        self._fed = 0
        """Last fact taken."""
        self._backlog: deque[bytes] = deque()
        self._stopped = False
        self._unsaved = 0
        self._turned = 0
        self._complained = False
        self._keyless = False
        self._known: Known | None = None
        try:
            self._file.mend()
            self._known = Known(path, self._place.inode, self._place.size)
        except OSError as error:
            self._stop(error)

    def waiting(self, contacts: Iterable[ContactId]) -> None:
        """These callers waited already before the first fact that will be given."""
        self._state.talking.update(dict.fromkeys(contacts))

    def take(self, facts: Sequence[Fact]) -> None:
        """Write what these facts say and the file does not say yet. Never raises: a full disk stops no call."""
        for fact in facts:
            if fact.seq <= self._fed:
                continue
            self._fed = fact.seq
            found = lines(fact, self._state, self._callerid)
            if fact.seq <= self._place.seq:
                continue
            for line in found:
                self._add(line)
            self._unsaved += 1
        self._write()
        if self._unsaved >= SAVE_EVERY:
            self.save()

    def start(self, at: float) -> None:
        """All stored facts are in: say QUEUESTART. Lines behind the place that no fact explains stay as they are."""
        if self._fed < self._place.seq:
            log.warning("queue_log.other_store", path=self.path.name)
            # The place was written beside another store, whose facts counted further.
            self._place = self._place._replace(seq=self._fed)
        elif self._known is not None:
            try:
                self._known.finish()
            except OSError as error:
                self._stop(error)
            else:
                if self._known.foreign:
                    log.warning("queue_log.unknown_lines", path=self.path.name, lines=self._known.foreign)
                if self._known.late:
                    log.warning("queue_log.late_lines", path=self.path.name, lines=self._known.late)
        self._known = None
        self._add(started(self._state, at))
        self._write()

    def save(self) -> None:
        """Bring the file to the disk and note the place. Nothing is noted while something is still to be written."""
        if self._backlog or self._stopped:
            return
        try:
            synced = self._file.sync()
            if synced is None:
                return
            inode, size = synced
            fresh = self._place_path.with_name(self._place_path.name + ".new")
            fresh.write_text(json.dumps(Place(self._fed, size, inode)._asdict()), encoding="ascii")
            fresh.replace(self._place_path)
            self._unsaved = 0
        except OSError as error:
            self._complain(error)

    def close(self) -> None:
        """Save and let the file go."""
        self._write()
        self.save()
        self._file.close()

    def _callerid(self, box: str) -> str:
        """What may be written of a number; nothing when its key is no longer there."""
        try:
            return self._open_number(box)
        except StoreError as error:
            if not self._keyless:
                self._keyless = True
                log.warning("queue_log.number_does_not_open", kind=type(error).__name__)
            return ""

    def _noted(self) -> Place | None:
        try:
            place = json.loads(self._place_path.read_text(encoding="ascii"))
            return Place(int(place["seq"]), int(place["size"]), int(place.get("inode", 0)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _add(self, text: str) -> None:
        """The line, unless the files have it."""
        if self._stopped:
            return
        line = text.encode("ascii") + b"\n"
        if self._known is not None:
            try:
                if self._known.has(line):
                    return
            except OSError as error:
                self._stop(error)
                return
        self._backlog.append(line)

    def _write(self) -> None:
        if self._stopped or not self._backlog:
            return
        try:
            self._file.append(self._backlog)
            self._complained = False
        except OSError as error:
            self._complain(error)
        if sum(map(len, self._backlog)) > BACKLOG_MAX:
            self._stop()
        elif self._file.turned > self._turned:
            self._turned = self._file.turned
            self._unsaved = SAVE_EVERY  # the old place is in another file now

    def _stop(self, error: OSError | None = None) -> None:
        """Nothing more until the next start."""
        self._stopped = True
        self._backlog.clear()
        why = {} if error is None else {"why": error.strerror}
        log.error("queue_log.stopped", path=self.path.name, **why,
                  mend="make room or correct the file's owner, then restart: nothing is lost")

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            log.error("queue_log.cannot_write", path=self.path.name, why=error.strerror,
                      mend="make room or correct the folder's owner; lines are kept meanwhile")
