"""A node that ends again and again does not fill the disk: its starts are short, are read as they were, and outlive
what is destroyed by its age."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from metrics.reports.fact_query import rules_at
from routing.core.events import HoldTick
from routing.core.journal import JournalError
from routing.core.memory.callers import Spoke
from routing.core.model.centre_model import Centre
from routing.core.model.ids import AgentId, ContactId
from routing.core.stored import Started
from routing.runner import RunnerTurn
from routing.store import start_entry
from routing.store.callers import contact_history, erasure
from routing.store.reader import JournalRow, Query, Reader
from routing.store.store import Store
from santral.centre.config import DEFAULT_CENTRE, node_config

pytestmark = pytest.mark.integration

DAY_S = 86_400.0
CALLERS = 2_000


class House:
    """A store, and starts of nodes on it."""

    def __init__(self, store: Store, path: Path) -> None:
        self.store, self.path, self.now = store, path, 1_800_000_000.0
        self.told: list[Started] = []
        self.centre: Centre = node_config(DEFAULT_CENTRE).centre
        self.spoke = tuple(Spoke(f"{number:064x}", AgentId("a1"), self.now - CALLERS + number + 0.25)
                           for number in range(CALLERS))
        self.over = tuple(ContactId(f"1799990000.{number}") for number in range(CALLERS))

    async def start(self, after_s: float = 5.0, calls: int = 0) -> None:
        """Start one more node after this many calls."""
        self.now += after_s
        for number in range(calls):
            self.spoke = (*self.spoke[1:], Spoke(f"{number:063x}f", AgentId("a1"), self.now))
            self.over = (*self.over[1:], ContactId(f"{self.now}.{number}"))
        self.told.append(Started(self.centre, ended_contacts=self.over, last_talks=self.spoke, next_fact=1))
        ticked = HoldTick(ContactId("1.1"))
        await self.store.commit(RunnerTurn([(self.now, self.told[-1]), (self.now, ticked)], ()))

    def read(self) -> list[JournalRow]:
        with Reader(self.path) as reader:
            return [one for one in reader.journal_after(0) if isinstance(one.event, Started)]

    async def sizes(self) -> list[int]:
        """Of the starts in the journal."""
        rows = await self.store.run_write(lambda connection: connection.execute(
            text("select length(body) from journal where kind = 1 order by seq")).scalars().all())
        return [int(one) for one in rows]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await Store.open_store(tmp_path / "santral.db")
    yield House(store, tmp_path / "santral.db")
    await store.close()


async def test_starts_of_a_node_that_ends_again_and_again_are_short(house: House) -> None:
    await house.start()
    for calls in (0, 0, 3, 0, 1):
        await house.start(calls=calls)
    first, *later = await house.sizes()
    assert first > 150_000 and max(later) < 2_000, (first, later)
    assert [one.event for one in house.read()] == house.told


async def test_other_settings_are_written_and_read(house: House) -> None:
    await house.start()
    before = house.centre
    house.centre = house.centre._replace(heavy_declined_s=before.heavy_declined_s + 1.0)
    await house.start()
    await house.start(calls=1)
    assert [one.event for one in house.read()] == house.told
    with Reader(house.path) as reader, reader.open_snapshot() as ask:
        assert rules_at(ask, house.now + 1.0) == house.centre and rules_at(ask, house.now - 6.0) == before


async def test_one_that_is_too_unlike_or_too_late_is_whole(house: House) -> None:
    await house.start()
    await house.start(calls=CALLERS)  # nothing is left of the first
    await house.start()
    await house.start(after_s=start_entry.BASE_MAX_AGE_S)
    await house.start(after_s=-DAY_S)  # the clock was set back
    sizes = await house.sizes()
    assert [size > 150_000 for size in sizes] == [True, True, False, True, True], sizes
    assert [one.event for one in house.read()] == house.told


async def test_what_is_destroyed_by_its_age_ends_at_a_whole_start(house: House) -> None:
    for after_s in (0.0, 10.0, DAY_S, 10.0, 10.0):
        await house.start(after_s=after_s)
    whole = [one.seq for one in house.read()][2]
    past = await house.store.run_query(partial(
        erasure.find_old_history, journal_before=house.now, facts_before=house.now))
    assert past is not None and past.entry == whole, "those after it are like it"
    await erasure.drop_history(house.store, past)
    assert [one.event for one in house.read()] == house.told[2:]
    with Reader(house.path) as reader, reader.open_snapshot() as ask:
        assert contact_history.start_before(ask, 5) == house.read()[-1].seq


async def test_a_start_whose_other_one_is_gone_is_named(house: House) -> None:
    await house.start()
    await house.start()
    await house.store.run_write(lambda connection: connection.execute(
        text("delete from journal where seq = 1")).close())
    with Reader(house.path) as reader:
        with pytest.raises(JournalError, match="entry 3: the start at entry 1, which it is like, is gone"):
            reader.journal_after(0)
        with reader.open_snapshot() as ask, pytest.raises(JournalError, match="is gone"):
            rules_at(Query(ask._connection), house.now + 1.0)
