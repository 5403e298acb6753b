"""The store of a node: keeps turns, holds the lease, gives back what was kept.

One thread owns the writing connection. A turn of the inbox is one transaction: its inputs, its facts and the rows they
change are there together or not at all, and `commit` returns when they survive the loss of power.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from routing.core.events import Event
from routing.core.facts import Fact
from routing.core.journal import encode
from routing.core.stored import Change, Row
from routing.store import lease as leasing
from routing.store import residue, start
from routing.store.database import LOCK_S, check_server, connect, driver_of, lifted, place, translated, url_of
from routing.store.errors import LeaseHeld, LeaseLost, StoreConflict, StoreError, StoreUnavailable
from routing.store.lease import MARGIN_S, RENEW_S, TTL_S, Lease
from routing.store.migrate import unreferenced, upgrade
from routing.store.reader import PAGE, Loaded, Reader, ServiceCount, load
from routing.store.repair import mend, mend_outcomes
from routing.store.rows import Rows
from routing.store.schema import JOURNAL_FORMAT, cursors, facts, journal, meta
from routing.store.statement import Statement
from routing.store.worker import Worker
from routing.store.write_ahead import WriteAhead

T = TypeVar("T")

log = structlog.get_logger()

PATIENCE_S = TTL_S + RENEW_S
"""How long a starting node waits for the lease of a node on another machine to end."""

SLOW_S = 1.0
"""A turn that takes longer to be kept is told: callers begin to notice, and there is time to end what holds the store
before the node does."""

STILL_S = LOCK_S + 2 * RENEW_S
"""How long a SQLite file may stand still (another program's lock, a slow disk) before its node stops acting. Nobody can
take the lease of a file that stands still, for taking it is writing; and no command leaves before a turn is kept, which
looks at the lease before and, when it took long, afterwards. So the limit is that of a transaction, whose error says
what holds the file, with time for one that was waiting already. A PostgreSQL server that does not answer us may answer
another node: there the end of the lease is the limit."""


class Turn(Protocol):
    """What one commit holds (the runner's `Turn` fits)."""

    @property
    def events(self) -> Sequence[tuple[float, Event | None]]:
        """Handled inputs with their time; None is the timer."""
        ...

    @property
    def facts(self) -> Sequence[Fact]:
        """What they made, numbered without a gap."""
        ...

    @property
    def changes(self) -> Sequence[Change]:
        """The rows that they changed."""
        ...


_ADD_JOURNAL = Statement(insert(journal))
_ADD_FACTS = Statement(insert(facts))
_SET_CURSOR = (update(cursors).where(cursors.c.name == bindparam("b_name"), cursors.c.seq <= bindparam("b_seq"))
               .values(seq=bindparam("b_seq")))


class Store:
    """Made by `Store.open`. Methods are for the loop's thread; errors are those of `routing.store.errors`."""

    def __init__(self, url: URL, *, max_page_count: int | None = None) -> None:
        self._url = url
        self._engine = connect(url, max_page_count=max_page_count)
        self._driver = driver_of(self._engine)
        self._on_sqlite = url.get_backend_name() == "sqlite"
        self._log = WriteAhead()
        self._writer = Worker("santral-store-writer", lambda: self._log.bring_in(self._connection))
        self._reading = Worker("santral-store-reader")
        self._reader = Reader(url.render_as_string(hide_password=False), node=True)
        self._connection: Connection | None = None
        self._lease: Lease | None = None
        self._lease_until = 0.0
        self._next_input = self._next_fact = 1

    @classmethod
    async def open(cls, where: str | Path, *, max_page_count: int | None = None) -> Store:
        """Open the state at a path (SQLite, made when it is not there) or `postgresql://…` URL and bring its tables up
        to date. `max_page_count` limits a SQLite file, in pages of 4096 bytes. Raises `StoreUnavailable`."""
        store = cls(url_of(where), max_page_count=max_page_count)
        try:
            await store._writer.call(store._open)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Finish what was handed over, let the lease go, close both connections. Safe to repeat."""
        try:
            if self._lease is not None and not self._writer.closed:
                await self.release_lease()
        except StoreError:
            # The lease ends by itself; the end of a node must not fail on it.
            self._lease = None
        if not self._writer.closed:
            await self._writer.call(self._close)
            await self._reading.call(self._reader.close)
        await self._writer.close()
        await self._reading.close()

    # -- writing -----------------------------------------------------------------------------------------------------

    async def commit(self, turn: Turn) -> None:
        """Keep a turn; return when it is durable.

        Raises `StoreConflict` (the rows are not as the facts say), `LeaseLost` (another node took over),
        `StoreUnavailable` (see `kind`). In each case nothing of the turn is written, except when it took longer than
        the lease and another node has come right after it: then that one has read it.
        """
        before = monotonic()
        told = Lock()
        told.acquire()
        # A server is asked over the network: there the loop has time for others.
        await self._writer.call(lambda: self._commit(turn, told), until=told if self._on_sqlite else None)
        if (took := monotonic() - before) > SLOW_S:
            log.warning("store.slow", seconds=round(took, 1))

    async def set_cursor(self, name: str, seq: int) -> None:
        """Note that a reader of facts is done up to `seq`. A cursor never goes back."""
        def change(connection: Connection) -> None:
            if connection.execute(_SET_CURSOR, {"b_name": name, "b_seq": seq}).rowcount:
                return
            if connection.execute(select(cursors.c.seq).where(cursors.c.name == name)).first() is None:
                connection.execute(insert(cursors), {"name": name, "seq": seq})
        await self._writer.call(lambda: self._in_transaction(change))

    async def repair(self, rows: Iterable[Row]) -> None:
        """Set rows that contradicted each other to what they are given as. Without a comparison: nothing is running
        yet. Raises as `commit` does."""
        await self._writer.call(lambda: self._in_transaction(lambda connection: mend(connection, rows)))

    async def note(self, key: str, value: str) -> None:
        """Keep a value that is no fact. An earlier one of the key is replaced."""
        def change(connection: Connection) -> None:
            if not connection.execute(update(meta).where(meta.c.key == key).values(value=value)).rowcount:
                connection.execute(insert(meta), {"key": key, "value": value})
        await self._writer.call(lambda: self._in_transaction(change))

    async def work(self, function: Callable[[Connection], T]) -> T:
        """Do what is no turn in a transaction of its own, in the writer's thread. Keep it short: turns wait behind it.
        Raises as `commit` does."""
        def checked(connection: Connection) -> T:
            if self._lease is not None:
                with closing(connection.connection.cursor()) as cursor:
                    leasing.check(cursor, connection.dialect, self._lease)
            return function(connection)
        return await self._writer.call(lambda: self._in_transaction(checked))

    async def settle(self) -> bool:
        """Bring what was changed from the log of the database into its file, and empty the log. False: somebody reads
        what was before, and the log is as it was. PostgreSQL frees what is dead (`VACUUM`); its own log is the server's
        business."""
        return await self._writer.call(self._settle)

    async def rebuild(self, within_s: float | None = None) -> bool:
        """Write the whole file anew, so that nothing is left of what once stood in it; no turn can be kept meanwhile.
        `within_s`: for a node that works on it. Then a copy is written beside the file first, for which no turn waits,
        and False says that it took longer than this and nothing was done. PostgreSQL: `VACUUM FULL`."""
        return await self._writer.call(lambda: self._rebuild(within_s))

    # -- reading -----------------------------------------------------------------------------------------------------

    async def load(self) -> Loaded:
        """Everything that is alive, for the engine at start."""
        def take(connection: Connection) -> Loaded:
            mend_outcomes(connection)
            return load(connection)
        return await self._writer.call(lambda: self._in_transaction(take))

    async def facts_after(self, seq: int, limit: int = PAGE) -> list[Fact]:
        """Committed facts with a number above `seq`, in order, at most `limit` (never more than `PAGE`)."""
        return await self._reading.call(lambda: self._reader.facts_after(seq, limit))

    async def cursor(self, name: str) -> int | None:
        """The last fact a reader is done with, 0 before the first; None: it never began."""
        return await self._reading.call(lambda: self._reader.cursor(name))

    async def noted(self, key: str) -> str:
        """What `note` was given for the key; empty: nothing."""
        def look(connection: Connection) -> str:
            return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none() or ""
        return await self._writer.call(lambda: self._in_transaction(look))

    async def look(self, function: Callable[[Connection], T]) -> T:
        """Ask what takes its time: in the reader's thread, and no turn waits for it, however long it takes. Raises
        `StoreUnavailable`."""
        return await self._reading.call(lambda: self._reader.look(function))

    async def counts(self) -> list[ServiceCount]:
        """Contacts by service and outcome, of all time."""
        return await self._reading.call(self._reader.counts)

    # -- the lease ---------------------------------------------------------------------------------------------------

    async def take_lease(self, node: str, patience_s: float = PATIENCE_S) -> Lease:
        """Become the one node that works on this state. From then on every commit looks whether it still is.

        A dead holder of this machine is replaced at once; one that may live on another machine is waited for until its
        lease ends, or has not been renewed for as long as one lasts by our own steady clock. Raises
        `LeaseHeld` when a process of this machine holds it, or another still does after `patience_s`.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + patience_s
        seen, since = 0.0, loop.time()
        while True:
            before = loop.time()
            take = partial(leasing.take, node=node, holder=leasing.me(),
                           unrenewed=seen if before - since > leasing.TTL_S else None)
            try:
                taken = await self._writer.call(partial(self._in_transaction, take))
            except LeaseHeld as held:
                if held.here or loop.time() >= end:
                    raise
                if held.expires != seen:
                    seen, since = held.expires, before
                await asyncio.sleep(min(held.expires_in_s + 0.01, RENEW_S))
                continue
            except StoreConflict:
                # Two nodes made the first row at the same moment: the other was first, and is there at the next look.
                continue
            self._lease, self._lease_until = taken, before + TTL_S
            return taken

    async def keep_lease(self) -> None:
        """Renew the lease every `RENEW_S` until cancelled. Ends with `LeaseLost` when another node has it, or the
        database did not answer until `MARGIN_S` before the end (SQLite: for `STILL_S`): then the node must stop
        acting."""
        while True:
            await asyncio.sleep(RENEW_S)
            await self._renew()

    async def release_lease(self) -> None:
        """Give the lease up, so that another node may begin at once."""
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._writer.call(
                lambda: self._in_transaction(lambda connection: leasing.release(connection, lease)))

    async def _renew(self) -> None:
        lease, loop = self._lease, asyncio.get_running_loop()
        if lease is None:
            raise LeaseLost("it was never taken, or was given up")
        before = loop.time()
        # A process that was frozen may try once: if its epoch is still there, nobody was in between.
        last = max(self._acts_until, before + RENEW_S)
        try:
            async with asyncio.timeout_at(last):
                await self._writer.call(partial(self._extend, lease))
        except TimeoutError:
            raise LeaseLost("the database did not answer in time") from None
        except StoreUnavailable as error:
            if loop.time() + RENEW_S >= self._acts_until:
                raise LeaseLost(str(error)) from None

    @property
    def _acts_until(self) -> float:
        """When the node stops acting without another renewal, by our own steady clock."""
        if self._on_sqlite:
            return self._lease_until - TTL_S + STILL_S
        return self._lease_until - MARGIN_S

    # -- in the writer's thread --------------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._connection = self._engine.connect()
            with unreferenced(self._connection):
                self._in_transaction(self._prepare)
        except DBAPIError as error:
            raise translated(error, self._url) from None

    def _prepare(self, connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            check_server(connection, place(self._url))
        upgrade(connection)
        found = connection.execute(select(meta.c.value).where(meta.c.key == "journal_format")).scalar_one_or_none()
        if found is None:
            connection.execute(insert(meta), {"key": "journal_format", "value": JOURNAL_FORMAT})
        elif found != JOURNAL_FORMAT:
            raise StoreUnavailable("newer", f"records in {place(self._url)} have format {found}, this version reads "
                                            f"{JOURNAL_FORMAT}. Run the version that wrote them")
        self._count_on(connection)

    def _count_on(self, connection: Connection) -> None:
        self._next_input = (connection.execute(select(func.max(journal.c.seq))).scalar() or 0) + 1
        self._next_fact = (connection.execute(select(func.max(facts.c.seq))).scalar() or 0) + 1

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def _in_transaction(self, function: Callable[[Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise StoreUnavailable("closed", "it is closed")
        try:
            with connection.begin():
                return function(connection)
        except DBAPIError as error:
            raise translated(error, self._url) from None
        except self._driver.Error as error:
            raise translated(lifted(error, connection), self._url) from None

    def _settle(self) -> bool:
        return self._outside(lambda raw: residue.empty_log(raw, LOCK_S), "VACUUM")

    def _rebuild(self, within_s: float | None) -> bool:
        def anew(raw: Any) -> bool:
            if within_s is not None and residue.rehearse(raw, Path(str(self._url.database))) > within_s:
                return False
            raw.execute("VACUUM")
            return residue.empty_log(raw, LOCK_S)
        return self._outside(anew, "VACUUM FULL")

    def _outside(self, sqlite: Callable[[Any], bool], postgresql: str) -> bool:
        """Do what runs in no transaction. Any: the driver's connection."""
        connection = self._connection
        if connection is None:
            raise StoreUnavailable("closed", "it is closed")
        raw: Any = connection.connection.dbapi_connection
        try:
            if connection.dialect.name != "postgresql":
                return sqlite(raw)
            raw.autocommit = True
            raw.cursor().execute(postgresql)
            raw.autocommit = False
            return True
        except self._driver.Error as error:
            raise translated(lifted(error, connection), self._url) from None

    def _extend(self, lease: Lease) -> None:
        def change(connection: Connection) -> float:
            began = monotonic()  # with SQLite's lock in hand: the row's own time is read now, not when it was asked for
            leasing.renew(connection, lease)
            return began
        self._lease_until = self._in_transaction(change) + TTL_S

    def _commit(self, turn: Turn, told: Lock) -> None:
        def keep(connection: Connection) -> tuple[int, int]:
            try:
                return self._keep(connection, turn)
            finally:
                told.release()  # what is left is the disk's
        # The numbers go on only when the commit has come back: a turn that failed has used none.
        self._next_input, self._next_fact = self._in_transaction(keep)
        self._log.turns += 1
        if self._lease is not None and monotonic() > self._lease_until - MARGIN_S:
            # It waited for a lock, or the disk was slow: what follows from it must be done within a lease that lasts.
            self._extend(self._lease)

    def _keep(self, connection: Connection, turn: Turn) -> tuple[int, int]:
        dialect, next_input, next_fact = connection.dialect, self._next_input, self._next_fact
        with closing(connection.connection.cursor()) as cursor:
            if self._lease is not None:
                leasing.check(cursor, dialect, self._lease)
            if turn.events:
                rows: list[dict[str, object]] = []
                for at, event in turn.events:
                    kind, body = encode(event)
                    if kind == start.KIND:
                        body = start.written(connection, body, at)
                    rows.append({"seq": next_input, "at": at, "kind": kind, "body": body})
                    next_input += 1
                _ADD_JOURNAL.run_all(cursor, dialect, rows)
            written = Rows(cursor, dialect, self._driver.IntegrityError, next_fact, turn.facts)
            written.write(turn.changes)
            if turn.facts:
                rows = []
                for fact in turn.facts:
                    if fact.seq != next_fact:
                        raise StoreConflict(fact.seq, type(fact).__name__, "", f"the next fact is {next_fact}")
                    written.apply(fact)
                    kind, body = encode(fact)
                    rows.append({"seq": fact.seq, "at": fact.at, "kind": kind, "body": body})
                    next_fact += 1
                _ADD_FACTS.run_all(cursor, dialect, rows)
        return next_input, next_fact
