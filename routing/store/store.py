"""Keep the state of a node: write turns, hold the lease, and load what was kept.

One thread owns the writing connection. A turn of the inbox is one transaction. Its inputs, its facts and the changed
rows are all written or none is. `commit` returns when they survive the loss of power.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.engine import URL

from routing.core.journal import encode_record, noted_as
from routing.core.model.facts import Fact
from routing.core.stored import Row, Started
from routing.store import compaction, start_entry
from routing.store import lease as leasing
from routing.store.database import LOCK_S, WritingConnection, check_server, describe_url, no_answer, url_of
from routing.store.errors import LeaseHeld, LeaseLost, StoreConflict, StoreError, StoreUnavailable
from routing.store.kinds import NUMBERS, identifies_caller
from routing.store.lease import MARGIN_S, RENEW_S, TTL_S, Lease
from routing.store.migrate import bring_up_to_date, prepare_tables
from routing.store.reader import PAGE, LoadedState, Reader, ServiceCount, load_state
from routing.store.repair import repair_outcomes, repair_rows
from routing.store.rows import FactRows, StoreTurn
from routing.store.schema import cursors, facts, journal, meta
from routing.store.statement import Statement
from routing.store.worker import Worker
from routing.store.write_ahead import WriteAheadLog

T = TypeVar("T")

log = structlog.get_logger()

PATIENCE_S = TTL_S + RENEW_S
"""Longest time for which a starting node waits for the lease of a node on another machine."""

SLOW_S = 1.0
"""A commit that takes longer is logged.

