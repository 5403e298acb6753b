"""The log that SQLite writes ahead of its file: what is in it goes into the file between turns.

By itself SQLite does so at the end of the commit that makes the log too long, and that commit waits for the disk three
times instead of once: every hundredth turn, and the phone that it rings, came milliseconds later.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

TURNS = 64
"""After so many turns the log is brought in: they are some 650 pages, and SQLite's own limit is 1,000."""

PAGES_MAX = 4_000
"""A longer log is brought in by the commit that finds it so long, whoever waits: in a burst one turn has hundreds of
pages, and the log shall not take more of the disk than 16 MB."""


class WriteAhead:
    """Counts turns."""

    def __init__(self) -> None:
        self.turns = 0
        """Kept since the log was last brought in."""

    def bring_in(self, connection: Connection | None) -> None:
        """Do so when it is time; nothing, where the log is not SQLite's. In no transaction, beside readers and other
        writers. None: it is not open (any more)."""
        if self.turns < TURNS or connection is None or connection.invalidated or connection.dialect.name != "sqlite":
            return
        self.turns = 0
        raw: Any = connection.connection.dbapi_connection
        # What is wrong with the disk the next turn tells: nothing of the log is lost.
        with suppress(sqlite3.Error):
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
