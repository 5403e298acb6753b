"""Memory of a waiting call: in the engine and the store's cache, and while it holds a FastAGI connection.

50,000 callers enter the queue, wait and hang up, twice. `tracemalloc` counts what Python allocated (engine alone, exact
to the byte). The resident size shows the growth of the process (engine and SQLite store). After each hang-up everything
must be back at the start, except named caches with a limit. The second time nothing may be added. Each figure comes
from a fresh process.

With a connection: 1,000 calls whose dialogue waits for a key, each with its contact in the engine, run in the listener
that is shipped. It is compared with the plain way: a stream server with a task for each call that keeps the environment
and the contact in dicts. The callers are a separate process, and kernel buffers are not counted.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from bench.row import Row
from ivr.agi.server import FastAgi, Limits
from ivr.agi.session import Session
from routing.core.domain import ENDED_REMEMBERED
from routing.core.engine import Engine
from routing.core.events import CallerHungUp, Configured, ContactQueued, Event
from routing.core.model.centre_model import Agent, Centre, Service, Step
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from routing.runner import RunnerTurn
from routing.store.store import Store

TAKES_S = 30.0
WAITING = 50_000
CONNECTIONS = 1_000
BATCH = 64
"""Events of one commit, as many as the runner takes."""
WAITING_MAX_B = 2_048
ALL_MAX_MB = 110.0
REMEMBERED_B = 256
"""Most bytes of one ended contact that is remembered (`ENDED_REMEMBERED` of them): its id, a time, its place in the
table."""
PLACES_B = 64
"""Most bytes that Python's tables keep for each of the largest number of contacts.

A dict shrinks at its next growth, not before. The second day uses these places again.
"""
SECOND_DAY_MAX_B = 64 * 1024
"""Limit for what a second day may add: the interpreter's own tables that grow in steps."""
AGENTS = 180
SERVICE, SKILL = ServiceId("bilgi"), SkillId("bilgi")
START_S = 1_800_000_000.0
HEAD = ("agi_network: yes\nagi_network_script: menu\nagi_request: agi://127.0.0.1/menu\n"
        "agi_channel: PJSIP/trunk-{number:08x}\nagi_language: tr\nagi_type: PJSIP\n"
        "agi_uniqueid: 1795569005.{number}\nagi_version: 22.10.1\nagi_callerid: unknown\n"
        "agi_calleridname: unknown\nagi_callingpres: 67\nagi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\n"
        "agi_dnid: unknown\nagi_rdnis: unknown\nagi_context: santral-in\nagi_extension: s\nagi_priority: 6\n"
        "agi_enhanced: 0.0\nagi_accountcode: \nagi_threadid: 140005823985344\nagi_arg_1: ana\n\n")


class WaitingCost(NamedTuple):
    """Cost of 50,000 callers."""

    each: float
    """Bytes of one caller while it waits."""
    drained: float
    """Bytes above the start when all have gone."""
    second_day: float
    """Bytes added by a second day."""


def measure_rows() -> Sequence[Row]:
    """Measure each figure in a separate process."""
    traced, resident = WaitingCost(*_run_in_fresh_process(_measure_traced)), WaitingCost(
        *_run_in_fresh_process(_measure_resident))
    ours, plain = _run_in_fresh_process(_connection_bytes, "ours"), _run_in_fresh_process(_connection_bytes, "plain")
    total = resident.each * WAITING / 1e6
    kept = ENDED_REMEMBERED * REMEMBERED_B + WAITING * PLACES_B
    return (
        Row("memory.waiting", traced.each, "B", f"engine alone, {WAITING:,} waiting", None, f"<= {WAITING_MAX_B} B",
            traced.each <= WAITING_MAX_B),
        Row("memory.waiting.resident", resident.each, "B", "engine and store, growth of the process", None,
            f"<= {WAITING_MAX_B} B", resident.each <= WAITING_MAX_B),
        Row("memory.waiting.all", total, "MB", f"{WAITING:,} waiting, resident", None, f"<= {ALL_MAX_MB:g} MB",
            total <= ALL_MAX_MB),
        Row("memory.drained", traced.drained / 1024, "KiB", f"{ENDED_REMEMBERED:,} ended ids, {WAITING:,} places", None,
            f"<= {kept / 1024:.0f} KiB", traced.drained <= kept),
        Row("memory.drained.again", traced.second_day / 1024, "KiB", "what a second day adds", None,
            f"<= {SECOND_DAY_MAX_B // 1024} KiB", traced.second_day <= SECOND_DAY_MAX_B),
        Row("memory.connected", ours, "B", f"streams, task and dicts: {plain:.0f} B", plain / ours, "< the yardstick",
            ours < plain),
    )


