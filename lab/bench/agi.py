"""CPU of one FastAGI call with eight commands: our listener beside panoramisk's own and a plain asyncio stream server.

The client is a process of its own, so that only the server's CPU is counted; candidates take turns and the median of
the rounds counts, because the machine is shared.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from panoramisk import fast_agi

from ivr.agi.server import FastAgi
from ivr.agi.session import Session
from lab.bench.row import Row

TAKES_S = 5.0
CALLS = 800
AT_ONCE = 64
ROUNDS = 3
COMMANDS = 8
ROUTE = "menu"
COMMAND = 'SET VARIABLE "ACD_NEXT" "hold"'
"""The same bytes from each candidate."""
GOAL_RATIO = 1.2
"""Beside panoramisk's own server, with limits, deadlines and checks that it does not have."""

HEAD = (b"agi_network: yes\nagi_network_script: menu\nagi_request: agi://127.0.0.1/menu\n"
        b"agi_channel: PJSIP/trunk-0000000e\nagi_language: tr\nagi_type: PJSIP\n"
        b"agi_uniqueid: 1795569005.1\nagi_version: 22.10.1\nagi_callerid: unknown\n"
        b"agi_calleridname: unknown\nagi_callingpres: 67\nagi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\n"
        b"agi_dnid: unknown\nagi_rdnis: unknown\nagi_context: santral-in\nagi_extension: s\nagi_priority: 6\n"
        b"agi_enhanced: 0.0\nagi_accountcode: \nagi_threadid: 140005823985344\nagi_arg_1: ana\n\n")

Candidate = Callable[[], AbstractAsyncContextManager[int]]
"""A server to measure; gives its port."""


@asynccontextmanager
async def ours() -> AsyncIterator[int]:
    """The listener that is shipped."""

    async def endpoint(session: Session) -> None:
        for _ in range(COMMANDS):
            await session.set_variable("ACD_NEXT", "hold")

    server = FastAgi(port=0)
    server.add_route(ROUTE, endpoint)
    running = asyncio.create_task(server.run())
    yield (await server.listening())[1]
    server.stop()
    await running


@asynccontextmanager
async def panoramisk() -> AsyncIterator[int]:
    """panoramisk 1.4 as it comes."""

    async def endpoint(request: fast_agi.Request) -> None:
        for _ in range(COMMANDS):
            await request.send_command(COMMAND)

    application = fast_agi.Application(loop=asyncio.get_running_loop())
    application.add_route(ROUTE, endpoint)
    async with _listening(application.handler) as port:
        yield port


@asynccontextmanager
async def streams() -> AsyncIterator[int]:
    """The least that works with asyncio streams."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.readline()).strip():
            pass
        for _ in range(COMMANDS):
            writer.write(COMMAND.encode() + b"\n")
            await writer.drain()
            await reader.readline()
        writer.close()

    async with _listening(handler) as port:
        yield port


@asynccontextmanager
async def _listening(handler: Callable[..., object]) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)  # type: ignore[arg-type]  # panoramisk has no types
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _call(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD)
    while await reader.readline():
        writer.write(b"200 result=1\n")
    writer.close()


async def _caller(port: int, calls: int) -> None:
    left = iter(range(calls))

    async def one_after_the_other() -> None:
        for _ in left:
            await _call(port)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_after_the_other())


async def _measure(candidate: Candidate) -> float:
    """CPU of the server in microseconds a call."""
    async with candidate() as port:
        client = await asyncio.create_subprocess_exec(sys.executable, "-m", "lab.bench.agi", str(port), str(CALLS))
        before = time.process_time()
        if await client.wait() != 0:
            raise RuntimeError("the benchmark's caller process failed")
        return (time.process_time() - before) / CALLS * 1e6


def rows() -> Sequence[Row]:
    """Two rows: ours beside panoramisk's, and the plain stream server for orientation."""
    candidates: dict[str, Candidate] = {"ours": ours, "panoramisk": panoramisk, "streams": streams}
    seen: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, candidate in candidates.items():
            seen[name].append(asyncio.run(_measure(candidate)))
    cost = {name: statistics.median(values) for name, values in seen.items()}
    ratio = cost["panoramisk"] / cost["ours"]
    beside = f"panoramisk Application {cost['panoramisk']:.0f} us"
    return (
        Row("agi.cpu_per_call", cost["ours"], "us", beside, ratio, f">= {GOAL_RATIO}x", ratio >= GOAL_RATIO),
        Row("agi.cpu_per_call.streams", cost["streams"], "us", beside, cost["panoramisk"] / cost["streams"], "", None),
    )


if __name__ == "__main__":
    asyncio.run(_caller(int(sys.argv[1]), int(sys.argv[2])))
