"""A process that is stopped while its database answers does not take the database for one that hangs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy.engine import make_url

from routing.store.errors import StoreUnavailable
from routing.store.threads.answer_limit import STOPPED_S, limit_answer
from routing.store.threads.database_threads import DatabaseThreads
from tests.until import until_async

pytestmark = pytest.mark.integration

ANSWER_S = 0.5
"""Longest wait for an answer in these tests."""


def stop_process() -> None:
    """Let nothing of the loop run for longer than an answer may take, as SIGSTOP does."""
    time.sleep(ANSWER_S + STOPPED_S + 0.2)


async def test_an_answer_that_comes_after_the_stop_is_taken(tmp_path: Path) -> None:
    threads = DatabaseThreads(make_url(f"sqlite:///{tmp_path}/x.db"), lambda: ANSWER_S, node=True, max_page_count=None)
    asked_for, answers = Event(), Event()

    def answer() -> int:
        asked_for.set()
        answers.wait()
        return 7

    asked = asyncio.create_task(threads.ask_writer(answer), name="asked")
    await until_async(asked_for.is_set, what="the thread works")
    stop_process()
    # Timers that are due ring before the thread has gone on.
    asyncio.get_running_loop().call_later(ANSWER_S / 10, answers.set)
    assert await asked == 7 and not threads.gone
    await threads.end_threads(1.0)


async def test_a_database_that_hangs_is_given_up(tmp_path: Path) -> None:
    threads = DatabaseThreads(make_url(f"sqlite:///{tmp_path}/x.db"), lambda: ANSWER_S, node=True, max_page_count=None)
    answers = Event()
    with pytest.raises(StoreUnavailable):
        await threads.ask_writer(answers.wait)
    answers.set()
    await threads.end_threads(1.0)


async def test_the_second_limit_is_the_last_one() -> None:
    with pytest.raises(TimeoutError):
        async with limit_answer(ANSWER_S):
            asyncio.get_running_loop().call_soon(stop_process)
            await asyncio.get_running_loop().create_future()
