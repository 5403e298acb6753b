"""A gateway for short messages over a real socket, with every fault that its client may meet."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

Do = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer(status: int, body: str = "", *, more: str = "", length: int | None = None) -> Do:
    """Says this and closes; `length`: another one than it has."""
    async def do(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body) if length is None else length}\r\n{more}"
                     f"Connection: close\r\n\r\n{body}".encode())
        await writer.drain()
    return do


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Half open: takes the request and never says a word."""
    await reader.read()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Before the first word."""


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Not HTTP at all."""
    writer.write(b"\x00\xff220 ready\r\n\r\n\r\n")
    await writer.drain()


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        await writer.drain()


class FakeGateway:
    """`does` is what it does next, in turn; the last one for ever. `asked`: what it was given."""

    def __init__(self, *does: Do) -> None:
        self.does = list(does) or [answer(200, "OK")]
        self.asked: list[dict[str, Any]] = []
        self.heads: list[str] = []
        self.url = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line.split(":")[1]) for line in head.split("\r\n")
                          if line.lower().startswith("content-length"))
            body = (await reader.readexactly(length)).decode()
            self.heads.append(head)
            self.asked.append(json.loads(body) if body.startswith("{") else dict(parse_qsl(body)))
            do = self.does.pop(0) if len(self.does) > 1 else self.does[0]
            await do(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def gateway(*does: Do, tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeGateway]:
    """One that listens."""
    fake = FakeGateway(*does)
    server = await asyncio.start_server(fake._serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    fake.url = f"http{'s' if tls else ''}://127.0.0.1:{port}/send"
    try:
        yield fake
    finally:
        server.close()
        server.close_clients() if hasattr(server, "close_clients") else None
