"""A suspended node serves callers until another node leads, it leads again itself, or patience is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from ivr import suspended_calls
from ivr.suspended_calls import SuspendedCalls
from ivr.suspended_dialogues import SuspendedDialogues
from routing.ami.link import Login
from routing.store.store import Store
from routing.talk_end_watch import TalkEndWatch
from santral.node.service_manager import ServiceManager
from santral.standby import peer_nodes
from santral.standby.peer_nodes import PeerNodes
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.fakes.inbox import FakeInbox
from tests.integration.ivr_node import answering, serving, tick
from tests.until import until_async

pytestmark = pytest.mark.integration


@asynccontextmanager
async def peer(status: Callable[[], int]) -> AsyncIterator[str]:
    """Yield the address of another node, which answers so whether it leads."""
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status())

    app = web.Application()
    app.router.add_get("/health/leader", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield "127.0.0.1:" + str(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.fixture
async def dialogues(asterisk: FakeAsterisk) -> SuspendedDialogues:
    """Return those of a node that has stood down, at the address of its dialogues before."""
    async with serving(FakeInbox()) as before:
        port = before.server.address[1]
        before.server.copy_settings = lambda: type(before.server)("127.0.0.1", port)  # type: ignore[method-assign]
        return SuspendedDialogues(before, watch_of(asterisk).was_lost)


def watch_of(asterisk: FakeAsterisk) -> TalkEndWatch:
    return TalkEndWatch(Login("127.0.0.1", asterisk.port, "engine-events", "e1"))


async def end_nothing() -> None:
    """End no menus: nobody was in one."""


def build_calls(dialogues: SuspendedDialogues, asterisk: FakeAsterisk, peers: PeerNodes,
                patience_s: float = 60.0) -> SuspendedCalls:
    return SuspendedCalls(dialogues, watch_of(asterisk).run_forever, peers.find_leader, patience_s,
                          ServiceManager({}).feed_watchdog, end_nothing)


def peers_at(*addresses: str) -> PeerNodes:
    """Return a node's memory of the others."""
    peers = PeerNodes("a")
    peers.addresses = {f"n{number}": one for number, one in enumerate(addresses)}
    return peers


async def serves(dialogues: SuspendedDialogues) -> bool:
    """Return whether a caller is kept in the hold loop."""
    try:
        return (await tick(dialogues.server.address[1])).variables.get("ACD_NEXT") == "hold"
    except OSError:
        return False


async def test_callers_are_served_until_another_node_leads(
        dialogues: SuspendedDialogues, asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspended_calls, "ASK_S", 0.02)
    status = 503
    async with peer(lambda: status) as other:
        calls = build_calls(dialogues, asterisk, peers_at("127.0.0.1:1", other))
        calls.begin()
        await until_async(lambda: calls.serves)
        await dialogues.server.wait_listening()
        assert await serves(dialogues)
        await until_async(lambda: asterisk.open_sessions == 1, what="it listens to Asterisk")
        status = 200
        await until_async(lambda: not calls.serves)

        async def closed() -> bool:
            return not await serves(dialogues)

        await until_async(closed, what="callers reach the leader")
        await until_async(lambda: not asterisk.open_sessions)
        await calls.close()


async def test_no_answer_comes_while_another_node_leads(
        dialogues: SuspendedDialogues, asterisk: FakeAsterisk) -> None:
    async with peer(lambda: 200) as other:
        calls = build_calls(dialogues, asterisk, peers_at(other))
        calls.begin()
        await calls.close()
        assert not calls.serves and not await serves(dialogues) and not asterisk.connections


async def test_patience_ends(dialogues: SuspendedDialogues, asterisk: FakeAsterisk,
                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspended_calls, "ASK_S", 0.02)
    calls = build_calls(dialogues, asterisk, peers_at(), patience_s=0.2)
    calls.begin()
    await until_async(lambda: calls.serves)
    await until_async(lambda: not calls.serves)
    await calls.leave_address()
    assert not await serves(dialogues)


async def test_the_address_is_free_at_once_and_a_menu_goes_on(
        dialogues: SuspendedDialogues, asterisk: FakeAsterisk) -> None:
    """The node leads again while a caller listens to the menu: the caller need not begin again."""
    calls = build_calls(dialogues, asterisk, peers_at())
    calls.begin()
    await until_async(lambda: calls.serves)
    await dialogues.server.wait_listening()
    port = dialogues.server.address[1]
    caller = Dialler(port, "menu", "ana", by_file={"ana-menu-3": "3"})
    caller.pause_s = 0.05
    call = asyncio.create_task(caller.call())
    await until_async(lambda: caller.played)
    await calls.leave_address()
    leader = type(dialogues.server)("127.0.0.1", port)
    async with answering(leader):
        await call
        assert caller.variables["ACD_NEXT"] == "hold" and caller.variables["SC_SERVICE"] == "ihbar_sikayet"
        assert leader.counters.unrouted == 0
        await Dialler(port, "tick", "", uniqueid=UNIQUEID).call()
        assert leader.counters.unrouted == 1, "the next question reaches the leader"
    await calls.close()


async def test_the_other_nodes_are_remembered_from_the_store(
        where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_nodes, "READ_S", 0.05)
    nodes = {}
    for name in ("a", "b"):
        nodes[name] = await Store.open_store(where, node=True)
        nodes[name].describe_node(lambda name=name: f'{{"http": "127.0.0.1:{ord(name)}"}}')
        await nodes[name].claim_name(name)
    peers = PeerNodes("a")
    following = asyncio.create_task(peers.follow_store(nodes["a"]))
    await until_async(lambda: peers.addresses == {"b": "127.0.0.1:98"})
    # A database that is away leaves what is known.
    await nodes["a"].close()
    await asyncio.sleep(0.2)
    assert peers.addresses == {"b": "127.0.0.1:98"} and not following.done()
    following.cancel()
    await nodes["b"].close()
    assert await peers.find_leader() == ""
