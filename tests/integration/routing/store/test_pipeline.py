"""On PostgreSQL a turn waits at most three times for the server, and fails as if each statement had been awaited."""

from __future__ import annotations

import inspect
import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from bench.harness.round_trips import TripCounter, counting_trips
from bench.store import build_turn
from routing.core.model.centre_model import AgentState, Centre, Channel
from routing.core.records import Contact
from routing.core.stored import Started
from routing.store import start_entry
from routing.store.database import url_of
from routing.store.errors import LeaseLost, StoreConflict, StoreUnavailable
from routing.store.reader import Reader
from routing.store.schema import metadata
from routing.store.store import Store
from tests.core.driver import Driver
from tests.core.house import EDU
from tests.fakes.store_day import Day, Turn
from tests.unit.routing.store import test_rows as rows_on_sqlite

pytestmark = pytest.mark.integration

TRIPS_MAX = 3
STEPS = 1_500

# All rules of the rows hold here as well.
globals().update({name: test for name, test in vars(rows_on_sqlite).items()
                  if name.startswith("test_") and "tmp_path" not in inspect.signature(test).parameters})


@pytest.fixture
async def store(where: str) -> AsyncIterator[Store]:
    """Yield a store that is open."""
    opened = await Store.open_store(where)
    yield opened
    await opened.close()


async def commit_and_count(store: Store, proxy: TripCounter, turn: Any) -> int:
    """Return the round trips of a turn."""
    before = proxy.trips
    await store.commit(turn)
    return proxy.trips - before


@pytest.mark.parametrize("decisions", [1, 20])
async def test_a_turn_takes_at_most_three_round_trips(where: str, decisions: int) -> None:
    with counting_trips(where) as (through, proxy):
        store = await Store.open_store(through, node=True)
        await store.take_lease("node")
        # The driver prepares a statement that it has seen some times, which must cost no trip either.
        taken = [await commit_and_count(store, proxy, build_turn(number * decisions, decisions)) for number in range(8)]
        assert 0 < max(taken) <= TRIPS_MAX, taken
        assert len(await store.facts_after(0, 10_000)) == 8 * 4 * decisions
        await store.close()


async def test_turns_with_reads_take_no_more(where: str) -> None:
    """A start reads the last complete one, and chats look for free slots."""
    began = Started(Centre((EDU._replace(name="x" * 3_000),), ()))
    with counting_trips(where) as (through, proxy):
        store = await Store.open_store(through, node=True)
        await store.take_lease("node")
        day = Day()
        day.sign_in("a1")
        for number in range(5):
            day.queue(f"c{number}", Channel.CHAT)
            day.offer(f"c{number}", "a1")
        assert await commit_and_count(store, proxy, day.turn()) <= TRIPS_MAX
        for at in (1.0, 2.0, 3.0):
            assert await commit_and_count(store, proxy, Turn([(at, began)], [])) <= TRIPS_MAX
        await store.close()
    with Reader(where) as reader:
        assert [entry.event for entry in reader.journal_after(1)] == [began] * 3
    engine = create_engine(url_of(where))
    with engine.connect() as connection:
        bodies = connection.execute(text("SELECT body FROM journal WHERE seq > 1 ORDER BY seq")).scalars().all()
        slots = connection.execute(text("SELECT slot FROM offers ORDER BY offer")).scalars().all()
    engine.dispose()
    assert [start_entry.base_number(body) for body in bodies] == [None, 2, 2]
    assert slots == [0, 1, 2, 3, 4]


async def test_a_lost_lease_is_named_before_all_that_it_spoils(store: Store, where: str) -> None:
    """The new leader has written the same rows. The turn of the old one runs no statement after the check."""
    await store.take_lease("old")
    await store.run_write(lambda connection: connection.execute(text("UPDATE leases SET expires = 0, host = 'x'")))
    other = await Store.open_store(where)
    await other.take_lease("new")
    day = Day()
    day.queue("c1")
    turn = day.turn()
    await other.commit(turn)
    with pytest.raises(LeaseLost, match="taken it over") as caught:
        await store.commit(turn)
    assert caught.value.__cause__ is None
    gap = turn._replace(facts=[fact._replace(seq=99) for fact in turn.facts])
    with pytest.raises(LeaseLost):
        await store.commit(gap)
    assert await other.facts_after(0) == day.facts
    await other.close()


