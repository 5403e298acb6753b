"""Notice at once that a PostgreSQL server has ended the session of the writer.

The lease is free as soon as the session of its holder has ended. A node that was frozen meanwhile, or whose session an
operator ended, must not act on its old memory until the next renewal.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress


class SessionWatch:
    """A second handle of the writer's socket. The writer's thread sets it, and the loop asks it."""

    def __init__(self) -> None:
        self._handle: int | None = None
        self._inode = 0
        self._poll = select.poll()

    def follow_socket(self, fileno: int | None) -> None:
        """Watch the socket of the session from now on, or nothing with None (SQLite). Safe to repeat."""
        inode = 0 if fileno is None else os.fstat(fileno).st_ino
        if inode == self._inode:
            return
        # The new poll is complete before the loop sees it.
        poll, handle, before = select.poll(), None, self._handle
        if fileno is not None:
            handle = os.dup(fileno)
            poll.register(handle, select.POLLRDHUP)
        self._poll, self._handle, self._inode = poll, handle, inode
        if before is not None:
            with suppress(OSError):
                os.close(before)

    def has_ended(self) -> bool:
        """Return whether the server has closed the session. One call of the kernel, without a wait."""
        return bool(self._poll.poll(0))