Callers begin to notice, and there is time to end the program that blocks the store before the node ends.
"""

STANDSTILL_MAX_S = LOCK_S + 2 * RENEW_S
"""Longest time for which a SQLite file may be blocked (another program's lock, a slow disk) before its node stops
acting.

Nobody can take the lease of a blocked file, because that is a write. No command leaves before its turn is kept. A turn
checks the lease before the write and, after a long write, again.
So the limit is that of a transaction, whose error names what blocks the file, with time for one that already waited. A
PostgreSQL server that does not answer this node may answer another one, so there the end of the lease is the limit.
"""


START_S = 30.0
"""Longest wait of a starting node for one answer: it makes the tables, takes the lease or reads all that is alive."""

UPGRADE_S = 600.0
"""Longest wait for an upgrade of older tables, whose rows may be copied, and for an answer to a command."""

FAREWELL_S = 0.5
"""Longest wait for each part of the end if the database does not answer.

The lease of a PostgreSQL store is over 4 s after its last renewal, and such a node must be gone after 6 s.
"""

CLOSE_S = LOCK_S + 2.0
"""Longest wait for each part of an orderly end, with another program's lock before it."""


_ADD_JOURNAL = Statement(insert(journal))
_ADD_FACTS = Statement(insert(facts))
_SET_CURSOR = (update(cursors).where(cursors.c.name == bindparam("b_name"), cursors.c.seq <= bindparam("b_seq"))
               .values(seq=bindparam("b_seq")))


class Store:
    """Read and write the state of one node. Made by `Store.open_store`.

    The methods are for the thread of the event loop. Their errors are those of `routing.store.errors`.
    """

    def __init__(self, url: URL, *, node: bool = False, max_page_count: int | None = None) -> None:
        self._url, self._node = url, node
        self._writing = WritingConnection(url, node=node, max_page_count=max_page_count)
        self._on_sqlite = url.get_backend_name() == "sqlite"
        self._log = WriteAheadLog()
        self._writer = Worker("santral-store-writer", lambda: self._writing.checkpoint_log(self._log))
        self._reading = Worker("santral-store-reader")
        self._reader = Reader(url.render_as_string(hide_password=False), node=True)
        self._lease: Lease | None = None
        self._lease_until = 0.0
        self._take_s = START_S
        self._gone = False
        """The last answer of the database did not come in time."""
        self._next_input = self._next_fact = 1

    @classmethod
    async def open_store(cls, where: str | Path, *, node: bool = False, max_page_count: int | None = None) -> Store:
        """Open a state.

        `where` is a path (SQLite, created if missing) or a `postgresql://…` URL. A `node` takes the lease before it
        brings older tables up to date. A command does it here, and raises `LeaseHeld` if a node works on them.
        `max_page_count` limits a SQLite file, in pages of 4096 bytes. Raise `StoreUnavailable` if the state cannot be
        opened.
        """
        store = cls(url_of(where), node=node, max_page_count=max_page_count)
        try:
            await store._ask_writer(store._open_connection, START_S)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Finish what was handed over, release the lease, and close both connections. Safe to repeat.

        A database that does not answer is not waited for. The lease ends without help.
        """
        if self._writer.closed:
            return
        within_s = FAREWELL_S if self._gone else CLOSE_S
        if self._gone:
            self._cut_connections()
        try:
            async with asyncio.timeout(within_s):
                with suppress(StoreError):
                    await self.release_lease()
                await self._writer.call_function(self._writing.close_connection)
                await self._reading.call_function(self._reader.close)
        except (TimeoutError, StoreError):
            self._cut_connections()
        await self._writer.close(within_s)
        await self._reading.close(within_s)

    # -- writing -----------------------------------------------------------------------------------------------------

    async def commit(self, turn: StoreTurn) -> None:
        """Keep a turn, and return when it is durable.

        Raise `StoreConflict` if the rows are not as the engine expected. Raise `LeaseLost` if another node took over,
        and `StoreUnavailable` for other reasons (see `kind`).

        After an error nothing of the turn is written, with one exception. If the commit took longer than the lease and
        another node came right after it, that node has read the turn.
        """
        before, told = monotonic(), Lock()
        told.acquire()
        # A server is asked over the network, so there the loop has time for other work.
        await self._ask_writer(lambda: self._commit_turn(turn, told), until=told if self._on_sqlite else None)
        if (took := monotonic() - before) > SLOW_S:
            log.warning("store.commit_delayed", seconds=round(took, 1))

    async def set_cursor(self, name: str, seq: int) -> None:
        """Note that a reader of facts is done up to `seq`. A cursor never goes back."""
        def move_cursor(connection: Connection) -> None:
            # No row was changed: the cursor is new, or it is already further.
            if connection.execute(_SET_CURSOR, {"b_name": name, "b_seq": seq}).rowcount:
                return
            if connection.execute(select(cursors.c.seq).where(cursors.c.name == name)).first() is None:
                connection.execute(insert(cursors), {"name": name, "seq": seq})
        await self.run_write(move_cursor)

    async def repair_rows(self, rows: Iterable[Row]) -> None:
        """Set rows that contradicted each other to the given values.

        There is no comparison, because nothing is running yet. Raises the same errors as `commit`.
        """
        await self.run_write(partial(repair_rows, rows=rows))

    async def note_value(self, key: str, value: str) -> None:
        """Keep a value that is no fact. It replaces an earlier value of the key."""
        def replace_value(connection: Connection) -> None:
            if not connection.execute(update(meta).where(meta.c.key == key).values(value=value)).rowcount:
                connection.execute(insert(meta), {"key": key, "value": value})
        await self.run_write(replace_value)

    async def run_write(self, function: Callable[[Connection], T]) -> T:
        """Run a function that is no turn in a separate transaction, in the writer's thread.

        Keep it short, because turns wait behind it. Raises the same errors as `commit`.
        """
        def run_checked(connection: Connection) -> T:
            # A node that has lost its lease must write nothing, in whatever form.
            if self._lease is not None:
                leasing.require_lease(connection, self._lease)
            return function(connection)
        return await self._ask_writer(lambda: self._in_transaction(run_checked))

    async def empty_log(self) -> bool:
        """Bring changes from the log of the database into its file, and empty the log.

        Return False if somebody reads older data, which leaves the log as it was. Turns pass between the tries.

        PostgreSQL frees dead rows (`VACUUM`), and its log is the server's concern. A node leaves that to the server's
        own autovacuum, because its turns would wait for minutes.
        """
        if self._lease is not None and not self._on_sqlite:
            return True
        for left in reversed(range(compaction.TRIES)):
            if await self._writer.call_function(self._empty_log):
                return True
            if left:
                await asyncio.sleep(compaction.PAUSE_S)
        return False

    async def rewrite_file(self, within_s: float | None = None) -> bool:
        """Rewrite the whole file, so that nothing is left of deleted content. No turn can be kept meanwhile.

        `within_s` is for a node that works on the file. A trial copy is then written next to the file first, for which
        no turn waits. Return False if the copy took longer than `within_s`, in which case nothing was done. PostgreSQL:
        `VACUUM FULL`.
        """
        done = await self._writer.call_function(lambda: self._rewrite_file(within_s))
        # The rewrite passes the log, so the old content is gone only with an empty log.
        return done and (not self._on_sqlite or await self.empty_log())

    # -- reading -----------------------------------------------------------------------------------------------------

    async def load_state(self) -> LoadedState:
        """Return everything that is alive, for the engine at start."""
        def load_repaired(connection: Connection) -> LoadedState:
            # The engine gets no outcomes, so contradictions are settled before it is built.
            repair_outcomes(connection)
            return load_state(connection)
        return await self.run_write(load_repaired)

    async def facts_after(self, seq: int, limit: int = PAGE) -> list[Fact]:
        """Return committed facts with a number above `seq`, in order, at most `limit` (never more than `PAGE`)."""
        return await self._ask_reader(lambda: self._reader.facts_after(seq, limit))

    async def recent_facts(self, kinds: Sequence[type[Fact]], since: float, limit: int, *,
                           after: int = 0) -> list[Fact]:
        """Return the facts of these kinds since a time, in order, from the last `limit` facts of the store.

        Only facts with a number above `after` are read.
        """
        return await self._ask_reader(lambda: self._reader.recent_facts(kinds, since, limit, after))

    async def overrides_since(self, since: float) -> list[Fact]:
        """Return the facts of rules that were set aside since a time, in order."""
        return await self._ask_reader(lambda: self._reader.overrides_since(since))

    async def read_cursor(self, name: str) -> int | None:
        """Return the last fact that a reader has handled, 0 before the first, or None if it never began."""
        return await self._ask_reader(lambda: self._reader.read_cursor(name))

    async def read_value(self, key: str) -> str:
        """Return the value that `note_value` kept for the key, or an empty text without one."""
        def select_value(connection: Connection) -> str:
            return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none() or ""
        return await self._ask_writer(lambda: self._in_transaction(select_value))

    async def run_query(self, function: Callable[[Connection], T]) -> T:
        """Run a slow query in the reader's thread, so that no turn waits for it.

        Raise `StoreUnavailable` if the database does not work.
        """
        return await self._ask_reader(lambda: self._reader.run_query(function))

    async def count_contacts(self) -> list[ServiceCount]:
        """Return the contacts of all time by service and outcome."""
        return await self._ask_reader(self._reader.count_contacts)

    # -- the lease ---------------------------------------------------------------------------------------------------

    async def take_lease(self, node: str, patience_s: float = PATIENCE_S, keys: str = "") -> Lease:
        """Make this node the only one that works on the state. From then on every commit checks the lease.

        A dead holder of this machine is replaced at once. A holder that may live on another machine keeps its lease
        until the end. The lease also ends if it is not renewed for as long as a lease lasts, by this node's steady
        clock.

        Raise `LeaseHeld` if a process of this machine holds the lease, or another still does after `patience_s`. Raise
        `ForeignKeys` if the `keys` of callers' numbers are not those of the store (`require_same_keys`).
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + patience_s
        # `seen` is the last expiry of a foreign holder, and `since` is when it was first seen.
        seen, since = 0.0, loop.time()
        while True:
            before = loop.time()
            unrenewed = seen if before - since > leasing.TTL_S else None
            try:
                taken = await self._ask_writer(partial(self._take_lease, node, keys, unrenewed), self._take_s)
            except LeaseHeld as held:
                if held.here or loop.time() >= end:
                    raise
                if held.expires != seen:
                    seen, since = held.expires, before
                await asyncio.sleep(min(held.expires_in_s + 0.01, RENEW_S))
                continue
            except StoreConflict:
                # Two nodes made the first row at the same moment. The other one was first, and the next look finds it.
                continue
            self._lease, self._lease_until = taken, before + TTL_S
            return taken

    async def keep_lease(self) -> None:
        """Renew the lease every `RENEW_S` until cancelled.

        Raise `LeaseLost` if another node has it, or if the database did not answer until `MARGIN_S` before the end. For
        SQLite the limit is `STANDSTILL_MAX_S`. The node must then stop acting.
        """
        while True:
            await asyncio.sleep(RENEW_S)
            await self._renew_lease()

    async def release_lease(self) -> None:
        """Release the lease, so that another node may begin at once."""
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._ask_writer(partial(self._in_transaction, partial(leasing.release_lease, lease=lease)))

    async def _renew_lease(self) -> None:
        lease, loop = self._lease, asyncio.get_running_loop()
        if lease is None:
            raise LeaseLost("it was never taken, or was given up")
        before = loop.time()
        # A process that was frozen may try once. If its epoch is still there, no other node was in between.
        last = max(self._acts_until, before + RENEW_S)
        try:
            async with asyncio.timeout_at(last):
                await self._writer.call_function(partial(self._extend_lease, lease))
        except TimeoutError:
            self._gone = True
            raise LeaseLost("the database did not answer in time") from None
        except StoreUnavailable as error:
            # One failed answer is no loss: the next renewal may come in time.
            if loop.time() + RENEW_S >= self._acts_until:
                self._gone = True
                raise LeaseLost(str(error)) from None

    def may_act(self) -> bool:
        """Return whether the node may act: the lease is held, and was renewed in time by the steady clock."""
        return self._lease is not None and monotonic() < self._acts_until

    @property
    def _acts_until(self) -> float:
        """Return when the node stops acting without another renewal, by its steady clock."""
        if self._on_sqlite:
            return self._lease_until - TTL_S + STANDSTILL_MAX_S
        return self._lease_until - MARGIN_S

    # -- waiting for the threads -------------------------------------------------------------------------------------

    async def _ask_writer(self, function: Callable[[], T], within_s: float | None = None,
                          until: Lock | None = None) -> T:
        """Run a function in the writer's thread. Raise `StoreUnavailable` if it takes longer than the lease permits."""
        if within_s is None:
            within_s = UPGRADE_S if not self._node else STANDSTILL_MAX_S if self._on_sqlite else TTL_S - MARGIN_S
        try:
            async with asyncio.timeout(within_s):
                found = await self._writer.call_function(function, until)
        except TimeoutError:
            # The thread cannot go on, and what it did is not known.
            self._gone = True
            self._cut_connections()
            raise no_answer(self._url) from None
        except StoreUnavailable as error:
            self._gone = self._gone or error.kind in ("gone", "locked", "busy")
            raise
        self._gone = False
        return found

    async def _ask_reader(self, function: Callable[[], T]) -> T:
        """Run a question in the reader's thread. Raise `StoreUnavailable` if it takes too long."""
        try:
            async with asyncio.timeout(START_S if self._node else UPGRADE_S):
                return await self._reading.call_function(function)
        except TimeoutError:
            self._reader.cut_connection()
            raise no_answer(self._url) from None

    def _cut_connections(self) -> None:
        self._writing.cut_connection()
        self._reader.cut_connection()

    # -- in the writer's thread --------------------------------------------------------------------------------------

    def _in_transaction(self, function: Callable[[Connection], T]) -> T:
        lease = self._lease
        try:
            return self._writing.run_transaction(function)
        except StoreUnavailable as error:
            # A taker ends the session of the former holder. A server that is really gone says nothing here.
            if error.kind == "gone" and lease is not None:
                with suppress(StoreUnavailable):
                    self._writing.run_transaction(partial(leasing.require_lease, lease=lease))
            raise

    def _open_connection(self) -> None:
        self._writing.open_connection()
        self._writing.run_upgrade(self._prepare_tables)

    def _prepare_tables(self, connection: Connection) -> None:
        # 1. Refuse a server that would lose commits.
        if connection.dialect.name == "postgresql":
            check_server(connection, describe_url(self._url))
        # 2. A running node may be older than this code, and could not start any more on newer tables.
        if not prepare_tables(connection):
            if self._node:
                self._take_s = UPGRADE_S
                return
            leasing.require_free(connection, leasing.this_process())
            bring_up_to_date(connection)
        self._continue_numbers(connection)

    def _take_lease(self, node: str, keys: str, unrenewed: float | None) -> Lease:
        def take_row(connection: Connection) -> Lease:
            # The lease comes first: its holder may be older than this code, or may have upgraded since the opening.
            current = prepare_tables(connection)
            leasing.require_same_keys(connection, keys)
            taken = leasing.take_lease(connection, node, leasing.this_process(), unrenewed=unrenewed)
            if not current:
                bring_up_to_date(connection)
            # The former holder may have written until now.
            self._continue_numbers(connection)
            return taken
        return self._writing.run_upgrade(take_row)

    def _continue_numbers(self, connection: Connection) -> None:
        self._next_input = (connection.execute(select(func.max(journal.c.seq))).scalar() or 0) + 1
        self._next_fact = (connection.execute(select(func.max(facts.c.seq))).scalar() or 0) + 1

    def _empty_log(self) -> bool:
        return self._writing.run_outside(lambda raw: compaction.empty_log(raw, LOCK_S), "VACUUM")

    def _rewrite_file(self, within_s: float | None) -> bool:
        def vacuum_file(raw: Any) -> bool:
            # The copy takes at most as long as the rewrite, and blocks nobody.
            if within_s is not None and compaction.time_copy(raw, Path(str(self._url.database))) > within_s:
                return False
            raw.execute("VACUUM")
            return True
        return self._writing.run_outside(vacuum_file, "VACUUM FULL")

    def _extend_lease(self, lease: Lease) -> None:
        def renew_row(connection: Connection) -> float:
            began = monotonic()  # under SQLite's lock: the row's time is read now, not when the renewal was asked for
            leasing.renew_lease(connection, lease)
            return began
        self._lease_until = self._in_transaction(renew_row) + TTL_S

    def _commit_turn(self, turn: StoreTurn, told: Lock) -> None:
        def write_rows(connection: Connection) -> tuple[int, int]:
            try:
                return self._write_turn(connection, turn)
            finally:
                told.release()  # the rest is the disk's work, so the loop goes on
        # The numbers advance only when the commit has come back, because a failed turn has used none.
        self._next_input, self._next_fact = self._in_transaction(write_rows)
        self._log.turns += 1
        if self._lease is not None and monotonic() > self._lease_until - MARGIN_S:
            # The turn waited for a lock or a slow disk. Its commands must leave within a valid lease.
            self._extend_lease(self._lease)

    def _write_turn(self, connection: Connection, turn: StoreTurn) -> tuple[int, int]:
        dialect, next_input, next_fact = connection.dialect, self._next_input, self._next_fact
        with closing(connection.connection.cursor()) as cursor:
            # 1. Check the lease first: a node that was frozen writes nothing.
            if self._lease is not None:
                leasing.check_lease(cursor, dialect, self._lease)
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
            written = FactRows(cursor, dialect, self._writing.driver.IntegrityError, next_fact, turn.facts)
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
