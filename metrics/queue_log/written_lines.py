"""Compare the lines in the files of a queue_log with the lines of the stored facts, from the saved position on.

Both are in the order of their seconds, so they are merged second by second, and nothing is written twice.

| the facts have     | the files have                 | result                                                         |
|--------------------|--------------------------------|----------------------------------------------------------------|
| a line             | the same                       | it is there                                                    |
| nothing            | a line                         | skipped: of another program, or of another `compat`            |
| a line             | not that, but later lines      | left out: readers skip late lines; another `compat` was set    |
|                    |                                | then, or the file is gone                                      |
| a line             | nothing of its second or later | it is missing, and is written                                  |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from metrics.queue_log.erasure import queue_log_files
from metrics.queue_log.log_file import line_epoch

CALLER = 6
"""Field of ENTERQUEUE that may hold a number. It may have been erased since, or be written in another form now."""
START = b"|QUEUESTART|"
"""Event that is never compared. It follows from no fact, and its time may be later than a clock that was set back."""
LEGACY = b"TRANSFER"
"""Event that depends on `compat`, so only one side may have it."""


class WrittenLines:
    """The lines of the files. Ask `has_line` for every line in order.

    Files are read as lines are asked for, so only one second is in memory. Raise OSError while they cannot be read.
    """

    def __init__(self, path: Path, inode: int, size: int) -> None:
        self._lines = _lines_after(path, inode, size)
        self._at = -1
        """The second under comparison."""
        self._found: Counter[bytes] = Counter()
        """Lines of the files in this second."""
        self._next: bytes | None = next(self._lines, None)
        self.foreign = 0
        """Number of lines that no fact explains."""
        self.late = 0
        """Number of lines that were left out."""

    def has_line(self, line: bytes) -> bool:
        """Return whether nothing is to be done for this line."""
        # 1. Read the files up to the second of the line.
        at = line_epoch(line) or 0
        while self._at < at and self._next is not None and (line_epoch(self._next) or 0) <= at:
            self._read_next_second()
        # 2. The files have the line.
        key = comparable_line(line)
        if self._at >= at and self._found[key]:
            self._found[key] -= 1
            return True
        # 3. The files end here, so the line is missing.
        if self._next is None and self._at <= at:
            return False
        # 4. The files go on later, so readers would skip the line.
        self.late += event_word(line) != LEGACY
        return True

    def skip_rest(self) -> None:
        """Skip the rest of the files after the last fact."""
        while self._next is not None:
            self._read_next_second()
        self._skip_unexplained()

    def _read_next_second(self) -> None:
        """Read the lines of the next second."""
        assert self._next is not None
        self._skip_unexplained()
        self._at = line_epoch(self._next) or self._at
        while self._next is not None and (line_epoch(self._next) or self._at) == self._at:
            self._found[comparable_line(self._next)] += 1
            self._next = next(self._lines, None)

    def _skip_unexplained(self) -> None:
        # A legacy line follows from another `compat`, so it is not foreign.
        self.foreign += sum(times for line, times in self._found.items() if event_word(line) != LEGACY)
        self._found.clear()


def event_word(line: bytes) -> bytes:
    """Return the event of a line, or nothing if it has none."""
    fields = line.split(b"|", 5)
    return fields[4] if len(fields) > 4 else b""


def comparable_line(line: bytes) -> bytes:
    """Return a line without the caller's number, which may differ."""
    fields = line.split(b"|")
    if len(fields) > CALLER and fields[4] == b"ENTERQUEUE":
        fields[CALLER] = b""
    return b"|".join(fields)


def _lines_after(path: Path, inode: int, size: int) -> Iterator[bytes]:
    """Yield the lines after this position, through all later files. Without a position (size 0) yield all."""
    # 1. Order the files by their first line, the present one last.
    written = sorted(((first, one) for one in queue_log_files(path)
                      if (first := _first_epoch(one)) is not None and one != path),
                     key=lambda found: (found[0], found[1].stat().st_mtime))
    chain: Sequence[Path] = [one for _, one in written]
    if path.exists():
        chain = [*chain, path]
    # 2. Find the file of the position, by inode and size.
    places = [number for number, one in enumerate(chain) if one.stat().st_ino == inode and one.stat().st_size >= size]
    if places:
        chain = chain[places[0]:]
    # That file is compressed, moved or gone; or it is a copy, as after a restore.
    elif size:
        chain = chain[-1:] if path.exists() else []
        size = size if chain and path.stat().st_size >= size else 0
    # 3. Only the first file begins in its middle.
    for number, one in enumerate(chain):
        with one.open("rb") as file:
            file.seek(0 if number else size)
            yield from (line for line in file if line.endswith(b"\n") and START not in line)


def _first_epoch(path: Path) -> int | None:
    """Return the second of a file's first line, or None if it cannot be read here (compressed)."""
    with path.open("rb") as file:
        return line_epoch(file.read(24))
