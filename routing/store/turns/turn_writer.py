"""Write the turns of a node inside the caller's transaction: inputs, changed rows and facts.

On SQLite each statement is awaited, because nothing is nearer. On PostgreSQL all are sent as one pipeline
(`pipeline.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select

from routing.core.journal import encode_record, noted_as
from routing.core.stored import Started
from routing.store import start_entry
from routing.store.errors import StoreConflict
from routing.store.kinds import NUMBERS, identifies_caller
from routing.store.lease import lease_row
from routing.store.lease.lease_row import Lease
from routing.store.rows import FactRows, StoreTurn
from routing.store.schema import facts, journal
from routing.store.statement import Statement
from routing.store.turns.pipeline import Pipeline
from routing.store.turns.pipelined_rows import PipelinedRows

_ADD_JOURNAL = Statement(insert(journal))
_ADD_FACTS = Statement(insert(facts))

Rows = list[dict[str, object]]


class NextNumbers(NamedTuple):
    """Numbers of the next input and the next fact."""

    input: int
    fact: int

    def after(self, turn: StoreTurn) -> NextNumbers:
        """Return the numbers after a turn."""
        return NextNumbers(self.input + len(turn.events), self.fact + len(turn.facts))


class TurnWriter:
    """The writer of a store's turns, with the numbers of the next one. For the writer's thread."""

    def __init__(self) -> None:
        self.next = NextNumbers(1, 1)

    def continue_numbers(self, connection: Connection) -> None:
        """Go on after the last number of journal and facts."""
        self.next = NextNumbers(*(
            (connection.execute(select(func.max(table.c.seq))).scalar() or 0) + 1 for table in (journal, facts)))

    def write_turn(self, connection: Connection, turn: StoreTurn, lease: Lease | None) -> NextNumbers:
        """Write a turn inside the caller's transaction. Return the numbers of the next turn.

        Raise `LeaseLost` or `StoreConflict`, after which the caller rolls back. On PostgreSQL the turn begins and
        commits the transaction itself (`WritingConnection.run_pipeline`). A turn that only `write_directly` can write
        raises `ContactIdTaken` there.
        """
        if connection.dialect.name == "sqlite":
            return self.write_directly(connection, turn, lease)
        return self._write_in_pipeline(connection, turn, lease)

    def write_directly(self, connection: Connection, turn: StoreTurn, lease: Lease | None) -> NextNumbers:
        """Write a turn, and await each statement."""
        dialect, numbers = connection.dialect, self.next
        with closing(connection.connection.cursor()) as cursor:
            # 1. Check the lease first: a node that was frozen writes nothing.
            if lease is not None:
                lease_row.check_lease(cursor, dialect, lease)
            # 2. The journal, with starts as differences, and notes by the numbers of their facts.
            bodies = [encode_record(fact) for fact in turn.facts]
            if turn.events:
                _ADD_JOURNAL.run_all(cursor, dialect, _journal_rows(
                    turn, bodies, numbers, lambda body, at: start_entry.write_start(connection, body, at)))
            # 3. The rows, each with a compare-and-set.
            rows = FactRows(cursor, dialect, _driver_of(connection).IntegrityError, numbers.fact, turn.facts)
            rows.write(turn.changes)
            # 4. The facts, whose numbers the engine has chosen.
            if turn.facts:
                for fact in turn.facts:
                    rows.apply_fact(fact)
                _ADD_FACTS.run_all(cursor, dialect, _fact_rows(turn, bodies, numbers))
        return numbers.after(turn)

    def _write_in_pipeline(self, connection: Connection, turn: StoreTurn, lease: Lease | None) -> NextNumbers:
        """Write and commit a turn with one wait for the server, or two if it has a start of a node."""
        driver, numbers = _driver_of(connection), self.next

        def explain_lease(error: Exception | None) -> Exception | None:
            return lease_row.lease_taken() if isinstance(error, driver.errors.DivisionByZero) else None

        def send_turn(pipeline: Pipeline) -> None:
            def write_start(body: str, at: float) -> str:
                last = pipeline.read_row(start_entry.LAST_COMPLETE, start_entry.IS_DIFFERENCE)
                return body if last is None else start_entry.shorten_entry(body, at, *last)

            # The order is that of `write_directly`.
            if lease is not None:
                pipeline.send(lease_row.DEMAND_LEASE, lease_row.demand_values(lease), explain_lease)
            bodies = [encode_record(fact) for fact in turn.facts]
            if turn.events:
                pipeline.send_rows(journal, _journal_rows(turn, bodies, numbers, write_start))
            rows = PipelinedRows(pipeline, driver.IntegrityError, numbers.fact, turn.facts)
            rows.write(turn.changes)
            if turn.facts:
                for fact in turn.facts:
                    rows.apply_fact(fact)
                pipeline.send_rows(facts, _fact_rows(turn, bodies, numbers))

        Pipeline(connection).run_filled(send_turn)
        return numbers.after(turn)


def _driver_of(connection: Connection) -> Any:
    return connection.dialect.loaded_dbapi


def _journal_rows(turn: StoreTurn, bodies: list[tuple[str, str]], numbers: NextNumbers,
                  write_start: Callable[[str, float], str]) -> Rows:
    rows: Rows = []
    for seq, (at, event) in enumerate(turn.events, numbers.input):
        kind, body = encode_record(event)
        if isinstance(event, Started) and not event.state:
            body = write_start(body, at)
        elif (noted := noted_as(event)) in bodies:
            body = str(turn.facts[bodies.index(noted)].seq)
        rows.append({"seq": seq, "at": at, "kind": NUMBERS[kind], "body": body,
                     "personal": identifies_caller(event)})
    return rows


def _fact_rows(turn: StoreTurn, bodies: list[tuple[str, str]], numbers: NextNumbers) -> Rows:
    rows: Rows = []
    for seq, (fact, (kind, body)) in enumerate(zip(turn.facts, bodies, strict=True), numbers.fact):
        if fact.seq != seq:
            raise StoreConflict(fact.seq, type(fact).__name__, "", f"the next fact is {seq}")
        rows.append({"seq": fact.seq, "at": fact.at, "kind": NUMBERS[kind], "body": body})
    return rows
