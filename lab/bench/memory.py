"""Memory of a waiting call: in the engine and the store's cache, and while it holds a FastAGI connection.

50,000 callers enter the line, wait, and hang up again, twice. What Python allocated is counted by `tracemalloc` (engine
alone, exact to the byte), what the process takes from the machine by its resident size (engine and SQLite store). After
each hang-up everything must be back where it began, but for caches with a limit and a name; the second time nothing at
all may be added. Each figure comes from a fresh process of its own.

With a connection: 1,000 calls whose dialogue waits for a key, each with its contact in the engine, in the listener that
is shipped; beside it the plain way to write the same thing, a stream server with a task a call that keeps the
environment and the contact in dicts. The callers are a process of their own, kernel buffers are not counted.
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

from ivr.agi.server import FastAgi, Limits
from ivr.agi.session import Session
from lab.bench.row import Row
from routing.core.domain import OVER_REMEMBERED
from routing.core.engine import Engine
from routing.core.events import Configured, ContactGone, ContactQueued, Event
from routing.core.ids import AgentId, ContactId, ServiceId, SkillId
from routing.core.model import Agent, Centre, Service, Step
from routing.runner import Turn
from routing.store.store import Store

TAKES_S = 30.0
WAITING = 50_000
CONNECTIONS = 1_000
BATCH = 64
"""Events of one commit, as many as the runner takes."""
WAITING_MAX_B = 2_048
ALL_MAX_MB = 110.0
REMEMBERED_B = 256
"""Bytes at most of one ended contact that is remembered (`OVER_REMEMBERED` of them): its id, a time, its place in the
table."""
PLACES_B = 64
"""Bytes at most that tables of Python keep for each of the most contacts there ever were (a dict grows smaller at its
next growth, not before): the second day uses them again."""
AGAIN_MAX_B = 64 * 1024
"""What a second day may add: interpreter's own tables that grow in steps."""
AGENTS = 180
SERVICE, SKILL = ServiceId("bilgi"), SkillId("bilgi")
START_S = 1_800_000_000.0
HEAD = ("agi_network: yes\nagi_network_script: menu\nagi_request: agi://127.0.0.1/menu\n"
        "agi_channel: PJSIP/trunk-{number:08x}\nagi_language: tr\nagi_type: PJSIP\n"
        "agi_uniqueid: 1795569005.{number}\nagi_version: 22.10.1\nagi_callerid: unknown\n"
        "agi_calleridname: unknown\nagi_callingpres: 67\nagi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\n"
        "agi_dnid: unknown\nagi_rdnis: unknown\nagi_context: santral-in\nagi_extension: s\nagi_priority: 6\n"
        "agi_enhanced: 0.0\nagi_accountcode: \nagi_threadid: 140005823985344\nagi_arg_1: ana\n\n")


class Waiting(NamedTuple):
    """What 50,000 callers took."""

    each: float
    """Bytes of one while it waits."""
    drained: float
    """Bytes left when all have gone, above the start."""
    again: float
    """Bytes added by the same once more."""


def rows() -> Sequence[Row]:
    """Measure, each in a process of its own."""
    traced, resident = Waiting(*_alone(_traced)), Waiting(*_alone(_resident))
    ours, plain = _alone(_connected, "ours"), _alone(_connected, "plain")
    total = resident.each * WAITING / 1e6
    kept = OVER_REMEMBERED * REMEMBERED_B + WAITING * PLACES_B
    return (
        Row("memory.waiting", traced.each, "B", f"engine alone, {WAITING:,} waiting", None, f"<= {WAITING_MAX_B} B",
            traced.each <= WAITING_MAX_B),
        Row("memory.waiting.resident", resident.each, "B", "engine and store, growth of the process", None,
            f"<= {WAITING_MAX_B} B", resident.each <= WAITING_MAX_B),
        Row("memory.waiting.all", total, "MB", f"{WAITING:,} waiting, resident", None, f"<= {ALL_MAX_MB:g} MB",
            total <= ALL_MAX_MB),
        Row("memory.drained", traced.drained / 1024, "KiB", f"{OVER_REMEMBERED:,} ended ids, {WAITING:,} places", None,
            f"<= {kept / 1024:.0f} KiB", traced.drained <= kept),
        Row("memory.drained.again", traced.again / 1024, "KiB", "what a second day adds", None,
            f"<= {AGAIN_MAX_B // 1024} KiB", traced.again <= AGAIN_MAX_B),
        Row("memory.connected", ours, "B", f"streams, task and dicts: {plain:.0f} B", plain / ours, "< the yardstick",
            ours < plain),
    )


# -- a process for each figure -----------------------------------------------------------------------------------------


