"""Free ports of 127.0.0.1. A port is never given twice by one process, nor to two labs that start at the same time."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

from lab.errors import LabError

LOW, HIGH = 10_240, 32_000
"""Range below 32768, where Linux begins to choose ports of outgoing connections."""
BLOCK = 1024
"""Ports of one lab: signalling and media of two Asterisks."""


class PortBlock:
    """A block of ports. A socket on its last port reserves the block while the object or its process lives."""

    def __init__(self) -> None:
        self._held, self.first = _reserve_block()
        self._claims: list[socket.socket] = []
        """Names that claim the wanted ports of this block."""
        self._next = self.first

    def free_port(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
        """Return a free port. Raise LabError if the block has none left."""
        while self._next < self.first + BLOCK:
            port = self._next
            self._next += 1
            if is_free(port, kind):
                return port
        raise LabError(f"no free port left among {self.first}-{self.first + BLOCK - 1} of 127.0.0.1. End what listens "
                       f"there (ss -lntu)")

    def choose_port(self, wanted: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
        """Return the wanted port if it is free, else a free port of the block. Raise LabError if there is none.

        The wanted port is claimed until the block is closed: nothing listens there before its program has started, and
        another lab that starts meanwhile would find it free.
        """
        claim = socket.socket(socket.AF_UNIX)
        try:
            # An abstract name lives as long as its socket, and all processes that share the ports see it.
            claim.bind(f"\0santral-lab-port-{kind.name}-{wanted}")
        except OSError:
            claim.close()
            return self.free_port(kind)
        if not is_free(wanted, kind):
            claim.close()
            return self.free_port(kind)
        self._claims.append(claim)
        return wanted

    def media_range(self, count: int) -> tuple[int, int]:
        """Return the first and last of `count` neighbouring UDP ports. The first is even.

        Asterisk takes media ports one by one and skips a used one, so they need not all be free now.
        """
        first = self._next + self._next % 2
        if first + count > self.first + BLOCK:
            raise LabError(f"no {count} ports left for media in the lab's block of {BLOCK}")
        self._next = first + count
        return first, first + count - 1

    def close(self) -> None:
        """Release the block and the claims."""
        self._held.close()
        for claim in self._claims:
            claim.close()


def is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Return whether a socket can listen on the port now."""
    with ExitStack() as stack:
        probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
        if kind == socket.SOCK_STREAM:
            # Without this a port whose last connection ended within a minute would count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _reserve_block() -> tuple[socket.socket, int]:
    """Reserve a block that nobody holds.

    The socket that holds a block is visible to every process that shares the ports, and the kernel frees it. Lock files
    are not enough: two labs with different TMPDIR once took the same block, and one lab asked the other's node whether
    it is ready. Labs that outlive the process that started them are seen by their listening ports.
    """
    blocks = range(LOW, HIGH - BLOCK, BLOCK)
    # Processes begin at different blocks, so that labs that start together seldom try the same one.
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
