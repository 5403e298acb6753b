"""A hang-up signal asks for a reload; whatever goes wrong with it, the node goes on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from routing.core.errors import UnknownService
from routing.core.inbox import InboxClosed
from routing.store.errors import StoreError
from santral.house import NodeHouse

pytestmark = pytest.mark.unit

TROUBLES = [InboxClosed(), TimeoutError(), UnknownService("gone"), StoreError("disk full"), OSError(28, "no space")]


async def test_no_reload_by_signal_ends_the_node() -> None:
    troubles, asked = list(TROUBLES), asyncio.Event()

    class Reloader:
        async def reload(self, by: str, *, dry_run: bool) -> Any:
            if not troubles:
                asked.set()
                await asyncio.Event().wait()
            raise troubles.pop(0)

    hang_up: Any = SimpleNamespace(wait=lambda: asyncio.sleep(0), clear=lambda: None)
    house = NodeHouse(lambda: None, Reloader(), lambda: 0.0, SimpleNamespace(),  # type: ignore[arg-type, return-value]
                      SimpleNamespace(find=None, sound=None, hush=None),  # type: ignore[arg-type]
                      lambda offer: True, SimpleNamespace(forget=None), lambda: None)  # type: ignore[arg-type]
    running = asyncio.create_task(house.run(hang_up))
    await asyncio.wait_for(asked.wait(), 5.0)
    assert not running.done() and not troubles
    running.cancel()
