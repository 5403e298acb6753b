"""Numbers taken out of a queue_log: the field of the caller is overwritten with `*` in its place, so the file keeps its
length and a node may append meanwhile. Files that log rotation moved aside are gone through too, packed ones as well.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

CALLER = 6
"""Field of ENTERQUEUE that may hold the caller's number: epoch, call id, queue, agent, event, URL, caller, position."""

Whose = Callable[[str, int], bool]
"""Call id and epoch of a line -> whether its number goes."""


def files(path: Path) -> list[Path]:
    """The queue_log and what was rotated away beside it."""
    place = path.name + ".place"
    return sorted(one for one in path.parent.glob(path.name + "*") if one.is_file() and not one.name.startswith(place))


def forget(path: Path, whose: Whose, *, really: bool = True) -> int:
    """Overwrite; how many numbers there were. `really`: else they are only counted. OSError when a file cannot be
    written."""
    return sum(_packed(one, whose, really) if one.suffix == ".gz" else _plain(one, whose, really)
               for one in files(path))


def blanked(line: bytes, whose: Whose) -> bytes:
    """The line, its number overwritten if it goes."""
    fields = line.split(b"|")
    if len(fields) <= CALLER or fields[4] != b"ENTERQUEUE" or not fields[CALLER].strip(b"*") or not fields[0].isdigit():
        return line
    if not whose(fields[1].decode("ascii", "replace"), int(fields[0])):
        return line
    fields[CALLER] = b"*" * len(fields[CALLER])
    return b"|".join(fields)


def _plain(path: Path, whose: Whose, really: bool) -> int:
    count, at = 0, 0
    with path.open("rb+" if really else "rb") as file:
        for line in file:
            new = blanked(line, whose)
            if new != line:
                count += 1
                if really:
                    os.pwrite(file.fileno(), new, at)
            at += len(line)
        if count and really:
            os.fsync(file.fileno())
    return count


def _packed(path: Path, whose: Whose, really: bool) -> int:
    with gzip.open(path, "rb") as file:
        lines = file.readlines()
    new = [blanked(line, whose) for line in lines]
    count = sum(one != other for one, other in zip(lines, new, strict=True))
    if count and really:
        draft = path.with_name(path.name + ".new")
        with gzip.open(draft, "wb") as file:
            file.writelines(new)
        draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    return count
