"""Fixtures of the integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from ivr.dialogues import Dialogues
from routing.ami import link
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.fakes.inbox import FakeInbox
from tests.integration.ami_node import Node
from tests.integration.ivr_node import Serve, Start, serving


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Yield a starter of dialogues that answer until the test has ended."""
    async with AsyncExitStack() as stack:
        async def begin(inbox: FakeInbox, *arguments: Any, **more: Any) -> Dialogues:
            return await stack.enter_async_context(serving(inbox, *arguments, **more))

        yield begin


@pytest.fixture
def start(serve: Serve) -> Start:
    """Return the same starter for a test that only calls."""
    async def begin(inbox: FakeInbox, *arguments: Any, **more: Any) -> int:
        return (await serve(inbox, *arguments, **more)).server.address[1]

    return begin


@pytest.fixture
async def asterisk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeAsterisk]:
    """Yield an Asterisk to which the node reconnects at once after each loss."""
    monkeypatch.setattr(link, "BACKOFF_FIRST_S", 0.02)
    monkeypatch.setattr(link, "BACKOFF_MAX_S", 0.05)
    async with FakeAsterisk() as fake:
        yield fake


@pytest.fixture
async def hasty_node(asterisk: FakeAsterisk, tmp_path: Path) -> AsyncIterator[Node]:
    """Yield one that gives up soon, for tests of what is silent."""
    async with Node(asterisk, tmp_path, hasty=True) as one:
        yield one


@pytest.fixture
async def node(asterisk: FakeAsterisk, tmp_path: Path) -> AsyncIterator[Node]:
    """Yield a node at that Asterisk, not started yet."""
    async with Node(asterisk, tmp_path) as one:
        yield one
