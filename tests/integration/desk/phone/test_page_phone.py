"""The routes of a page's phone: who gets which seat and secret, and who may open the relay."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType

from desk.api.tokens import Role
from desk.people import person_rows
from desk.phone.relay import CloseCode
from desk.phone.turn import LIFE_S
from routing.core import events
from tests.fakes.desk import running
from tests.fakes.inbox import agent_view
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration

PHONE = "/api/v1/agents/{}/phone"
LOGIN = "/api/v1/agents/{}/login"


async def test_the_page_of_a_session_gets_the_secret_of_its_own_seat_alone(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        desk.inbox.agents = (agent_view("a1", None), agent_view("a2", None))
        one, two = await desk.sign_in("a1"), await desk.sign_in("a2")
        before = int(time.time())
        status, phone = await desk.ask("POST", PHONE.format("a1"), None, headers=one, json={})
        expires, _, seat = phone["turn"].pop("username").partition(":")
        assert phone["turn"].pop("credential") and (status, seat) == (200, "3001")
        assert before + LIFE_S <= int(expires) <= time.time() + LIFE_S
        assert phone == {"seat": "3001", "uri": "sip:3001@santral", "secret": "secret-of-3001", "websocket": "/phone",
                         "turn": {"urls": "turn:127.0.0.1:3478?transport=tcp"}}
        assert (await desk.ask("POST", PHONE.format("a2"), None, headers=two, json={}))[1]["seat"] == "3002"
        # Nobody else: no other agent, no supervisor, no token.
        assert (await desk.ask("POST", PHONE.format("a1"), None, headers=two, json={}))[0] == 403
        assert (await desk.ask("POST", PHONE.format("a1"), None, headers=await desk.sign_in("ayse"), json={}))[0] == 403
        assert (await desk.ask("POST", PHONE.format("a1"), Role.SUPERVISOR, json={}))[0] == 403
        assert (await desk.ask("POST", PHONE.format("a1"), Role.AGENT, json={}))[0] == 403


async def test_a_sign_in_without_a_seat_is_one_at_the_page(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        desk.inbox.agents = (agent_view("a1", None), agent_view("a2", "3001"))
        headers = await desk.sign_in("a1")
        assert (await desk.ask("POST", LOGIN.format("a1"), None, headers=headers, json={}))[0] == 200
        assert desk.inbox.events[-1] == events.AgentSignedIn("a1", "3002")  # type: ignore[arg-type]
        assert (await desk.ask("POST", LOGIN.format("a1"), None, headers=headers, json={"seat": "2001"}))[0] == 200
        assert desk.inbox.events[-1] == events.AgentSignedIn("a1", "2001")  # type: ignore[arg-type]
        status, refused = await desk.ask("POST", LOGIN.format("a1"), Role.AGENT, json={})
        assert (status, refused["error"]) == (409, "seat_needed")
        status, refused = await desk.ask("POST", LOGIN.format("a1"), Role.SUPERVISOR, json={})
        assert (status, refused["error"]) == (409, "seat_needed")


async def test_nobody_names_the_seat_of_a_page(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        desk.inbox.agents = (agent_view("a1", None), agent_view("a2", None))
        one, two, staff = await desk.sign_in("a1"), await desk.sign_in("a2"), await desk.sign_in("ayse")
        assert (await desk.ask("POST", PHONE.format("a2"), None, headers=two, json={}))[1]["seat"] == "3001"
        # The seat of a colleague's page, a free one, and one by a supervisor: none of them is for typing.
        for agent, headers, seat in (("a1", one, "3001"), ("a1", one, "3002"), ("a2", staff, "3001"),
                                     ("a1", staff, "3002")):
            status, refused = await desk.ask("POST", LOGIN.format(agent), None, headers=headers, json={"seat": seat})
            # A supervisor may name the seat that the agent's page has already.
            own = (agent, seat) == ("a2", "3001")
            assert (status, refused.get("error")) == ((200, None) if own else (409, "seat_of_page")), (agent, seat)
        # A program of the agent may be a page itself, but takes no seat from one.
        status, refused = await desk.ask("POST", LOGIN.format("a1"), Role.AGENT, json={"seat": "3001"})
        assert (status, refused["error"]) == (409, "seat_of_page") and "elle seçilmez" in refused["message"]
        assert (await desk.ask("POST", LOGIN.format("a1"), Role.AGENT, json={"seat": "3002"}))[0] == 200
        assert [one.seat for one in desk.inbox.events if isinstance(one, events.AgentSignedIn)] == ["3001", "3002"]
        assert (await desk.ask("POST", LOGIN.format("a2"), None, headers=two, json={}))[0] == 200
        assert desk.inbox.events[-1] == events.AgentSignedIn("a2", "3001")  # type: ignore[arg-type]


async def test_a_page_that_begins_again_is_one_event(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        headers = await desk.sign_in("a1")
        assert (await desk.ask("POST", PHONE.format("a1") + "/returned", None, headers=headers))[0] == 200
        assert desk.inbox.events == [events.PageReturned("a1")]  # type: ignore[arg-type]
        assert (await desk.ask("POST", PHONE.format("a1") + "/returned", Role.AGENT))[0] == 403


async def test_the_token_of_a_disabled_agent_opens_nothing(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        desk.inbox.agents = (agent_view("a1", "2001"),)
        me = "/api/v1/agents/a1"
        assert (await desk.ask("GET", me, Role.AGENT))[0] == 200
        await desk.store.run_write(partial(person_rows.disable_person, person="a1", at=time.time()))
        await desk.node.sessions.check_ends()
        assert (await desk.ask("GET", me, Role.AGENT))[0] == 401
        assert (await desk.ask("POST", LOGIN.format("a1"), Role.AGENT, json={"seat": "2001"}))[0] == 401
        assert (await desk.ask("GET", me, Role.SUPERVISOR))[0] == 200


async def test_an_agent_at_a_telephone_needs_no_page(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        desk.inbox.agents = (agent_view("a1", "2001"),)
        status, refused = await desk.ask("POST", PHONE.format("a1"), None, headers=await desk.sign_in("a1"), json={})
        assert (status, refused["error"]) == (409, "own_phone")


async def test_the_relay_is_for_the_page_of_a_session(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        desk.inbox.agents = (agent_view("a1", None),)
        headers = await desk.sign_in("a1")

        async def open_relay(headers: dict[str, str]) -> int:
            try:
                page = await desk.http.ws_connect(f"{desk.base}/phone", protocols=("sip",), headers=headers)
            except aiohttp.WSServerHandshakeError as error:
                return error.status
            message = await page.receive(timeout=LIMIT_S)
            assert message.type is WSMsgType.CLOSE
            return int(page.close_code or 0)

        assert await open_relay({}) == 401
        assert await open_relay({"Authorization": "Bearer own-token"}) == 401
        assert await open_relay({**headers, "Sec-Fetch-Site": "cross-site"}) == 403
        assert await open_relay(await desk.sign_in("ayse")) == 403
        assert await open_relay(headers) == CloseCode.NO_SEAT
        await desk.ask("POST", PHONE.format("a1"), None, headers=headers, json={})
        assert await open_relay(headers) == CloseCode.ASTERISK_AWAY
