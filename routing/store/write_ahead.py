"""Bring SQLite's write-ahead log into the database file between turns.

By itself SQLite does this at the end of the commit that makes the log too long. That commit waits for the disk three
times instead of once. Every hundredth turn, and the phone that it rings, would come milliseconds later.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

TURNS = 64
"""Turns after which the log is brought in: about 650 pages. SQLite's own limit is 1,000."""

PAGES_MAX = 4_000
"""Pages after which a commit brings in the log itself, whoever waits.

In a burst one turn has hundreds of pages, and the log shall not take more of the disk than 16 MB.
"""


class WriteAheadLog:
    """Count turns, and bring the log in after a number of them."""

    def __init__(self) -> None:
        self.turns = 0
        """Turns since the log was last brought in."""

    def checkpoint_log(self, connection: Connection | None) -> None:
        """Bring the log in if it is time and the log is SQLite's.

        Runs in no transaction, next to readers and other writers. `connection` is None while the store is closed.
        """
        if self.turns < TURNS or connection is None or connection.invalidated or connection.dialect.name != "sqlite":
            return
        self.turns = 0
        raw: Any = connection.connection.dbapi_connection
        # A fault of the disk is reported by the next turn. Nothing of the log is lost.
        with suppress(sqlite3.Error):
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
