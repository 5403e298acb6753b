"""Give a simulated node its store: the shipped lease, and questions to the model of the database over a link.

The names and errors are those of `routing.store.store.Store`.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast

from lab.simulation.database import Database, Session
from lab.simulation.virtual_time import ProcessLoop
from routing.ami.cel_recovery import Recorded
from routing.core.records import Contact
from routing.core.stored import Row
from routing.runner import RunnerTurn
from routing.store.errors import LeaseHeld, StoreError, StoreUnavailable
from routing.store.lease.lease_keeper import LeaseKeeper, answer_limit
from routing.store.lease.lease_row import Lease
from routing.store.reader import LoadedState
from routing.store.threads.database_threads import DatabaseThreads

T = TypeVar("T")

LATENCY_S = (0.0003, 0.003)
"""Least and greatest usual time of one way to the database and back."""

FAREWELL_S = 0.5
"""Longest wait for the release of a lease, as of the real store."""


class DatabaseLink:
    """The way from a process to the database, and its faults."""

    def __init__(self) -> None:
        self.stalled_until = 0.0
        self.lose_next_answer = False
        """The connection breaks after the next transaction has happened, before its answer."""
        self.after_commit: Callable[[], None] = lambda: None
        """Called when the answer to a commit arrives in the process, before the process sees it."""


class ModelThreads:
    """The part that `LeaseKeeper` asks of `DatabaseThreads`: one question at a time, and a limit for each answer."""

    on_sqlite = False

    def __init__(self, loop: ProcessLoop, database: Database, link: DatabaseLink, rng: random.Random) -> None:
        self._loop, self._database, self._link, self._rng = loop, database, link, rng
        self.gone = False
        self.writer = self
        self.session = self.watched = Session()
        self._told: Session | None = None
        """Last session whose end the kernel has learnt."""
        self.began = 0.0
        """Time at which the question under way was sent, by the steady clock."""
        self._jobs: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._busy = False
        loop.at_kill.append(self.cut)

    @property
    def has_ended(self) -> bool:
        """Return whether the kernel of this process knows that the session has ended. It does not forget that."""
        if not self.watched.alive and self._loop.true_time >= self._link.stalled_until:
            self._told = self.watched
        return self._told is self.watched

    async def ask_writer(self, function: Callable[[], T], within_s: float | None = None) -> T:
        """Run a function at the database. Raise `StoreUnavailable` if it takes longer than the lease permits."""
        try:
            async with asyncio.timeout(answer_limit(node=True, on_sqlite=False) if within_s is None else within_s):
                found = await self.call_function(function)
        except TimeoutError:
            self.gone = True
            self.cut()
            raise StoreUnavailable("gone", "no answer in time") from None
        except StoreUnavailable as error:
            self.gone = self.gone or error.kind in ("gone", "locked", "busy")
            raise
        self.gone = False
        return found

    async def call_function(self, function: Callable[[], T]) -> T:
        """Run a function at the database, after the questions before it."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append((function, answer))
        self._send_next()
        return await answer

    def cut(self) -> None:
        """Close the connection: every question fails. The server may still do the questions that it has got."""
        session, self.session = self.session, Session()
        self._at_server(self._loop.true_time, lambda: self._database.end_session(session))
        jobs, self._jobs = self._jobs, deque()
        for _, answer in jobs:
            if not answer.done():
                answer.set_exception(StoreUnavailable("gone", "the connection was closed"))
        self._busy = False

    def _send_next(self) -> None:
        if self._busy or not self._jobs:
            return
        self._busy = True
        (function, answer), session = self._jobs[0], self.session
        self.began = self._loop.time()
        self._at_server(self._loop.true_time, lambda: self._run_there(function, answer, session))

    def _at_server(self, sent: float, run: Callable[[], None]) -> None:
        """Have something happen at the server when it arrives there. A frozen server does it later."""
        def arrive() -> None:
            if self._loop.world.now < self._database.frozen_until:
                self._loop.world.call_at(self._database.frozen_until, arrive)
            else:
                run()
        self._loop.world.call_at(self._arrival(sent), arrive)

    def _arrival(self, sent: float) -> float:
        return max(sent, self._link.stalled_until) + self._rng.uniform(*LATENCY_S) / 2

    def _run_there(self, function: Callable[[], Any], answer: asyncio.Future[Any], session: Session) -> None:
        """Run a question at the database, and send the answer back."""
        world, found = self._loop.world, None
        error: Exception | None = None
        try:
            self._database.admit(session)
            found = function()
        except Exception as fault:
            error = fault
        # The connection may break on the way back.
        if self._link.lose_next_answer:
            self._link.lose_next_answer = False
            self._database.end_session(session)
            found, error = None, StoreUnavailable("gone", "the connection broke")
        world.call_at(self._arrival(world.now), lambda: self._loop.deliver(self._finish, answer, found, error))

    def _finish(self, answer: asyncio.Future[Any], found: Any, error: Exception | None) -> None:
        # The connection was closed meanwhile.
        if not self._jobs or self._jobs[0][1] is not answer:
            return
        self._jobs.popleft()
        self._busy = False
        if not self.session.alive:
            self.session = Session()
        if not answer.done():
            if error is None:
                answer.set_result(found)
            else:
                answer.set_exception(error)
        self._send_next()


