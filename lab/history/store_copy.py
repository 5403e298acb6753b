"""Copy what a store tells about contacts, offers and agents into a file of JSON lines, without numbers of callers."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select

from lab.history.lines import COPY_BEGAN, LineFile
from routing.core.events import Event
from routing.core.model.facts import Fact
from routing.core.records import Contact, Offer
from routing.core.stored import FIELDS
from routing.store.kinds import PERSONAL_NAMES
from routing.store.reader import Reader
from routing.store.schema import agents, contacts, cursors, leases, offers

LEFT_OUT = PERSONAL_NAMES | {one.column for kind in (Contact, Offer) for one in FIELDS[kind] if one.privacy is not None}
"""Columns and fields that identify callers."""
TABLES = (contacts, offers, agents, leases, cursors)


def copy_store(place: str | Path, path: Path) -> None:
    """Write all rows, facts and inputs of a SQLite file or a PostgreSQL URL. Raise the errors of the store."""
    file = LineFile(path)
    try:
        file.write(table=COPY_BEGAN)
        with Reader(place) as reader:
            # 1. The rows, all at one moment.
            def copy_rows(connection: Connection) -> None:
                for table in TABLES:
                    for row in _read_rows(connection, table):
                        file.write(table=table.name, **row)
            reader.run_query(copy_rows)
            # 2. Facts and inputs, page by page.
            seq = 0
            while facts := reader.facts_after(seq):
                for fact in facts:
                    file.write(table="facts", **_describe_fact(fact))
                seq = facts[-1].seq
            seq = 0
            while entries := reader.journal_after(seq):
                for entry in entries:
                    if named := _find_ids(entry.event):
                        file.write(table="journal", seq=entry.seq, at=entry.at, kind=type(entry.event).__name__,
                                   **named)
                seq = entries[-1].seq
    finally:
        file.close()


def _read_rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    wanted = [column for column in table.columns if column.name not in LEFT_OUT]
    for row in connection.execute(select(*wanted)):
        yield {name: _to_plain(value) for name, value in row._mapping.items()}


def _describe_fact(fact: Fact) -> dict[str, Any]:
    return {"kind": type(fact).__name__} | {
        name: _to_plain(value) for name, value in fact._asdict().items() if name not in LEFT_OUT}


def _find_ids(event: Event | None) -> dict[str, Any]:
    """Return the ids in an input. Its other fields may be a caller's. An input without ids is not copied."""
    named = {name: getattr(event, name, None) for name in ("contact", "offer", "agent")}
    return {name: value for name, value in named.items() if value is not None}


def _to_plain(value: Any) -> Any:
    """Return a value of JSON. Any: the values of all columns and fields."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset | set):
        return sorted(map(str, value))
    if isinstance(value, tuple | list):
        return [_to_plain(one) for one in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
