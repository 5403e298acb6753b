"""A state whose rows contradict each other starts all the same, and goes on without a conflict."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from routing.core import events as e
from routing.core.engine import Engine
from routing.core.journal import replay_entries, stored_form
from routing.core.model import facts as f
from routing.core.model.errors import Refused
from routing.core.model.ids import AgentId, ServiceId
from routing.core.restore import REPAIRED
from routing.core.stored import Row, Started
from routing.store import reader as reader_module
from routing.store.reader import Reader
from routing.store.store import Store
from tests.core.centres import CENTRES
from tests.core.driver import Driver
from tests.fakes.store_day import Day, Turn

pytestmark = pytest.mark.integration

STEPS = 400
SPOIL = (
    "UPDATE OR IGNORE contacts SET state = 'pending' WHERE state = 'reserved'",
    "UPDATE OR IGNORE contacts SET state = 'reserved' WHERE state IN ('pending', 'assigned')",
    "UPDATE OR IGNORE contacts SET state = 'wrapping' WHERE state = 'pending'",
    "UPDATE OR IGNORE offers SET state = 'accepted' WHERE state = 'pending'",
    "UPDATE OR IGNORE offers SET state = 'completed' WHERE state IN ('wrapping', 'accepted')",
    "UPDATE OR IGNORE offers SET state = 'wrapping' WHERE state = 'completed'",
    "UPDATE OR IGNORE agents SET state = 'ready' WHERE state IN ('ringing', 'talking', 'wrapup')",
    "UPDATE OR IGNORE agents SET state = 'talking' WHERE state = 'ready'",
)
RESTED_S = 7_200.0
"""Any rest that an agent was owed is over."""
HEALS = "UPDATE OR IGNORE contacts SET state = 'assigned' WHERE state = 'wrapping'"
"""The outcome says what the state must be: nothing is let go."""


class Unchecked(Driver):
    """Tells the engine things and believes what comes: after a repair the facts of before are no measure."""

    def tell(self, event: e.Event | None) -> None:
        self.now += 0.001
        self.entries.append((self.now, event))
        try:
            self.commands += self.engine.tick(self.now) if event is None else self.engine.handle(event, self.now)
        except Refused:
            self.entries.pop()
        self.changes.add(self.engine.take_changes())
        new = self.engine.take_facts()
        self.facts += new
        self.offers += [(one.offer, one.contact) for one in new if isinstance(one, f.Offered)]


def _busy(driver: Unchecked) -> None:
    """Somebody in each state: rings, talks, wraps up, is idle; callers who wait."""
    driver.tell(e.Configured(CENTRES[0]))
    for node in ("", "b"):
        driver.tell(e.LinkChanged(node, True))
    for contact in list(driver.engine._domain.contacts):
        driver.tell(e.ContactExited(contact, "key"))  # a callback too
        driver.tell(e.CallerHungUp(contact))
    for number in range(9):
        agent = AgentId(f"a{number}")
        for event in (e.BreaksPlanned(agent, ()), e.AgentSkillsChanged(agent, None), e.AgentSignedOut(agent)):
            driver.tell(event)
    for service in ("psy", "edu", "tip", "any"):
        driver.tell(e.ServiceHoursSet(ServiceId(service), True))
    driver.pass_time(RESTED_S)
    driver.open_house()
    for number in range(9):
        driver.tell(e.AgentResumed(AgentId(f"a{number}")))
    driver.pass_time(40.0)
    before = len(driver.offers)
    for _ in range(6):
        driver.queue("any")
    made = driver.offers[before:]
    assert len(made) > 3
    for offer, contact in made[:4]:
        driver.tell(e.OfferConnected(offer, contact))
    for offer, _ in made[:2]:
        driver.tell(e.TalkEnded(offer, "agent"))
    driver.queue("tip", node="b")


async def _kept(store: Store, driver: Driver) -> None:
    await store.commit(Turn(driver.entries, driver.facts, driver.changes.take()))
    driver.entries, driver.facts = [], []


async def _start(path: Path, driver: Unchecked) -> tuple[Store, list[Row]]:
    """Start as a node does."""
    store = await Store.open_store(path)
    loaded = await store.load_state()
    driver.engine = Engine()
    driver.tell(Started(driver.centre, **loaded._asdict()))
    repairs = driver.engine.take_repairs()
    await store.repair_rows(repairs)
    driver.changes.add(driver.engine.take_changes())
    driver.facts += driver.engine.take_facts()
    assert sum(isinstance(one, f.Alarm) and one.kind == REPAIRED for one in driver.facts) == len(repairs)
    await _kept(store, driver)
    return store, repairs


@pytest.mark.parametrize("spoil", [*SPOIL, HEALS])
async def test_contradictory_rows_are_repaired_at_the_start(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "santral.db"
    rng, driver, store = random.Random(len(spoil)), Unchecked(), await Store.open_store(path)
    driver.open_house()
    found = 0
    for _ in range(3):
        for _ in range(STEPS):
            driver.some_step(rng)
        _busy(driver)
        await _kept(store, driver)
        await store.close()
        with sqlite3.connect(path) as other:
            other.execute(spoil)
        other.close()
        store, repairs = await _start(path, driver)
        found += len(repairs)
        driver.tell(e.LinkChanged("", True))
        driver.tell(e.LinkChanged("b", True))
        driver.open_house()
        await _kept(store, driver)
        await store.close()
        store, repairs = await _start(path, driver)
        assert repairs == [], "repaired once and for all"
    await store.close()
    assert (found == 0) is (spoil == HEALS)
    with Reader(path) as reader:
        entries = list(paged(reader.journal_after))
        facts = list(paged(reader.facts_after))
    assert sum(isinstance(one.event, Started) for one in entries) == 6
    again = replay_entries((one.at, one.event) for one in entries)
    assert [*map(stored_form, again)] == [*map(stored_form, facts)], "a replay goes through restarts and repairs"


def paged(after: Callable[[int], Sequence[Any]]) -> Iterator[Any]:
    """Everything, page by page. Any: inputs or facts."""
    seq = 0
    while page := after(seq):
        yield from page
        seq = page[-1].seq


async def test_a_record_that_cannot_be_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "PAGE", 4)
    path = tmp_path / "santral.db"
    store, day = await Store.open_store(path), Day()
    for number in range(20):
        day.queue(f"c{number}")
    await store.commit(day.turn())
    with sqlite3.connect(path) as other:
        other.execute("UPDATE facts SET body = '{}' WHERE seq BETWEEN 6 AND 15")
        other.execute("UPDATE facts SET kind = 999 WHERE seq = 18")
    other.close()
    found: list[int] = []
    while page := await store.facts_after(found[-1] if found else 0):
        found += [fact.seq for fact in page]
    await store.close()
    assert found == [*range(1, 6), 16, 17, 19, 20]
