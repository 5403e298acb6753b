"""Time of an agent's request at 2,000 agents and 5,000 waiting contacts, compared with `GET /health/live`.

The node has the shipped runner, store (SQLite, `synchronous=FULL`) and HTTP server. A client in a separate process asks
over loopback, one request at a time, each kind in turn. Some are reads, and two are refused: a consult transfer that
needs a talk, and a wrap-up that goes through the engine. `GET /health/live` looks at nothing.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, cast

import aiohttp

from bench.harness.stored_engine import open_engine, sign_in_agents
from bench.row import Row
from desk.api.node_operations import NodeOperations
from desk.api.tokens import Tokens
from desk.server import HttpServer, build_application
from routing.core import events as e
from routing.core.model.centre_model import Agent, Centre, Service, Step
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from routing.runner import Runner

TAKES_S = 30.0
AGENTS, WAITING, SERVICES = 2_000, 5_000, 10
ROUNDS = 400
"""Requests of each kind. The 99th percentile has four above it."""
GOAL = 3.0
"""Most times the 99th percentile of `GET /health/live`."""
LIVE = "live"
CLIENT_S = 120.0
AGENT = "/api/v1/agents/a7"


class Ask(NamedTuple):
    """One kind of request, with the status that its answer must have."""

    method: str
    path: str
    status: int


ASKS = {
    LIVE: Ask("GET", "/health/live", 200),
    "own_state": Ask("GET", AGENT, 200),
    "queues": Ask("GET", "/api/v1/queues", 200),
    "pause_reasons": Ask("GET", "/api/v1/pause-reasons", 200),
    "consult": Ask("POST", f"{AGENT}/consult/complete", 409),
    "wrapup": Ask("POST", f"{AGENT}/wrapup/request", 409),
}


def measure_rows() -> list[Row]:
    """Measure all kinds of requests."""
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(_measure(Path(folder)))
    p99 = {name: 1000 * statistics.quantiles(times, n=100)[98] for name, times in took.items()}
    live = p99.pop(LIVE)
    return [Row(f"api.{name}.p99", value, "ms", f"/health/live: {live:.2f} ms", value / live, f"at most {GOAL:g}x",
                value <= GOAL * live) for name, value in p99.items()]


def build_centre() -> Centre:
    """Build services and agents with two skills each."""
    skills = tuple(SkillId(f"s{number}") for number in range(SERVICES))
    return Centre(
        tuple(Service(ServiceId(f"hizmet{n}"), f"Hizmet {n}", (Step(((skills[n], 50),), lasts_s=30.0),
              Step(((skills[n], 20),)))) for n in range(SERVICES)),
        tuple(Agent(AgentId(f"a{n}"), ((skills[n % SERVICES], 30 + n % 60), (skills[(n // 7) % SERVICES], 40)))
              for n in range(AGENTS)))


async def _measure(folder: Path) -> dict[str, list[float]]:
    # 1. A node with everybody signed in and called, and a long queue.
    engine, store, clock = await open_engine(folder, build_centre())
    runner = Runner(engine, store, clock=clock, execute=lambda commands: None)
    working = asyncio.create_task(runner.run_forever())
    sign_in_agents(runner, AGENTS)
    for n in range(AGENTS + WAITING):
        runner.post(e.ContactQueued(ContactId(f"1800000000.{n}"), ServiceId(f"hizmet{n % SERVICES}"), "PJSIP/trunk"))
    await runner.ask(e.HoldTick(ContactId("nobody")))
    # 2. The server. The requests that are asked need no operation of the node.
    app = build_application(runner, cast(NodeOperations, None), Tokens("adm", "sup", {"a7": "own"}), lambda: b"",
                            lambda: (True, {}))
    server = HttpServer(app)
    address = await server.start_listening("127.0.0.1:0")
    # 3. The client.
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    client = multiprocessing.get_context("spawn").Process(target=_run_client, args=(address, theirs), daemon=True)
    client.start()
    try:
        if not await asyncio.to_thread(ours.poll, CLIENT_S):
            raise RuntimeError("the client gave no answer")
        took: dict[str, list[float]] = ours.recv()
    finally:
        client.kill()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await server.stop_listening()
        await store.close()
    return took


def _run_client(address: str, pipe: Connection) -> None:
    pipe.send(asyncio.run(_ask_all(address)))


async def _ask_all(address: str) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {name: [] for name in ASKS}
    how: dict[str, Any] = {"headers": {"Authorization": "Bearer own"}}
    async with aiohttp.ClientSession(f"http://{address}") as http:
        for number in range(ROUNDS + 5):
            for name, ask in ASKS.items():
                before = time.perf_counter()
                async with http.request(ask.method, ask.path, **how) as response:
                    await response.read()
                    if response.status != ask.status:
                        raise RuntimeError(f"{ask.path}: {response.status}")
                if number >= 5:  # the first ones open the connection and fill caches
                    took[name].append(time.perf_counter() - before)
    return took
