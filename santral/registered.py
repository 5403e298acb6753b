"""Callers who asked to be known (rule I20): keyed hashes of their numbers in the node's secrets, and no reason beside
them. A running node sees a change with the next call."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import structlog

from routing.store.numbers import NumberKeys
from santral.errors import SantralError
from santral.secrets import Secrets, read_private, write_private

FILE = "registered.json"
MOST = 500_000
"""Callers on the list: a sixth of those a ministry serves; the file is read whole, in a second."""

log = structlog.get_logger()


class Registered:
    """The list of one node."""

    def __init__(self, secrets: Path) -> None:
        self._path = secrets / FILE
        self._seen: tuple[int, int] | None = None
        self._callers: frozenset[str] = frozenset()

    def known(self, caller_hash: str) -> bool:
        """Whether they are on the list. A file that cannot be read changes nothing, and is told once."""
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size)
        except FileNotFoundError:
            self._seen, self._callers = None, frozenset()
            return False
        except OSError:
            return caller_hash in self._callers
        if seen != self._seen:
            self._seen = seen
            try:
                self._callers = read(self._path)
            except SantralError as error:
                log.error("registered.unreadable", why=str(error))
        return caller_hash in self._callers


def read(path: Path) -> frozenset[str]:
    """The hashes of a list; none when there is no file. Raises SantralError."""
    callers = read_private(path).get("callers", [])
    if not isinstance(callers, list) or not all(isinstance(one, str) for one in callers):
        raise SantralError(f"{path} holds no list of callers. Restore it, or delete it to begin a new one")
    return frozenset(callers)


def strike(secrets: Path, hashes: Iterable[str]) -> int:
    """Take the callers of these hashes off the list; how many stood there. Raises SantralError."""
    before = read(secrets / FILE)
    gone = before & frozenset(hashes)
    if gone:
        write_private(secrets / FILE, json.dumps({"callers": sorted(before - gone)}, indent=0))
    return len(gone)


def enlist(state: Path, numbers: Iterable[str], remove: bool) -> int:
    """Put numbers (E.164) on the list or take them out; how many were not so before. Raises SantralError."""
    folder = Secrets(state).folder
    keys = NumberKeys.load_or_create(folder / "numbers.json")
    hashes = {keys.seal(number)[0] for number in numbers}
    before = read(folder / FILE)
    after = before - hashes if remove else before | hashes
    if len(after) > MOST:
        raise SantralError(f"{len(after)} callers would stand on the list; it takes {MOST}. Take some out first")
    write_private(folder / FILE, json.dumps({"callers": sorted(after)}, indent=0))
    return len(before ^ after)
