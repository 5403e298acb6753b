"""Counters at a start of a node: they stand where they stood, or begin at 0 when the oldest facts are gone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from metrics import names
from metrics.recorder import Recorder
from routing.store.numbers import NumberKeys
from routing.store.store import Store
from santral.app import Node
from santral.config import node_config
from tests.fakes import report_day

pytestmark = pytest.mark.integration

MEB = Path(__file__).resolve().parents[2] / "centres" / "meb"


def counted(recorder: Recorder) -> dict[str, float]:
    """Of each counter and histogram made of facts: everything in it together."""
    found: dict[str, float] = {}
    for family in recorder.registry.collect():
        for sample in family.samples:
            name = sample.name.removesuffix("_count")
            if name in {names.OFFERED.name, names.CONTACTS.name, names.WAIT.name, names.OFFERS.name}:
                found[name] = found.get(name, 0.0) + sample.value
    return found


async def started(state: Path, day: report_day.Day) -> tuple[Recorder, int, int]:
    """A start of a node with this record; the number of the last fact before it, and of its own last one."""
    node = Node(node_config(MEB)._replace(centre=day.centre), state)
    recorder, queue_log = node._projections(NumberKeys.load_or_create(state / "numbers.json"))
    store = await Store.open(state / "santral.db")
    try:
        await store.take_lease("node")
        before = await node._remember(store, recorder, queue_log)
        own = await store.facts_after(before)
        return recorder, before, before + len(own)
    finally:
        queue_log.close()
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
