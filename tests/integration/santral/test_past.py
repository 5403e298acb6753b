"""Counters at a start of a node: they stand where they stood, or begin at 0 when the oldest facts are gone."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.takeover import write_day
from metrics.prometheus import names
from metrics.prometheus.recorder import MetricsRecorder
from prompts.catalogue import Catalogue
from routing.core.engine import Engine
from routing.core.events import CallerHungUp, ContactQueued
from routing.core.model.facts import Ended, Fact
from routing.core.model.ids import ContactId
from routing.runner import RunnerTurn
from routing.store.callers.number_keys import NumberKeys
from routing.store.store import Store
from santral.centre.config import node_config
from santral.centre.last_known_good import CentreFiles
from santral.node import projections
from santral.node.projections import Projections
from santral.standby.fact_follower import FactFollower
from santral.standby.node_proofs import NodeProofs
from tests.fakes import report_day
from tests.until import until_async

pytestmark = pytest.mark.integration

MEB = Path(__file__).resolve().parents[3] / "centres" / "meb"


def counted(recorder: MetricsRecorder) -> dict[str, float]:
    """Of each counter and histogram made of facts: everything in it together."""
    found: dict[str, float] = {}
    for family in recorder.registry.collect():
        for sample in family.samples:
            name = sample.name.removesuffix("_count")
            if name in {names.OFFERED.name, names.CONTACTS.name, names.WAIT.name, names.OFFERS.name}:
                found[name] = found.get(name, 0.0) + sample.value
    return found


def said(path: Path) -> list[str]:
    """Return the lines about calls."""
    return [line for line in path.read_text().splitlines() if "|NONE|NONE|NONE|" not in line]


def projections_of(state: Path, day: report_day.Day) -> Projections:
    return Projections.from_config(node_config(MEB)._replace(centre=day.centre), state,
                          NumberKeys.load_or_create(state / "numbers.json"))


async def started(state: Path, day: report_day.Day) -> tuple[MetricsRecorder, int, int]:
    """Start a node with this record. Return the recorder, the number of the last fact before the start, and the last
    number of that start."""
    told = projections_of(state, day)
    store = await Store.open_store(state / "santral.db")
    try:
        await store.take_lease("node")
        before = await told.restore_engine(Engine(), store, day.centre, time.time)
        await told.read_past(store)
        own = await store.facts_after(before)
        return told.recorder, before, before + len(own)
    finally:
        told.queue_log.close()
        await store.close()


async def test_counters_stand_where_they_stood_or_begin_at_0_after_a_purge(tmp_path: Path) -> None:
    day = report_day.written()
    await day.keep(str(tmp_path / "santral.db"))
    whole, before, last = await started(tmp_path, day)
    assert before == day.facts[-1].seq and min(counted(whole).values()) >= 5
    again, before, last = await started(tmp_path, day)
    assert before >= day.facts[-1].seq
    assert all(value >= counted(whole)[name] for name, value in counted(again).items()), "no counter falls back"
    with sqlite3.connect(tmp_path / "santral.db") as opened:
        opened.execute("DELETE FROM facts WHERE seq < ?", (last // 2,))
    opened.close()
    purged, _, _ = await started(tmp_path, day)
    assert set(counted(purged).values()) == {0.0}, "the half that was left is not told as new"


@pytest.mark.parametrize("wiped", [False, True], ids=["here", "other_machine"])
async def test_a_start_reads_no_more_of_a_long_past_than_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                  wiped: bool) -> None:
    """Callers wait meanwhile, so the time must not grow with all past calls. A caller who has waited since
    before the read part still has their last line."""
    day = report_day.Day()
    waits = day.call(0.0, "1.1", report_day.TIP)
    for number in range(2, 40):
        day.give(30.0 * number, CallerHungUp(day.call(30.0 * number - 10.0, f"1.{number}", report_day.TIP)))
    await day.keep(str(tmp_path / "santral.db"))
    whole, _, _ = await started(tmp_path, day)
    path, before = tmp_path / "queue_log", len(day.facts)
    lines = said(path)
    assert counted(whole)[names.OFFERED.name] == 39.0 and lines[0].endswith("|1.1|tip|NONE|ENTERQUEUE|||1")
    if wiped:
        path.unlink()
        path.with_name("queue_log.place").unlink()
    monkeypatch.setattr(projections, "PAST_MAX", 6)
    read: list[int] = []
    monkeypatch.setattr(MetricsRecorder, "count_history", lambda self, facts: read.extend(fact.seq for fact in facts))
    told = projections_of(tmp_path, day)
    store = await Store.open_store(tmp_path / "santral.db")
    try:
        await store.take_lease("node")
        last = await told.restore_engine(Engine(), store, day.centre, time.time)
        await told.read_past(store)
    finally:
        await store.close()
    assert len(read) <= 7 + last - before and read[-1] >= last
    assert set(counted(told.recorder).values()) == {0.0}
    day.give(2000.0, CallerHungUp(waits))
    (end,) = [fact for fact in day.facts[before:] if isinstance(fact, Ended)]
    told.queue_log.write_facts([end._replace(seq=read[-1] + 1)])
    told.queue_log.close()
    now = said(path)
    assert now[-1].split("|")[1:5] == ["1.1", "tip", "NONE", "ABANDON"]
    assert now[:-1] == (lines[-4:] if wiped else lines), "each line once"


async def test_turns_while_the_past_is_read_are_told_once_and_in_order(tmp_path: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """Routing does not wait for the past. A turn comes in the middle of it, one just after the last fact was read, and
    one whose news are late."""
    day = report_day.Day()
    for number in range(1, 30):
        day.give(30.0 * number, CallerHungUp(day.call(30.0 * number - 10.0, f"1.{number}", report_day.TIP)))
    await day.keep(str(tmp_path / "santral.db"))
    monkeypatch.setattr(projections, "PORTION", 7)
    told, engine, late = projections_of(tmp_path, day), Engine(), list[Sequence[Fact]]()
    store = await Store.open_store(tmp_path / "santral.db")
    reads = 0

    async def take_call(name: str) -> Sequence[Fact]:
        event = ContactQueued(ContactId(name), report_day.TIP)
        engine.handle(event, time.time())
        changes, facts = engine.take_changes(), engine.take_facts()
        await store.commit(RunnerTurn([(time.time(), event)], facts, changes))
        return facts

    async def read_with_calls(seq: int, limit: int) -> list[Fact]:
        nonlocal reads
        reads += 1
        found = await facts_after(seq, limit)
        if reads == 2:
            told.note_facts(await take_call("2.1"))
        elif not found and not late:
            told.note_facts(await take_call("2.2"))
            late.append(await take_call("2.3"))
        return found

    facts_after = store.facts_after
    monkeypatch.setattr(store, "facts_after", read_with_calls)
    try:
        await store.take_lease("node")
        await told.restore_engine(engine, store, day.centre, time.time)
        assert not told.up_to_date.is_set()
        await told.read_past(store)
        told.note_facts(late[0])
        told.note_facts(await take_call("2.4"))
    finally:
        told.queue_log.close()
        await store.close()
    assert counted(told.recorder)[names.OFFERED.name] == 29 + 4
    lines = (tmp_path / "queue_log").read_text().splitlines()
    entered = [line.split("|")[1] for line in lines if "|ENTERQUEUE|" in line]
    assert entered == [f"1.{number}" for number in range(1, 30)] + ["2.1", "2.2", "2.3", "2.4"]
    assert [line.split("|")[4] for line in lines].index("QUEUESTART") < lines.index(
        next(line for line in lines if "|2.1|" in line))


async def test_a_standby_follows_and_goes_on_when_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "FOLLOW_S", 0.02)
    day = report_day.Day()
    waits = day.call(0.0, "1.1", report_day.TIP)
    told, leader = projections_of(tmp_path, day), await Store.open_store(tmp_path / "santral.db")
    standby = await Store.open_store(tmp_path / "santral.db", node=True)
    path, kept = tmp_path / "queue_log", 0

    async def keep_rest() -> None:
        """Store what the leader has done since the last time."""
        nonlocal kept
        await leader.commit(RunnerTurn(day.entries, day.facts[kept:], day.changes.take()))
        day.entries, kept = [], len(day.facts)

    try:
        await leader.take_lease("a")
        await keep_rest()
        following = asyncio.create_task(told.follow_facts(standby))
        await until_async(lambda: told.read == len(day.facts))
        for number in range(2, 20):
            day.give(30.0 * number, CallerHungUp(day.call(30.0 * number - 10.0, f"1.{number}", report_day.TIP)))
        await keep_rest()
        await until_async(lambda: told.read == len(day.facts))
        # Both are there before this node leads.
        assert counted(told.recorder)[names.OFFERED.name] == 19.0
        followed = said(path)
        assert len(followed) == 19 + 18 and "QUEUESTART" not in path.read_text()
        assert told.notices.last_fact == told.read, "a desk reads only what comes later"
        following.cancel()
        day.give(700.0, CallerHungUp(waits))
        await keep_rest()
        await leader.close()
        await standby.take_lease("b")
        read: list[int] = []
        count_history = MetricsRecorder.count_history
        monkeypatch.setattr(MetricsRecorder, "count_history", lambda self, facts: (
            read.extend(fact.seq for fact in facts), count_history(self, facts)))
        await told.restore_engine(Engine(), standby, day.centre, time.time)
        await told.read_past(standby)
    finally:
        told.queue_log.close()
        await standby.close()
    assert read[0] == told.read - len(read) + 1 > kept - 5, "only what it had not followed"
    assert counted(told.recorder)[names.OFFERED.name] == 19.0
    lines = said(path)
    assert lines[:-1] == followed and lines[-1].split("|")[1:5] == ["1.1", "tip", "NONE", "ABANDON"]
    assert path.read_text().count("QUEUESTART") == 1


@pytest.mark.parametrize("change", ["", "files", "store"])
async def test_what_was_followed_counts_only_for_the_same_files_and_facts(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    monkeypatch.setattr(projections, "FOLLOW_S", 0.02)
    day = report_day.Day()
    day.give(20.0, CallerHungUp(day.call(10.0, "1.1", report_day.TIP)))
    await day.keep(str(tmp_path / "santral.db"))
    config = node_config(MEB)._replace(centre=day.centre)
    files = CentreFiles(MEB, None, tmp_path)
    proofs = NodeProofs(files, tmp_path, "127.0.0.1:1", (config, Catalogue({}, "")))
    proofs.numbers = NumberKeys.load_or_create(tmp_path / "numbers.json")
    follower, log = FactFollower(proofs, tmp_path), tmp_path / "queue_log"
    store = await Store.open_store(tmp_path / "santral.db", node=True)
    try:
        following = asyncio.create_task(follower.follow_store(store))
        await until_async(lambda: log.exists() and "ABANDON" in log.read_text())
        following.cancel()
        if change == "store":
            with sqlite3.connect(tmp_path / "santral.db") as opened:
                opened.execute("DELETE FROM facts WHERE seq > 2")
            opened.close()
        begins = config._replace() if change == "files" else config
        told = await follower.take_projections(store, begins, proofs.numbers)
    finally:
        follower.close()
        await store.close()
    told.queue_log.close()
    assert counted(told.recorder)[names.OFFERED.name] == (0.0 if change else 1.0)


async def test_the_day_of_the_benchmark_is_over_and_long_enough(tmp_path: Path) -> None:
    await write_day(tmp_path / "santral.db", 300)
    with sqlite3.connect(tmp_path / "santral.db") as opened:
        (facts,), (live,) = (opened.execute(query).fetchone() for query in (
            "SELECT count(*) FROM facts", "SELECT count(*) FROM contacts WHERE outcome IS NULL"))
    opened.close()
    assert facts >= 300 and live == 0
