"""The relay between pages and a web server that stands for Asterisk's, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from structlog.testing import capture_logs

from desk.phone import page_calls
from desk.phone import relay as relay_module
from desk.phone.relay import CloseCode, PhoneRelay
from desk.phone.sip_guard import MESSAGE_MAX
from tests.contract.desk.phone.test_sip_guard import ANSWER, INVITE, REGISTER
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration



class Holder(NamedTuple):
    """Who asks."""

    agent: str
    person: str
    session: str = ""


HOLDERS = {"ayse": Holder("a1", "ayse", "s1"), "can": Holder("a2", "can"), "sup": Holder("", "sup"),
           "token": Holder("a1", "")}
SEATS = {"a1": "3001"}


class World:
    """A relay, a fake web server of Asterisk, and pages."""

    def __init__(self, base: str, http: aiohttp.ClientSession, relay: PhoneRelay) -> None:
        self.base, self.http, self.relay = base, http, relay
        self.heard: list[str] = []
        self.asterisk: list[web.WebSocketResponse] = []

    async def page(self, person: str = "ayse", protocol: str = "sip") -> ClientWebSocketResponse:
        return await self.http.ws_connect(f"{self.base}/phone", protocols=(protocol,), headers={"X-Who": person},
                                          max_msg_size=2**24)

    async def connected(self, count: int = 1) -> None:
        await until_async(lambda: len(self.asterisk) == count, what="a connection to Asterisk")


async def end_of(page: ClientWebSocketResponse) -> tuple[int, str]:
    """Return code and reason with which the relay ends a connection."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            # With `autoclose` off the reason of the close frame is readable.
            message = await page.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return page.close_code or 0, str(message.extra or "")


@asynccontextmanager
async def world(*, asterisk: bool = True, flood: bool = False, refusal: int = 0) -> AsyncIterator[World]:
    async def accept(request: web.Request) -> web.StreamResponse:
        if refusal:
            return web.Response(status=refusal)
        found = web.WebSocketResponse(protocols=("sip",))
        await found.prepare(request)
        here.asterisk.append(found)
        if flood:
            for _ in range(4000):
                await found.send_str("x" * 60_000)
        async for message in found:
            here.heard.append(message.data)
            await found.send_str(ANSWER)
        return found

    async def listen(app: web.Application) -> tuple[web.AppRunner, str]:
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, f"127.0.0.1:{runner.addresses[0][1]}"

    pbx = web.Application()
    pbx.router.add_get("/ws", accept)
    pbx_runner, place = await listen(pbx)
    if not asterisk:
        await pbx_runner.cleanup()
    async with aiohttp.ClientSession() as http:
        relay = PhoneRelay(place, lambda request: HOLDERS.get(request.headers.get("X-Who", "")),
                           lambda agent: SEATS.get(agent, ""))
        node = web.Application()
        node.router.add_get("/phone", relay.serve_page)
        node.router.add_get("/phone/session", relay.check_session)
        runner, base = await listen(node)
        here = World(f"http://{base}", http, relay)
        try:
            yield here
        finally:
            await relay.stop_relaying()
            await runner.cleanup()
            await pbx_runner.cleanup()


async def test_messages_go_both_ways_unchanged() -> None:
    async with world() as here:
        page = await here.page()
        assert page.protocol == "sip"
        # The answer to Asterisk's keep-alive ends at the relay.
        await page.send_str(relay_module.KEEP_ALIVE)
        await page.send_str(REGISTER)
        assert await page.receive_str(timeout=LIMIT_S) == ANSWER
        assert here.heard == [REGISTER] and here.relay.is_connected("a1")
        await page.close()
        await until_async(lambda: here.asterisk[0].closed and not here.relay.is_connected("a1"))


@pytest.mark.parametrize(("person", "protocol", "status"), [("nobody", "sip", 401), ("sup", "sip", 403),
                                                            ("token", "sip", 403),
                                                            ("ayse", "chat", 400)])
async def test_a_page_without_session_role_or_protocol_is_refused(person: str, protocol: str, status: int) -> None:
    async with world() as here:
        with pytest.raises(aiohttp.WSServerHandshakeError) as found:
            await here.page(person, protocol)
        assert found.value.status == status and not here.asterisk
        async with here.http.get(f"{here.base}/phone", headers={"X-Who": "ayse"}) as response:
            assert response.status == 400


@pytest.mark.parametrize(("sent", "code", "reason"), [
    (REGISTER.replace("3001", "3002"), CloseCode.WRONG_USER, "another user"),
    ("GET / HTTP/1.1\r\n\r\n", CloseCode.NO_SIP, "no SIP"), (b"\0\1", CloseCode.BINARY, "text"),
    ("x" * (MESSAGE_MAX + 1), CloseCode.TOO_LARGE, "")])
async def test_a_message_that_may_not_pass_ends_the_connection(sent: str | bytes, code: int, reason: str) -> None:
    async with world() as here:
        page = await here.page()
        await here.connected()
        await (page.send_str(sent) if isinstance(sent, str) else page.send_bytes(sent))
        assert (await end_of(page))[0] == code
        await until_async(lambda: here.asterisk[0].closed)
        assert not here.heard


async def test_the_newest_page_wins_and_the_older_one_learns_why() -> None:
    async with world() as here:
        older = await here.page()
        await here.connected()
        newer = await here.page()
        assert (await end_of(older))[0] == CloseCode.NEWER_PAGE
        await newer.send_str(REGISTER)
        assert await newer.receive_str(timeout=LIMIT_S) == ANSWER
        assert here.relay.is_connected("a1")


