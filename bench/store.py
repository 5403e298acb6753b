"""Cost of a commit: a turn with one decision and with twenty, compared with `sqlite3` alone in the same run.

A decision is measured with everything around it: two inputs, a caller's queue entry, an agent who signs in and rings,
the offer. That is nine changed rows in five tables and the bodies of six records.

On PostgreSQL with a synchronous standby, if it is installed, the same turns are compared with one bare pipeline of its
driver on the same pair. It sends the same statements with ready values and the COMMIT at once. Store and pipeline take
turns in being first.

On SQLite there are two yardsticks, with the same WAL, the same `synchronous=FULL` and the same disk, round by round in
turn. One is the same statements with ready values, given to the driver in a plain loop. The other is one insert into
one table.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.harness import bare_pipeline as bare
from bench.harness.round_trips import counting_trips
from bench.row import Row
from lab.private_postgres import find_programs, start_pair
from routing.core.events import ContactQueued, Event, HoldTick
from routing.core.model.centre_model import AgentState, Channel, ContactState
from routing.core.model.declare import STATE
from routing.core.model.facts import AgentChanged, Fact, Offered, Queued
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import Change, StoredAgent, StoredContact, StoredOffer
from routing.runner import RunnerTurn
from routing.store.statement import Statement
from routing.store.store import Store

TAKES_S = 20.0
ROUNDS = 150
"""Commits measured for each figure. The median counts, because a disk now and then takes a hundred times as long."""

BATCH = 20
"""Decisions in a busy turn."""

FACTS = 4
"""Facts of one decision: queued, agent signed in, agent rings, offered."""

GOAL_RATIO = 5.0
"""Most times the cost of one insert. A turn of one decision changes nine rows."""

GOAL_SAME = 1.5
"""Most times the cost of the same statements in the driver alone. Each offer waits for its commit.

The rest is the bodies of the records, the check of each change, and the way to the writer's thread and back. A busy
machine makes that way longer, so measure on an idle one.
"""

GOAL_BATCH_SHARE = 0.5
"""Largest cost of a decision in a batch as a share of a decision alone. Above it, batching is not worth its delay."""

GOAL_PIPELINE = 1.5
"""Most times the cost of a bare pipeline of PostgreSQL's driver, which looks at no result."""

TRIPS_MAX = 3
"""Most waits of a turn for the PostgreSQL server."""

StatementLog = list[tuple[str, Any, bool]]
"""Statements of one turn: text, values (Any: as the driver takes them), whether there are many."""


def measure_rows() -> list[Row]:
    """Measure all commits."""
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(_measure_commits(Path(folder)))
    one, batch, insert, same_one, same = (statistics.median(took[name]) for name in (
        "one", "batch", "bare", "same_one", "same"))
    each = batch / BATCH
    return [
        Row("store.commit.one", one * 1e6, "us", f"sqlite3, one insert: {insert * 1e6:.0f} us", one / insert,
            f"at most {GOAL_RATIO:g}x", one <= GOAL_RATIO * insert),
        Row("store.commit.same", one * 1e6, "us", f"sqlite3, same rows: {same_one * 1e6:.0f} us", one / same_one,
            f"at most {GOAL_SAME:g}x", one <= GOAL_SAME * same_one),
        Row("store.batch", batch * 1e6, "us", f"sqlite3, same rows: {same * 1e6:.0f} us", batch / same,
            f"at most {GOAL_SAME:g}x", batch <= GOAL_SAME * same),
        Row("store.commit.each_of_batch", each * 1e6, "us", f"alone: {one * 1e6:.0f} us", one / each,
            f"at least {1 / GOAL_BATCH_SHARE:g}x", each <= GOAL_BATCH_SHARE * one),
        *_compare_pipelines(one, batch),
    ]


class _Pipelines(NamedTuple):
    """Turns of one size on PostgreSQL."""

    ours: list[float]
    alone: list[float]
    trips: list[int]
    """Round trips of each turn of the store. Nothing else renews its lease, so a turn of now and then does it too."""


