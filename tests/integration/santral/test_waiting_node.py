"""When a node that stands by looks at the lease of the store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from routing.store.errors import LeaseHeld
from routing.store.store import Store
from santral.node.service_manager import ServiceManager
from santral.standby import waiting_node
from santral.standby.waiting_node import WaitingNode
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration

REST_S = 0.05


class FitProofs:
    """Proofs of a node that may lead."""

    why, keys, is_fit, asterisk_answers = "", "", True, True

    async def keep_proving(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def wait_first(self) -> None:
        return

    async def prove_reach(self) -> bool:
        return True

    def read_marks(self) -> dict[str, str]:
        return {}


class FrozenLeader:
    """A store whose leader is frozen: its lease ends."""

    def __init__(self) -> None:
        self.looks = 0

    async def try_lease(self, node: str, keys: str, *, only_look: bool) -> LeaseHeld | None:
        self.looks += 1
        return LeaseHeld("b", 1, False, REST_S, 1.0) if self.looks == 1 else None

    async def claim_name(self, *_: Any, **__: Any) -> None:
        return

    def describe_node(self, _: Any) -> None:
        return

    async def close(self) -> None:
        return


async def follow_nothing(_: Store) -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_node_looks_at_the_moment_in_which_a_lease_ends(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader that is frozen renews nothing, and its callers wait for the next one."""
    store = FrozenLeader()

    async def open_store(*_: Any, **__: Any) -> FrozenLeader:
        return store

    monkeypatch.setattr(waiting_node, "LOOK_S", 10 * LIMIT_S)
    monkeypatch.setattr(Store, "open_store", open_store)
    proofs: Any = FitProofs()
    waiting = WaitingNode("a", proofs, tmp_path / "x.db", "127.0.0.1:0", tmp_path / "node.json", asyncio.Event(),
                          ServiceManager(), lambda: False, follow_nothing)
    async with asyncio.timeout(LIMIT_S):
        assert await waiting.wait_for_lease() is store  # type: ignore[comparison-overlap]
    assert store.looks == 2
    await waiting.close_page()