def _alone(function: Callable[..., Any], *arguments: str) -> Any:
    """What the function gives in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(function, arguments)


def _resident_bytes() -> int:
    gc.collect()
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this machine does not tell the size of a process")


def _traced_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


# -- callers who wait --------------------------------------------------------------------------------------------------


def _centre() -> Centre:
    return Centre((Service(SERVICE, "Bilgi", (Step(((SKILL, 1),)),)),),
                  tuple(Agent(AgentId(f"a{number}"), ((SKILL, 50),)) for number in range(AGENTS)))


def _queued(number: int) -> ContactQueued:
    """A caller as the dialogue announces one: every text a new one, as it comes out of the bytes."""
    return ContactQueued(
        ContactId(f"1795569005.{number}"), ServiceId("".join(SERVICE)), f"PJSIP/trunk-{number:08x}",
        caller_hash=f"{number:064x}", caller_box=f"{number:0120x}", node="n1")


def _gone(number: int) -> ContactGone:
    return ContactGone(ContactId(f"1795569005.{number}"))


class _Day:
    """An engine, with a store or without, that callers come to and leave."""

    def __init__(self, store: Store | None = None) -> None:
        self.engine = Engine()
        self.store = store
        self.now = START_S

    async def take(self, events: Sequence[Event]) -> None:
        """One turn."""
        self.now += 0.01
        for event in events:
            self.engine.handle(event, self.now)
        changes, facts = self.engine.take_changes(), self.engine.take_facts()
        if self.store is not None:
            await self.store.commit(Turn([(self.now, event) for event in events], facts, changes))

    async def all_of(self, make: Callable[[int], Event], first: int) -> None:
        """The same of every caller."""
        for start in range(first, first + WAITING, BATCH):
            await self.take([make(number) for number in range(start, min(start + BATCH, first + WAITING))])

    async def waiting(self, measure: Callable[[], int]) -> Waiting:
        """Two days: fill, drain, fill, drain."""
        await self.take([Configured(_centre())])
        for number in range(BATCH):  # what is made once is made now
            await self.take([_queued(10**8 + number)])
            await self.take([_gone(10**8 + number)])
        before = measure()
        await self.all_of(_queued, 0)
        full = measure()
        if len(self.engine.live_contacts()) != WAITING:
            raise RuntimeError("somebody does not wait")
        await self.all_of(_gone, 0)
        drained = measure()
        await self.all_of(_queued, WAITING)
        await self.all_of(_gone, WAITING)
        again = measure()
        if self.engine.live_contacts():
            raise RuntimeError("somebody still waits")
        return Waiting((full - before) / WAITING, drained - before, again - drained)


def _traced() -> Waiting:
    tracemalloc.start()
    return asyncio.run(_Day().waiting(_traced_bytes))


def _resident() -> Waiting:
    async def measure() -> Waiting:
        with tempfile.TemporaryDirectory() as folder:
            store = await Store.open(Path(folder) / "memory.db")
            await store.take_lease("bench")
            found = await _Day(store).waiting(_resident_bytes)
            await store.close()
            return found
    return asyncio.run(measure())


# -- callers with a connection -----------------------------------------------------------------------------------------


def _connected(which: str) -> float:
    """Bytes of a call that holds a connection."""
    return asyncio.run(_ours() if which == "ours" else _plain())


async def _ours() -> float:
    engine = Engine()
    engine.handle(Configured(_centre()), START_S)
    parked = asyncio.Semaphore(0)

    async def menu(session: Session) -> None:
        number = int(session.uniqueid.partition(".")[2])
        engine.handle(_queued(number)._replace(contact=ContactId(session.uniqueid), leg=session.channel), START_S)
        engine.take_facts()
        parked.release()
        await session.wait_for_digit(60_000)

    server = FastAgi(port=0, limits=Limits(calls=2 * CONNECTIONS, backlog=CONNECTIONS))
    server.add_route("menu", menu)
    running = asyncio.create_task(server.run())
    port = (await server.listening())[1]
    each = await _each(port, parked)
    server.stop()
    await running
    return each


async def _plain() -> float:
    """The plain way. It has no limits, no deadlines and no checks."""
    contacts: dict[str, dict[str, Any]] = {}
    parked = asyncio.Semaphore(0)

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        values = {}
        while line := (await reader.readline()).strip():
            name, _, value = line.decode().partition(": ")
            values[name] = value
        number = int(values["agi_uniqueid"].partition(".")[2])
        queued = _queued(number)._replace(contact=ContactId(values["agi_uniqueid"]), leg=values["agi_channel"])
        contacts[queued.contact] = dict(queued._asdict(), at=START_S, state="pending", version=1, step=0)
        parked.release()
        writer.write(b'WAIT FOR DIGIT "60000"\n')
        with suppress(ConnectionError):
            async with asyncio.timeout(65):
                await reader.readline()
        writer.close()

    server = await asyncio.start_server(call, "127.0.0.1", 0, backlog=CONNECTIONS)
    each = await _each(server.sockets[0].getsockname()[1], parked)
    server.close()
    return each


async def _each(port: int, parked: asyncio.Semaphore) -> float:
    """Bytes a connection, between 100 of them and all of them."""
    first = CONNECTIONS // 10
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lab.bench.memory", str(port), stdin=asyncio.subprocess.PIPE)
    assert client.stdin is not None

    async def more(begin: int, end: int) -> None:
        assert client.stdin is not None
        client.stdin.write(f"{begin} {end}\n".encode())
        for _ in range(begin, end):
            await parked.acquire()
        await asyncio.sleep(0.1)  # what the last of them began is over

    await more(0, first)
    tracemalloc.start()
    before = _traced_bytes()
    await more(first, CONNECTIONS)
    after = _traced_bytes()
    tracemalloc.stop()
    client.stdin.close()
    await client.wait()
    return (after - before) / (CONNECTIONS - first)


async def _callers(port: int) -> None:
    """The other process: opens connections as it is told, and holds them until its input ends."""
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
    work: Coroutine[Any, Any, None] = _callers(int(sys.argv[1]))
    asyncio.run(work)
