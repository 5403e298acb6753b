"""What a commit costs: a turn with one decision, and with twenty, beside a bare insert into the same kind of file.

A decision is measured with everything around it: two inputs, a caller's queue entry, an agent who signs in and then
rings, the offer; that is eleven changed rows in five tables and the bodies of six records. The yardstick is `sqlite3`
alone with one insert and one commit: same WAL, same `synchronous=FULL`, same disk, same run.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lab.bench.row import Row
from routing.core.events import ContactQueued, ContactTicked, Event
from routing.core.facts import AgentChanged, Fact, Offered, Queued
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AgentState, Channel
from routing.store.store import Store

ROUNDS = 200
"""Commits measured for each figure; the median is told, because a disk now and then takes a hundred times as long."""

BATCH = 20
"""Decisions in a busy turn."""

FACTS = 4
"""Facts of one decision: queued, agent signed in, agent rings, offered."""

GOAL_RATIO = 5.0
"""A turn of one decision changes eleven rows where the yardstick inserts one; it may cost this many times as much."""

GOAL_BATCH_SHARE = 0.5
"""A decision in a batch costs at most this share of a decision alone, or batching is not worth its delay."""


class Turn(NamedTuple):
    """What one commit holds."""

    events: Sequence[tuple[float, Event | None]]
    facts: Sequence[Fact]


def rows() -> list[Row]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        bare = _bare(Path(folder) / "bare.db")
        one = asyncio.run(_store(Path(folder) / "one.db", 1))
        batch = asyncio.run(_store(Path(folder) / "batch.db", BATCH))
    beside = f"sqlite3, one insert: {bare * 1e6:.0f} us"
    each = batch / BATCH
    return [
        Row("store.commit.one", one * 1e6, "us", beside, one / bare, f"at most {GOAL_RATIO:g}x",
            one <= GOAL_RATIO * bare),
        Row("store.commit.batch", batch * 1e6, "us", beside, batch / bare, "", None),
        Row("store.commit.each_of_batch", each * 1e6, "us", f"alone: {one * 1e6:.0f} us", one / each,
            f"at least {1 / GOAL_BATCH_SHARE:g}x", each <= GOAL_BATCH_SHARE * one),
    ]


def _bare(path: Path) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE facts (seq INTEGER PRIMARY KEY, at REAL, kind TEXT, body TEXT)")
    took = []
    for number in range(ROUNDS):
        before = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO facts VALUES (?, ?, ?, ?)", (number, 1.0, "Offered", "x" * 300))
        connection.execute("COMMIT")
        took.append(time.perf_counter() - before)
    connection.close()
    return statistics.median(took)


async def _store(path: Path, decisions: int) -> float:
    store = await Store.open(path)
    await store.take_lease("bench")
    took = []
    for number in range(ROUNDS):
        turn = _turn(number * decisions, decisions)
        before = time.perf_counter()
        await store.commit(turn)
        took.append(time.perf_counter() - before)
    await store.close()
    return statistics.median(took)


def _turn(first: int, decisions: int) -> Turn:
    events: list[tuple[float, Event | None]] = []
    facts: list[Fact] = []
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
    return Turn(events, facts)
