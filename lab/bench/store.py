"""What a commit costs: a turn with one decision, and with twenty, beside `sqlite3` alone in the same run.

A decision is measured with everything around it: two inputs, a caller's queue entry, an agent who signs in and then
rings, the offer; that is nine changed rows in five tables and the bodies of six records. Yardsticks, all with the
same WAL, the same `synchronous=FULL` and on the same disk, round by round in turn: the very same statements with their
values ready-made, told to the driver by nothing but a loop; and one insert into one table.
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
from typing import Any

from lab.bench.row import Row
from routing.core.declare import STATE
from routing.core.events import ContactQueued, ContactTicked, Event
from routing.core.facts import AgentChanged, Fact, Offered, Queued
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AgentState, Channel, ContactState
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import Change, StoredAgent, StoredContact, StoredOffer
from routing.runner import Turn
from routing.store.statement import Statement
from routing.store.store import Store

TAKES_S = 10.0
ROUNDS = 150
"""Commits measured for each figure; the median is told, because a disk now and then takes a hundred times as long."""

BATCH = 20
"""Decisions in a busy turn."""

FACTS = 4
"""Facts of one decision: queued, agent signed in, agent rings, offered."""

GOAL_RATIO = 5.0
"""A turn of one decision changes nine rows where this yardstick inserts one: it may cost this many times as much."""

GOAL_SAME = 2.5
"""A turn may cost so many times what its own statements cost the driver alone: the rest is to write the bodies of the
records, to see that each change fits, and the way to the writer's thread and back."""

GOAL_BATCH_SHARE = 0.5
"""A decision in a batch costs at most this share of a decision alone, or batching is not worth its delay."""

Told = list[tuple[str, Any, bool]]
"""What the driver was told in one turn: text, values (Any: as the driver takes them), whether there are many."""


def rows() -> list[Row]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(_measure(Path(folder)))
    one, batch, bare, same_one, same = (statistics.median(took[name]) for name in (
        "one", "batch", "bare", "same_one", "same"))
    each = batch / BATCH
    return [
        Row("store.commit.one", one * 1e6, "us", f"sqlite3, one insert: {bare * 1e6:.0f} us", one / bare,
            f"at most {GOAL_RATIO:g}x", one <= GOAL_RATIO * bare),
        Row("store.commit.same", one * 1e6, "us", f"sqlite3, same rows: {same_one * 1e6:.0f} us", one / same_one,
            f"at most {GOAL_SAME:g}x", one <= GOAL_SAME * same_one),
        Row("store.batch", batch * 1e6, "us", f"sqlite3, same rows: {same * 1e6:.0f} us", batch / same,
            f"at most {GOAL_SAME:g}x", batch <= GOAL_SAME * same),
        Row("store.commit.each_of_batch", each * 1e6, "us", f"alone: {one * 1e6:.0f} us", one / each,
            f"at least {1 / GOAL_BATCH_SHARE:g}x", each <= GOAL_BATCH_SHARE * one),
    ]


async def _measure(folder: Path) -> dict[str, list[float]]:
    stores = {"one": 1, "batch": BATCH}
    told: dict[str, list[Told]] = {}
    for name, decisions in stores.items():
        told[name] = await _told(folder / f"told-{name}.db", decisions)
    opened = {name: await _opened(folder / f"{name}.db") for name in stores}
    alone = {name: await _emptied(folder / f"alone-{name}.db") for name in stores}
    bare = _connected(folder / "bare.db")
    bare.execute("CREATE TABLE facts (seq INTEGER PRIMARY KEY, at REAL, kind TEXT, body TEXT)")
    took: dict[str, list[float]] = {name: [] for name in ("one", "batch", "bare", "same_one", "same")}
    for number in range(ROUNDS):
        for name, decisions in stores.items():
            turn = _turn(number * decisions, decisions)
            before = time.perf_counter()
            await opened[name].commit(turn)
            took[name].append(time.perf_counter() - before)
            took["same_one" if name == "one" else "same"].append(_alone(alone[name], told[name][number]))
        took["bare"].append(_alone(bare, [("INSERT INTO facts VALUES (?, ?, ?, ?)", (number, 1.0, "Offered", "x" * 300),
                                           False)]))
    for name in stores:
        await opened[name].close()
        ours = _connected(folder / f"{name}.db")
        if _kept(ours) != _kept(alone[name]):
            raise RuntimeError("the yardstick did not keep the same rows")
        ours.close()
        alone[name].close()
    bare.close()
    return took


