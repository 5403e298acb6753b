"""Keep the state of a node: write turns, hold the lease, and load what was kept.

One thread owns the writing connection. A turn of the inbox is one transaction. Its inputs, its facts and the changed
rows are all written or none is. `commit` returns when they survive the loss of power.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.engine import URL

from routing.core.model.facts import Fact
from routing.core.stored import Row
from routing.store import compaction
from routing.store.database import LOCK_S, MakeRoom, check_server, describe_url, make_none, url_of
from routing.store.errors import LeaseHeld, StoreError
from routing.store.lease import lease_row
from routing.store.lease.lease_keeper import PATIENCE_S, LeaseKeeper, answer_limit
from routing.store.lease.lease_row import Lease
from routing.store.lease.process_holder import this_process
from routing.store.migrate import bring_up_to_date, prepare_tables
from routing.store.reader import PAGE, LoadedState, ServiceCount, load_state
from routing.store.repair import repair_outcomes, repair_rows
from routing.store.rows import StoreTurn
from routing.store.schema import cursors, meta
from routing.store.threads.database_threads import START_S, UPGRADE_S, DatabaseThreads
from routing.store.turns.pipelined_rows import ContactIdTaken
from routing.store.turns.turn_writer import NextNumbers, TurnWriter

T = TypeVar("T")

log = structlog.get_logger()

SLOW_S = 1.0
"""A commit that takes longer is logged.

Callers begin to notice, and there is time to end the program that blocks the store before the node ends.
"""
FAREWELL_S = 0.5
"""Longest wait for each part of the end if the database does not answer.

The lease of a PostgreSQL store is over 4 s after its last renewal, and such a node must be gone after 6 s.
"""

CLOSE_S = LOCK_S + 2.0
"""Longest wait for each part of an orderly end, with another program's lock before it."""


_SET_CURSOR = (update(cursors).where(cursors.c.name == bindparam("b_name"), cursors.c.seq <= bindparam("b_seq"))
               .values(seq=bindparam("b_seq")))


