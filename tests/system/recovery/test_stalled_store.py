"""A database that does not answer: soon the node stands by on PostgreSQL, and ends by itself on SQLite."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lab.faults.proxy import TcpProxy
from lab.pbx.ports import PortBlock
from routing.store.database import LOCK_S
from tests.fakes import postgres
from tests.fakes.node_process import NodeProcess, fake_asterisk
from tests.until import until_async

pytestmark = pytest.mark.system

START_S = 60.0
SQLITE_ENDS_S = 2 * LOCK_S + 5.0
"""Two waits for the lock and a busy machine, and less than the three waits that were seen."""

StartNode = Callable[[str | None], Awaitable[NodeProcess]]


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    block = PortBlock()
    yield block
    block.close()


@pytest.fixture
async def start_node(tmp_path: Path, ports: PortBlock) -> AsyncIterator[StartNode]:
    """Start a node with such a store, and wait until it takes calls."""
    state = tmp_path / "state"
    started: list[NodeProcess] = []
    async with fake_asterisk(state) as asterisk:
        async def start(store: str | None) -> NodeProcess:
            node = NodeProcess(state, ports, asterisk, store)
            started.append(node)
            await until_async(node.is_ready, timeout=START_S, what="the node takes calls")
            return node

        yield start
        for node in started:
            node.end()


async def ends(node: NodeProcess, within_s: float = 30.0) -> None:
    """Wait until the node has ended as it should."""
    began = time.monotonic()
    await until_async(lambda: node.process.poll() is not None, timeout=within_s, what="the node ends")
    print(f"the node ended after {time.monotonic() - began:.1f} s")
    said = node.said()
    assert node.process.returncode == 4, said
    assert len([line for line in said.splitlines() if line.startswith("santral: ")]) == 1 and "Traceback" not in said


@pytest.mark.parametrize("fault", ["frozen", pytest.param("stalled", marks=pytest.mark.long), "no standby"])
async def test_a_node_stands_by_while_its_server_does_not_answer_and_leads_again(
        fault: str, start_node: StartNode, ports: PortBlock) -> None:
    port = ports.free_port()
    server = postgres.start_private(port)
    proxy = TcpProxy("127.0.0.1", port)
    try:
        url = f"postgresql://santral@127.0.0.1:{await proxy.start_listening()}/postgres"
        node = await start_node(url)
        if fault == "frozen":
            server.freeze()
        elif fault == "stalled":
            proxy.stall_traffic()
        else:
            server.demand_standby()
        began = time.monotonic()
        await until_async(lambda: "node.stood_down" in node.said(), what="the node leads no more")
        print(f"the node stood down after {time.monotonic() - began:.1f} s")
        await until_async(node.stands_by, what="the node stands by")
        assert "Traceback" not in node.said()
        if fault == "frozen":
            server.thaw()
            await until_async(lambda: node.said().count("node.ready") == 2, timeout=START_S, what="the node leads")
    finally:
        await proxy.stop_listening()
        server.stop()


async def test_another_programs_lock_ends_the_node_after_one_wait(start_node: StartNode, tmp_path: Path) -> None:
    node = await start_node(None)
    with closing(sqlite3.connect(tmp_path / "state/santral.db", isolation_level=None, timeout=5.0)) as other:
        other.execute("BEGIN IMMEDIATE")
        await ends(node, SQLITE_ENDS_S)
        other.execute("ROLLBACK")
