"""Limit the wait for a thread, also of a process that is stopped in the middle of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STOPPED_S = 1.0
"""Lateness of a timer from which this process counts as stopped. A busy machine holds a process for less."""


@asynccontextmanager
async def limit_answer(within_s: float) -> AsyncIterator[None]:
    """Raise TimeoutError after `within_s`, or after twice that if this process was stopped meanwhile.

    The thread that should answer was stopped too. Its timer would ring at once when the process wakes up, and a
    database that answers in a millisecond would be taken for one that hangs.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        def ring(due_at: float) -> None:
            now = loop.time()
            limit.reschedule(now + within_s if now - due_at > STOPPED_S else now)

        timer = loop.call_at(end := loop.time() + within_s, ring, end)
        try:
            yield
        finally:
            timer.cancel()
