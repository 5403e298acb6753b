"""CPU of one FastAGI call with eight commands: our listener, panoramisk's own server and a plain asyncio stream server.

Servers and client are separate processes, so only the server's CPU is counted. Candidates take turns and the median of
the rounds counts, because the machine is shared.

An asyncio stream frees a buffer of 256 KiB after each read, and our listener has one buffer for all. The cost of that
depends on the allocator: it keeps freed memory or returns it to the kernel, by chance of the heap's shape. All
candidates therefore run with each of the two settings. The goal is for kept memory, which favours the others.

Two more rows tell how long a dialogue takes at most while a thousand connections come that say nothing, and while they
stay.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
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
SILENT = 1_000
"""Connections that send one line of an environment and no more: the listener must wait for the rest."""
CALLERS = 300
"""Callers one after the other, without and with silent connections."""
GOAL_DELAY_MS = 100.0
"""A caller hears no pause as short as this."""
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


@asynccontextmanager
async def _start_candidate(name: str, setting: str) -> AsyncIterator[tuple[int, Callable[[], Awaitable[float]]]]:
    """Run a server in a separate process. Yield its port, and what ends it and returns its CPU seconds."""
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.agi", "serve", name, stdin=pipe,
                                                  stdout=pipe, env={**os.environ, **ALLOCATOR[setting]})
    assert server.stdin is not None and server.stdout is not None
    stdin, stdout = server.stdin, server.stdout

    async def end_server() -> float:
        stdin.close()
        return float(await stdout.readline())

    try:
        yield int(await stdout.readline()), end_server
    finally:
        if server.returncode is None:
            stdin.close()
        await server.wait()


async def _measure_cpu_us(name: str, setting: str) -> float:
    """Return the CPU of the server in microseconds a call."""
    async with _start_candidate(name, setting) as (port, end_server):
        client = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.agi", "call", str(port), str(CALLS))
        if await client.wait() != 0:
            raise RuntimeError("the benchmark's caller process failed")
        return await end_server() / CALLS * 1e6


async def _measure_delays_ms() -> tuple[list[float], list[float], list[float]]:
    """Return the milliseconds of dialogues without, with new and with old connections that say nothing."""
    pipe = asyncio.subprocess.PIPE
    async with _start_candidate("ours", KEPT) as (port, end_server):
        alone = await _time_callers(port, CALLERS)
        silence = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.agi", "silence", str(port),
                                                       stdin=pipe, stdout=pipe)
        assert silence.stdin is not None and silence.stdout is not None
        # The connections come as soon as the other process has started.
        told = asyncio.create_task(silence.stdout.readline())
        new = []
        while not told.done():
            new += await _time_callers(port, 1)
        old = await _time_callers(port, CALLERS)
        silence.stdin.close()
        await silence.wait()
        await end_server()
    return alone, new, old


async def _time_callers(port: int, callers: int) -> list[float]:
    found = []
    for _ in range(callers):
        began = time.perf_counter()
        await _make_call(port)
        found.append((time.perf_counter() - began) * 1e3)
    return found


async def _say_nothing(port: int) -> None:
    """Open many connections that send one line only, and hold them until stdin ends."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limit, min(most, 2 * SILENT)), most))
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(SILENT)]
    for _, writer in held:
        writer.write(HEAD[:HEAD.index(b"\n") + 1])
    print("there", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def measure_rows() -> Sequence[Row]:
    """Measure our listener and a plain stream server against panoramisk's, with both settings of the allocator."""
    seen: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for setting in ALLOCATOR:
            for name in CANDIDATES:
                seen.setdefault((setting, name), []).append(asyncio.run(_measure_cpu_us(name, setting)))
    cost = {key: statistics.median(values) for key, values in seen.items()}
    alone, new, old = asyncio.run(_measure_delays_ms())
    return [*(_cost_row(cost, setting, name) for setting in ALLOCATOR for name in ("ours", "streams")),
            *(Row(f"agi.delay_by_silent.{name}", max(found) - statistics.median(alone), "ms",
                  f"median dialogue without them {statistics.median(alone):.2f} ms, slowest {max(alone):.2f} ms", None,
                  f"<= {GOAL_DELAY_MS:.0f} ms", max(found) - statistics.median(alone) <= GOAL_DELAY_MS)
              for name, found in (("coming", new), ("there", old)))]


def _cost_row(cost: Mapping[tuple[str, str], float], setting: str, name: str) -> Row:
    mine, theirs = cost[setting, name], cost[setting, "panoramisk"]
    has_goal = (setting, name) == (KEPT, "ours")
    return Row(f"agi.cpu_per_call.{setting}" + ("" if name == "ours" else f".{name}"), mine, "us",
               f"panoramisk Application {theirs:.0f} us", theirs / mine, f">= {GOAL_RATIO}x" if has_goal else "",
               theirs / mine >= GOAL_RATIO if has_goal else None)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve_candidate(sys.argv[2]))
    elif sys.argv[1] == "silence":
        asyncio.run(_say_nothing(int(sys.argv[2])))
    else:
        asyncio.run(_make_calls(int(sys.argv[2]), int(sys.argv[3])))
