"""A telephone with a separate network, which can vanish in the middle of a call without a word."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from lab.errors import LabError
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import find_asterisk
from lab.pbx.ports import PortBlock
from lab.phones.network import PhoneNetwork, start_network

MEDIA = 20
"""UDP ports of one telephone."""


class LonePhone:
    """One seat in a separate network."""

    def __init__(self, folder: Path, target: str) -> None:
        self.networks: list[PhoneNetwork] = []
        """One for each life of the telephone, the present one last."""
        self._folder, self._target = folder, target
        self._ports = PortBlock()
        self._numbers = itertools.count(1)
        self._asterisk: PrivateAsterisk | None = None

    @property
    def network(self) -> PhoneNetwork:
        """The network of the present life. Raise LabError before the first one."""
        if not self.networks:
            raise LabError("this telephone was never switched on")
        return self.networks[-1]

    async def switch_on(self) -> None:
        """Start a new life of the telephone, without a registration."""
        folder = self._folder / f"lone-{next(self._numbers)}"
        place, self._asterisk = await asyncio.to_thread(
            start_network, find_asterisk(), folder, self._target, self._ports, media=MEDIA)
        network = PhoneNetwork(place)
        await network.__aenter__()
        self.networks.append(network)

    async def vanish(self) -> None:
        """Kill the telephone: no BYE, no answer, no sound."""
        if self._asterisk is not None:
            await asyncio.to_thread(self._asterisk.kill_process)

    async def close(self) -> None:
        """End all lives of the telephone."""
        for network in self.networks:
            await network.__aexit__()
        if self._asterisk is not None:
            await asyncio.to_thread(self._asterisk.stop_process)
        self._ports.close()
