"""Let sign-ins wait for the calculation of a hash in a fair order.

Sources take turns: an address that sends hundreds of names is one source among others, so anybody else waits for one of
its hashes and not for all of them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

WAITING_MAX = 50
"""Hashes of a line that may wait: some seconds of work. Beyond that, a sentence at once is better than a long wait."""
SOURCE_MAX = 20
"""Hashes that one source may have waiting. A whole house behind one address still signs in, some 20 a second."""


class TooManyWaiting(Exception):
    """More sign-ins wait than can be handled in a few seconds, or this one waits already."""


class Asker(NamedTuple):
    """The person who wants to sign in, as the line sees them."""

    name: str = ""
    source: str = ""
    """The address, or the person if the browser is known."""
    known: bool = False
    """Whether this person has signed in before in this browser."""


class Work(NamedTuple):
    """A hash that waits for a thread."""

    asker: Asker
    calculate: Callable[[], Any]
    done: asyncio.Future[Any]


class FairLine:
    """Work that waits, by source."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, deque[Work]] = OrderedDict()
        """Work of each source, the source whose turn is next first. Each has some."""
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def join_line(self, work: Work) -> None:
        """Let work wait. Raise TooManyWaiting.

        Each name waits once for each source. In a full line the source with the most work gives up its newest, unless
        the new work is of such a source itself.
        """
        # 1. The bounds of one source.
        mine = self._turns.get(work.asker.source, ())
        if len(mine) >= SOURCE_MAX or any(one.asker.name == work.asker.name for one in mine):
            raise TooManyWaiting
        # 2. The bound of all.
        if self._length >= WAITING_MAX:
            longest = max(self._turns, key=lambda source: len(self._turns[source]))
            if len(self._turns[longest]) <= len(mine) + 1:
                raise TooManyWaiting
            self._turns[longest].pop().done.set_exception(TooManyWaiting())
            self._length -= 1
        # 3. Wait behind the own work. A new source has its turn after all others.
        self._turns.setdefault(work.asker.source, deque()).append(work)
        self._length += 1

    def take_next(self) -> Work:
        """Return the work whose turn it is. There must be some."""
        source, turn = self._turns.popitem(last=False)
        work = turn.popleft()
        self._length -= 1
        if turn:
            self._turns[source] = turn
        return work

    def clear_line(self) -> None:
        """Cancel all work."""
        while self._length:
            self.take_next().done.cancel()
