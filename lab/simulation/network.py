"""Carry bytes between processes and Asterisk on the virtual clock: late, in order in each connection, perhaps cut.

The bytes that a process has written belong to its kernel. So they still arrive after a kill, and after a stall of the
link. They do not if the process has asked for a reset (`SO_LINGER`), as a node does that gives a link up.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from lab.simulation.virtual_time import ProcessLoop, World

LATENCY_S = (0.0001, 0.002)
"""Least and greatest usual time of one write."""


class Peer(Protocol):
    """The far end of a connection: a part of the model of Asterisk."""

    def receive(self, data: bytes) -> None:
        """Take bytes."""

    def peer_closed(self) -> None:
        """Learn that the process has closed the connection, or that it was cut."""


class LinkState:
    """The state of all connections of one kind between one process and Asterisk."""

    def __init__(self) -> None:
        self.stalled_until = 0.0
        """Time until which nothing arrives, in neither direction. The bytes arrive afterwards."""
        self.slow_s = 0.0
        """Additional time of each write."""


class _SocketOptions:
    """The options of a transport's socket."""

    def __init__(self, set_reset: Callable[[], None]) -> None:
        self._set_reset = set_reset

    def setsockopt(self, *arguments: Any) -> None:
        """Ask for a reset at the end: nothing else is ever set."""
        self._set_reset()


class Connection(asyncio.Transport):
    """The process's side of a connection, and the way in both directions."""

    def __init__(self, network: Network, loop: ProcessLoop, kind: str) -> None:
        super().__init__()
        self._network, self.loop, self.kind = network, loop, kind
        self.peer: Peer | None = None
        self.protocol: Any = None
        self.closed = False
        """The process has closed its side, or knows that it is closed."""
        self.cut = False
        """Nothing arrives any more, in either direction."""
        self._reset = self._dropped = False
        self._last_out = self._last_in = 0.0

    # -- the process's side ------------------------------------------------------------------------------------------

    def write(self, data: Any) -> None:
        """Hand bytes to the kernel."""
        if self.closed:
            return
        self._network.watch(self, bytes(data))
        self.loop.before_write(bytes(data))
        if self.peer is not None:
            self._send_out(partial(self.peer.receive, bytes(data)))

    def close(self) -> None:
        """Close the connection after what was written."""
        self.abort()

    def abort(self) -> None:
        """Close the connection at once. The kernel still sends what it has, unless a reset was asked for."""
        if self.closed:
            return
        self.closed = True
        self._network.connections.pop(self, None)
        if self._reset:
            self._dropped = True
            if self.peer is not None:
                self._network.world.call_at(self.loop.true_time + LATENCY_S[1], self.peer.peer_closed)
        elif self.peer is not None:
            self._send_out(self.peer.peer_closed)
        if self.protocol is not None:
            self.loop.call_soon(self.protocol.connection_lost, None)

    def is_closing(self) -> bool:
        """Return whether the connection is closed."""
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the options of the socket."""
        return _SocketOptions(self._ask_reset) if name == "socket" else default

    def _ask_reset(self) -> None:
        self._reset = True

    def _send_out(self, arrive: Callable[[], None]) -> None:
        sent = self.loop.true_time
        at = self._last_out = max(self._last_out, self._network.arrival(self, sent))
        # A reset drops what the kernel could not send yet. Bytes that have left the machine arrive.
        left = at <= sent + LATENCY_S[1]
        self._network.world.call_at(at, lambda: None if self.cut or (self._dropped and not left) else arrive())

    # -- Asterisk's side ---------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send bytes to the process."""
        self._send_in(partial(self._feed, data))

    @property
    def is_stalled(self) -> bool:
        """Return whether what is sent now arrives late, or the process is frozen or gone."""
        return self.loop.dead or self.loop.is_frozen \
            or self._network.link(self.loop.name, self.kind).stalled_until > self._network.world.now

    def shut(self) -> None:
        """Close Asterisk's side."""
        self._send_in(self._lose)

    def _send_in(self, arrive: Callable[[], None]) -> None:
        self._last_in = max(self._last_in, self._network.arrival(self, self._network.world.now))
        self._network.world.call_at(
            self._last_in, lambda: None if self.cut or self._dropped else self.loop.deliver(arrive))

    def _feed(self, data: bytes) -> None:
        if self.closed:
            return
        protocol = self.protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            buffer = memoryview(protocol.get_buffer(-1))
            for start in range(0, len(data), len(buffer)):
                part = data[start : start + len(buffer)]
                buffer[: len(part)] = part
                protocol.buffer_updated(len(part))
        else:
            protocol.data_received(data)

    def _lose(self) -> None:
        if not self.closed:
            self.closed = True
            self._network.connections.pop(self, None)
            if self.protocol is not None:
                self.protocol.eof_received()
                self.protocol.connection_lost(None)

    def break_now(self) -> None:
        """Cut the connection: both sides learn of it at once, and what is under way is lost."""
        if not self.cut:
            self.cut = True
            if self.peer is not None:
                self.peer.peer_closed()
            self.loop.deliver(self._lose)


