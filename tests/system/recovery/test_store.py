"""Another program locks the store while callers are in every state: the node waits as long as it promises to."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from lab.phones.network import PhoneBehaviour
from routing.store.database import LOCK_S
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

TALKS, WAITS = ("gorus_oneri", "4"), ("uzaktan_egitim", "2")
HELD_S = LOCK_S - 3.0
"""Longer than a lease lasts."""


async def test_a_store_that_is_locked_for_seconds_costs_nobody_the_call(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab()
    stage = Stage(lab, tmp_path)
    talker = await stage.agent(plain(TALKS[0], 1)[0], PhoneBehaviour("0"))
    talks = await stage.hurried(TALKS[1])
    await stage.reaches(talker, "talking", 60.0)
    waits = await stage.waiting(WAITS[1], WAITS[0])
    other = sqlite3.connect(lab.folder / "santral.db", isolation_level=None, timeout=5.0)
    other.execute("BEGIN IMMEDIATE")
    locked = time.monotonic()
    late = await stage.hurried(WAITS[1])
    await talks.hang_up()
    await asyncio.sleep(locked + HELD_S - time.monotonic())  # how long it is locked is what is tried
    other.execute("ROLLBACK")
    other.close()

    log = lab.folder / "node.log"
    await until_async(lambda: "store.commit_delayed" in log.read_text(encoding="utf-8"),
        what="the turn that waited is told")
    await stage.counts(WAITS[0], 2)  # who came meanwhile is in the line
    seats = [lab.info.seat_of(name) for name in plain(WAITS[0], 2)]
    await lab.network.register_phones({seat.endpoint: seat.secret for seat in seats})
    for seat in seats:
        person = await lab.sign_in_agent(seat.id, PhoneBehaviour("0"))
        await stage.reaches(person, "talking", 60.0)
    assert not waits.ended.is_set() and not late.ended.is_set()
    told = log.read_text(encoding="utf-8")
    assert told.count("node.ready") == 1 and "Traceback" not in told
    await lab.network.hang_up_all()
    await lab.wait_until_quiet()
    outcomes = {str(row["outcome"]) for row in lab.query_store("select outcome from contacts")}
    assert outcomes == {"answered"}, outcomes
