"""Carry a state from a SQLite file over to an empty PostgreSQL database, in one transaction, and compare both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Connection, Table, delete, exists, inspect, select
from sqlalchemy.engine import URL

from routing.store.database import WritingConnection, check_server, describe_url, url_of
from routing.store.errors import LeaseHeld, StoreUnavailable
from routing.store.lease.lease_row import require_free
from routing.store.lease.process_holder import this_process
from routing.store.migrate import HEAD, current_revision, prepare_tables, require_known_tables
from routing.store.migrations.long_migration import ProgressReport
from routing.store.schema import JOURNAL_FORMAT, leases, meta, metadata

ROWS_AT_ONCE = 500
"""Rows in memory. A row of the journal may have 1.6 MB, but nearly all have less than 1 kB."""

HASH_SIZE = 1 << 256

OWN_TABLES = (meta, leases)
"""Tables that a start without calls fills. Their rows are replaced."""


class MovedTable(NamedTuple):
    """A table after the move. Both databases agree on it."""

    table: str
    rows: int
    hash: str
    """Sum of the hashes of its rows, which depends on no order."""


class TableHash:
    """Count and hash of rows, the same for both databases."""

    def __init__(self, table: Table) -> None:
        self._flags = [place for place, column in enumerate(table.c) if isinstance(column.type, Boolean)]
        self._sum = self.rows = 0

    def add_row(self, row: Sequence[Any]) -> list[Any]:
        """Add a row, and return its values with truth values as such. SQLite has numbers for them."""
        values = list(row)
        for place in self._flags:
            values[place] = None if values[place] is None else bool(values[place])
        self._sum += int.from_bytes(sha256(repr(values).encode()).digest(), "big")
        self.rows += 1
        return values

    def result(self, table: Table) -> MovedTable:
        """Return what both sides must agree on."""
        return MovedTable(table.name, self.rows, f"{self._sum % HASH_SIZE:064x}")


def move_store(source: Path, target: str, report: ProgressReport) -> list[MovedTable]:
    """Copy all tables, and compare each with what was read before anything is committed.

    The file is locked meanwhile, so no node writes. Raise `StoreError` if a node works on it, if it is of another
    version, or if the database is no empty one that takes writes. After an error or Ctrl-C the database is as before.
    """
    reading, writing = WritingConnection(url_of(source)), WritingConnection(url_of(target))

    def copy_locked(old: Connection) -> list[MovedTable]:
        _require_movable(old, source)
        return writing.run_upgrade(partial(_copy_tables, old.connection.dbapi_connection, url=url_of(target),
                                           report=report))

    try:
        writing.open_connection()
        reading.open_connection()
        return reading.run_transaction(copy_locked)
    finally:
        reading.close_connection()
        writing.close_connection()


def _require_movable(old: Connection, source: Path) -> None:
    revision = current_revision(old)
    if revision is None:
        raise StoreUnavailable("broken", f"{source} holds no records of a node")
    if revision != HEAD or old.execute(
            select(meta.c.value).where(meta.c.key == "journal_format")).scalar_one_or_none() != JOURNAL_FORMAT:
        raise StoreUnavailable("newer" if revision > HEAD else "broken",
                               f"{source} is of another version (tables at {revision}, this one needs {HEAD}). Start "
                               "and end a node of this version on it first, or run santral store upgrade")
    require_known_tables(old)
    try:
        require_free(old, this_process())
    except LeaseHeld as held:
        raise StoreUnavailable("locked", f"node {held.node!r} works on {source}, and its next turns would be missing. "
                                         "End it first: systemctl stop santral") from None


def _require_empty(new: Connection, url: URL) -> None:
    where = describe_url(url)
    # 1. Refuse what a node would refuse.
    check_server(new, where)
    # 2. A node that was only started has left tables without calls.
    found = set(inspect(new).get_table_names()) & set(metadata.tables)
    if not found:
        return
    filled = current_revision(new) != HEAD or any(
        new.execute(select(exists().select_from(table))).scalar_one()
        for table in metadata.sorted_tables if table not in OWN_TABLES)
    if filled:
        raise StoreUnavailable("broken", f"{where} is not empty. Give a new database: createdb NAME")
    require_free(new, this_process())


def _copy_tables(raw: Any, new: Connection, url: URL, report: ProgressReport) -> list[MovedTable]:
    """Copy from a connection of SQLite's driver. Both connections are in a transaction."""
    _require_empty(new, url)
    prepare_tables(new)
    for table in OWN_TABLES:
        new.execute(delete(table))
    # Each row is copied once and compared once.
    total = 2 * sum(raw.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608  names of ours
                    for table in metadata.sorted_tables)
    done, moved = 0, []
    for table in metadata.sorted_tables:
        here, there = TableHash(table), TableHash(table)
        # 1. Copy.
        with _driver_cursor(new) as cursor, cursor.copy(
                f"COPY {table.name} ({_columns_of(table)}) FROM STDIN") as copy:
            for rows in _portions(raw.execute(_query_of(table))):
                for row in rows:
                    copy.write_row(here.add_row(row))
                report(done := done + len(rows), total)
        # 2. Read back, and compare before the commit.
        with _driver_cursor(new, name="moved_rows") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            for rows in _portions(cursor.execute(_query_of(table))):
                for row in rows:
                    there.add_row(row)
                report(done := done + len(rows), total)
        if here.result(table) != there.result(table):
            raise StoreUnavailable("broken", f"{describe_url(url)} has not the same rows in {table.name}: "
                                             f"{there.rows:,} of {here.rows:,}. Nothing was carried over; please "
                                             "report it")
        moved.append(here.result(table))
    return moved


def _driver_cursor(new: Connection, **options: Any) -> Any:
    raw: Any = new.connection.dbapi_connection
    return raw.cursor(**options)


def _columns_of(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.c)


def _query_of(table: Table) -> str:
    return f"SELECT {_columns_of(table)} FROM {table.name}"  # noqa: S608  names of ours


def _portions(cursor: Any) -> Iterator[list[Any]]:
    """Yield the rows of a query, at most `ROWS_AT_ONCE` together."""
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield rows
