"""What integration tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ivr.app import Dialogues
from tests.fakes.inbox import FakeInbox
from tests.integration.ivr_node import Serve, Start, serving


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Dialogues that answer until the test has ended."""
    async with AsyncExitStack() as stack:
        async def begin(inbox: FakeInbox, *arguments: Any, **more: Any) -> Dialogues:
            return await stack.enter_async_context(serving(inbox, *arguments, **more))

        yield begin


@pytest.fixture
def start(serve: Serve) -> Start:
    """The same for a test that only calls."""
    async def begin(inbox: FakeInbox, *arguments: Any, **more: Any) -> int:
        return (await serve(inbox, *arguments, **more)).server.address[1]

    return begin
