"""Wait for a condition instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

INTERVAL_S = 0.02
LIMIT_S = 30.0
"""Limit for things that come within a second on an idle machine, on a machine that other tests keep busy. A test of the
time itself gives a separate limit."""


def until(condition: Callable[[], T], timeout: float = LIMIT_S, what: str = "") -> T:
    """Call `condition` until it gives something true; its value. Fails with what was last seen."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {timeout} s: {what or condition}; last seen: {value!r}")
        time.sleep(INTERVAL_S)


@overload
async def until_async(condition: Callable[[], Awaitable[T]], timeout: float = LIMIT_S, what: str = "") -> T: ...


@overload
async def until_async(condition: Callable[[], T], timeout: float = LIMIT_S, what: str = "") -> T: ...


async def until_async(condition: Callable[[], T | Awaitable[T]], timeout: float = LIMIT_S, what: str = "") -> T:
    """The same inside a running loop."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while True:
        found = condition()
        value = await found if isinstance(found, Awaitable) else found
        if value:
            return value
        if loop.time() >= end:
            raise AssertionError(f"not within {timeout} s: {what or condition}; last seen: {value!r}")
        await asyncio.sleep(INTERVAL_S)
