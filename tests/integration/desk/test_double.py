"""The same thing asked twice at once, over HTTP, of the real engine: one of them wins, nothing happens twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from desk.api.tokens import Tokens
from desk.server import HttpServer, build_application
from routing.clock import Clock
from routing.core.engine import Engine
from routing.core.events import Configured, SeatChanged
from routing.core.model.centre_model import Agent, Centre, Service, Step
from routing.core.model.facts import AgentChanged, Fact
from routing.core.model.ids import AgentId, SeatId, ServiceId, SkillId
from routing.runner import Runner, RunnerTurn
from tests.fakes.desk import House

pytestmark = pytest.mark.integration

CENTRE = Centre(
    (Service(ServiceId("bilgi"), "Bilgi", (Step(((SkillId("bilgi"), 10),)),)),),
    tuple(Agent(AgentId(name), ((SkillId("bilgi"), 50),)) for name in ("a1", "a2")),
)
TIMES = 8

Ask = Callable[[str, str, dict[str, Any] | None], Awaitable[tuple[int, str]]]


class Kept:
    """The stored rows."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    async def commit(self, turn: RunnerTurn) -> None:
        self.facts += turn.facts

    def changes(self, agent: str) -> list[AgentChanged]:
        """Changes of an agent, in order."""
        return [fact for fact in self.facts if isinstance(fact, AgentChanged) and fact.agent == agent]


@contextlib.asynccontextmanager
async def node() -> AsyncIterator[tuple[Kept, Ask]]:
    """An engine behind its API, two seats, and a way to ask as an agent."""
    kept = Kept()
    runner = Runner(Engine(), kept, clock=Clock(), execute=lambda commands: None, projections=(),
                    on_overflow=lambda: None)
    task = asyncio.create_task(runner.run_forever())
    runner.post(Configured(CENTRE))
    for seat in ("2001", "2002"):
        runner.post(SeatChanged(SeatId(seat), reachable=True, in_use=False))
    tokens = Tokens("adm", "sup", {"a1": "t1", "a2": "t2"})
    server = HttpServer(build_application(runner, House(), tokens, lambda: b"", lambda: (True, {})))
    address = await server.start_listening("127.0.0.1:0")
    async with aiohttp.ClientSession() as http:
        async def ask(agent: str, what: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
            async with http.post(f"http://{address}/api/v1/agents/{agent}/{what}", json=body or {},
                                 headers={"Authorization": f"Bearer t{agent[1:]}"}) as response:
                return response.status, (await response.json()).get("error", "")

        try:
            yield kept, ask
        finally:
            await server.stop_listening()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_of_two_agents_who_sit_down_at_one_seat_at_once_one_sits() -> None:
    async with node() as (kept, ask):
        told = await asyncio.gather(*(ask(agent, "login", {"seat": "2001"}) for agent in ("a1", "a2")))
        assert sorted(told) == [(200, ""), (409, "seat_taken")]
        assert {str(fact.agent) for fact in kept.facts if isinstance(fact, AgentChanged)} == {
            "a1" if told[0][0] == 200 else "a2"}


@pytest.mark.parametrize("what", ["login", "pause", "resume", "logout", "wrapup/end"])
async def test_a_double_click_is_one_click(what: str) -> None:
    async with node() as (kept, ask):
        if what != "login":
            assert (await ask("a1", "login", {"seat": "2001"}))[0] == 200
        if what == "resume":
            assert (await ask("a1", "pause", {}))[0] == 200
        before = len(kept.changes("a1"))
        body = {"login": {"seat": "2001"}, "pause": {}}.get(what)
        told = await asyncio.gather(*(ask("a1", what, body) for _ in range(TIMES)))
        assert set(told) <= {(200, ""), (409, "not_now"), (409, "not_signed_in")}, told
        assert len(kept.changes("a1")) - before == (0 if what == "wrapup/end" else 1), kept.changes("a1")
