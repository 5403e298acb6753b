"""A node goes on with a store that was moved to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.pbx.ports import PortBlock
from routing.store.reader import Reader
from santral.cli import cli
from tests.fakes import postgres
from tests.fakes.node_process import NodeProcess, fake_asterisk
from tests.until import until_async

pytestmark = pytest.mark.system

START_S = 60.0


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a store that a simulated day was moved to."""
    file = tmp_path / "state" / "santral.db"
    done = CliRunner().invoke(cli, ["lab", "day", str(file.parent), "--date", "2026-03-02", "--contacts", "60"])
    assert done.exit_code == 0, done.output
    with postgres.serve_postgres() as url, postgres.fresh_database(url, "santral_moved") as where:
        done = CliRunner().invoke(cli, ["store", "move", str(file), where])
        assert "are the same in both" in done.stdout, done.output
        yield where


async def test_a_node_starts_on_a_moved_store(tmp_path: Path, moved: str) -> None:
    state, ports = tmp_path / "state", PortBlock()
    with Reader(moved) as reader:
        carried = reader.load_state().next_fact
    async with fake_asterisk(state) as asterisk:
        node = NodeProcess(state, ports, asterisk, moved)
        try:
            await until_async(node.is_ready, timeout=START_S, what="the node takes calls")
        finally:
            node.end()
            ports.close()
    with Reader(moved) as reader:
        assert reader.load_state().next_fact >= carried > 300
