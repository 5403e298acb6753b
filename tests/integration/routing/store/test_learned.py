"""Learned values for expected waits outlive a restart of the node."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from routing.core import events as e
from routing.core import journal
from routing.core.engine import Engine
from routing.core.memory.handle_times import SEED_MEAN_S, HandleTimes
from routing.core.memory.waits import SEED_PATIENCE_S, SEED_RING_S
from routing.core.model import facts as f
from routing.core.model.centre_model import Centre, Estimate, Rule, Step, WayOut
from routing.core.model.ids import ContactId, ServiceId, SkillId
from routing.core.stored import Started, StoredLearned
from routing.store.reader import Reader
from routing.store.store import Store
from tests.core.house import EDU, House
from tests.fakes.store_day import Turn

pytestmark = pytest.mark.integration

TALK_S = 30.0
CALLS = 40
SHORT_WAITS = EDU._replace(when_expected=Rule(way=WayOut.CALLBACK, over_s=100.0), when_nobody=Rule(way=WayOut.GOODBYE))
"""A wait of 240 s, as the seed says, is too long. The talks of the day are short."""


def busy_day() -> House:
    """Return a centre of one agent after forty short talks, while the next caller waits during a talk."""
    told = House({"a": 50}, services=(SHORT_WAITS,))
    told.sits("a")
    told.talks(0.0)
    at = 0.0
    for number in range(CALLS):
        # One more caller waits for each talk, and every fourth one gives up.
        told.waits("edu", at + 10.0)
        if number % 4 == 3:
            told.tell(e.CallerHungUp(ContactId(f"c{told.numbers}")), at + 15.0)
            told.waits("edu", at + 16.0)
        at += TALK_S
        told.over(told.offers[-1], at)
        told.tell(e.WrapUpEnded("a"), at + 1.0)  # type: ignore[arg-type]
        told.tell(e.OfferConnected(told.offers[-1].offer, told.offers[-1].contact), at + 3.0)
    return told


async def keep_day(told: House, path: Path) -> tuple[StoredLearned, ...]:
    """Store the day, and return what a start finds of it."""
    store = await Store.open_store(path)
    await store.take_lease("test")
    await store.commit(Turn([(0.0, e.Configured(told.centre))], told.facts, told.changes.take()))
    loaded = await store.load_state()
    await store.close()
    return loaded.learned


async def start_again(path: Path, centre: Centre, at: float) -> Engine:
    """Start an engine from the store, and write the start as a node does. The agent talks."""
    store = await Store.open_store(path)
    await store.take_lease("test")
    started = Started(centre, **(await store.load_state())._asdict())
    engine = Engine()
    engine.handle(started, at)
    changes, facts = engine.take_changes(), engine.take_facts()
    await store.commit(Turn([(at, started)], facts, changes))
    await store.close()
    engine.handle(e.LinkChanged("", True), at)
    return engine


def newcomer(engine: Engine, at: float) -> Estimate | None:
    """Return the wait of a caller who would come now."""
    return engine.status(at).queues[0].estimate


async def test_a_restart_changes_no_expected_wait(tmp_path: Path) -> None:
    told = busy_day()
    now = told.now + 20.0
    told.tick(now)
    before = newcomer(told.engine, now)
    seed = House({"a": 50})
    seed.sits("a")
    seed.talks(0.0)
    fresh = newcomer(seed.engine, 20.0)
    assert before is not None and fresh is not None and before.wait_s < 60.0 < 100.0 < fresh.wait_s
    await keep_day(told, tmp_path / "santral.db")
    engine = await start_again(tmp_path / "santral.db", told.centre, now)
    assert newcomer(engine, now) == before
    # The rule for a long expected wait leads nobody away, as it would by the seed.
    engine.take_facts()
    engine.handle(e.ContactQueued(ContactId("new"), EDU.id, "PJSIP/new"), now)
    facts = engine.take_facts()
    assert [one.estimate for one in facts if isinstance(one, f.Queued)] == [before]
    assert not [one for one in facts if isinstance(one, f.WayOutOffered)]


async def test_it_goes_on_learning_and_the_journal_tells_the_same(tmp_path: Path) -> None:
    told, path = busy_day(), tmp_path / "santral.db"
    await keep_day(told, path)
    for restart in range(3):
        engine = await start_again(path, told.centre, told.now + 100.0 * restart)
        assert engine.take_changes() == []
    # The journal's own text of the start gives the same engine.
    with Reader(path) as reader:
        starts = [one for one in reader.journal_after(0) if isinstance(one.event, Started)]
        bodies = reader.run_query(lambda connection: connection.exec_driver_sql(
            "SELECT length(body) FROM journal ORDER BY seq").scalars().all())
    assert len(starts) == 3 and starts[0].event == starts[2].event._replace(next_fact=starts[0].event.next_fact)  # type: ignore[union-attr]
    assert bodies[-1] < 0.5 * bodies[-3], "a later start of the day does not write the lessons again"
    queued = e.ContactQueued(ContactId("new"), EDU.id, "PJSIP/new")
    at = starts[-1].at
    entries: list[tuple[float, e.Event | None]] = [(at, starts[-1].event), (at, e.LinkChanged("", True)), (at, queued)]
    engine.handle(queued, at)
    told.tick(at)
    assert [one.estimate for one in journal.replay_entries(entries) if isinstance(one, f.Queued)] \
        == [one.estimate for one in engine.take_facts() if isinstance(one, f.Queued)] \
        == [newcomer(told.engine, at)]


@pytest.mark.parametrize(("changed", "kept"), [
    ({"steps": (Step(((SkillId("edu"), 40),), 20.0), Step(((SkillId("edu"), 1),)))}, True), ({"priority": 3}, True),
    ({"steps": (Step(((SkillId("edu"), 1), (SkillId("tr"), 1))),)}, False), ({"floor_where": "tr >= 10"}, False)])
async def test_lessons_of_other_skills_are_forgotten(changed: dict[str, object], kept: bool, tmp_path: Path) -> None:
    """Other people answer, so the times of the former ones say nothing. It holds for a reload and for a start."""
    told = busy_day()
    (before,) = await keep_day(told, tmp_path / "santral.db")
    centre = told.centre._replace(services=(SHORT_WAITS._replace(**changed),))
    engine = await start_again(tmp_path / "santral.db", centre, told.now + 20.0)
    told.tell(e.Configured(centre))
    for rows in (await keep_rows(tmp_path / "santral.db"), [one.row for one in told.changes.take()
            if isinstance(one.row, StoredLearned)] or [before]):
        (row,) = rows
        assert (row.handle_times == before.handle_times != "") is kept
        assert (row.waited_s == SEED_PATIENCE_S) is not kept
        assert row.ring_s == before.ring_s != SEED_RING_S, "phones are the same"
    assert engine.take_changes() == []


async def keep_rows(path: Path) -> tuple[StoredLearned, ...]:
    """Return the stored lessons."""
    with Reader(path) as reader:
        return reader.load_state().learned


async def test_a_removed_service_keeps_an_empty_row_and_may_come_back(tmp_path: Path) -> None:
    told, path = busy_day(), tmp_path / "santral.db"
    await keep_day(told, path)
    other = EDU._replace(id=ServiceId("info"))
    await start_again(path, told.centre._replace(services=(other,)), told.now + 20.0)
    (row,) = await keep_rows(path)
    assert (row.skills, row.handle_times, row.waited_s) == (None, "", SEED_PATIENCE_S)
    await start_again(path, told.centre, told.now + 40.0)
    (row,) = await keep_rows(path)
    assert (row.skills, row.handle_times) == (("edu",), "")


@pytest.mark.parametrize("fault", [
    "waited_s = 0.0", "waited_s = -5.0", "given_up = 1e9", "factors = '[99.0,0.0,-99.0]'", "ring_s = -1.0",
    "handle_times = 'no text of ours'", "handle_times = 'AAAA'"])
async def test_a_row_that_was_changed_by_hand_stops_no_estimate(fault: str, tmp_path: Path) -> None:
    told, path = busy_day(), tmp_path / "santral.db"
    await keep_day(told, path)
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE learned SET {fault}")
    connection.close()
    engine = await start_again(path, told.centre, told.now + 20.0)
    found = newcomer(engine, told.now + 20.0)
    assert found is not None and 0.0 < found.low_s <= found.wait_s <= found.high_s < 10 * SEED_MEAN_S


async def test_thousands_of_calls_leave_one_short_row_for_each_service(tmp_path: Path) -> None:
    told = busy_day()
    times = HandleTimes()
    for number in range(20_000):
        times.note_contact(1.0 + 37.0 * (number % 300))
    (row,) = await keep_day(told, tmp_path / "santral.db")
    assert 500 < len(row.handle_times) == len(times.to_text()) < 1_200
    again = HandleTimes()
    again.read_text(times.to_text())
    assert (again.mean_s, again.p80_s, again.remaining_s(70.0)) == (times.mean_s, times.p80_s, times.remaining_s(70.0))
    for one in (times, again):
        one.note_contact(5_000.0)
    assert again.to_text() == times.to_text()