class ModelLease(LeaseKeeper):
    """The shipped lease, on the rows of the model."""

    def __init__(self, threads: ModelThreads, database: Database, revision: int, clock: Callable[[], float]) -> None:
        super().__init__(cast(DatabaseThreads, threads), lambda connection: None, clock)
        self._model, self._database, self._revision = threads, database, revision
        self.numbers = (1, 1)
        """Numbers of the next entry of the journal and the next fact."""

    def may_act(self) -> bool:
        """Return whether the node may act: not after the end of its session, as soon as its kernel has been told."""
        return super().may_act() and not self._model.has_ended

    def renew_row(self, lease: Lease) -> float:
        """Renew the row of the lease. Return when the question was sent."""
        self._database.renew_lease(lease, self._model.session)
        self._model.watched = self._model.session
        return self._model.began

    def _take_row(self, node: str, keys: str, unrenewed: float | None) -> Lease:
        database = self._database
        database.require_revision(self._revision)
        database.require_keys(keys)
        taken = database.take_lease(node, self._model.session, unrenewed)
        self._model.watched = self._model.session
        # The tables follow the node that leads.
        database.led_by_revision = max(database.led_by_revision, self._revision)
        database.revision = max(database.revision, self._revision)
        self.numbers = (database.inputs + 1, database.facts + 1)
        return taken

    def _find_holder(self, keys: str, unrenewed: float | None) -> LeaseHeld | None:
        self._database.require_keys(keys)
        return self._database.find_holder(unrenewed)


class NodeStore:
    """The store of one node, while it stands by and leads."""

    def __init__(self, loop: ProcessLoop, database: Database, link: DatabaseLink, rng: random.Random,
                 revision: int) -> None:
        self._database, self._link, self._revision = database, link, revision
        self._threads = ModelThreads(loop, database, link, rng)
        self.lease = ModelLease(self._threads, database, revision, loop.time)
        self.try_lease, self.keep_lease, self.may_act = (
            self.lease.try_lease, self.lease.keep_lease, self.lease.may_act)

    async def open_tables(self, migrates: bool = False) -> None:
        """Look at the tables. Raise `StoreUnavailable` if they are newer than this node.

        `migrates` plants a fault: the node brings the tables up to date before it has the lease.
        """
        def look() -> None:
            self._database.require_revision(self._revision)
            if migrates:
                self._database.revision = self._revision
        await self._threads.ask_writer(look)

    async def commit(self, turn: RunnerTurn) -> None:
        """Keep a turn (`Store.commit`)."""
        lease, held = self.lease, self.lease.held
        events, facts, changes = list(turn.events), list(turn.facts), list(turn.changes)
        number, fact = lease.numbers
        await self._threads.ask_writer(
            lambda: self._database.commit(events, facts, changes, held, number, fact))
        lease.numbers = number + len(events), fact + len(facts)
        self._link.after_commit()

    async def load_state(self) -> LoadedState:
        """Return everything that is alive."""
        held = self.lease.held
        return await self._threads.ask_writer(lambda: self._database.load_state(held))

    async def repair_rows(self, rows: Iterable[Row]) -> None:
        """Set rows that contradicted each other to the given values."""
        held = self.lease.held
        await self._threads.ask_writer(lambda: self._database.repair(rows, held))

    async def note_value(self, key: str, value: str) -> None:
        """Keep a value that is no fact."""
        held = self.lease.held

        def note() -> None:
            if held is not None:
                self._database.require_lease(held)
            self._database.values[key] = value
        await self._threads.ask_writer(note)

    async def read_value(self, key: str) -> str:
        """Return a value that is no fact, or an empty text."""
        return await self._threads.ask_writer(lambda: self._database.values.get(key, ""))

    async def find_recorded(self, names: Sequence[str], menus_since: float) -> Recorded:
        """Return which of these contacts have a record, with the path of those who have no row."""
        def find() -> Recorded:
            menus, rows = self._database.menus, self._database.rows[Contact]
            paths = {name: menus[name] for name in names if name in menus and menus[name].at >= menus_since}
            return paths | {name: None for name in names if name in rows}

        return await self._threads.ask_writer(find)

    async def close(self) -> None:
        """Release the lease if the database answers, and close the connection."""
        held, self.lease.held = self.lease.held, None
        if held is not None and not self._threads.gone:
            with suppress(TimeoutError, StoreError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._threads.call_function(lambda: self._database.release_lease(held))
        self._threads.cut()