def _kept(connection: sqlite3.Connection) -> list[Any]:
    return [connection.execute(f"SELECT count(*), max(body) FROM {table}").fetchall()  # noqa: S608  names of ours
            for table in ("journal", "facts")]


async def _opened(path: Path) -> Store:
    store = await Store.open(path)
    await store.take_lease("bench")
    return store


async def _emptied(path: Path) -> sqlite3.Connection:
    """A bare connection to a file with the same tables and the same lease."""
    store = await _opened(path)
    await store.close()
    return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _alone(connection: sqlite3.Connection, told: Told) -> float:
    before = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    cursor = connection.cursor()
    for text, values, many in told:
        (cursor.executemany if many else cursor.execute)(text, values)
    connection.execute("COMMIT")
    return time.perf_counter() - before


async def _told(path: Path, decisions: int) -> list[Told]:
    """What the store tells the driver in each turn."""
    store = await _opened(path)
    found: list[Told] = []
    with _recording(found):
        for number in range(ROUNDS):
            found.append([])
            await store.commit(_turn(number * decisions, decisions))
    await store.close()
    return found


@contextmanager
def _recording(found: list[Told]) -> Iterator[None]:
    """Each statement of the writer is noted in the last list of `found` as well."""
    run, run_all = Statement.run, Statement.run_all

    def noted(self: Statement, cursor: Any, dialect: Any, values: Any) -> int:
        text, take = self.on(dialect)
        found[-1].append((text, take(values), False))
        return run(self, cursor, dialect, values)

    def all_noted(self: Statement, cursor: Any, dialect: Any, rows: Any) -> None:
        text, take = self.on(dialect)
        found[-1].append((text, [take(one) for one in rows], True))
        run_all(self, cursor, dialect, rows)

    Statement.run, Statement.run_all = noted, all_noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        Statement.run, Statement.run_all = run, run_all  # type: ignore[method-assign]


def _turn(first: int, decisions: int) -> Turn:
    events: list[tuple[float, Event | None]] = []
    facts: list[Fact] = []
    changes: list[Change] = []
    for number in range(first, first + decisions):
        at, seq = 1_800_000_000.0 + number, FACTS * number + 1
        contact, agent = ContactId(f"1800000000.{number}"), AgentId(f"a{number}")
        service, seat = ServiceId("psikososyal"), SeatId(f"s{number}")
        leg = f"PJSIP/trunk-{number:08x}"
        events += [(at, ContactQueued(contact, service, leg)), (at, ContactTicked(contact))]
        facts += [
            Queued(seq, at, contact, 1, service, Channel.VOICE, at, 0, 1, leg, "h" * 64, "b" * 120, False, "node"),
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
                caller_hash="h" * 64, caller_box="b" * 120, node="node", entered_at=at, step_since=at,
                state=ContactState.RESERVED, version=2, offer=OfferId(number + 1), agent=agent)),
            Change(AgentRecord, 0, STATE, at, StoredAgent(
                agent=agent, state=AgentState.RINGING, since=at, version=2, seat=seat, idle_since=at, team="genel")),
            Change(Offer, 0, STATE, at, StoredOffer(
                offer=OfferId(number + 1), contact=contact, agent=agent, seat=seat, offered_at=at, ring_s=15.0, step=0,
                level=80, channel=Channel.VOICE, service=service, version=1)),
        ]
    return Turn(events, facts, changes)
