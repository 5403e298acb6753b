"""One process that leads and stands by in turn, in the process of the test."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine.default import DefaultDialect

from lab.lifecycle import CENTRE, SOUNDS
from lab.pbx.ports import PortBlock
from routing.store.database import url_of
from santral.centre.last_known_good import CentreFiles
from santral.node.app import Node
from santral.standby.hand_over import HandOver
from santral.standby.node_roles import NodeRoles
from tests.fakes.node_process import fake_asterisk
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

CHANGES = 5
"""Times of leading. Collections by chance hid the growth of fewer."""

END_SESSION = text("SELECT pg_terminate_backend(split_part(backend, ' ', 1)::int) FROM leases WHERE name = 'router' "
                   "FOR UPDATE")


class Process(NamedTuple):
    """A process that leads whenever the lease is free."""

    http: str
    built: list[weakref.ref[Node]]
    """The node of each time of leading."""

    async def is_ready(self) -> bool:
        """Return whether the process leads and has reached Asterisk."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://{self.http}/health/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def count_nodes(self) -> int:
        """Return how many nodes are in memory."""
        return sum(one() is not None for one in self.built)


@asynccontextmanager
async def leading(folder: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Process]:
    """Run a process next to a fake Asterisk, and end it in order."""
    built: list[weakref.ref[Node]] = []
    begin = Node.__init__

    def note_node(node: Node, *args: object, **options: object) -> None:
        built.append(weakref.ref(node))
        begin(node, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Node, "__init__", note_node)
    with closing(PortBlock()) as ports:
        http, agi = (f"127.0.0.1:{ports.free_port()}" for _ in range(2))
        async with fake_asterisk(folder / "a") as asterisk:
            overlay = folder / "own.toml"
            overlay.write_text(
                f'[listen]\nagi = "{agi}"\nhttp = "{http}"\n[asterisk]\nami = "127.0.0.1:{asterisk.port}"\n'
                f'sounds = "{SOUNDS}"\n[store]\nurl = "{where}"\npatience_s = 1\n', encoding="utf-8")
            files = CentreFiles(CENTRE, overlay, folder / "a")
            start = files.choose_files()
            serving = asyncio.create_task(
                NodeRoles(files, start[0].settings, start, folder / "a", "a").serve_until_stopped())
            try:
                yield Process(http, built)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                await serving


def _count_dialects() -> int:
    """Return how many connections to a database SQLAlchemy remembers."""
    gc.unfreeze()
    gc.collect()
    return sum(isinstance(one, DefaultDialect) for one in gc.get_objects())


async def test_a_node_that_has_led_leaves_nothing_in_memory(
        tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handles: list[int] = []
    dialects: list[int] = []
    server = create_engine(url_of(where), isolation_level="AUTOCOMMIT")
    async with leading(tmp_path, where, monkeypatch) as process:
        for number in range(CHANGES):
            await until_async(lambda wanted=number + 1: len(process.built) == wanted,  # type: ignore[misc]
                              what="it leads again")
            await until_async(process.is_ready)
            handles.append(len(list(Path("/proc/self/fd").iterdir())))
            dialects.append(_count_dialects())
            with server.connect() as connection:
                # Another node has taken the lease, and its time is over.
                connection.execute(text(
                    "UPDATE leases SET epoch = epoch + 1, node = 'b', expires = 0 WHERE name = 'router'"))
        await until_async(lambda: len(process.built) > CHANGES)
        await until_async(process.is_ready)
        # The one before the node that leads may still end its dialogues.
        assert process.count_nodes() <= 2
        assert handles[-1] < handles[1] + CHANGES - 2, handles
        assert dialects[-1] <= dialects[1], dialects
    server.dispose()


async def test_a_node_that_was_suspended_leaves_nothing_in_memory(
        tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It kept the node that had led until it was suspended again."""
    server = create_engine(url_of(where))
    async with leading(tmp_path, where, monkeypatch) as process:
        await until_async(process.is_ready)
        with server.begin() as connection:
            # Its session ends, and it can take the lease again only after this transaction.
            connection.execute(END_SESSION)
            await until_async(lambda: process.count_nodes() == 0, what="the node is forgotten")
            assert len(process.built) == 1
    server.dispose()


async def test_an_error_in_the_search_for_a_better_node_leaves_the_end_of_the_process(
        tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process heard no signal any more, and ten minutes later it was still there."""
    searches = 0

    async def fail(_: HandOver) -> str:
        nonlocal searches
        searches += 1
        raise RuntimeError

    monkeypatch.setattr(HandOver, "wait_until_due", fail)
    async with asyncio.timeout(2 * LIMIT_S), leading(tmp_path, where, monkeypatch) as process:
        await until_async(process.is_ready)
        await until_async(lambda: searches > 1, what="it searches again")
