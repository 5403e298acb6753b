"""A FastAGI server that decides nothing. It sends the commands of a recorded dialogue one after the other, whatever the
replies. It is the yardstick for what a node costs on top of the protocol.

`record_dialogues` is the tap through which a real dialogue goes once. `python -m bench.harness.null_agi PORT FILE`
serves the recording. At its end it writes the number of finished dialogues into FILE with `.done`.
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
"""Same as that of a node's listener."""
SCRIPT = b"agi_network_script: "


@asynccontextmanager
async def record_dialogues(port: int, node: tuple[str, int], found: dict[str, list[str]]) -> AsyncIterator[None]:
    """Listen at `port`, relay everything to the node and back, and record the commands of each route's first whole
    dialogue."""

    async def relay_dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*node)
        head = await reader.readuntil(b"\n\n")
        there_writer.write(head)
        route = _route_of(head)
        commands: list[str] = []

        async def replies() -> None:
            while line := await reader.readline():
                there_writer.write(line)

        answering = asyncio.create_task(replies(), name="bench.harness.null_agi.replies")
        while line := await there_reader.readline():
            commands.append(line.decode().rstrip("\n"))
            writer.write(line)
        answering.cancel()
        writer.close()
        there_writer.close()
        found.setdefault(route, commands)

    server = await asyncio.start_server(relay_dialogue, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


def _route_of(head: bytes) -> str:
    start = head.index(SCRIPT) + len(SCRIPT)
    # The key of the node comes before the route.
    return head[start : head.index(b"\n", start)].rpartition(b"/")[2].decode()


class NullDialogue(asyncio.Protocol):
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
        """Start the script after the environment, and send the next command after every reply."""
        self._buffer += data
        if self._left is None:
            head, end, self._buffer = self._buffer.partition(b"\n\n")
            if not end:
                self._buffer = head
                return
            self._left = list(reversed(self._scripts[_route_of(head + b"\n")]))
            self._send_next()
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            if line.startswith(b"HANGUP"):
                self._transport.close()
                return
            self._send_next()

    def _send_next(self) -> None:
        assert self._left is not None
        if self._left:
            self._transport.write(self._left.pop())
            return
        NullDialogue.finished += 1
        self._transport.close()


async def _serve_scripts(port: int, scripts: Mapping[str, list[bytes]]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: NullDialogue(scripts), "127.0.0.1", port, backlog=BACKLOG)
    await stop.wait()
    server.close()


def _run_server(port: int, path: Path) -> None:
    scripts = {route: [f"{command}\n".encode() for command in commands]
               for route, commands in json.loads(path.read_text(encoding="utf-8")).items()}
    asyncio.run(_serve_scripts(port, scripts))
    path.with_suffix(".done").write_text(str(NullDialogue.finished), encoding="ascii")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _run_server(int(sys.argv[1]), Path(sys.argv[2]))
