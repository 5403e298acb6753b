"""One process that leads and stands by in turn, in the process of the test."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import weakref
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine.default import DefaultDialect

from lab.lifecycle import CENTRE, SOUNDS
from lab.pbx.ports import PortBlock
from routing.store.database import url_of
from santral.centre.last_known_good import CentreFiles
from santral.node.app import Node
from santral.standby.node_roles import NodeRoles
from tests.fakes.node_process import fake_asterisk
from tests.until import until_async

pytestmark = pytest.mark.integration

CHANGES = 5
"""Times of leading. Collections by chance hid the growth of fewer."""


def _count_dialects() -> int:
    """Return how many connections to a database SQLAlchemy remembers."""
    gc.unfreeze()
    gc.collect()
    return sum(isinstance(one, DefaultDialect) for one in gc.get_objects())


async def test_a_node_that_has_led_leaves_nothing_in_memory(
        tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[weakref.ref[Node]] = []
    handles: list[int] = []
    dialects: list[int] = []
    begin = Node.__init__

    def note_node(node: Node, *args: object, **options: object) -> None:
        built.append(weakref.ref(node))
        begin(node, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Node, "__init__", note_node)
    ports = PortBlock()
    http, agi = (f"127.0.0.1:{ports.free_port()}" for _ in range(2))
    server = create_engine(url_of(where), isolation_level="AUTOCOMMIT")

    async def leads() -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://{http}/health/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async with fake_asterisk(tmp_path / "a") as asterisk:
        overlay = tmp_path / "own.toml"
        overlay.write_text(f'[listen]\nagi = "{agi}"\nhttp = "{http}"\n[asterisk]\nami = "127.0.0.1:{asterisk.port}"\n'
                           f'sounds = "{SOUNDS}"\n[store]\nurl = "{where}"\n', encoding="utf-8")
        files = CentreFiles(CENTRE, overlay, tmp_path / "a")
        start = files.choose_files()
        serving = asyncio.create_task(
            NodeRoles(files, start[0].settings, start, tmp_path / "a", "a").serve_until_stopped())
        for number in range(CHANGES):
            await until_async(lambda wanted=number + 1: len(built) == wanted, what="it leads again")  # type: ignore[misc]
            await until_async(leads)
            handles.append(len(list(Path("/proc/self/fd").iterdir())))
            dialects.append(_count_dialects())
            with server.connect() as connection:
                # Another node has taken the lease, and its time is over.
                connection.execute(text(
                    "UPDATE leases SET epoch = epoch + 1, node = 'b', expires = 0 WHERE name = 'router'"))
        await until_async(lambda: len(built) > CHANGES)
        await until_async(leads)
        # The one before the node that leads may still end its dialogues.
        assert sum(one() is not None for one in built) <= 2
        assert handles[-1] < handles[1] + CHANGES - 2, handles
        assert dialects[-1] <= dialects[1], dialects
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
    server.dispose()
    ports.close()