async def test_a_new_page_does_not_wait_for_one_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "CLOSE_S", LIMIT_S)
    async with world() as here:
        older = await here.page()
        await here.connected()
        # The older page takes no bytes and answers no close, like a laptop whose lid was closed.
        assert older._response.connection is not None
        older._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        newer = await here.page()
        await newer.send_str(REGISTER)
        assert await newer.receive_str(timeout=relay_module.CLOSE_S / 2) == ANSWER
        older._response.connection.transport.resume_reading()  # type: ignore[union-attr]
        assert (await end_of(older))[0] == CloseCode.NEWER_PAGE


async def test_an_agent_without_a_page_seat_is_told() -> None:
    async with world() as here:
        assert (await end_of(await here.page("can")))[0] == CloseCode.NO_SEAT
        assert not here.asterisk


async def test_a_seat_that_the_agent_has_left_carries_no_more_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as here:
        page = await here.page()
        await here.connected()
        await page.send_str(REGISTER)
        assert await page.receive_str(timeout=LIMIT_S) == ANSWER
        # Seat 3001 is free for somebody else now, whose calls this page would take by registering again.
        monkeypatch.setitem(SEATS, "a1", "3002")
        await page.send_str(REGISTER)
        assert (await end_of(page))[0] == CloseCode.NO_SEAT and here.heard == [REGISTER]


async def test_a_session_that_ends_closes_the_page() -> None:
    async with world() as here:
        page = await here.page()
        await here.connected()
        here.relay.end_session("nobody")
        await page.send_str(REGISTER)
        assert await page.receive_str(timeout=LIMIT_S) == ANSWER
        here.relay.end_session("s1")
        assert (await end_of(page))[0] == CloseCode.SESSION_ENDED


async def test_without_asterisk_the_page_is_told_to_come_again() -> None:
    async with world(asterisk=False) as here:
        assert (await end_of(await here.page()))[0] == CloseCode.ASTERISK_AWAY


@pytest.mark.parametrize(("status", "module"), [
    (404, "res_http_websocket"), (400, "res_pjsip_transport_websocket")])
async def test_asterisk_without_a_module_is_named_once(status: int, module: str) -> None:
    """Pages try again every few seconds, and the log does not fill with it."""
    async with world(refusal=status) as here:
        with capture_logs() as logged:
            for _ in range(3):
                assert (await end_of(await here.page()))[0] == CloseCode.ASTERISK_AWAY
        assert [(one["event"], one["status"], one["why"]) for one in logged] == [
            ("phone.websocket_refused", status, f"Asterisk has not loaded {module}")]


async def test_asterisk_that_leaves_ends_the_page() -> None:
    async with world() as here:
        page = await here.page()
        await here.connected()
        await here.asterisk[0].close()
        assert (await end_of(page))[0] == CloseCode.ASTERISK_AWAY


async def test_the_stop_of_the_node_closes_the_pages() -> None:
    async with world() as here:
        page = await here.page()
        await here.connected()
        stopping = asyncio.create_task(here.relay.stop_relaying())
        assert (await end_of(page))[0] == CloseCode.NODE_STOPS
        await stopping


async def test_a_page_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk sends 240 MB. The page takes none, so neither the relay nor Asterisk's side may hold all of it."""
    monkeypatch.setattr(relay_module, "SEND_S", 0.3)
    async with world(flood=True) as here:
        page = await here.page()
        assert page._response.connection is not None
        page._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        await until_async(lambda: not here.relay.is_connected("a1"), what="the page is cut off")


@pytest.mark.parametrize(("person", "status"), [("ayse", 204), ("can", 204), ("sup", 403), ("token", 403), ("", 401)])
async def test_a_proxy_past_the_node_learns_whether_a_page_may_pass(person: str, status: int) -> None:
    """Such a proxy sends the headers of the handshake."""
    async with world(asterisk=False) as here:
        headers = {"X-Who": person, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "sip"}
        async with here.http.get(f"{here.base}/phone/session", headers=headers) as answer:
            assert answer.status == status and await answer.read() in (b"", b"401: Unauthorized", b"403: Forbidden")


async def test_two_hundred_calls_of_a_page_are_three_for_asterisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_calls, "MESSAGES_PER_S", 5000.0)
    async with world() as here:
        page = await here.page()
        await here.connected()
        with capture_logs() as logged:
            for number in range(200):
                await page.send_str(INVITE.replace("CSeq:", f"Call-ID: c{number}\r\nCSeq:"))
            busy = 0
            while busy < 200 - page_calls.CALLS_MAX:
                busy += (await page.receive_str(timeout=LIMIT_S)).startswith("SIP/2.0 486 Busy Here\r\n")
        assert len(here.heard) == page_calls.CALLS_MAX and here.relay.calls_refused == 200 - page_calls.CALLS_MAX
        assert [(one["event"], one["seat"]) for one in logged] == [("seat.calls_refused", "3001")], "one line for all"
        # The telephone works on.
        await page.send_str(REGISTER)
        await until_async(lambda: here.heard[-1] == REGISTER, what="the registration at Asterisk")


async def test_a_page_that_sends_too_fast_waits_in_its_own_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_calls, "MESSAGES_PER_S", 50.0)
    asked: list[float] = []
    sleep = asyncio.sleep

    async def note_sleep(seconds: float) -> None:
        asked.append(seconds)
        await sleep(seconds)

    async with world() as here:
        page = await here.page()
        await here.connected()
        monkeypatch.setattr(relay_module.asyncio, "sleep", note_sleep)
        for _ in range(int(page_calls.MESSAGES_BURST) + 10):
            await page.send_str(REGISTER)
        await until_async(lambda: len(here.heard) == int(page_calls.MESSAGES_BURST) + 10, what="all messages arrive")
        assert any(seconds > 0.0 for seconds in asked) and here.relay.is_connected("a1")