@pytest.mark.parametrize("callers", [3, 600])
async def test_the_first_refused_row_is_named_however_much_was_sent_after_it(store: Store, callers: int) -> None:
    """With many rows the refusal arrives while later ones are sent."""
    day = Day()
    for number in range(callers):
        day.queue(f"c{number}")
    await store.commit(day.turn())
    for number in range(callers):
        day.agent(f"a{number}", AgentState.READY, f"s{number}")
        day.offer(f"c{number}", f"a{number}")
    turn = day.turn()
    wrong = [one._replace(before=7) if one.kind is Contact and one.row.contact in ("c1", "c2") else one
             for one in turn.changes]
    with pytest.raises(StoreConflict, match=r"contact c1.*expected version 7"):
        await store.commit(turn._replace(changes=wrong))
    twice = [one._replace(row=one.row._replace(agent="a0")) if hasattr(one.row, "offered_at") else one
             for one in turn.changes]
    with pytest.raises(StoreConflict, match=r"offers offer 2.*UniqueViolation"):
        await store.commit(turn._replace(changes=twice))
    assert len(await store.facts_after(0, 10_000)) == callers
    await store.commit(turn)
    assert len((await store.load_state()).offers) == callers


async def test_a_lock_of_another_program_is_named(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.store.database.LOCK_S", 0.2)
    store = await Store.open_store(where)
    await store.take_lease("node")
    engine = create_engine(url_of(where))
    day = Day()
    day.queue("c1")
    turn = day.turn()
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE contacts IN EXCLUSIVE MODE"))
        with pytest.raises(StoreUnavailable, match="locked by another program") as caught:
            await store.commit(turn)
    engine.dispose()
    assert caught.value.kind == "locked"
    await store.commit(turn)
    assert await store.facts_after(0) == day.facts
    await store.close()


async def test_a_value_that_the_driver_refuses_stops_the_turn(store: Store) -> None:
    """The driver raises it before it sends the row."""
    day = Day()
    day.queue("c1")
    turn = day.turn()
    wrong = [one._replace(row=one.row._replace(leg="\0")) for one in turn.changes]
    with pytest.raises(StoreUnavailable, match="refused a statement"):
        await store.commit(turn._replace(changes=wrong))
    await store.commit(turn)
    assert await store.facts_after(0) == day.facts


@pytest.mark.parametrize("seed", [1, 2])
async def test_both_databases_hold_the_same_rows_after_the_same_day(
        store: Store, where: str, tmp_path: Path, seed: int) -> None:
    beside = await Store.open_store(tmp_path / "santral.db")
    rng, driver = random.Random(seed), Driver()
    entries = facts = 0
    driver.open_house()
    for number in range(STEPS):
        driver.some_step(rng)
        if number % 200 == 199:
            driver.revive()
        if rng.random() < 0.1 or number == STEPS - 1:
            turn = Turn(driver.entries[entries:], driver.facts[facts:], driver.changes.take())
            await store.commit(turn)
            await beside.commit(turn)
            entries, facts = len(driver.entries), len(driver.facts)
    await beside.close()
    engine, file = create_engine(url_of(where)), sqlite3.connect(tmp_path / "santral.db")
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            columns = ", ".join(column.name for column in table.c)
            query = f"SELECT {columns} FROM {table.name}"
            here = connection.execute(text(query)).fetchall()
            assert sorted(map(repr, map(plain, here))) == sorted(map(repr, map(plain, file.execute(query))))
    engine.dispose()
    file.close()


def plain(row: Any) -> list[Any]:
    """Return the values of a row without the types that SQLite does not know."""
    return [int(value) if isinstance(value, bool) else value for value in row]
