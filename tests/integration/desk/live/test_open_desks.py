"""Open desks on the real engine: a stream of a session brings messages, and a new node knows who had a desk."""

from __future__ import annotations

from pathlib import Path

import pytest

from desk.people.session_requests import COOKIE
from routing.core.events import ContactQueued
from routing.core.model.centre_model import Channel
from routing.core.model.ids import AgentId, ContactId, ServiceId
from tests.fakes.desk import add_people
from tests.fakes.live_node import Node, live_node
from tests.until import until_async

pytestmark = pytest.mark.integration


def has_desk(node: Node) -> bool:
    view = node.runner.agent_view(AgentId("a1"))
    return view is not None and view.desk


async def test_a_page_brings_messages_without_a_phone_and_a_new_node_remembers_it(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await add_people(node.store)
        await node.desk.load()
        cookie = await node.desk.sessions.open_session("a1")
        said = await node.ask("POST", "/api/v1/agents/a1/login", "a1", json={"phone": False})
        assert (said["state"], said["seat"], said["desk"]) == ("ready", None, False)
        node.post(ContactQueued(ContactId("m1"), ServiceId("bilgi"), "", Channel.CHAT))
        async with node.stream() as program:
            await program.next("state")
            assert node.offers == [] and not has_desk(node), "a program with a token is no desk"
        async with node.browse("a1", {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}) as page:
            await page.next("state")
            await until_async(lambda: [one.contact for one in node.offers] == ["m1"])
            assert has_desk(node) and node.offers[0].seat == ""
            listed = (await node.ask("GET", "/api/v1/agents/a1"))["contacts"]
            assert [(one["contact"], one["channel"], one["state"]) for one in listed] == [("m1", "chat", "pending")]
    async with live_node(tmp_path) as node:
        assert has_desk(node)
