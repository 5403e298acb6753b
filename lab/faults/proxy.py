"""A TCP proxy on loopback that can be cut, stalled and mended: the link between a node and its Asterisk."""

from __future__ import annotations

import asyncio
from contextlib import suppress

CHUNK = 65_536
"""Bytes moved at once; small enough that a stall takes hold within one AMI burst."""


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on to `target`.

    `cut()` ends all connections and refuses new ones, `stall()` keeps them open and moves nothing (a partition without
    FIN), `mend()` makes all well.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open = True

    async def start(self) -> int:
        """Begin to listen; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """End everything."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """End what is connected, refuse what comes."""
        self._open = False
        self._flowing.set()
        for writer in list(self._writers):
            transport = writer.transport
            transport.abort()

    def stall(self) -> None:
        """Nothing moves, nothing closes."""
        self._flowing.clear()

    def mend(self) -> None:
        """As before."""
        self._open = True
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        there = asyncio.create_task(self._pump(reader, far_writer), name="proxy.there")
        back = asyncio.create_task(self._pump(far_reader, writer), name="proxy.back")
        self._tasks |= {there, back}
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                task.cancel()
            self._tasks -= {there, back}
            for end in (writer, far_writer):
                self._writers.discard(end)
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
