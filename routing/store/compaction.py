"""Remove what changes leave behind in the files of a database, while a node works on them.

Both emptying a log and rewriting a file hold SQLite's one lock for writers. A node whose turn waits for that lock
longer than `LOCK_S` ends. So both actions have a bounded wait, or are not done at all.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

LOCK_HOLD_S = 0.5
"""Longest time for which emptying a log holds the writers' lock while it waits for the last readers. Reports read for
minutes."""
PAUSE_S = 0.5
"""Pause between tries, in which waiting turns pass."""
TRIES = 20
"""Tries before the log stays as it is, after about 20 s. A later look names the traces in the log."""

COPY_MAX_S = 2.0
"""Longest time for a copy of the database, as a sign that a rewrite in place is short enough.

A rewrite in place took two to four times as long as a copy, because all of it passes the log (230 MB: 1.0 to 1.6 s
instead of 0.4 s). That is less than the ten seconds for which a turn waits.
"""

COPY_ENDING = ".rehearsal"
"""Ending of the copy, which is deleted when its time is known."""


def empty_log(raw: Any, lock_s: float) -> bool:
    """Try once to bring the log of a SQLite file into the file, and to truncate the log.

    Return False if a reader of older data did not end within `LOCK_HOLD_S`. The caller pauses between tries, so that
    turns pass. `raw` is the driver's connection. `lock_s` is its usual wait for a lock.
    """
    # 1. Do the main part next to other writers. Under the lock it would take as long as the log is big.
    raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    # 2. Do the rest under the lock, with a short wait for readers.
    raw.execute(f"PRAGMA busy_timeout={int(LOCK_HOLD_S * 1000)}").fetchall()
    try:
        (busy, _, _), = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return not busy
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(lock_s * 1000)}").fetchall()


def time_copy(raw: Any, path: Path) -> float:
    """Return how many seconds a durable copy of a SQLite file takes. No writer waits for it."""
    copy = path.with_name(path.name + COPY_ENDING)
    copy.unlink(missing_ok=True)  # left by a killed process
    began = time.monotonic()
    try:
        # The file is made first: SQLite would make it readable for others.
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
