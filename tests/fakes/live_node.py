"""The real engine behind the real HTTP API on loopback, with a real store, and clients of its live events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import aiohttp

from desk.api.tokens import Tokens
from desk.desk import Desk
from desk.live.call_streams import CallSources, CallStreams
from desk.live.desk_state import DeskSources
from desk.live.event_stream import StreamPace
from desk.live.live_desks import LiveDesks
from desk.phone.web_seats import PagePhones
from desk.server import HttpServer, build_application
from planning.why.live_account import LiveAccounts
from routing.clock import Clock
from routing.core.engine import Engine
from routing.core.events import Configured, ContactQueued, Event, OfferConnected, SeatChanged
from routing.core.model.centre_model import Agent, Centre, PauseReason, Service, Step
from routing.core.model.commands import Offer
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.stored import Started
from routing.runner import Runner, RunnerTurn
from routing.store.audit import Audit
from routing.store.store import Store
from tests.fakes.desk import House
from tests.until import until_async

CENTRE = Centre(
    (Service(ServiceId("bilgi"), "Bilgi", (Step(((SkillId("bilgi"), 10),)),)),),
    tuple(Agent(AgentId(name), ((SkillId("bilgi"), 50),)) for name in ("a1", "a2")),
    pause_reasons=(PauseReason("mola", "Mola", default=True), PauseReason("yemek", "Yemek")))


class Told(NamedTuple):
    """One event of a stream."""

    name: str
    data: dict[str, Any]
    id: int | None


class Client:
    """Reads a stream of events. Comments are counted, and beats, which come by the clock alone, are passed over."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments = 0

    async def read(self) -> Told | None:
        """Return the next event, or None at the end of the stream."""
        name, data, id_ = "", "", None
        while line := await self.response.content.readline():
            text = line.decode().rstrip("\n")
            if text.startswith(":"):
                self.comments += 1
            elif not text and name:
                if name != "beat":
                    return Told(name, json.loads(data), id_)
                name, data, id_ = "", "", None
            elif text:
                field, _, value = text.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data = value
                elif field == "id":
                    id_ = int(value)
        return None

    async def next(self, name: str) -> Told:
        """Return the next event of a name; others are passed over."""
        while (one := await self.read()) is not None:
            if one.name == name:
                return one
        raise AssertionError(f"the stream ended before an event {name!r}")

    async def notices(self, many: int) -> list[Told]:
        return [await self.next("notice") for _ in range(many)]


class Node:
    """A node without Asterisk: what it would do there is noted."""

    def __init__(self, store: Store, runner: Runner, desk: Desk, base: str, http: aiohttp.ClientSession,
                 server: HttpServer, engine: Engine) -> None:
        self.engine = engine
        self.store, self.runner, self.desk, self.base, self.http, self.server = store, runner, desk, base, http, server
        self.offers: list[Offer] = []

    def execute(self, commands: Any) -> None:
        self.offers += [one for one in commands if isinstance(one, Offer)]

    async def sits(self, agent: str, seat: str) -> None:
        await self.ask("POST", f"/api/v1/agents/{agent}/login", agent, json={"seat": seat})

    async def ask(self, method: str, path: str, who: str = "sup", **how: Any) -> Any:
        async with self.http.request(method, self.base + path, headers={"Authorization": f"Bearer {who}"},
                                     **how) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def rings(self, contact: str) -> Offer:
        """Queue a caller, and return the offer that follows."""
        before = len(self.offers)
        self.runner.post(ContactQueued(ContactId(contact), ServiceId("bilgi"), f"PJSIP/{contact}"))
        await until_async(lambda: len(self.offers) > before)
        return self.offers[-1]

    async def talks(self, contact: str) -> Offer:
        offer = await self.rings(contact)
        self.runner.post(OfferConnected(offer.offer, offer.contact))
        return offer

    def post(self, *events: Event) -> None:
        for event in events:
            self.runner.post(event)

    @contextlib.asynccontextmanager
    async def browse(self, agent: str, headers: dict[str, str], query: str = "") -> AsyncIterator[Client]:
        """Open a stream with these headers."""
        async with self.http.get(f"{self.base}/api/v1/agents/{agent}/events{query}", headers=headers,
                                 timeout=aiohttp.ClientTimeout(total=None, sock_read=30)) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            yield Client(response)

    @contextlib.asynccontextmanager
    async def stream(self, agent: str = "a1", who: str = "a1", last_id: int | None = None,
                     **headers: str) -> AsyncIterator[Client]:
        """Open a stream with the token of an agent, or of a supervisor (`sup`)."""
        sent = {"Authorization": f"Bearer {who}", **headers}
        if last_id is not None:
            sent["Last-Event-ID"] = str(last_id)
        async with self.browse(agent, sent) as client:
            yield client


@contextlib.asynccontextmanager
async def live_node(folder: Path, pace: StreamPace | None = None, centre: Centre = CENTRE) -> AsyncIterator[Node]:
    """Start a node on the store in a folder. A second start goes on where the first one ended."""
    async with contextlib.AsyncExitStack() as stack:
        # 1. The store, and the engine as it was.
        store = await Store.open_store(folder / "santral.db")
        stack.push_async_callback(store.close)
        clock, engine = Clock(), Engine()
        started = Started(centre, **(await store.load_state())._asdict())
        engine.handle(started, now := clock())
        changes, facts = engine.take_changes(), engine.take_facts()
        await store.commit(RunnerTurn([(now, started)], facts, changes))
        # 2. The runner and the desk.
        runner = Runner(engine, store, clock=clock, execute=lambda commands: node.execute(commands),
                        observe_turn=lambda events, facts: desk.note_turn(events, facts))
        desk = Desk(store, runner, Audit(folder), clock, PagePhones({}, {}, "127.0.0.1:9"))
        desk.live = LiveDesks(runner, DeskSources(lambda seat: "page"), pace=pace)
        desk.calls = CallStreams(runner, CallSources(lambda: frozenset({"gizli"}), LiveAccounts(
            engine, lambda: ZoneInfo("Europe/Istanbul")).explain_call), pace=pace)
        desk.sessions.on_end(desk.live.end_session)
        await desk.load()
        task = asyncio.create_task(runner.run_forever())
        # 3. HTTP.
        agents = [one.id for one in centre.agents]
        server = HttpServer(build_application(runner, House(), Tokens("adm", "sup", {one: one for one in agents}),
                                              lambda: b"", lambda: (True, {}), desk=desk))
        address = await server.start_listening("127.0.0.1:0")
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        node = Node(store, runner, desk, f"http://{address}", http, server, engine)
        runner.post(Configured(centre))
        for number in range(len(agents)):
            runner.post(SeatChanged(SeatId(str(2001 + number)), reachable=True, in_use=False))
        try:
            yield node
        finally:
            await server.stop_listening()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await runner.commit_deferred()
