"""A node destroys old data every night by itself, and no turn waits long for it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from centres.settings import Settings
from routing.core.events import SeatChanged
from routing.core.model.ids import SeatId
from routing.store.audit import Audit
from routing.store.callers import erasure
from routing.store.errors import StoreUnavailable
from routing.store.recordings.recording_store import DAY_S
from santral.centre.config import node_config
from santral.node import nightly_purge
from santral.node.nightly_purge import NightlyPurge, next_purge
from santral.privacy.caller_data import PurgeResult, significant_digits
from tests.ministry import MEB
from tests.privacy_house import NUMBER, OTHER, House, opened
from tests.until import until_async

pytestmark = pytest.mark.integration


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "state") as one:
        yield one


@pytest.fixture
def settings() -> Settings:
    return node_config(MEB, None).settings


class Nights:
    """A wall clock that a test moves on."""

    def __init__(self, settings: Settings) -> None:
        self.now, self.reads = next_purge(settings, time.time()) - 1.0, 0

    def read_clock(self) -> float:
        self.reads += 1
        return self.now

    async def pass_reads(self) -> None:
        """Wait until the purge has looked at this time."""
        seen = self.reads
        await until_async(lambda: self.reads > seen + 5, what="the purge looks at the clock")

    def advance(self, days: float) -> None:
        self.now += days * DAY_S


async def test_every_night_has_one_purge_and_what_is_old_goes(
        house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly_purge, "LONGEST_SLEEP_S", 0.01)
    nights = Nights(settings)
    house.privacy._clock = lambda: nights.now
    await house.node.call(NUMBER)
    states = list[float]()
    purge = NightlyPurge(house.store, house.privacy.purge_due, lambda: settings, nights.read_clock,
                         lambda: states.append(nights.now))
    await purge.load_time()
    assert purge.purged_at == 0.0
    running = asyncio.create_task(purge.run_nights())
    with capture_logs() as logs:
        # 1. A young caller outlives the first night.
        await nights.pass_reads()
        nights.now += 2.0
        await until_async(lambda: len(logs) == 1, what="the first night's purge")
        assert logs[0]["event"] == "privacy.purged" and logs[0]["rows"] == 0
        assert house.bytes_of(significant_digits(NUMBER))
        # 2. The clock goes on within this night: no second purge. Half a year later the number is due.
        nights.advance(0.9)
        await nights.pass_reads()
        nights.advance(settings.privacy.numbers_days)
        await until_async(lambda: len(logs) == 2, what="a purge half a year later")
    assert logs[1]["rows"] > 0 and logs[1]["settled"]
    assert len(states) == 2 and states[1] == purge.purged_at, "the state is written before each purge"
    assert house.bytes_of(significant_digits(NUMBER)) == []
    assert [entry.who for entry in Audit(house.state).read_entries()] == ["test", "test"]
    running.cancel()
    await asyncio.wait({running})
    # 3. The next node knows when the last purge was.
    again = NightlyPurge(house.store, house.privacy.purge_due, lambda: settings, lambda: nights.now, lambda: None)
    await again.load_time()
    assert again.purged_at == purge.purged_at == nights.now


async def test_a_purge_that_fails_is_logged_and_tried_the_next_night(
        house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly_purge, "LONGEST_SLEEP_S", 0.01)
    nights, tries = Nights(settings), list[float]()

    async def purge_due(*days: float) -> PurgeResult:
        tries.append(nights.now)
        if len(tries) == 1:
            raise StoreUnavailable("full", "the disk is full")
        return await house.privacy.purge_due(*days)

    purge = NightlyPurge(house.store, purge_due, lambda: settings, nights.read_clock, lambda: None)
    running = asyncio.create_task(purge.run_nights())
    with capture_logs() as logs:
        await nights.pass_reads()
        nights.now += 2.0
        await until_async(lambda: logs, what="the failure is logged")
        assert logs[0]["event"] == "privacy.purge_failed" and purge.purged_at == 0.0
        nights.advance(1.0)
        await until_async(lambda: purge.purged_at, what="the next night works")
    running.cancel()
    await asyncio.wait({running})


async def test_turns_pass_between_the_pages_of_a_purge(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal of an old day is many pages. A node's turn waits for one of them, and never for the purge."""
    monkeypatch.setattr(erasure, "PAGE", 4)
    for _ in range(5):
        await house.node.call(NUMBER)
        await house.node.call(OTHER)
    pages, write = list[int](), house.store.run_write
    seat, turns = SeatId("s9"), 0

    async def run_write(function: object) -> object:
        pages.append(turns)
        return await write(function)  # type: ignore[arg-type]

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await house.node.tell(SeatChanged(seat, turns % 2 == 0, False))
            turns += 1

    monkeypatch.setattr(house.store, "run_write", run_write)
    house.privacy._clock = lambda: house.node.now + 400 * DAY_S
    working = asyncio.create_task(take_turns())
    done = await house.privacy.purge_due(180.0, 30.0, 366.0, 90.0)
    working.cancel()
    await asyncio.wait({working})
    assert any(one.many for one in done.due) and len(pages) > 5
    assert all(later > earlier for earlier, later in itertools.pairwise(pages)), \
        "a turn was stored between each two pages"
