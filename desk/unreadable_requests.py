"""Log requests that the HTTP library cannot read, without what is in them.

The library's own log has a traceback with the bytes of the request: the cookie of a session, or a number that somebody
typed into an address. Anybody can send such requests, so a line comes once a minute at most.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

QUIET_S = 60.0
"""Time between two lines. More of them tell nothing new, and a flood would fill the disk of the node."""


class UnreadableRequests(logging.Handler):
    """Takes what the library reports, and logs only its kind."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._clock, self._quiet_until = clock, float("-inf")

    def emit(self, record: logging.LogRecord) -> None:
        """Log the kind of an error, unless a line was written a moment ago."""
        if self._clock() < self._quiet_until:
            return
        self._quiet_until = self._clock() + QUIET_S
        kind = record.exc_info[0] if record.exc_info else None
        log.warning("http.request_unreadable", kind="" if kind is None else kind.__name__)


def build_library_logger() -> logging.Logger:
    """Return a logger for the HTTP library. It has no parent, so nothing of a record goes elsewhere."""
    logger = logging.Logger("santral.http.library", logging.WARNING)
    logger.addHandler(UnreadableRequests())
    return logger
