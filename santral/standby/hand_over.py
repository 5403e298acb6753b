"""Tell when a node that leads should hand over, because Asterisk is silent for it and not for a node that stands by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

SILENT_S = 3.0
"""Silence of Asterisk after which a leader looks for a better one. Links answer a ping each second, and a lost link is
usually up again after half a second."""

HELD_S = 30.0
"""Shortest time of leading before a node hands over. A link that comes and goes changes the leader at most twice a
minute."""

LOOK_S = 0.25
"""Pause between two looks at the silence. Callers wait meanwhile."""

ASK_S = 1.0
"""Pause between two questions to nodes that reach no Asterisk either."""


class HandOver:
    """The hand-over of one time of leading."""

    def __init__(self, silent_s: Callable[[], float], find_standby: Callable[[], Awaitable[str]],
                 clock: Callable[[], float] = monotonic) -> None:
        """`silent_s` tells for how many seconds Asterisk has been silent. `find_standby` names a node that stands by
        and proves that it reaches Asterisk, or returns an empty text."""
        self._silent_s, self._find_standby, self._clock = silent_s, find_standby, clock
        self._since = clock()

    @property
    def _is_silent(self) -> bool:
        return self._silent_s() >= SILENT_S

    async def wait_until_due(self) -> str:
        """Wait until another node can lead better, and return its name."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._is_silent or self._clock() - self._since < HELD_S:
                continue
            # The answer takes time, in which Asterisk may be back.
            if (name := await self._find_standby()) and self._is_silent:
                return name
            await asyncio.sleep(ASK_S)
