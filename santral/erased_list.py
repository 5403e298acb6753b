"""Keep a list of erased callers and disabled people, in the state and next to each backup.

An old backup still has the data of a caller who was erased after it. A restore reads this list and erases again. An
entry is a keyed hash, so the list names nobody, and nothing of it can be found in a state by a search for the caller.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from routing.store.callers.number_keys import NumberKeys

FILE = "erased.jsonl"
FOLDERS = "backup-folders.json"
"""File of the state with the folders that hold backups."""
FOLDERS_MAX = 16
"""Folders that are remembered. An operator has one or two; the newest ones stay."""
MODE = 0o600


class KnownMarks(NamedTuple):
    """Content of a list."""

    callers: frozenset[str]
    """Marks of erased callers."""
    disabled: frozenset[str]
    """Marks of people whose last entry disabled them."""


class ErasedList:
    """The list of one state folder. `keys` are those of the callers' numbers, which a restored state has too."""

    def __init__(self, state: Path, keys: NumberKeys) -> None:
        self._state, self._keys = state, keys

    def note_callers(self, hashes: Iterable[str]) -> list[Path]:
        """Add erased callers by their hashes. Return the backup folders that could not be written."""
        return self._add_lines([{"caller": self.mark_caller(digest)} for digest in hashes])

    def note_person(self, person: str, *, disabled: bool) -> list[Path]:
        """Add that a person was disabled or let in again. Return the backup folders that could not be written."""
        return self._add_lines([{"person": self.mark_person(person), "disabled": disabled}])

    def mark_caller(self, caller_hash: str) -> str:
        """Return the entry of a caller."""
        return self._keys.mark_text(f"caller:{caller_hash}")

    def mark_person(self, person: str) -> str:
        """Return the entry of a person."""
        return self._keys.mark_text(f"person:{person}")

    def _add_lines(self, entries: list[dict[str, object]]) -> list[Path]:
        lines = "".join(json.dumps({"at": int(time.time()), **entry}) + "\n" for entry in entries)
        _append_text(self._state / FILE, lines)
        left = []
        for folder in read_folders(self._state):
            try:
                _append_text(folder / FILE, lines)
            except OSError:
                left.append(folder)
        return left


def read_folders(state: Path) -> list[Path]:
    """Return the folders that hold backups of a state."""
    try:
        return [Path(name) for name in json.loads((state / FOLDERS).read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []


def note_folder(state: Path, folder: Path) -> None:
    """Remember a folder with backups, and bring its list up to date with that of the state."""
    known = [one for one in read_folders(state) if one != folder]
    _write_private(state / FOLDERS, json.dumps([str(one) for one in [*known, folder][-FOLDERS_MAX:]], indent=1))
    here = _read_lines(state / FILE)
    there = set(_read_lines(folder / FILE))
    missing = [line for line in here if line not in there]
    if missing:
        _append_text(folder / FILE, "".join(f"{line}\n" for line in missing))


def read_marks(*paths: Path) -> KnownMarks:
    """Return the entries of these lists together. A missing list is empty, and a torn last line is left out."""
    callers: set[str] = set()
    people: dict[str, tuple[int, bool]] = {}
    for path in paths:
        for line in _read_lines(path):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if "caller" in entry:
                callers.add(entry["caller"])
            elif (entry["at"], entry["disabled"]) >= people.get(entry["person"], (0, False)):
                people[entry["person"]] = entry["at"], entry["disabled"]
    return KnownMarks(frozenset(callers), frozenset(name for name, (_, disabled) in people.items() if disabled))


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _append_text(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CREAT | os.O_CLOEXEC, MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
