"""Two nodes under forty calls on two servers under Patroni, started by the files of docs/operate/postgresql.md.

    python -m pytest -s tests/system/two_nodes/test_patroni.py

The test prints its times. They are bounds of an idle machine, so the test asserts none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.two_nodes.node_load import open_load
from tests.system.two_nodes.patroni_cluster import LIMIT_S, PatroniCluster
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long]


@pytest.fixture
def cluster() -> Iterator[PatroniCluster]:
    cluster = PatroniCluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


async def test_patroni_replaces_a_killed_primary_and_switches_over(
        cluster: PatroniCluster, new_lab: NewLab, tmp_path: Path) -> None:
    history = tmp_path / "history"
    lab = await new_lab(nodes=2, database=cluster.url(), centre=patient(tmp_path), history=history)
    first, second = cluster.members
    async with open_load(lab, history) as load:
        # 1. PostgreSQL and Patroni of the primary are killed. Patroni of the standby promotes it when the key expires.
        await load.begin_fault()
        await asyncio.to_thread(cluster.kill_member, first)
        writable = await asyncio.to_thread(cluster.wait_writable, second)
        decided_s = await load.first_decision(writable)
        print(f"\nprimary killed: writable after {writable - load.fault_at:.2f} s, first decision {decided_s:.2f} s "
              f"later; fallback queue {load.fallbacks()}")
        # 2. The killed member comes back, and follows.
        await asyncio.to_thread(cluster.start_member, first)
        came = time.time()
        await until_async(lambda: asyncio.to_thread(cluster.is_synchronous), LIMIT_S, "the old primary follows")
        print(f"the old primary is the synchronous standby after {time.time() - came:.1f} s")
        # 3. Patroni gives the lead back on demand.
        await load.begin_fault()
        switching = asyncio.create_task(asyncio.to_thread(
            cluster.run_patronictl, "switchover", "--leader", second, "--candidate", first, "--force"))
        writable = await asyncio.to_thread(cluster.wait_writable, first)
        await switching
        decided_s = await load.first_decision(writable)
        print(f"switchover: writable after {writable - load.fault_at:.2f} s")
        assert load.fallbacks() == 0
        await load.end("primary killed and switchover, from the second promotion on", decided_s)