def _compare_pipelines(sqlite_one: float, sqlite_batch: float) -> list[Row]:
    """Measure the commits on a private pair of PostgreSQL servers. Without the program there are no rows."""
    programs = find_programs()
    if programs is None:
        return []
    rows = []
    with start_pair(programs) as (server, _):
        for name, decisions, beside in (("one", 1, sqlite_one), ("batch", BATCH, sqlite_batch)):
            took = asyncio.run(_measure_pipelines(server.url, name, decisions))
            ours, alone = statistics.median(took.ours), statistics.median(took.alone)
            trips = statistics.median(took.trips)
            rows += [
                Row(f"store.postgres.{name}", ours * 1e6, "us", f"psycopg pipeline, same rows: {alone * 1e6:.0f} us",
                    ours / alone, f"at most {GOAL_PIPELINE:g}x", ours <= GOAL_PIPELINE * alone),
                Row(f"store.postgres.{name}.sqlite", ours * 1e6, "us", f"SQLite: {beside * 1e6:.0f} us", ours / beside,
                    "", None),
                Row(f"store.postgres.{name}.trips", trips, "count", "", None, f"at most {TRIPS_MAX}",
                    trips <= TRIPS_MAX)]
    return rows


async def _measure_pipelines(server: str, name: str, decisions: int) -> _Pipelines:
    """Commit each turn on the store and on a bare connection. A third store tells the statements and the trips."""
    took = _Pipelines([], [], [])
    urls = {kind: bare.url_of_database(server, f"{kind}_{name}") for kind in ("ours", "alone", "told")}
    bare.create_databases(server, [f"{kind}_{name}" for kind in urls])
    await (await _open_store(urls["alone"])).close()
    ours, alone = await _open_store(urls["ours"]), bare.connect_driver(urls["alone"])
    with counting_trips(urls["told"]) as (through, proxy):
        told = await _open_store(through)
        for number in range(ROUNDS):
            turn = build_turn(number * decisions, decisions)
            sent: bare.SentStatements = []
            with bare.record_pipeline(sent):
                before_trips = proxy.trips
                await told.commit(turn)
            took.trips.append(proxy.trips - before_trips)
            for first in (number % 2 == 0, number % 2 == 1):
                if first:
                    before = time.perf_counter()
                    await ours.commit(turn)
                    took.ours.append(time.perf_counter() - before)
                else:
                    took.alone.append(bare.run_pipeline(alone, sent))
        await told.close()
    await ours.close()
    with bare.connect_driver(urls["ours"]) as kept:
        if bare.count_rows(kept) != bare.count_rows(alone):
            raise RuntimeError("the yardstick did not keep the same rows")
    alone.close()
    return took


async def _measure_commits(folder: Path) -> dict[str, list[float]]:
    # 1. Record the statements of each turn.
    stores = {"one": 1, "batch": BATCH}
    told: dict[str, list[StatementLog]] = {}
    for name, decisions in stores.items():
        told[name] = await _record_statements(folder / f"told-{name}.db", decisions)
    # 2. Open the stores and the yardsticks.
    opened = {name: await _open_store(folder / f"{name}.db") for name in stores}
    alone = {name: await _open_bare(folder / f"alone-{name}.db") for name in stores}
    plain = _connect_bare(folder / "bare.db")
    plain.execute("CREATE TABLE facts (seq INTEGER PRIMARY KEY, at REAL, kind TEXT, body TEXT)")
    took: dict[str, list[float]] = {name: [] for name in ("one", "batch", "bare", "same_one", "same")}
    # 3. Commit each turn on all of them in turn.
    for number in range(ROUNDS):
        for name, decisions in stores.items():
            turn = build_turn(number * decisions, decisions)
            before = time.perf_counter()
            await opened[name].commit(turn)
            took[name].append(time.perf_counter() - before)
            took["same_one" if name == "one" else "same"].append(_run_statements(alone[name], told[name][number]))
        took["bare"].append(_run_statements(
            plain, [("INSERT INTO facts VALUES (?, ?, ?, ?)", (number, 1.0, "Offered", "x" * 300), False)]))
    # 4. Check that yardstick and store hold the same rows.
    for name in stores:
        await opened[name].close()
        ours = _connect_bare(folder / f"{name}.db")
        if _stored_tables(ours) != _stored_tables(alone[name]):
            raise RuntimeError("the yardstick did not keep the same rows")
        ours.close()
        alone[name].close()
    plain.close()
    return took


def _stored_tables(connection: sqlite3.Connection) -> list[Any]:
    return [connection.execute(f"SELECT count(*), max(body) FROM {table}").fetchall()  # noqa: S608  names of ours
            for table in ("journal", "facts")]


