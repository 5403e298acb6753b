"""200 desks on live events next to 200 that ask for their state each second: delay of a change, and CPU of the node.

The node has the shipped runner, store (SQLite, `synchronous=FULL`) and HTTP server. The clients are in a separate
process. Agents change their state ten times a second in all, as in a full centre. Three kinds of rounds take turns in
one run: nobody looks, all desks poll, all desks follow the events. The CPU of the rounds in which nobody looks is
taken off the others. A delay runs from the event that is posted to the client that has read the change.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, cast

import aiohttp

from bench.harness.stored_engine import open_engine, sign_in_agents
from bench.row import Row
from desk.api.node_operations import NodeOperations
from desk.api.tokens import Tokens
from desk.desk import Desk
from desk.live.event_stream import UNSENT_MAX
from desk.phone.web_seats import PagePhones
from desk.server import HttpServer, build_application
from routing.core import events as e
from routing.core.model.centre_model import Agent, Centre, Service, Step
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from routing.runner import Runner
from routing.store.audit import Audit

TAKES_S = 75.0
DESKS = 200
CHANGES_PER_S = 10.0
POLL_S = 1.0
ROUND_S, ROUNDS = 7.0, 3
SETTLE_S = 0.5
"""Time after the clients of a round have begun, and before the CPU is read."""
GOAL_MS, GOAL_CPU = 100.0, 0.3
CLIENT_S = 60.0
NOBODY, POLL, EVENTS = "nobody", "poll", "events"

Seen = list[tuple[str, float]]
"""Changes that a client has read: the agent, and the time on the machine's monotonic clock."""


class Round(NamedTuple):
    """Result of one round."""

    cpu_s: float
    delays_s: list[float]
    changes: int


def measure_rows() -> list[Row]:
    """Measure both ways in turns."""
    with tempfile.TemporaryDirectory() as folder:
        rounds = asyncio.run(_measure(Path(folder)))
    seconds = ROUND_S * ROUNDS
    cpu = {kind: sum(one.cpu_s for one in some) / seconds for kind, some in rounds.items()}
    delays = {kind: [1000 * one for some in rounds[kind] for one in some.delays_s] for kind in (POLL, EVENTS)}
    changes = sum(one.changes for one in rounds[EVENTS])
    p50, p99 = ({kind: statistics.quantiles(some, n=100)[which] for kind, some in delays.items()} for which in (49, 98))
    events, polls = cpu[EVENTS] - cpu[NOBODY], cpu[POLL] - cpu[NOBODY]
    return [
        Row("desk.event.p50", p50[EVENTS], "ms", f"polling: {p50[POLL]:.0f} ms", p50[POLL] / p50[EVENTS], "", None),
        Row("desk.event.p99", p99[EVENTS], "ms", f"polling: {p99[POLL]:.0f} ms", p99[POLL] / p99[EVENTS],
            f"at most {GOAL_MS:g} ms", p99[EVENTS] <= GOAL_MS),
        Row("desk.event.missed", changes - len(delays[EVENTS]), "count", f"{changes} changes", None, "0",
            changes == len(delays[EVENTS])),
        Row("desk.cpu", 100 * events, "% of a core", f"polling: {100 * polls:.1f} %, nobody: {100 * cpu[NOBODY]:.1f} %",
            events / polls, f"at most {GOAL_CPU:g}x", events <= GOAL_CPU * polls)]


def _name(number: int) -> str:
    return f"a{number}"


def build_centre() -> Centre:
    """Build one agent for each desk."""
    return Centre(
        (Service(ServiceId("bilgi"), "Bilgi", (Step(((SkillId("bilgi"), 10),)),)),),
        tuple(Agent(AgentId(_name(number)), ((SkillId("bilgi"), 50),)) for number in range(DESKS)))


async def _measure(folder: Path) -> dict[str, list[Round]]:
    # 1. A node with everybody signed in.
    engine, store, clock = await open_engine(folder, build_centre())
    runner = Runner(engine, store, clock=clock, execute=lambda commands: None,
                    observe_turn=lambda events, facts: desk.live.note_turn(events, facts))
    desk = Desk(store, runner, Audit(folder), clock, PagePhones({}, {}, "127.0.0.1:9"))
    working = asyncio.create_task(runner.run_forever())
    sign_in_agents(runner, DESKS)
    await runner.ask(e.HoldTick(ContactId("nobody")))
    # 2. The server, and a process with the clients.
    tokens = Tokens("adm", "sup", {_name(number): _name(number) for number in range(DESKS)})
    server = HttpServer(build_application(runner, cast(NodeOperations, None), tokens, lambda: b"", lambda: (True, {}),
                                          desk=desk))
    address = await server.start_listening("127.0.0.1:0")
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    client = multiprocessing.get_context("spawn").Process(target=_run_client, args=(address, theirs), daemon=True)
    client.start()
    # 3. The rounds, in turns.
    found: dict[str, list[Round]] = {NOBODY: [], POLL: [], EVENTS: []}
    try:
        for _ in range(ROUNDS):
            for kind, rounds in found.items():
                rounds.append(await _run_round(kind, runner, ours))
    finally:
        client.kill()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await server.stop_listening()
        await store.close()
    return found


