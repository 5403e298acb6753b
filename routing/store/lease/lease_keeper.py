"""Take the lease of the router, renew it, and tell whether the node may act."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from routing.store.database import LOCK_S, waits_for_standby
from routing.store.errors import LeaseHeld, LeaseLost, NameTaken, StoreConflict, StoreUnavailable
from routing.store.lease import lease_row
from routing.store.lease.lease_row import MARGIN_S, RENEW_S, TTL_S, Lease
from routing.store.lease.process_holder import this_process
from routing.store.lease.session_watch import SessionWatch
from routing.store.migrate import bring_up_to_date, prepare_tables
from routing.store.threads.answer_limit import limit_answer
from routing.store.threads.database_threads import START_S, UPGRADE_S, DatabaseThreads

T = TypeVar("T")

log = structlog.get_logger()

STANDSTILL_MAX_S = LOCK_S + 2 * RENEW_S
"""Longest time for which a SQLite file may be blocked (another program's lock, a slow disk) before its node stops
acting.

Nobody can take the lease of a blocked file, because that is a write. No command leaves before its turn is kept. A turn
checks the lease before the write and, after a long write, again.
So the limit is that of a transaction, whose error names what blocks the file, with time for one that already waited. A
PostgreSQL server that does not answer this node may answer another one, so there the end of the lease is the limit.
"""


PATIENCE_S = TTL_S + RENEW_S
"""Longest time for which a starting node waits for the lease of a node on another machine."""


class LeaseKeeper:
    """The lease of one node. Its methods are for the loop, except those for the writer's thread."""

    def __init__(self, threads: DatabaseThreads, taken: Callable[[Connection], None],
                 clock: Callable[[], float] = monotonic) -> None:
        """`taken` runs in the transaction that takes the lease: the former holder may have written until then.

        `clock` is the steady clock of this process, which the loop uses too.
        """
        self._threads, self._taken, self._clock = threads, taken, clock
        self.held: Lease | None = None
        self.name: Lease | None = None
        """The lease of this node's name, on PostgreSQL."""
        self.about: Callable[[], str] = str
        """Description of the node, as JSON. Each renewal of its name asks for it."""
        self.until = 0.0
        """End of the lease by this node's steady clock."""
        self.demands_standby = False
        """The lease is taken only on a PostgreSQL server whose commits wait for a synchronous standby."""
        self.take_s = START_S
        """Longest wait for the transaction that takes the lease."""
        self._session = SessionWatch()
        self._named_at = 0.0
        self._again = False
        """This process has had its name before, so a lease that it holds itself is one of its former stores."""
        # The last expiry of a foreign holder, and the time when it was first seen.
        self._seen, self._since = 0.0, clock()

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
        while (held := await self.try_lease(node, keys)) is not None:
            if held.here or loop.time() >= end:
                raise held
            await asyncio.sleep(min(held.expires_in_s + 0.01, RENEW_S))
        assert self.held is not None
        return self.held

    async def try_lease(self, node: str, keys: str = "", *, only_look: bool = False) -> LeaseHeld | None:
        """Take the lease if it is free, and return None. Else return what holds it. A name is renewed if it is time.

        With `only_look` a free lease is left to other nodes. Raise `LeaseLost` if another process has taken the name
        over, and `ForeignKeys` for other keys.
        """
        before = self._clock()
        unrenewed = self._seen if before - self._since > lease_row.TTL_S else None
        held = await self._threads.ask_writer(partial(self._find_holder, keys, unrenewed))
        if held is None:
            if only_look:
                return None
            try:
                self.held = await self._threads.ask_writer(partial(self._take_row, node, keys, unrenewed), self.take_s)
                self.until = before + TTL_S
                return None
            except LeaseHeld as error:
                held = error
            except StoreConflict:
                # Two nodes made the first row at the same moment. The other one was first.
                if (held := await self._threads.ask_writer(partial(self._find_holder, keys, unrenewed))) is None:
                    raise
        if held.expires != self._seen:
            # From the answer on: an answer may come seconds late, with an expiry of just before it.
            self._seen, self._since = held.expires, self._clock()
        return held

    async def claim_name(self, node: str, keys: str = "", patience_s: float = PATIENCE_S, *,
                         again: bool = False) -> None:
        """Take the name of this node. Raise `NameTaken` if a living process has it, and `ForeignKeys` for other keys.

        With `again` this process has had the name before. A server that hangs may still have its old session. The lease
        of the state that this process held by a former store is free for it too: nobody else acts by it.

        A SQLite file has one node, whose lease says the same.
        """
        if self._threads.on_sqlite:
            return
        self._again = again
        end, seen, since = self._clock() + patience_s, 0.0, self._clock()
        while True:
            before = self._clock()
            unrenewed = seen if before - since > lease_row.TTL_S else None
            try:
                self.name = await self._threads.ask_writer(partial(self._take_name, node, keys, unrenewed, again))
                self._named_at = before
                return
            except LeaseHeld as held:
                if held.here or before >= end:
                    raise NameTaken(held) from None
                if held.expires != seen:
                    seen, since = held.expires, self._clock()
                await asyncio.sleep(min(held.expires_in_s + 0.01, RENEW_S))
            except StoreConflict:
                # Two processes took the name at the same moment. The next look finds the other one.
                if before >= end:
                    raise

    async def keep_lease(self) -> None:
        """Renew the lease every `RENEW_S` until cancelled.

        Raise `LeaseLost` if another node has it, or if the database did not answer until `MARGIN_S` before the end. For
        SQLite the limit is `STANDSTILL_MAX_S`. The node must then stop acting.
        """
        while True:
            await asyncio.sleep(RENEW_S)
            await self.renew_lease()

    async def release_lease(self) -> None:
        """Release the lease, so that another node may begin at once."""
        lease, self.held = self.held, None
        name, self.name = self.name, None

        def release_rows(connection: Connection) -> None:
            if lease is not None:
                lease_row.release_lease(connection, lease)
            if name is not None:
                lease_row.release_lease(connection, name, lease_row.name_lease(name.node))

        if lease is not None or name is not None:
            await self._threads.ask_writer(partial(self.run_transaction, release_rows))

    async def renew_lease(self) -> None:
        lease, loop = self.held, asyncio.get_running_loop()
        if lease is None:
            raise LeaseLost("it was never taken, or was given up")
        before = loop.time()
        # A process that was frozen may try once. If its epoch is still there, no other node was in between.
        last = max(self.acts_until, before + RENEW_S)
        try:
            async with limit_answer(last - before):
                began = await self._threads.writer.call_function(partial(self.renew_row, lease))
            self.until = max(self.until, began + TTL_S)
        except TimeoutError:
            self._threads.gone = True
            raise LeaseLost("the database did not answer in time") from None
        except StoreUnavailable as error:
            # One failed answer is no loss: the next renewal may come in time.
            if loop.time() + RENEW_S >= self.acts_until:
                self._threads.gone = True
                raise LeaseLost(str(error)) from None

    def may_act(self) -> bool:
        """Return whether the node may act: the lease is held, and was renewed in time by the steady clock."""
        return self.held is not None and self._clock() < self.acts_until and not self._session.has_ended()

    @property
    def acts_until(self) -> float:
        """Return when the node stops acting without another renewal, by its steady clock."""
        if self._threads.on_sqlite:
            return self.until - TTL_S + STANDSTILL_MAX_S
        return self.until - MARGIN_S

    def end_watch(self) -> None:
        """Let go of the writer's socket, once its thread has ended."""
        self._session.follow_socket(None)

    # -- in the writer's thread --------------------------------------------------------------------------------------

    def run_transaction(self, function: Callable[[Connection], T], *, pipelined: bool = False) -> T:
        """Return the result of a function in one transaction. Raise `LeaseLost` if a taker has ended the session.

        A function that is `pipelined` begins the transaction itself.
        """
        lease, writing = self.held, self._threads.writing
        try:
            return (writing.run_pipeline if pipelined else writing.run_transaction)(function)
        except StoreUnavailable as error:
            # A taker ends the session of the former holder. A server that is really gone says nothing here.
            if error.kind == "gone" and lease is not None:
                with suppress(StoreUnavailable):
                    writing.run_transaction(partial(lease_row.require_lease, lease=lease))
            raise

    def renew_row(self, lease: Lease) -> float:
        """Renew the row of the lease. Return when that began, by the steady clock."""
        def renew_row(connection: Connection) -> float:
            began = self._clock()  # under SQLite's lock: the row's time is read now, not when the renewal was asked for
            lease_row.renew_lease(connection, lease)
            self._renew_name(connection)
            return began
        began = self.run_transaction(renew_row)
        self._session.follow_socket(self._threads.writing.socket_number())
        return began

    def extend_late(self) -> None:
        """Renew the lease after a turn that waited for a lock or a slow disk. Its commands must leave within a lease.
        """
        if self.held is not None and self._clock() > self.until - MARGIN_S:
            self.until = self.renew_row(self.held) + TTL_S

    def _take_row(self, node: str, keys: str, unrenewed: float | None) -> Lease:
        def take_row(connection: Connection) -> Lease:
            # The lease comes first: its holder may be older than this code, or may have upgraded since the opening.
            current = prepare_tables(connection)
            lease_row.require_same_keys(connection, keys)
            self.check_standby(connection, takes=True)
            taken = lease_row.take_lease(connection, node, this_process(), unrenewed=unrenewed, again=self._again)
            if not current:
                bring_up_to_date(connection)
            self._taken(connection)
            return taken
        taken = self._threads.writing.run_upgrade(take_row)
        self._session.follow_socket(self._threads.writing.socket_number())
        return taken

    def check_standby(self, connection: Connection, *, takes: bool = False) -> None:
        """Raise `StoreUnavailable` if commits wait for no standby, but the settings demand one. A taker logs it else.
        """
        if connection.dialect.name != "postgresql" or waits_for_standby(connection):
            return
        words = ("the PostgreSQL server has no synchronous standby (synchronous_standby_names), so acknowledged calls "
                 "may be lost with it")
        if self.demands_standby:
            raise StoreUnavailable("alone", f"{words}. [store] require_standby forbids this: start the standby, or "
                                            "take the setting out")
        if takes:
            log.warning("store.standby_missed", why=words)

    def _find_holder(self, keys: str, unrenewed: float | None) -> LeaseHeld | None:
        def find_holder(connection: Connection) -> LeaseHeld | None:
            # A node with other keys is told so, also while another node leads.
            lease_row.require_same_keys(connection, keys)
            self._renew_name(connection)
            return lease_row.find_holder(connection, this_process(), unrenewed=unrenewed, again=self._again)
        return self._threads.writing.run_transaction(find_holder)

    def _take_name(self, node: str, keys: str, unrenewed: float | None, again: bool) -> Lease:
        def take_name(connection: Connection) -> Lease:
            lease_row.require_same_keys(connection, keys)
            lease_row.forget_nodes(connection)
            taken = lease_row.take_lease(connection, node, this_process(), lease_row.name_lease(node),
                                         unrenewed=unrenewed, again=again)
            lease_row.renew_name(connection, taken, self.about())
            return taken
        return self._threads.writing.run_transaction(take_name)

    def _renew_name(self, connection: Connection) -> None:
        """Renew the lease of the name if it is time. Raise `LeaseLost` if another process has taken it."""
        if self.name is not None and (now := self._clock()) - self._named_at >= RENEW_S / 2:
            lease_row.renew_name(connection, self.name, self.about())
            self._named_at = now


def answer_limit(*, node: bool, on_sqlite: bool) -> float:
    """Return the longest wait for an answer to the writer: of a node no longer than its lease permits."""
    return UPGRADE_S if not node else STANDSTILL_MAX_S if on_sqlite else TTL_S - MARGIN_S
