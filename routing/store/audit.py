"""The record of what was destroyed, and of who heard or took recordings or was shown what agents need: one line each,
appended, never changed.

A line is JSON: number, time (UTC), who, what, counts and ids, never a telephone number; and a hash over itself and the
line before, so that a line that was changed or taken out shows. The file is apart from the database on purpose: when
an old copy of the database is put back, it still says what was destroyed since (by contact), and it can be copied away
line by line. Kept three years at least (by-law on deletion, art. 7).
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from routing.store.errors import StoreError

FILE = "audit.jsonl"
MODE = 0o600
TAIL = 65_536
"""Bytes read to find the last line; the longest (ids of `IDS_MAX` contacts) is shorter."""
WHO_MAX = 40
IDS_MAX = 500
"""Contacts or recordings named in a line; above it their number only."""


def asker(named: str | None = None) -> str:
    """Who asks at a terminal: the name given, else the user, who may have become another by sudo."""
    return (named or os.environ.get("SUDO_USER") or getpass.getuser())[:WHO_MAX]


class AuditError(StoreError):
    """The record cannot be written, or a line of it is not as it was written."""


class Entry(NamedTuple):
    """One line."""

    number: int
    at: str
    who: str
    what: str
    about: Mapping[str, Any]
    """Counts, ids, reasons: plain JSON values."""


class Audit:
    """The record of one state folder; node and commands write to the same file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def note(self, who: str, what: str, at: float, **about: Any) -> None:
        """Append a line; durable when this returns. Raises `AuditError`: what may not be noted may not be done."""
        for name, value in about.items():
            if isinstance(value, list | tuple) and len(value) > IDS_MAX:
                about[name] = f"{len(value)} of them"
        try:
            opened = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
            with os.fdopen(opened, "rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                number, before = _last(file, self.path)
                line = {"number": number + 1, "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
                        "who": who, "what": what, "about": about}
                file.write(_line(line, before))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise AuditError(f"{self.path} cannot be written: {error.strerror}. Nothing is destroyed, heard or shown "
                             "without a line in it: mend the folder, then try again") from None

    def entries(self) -> Iterator[Entry]:
        """Every line, checked. Raises `AuditError` with the number of the first that is not as it was written. A
        torn end is none: see `torn`."""
        if not self.path.exists():
            return
        before, expected = "", 1
        with self.path.open("rb") as file:
            for raw in file:
                if not raw.endswith(b"\n"):
                    return
                entry = _read(raw, self.path)
                body = {name: entry[name] for name in ("number", "at", "who", "what", "about")}
                if entry["number"] != expected or _line(body, before) != raw:
                    raise AuditError(f"{self.path}:{expected}: this line, or one before it, was changed or taken out")
                before, expected = entry["hash"], expected + 1
                yield Entry(**body)


    @property
    def torn(self) -> bool:
        """The last line is not whole: power was lost while it was written, or somebody writes it now. It was never said
        to be there, and the next one takes its place."""
        if not self.path.exists() or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"


def _last(file: Any, path: Path) -> tuple[int, str]:
    """Number and hash of the last line. Any: an open binary file."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return 0, ""
    file.seek(max(0, size - TAIL))
    raw = file.read()
    if not raw.endswith(b"\n"):
        # Torn by the loss of power: it was never said to be there.
        file.truncate(size - len(raw) + raw.rfind(b"\n") + 1)
        return _last(file, path)
    entry = _read(raw.splitlines()[-1], path)
    return int(entry["number"]), str(entry["hash"])


def _read(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(raw)
        return {name: found[name] for name in ("number", "at", "who", "what", "about", "hash")}
    except (ValueError, KeyError, TypeError):
        raise AuditError(f"{path}: a line is no line of this record. Look at it; move the file away only with a note "
                         "why") from None


def _line(body: Mapping[str, Any], before: str) -> bytes:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256((before + text).encode()).hexdigest()
    return f'{text[:-1]},"hash":"{digest}"}}\n'.encode()
