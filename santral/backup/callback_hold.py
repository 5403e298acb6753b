"""Hold all callbacks after a restore, until an administrator releases them.

A backup knows of callbacks that were made since, so a restored node would call people a second time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from routing.store.store import Store

log = structlog.get_logger()

NOTE = "callbacks_held"
"""Name of the note in the store: the time of the restore. An empty note, or none, holds nothing."""
LOOK_S = 5.0
"""Time between two looks for the release, which another process writes. Nobody waits at a screen for it."""


class CallbackHold:
    """Tell whether callbacks are held. `changed` is called at the release."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.on = False
        self.changed: Callable[[], None] = lambda: None

    async def load_hold(self) -> None:
        """Load the hold as it was before a start."""
        self.on = bool(await self._store.read_value(NOTE))
        if self.on:
            log.warning("callbacks.held")

    async def watch_release(self) -> None:
        """Wait for the release, and end with it."""
        while self.on:
            await asyncio.sleep(LOOK_S)
            if not await self._store.read_value(NOTE):
                self.on = False
                log.info("callbacks.released")
                self.changed()
        # The task of a supervised group lives as long as the node.
        await asyncio.Event().wait()