class Socket:
    """A listening socket."""

    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        """Return the address."""
        return "127.0.0.1", self._port


class Listener:
    """A process that listens at a port."""

    def __init__(self, network: Network, loop: ProcessLoop, factory: Callable[[], Any], port: int) -> None:
        self._network, self.loop, self.factory, self._port = network, loop, factory, port
        self.sockets = (Socket(port),)

    def close(self) -> None:
        """Listen no more."""
        if self._network.listeners.get(self._port) is self:
            del self._network.listeners[self._port]


class Network:
    """All connections of the world. `accept` answers connections that processes open to Asterisk."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self._rng = world, rng
        self.listeners: dict[int, Listener] = {}
        self.connections: dict[Connection, None] = {}
        self.links: dict[tuple[str, str], LinkState] = {}
        self.accept: Callable[[Connection], Peer | None] = lambda connection: None
        self.watch: Callable[[Connection, bytes], None] = lambda connection, data: None
        """Learns what a process is about to write, before a fault may stop it there."""

    def link(self, process: str, kind: str) -> LinkState:
        """Return the state of a link, `ami` or `agi`, of a process."""
        found = self.links.get((process, kind))
        if found is None:
            found = self.links[process, kind] = LinkState()
        return found

    def arrival(self, connection: Connection, sent_at: float) -> float:
        """Return when something arrives that is sent now."""
        link = self.link(connection.loop.name, connection.kind)
        return max(sent_at, link.stalled_until) + self._rng.uniform(*LATENCY_S) + link.slow_s

    def cut_link(self, process: str, kind: str) -> None:
        """Cut all connections of a link."""
        for connection in list(self.connections):
            if connection.loop.name == process and connection.kind == kind:
                connection.break_now()

    def listen(self, loop: ProcessLoop, factory: Callable[[], Any], port: int) -> Listener:
        """Let a process listen at a port. Raise OSError if another process does."""
        if port in self.listeners:
            raise OSError(98, "Address already in use")
        listener = self.listeners[port] = Listener(self, loop, factory, port)
        return listener

    async def open_connection(self, loop: ProcessLoop, factory: Callable[[], Any],
                              port: int) -> tuple[Connection, Any]:
        """Connect a process with Asterisk. Raise OSError if Asterisk is not there."""
        connection, opened = Connection(self, loop, "ami"), loop.create_future()

        def arrive() -> None:
            peer = self.accept(connection)
            loop.deliver(lambda: None if opened.done() else opened.set_result(peer))

        self.world.call_at(self.arrival(connection, loop.true_time), arrive)
        peer = await opened
        if peer is None:
            raise ConnectionRefusedError
        connection.peer = peer
        connection.protocol = factory()
        self.connections[connection] = None
        connection.protocol.connection_made(connection)
        peer.begin()
        return connection, connection.protocol

    def dial(self, port: int, peer: Peer) -> Connection | None:
        """Connect Asterisk with the process that listens at a port. Return None if nobody does.

        A frozen process is connected too: its kernel accepts.
        """
        listener = self.listeners.get(port)
        if listener is None or listener.loop.dead:
            return None
        connection = Connection(self, listener.loop, "agi")
        connection.peer = peer
        self.connections[connection] = None

        def accept() -> None:
            connection.protocol = listener.factory()
            connection.protocol.connection_made(connection)

        connection._send_in(accept)
        return connection

    def end_process(self, loop: ProcessLoop) -> None:
        """Close what an ended process has, as its kernel does."""
        for port, listener in list(self.listeners.items()):
            if listener.loop is loop:
                del self.listeners[port]
        for connection in [one for one in self.connections if one.loop is loop]:
            connection.abort()
