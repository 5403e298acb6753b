"""SQL of the writer, built once and run by the driver's own cursor.

A statement is written with SQLAlchemy, so both databases get the same words, and compiled once for the database at
hand. Running it through SQLAlchemy would cost 40 to 60 us of processor time each, three quarters of a commit (measured:
SQLite itself takes 5 to 10); nothing of what it does there is needed: results are row counts, values are text, numbers
and truth values, which both drivers take as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import Delete, Insert, Select, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor

Values = Mapping[str, Any]
"""Any: what columns hold."""


class Statement:
    """A statement of ours; every parameter of it gets its value when it runs. `columns`: those an INSERT fills (None:
    all); `tail`: words behind it that both databases know."""

    def __init__(self, clause: Insert | Update | Delete | Select[Any], columns: Iterable[str] | None = None,
                 tail: str = "") -> None:
        self._clause, self._tail = clause, tail
        self._columns = None if columns is None else list(columns)
        self._ready: dict[str, tuple[str, Callable[[Values], Any]]] = {}

    def on(self, dialect: Dialect) -> tuple[str, Callable[[Values], Any]]:
        """Text and the maker of its parameters, for one kind of database."""
        ready = self._ready.get(dialect.name)
        if ready is None:
            compiled: Any = self._clause.compile(dialect=dialect, column_keys=self._columns)
            names = compiled.positiontup
            take: Callable[[Values], Any] = dict if names is None else _in_order(names)
            ready = self._ready[dialect.name] = (f"{compiled}{self._tail}", take)
        return ready

    def run(self, cursor: DBAPICursor, dialect: Dialect, values: Values) -> int:
        """Once; the number of rows that were changed."""
        text, take = self.on(dialect)
        cursor.execute(text, take(values))
        return cursor.rowcount

    def run_all(self, cursor: DBAPICursor, dialect: Dialect, rows: Iterable[Values]) -> None:
        """For each of the rows."""
        text, take = self.on(dialect)
        cursor.executemany(text, [take(values) for values in rows])


def _in_order(names: list[str]) -> Callable[[Values], Any]:
    if len(names) == 1:
        (name,) = names
        return lambda values: (values[name],)
    return itemgetter(*names)
