"""Serve callers for a suspended node: as long as the database is away, nobody else leads, and patience lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from ivr.suspended_dialogues import SuspendedDialogues

log = structlog.get_logger()

ASK_S = 1.0
"""Pause between two questions to the other nodes. Callers reach a new leader at most so much later."""


class SuspendedCalls:
    """One suspension. `begin` starts it, and `close` ends all."""

    def __init__(self, dialogues: SuspendedDialogues, watch_ends: Callable[[], Coroutine[Any, Any, None]],
                 find_leader: Callable[[], Awaitable[str]], patience_s: float, feed_watchdog: Callable[[], None],
                 end_before: Callable[[], Awaitable[None]]) -> None:
        """`watch_ends` learns how talks end until it is cancelled. `find_leader` returns the name of another node that
        leads, or an empty text. `end_before` ends the menus that were under way when the node stood down."""
        self._dialogues, self._watch_ends, self._find_leader = dialogues, watch_ends, find_leader
        self._patience_s, self._feed_watchdog, self._end_before = patience_s, feed_watchdog, end_before
        self._task: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self.serves = False
        """Callers are answered now."""

    def begin(self) -> None:
        """Ask the other nodes, and serve callers if none of them leads."""
        self._task = asyncio.create_task(self._serve_callers(), name="suspended")

    async def leave_address(self) -> None:
        """Give the address of AGI free for a leader. Menus that are under way go on for a while."""
        server = self._dialogues.server
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._listening is not None and not self._listening.done():
            server.stop()
            await asyncio.wait([self._listening, asyncio.create_task(server.wait_closed())],
                               return_when=asyncio.FIRST_COMPLETED)

    async def wait_ended(self) -> None:
        """Wait until no caller is served and the last menu has ended."""
        for task in (self._task, self._listening):
            if task is not None:
                await asyncio.wait([task])

    async def close(self) -> None:
        """End everything at once. Safe to repeat."""
        await self.leave_address()
        await self._end_before()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    async def _serve_callers(self) -> None:
        loop, server = asyncio.get_running_loop(), self._dialogues.server
        # 1. A new leader takes callers as they are.
        await self._dialogues.before.wait_closed()
        if leader := await self._find_leader():
            log.info("node.suspension_ended", says="another node leads", leader=leader)
            return
        # 2. Serve, and ask again.
        end = loop.time() + self._patience_s
        self._listening = asyncio.create_task(self._listen(), name="suspended agi")
        watching = asyncio.create_task(self._watch_ends(), name="talk ends")
        self.serves = True
        log.warning("node.suspended", patience_s=self._patience_s)
        try:
            while not leader and loop.time() < end and not self._listening.done():
                self._feed_watchdog()
                await asyncio.wait([self._listening], timeout=min(ASK_S, max(end - loop.time(), 0.0)))
                leader = await self._find_leader()
            if leader:
                log.info("node.suspension_ended", says="another node leads", leader=leader)
            else:
                log.error("node.suspension_expired", after_s=self._patience_s)
        finally:
            # 3. No new callers. Menus come to their end.
            self.serves = False
            server.stop()
            watching.cancel()
            await asyncio.wait([watching])

    async def _listen(self) -> None:
        try:
            await self._dialogues.server.run()
        except OSError as error:
            log.error("node.suspension_failed", why=error.strerror)
