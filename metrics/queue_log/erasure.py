"""Erase numbers from a queue_log.

The caller's field is overwritten with `*`, so the file keeps its length and a node may append meanwhile. Rotated files
are processed too, also compressed ones.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

CALLER = 6
"""Field of ENTERQUEUE that may hold the caller's number: epoch, call id, queue, agent, event, URL, caller, position."""

Whose = Callable[[str, int], bool]
"""Call id and epoch of a line -> whether its number should be erased."""


def queue_log_files(path: Path) -> list[Path]:
    """Return the queue_log and its rotated files. The file of the saved position is not among them."""
    place = path.name + ".place"
    return sorted(one for one in path.parent.glob(path.name + "*") if one.is_file() and not one.name.startswith(place))


def erase_numbers(path: Path, whose: Whose, *, really: bool = True) -> int:
    """Erase numbers and return how many there were. Without `really` they are only counted. Raise OSError if a file
    cannot be written."""
    return sum(_erase_in_packed(one, whose, really) if one.suffix == ".gz" else _erase_in_plain(one, whose, really)
               for one in queue_log_files(path))


def blank_number(line: bytes, whose: Whose) -> bytes:
    """Return the line, with its number overwritten if it should be erased."""
    fields = line.split(b"|")
    # A field of stars is erased already, and must not be counted again.
    if len(fields) <= CALLER or fields[4] != b"ENTERQUEUE" or not fields[CALLER].strip(b"*") or not fields[0].isdigit():
        return line
    if not whose(fields[1].decode("ascii", "replace"), int(fields[0])):
        return line
    fields[CALLER] = b"*" * len(fields[CALLER])
    return b"|".join(fields)


def _erase_in_plain(path: Path, whose: Whose, really: bool) -> int:
    count, at = 0, 0
    with path.open("rb+" if really else "rb") as file:
        for line in file:
            new = blank_number(line, whose)
            if new != line:
                count += 1
                if really:
                    # `pwrite` leaves the end of the file alone, where a node may append.
                    os.pwrite(file.fileno(), new, at)
            at += len(line)
        if count and really:
            os.fsync(file.fileno())
    return count


# Nobody appends to a compressed file, so it is replaced whole.
def _erase_in_packed(path: Path, whose: Whose, really: bool) -> int:
    with gzip.open(path, "rb") as file:
        lines = file.readlines()
    new = [blank_number(line, whose) for line in lines]
    count = sum(one != other for one, other in zip(lines, new, strict=True))
    if count and really:
        draft = path.with_name(path.name + ".new")
        with gzip.open(draft, "wb") as file:
            file.writelines(new)
        draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    return count