async def _run_round(kind: str, runner: Runner, pipe: Connection) -> Round:
    """Let the clients look in one way while agents change their state."""
    pipe.send(kind)
    await _receive(pipe)
    await asyncio.sleep(SETTLE_S)
    # 1. Change agents one after the other: a break, then ready again.
    posted: dict[str, list[float]] = defaultdict(list)
    cpu, began, many = time.process_time(), time.monotonic(), 0
    while (now := time.monotonic()) < began + ROUND_S:
        agent = AgentId(_name(many % DESKS))
        paused = many // DESKS % 2 == 0
        posted[agent].append(now)
        runner.post(e.AgentPaused(agent) if paused else e.AgentResumed(agent))
        many += 1
        await asyncio.sleep(max(0.0, began + many / CHANGES_PER_S - time.monotonic()))
    used = time.process_time() - cpu
    # 2. The last change needs its time too. Then everybody is ready again for the next round.
    await asyncio.sleep(POLL_S + SETTLE_S)
    pipe.send("stop")
    seen = cast(Seen, await _receive(pipe))
    for number in range(min(many, DESKS)):
        await runner.ask(e.AgentResumed(AgentId(_name(number))))
    # 3. Each change that was read belongs to the oldest one of its agent that was not read before.
    delays = [at - posted[agent].pop(0) for agent, at in seen if posted.get(agent)]
    return Round(used, delays, many)


async def _receive(pipe: Connection) -> object:
    if not await asyncio.to_thread(pipe.poll, CLIENT_S):
        raise RuntimeError("the client gave no answer")
    return pipe.recv()


def _run_client(address: str, pipe: Connection) -> None:
    asyncio.run(_follow_orders(address, pipe))


async def _follow_orders(address: str, pipe: Connection) -> None:
    look = {POLL: _poll, EVENTS: _follow}
    # Lines of events are short; the limit is that of a stream.
    async with aiohttp.ClientSession(f"http://{address}", connector=aiohttp.TCPConnector(limit=0),
                                     timeout=aiohttp.ClientTimeout(total=None), read_bufsize=UNSENT_MAX) as http:
        while True:
            kind = await asyncio.to_thread(pipe.recv)
            seen: Seen = []
            ready = asyncio.Semaphore(0)
            tasks = [] if kind == NOBODY else [
                asyncio.create_task(look[kind](http, _name(number), number, seen, ready)) for number in range(DESKS)]
            for _ in tasks:
                await ready.acquire()
            pipe.send("ready")
            await asyncio.to_thread(pipe.recv)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            pipe.send(sorted(seen, key=lambda one: one[1]))


async def _poll(http: aiohttp.ClientSession, agent: str, number: int, seen: Seen, ready: asyncio.Semaphore) -> None:
    """Ask for the state of one agent each second. The desks are spread over the second."""
    before, first = "", True
    await asyncio.sleep(POLL_S * number / DESKS)
    at = time.monotonic()
    while True:
        async with http.get(f"/api/v1/agents/{agent}", headers={"Authorization": f"Bearer {agent}"}) as response:
            state = str((await response.json())["state"])
        if state != before and not first:
            seen.append((agent, time.monotonic()))
        if first:
            ready.release()
        before, first = state, False
        at += POLL_S
        await asyncio.sleep(max(0.0, at - time.monotonic()))


async def _follow(http: aiohttp.ClientSession, agent: str, number: int, seen: Seen, ready: asyncio.Semaphore) -> None:
    """Follow the events of one agent."""
    del number
    first = True
    with suppress(aiohttp.ClientError):
        async with http.get(f"/api/v1/agents/{agent}/events", headers={"Authorization": f"Bearer {agent}"}) as response:
            async for line in response.content:
                if line == b"event: state\n":
                    if first:
                        ready.release()
                    else:
                        seen.append((agent, time.monotonic()))
                    first = False
