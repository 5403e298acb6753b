"""A part of a node that fails starts again, and ends nothing else."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from routing.store.errors import LeaseLost
from santral.node.supervision import run_supervised
from tests.until import until_async

pytestmark = pytest.mark.unit


async def test_a_poison_that_raises_each_time_ends_nothing() -> None:
    tries = 0

    async def poisoned() -> None:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0)
        raise KeyError("a message nobody can send")

    lived = asyncio.Event()

    async def routing() -> None:
        await until_async(lambda: tries >= 4)
        lived.set()

    async with asyncio.TaskGroup() as group:
        part = group.create_task(run_supervised("mqtt", poisoned, first_s=0.001, most_s=0.002))
        await group.create_task(routing())
        part.cancel()
    assert lived.is_set() and tries >= 4


async def test_pauses_grow_and_a_lost_lease_comes_out() -> None:
    loop, starts = asyncio.get_running_loop(), list[float]()

    async def fails() -> None:
        starts.append(loop.time())
        if len(starts) == 5:
            raise LeaseLost("another node leads")
        raise ValueError

    with pytest.raises(LeaseLost):
        await run_supervised("messages", fails, first_s=0.02, most_s=0.04)
    gaps = [late - early for early, late in pairwise(starts)]
    assert all(gap >= 0.01 for gap in gaps) and min(gaps[2:]) >= 0.02


async def test_a_part_that_ends_is_over() -> None:
    async def ends() -> None:
        return

    await run_supervised("recordings", ends)
