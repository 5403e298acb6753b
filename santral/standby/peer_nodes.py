"""Remember where the other nodes of the store answer, and ask them whether one of them leads, or could lead."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aiohttp

from routing.store.errors import StoreError
from routing.store.lease.node_rows import read_nodes
from routing.store.store import Store

READ_S = 1.0
"""Pause between two reads of the nodes. In an upgrade the leader stops soon after a standby came, and hands over to it.
"""

PROBE_S = 0.5
"""Longest wait for the answer of a node. A frozen one leads nobody."""

PROOF_S = 1.0
"""Longest wait for the proof of a node that stands by: a log-in at Asterisk takes milliseconds."""


class PeerNodes:
    """The other nodes, as last read from the store."""

    def __init__(self, own: str) -> None:
        self._own = own
        self.addresses: dict[str, str] = {}
        """Address of HTTP by the name of the node."""

    async def follow_store(self, store: Store) -> None:
        """Read the nodes at intervals until cancelled. A database that is away leaves the last ones."""
        while True:
            with suppress(StoreError):
                self.addresses = {one.name: one.http for one in await store.run_query(read_nodes)
                                  if one.http and one.name != self._own}
            await asyncio.sleep(READ_S)

    async def find_leader(self) -> str:
        """Return the name of a node that leads, or an empty text. All are asked at once."""
        return await self._find_answering("/health/leader", PROBE_S)

    async def find_proved_standby(self) -> str:
        """Return the name of a node that stands by and proves now that it reaches Asterisk, or an empty text."""
        return await self._find_answering("/health/standby", PROOF_S)

    async def _find_answering(self, path: str, within_s: float) -> str:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=within_s)) as client:
            async def ask_node(name: str, http: str) -> str:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with client.get(f"http://{http}{path}") as answer:
                        return name if answer.status == 200 else ""
                return ""

            found = await asyncio.gather(*(ask_node(name, http) for name, http in self.addresses.items()))
        return next(filter(None, found), "")
