"""Build the SQL of the writer once, and run it by the driver's own cursor.

A statement is written with SQLAlchemy, so both databases get the same words, and is compiled once for each kind of
database. SQLAlchemy's execution would cost 40 to 60 us of processor time for each statement. That is three quarters of
a commit (measured: SQLite itself takes 5 to 10 us).

Nothing of that work is needed here. Results are row counts. Values are text, numbers and truth values, which both
drivers take as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import Delete, Insert, Select, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor

Values = Mapping[str, Any]
"""Any: the values of columns."""


class Statement:
    """A statement whose parameters all get a value when it runs.

    `columns` are the columns that an INSERT fills, or None for all. `tail` holds words for its end that both databases
    know.
    """

    def __init__(self, clause: Insert | Update | Delete | Select[Any], columns: Iterable[str] | None = None,
                 tail: str = "") -> None:
        self._clause, self._tail = clause, tail
        self._columns = None if columns is None else list(columns)
        self._ready: dict[str, tuple[str, Callable[[Values], Any]]] = {}

    def compile_for(self, dialect: Dialect) -> tuple[str, Callable[[Values], Any]]:
        """Return the text and the function that makes its parameters, for one kind of database."""
        ready = self._ready.get(dialect.name)
        if ready is None:
            compiled: Any = self._clause.compile(dialect=dialect, column_keys=self._columns)
            ready = self._ready[dialect.name] = (f"{compiled}{self._tail}", _in_order(compiled.positiontup))
        return ready

    def run_once(self, cursor: DBAPICursor, dialect: Dialect, values: Values) -> int:
        """Run the statement once, and return the number of changed rows."""
        text, take = self.compile_for(dialect)
        cursor.execute(text, take(values))
        return cursor.rowcount

    def run_all(self, cursor: DBAPICursor, dialect: Dialect, rows: Iterable[Values]) -> None:
        """Run the statement for each of the rows."""
        text, take = self.compile_for(dialect)
        cursor.executemany(text, [take(values) for values in rows])


def _in_order(names: list[str]) -> Callable[[Values], Any]:
    if len(names) == 1:
        (name,) = names
        return lambda values: (values[name],)
    return itemgetter(*names)
