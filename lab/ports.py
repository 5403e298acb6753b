"""Free ports of 127.0.0.1. A port is never given twice by one process, nor to two labs that start at the same time."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

from lab.errors import LabError

LOW, HIGH = 10_240, 32_000
"""Below 32768, where Linux takes the ports of outgoing connections: nobody gets one of ours by chance."""
BLOCK = 1024
"""Ports of one lab: signalling and media of two Asterisks."""


class Ports:
    """One block of ports, held by a socket on its last one as long as the object (or its process) lives."""

    def __init__(self) -> None:
        self._held, self.first = _block()
        self._next = self.first

    def one(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
        """A free port."""
        while self._next < self.first + BLOCK:
            port = self._next
            self._next += 1
            if is_free(port, kind):
                return port
        raise LabError(f"no free port left among {self.first}-{self.first + BLOCK - 1} of 127.0.0.1. End what listens "
                       f"there (ss -lntu)")

    def media(self, count: int) -> tuple[int, int]:
        """First and last of `count` neighbouring UDP ports, beginning with an even one. Ports of media are taken by
        Asterisk one by one and a used one is skipped, so they need not all be free now."""
        first = self._next + self._next % 2
        if first + count > self.first + BLOCK:
            raise LabError(f"no {count} ports left for media in the lab's block of {BLOCK}")
        self._next = first + count
        return first, first + count - 1

    def close(self) -> None:
        """Give the block back."""
        self._held.close()


def is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether one may listen on it now."""
    with ExitStack() as stack:
        probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _block() -> tuple[socket.socket, int]:
    """A block nobody holds. Who shares our ports sees the socket that holds it; the kernel frees it. With lock files
    two labs of different TMPDIR had one block, and one of them was told by the other's node that it is ready. Labs
    that outlive the process that started them are seen by their listening ports."""
    blocks = range(LOW, HIGH - BLOCK, BLOCK)
    shift = os.getpid() % len(blocks)
    for first in [*blocks[shift:], *blocks[:shift]]:
        held = socket.socket()
        try:
            held.bind(("127.0.0.1", first + BLOCK - 1))
        except OSError:
            held.close()
            continue
        if all(is_free(port, kind) for port in range(first, first + 8)
               for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return held, first
        held.close()
    raise LabError("every block of ports is taken: too many labs run on this machine. End some: santral lab down")
