"""Send the statements of one PostgreSQL transaction without a wait between them, and look at all results together.

A statement that waits for its answer costs one round trip to the server, which is most of a turn on a network. Here a
turn waits once, for all its statements and the commit.

The server runs the statements in their order and skips all after the first that fails, the commit too. So the first
statement without a result is the one that failed, and everything is as if each had been awaited. A statement that
changes another number of rows than one is made to fail as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from routing.store.statement import Statement, Values

Explain = Callable[[Exception | None], Exception | None]
"""Function from the driver's error of a statement, or None if it did not change its one row, to the error to raise.
None: the driver's error itself."""

ONE_ROW = "WITH changed AS ({} RETURNING 1) SELECT 1 / count(*) FROM changed"
"""A change of no row is a division by zero."""

ALL_ROWS = "INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, $1)"
"""Many rows in one statement: each statement wakes the server's process."""


def explain_nothing(_error: Exception | None) -> None:
    """Leave the driver's error as it is."""


class _Sent(NamedTuple):
    cursor: Any
    """Any: a cursor of the driver, which counts -1 rows before the answer."""
    one_row: bool
    explain: Explain


class Pipeline:
    """Statements of one transaction that the server gets without a wait (`WritingConnection.run_pipeline`)."""

    def __init__(self, connection: Connection) -> None:
        self._raw: Any = connection.connection.dbapi_connection
        self.dialect = connection.dialect
        self._sent: list[_Sent] = []

    def send(self, statement: Statement, values: Values, explain: Explain = explain_nothing,
             *, one_row: bool = False) -> Any:
        """Send a statement, and return its cursor. With `one_row` it fails unless it changes one row."""
        text, take = statement.compile_for(self.dialect)
        return self.send_text(ONE_ROW.format(text) if one_row else text, take(values), explain, one_row=one_row)

    def send_rows(self, table: Table, rows: Sequence[Values]) -> None:
        """Send one statement that adds all rows to a table. They have the same columns."""
        self.send_text(ALL_ROWS.format(table=table.name, columns=", ".join(rows[0])),
                       (json.dumps(rows, ensure_ascii=False),))

    def send_text(self, text: str, values: Sequence[Any], explain: Explain = explain_nothing,
                  *, one_row: bool = False) -> Any:
        """Send the text of a statement with its values, and return its cursor (Any: of the driver)."""
        sent = _Sent(self._raw.cursor(), one_row, explain)
        self._sent.append(sent)
        sent.cursor.execute(text, values)
        return sent.cursor

    def read_row(self, statement: Statement, values: Values) -> Any:
        """Return the first row of a query, or None. The wait for it is one round trip."""
        return self.send(statement, values).fetchone()

    def run_filled(self, fill: Callable[[Pipeline], None]) -> None:
        """Begin the transaction, let a function send its statements, commit, and wait for the last result.

        Raise the first error in the order of the statements. The transaction is then not over.
        """
        failed: Exception | None = None
        driver: Any = self.dialect.loaded_dbapi
        try:
            with self._raw.pipeline():
                # The answer of an earlier statement may arrive, and be raised, while a later one is sent.
                try:
                    self._raw.cursor().execute("BEGIN")
                    fill(self)
                    self._raw.cursor().execute("COMMIT")
                except Exception as error:
                    failed = error
        except driver.Error as error:
            failed = failed if isinstance(failed, driver.Error) else error
        if failed is None:
            return
        for sent in self._sent:
            if sent.cursor.rowcount < 0:
                unchanged = sent.one_row and isinstance(failed, driver.errors.DivisionByZero)
                raise sent.explain(None if unchanged else failed) or failed
        raise failed
