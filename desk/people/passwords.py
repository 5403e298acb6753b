"""Hash and check passwords by argon2id, in threads, a few at a time.

A hash takes memory and some tens of milliseconds by design. In the loop it would stop the routing of calls, and many
at once would take the processor from Asterisk, which is on the same machine.
"""

from __future__ import annotations

import asyncio
import os
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from desk.people.fair_line import Asker, FairLine, Work

T = TypeVar("T")
NOBODY = Asker()

MEMORY_KB, PASSES, LANES = 19_456, 2, 1
"""Cost of a hash: what OWASP recommends for argon2id. One lane is one thread, so a hash never takes all processors."""
NICENESS = 10
"""Priority of the threads. Calls come first: at a change of shifts 200 people sign in within minutes."""
AT_ONCE = 2
"""Hashes calculated at the same time."""
PASSWORD_MIN = 12
"""Characters of a password. Length is the only rule, because other rules make people choose worse ones."""
PASSWORD_MAX = 200
"""Characters of a password. A password manager makes fewer, and a form has at most 4 KB."""


class Passwords:
    """Hash and check passwords.

    There are two lines. Known browsers come first, so a flood of strangers keeps nobody out who works in the usual one.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(PASSES, MEMORY_KB, LANES)
        self._threads = ThreadPoolExecutor(AT_ONCE, "santral-password", _lower_priority)
        self._running = 0
        self._known, self._strangers = FairLine(), FairLine()
        self._nobody = ""
        """Hash that is checked for unknown names, so that the time of the answer does not tell which names exist."""

    async def hash_password(self, password: str, asker: Asker = NOBODY) -> str:
        """Return the hash of a password. Raise TooManyWaiting."""
        return await self._run(partial(self._hasher.hash, _normalise(password)), asker)

    async def check_password(self, hashed: str, password: str, asker: Asker = NOBODY) -> bool:
        """Return whether a password fits a hash. An empty hash takes as long and fits nothing. Raise TooManyWaiting."""
        return await self._run(partial(self._check, hashed, _normalise(password)), asker)

    def close(self) -> None:
        """End the threads, without waiting for them."""
        self._known.clear_line()
        self._strangers.clear_line()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, hashed: str, password: str) -> bool:
        # Made in a thread at the first check, because it takes as long as any other.
        self._nobody = self._nobody or self._hasher.hash("no password fits this")
        try:
            fits = self._hasher.verify(hashed or self._nobody, password)
        except (Argon2Error, InvalidHashError):
            return False
        return fits and bool(hashed)

    async def _run(self, calculate: Callable[[], T], asker: Asker) -> T:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        (self._known if asker.known else self._strangers).join_line(Work(asker, calculate, done))
        self._start_next()
        # A browser that goes away does not stop the thread, so it keeps its place until the thread is done.
        return await asyncio.shield(done)

    def _start_next(self) -> None:
        while self._running < AT_ONCE and (line := self._known or self._strangers):
            work = line.take_next()
            self._running += 1
            asyncio.get_running_loop().run_in_executor(self._threads, work.calculate).add_done_callback(
                partial(self._note_done, work.done))

    def _note_done(self, done: asyncio.Future[Any], found: asyncio.Future[Any]) -> None:
        self._running -= 1
        if found.cancelled():
            done.cancel()
        elif (error := found.exception()) is not None:
            done.set_exception(error)
        else:
            done.set_result(found.result())
        self._start_next()


def _lower_priority() -> None:
    """Lower the priority of this thread. Linux has one for each thread."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def is_long_enough(password: str) -> bool:
    """Return whether a password may be set."""
    return PASSWORD_MIN <= len(_normalise(password)) <= PASSWORD_MAX


def _normalise(password: str) -> str:
    """Return one form of a password: keyboards write ö as one character or as two."""
    return unicodedata.normalize("NFC", password)
