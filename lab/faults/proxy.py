"""A TCP proxy on loopback for the link between a node and its Asterisk. Tests cut, stall and restore it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

CHUNK = 65_536
"""Bytes moved at once. The bound is small so that a stall takes effect within one burst of AMI."""


class TcpProxy:
    """Listen on a free port of 127.0.0.1 and forward to a target.

    `drop_connections()` ends all connections and refuses new ones. `stall_traffic()` keeps them open and moves nothing,
    like a partition without FIN. `restore_traffic()` undoes both.
    """

    def __init__(self, host: str, port: int, watch: Callable[[bytes], None] | None = None, buffer: int = 0) -> None:
        """`watch` is given the bytes that go to the target.

        With a `buffer` in bytes the target soon cannot write any more when traffic is stalled.
        """
        self._target, self._watch, self._buffer = (host, port), watch, buffer
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open = True

    async def start_listening(self) -> int:
        """Begin to listen and return the port."""
        self._server = await asyncio.start_server(self._serve_connection, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop_listening(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.close()
        self.drop_connections()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop_connections(self) -> None:
        """End all connections and refuse new ones."""
        self._open = False
        # A stalled copy must wake up to see its aborted transport.
        self._flowing.set()
        for writer in list(self._writers):
            transport = writer.transport
            transport.abort()

    def stall_traffic(self) -> None:
        """Keep all connections open and move no bytes."""
        self._flowing.clear()

    def restore_traffic(self) -> None:
        """Accept connections again and move bytes again."""
        self._open = True
        self._flowing.set()

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        # 1. Connect to the target; a refusal there is a refusal here.
        try:
            far_reader, far_writer = await self._connect_target()
        except OSError:
            writer.transport.abort()
            return
        # 2. Copy both ways until one side ends.
        self._writers |= {writer, far_writer}
        there = asyncio.create_task(self._copy_bytes(reader, far_writer, self._watch), name="proxy.there")
        back = asyncio.create_task(self._copy_bytes(far_reader, writer), name="proxy.back")
        self._tasks |= {there, back}
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                # 3. The first end closes both, as a real link does.
                task.cancel()
            self._tasks -= {there, back}
            for end in (writer, far_writer):
                self._writers.discard(end)
                end.close()

    async def _connect_target(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self._buffer:
            return await asyncio.open_connection(*self._target)
        # The size of the window is settled when the connection begins.
        link = socket.socket()
        try:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer)
            link.setblocking(False)
            await asyncio.get_running_loop().sock_connect(link, self._target)
        except BaseException:
            link.close()
            raise
        return await asyncio.open_connection(sock=link, limit=self._buffer)

    async def _copy_bytes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                          watch: Callable[[bytes], None] | None = None) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                if watch is not None:
                    watch(data)
                writer.write(data)
                await writer.drain()


@contextmanager
def stalled_links(links: Iterable[TcpProxy]) -> Iterator[None]:
    """Let links carry nothing and stay open, as a cable that is pulled out.

    Afterwards connections of before are dead, as behind a firewall that has forgotten them.
    """
    found = list(links)
    for link in found:
        link.stall_traffic()
    try:
        yield
    finally:
        for link in found:
            link.drop_connections()
            link.restore_traffic()
