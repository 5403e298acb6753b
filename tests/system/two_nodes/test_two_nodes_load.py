"""Two nodes on one PostgreSQL under a load of forty calls: how soon decisions go on after each fault.

    python -m pytest -s tests/system/two_nodes/test_two_nodes_load.py

Each test prints its times. They are bounds of an idle machine, so no test asserts them. Each caller is accounted for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.two_nodes.node_load import NodeLinks, NodeLoad, open_load
from tests.until import LIMIT_S, until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

FROZEN_S = 30.0
NOTICED_S = 0.7
"""Time in which Patroni lifts the demand for a standby that is gone."""


@pytest.fixture
async def links() -> AsyncIterator[NodeLinks]:
    links = NodeLinks()
    yield links
    await links.stop()


@pytest.fixture
async def load(new_lab: NewLab, links: NodeLinks, tmp_path: Path) -> AsyncIterator[NodeLoad]:
    history = tmp_path / "history"
    lab = await new_lab(nodes=2, store="postgres", standby=True, centre=patient(tmp_path), through=links.through,
                        history=history)
    async with open_load(lab, history) as load:
        yield load


async def test_the_leader_is_killed(load: NodeLoad) -> None:
    await load.begin_fault()
    load.lab.kill_node("a")
    await load.end("leader killed", await load.first_decision())
    assert (await load.lab.find_leader()).name == "b"


async def test_the_leader_is_frozen_and_wakes(load: NodeLoad, links: NodeLinks) -> None:
    lab = load.lab
    await load.begin_fault()
    lab.freeze_node("a")
    decided_s = await load.first_decision()
    await until_async(lambda: time.time() > load.fault_at + FROZEN_S, FROZEN_S + LIMIT_S, "it is frozen for this long")
    links.forget_acts("a")
    lab.thaw_node("a")
    log = Path(lab.node("a").log)
    await until_async(lambda: "node.stood_down" in log.read_text(encoding="utf-8"), what="the node stands down")
    acts = links.count_acts("a")
    await load.end(f"leader frozen {FROZEN_S:.0f} s and woken ({acts} acts of the old epoch)", decided_s)
    assert acts == 0 and (await lab.find_leader()).name == "b"


async def test_the_leader_is_cut_from_the_database(load: NodeLoad, links: NodeLinks) -> None:
    await load.begin_fault()
    for link in links.to_database("a"):
        link.stall_traffic()
    decided_s = await load.first_decision()
    assert (await load.lab.find_leader()).name == "b"
    links.forget_acts("a")
    for link in links.to_database("a"):
        link.restore_traffic()
    await load.end("leader cut from the database", decided_s)
    acts = links.count_acts("a")
    assert acts == 0


async def test_the_primary_is_killed_and_the_standby_promoted(load: NodeLoad) -> None:
    postgres = load.lab.postgres
    await load.begin_fault()
    await asyncio.to_thread(postgres.primary.kill)
    await asyncio.to_thread(postgres.standby.promote)
    writable = time.time()
    print(f"\nwritable after {writable - load.fault_at:.2f} s")
    await load.end("primary killed, from the promotion on", await load.first_decision(writable))


async def test_the_standby_of_the_database_is_killed(load: NodeLoad) -> None:
    postgres = load.lab.postgres
    await load.begin_fault()
    await asyncio.to_thread(postgres.standby.kill)
    await asyncio.sleep(NOTICED_S)
    await asyncio.to_thread(postgres.release_commits)
    await load.end("standby of the database killed", await load.first_decision())
