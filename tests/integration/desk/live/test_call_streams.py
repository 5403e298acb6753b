"""The stream of live calls on loopback: the real engine, the real API, and a store that a second start reads."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from desk.live.call_streams import CLIENTS_MAX, STREAMS_MAX
from desk.people.session_requests import COOKIE
from routing.core import events as e
from routing.core.model.centre_model import Service, Step
from routing.core.model.ids import ContactId, ServiceId, SkillId
from tests.fakes.desk import add_people
from tests.fakes.live_node import CENTRE, Client, Node, live_node
from tests.integration.desk.live.test_events import QUICK
from tests.until import until_async

pytestmark = pytest.mark.integration

SECRET = Service(ServiceId("gizli"), "Gizli", (Step(((SkillId("bilgi"), 10),)),))
TWO = CENTRE._replace(services=(*CENTRE.services, SECRET))


@contextlib.asynccontextmanager
async def watch(node: Node, **headers: str) -> AsyncIterator[Client]:
    async with node.http.get(f"{node.base}/api/v1/live/events", headers=headers or {"Authorization": "Bearer sup"},
                             timeout=aiohttp.ClientTimeout(total=None, sock_read=30)) as response:
        assert response.status == 200, await response.text()
        yield Client(response)


async def next_step(client: Client, contact: str) -> str:
    """Return the next step of a call."""
    while True:
        for call in (await client.next("calls")).data["calls"]:
            if call["id"] == contact:
                return str(call["step"])


async def test_a_stream_follows_a_call_from_greeting_to_wrap_up(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node, watch(node) as client:
        opened = await client.next("state")
        assert opened.data["calls"] == [] and opened.data["services"] == [{"id": "bilgi", "name": "Bilgi"}]
        node.desk.calls.note_menu(ContactId("c1"), greeting=True)
        assert await next_step(client, "c1") == "greeting"
        node.desk.calls.note_menu(ContactId("c1"), greeting=False)
        assert await next_step(client, "c1") == "menu"
        await node.sits("a1", "2001")
        offer = await node.rings("c1")
        assert await next_step(client, "c1") == "ringing"
        course = await node.ask("GET", "/api/v1/live/calls/c1?language=en")
        assert course["step"] == "ringing" and course["service"] == "bilgi"
        assert [step for _, step in course["steps"]] == ["greeting", "menu", "queue", "ringing"]
        assert "a1" in course["why"][0] and course["why"][0] == course["lines"][-1]["text"]
        node.post(e.OfferConnected(offer.offer, offer.contact))
        assert await next_step(client, "c1") == "talk"
        node.post(e.TalkEnded(offer.offer, "caller"))
        assert await next_step(client, "c1") == "wrapup"


async def test_a_new_start_knows_the_calls_that_are_alive(tmp_path: Path) -> None:
    async with live_node(tmp_path, centre=TWO) as node:
        await node.sits("a1", "2001")
        await node.talks("c1")
        node.post(e.ContactQueued(ContactId("c2"), ServiceId("bilgi"), "PJSIP/c2"),
                  e.ContactQueued(ContactId("c3"), ServiceId("bilgi"), "PJSIP/c3"),
                  e.ContactQueued(ContactId("g1"), ServiceId("gizli"), "PJSIP/g1"), e.CallerHungUp(ContactId("c3")))
        await until_async(lambda: node.engine.contact_view(ContactId("g1"), 0.0) is not None)

        async def ask_lines() -> list[dict[str, str]]:
            lines: list[dict[str, str]] = (await node.ask("GET", "/api/v1/live/calls/c1"))["lines"]
            # The desk is told after the engine knows.
            return lines if "görüşme başladı" in lines[-1]["text"] else []

        before = await until_async(ask_lines)
    async with live_node(tmp_path, centre=TWO) as node, watch(node) as client:
        state: dict[str, Any] = (await client.next("state")).data
        shown = {call["id"]: call["step"] for call in state["calls"]}
        # The end of a call is still shown for some seconds.
        assert shown == {"c1": "talk", "c2": "queue", "c3": "end"} and state["hidden"] == 1
        assert (await node.ask("GET", "/api/v1/live/calls/c1"))["lines"] == before
        async with node.http.get(f"{node.base}/api/v1/live/calls/g1",
                                 headers={"Authorization": "Bearer sup"}) as response:
            assert response.status == 404


async def test_an_ended_call_leaves_the_list_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.live.live_calls.ENDED_S", 0.3)
    async with live_node(tmp_path, QUICK) as node, watch(node) as client:
        node.post(e.ContactQueued(ContactId("c2"), ServiceId("bilgi"), "PJSIP/c2"), e.CallerHungUp(ContactId("c2")))
        while (await client.next("calls")).data["gone"] != ["c2"]:
            pass


async def test_streams_are_bounded_and_end_with_their_session(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node, contextlib.AsyncExitStack() as stack:
        await add_people(node.store)
        cookie = await node.desk.sessions.open_session("ayse")
        page = {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}
        first = await stack.enter_async_context(watch(node, **page))
        for _ in range(STREAMS_MAX):
            last = await stack.enter_async_context(watch(node, **page))
        assert (await first.next("end")).data == {"reason": "too_many"}
        # All people together have a bound as well.
        for number in range(CLIENTS_MAX):
            node.desk.calls.open_stream(f"p{number}")
        assert node.desk.calls.stream_count == CLIENTS_MAX
        assert (await last.next("end")).data == {"reason": "too_many"}
        last = await stack.enter_async_context(watch(node, **page))
        await last.next("state")
        assert cookie is not None
        await node.desk.sessions.end_session(cookie)
        assert (await last.next("end")).data == {"reason": "session_over"}