class Store:
    """Read and write the state of one node. Made by `Store.open_store`.

    The methods are for the thread of the event loop. Their errors are those of `routing.store.errors`.
    """

    def __init__(self, url: URL, *, node: bool = False, max_page_count: int | None = None,
                 make_room: MakeRoom = make_none) -> None:
        self._url, self._node = url, node
        self._threads = DatabaseThreads(url, lambda: answer_limit(node=node, on_sqlite=self._threads.on_sqlite),
                                        node=node, max_page_count=max_page_count, make_room=make_room)
        self._turns = TurnWriter()
        self._lease = LeaseKeeper(self._threads, self._turns.continue_numbers)

    @classmethod
    async def open_store(cls, where: str | Path, *, node: bool = False, max_page_count: int | None = None,
                         within_s: float = START_S, demands_standby: bool = False,
                         make_room: MakeRoom = make_none) -> Store:
        """Open a state.

        `where` is a path (SQLite, created if missing) or a `postgresql://…` URL. A `node` takes the lease before it
        brings older tables up to date. A command does it here, and raises `LeaseHeld` if a node works on them.
        `max_page_count` limits a SQLite file, in pages of 4096 bytes. With `demands_standby` a lease is taken only on a
        PostgreSQL server with a synchronous standby. `make_room` is asked once for each write that finds the disk full.
        Raise `StoreUnavailable` if the state cannot be opened, or not `within_s`.
        """
        store = cls(url_of(where), node=node, max_page_count=max_page_count, make_room=make_room)
        store._lease.demands_standby = demands_standby
        try:
            await store._threads.ask_writer(store._open_connection, within_s)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Finish what was handed over, release the lease, and close both connections. Safe to repeat.

        A database that does not answer is not waited for. The lease ends without help.
        """
        threads = self._threads
        if threads.writer.closed:
            return
        within_s = FAREWELL_S if threads.gone else CLOSE_S
        if threads.gone:
            threads.cut_connections()
        try:
            async with asyncio.timeout(within_s):
                with suppress(StoreError):
                    await self.release_lease()
                await threads.close_connections()
        except (TimeoutError, StoreError):
            threads.cut_connections()
        await threads.end_threads(within_s)
        self._lease.end_watch()

    # -- writing -----------------------------------------------------------------------------------------------------

    async def commit(self, turn: StoreTurn) -> None:
        """Keep a turn, and return when it is durable.

        Raise `StoreConflict` if the rows are not as the engine expected. Raise `LeaseLost` if another node took over,
        and `StoreUnavailable` for other reasons (see `kind`).

        After an error nothing of the turn is written, with one exception. If the commit took longer than the lease and
        another node came right after it, that node has read the turn.
        """
        # The turn may wait in line until this node has given up its lease, and another node leads then.
        before, told, lease = monotonic(), Lock(), self._lease.held
        told.acquire()
        # A server is asked over the network, so there the loop has time for other work.
        await self._threads.ask_writer(lambda: self._commit_turn(turn, lease, told),
                                       until=told if self._threads.on_sqlite else None)
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
        lease = self._lease.held

        def run_checked(connection: Connection) -> T:
            # A node that has lost its lease must write nothing, in whatever form.
            if lease is not None:
                lease_row.require_lease(connection, lease)
            return function(connection)
        return await self._threads.ask_writer(lambda: self._lease.run_transaction(run_checked))

    async def empty_log(self) -> bool:
        """Bring changes from the log of the database into its file, and empty the log.

        Return False if somebody reads older data, which leaves the log as it was. Turns pass between the tries.

        PostgreSQL frees dead rows (`VACUUM`), and its log is the server's concern. A node leaves that to the server's
        own autovacuum, because its turns would wait for minutes.
        """
        if self._lease.held is not None and not self._threads.on_sqlite:
            return True
        for left in reversed(range(compaction.TRIES)):
            if await self._threads.writer.call_function(self._empty_log):
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
        done = await self._threads.writer.call_function(lambda: self._rewrite_file(within_s))
        # The rewrite passes the log, so the old content is gone only with an empty log.
        return done and (not self._threads.on_sqlite or await self.empty_log())

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
        return await self._threads.ask_reader(lambda: self._threads.reader.facts_after(seq, limit))

    async def last_fact(self) -> int:
        """Return the number of the last committed fact, or 0 without facts."""
        return (await self._threads.ask_reader(self._threads.reader.read_extent)).facts

    async def recent_facts(self, kinds: Sequence[type[Fact]], since: float, limit: int, *,
                           after: int = 0) -> AsyncIterator[list[Fact]]:
        """Yield the facts of these kinds since a time, in order, from the last `limit` facts of the store.

        Only facts with a number above `after` are read. A page has at most `PAGE` facts: a whole hour in one list would
        leave the process larger for ever.
        """
        after = max(after, await self.last_fact() - limit)
        while page := await self._threads.ask_reader(
                partial(self._threads.reader.recent_facts, kinds, since, after)):
            yield page
            after = page[-1].seq

    async def overrides_since(self, since: float) -> list[Fact]:
        """Return the facts of rules that were set aside since a time, in order."""
        return await self._threads.ask_reader(lambda: self._threads.reader.overrides_since(since))

    async def read_cursor(self, name: str) -> int | None:
        """Return the last fact that a reader has handled, 0 before the first, or None if it never began."""
        return await self._threads.ask_reader(lambda: self._threads.reader.read_cursor(name))

    async def read_value(self, key: str) -> str:
        """Return the value that `note_value` kept for the key, or an empty text without one."""
        def select_value(connection: Connection) -> str:
            return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none() or ""
        return await self._threads.ask_writer(lambda: self._lease.run_transaction(select_value))

    async def run_query(self, function: Callable[[Connection], T]) -> T:
        """Run a slow query in the reader's thread, so that no turn waits for it.

        Raise `StoreUnavailable` if the database does not work.
        """
        return await self._threads.ask_reader(lambda: self._threads.reader.run_query(function))

    async def count_contacts(self) -> list[ServiceCount]:
        """Return the contacts of all time by service and outcome."""
        return await self._threads.ask_reader(self._threads.reader.count_contacts)

    # -- the lease ---------------------------------------------------------------------------------------------------

    async def take_lease(self, node: str, patience_s: float = PATIENCE_S, keys: str = "") -> Lease:
        """Make this node the only one that works on the state (`LeaseKeeper.take_lease`)."""
        return await self._lease.take_lease(node, patience_s, keys)

    async def try_lease(self, node: str, keys: str = "", *, only_look: bool = False) -> LeaseHeld | None:
        """Take the lease if it is free and return None, or return what holds it (`LeaseKeeper.try_lease`)."""
        return await self._lease.try_lease(node, keys, only_look=only_look)

    async def claim_name(self, node: str, keys: str = "", patience_s: float = PATIENCE_S, *,
                         again: bool = False) -> None:
        """Take the name of this node, or raise `NameTaken` (`LeaseKeeper.claim_name`)."""
        await self._lease.claim_name(node, keys, patience_s, again=again)

    def describe_node(self, about: Callable[[], str]) -> None:
        """Let each renewal of the node's name ask for this description of it, as JSON."""
        self._lease.about = about

    async def keep_lease(self) -> None:
        """Renew the lease until cancelled, or raise `LeaseLost` (`LeaseKeeper.keep_lease`)."""
        await self._lease.keep_lease()

    async def release_lease(self) -> None:
        """Release the lease, so that another node may begin at once."""
        await self._lease.release_lease()

    def may_act(self) -> bool:
        """Return whether the node may act: the lease is held, and was renewed in time by the steady clock."""
        return self._lease.may_act()

    def lease_times(self) -> tuple[int, float] | None:
        """Return the epoch of the lease and its end by the steady clock, or None without a lease."""
        return None if self._lease.held is None else (self._lease.held.epoch, self._lease.acts_until)

    # -- in the writer's thread --------------------------------------------------------------------------------------

    def _open_connection(self) -> None:
        self._threads.writing.open_connection()
        self._threads.writing.run_upgrade(self._prepare_tables)

    def _prepare_tables(self, connection: Connection) -> None:
        # 1. Refuse a server that would lose commits.
        if connection.dialect.name == "postgresql":
            check_server(connection, describe_url(self._url))
            self._lease.check_standby(connection)
        # 2. A running node may be older than this code, and could not start any more on newer tables.
        if not prepare_tables(connection):
            if self._node:
                self._lease.take_s = UPGRADE_S
                return
            lease_row.require_free(connection, this_process())
            bring_up_to_date(connection)
        self._turns.continue_numbers(connection)

    def _empty_log(self) -> bool:
        return self._threads.writing.run_outside(lambda raw: compaction.empty_log(raw, LOCK_S), "VACUUM")

    def _rewrite_file(self, within_s: float | None) -> bool:
        def vacuum_file(raw: Any) -> bool:
            # The copy takes at most as long as the rewrite, and blocks nobody.
            if within_s is not None and compaction.time_copy(raw, Path(str(self._url.database))) > within_s:
                return False
            raw.execute("VACUUM")
            return True
        return self._threads.writing.run_outside(vacuum_file, "VACUUM FULL")

    def _commit_turn(self, turn: StoreTurn, lease: Lease | None, told: Lock) -> None:
        def write_rows(connection: Connection) -> NextNumbers:
            try:
                return self._turns.write_turn(connection, turn, lease)
            finally:
                # The rest is the disk's work, so the loop goes on. A second try on a full disk comes here again.
                with suppress(RuntimeError):
                    told.release()
        # The numbers advance only when the commit has come back, because a failed turn has used none.
        try:
            self._turns.next = self._lease.run_transaction(write_rows, pipelined=not self._threads.on_sqlite)
        except ContactIdTaken:
            # Nothing is written yet. The clock was set back, so this is rare.
            self._turns.next = self._lease.run_transaction(
                lambda connection: self._turns.write_directly(connection, turn, lease))
        self._threads.log.turns += 1
        self._lease.extend_late()
