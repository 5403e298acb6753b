"""Ends of sessions on the real engine: a command ends them while the node runs, at once or after the talk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from desk.people.session_requests import COOKIE
from routing.core import events as e
from routing.core.model.centre_model import AgentState
from routing.core.model.ids import AgentId, ContactId, ServiceId
from santral.cli import cli
from tests.fakes.desk import add_people
from tests.fakes.live_node import Node, live_node
from tests.until import until_async

pytestmark = pytest.mark.integration


@asynccontextmanager
async def working(folder: Path) -> AsyncIterator[Node]:
    """Run a node whose desk looks for ended sessions, as a real one does."""
    async with live_node(folder) as node:
        await add_people(node.store)
        watch = asyncio.create_task(node.desk.run_forever())
        try:
            yield node
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch


async def sign_in(node: Node, person: str) -> dict[str, str]:
    cookie = await node.desk.sessions.open_session(person)
    return {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}


async def command(folder: Path, *words: str) -> None:
    done = await asyncio.to_thread(CliRunner().invoke, cli, ["people", *words, "--state", str(folder)])
    assert done.exit_code == 0, done.output


def state_of(node: Node, agent: str) -> AgentState:
    view = node.runner.agent_view(AgentId(agent))
    assert view is not None
    return view.state


async def test_a_reset_ends_the_streams_of_that_person_alone(tmp_path: Path) -> None:
    async with working(tmp_path) as node:
        mine, theirs = await sign_in(node, "a1"), await sign_in(node, "ayse")
        await node.sits("a1", "2001")
        async with node.browse("a1", mine) as own, node.browse("a1", theirs) as other:
            await own.next("state")
            await command(tmp_path, "reset", "a1")
            assert (await own.next("end")).data == {"reason": "session_over"} and await own.read() is None
            await until_async(lambda: state_of(node, "a1") is AgentState.SIGNED_OUT)
            await node.sits("a1", "2001")
            while (await other.next("state")).data["state"] != "ready":
                pass


async def test_a_sign_out_leaves_the_other_browser_of_the_person_alone(tmp_path: Path) -> None:
    async with working(tmp_path) as node:
        first, second = await sign_in(node, "a1"), await sign_in(node, "a1")
        await node.sits("a1", "2001")
        async with node.browse("a1", first) as closing, node.browse("a1", second) as staying:
            async with node.http.post(f"{node.base}/sign-out", headers=first, allow_redirects=False) as answer:
                assert answer.status == 303
            await closing.next("end")
            await node.ask("POST", "/api/v1/agents/a1/pause", "a1", json={})
            while (await staying.next("state")).data["state"] != "paused":
                pass


async def test_disabled_in_a_talk_it_ends_in_order_and_nothing_new_comes(tmp_path: Path) -> None:
    async with working(tmp_path) as node:
        mine = await sign_in(node, "a1")
        await node.sits("a1", "2001")
        offer = await node.talks("c1")
        await until_async(lambda: state_of(node, "a1") is AgentState.TALKING)
        node.post(e.ContactQueued(ContactId("c2"), ServiceId("bilgi"), "PJSIP/c2"))
        async with node.browse("a1", mine) as own:
            await own.next("state")
            await command(tmp_path, "disable", "a1")

            async def is_refused() -> bool:
                async with node.http.get(f"{node.base}/api/v1/agents/a1", headers=mine) as answer:
                    return answer.status == 401

            await until_async(is_refused, what="no other route takes the cookie")
            # The talk goes on, with its events.
            node.post(e.HoldSet(offer.offer, True))
            while (await own.next("state")).data["talk"]["on_hold_since"] is None:
                pass
            # An agent who leaves has no wrap-up, so everything is over with the talk.
            node.post(e.TalkEnded(offer.offer, "caller"))
            assert (await own.next("end")).data == {"reason": "session_over"}
        assert state_of(node, "a1") is AgentState.SIGNED_OUT and [one.contact for one in node.offers] == ["c1"]
        async with node.http.get(f"{node.base}/", headers=mine, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")


async def test_a_sign_out_while_it_rings_takes_the_offer_back(tmp_path: Path) -> None:
    async with working(tmp_path) as node:
        mine = await sign_in(node, "a1")
        await node.sits("a1", "2001")
        offer = await node.rings("c1")
        async with node.browse("a1", mine) as own:
            assert (await own.next("state")).data["offer"]["offer"] == offer.offer
            async with node.http.post(f"{node.base}/sign-out", headers=mine, allow_redirects=False) as answer:
                assert answer.status == 303
            assert (await own.next("end")).data == {"reason": "session_over"}
        await until_async(lambda: state_of(node, "a1") is AgentState.SIGNED_OUT)
        # An answer in the same moment is too late: the caller waits for somebody else.
        node.post(e.OfferConnected(offer.offer, offer.contact))
        await node.sits("a2", "2002")
        await until_async(lambda: len(node.offers) == 2)
        assert node.offers[1].contact == "c1" and state_of(node, "a1") is AgentState.SIGNED_OUT
