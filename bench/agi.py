"""CPU of one FastAGI call with eight commands: our listener, panoramisk's own server and a plain asyncio stream server.

The client is a separate process, so only the server's CPU is counted. Candidates take turns and the median of the
rounds counts, because the machine is shared.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from panoramisk import fast_agi

from bench.row import Row
from ivr.agi.server import FastAgi
from ivr.agi.session import Session

TAKES_S = 5.0
CALLS = 800
AT_ONCE = 64
ROUNDS = 3
COMMANDS = 8
ROUTE = "menu"
COMMAND = 'SET VARIABLE "ACD_NEXT" "hold"'
"""Each candidate sends the same bytes."""
GOAL_RATIO = 1.2
"""Least ratio to panoramisk's own server, which has no limits, deadlines or checks."""

HEAD = (b"agi_network: yes\nagi_network_script: menu\nagi_request: agi://127.0.0.1/menu\n"
        b"agi_channel: PJSIP/trunk-0000000e\nagi_language: tr\nagi_type: PJSIP\n"
        b"agi_uniqueid: 1795569005.1\nagi_version: 22.10.1\nagi_callerid: unknown\n"
        b"agi_calleridname: unknown\nagi_callingpres: 67\nagi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\n"
        b"agi_dnid: unknown\nagi_rdnis: unknown\nagi_context: santral-in\nagi_extension: s\nagi_priority: 6\n"
        b"agi_enhanced: 0.0\nagi_accountcode: \nagi_threadid: 140005823985344\nagi_arg_1: ana\n\n")

Candidate = Callable[[], AbstractAsyncContextManager[int]]
"""A server to measure. It yields its port."""


@asynccontextmanager
async def serve_santral() -> AsyncIterator[int]:
    """Serve with the listener that is shipped."""

    async def send_commands(session: Session) -> None:
        for _ in range(COMMANDS):
            await session.set_variable("ACD_NEXT", "hold")

    server = FastAgi(port=0)
    server.add_route(ROUTE, send_commands)
    running = asyncio.create_task(server.run())
    yield (await server.wait_listening())[1]
    server.stop()
    await running


@asynccontextmanager
async def serve_panoramisk() -> AsyncIterator[int]:
    """Serve with panoramisk 1.4, unchanged."""

    async def send_commands(request: fast_agi.Request) -> None:
        for _ in range(COMMANDS):
            await request.send_command(COMMAND)

    application = fast_agi.Application(loop=asyncio.get_running_loop())
    application.add_route(ROUTE, send_commands)
    async with _listen_with(application.handler) as port:
        yield port


@asynccontextmanager
async def serve_streams() -> AsyncIterator[int]:
    """Serve with the least code that works with asyncio streams."""

    async def send_commands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.readline()).strip():
            pass
        for _ in range(COMMANDS):
            writer.write(COMMAND.encode() + b"\n")
            await writer.drain()
            await reader.readline()
        writer.close()

    async with _listen_with(send_commands) as port:
        yield port


@asynccontextmanager
async def _listen_with(handler: Callable[..., object]) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)  # type: ignore[arg-type]  # panoramisk has no types
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _make_call(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD)
    while await reader.readline():
        writer.write(b"200 result=1\n")
    writer.close()


async def _make_calls(port: int, calls: int) -> None:
    left = iter(range(calls))

    async def call_in_sequence() -> None:
        for _ in left:
            await _make_call(port)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(call_in_sequence())


async def _measure_cpu_us(candidate: Candidate) -> float:
    """Return the CPU of the server in microseconds a call."""
    async with candidate() as port:
        client = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.agi", str(port), str(CALLS))
        before = time.process_time()
        if await client.wait() != 0:
            raise RuntimeError("the benchmark's caller process failed")
        return (time.process_time() - before) / CALLS * 1e6


def measure_rows() -> Sequence[Row]:
    """Measure two rows: our listener against panoramisk's, and the plain stream server for orientation."""
    candidates: dict[str, Candidate] = {"ours": serve_santral, "panoramisk": serve_panoramisk, "streams": serve_streams}
    seen: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, candidate in candidates.items():
            seen[name].append(asyncio.run(_measure_cpu_us(candidate)))
    cost = {name: statistics.median(values) for name, values in seen.items()}
    ratio = cost["panoramisk"] / cost["ours"]
    beside = f"panoramisk Application {cost['panoramisk']:.0f} us"
    return (
        Row("agi.cpu_per_call", cost["ours"], "us", beside, ratio, f">= {GOAL_RATIO}x", ratio >= GOAL_RATIO),
        Row("agi.cpu_per_call.streams", cost["streams"], "us", beside, cost["panoramisk"] / cost["streams"], "", None),
    )


if __name__ == "__main__":
    asyncio.run(_make_calls(int(sys.argv[1]), int(sys.argv[2])))
