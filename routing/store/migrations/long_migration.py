"""Declare a migration that works on each row of a large table, and split its work into portions.

A node that starts keeps its callers waiting, so it does no such work. A migration declares it by a constant `LONG`:

    LONG = LongMigration("contacts", "contact", rows_per_s=20_000)

    def upgrade() -> None:
        for first, last in LONG.split_rows(op.get_bind()):
            op.execute(...)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, column, func, select, table

PORTION = 10_000
"""Rows of a portion. It takes about a second, so progress is seen and the memory stays small."""

PROGRESS = "progress"
"""Name under which a connection carries the function that hears the progress."""

ProgressReport = Callable[[int, int], None]
"""Function that hears how many rows of a table are done, and how many there are."""


class LongMigration(NamedTuple):
    """Work of a migration on each row of a table."""

    table: str
    """Table whose rows decide how long it takes."""
    key: str
    """Primary key of the table."""
    rows_per_s: float
    """Rows a second, as measured on two cores and rounded down: the author of the migration measures it."""

    def count_rows(self, connection: Connection) -> int:
        """Return the rows of the table."""
        return int(connection.execute(select(func.count()).select_from(table(self.table))).scalar_one())

    def split_rows(self, connection: Connection) -> Iterator[tuple[Any, Any]]:
        """Yield the first and the last key of each portion in the order of keys, and report the progress."""
        report: ProgressReport = connection.info.get(PROGRESS, lambda done, of: None)
        rows, done = self.count_rows(connection), 0
        key: Any = column(self.key)
        keys = select(key).select_from(table(self.table)).order_by(key).limit(PORTION)
        portion = connection.execute(keys).scalars().all()
        while portion:
            yield portion[0], portion[-1]
            done += len(portion)
            report(done, rows)
            portion = connection.execute(keys.where(key > portion[-1])).scalars().all()
