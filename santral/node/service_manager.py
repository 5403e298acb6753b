"""Tell systemd that the node is ready and alive, by the protocol of sd_notify(3). Without systemd nothing is sent."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

FEEDS = 4
"""Signs of life in each watchdog interval, so that one late turn is no alarm."""


class ServiceManager:
    """The manager's socket from the environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.

    The routing loop calls `feed_watchdog` after each turn. A frozen process or a stuck loop feeds nothing, and systemd
    restarts the node.
    """

    def __init__(self, environment: Mapping[str, str] | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        found = os.environ if environment is None else environment
        # A leading @ stands for the zero byte of an abstract address.
        where = found.get("NOTIFY_SOCKET", "")
        self._where = f"\0{where[1:]}" if where.startswith("@") else where
        self._clock = clock
        interval_s = _read_number(found.get("WATCHDOG_USEC")) / 1e6
        mine = found.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self.feed_every_s = interval_s / FEEDS if self._where and mine and interval_s > 0 else 0.0
        """Pause between two signs of life. 0 without a watchdog."""
        self._fed_at = -1e9

    def notify_ready(self) -> None:
        """Report that calls are taken now. The watchdog begins here."""
        self._send("READY=1")

    def notify_stopping(self) -> None:
        """Report that the node stops on request."""
        self._send("STOPPING=1")

    def feed_watchdog(self) -> None:
        """Send a sign of life, unless the last one was sent a moment ago."""
        if self.feed_every_s and (now := self._clock()) - self._fed_at >= self.feed_every_s:
            self._fed_at = now
            self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._where:
            return
        # A manager that is gone or does not read must not stop the routing.
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                channel.sendto(state.encode(), self._where)
        except OSError:
            pass


def _read_number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else 0
