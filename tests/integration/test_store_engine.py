"""What the real engine makes of honest disorder is kept without one conflict, and a restart finds the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from routing.core import events as e
from routing.core import journal
from routing.core.ids import AgentId
from routing.core.model import Channel
from routing.store.reader import Reader
from routing.store.store import Store
from tests.core_driver import Driver
from tests.fakes.store_day import Turn

pytestmark = pytest.mark.integration

STEPS = 3_000


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_facts_of_the_engine_fit(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    driver = Driver()
    store = await Store.open(tmp_path / "santral.db")
    await store.take_lease("test")
    entries = facts = 0
    driver.open_house()
    for number in range(STEPS):
        driver.some_step(rng)
        if number % 200 == 199:
            _refresh(driver)
        if rng.random() < 0.1 or number == STEPS - 1:
            await store.commit(Turn(driver.entries[entries:], driver.facts[facts:]))
            entries, facts = len(driver.entries), len(driver.facts)
    loaded = await store.load()
    await store.close()
    live = driver.engine.status(driver.now)
    assert loaded.next_fact == len(driver.facts) + 1 > STEPS // 3
    assert {one.contact: one.state for one in loaded.contacts} == {one.contact: one.state for one in live.contacts}
    assert {one.offer: one.state for one in loaded.offers
            if one.state in ("pending", "accepted") and one.channel is Channel.VOICE} \
        == {one.offer: one.state for one in driver.engine.live_offers()}
    states = {one.agent: (one.state, one.reason, one.seat, one.since, one.wrapup_until, one.pause_pending, one.misses)
              for one in loaded.agents if one.state != "signed_out"}
    assert states == {one.agent: (one.state, one.reason, one.seat, one.since, one.until, one.pause_pending,
                                  one.misses) for one in live.agents if one.state != "signed_out"}
    with Reader(tmp_path / "santral.db") as reader:
        inputs = []
        while page := reader.journal_after(len(inputs)):
            inputs += page
    # The journal alone tells the whole day again, bit for bit.
    assert journal.replay([(one.at, one.event) for one in inputs]) == driver.facts


def _refresh(driver: Driver) -> None:
    """Bring the house back to life, or random faults would leave nobody who answers."""
    for node in ("", "b"):
        driver.tell(e.LinkChanged(node, True))
    driver.open_house()
    for number in range(10):
        driver.tell(e.AgentResumed(AgentId(f"a{number}")))
