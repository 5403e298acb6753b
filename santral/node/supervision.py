"""Run the parts of a node that the routing does not need, each apart: a failure restarts that part alone."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from routing.core.backoff import waits
from routing.store.errors import LeaseLost

log = structlog.get_logger()

FIRST_S, MOST_S = 1.0, 60.0
"""Shortest and longest pause before a part starts again."""
STEADY_S = 300.0
"""Time without a failure after which the pauses begin again."""


async def run_supervised(part: str, work: Callable[[], Awaitable[None]], *, first_s: float = FIRST_S,
                         most_s: float = MOST_S) -> None:
    """Run a part until it ends or is cancelled. Start it again after each error, with growing pauses.

    A poison message may raise each time: its part then fails again and again, and everything else goes on. A lost lease
    is no failure of a part, so it comes out.
    """
    clock = asyncio.get_running_loop().time
    pauses = waits(first_s, most_s, random.random)
    while True:
        began = clock()
        try:
            await work()
            return
        except LeaseLost:
            raise
        except Exception as error:
            if clock() - began >= STEADY_S:
                pauses = waits(first_s, most_s, random.random)
            pause = next(pauses)
            # Only the place: the words of an error may hold what a caller or agent wrote.
            place = traceback.extract_tb(error.__traceback__)[-1]
            # Only a warning, because calls go on: nobody is called at night for it.
            log.warning("node.part_failed", part=part, error=type(error).__name__,
                        where=f"{Path(place.filename).name}:{place.lineno}", again_s=round(pause, 1))
            await asyncio.sleep(pause)
