"""A FastAGI server that decides nothing: it sends the commands of a dialogue that was recorded before, one after the
other, whatever the replies. The yardstick for what a node costs beside speaking the protocol.

`record` is the tap that a real dialogue goes through once; `python -m lab.null_agi PORT FILE` serves the recording and
writes how many dialogues it finished into FILE with `.done`, at its end.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

BACKLOG = 256
"""As a node's listener."""
SCRIPT = b"agi_network_script: "


@asynccontextmanager
async def record(port: int, node: tuple[str, int], found: dict[str, list[str]]) -> AsyncIterator[None]:
    """Listen at `port`, pass everything on to the node and back, and note the commands of each route's first dialogue
    that came to its end."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*node)
        head = await reader.readuntil(b"\n\n")
        there_writer.write(head)
        route = _route(head)
        commands: list[str] = []

        async def replies() -> None:
            while line := await reader.readline():
                there_writer.write(line)

        answering = asyncio.create_task(replies(), name="lab.null_agi.replies")
        while line := await there_reader.readline():
            commands.append(line.decode().rstrip("\n"))
            writer.write(line)
        answering.cancel()
        writer.close()
        there_writer.close()
        found.setdefault(route, commands)

    server = await asyncio.start_server(handler, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


def _route(head: bytes) -> str:
    start = head.index(SCRIPT) + len(SCRIPT)
    return head[start : head.index(b"\n", start)].decode()


class Null(asyncio.Protocol):
    """One dialogue."""

    finished = 0

    def __init__(self, scripts: Mapping[str, list[bytes]]) -> None:
        self._scripts = scripts
        self._buffer = b""
        self._left: list[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The environment starts the script, every reply gets the next command."""
        self._buffer += data
        if self._left is None:
            head, end, self._buffer = self._buffer.partition(b"\n\n")
            if not end:
                self._buffer = head
                return
            self._left = list(reversed(self._scripts[_route(head + b"\n")]))
            self._next()
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            if line.startswith(b"HANGUP"):
                self._transport.close()
                return
            self._next()

    def _next(self) -> None:
        assert self._left is not None
        if self._left:
            self._transport.write(self._left.pop())
            return
        Null.finished += 1
        self._transport.close()


async def _serve(port: int, scripts: Mapping[str, list[bytes]]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: Null(scripts), "127.0.0.1", port, backlog=BACKLOG)
    await stop.wait()
    server.close()


def _main(port: int, path: Path) -> None:
    scripts = {route: [f"{command}\n".encode() for command in commands]
               for route, commands in json.loads(path.read_text(encoding="utf-8")).items()}
    asyncio.run(_serve(port, scripts))
    path.with_suffix(".done").write_text(str(Null.finished), encoding="ascii")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _main(int(sys.argv[1]), Path(sys.argv[2]))
