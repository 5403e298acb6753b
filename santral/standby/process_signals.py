"""Turn the signals of the process into events of its loop."""

from __future__ import annotations

import asyncio
import signal

from santral.node.operations import hang_up_is_reload


class ProcessSignals:
    """The events that SIGTERM, SIGINT and SIGHUP set."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.again = asyncio.Event()
        """Set by SIGHUP: read the centre's files again."""

    def handle_signals(self) -> None:
        """Let SIGTERM and SIGINT stop the node, and SIGHUP read the centre's files again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        if hang_up_is_reload():
            loop.add_signal_handler(signal.SIGHUP, self.again.set)
