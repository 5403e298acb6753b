"""Give the work of a database to its two threads, and wait no longer for it than a lease permits."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from sqlalchemy.engine import URL

from routing.store.database import MakeRoom, WritingConnection, make_none, no_answer
from routing.store.errors import StoreUnavailable
from routing.store.reader import Reader
from routing.store.threads.answer_limit import limit_answer
from routing.store.threads.worker import Worker
from routing.store.write_ahead import WriteAheadLog

T = TypeVar("T")

START_S = 30.0
"""Longest wait of a starting node for one answer: it makes the tables, takes the lease or reads all that is alive."""


UPGRADE_S = 600.0
"""Longest wait for an upgrade of older tables, whose rows may be copied, and for an answer to a command."""


class DatabaseThreads:
    """The threads of the writer and of the reader, each with its connection."""

    def __init__(self, url: URL, answer_s: Callable[[], float], *, node: bool, max_page_count: int | None,
                 make_room: MakeRoom = make_none) -> None:
        """`answer_s` gives the longest wait for an answer to the writer."""
        self._url, self._answer_s, self._node = url, answer_s, node
        self.on_sqlite = url.get_backend_name() == "sqlite"
        self.log = WriteAheadLog()
        self.writing = WritingConnection(url, node=node, max_page_count=max_page_count, make_room=make_room)
        self.reader = Reader(url.render_as_string(hide_password=False), node=True)
        self.writer = Worker("santral-store-writer", lambda: self.writing.checkpoint_log(self.log))
        self.reading = Worker("santral-store-reader")
        self.gone = False
        """The last answer of the database did not come in time."""

    async def ask_writer(self, function: Callable[[], T], within_s: float | None = None,
                         until: Lock | None = None) -> T:
        """Run a function in the writer's thread. Raise `StoreUnavailable` if it takes longer than the lease permits."""
        try:
            async with limit_answer(self._answer_s() if within_s is None else within_s):
                found = await self.writer.call_function(function, until)
        except TimeoutError:
            # The thread cannot go on, and what it did is not known.
            self.gone = True
            self.cut_connections()
            raise no_answer(self._url) from None
        except StoreUnavailable as error:
            self.gone = self.gone or error.kind in ("gone", "locked", "busy")
            raise
        self.gone = False
        return found

    async def ask_reader(self, function: Callable[[], T]) -> T:
        """Run a question in the reader's thread. Raise `StoreUnavailable` if it takes too long."""
        try:
            async with limit_answer(START_S if self._node else UPGRADE_S):
                return await self.reading.call_function(function)
        except TimeoutError:
            self.reader.cut_connection()
            raise no_answer(self._url) from None

    async def close_connections(self) -> None:
        """Close both connections after what was handed over before."""
        await self.writer.call_function(self.writing.close_connection)
        await self.reading.call_function(self.reader.close)

    def cut_connections(self) -> None:
        """Let all that waits for the database fail now."""
        self.writing.cut_connection()
        self.reader.cut_connection()

    async def end_threads(self, within_s: float) -> None:
        """End both threads. Wait at most `within_s` for each."""
        await self.writer.close(within_s)
        await self.reading.close(within_s)
