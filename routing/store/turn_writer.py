"""Write the turns of a node: its inputs, its facts and the changed rows, each with its number."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sqlalchemy import Connection, func, insert, select

from routing.core.journal import encode_record, noted_as
from routing.core.stored import Started
from routing.store import start_entry
from routing.store.errors import StoreConflict
from routing.store.kinds import NUMBERS, identifies_caller
from routing.store.lease.lease_row import Lease, check_lease
from routing.store.rows import FactRows, StoreTurn
from routing.store.schema import facts, journal
from routing.store.statement import Statement

_ADD_JOURNAL = Statement(insert(journal))
_ADD_FACTS = Statement(insert(facts))


class TurnWriter:
    """The numbers of the next input and fact, and the statements of a turn. For the writer's thread."""

    def __init__(self, conflict: Any) -> None:
        """`conflict` is the driver's error for a row that an index forbids."""
        self._conflict = conflict
        self.next_input = self.next_fact = 1

    def continue_numbers(self, connection: Connection) -> None:
        """Go on after the last number of journal and facts."""
        self.next_input = (connection.execute(select(func.max(journal.c.seq))).scalar() or 0) + 1
        self.next_fact = (connection.execute(select(func.max(facts.c.seq))).scalar() or 0) + 1

    def write_turn(self, connection: Connection, turn: StoreTurn, lease: Lease | None) -> tuple[int, int]:
        """Write a turn inside the caller's transaction. Return the numbers of the next turn."""
        dialect, next_input, next_fact = connection.dialect, self.next_input, self.next_fact
        with closing(connection.connection.cursor()) as cursor:
            # 1. Check the lease first: a node that was frozen writes nothing.
            if lease is not None:
                check_lease(cursor, dialect, lease)
            # 2. The journal, with starts as differences, and notes by the numbers of their facts.
            bodies = [encode_record(fact) for fact in turn.facts]
            if turn.events:
                rows: list[dict[str, object]] = []
                for at, event in turn.events:
                    kind, body = encode_record(event)
                    if isinstance(event, Started) and not event.state:
                        body = start_entry.write_start(connection, body, at)
                    elif (noted := noted_as(event)) in bodies:
                        body = str(turn.facts[bodies.index(noted)].seq)
                    rows.append({"seq": next_input, "at": at, "kind": NUMBERS[kind], "body": body,
                                 "personal": identifies_caller(event)})
                    next_input += 1
                _ADD_JOURNAL.run_all(cursor, dialect, rows)
            # 3. The rows, each with a compare-and-set.
            written = FactRows(cursor, dialect, self._conflict, next_fact, turn.facts)
            written.write(turn.changes)
            # 4. The facts, whose numbers the engine has chosen.
            if turn.facts:
                rows = []
                for fact, (kind, body) in zip(turn.facts, bodies, strict=True):
                    if fact.seq != next_fact:
                        raise StoreConflict(fact.seq, type(fact).__name__, "", f"the next fact is {next_fact}")
                    written.apply_fact(fact)
                    rows.append({"seq": fact.seq, "at": fact.at, "kind": NUMBERS[kind], "body": body})
                    next_fact += 1
                _ADD_FACTS.run_all(cursor, dialect, rows)
        return next_input, next_fact