# -- a process for each figure -----------------------------------------------------------------------------------------


def _run_in_fresh_process(function: Callable[..., Any], *arguments: str) -> Any:
    """Run the function in a fresh process and return its result."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(function, arguments)


def _resident_bytes() -> int:
    gc.collect()
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this machine does not report the size of a process")


def _traced_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


# -- callers who wait --------------------------------------------------------------------------------------------------


def _build_centre() -> Centre:
    return Centre((Service(SERVICE, "Bilgi", (Step(((SKILL, 1),)),)),),
                  tuple(Agent(AgentId(f"a{number}"), ((SKILL, 50),)) for number in range(AGENTS)))


def _queued_event(number: int) -> ContactQueued:
    """Build a caller as the dialogue announces one. Every text is a new object, as it comes out of the bytes."""
    return ContactQueued(
        ContactId(f"1795569005.{number}"), ServiceId("".join(SERVICE)), f"PJSIP/trunk-{number:08x}",
        caller_hash=f"{number:064x}", number_encrypted=f"{number:0120x}", node="n1")


def _gone_event(number: int) -> CallerHungUp:
    return CallerHungUp(ContactId(f"1795569005.{number}"))


class _EngineDay:
    """An engine, with or without a store, whose callers come and leave."""

    def __init__(self, store: Store | None = None) -> None:
        self.engine = Engine()
        self.store = store
        self.now = START_S

    async def run_turn(self, events: Sequence[Event]) -> None:
        """Handle one turn."""
        self.now += 0.01
        for event in events:
            self.engine.handle(event, self.now)
        changes, facts = self.engine.take_changes(), self.engine.take_facts()
        if self.store is not None:
            await self.store.commit(RunnerTurn([(self.now, event) for event in events], facts, changes))

    async def run_for_all(self, make: Callable[[int], Event], first: int) -> None:
        """Handle one event of every caller."""
        for start in range(first, first + WAITING, BATCH):
            await self.run_turn([make(number) for number in range(start, min(start + BATCH, first + WAITING))])

    async def measure_waiting(self, measure: Callable[[], int]) -> WaitingCost:
        """Measure two days: fill, drain, fill, drain."""
        await self.run_turn([Configured(_build_centre())])
        for number in range(BATCH):  # tables that are made once are made now
            await self.run_turn([_queued_event(10**8 + number)])
            await self.run_turn([_gone_event(10**8 + number)])
        before = measure()
        await self.run_for_all(_queued_event, 0)
        full = measure()
        if len(self.engine.live_contacts()) != WAITING:
            raise RuntimeError("somebody does not wait")
        await self.run_for_all(_gone_event, 0)
        drained = measure()
        await self.run_for_all(_queued_event, WAITING)
        await self.run_for_all(_gone_event, WAITING)
        again = measure()
        if self.engine.live_contacts():
            raise RuntimeError("somebody still waits")
        return WaitingCost((full - before) / WAITING, drained - before, again - drained)


def _measure_traced() -> WaitingCost:
    tracemalloc.start()
    return asyncio.run(_EngineDay().measure_waiting(_traced_bytes))


def _measure_resident() -> WaitingCost:
    async def measure_with_store() -> WaitingCost:
        with tempfile.TemporaryDirectory() as folder:
            store = await Store.open_store(Path(folder) / "memory.db")
            await store.take_lease("bench")
            found = await _EngineDay(store).measure_waiting(_resident_bytes)
            await store.close()
            return found
    return asyncio.run(measure_with_store())


# -- callers with a connection -----------------------------------------------------------------------------------------


def _connection_bytes(which: str) -> float:
    """Return the bytes of a call that holds a connection."""
    return asyncio.run(_hold_by_santral() if which == "ours" else _hold_by_streams())


async def _hold_by_santral() -> float:
    engine = Engine()
    engine.handle(Configured(_build_centre()), START_S)
    parked = asyncio.Semaphore(0)

    async def hold_caller(session: Session) -> None:
        number = int(session.uniqueid.partition(".")[2])
        engine.handle(_queued_event(number)._replace(contact=ContactId(session.uniqueid), leg=session.channel), START_S)
        engine.take_facts()
        parked.release()
        await session.wait_for_digit(60_000)

    server = FastAgi(port=0, limits=Limits(calls=2 * CONNECTIONS, backlog=CONNECTIONS))
    server.add_route("menu", hold_caller)
    running = asyncio.create_task(server.run())
    port = (await server.wait_listening())[1]
    each = await _bytes_per_connection(port, parked)
    server.stop()
    await running
    return each


async def _hold_by_streams() -> float:
    """Measure the plain way, which has no limits, deadlines or checks."""
    contacts: dict[str, dict[str, Any]] = {}
    parked = asyncio.Semaphore(0)

    async def hold_caller(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        values = {}
        while line := (await reader.readline()).strip():
            name, _, value = line.decode().partition(": ")
            values[name] = value
        number = int(values["agi_uniqueid"].partition(".")[2])
        queued = _queued_event(number)._replace(contact=ContactId(values["agi_uniqueid"]), leg=values["agi_channel"])
        contacts[queued.contact] = dict(queued._asdict(), at=START_S, state="pending", version=1, step=0)
        parked.release()
        writer.write(b'WAIT FOR DIGIT "60000"\n')
        with suppress(ConnectionError):
            async with asyncio.timeout(65):
                await reader.readline()
        writer.close()

    server = await asyncio.start_server(hold_caller, "127.0.0.1", 0, backlog=CONNECTIONS)
    each = await _bytes_per_connection(server.sockets[0].getsockname()[1], parked)
    server.close()
    return each


async def _bytes_per_connection(port: int, parked: asyncio.Semaphore) -> float:
    """Return the bytes of a connection, between a tenth of them and all of them."""
    first = CONNECTIONS // 10
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.memory", str(port), stdin=asyncio.subprocess.PIPE)
    assert client.stdin is not None

    async def open_connections(begin: int, end: int) -> None:
        assert client.stdin is not None
        client.stdin.write(f"{begin} {end}\n".encode())
        for _ in range(begin, end):
            await parked.acquire()
        await asyncio.sleep(0.1)  # the last one has settled

    await open_connections(0, first)
    tracemalloc.start()
    before = _traced_bytes()
    await open_connections(first, CONNECTIONS)
    after = _traced_bytes()
    tracemalloc.stop()
    client.stdin.close()
    await client.wait()
    return (after - before) / (CONNECTIONS - first)


async def _run_callers(port: int) -> None:
    """Run the other process: open connections as told, and hold them until its input ends."""
    held = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        begin, end = map(int, line.split())
        for number in range(begin, end):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HEAD.format(number=number).encode())
            held.append((reader, writer))
    for _, writer in held:
        writer.close()


if __name__ == "__main__":
    work: Coroutine[Any, Any, None] = _run_callers(int(sys.argv[1]))
    asyncio.run(work)
