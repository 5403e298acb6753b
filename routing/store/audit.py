"""Keep the audit record: one line for each destruction, and for each time somebody heard, took or saw protected data.

Such data are recordings and the needs of agents. Lines are appended and never changed.

A line is JSON: number, time (UTC), who, what, counts and ids, never a telephone number. A hash covers the line and the
one before, so a changed or removed line is found.

The file is deliberately apart from the database. After the restore of an old database copy, the file still says which
contacts were destroyed since. It can be copied away line by line, and is kept for at least three years (by-law on
deletion, art. 7).
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from routing.store.errors import StoreError

FILE = "audit.jsonl"
MODE = 0o600
TAIL_BYTES = 65_536
"""Bytes read to find the last line. The longest line (ids of `IDS_MAX` contacts) is shorter."""
NEWEST_BYTES = 4_194_304
"""Bytes read for the newest lines: some 15,000 lines, months of a centre."""
WHO_MAX = 40
IDS_MAX = 500
"""Contacts or recordings named in a line. Of more, only the number is written."""


def asker_name(named: str | None = None) -> str:
    """Return the person who asks at a terminal: the given name, or the user, also behind sudo."""
    return (named or os.environ.get("SUDO_USER") or getpass.getuser())[:WHO_MAX]


class AuditError(StoreError):
    """The record cannot be written, or one of its lines was changed."""


class Entry(NamedTuple):
    """One line of the record."""

    number: int
    at: str
    who: str
    what: str
    about: Mapping[str, Any]
    """Counts, ids and reasons as plain JSON values."""


class Audit:
    """Hold the record of one state folder. The node and the commands write to the same file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def note_entry(self, who: str, what: str, at: float, **about: Any) -> None:
        """Append a line, which is durable when this returns.

        Raise `AuditError` if that fails: an action that cannot be noted must not be done.
        """
        # 1. Keep the line short: of very many ids only the number is written.
        for name, value in about.items():
            if isinstance(value, list | tuple) and len(value) > IDS_MAX:
                about[name] = f"{len(value)} of them"
        # 2. Lock the file, because a command may write at the same time. The number follows the last line.
        try:
            opened = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
            with os.fdopen(opened, "rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                number, before = _last_entry(file, self.path)
                line = {"number": number + 1, "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
                        "who": who, "what": what, "about": about}
                file.write(_format_line(line, before))
                file.flush()
                # 3. Only a line that survives the loss of power counts.
                os.fsync(file.fileno())
        except OSError as error:
            raise AuditError(f"{self.path} cannot be written: {error.strerror}. Nothing is destroyed, heard or shown "
                             "without a line in it: repair the folder, then try again") from None

    def read_entries(self) -> Iterator[Entry]:
        """Yield every line, checked.

        Raise `AuditError` with the number of the first line that was changed. An incomplete last line is skipped: see
        `torn`.
        """
        if not self.path.exists():
            return
        before, expected = "", 1
        with self.path.open("rb") as file:
            for raw in file:
                if not raw.endswith(b"\n"):
                    return
                entry = _parse_line(raw, self.path)
                body = {name: entry[name] for name in ("number", "at", "who", "what", "about")}
                if entry["number"] != expected or _format_line(body, before) != raw:
                    raise AuditError(f"{self.path}:{expected}: this line, or one before it, was changed or taken out")
                before, expected = entry["hash"], expected + 1
                yield Entry(**body)


    def newest_entries(self, kinds: Iterable[str], wanted: Callable[[Entry], bool], limit: int) -> list[Entry]:
        """Return the newest wanted lines of these kinds (`what`) in the last `NEWEST_BYTES`, newest first.

        The chain is not checked. Raise `AuditError` for a line of these kinds that is no line of this record.
        """
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - NEWEST_BYTES))
            lines = file.read().splitlines(keepends=True)
        # The words of a kind are looked for first: every page that opens reads this, and parsing takes a tenth of a
        # second. The first line is a rest of one, if the file is longer.
        marks, found = [f'"what":{json.dumps(kind)}'.encode() for kind in kinds], list[Entry]()
        for raw in reversed(lines[size > NEWEST_BYTES:]):
            if not raw.endswith(b"\n") or not any(mark in raw for mark in marks):
                continue
            entry = _parse_line(raw, self.path)
            one = Entry(**{name: entry[name] for name in Entry._fields})
            if wanted(one):
                found.append(one)
                if len(found) == limit:
                    break
        return found

    @property
    def torn(self) -> bool:
        """Return whether the last line is incomplete.

        Power was lost during its writing, or somebody writes it now. No caller was told that it exists, and the next
        line replaces it.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"


def _last_entry(file: Any, path: Path) -> tuple[int, str]:
    """Return number and hash of the last line. Any: an open binary file."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return 0, ""
    file.seek(max(0, size - TAIL_BYTES))
    raw = file.read()
    if not raw.endswith(b"\n"):
        # A torn line, after a loss of power: no caller was told that it exists.
        file.truncate(size - len(raw) + raw.rfind(b"\n") + 1)
        return _last_entry(file, path)
    entry = _parse_line(raw.splitlines()[-1], path)
    return int(entry["number"]), str(entry["hash"])


def _parse_line(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(raw)
        return {name: found[name] for name in ("number", "at", "who", "what", "about", "hash")}
    except (ValueError, KeyError, TypeError):
        raise AuditError(f"{path}: a line is no line of this record. Look at it, and move the file away only with a "
                         "note that says why") from None


def _format_line(body: Mapping[str, Any], before: str) -> bytes:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256((before + text).encode()).hexdigest()
    return f'{text[:-1]},"hash":"{digest}"}}\n'.encode()
