"""What a change leaves behind in the files of a database, and how it goes while a node works on them.

A log is emptied and a file written anew under SQLite's one lock for writers, and a node whose turn waits for that lock
longer than `LOCK_S` ends. So both are done in a way whose wait is bounded, or not at all.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

HOLD_S = 0.5
"""A log is emptied by who waits for its last readers with the writers' lock in hand. A report reads for minutes: turns
wait at most so long ..."""
PAUSE_S = 0.5
"""... are let through for so long ..."""
TRIES = 20
"""... and after so many times, some 20 s, the log stays as it is: what it holds is named by whoever looks."""

QUICK_S = 2.0
"""A copy of the database that is written within so long. The same in place took two to four times as long (of 230 MB
1.0 to 1.6 s beside 0.4 s), because all of it goes through the log: less than the ten seconds that a turn waits."""

REHEARSAL = ".rehearsal"
"""Ending of that copy. It is gone when its time is known."""


def empty_log(raw: Any, lock_s: float) -> bool:
    """Bring the log of a SQLite file into it and cut it off; False: readers of what was before did not end. `raw`: the
    driver's connection; `lock_s`: what it waits for a lock otherwise."""
    # What can be done beside writers first: under the lock it would take as long as the log is big.
    raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    raw.execute(f"PRAGMA busy_timeout={int(HOLD_S * 1000)}").fetchall()
    try:
        for left in reversed(range(TRIES)):
            (busy, _, _), = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            if not busy:
                return True
            if left:
                time.sleep(PAUSE_S)
        return False
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(lock_s * 1000)}").fetchall()


def rehearse(raw: Any, path: Path) -> float:
    """How long a copy of a SQLite file takes to be written and to be safe on the disk, in seconds. No writer waits."""
    copy = path.with_name(path.name + REHEARSAL)
    copy.unlink(missing_ok=True)  # what a killed one left
    began = time.monotonic()
    try:
        file = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            raw.execute("VACUUM INTO ?", (str(copy),))
            os.fsync(file)
        finally:
            os.close(file)
        return time.monotonic() - began
    finally:
        with suppress(OSError):
            copy.unlink()
