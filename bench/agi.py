"""CPU of one FastAGI call with eight commands: our listener, panoramisk's own server and a plain asyncio stream server.

Servers and client are separate processes, so only the server's CPU is counted. Candidates take turns and the median of
the rounds counts, because the machine is shared.

An asyncio stream frees a buffer of 256 KiB after each read, and our listener has one buffer for all. The cost of that
depends on the allocator: it keeps freed memory or returns it to the kernel, by chance of the heap's shape. All
candidates therefore run with each of the two settings. The goal is for kept memory, which favours the others.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from panoramisk import fast_agi

from bench.row import Row
from ivr.agi.server import FastAgi
from ivr.agi.session import Session

TAKES_S = 10.0
CALLS = 800
AT_ONCE = 64
ROUNDS = 5
COMMANDS = 8
ROUTE = "menu"
COMMAND = 'SET VARIABLE "ACD_NEXT" "hold"'
"""Each candidate sends the same bytes."""
GOAL_RATIO = 0.8
"""Least ratio to panoramisk's own server, which has no limits, deadlines or checks. They may cost a quarter."""
KEPT, RELEASED = "kept", "released"
ALLOCATOR: Mapping[str, Mapping[str, str]] = {
    KEPT: {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)},
    RELEASED: {"MALLOC_MMAP_THRESHOLD_": str(128 << 10), "MALLOC_TRIM_THRESHOLD_": str(128 << 10)},
}
"""Settings of glibc. Kept: all memory comes from the heap, which never shrinks. Released: each buffer of 256 KiB is
mapped and unmapped."""

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


CANDIDATES: Mapping[str, Candidate] = {"ours": serve_santral, "panoramisk": serve_panoramisk, "streams": serve_streams}


async def _serve_candidate(name: str) -> None:
    """Serve until stdin ends. Write the port first, and the CPU seconds since then last."""
    async with CANDIDATES[name]() as port:
        print(port, flush=True)
        before = time.process_time()
        await asyncio.to_thread(sys.stdin.read)
        print(time.process_time() - before, flush=True)


async def _measure_cpu_us(name: str, setting: str) -> float:
    """Return the CPU of the server in microseconds a call."""
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.agi", "serve", name, stdin=pipe,
                                                  stdout=pipe, env={**os.environ, **ALLOCATOR[setting]})
    assert server.stdin is not None and server.stdout is not None
    try:
        port = int(await server.stdout.readline())
        client = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.agi", "call", str(port), str(CALLS))
        if await client.wait() != 0:
            raise RuntimeError("the benchmark's caller process failed")
        server.stdin.close()
        return float(await server.stdout.readline()) / CALLS * 1e6
    finally:
        if server.returncode is None:
            server.stdin.close()
        await server.wait()


def measure_rows() -> Sequence[Row]:
    """Measure our listener and a plain stream server against panoramisk's, with both settings of the allocator."""
    seen: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for setting in ALLOCATOR:
            for name in CANDIDATES:
                seen.setdefault((setting, name), []).append(asyncio.run(_measure_cpu_us(name, setting)))
    cost = {key: statistics.median(values) for key, values in seen.items()}
    return [_cost_row(cost, setting, name) for setting in ALLOCATOR for name in ("ours", "streams")]


def _cost_row(cost: Mapping[tuple[str, str], float], setting: str, name: str) -> Row:
    mine, theirs = cost[setting, name], cost[setting, "panoramisk"]
    has_goal = (setting, name) == (KEPT, "ours")
    return Row(f"agi.cpu_per_call.{setting}" + ("" if name == "ours" else f".{name}"), mine, "us",
               f"panoramisk Application {theirs:.0f} us", theirs / mine, f">= {GOAL_RATIO}x" if has_goal else "",
               theirs / mine >= GOAL_RATIO if has_goal else None)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve_candidate(sys.argv[2]))
    else:
        asyncio.run(_make_calls(int(sys.argv[2]), int(sys.argv[3])))
