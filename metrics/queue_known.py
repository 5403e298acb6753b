"""What the files of a queue_log say already, compared with what the stored facts say, line by line from the last place
that is known. Both are in the order of their seconds, so they are merged second by second: nothing is written twice.

| the facts say      | the files say                  | what is done                                                   |
|--------------------|--------------------------------|----------------------------------------------------------------|
| a line             | the same                       | it is there                                                    |
| nothing            | a line                         | passed over: somebody else's, or of another `compat`           |
| a line             | not that, but later lines      | left out: readers skip what comes late, and another setting    |
|                    |                                | held then (`compat`), or its file is gone                      |
| a line             | nothing of its second or later | it is missing, and is written                                  |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from metrics.forget import files
from metrics.queue_file import epoch

CALLER = 6
"""Field of ENTERQUEUE that may hold a number: it may have been taken out since, or be written otherwise now."""
START = b"|QUEUESTART|"
"""Follows from no fact, and has the time of the machine's clock, which may have been set back since: never compared."""
LEGACY = b"TRANSFER"
"""May be there although no fact says it now, and the other way round: `compat` was another one."""


class Known:
    """Ask for every line in its order (`has`). Reads as it is asked: one second of lines is in memory, whatever the
    files hold. OSError while they cannot be read."""

    def __init__(self, path: Path, inode: int, size: int) -> None:
        self._lines = _following(path, inode, size)
        self._at = -1
        """The second under comparison."""
        self._found: Counter[bytes] = Counter()
        """What the files say of it."""
        self._next: bytes | None = next(self._lines, None)
        self.foreign = 0
        """Lines that no fact explains."""
        self.late = 0
        """Lines that were left out."""

    def has(self, line: bytes) -> bool:
        """Whether nothing is to be done for this line."""
        at = epoch(line) or 0
        while self._at < at and self._next is not None and (epoch(self._next) or 0) <= at:
            self._gather()
        key = plain(line)
        if self._at >= at and self._found[key]:
            self._found[key] -= 1
            return True
        if self._next is None and self._at <= at:
            return False
        self.late += event(line) != LEGACY
        return True

    def finish(self) -> None:
        """The facts are at their end: what is left in the files is not theirs."""
        while self._next is not None:
            self._gather()
        self._pass_over()

    def _gather(self) -> None:
        """The lines of the next second."""
        assert self._next is not None
        self._pass_over()
        self._at = epoch(self._next) or self._at
        while self._next is not None and (epoch(self._next) or self._at) == self._at:
            self._found[plain(self._next)] += 1
            self._next = next(self._lines, None)

    def _pass_over(self) -> None:
        self.foreign += sum(times for line, times in self._found.items() if event(line) != LEGACY)
        self._found.clear()


def event(line: bytes) -> bytes:
    """The word of a line; empty: it is none."""
    fields = line.split(b"|", 5)
    return fields[4] if len(fields) > 4 else b""


def plain(line: bytes) -> bytes:
    """A line without what may differ: the caller's number."""
    fields = line.split(b"|")
    if len(fields) > CALLER and fields[4] == b"ENTERQUEUE":
        fields[CALLER] = b""
    return b"|".join(fields)


def _following(path: Path, inode: int, size: int) -> Iterator[bytes]:
    """Lines behind this place, through the files that were begun since. Without a place (size 0) all of them."""
    written = sorted(((first, one) for one in files(path) if (first := _first(one)) is not None and one != path),
                     key=lambda found: (found[0], found[1].stat().st_mtime))
    chain: Sequence[Path] = [one for _, one in written]
    if path.exists():
        chain = [*chain, path]
    places = [number for number, one in enumerate(chain) if one.stat().st_ino == inode and one.stat().st_size >= size]
    if places:
        chain = chain[places[0]:]
    elif size:  # that file is packed, elsewhere or gone; or it was copied, as a backup is
        chain = chain[-1:] if path.exists() else []
        size = size if chain and path.stat().st_size >= size else 0
    for number, one in enumerate(chain):
        with one.open("rb") as file:
            file.seek(0 if number else size)
            yield from (line for line in file if line.endswith(b"\n") and START not in line)


def _first(path: Path) -> int | None:
    """The second of a file's first line; None: it has none that can be read here (packed)."""
    with path.open("rb") as file:
        return epoch(file.read(24))