async def _open_store(path: Path | str) -> Store:
    store = await Store.open_store(path)
    await store.take_lease("bench")
    return store


async def _open_bare(path: Path) -> sqlite3.Connection:
    """Open a bare connection to a file with the same tables and the same lease."""
    store = await _open_store(path)
    await store.close()
    return _connect_bare(path)


def _connect_bare(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _run_statements(connection: sqlite3.Connection, told: StatementLog) -> float:
    before = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    cursor = connection.cursor()
    for text, values, many in told:
        (cursor.executemany if many else cursor.execute)(text, values)
    connection.execute("COMMIT")
    return time.perf_counter() - before


async def _record_statements(path: Path, decisions: int) -> list[StatementLog]:
    """Return the store's statements of each turn."""
    store = await _open_store(path)
    found: list[StatementLog] = []
    with _record_into(found):
        for number in range(ROUNDS):
            found.append([])
            await store.commit(build_turn(number * decisions, decisions))
    await store.close()
    return found


@contextmanager
def _record_into(found: list[StatementLog]) -> Iterator[None]:
    """Record each statement of the writer in the last list of `found` as well."""
    run, run_all = Statement.run_once, Statement.run_all

    def record_statement(self: Statement, cursor: Any, dialect: Any, values: Any) -> int:
        text, take = self.compile_for(dialect)
        found[-1].append((text, take(values), False))
        return run(self, cursor, dialect, values)

    def record_statements(self: Statement, cursor: Any, dialect: Any, rows: Any) -> None:
        text, take = self.compile_for(dialect)
        found[-1].append((text, [take(one) for one in rows], True))
        run_all(self, cursor, dialect, rows)

    Statement.run_once, Statement.run_all = record_statement, record_statements  # type: ignore[method-assign]
    try:
        yield
    finally:
        Statement.run_once, Statement.run_all = run, run_all  # type: ignore[method-assign]


def build_turn(first: int, decisions: int) -> RunnerTurn:
    """Build a turn of this many decisions, the first of which has the number `first`."""
    events: list[tuple[float, Event | None]] = []
    facts: list[Fact] = []
    changes: list[Change] = []
    for number in range(first, first + decisions):
        at, seq = 1_800_000_000.0 + number, FACTS * number + 1
        contact, agent = ContactId(f"1800000000.{number}"), AgentId(f"a{number}")
        service, seat = ServiceId("psikososyal"), SeatId(f"s{number}")
        leg = f"PJSIP/trunk-{number:08x}"
        events += [(at, ContactQueued(contact, service, leg)), (at, HoldTick(contact))]
        facts += [
            Queued(seq, at, contact, 1, service, Channel.VOICE, at, 0, 1, "h" * 32, "b" * 60, False, "node"),
            AgentChanged(seq + 1, at, agent, 1, "genel", AgentState.SIGNED_OUT, AgentState.READY, "signed_in", seat,
                         0.0, (service,), 0),
            AgentChanged(seq + 2, at, agent, 2, "genel", AgentState.READY, AgentState.RINGING, "", seat, 1.0,
                         (service,), 0),
            Offered(seq + 3, at, OfferId(number + 1), contact, 2, agent, 2, seat, service, Channel.VOICE, 15.0, 0, 80,
                    12.5, (AgentId("a2"), AgentId("a3")), 12, 40, 3),
        ]
        changes += [
            Change(Contact, 0, STATE, at, StoredContact(
                contact=contact, service=service, channel=Channel.VOICE, since=at, priority=0, queued_at=at, leg=leg,
                caller_hash="h" * 32, number_encrypted="b" * 60, node="node", entered_at=at, step_since=at,
                state=ContactState.RESERVED, version=2, offer=OfferId(number + 1), agent=agent)),
            Change(AgentRecord, 0, STATE, at, StoredAgent(
                agent=agent, state=AgentState.RINGING, since=at, version=2, seat=seat, idle_since=at, team="genel")),
            Change(Offer, 0, STATE, at, StoredOffer(
                offer=OfferId(number + 1), contact=contact, agent=agent, seat=seat, offered_at=at, ring_s=15.0, step=0,
                level=80, channel=Channel.VOICE, service=service, version=1)),
        ]
    return RunnerTurn(events, facts, changes)
