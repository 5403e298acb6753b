"""Relay the SIP of a page to Asterisk's web server: `GET /phone`.

The relay carries signalling alone. A talk's sound goes from the browser to Asterisk, so a restart of the node costs
nobody a word. Each person has one connection: the newest page wins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

import structlog
from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    WSMessage,
    WSMsgType,
    WSServerHandshakeError,
    web,
)

from desk.phone.page_calls import MessageRate, PageCalls
from desk.phone.sip_guard import MESSAGE_MAX, RefusedMessage, WrongUser, check_message

log = structlog.get_logger()

PROTOCOL = "sip"
"""WebSocket subprotocol of RFC 7118."""
KEEP_ALIVE = "\r\n"
"""Answer of a page to Asterisk's keep-alive. It ends here: Asterisk waits for none."""
CONNECT_S = 3.0
"""Limit for the connection to Asterisk, which is on this machine. The page tries again."""
UNSENT_MAX = 64 * 1024
"""Bytes that wait for a page which does not read, beyond what the system buffers. One message may be as long."""
SEND_S = 10.0
"""Limit for the sending of one message. A page that takes none for this long is lost, and connects again."""
HEARTBEAT_S = 20.0
"""A page that does not answer a ping within half of this time is gone. Browsers answer in hidden tabs too."""
MISSING = {404: "Asterisk has not loaded res_http_websocket",
           400: "Asterisk has not loaded res_pjsip_transport_websocket"}
"""Cause of a refused handshake by its status, as Asterisk 22 answers it."""
CLOSE_S = 1.0
"""Limit for the closing handshake."""


class CloseCode(IntEnum):
    """Reasons for which the relay ends a connection. The page shows a sentence for each."""

    NEWER_PAGE = 4001
    SESSION_ENDED = 4002
    WRONG_USER = 4003
    NO_SIP = 4004
    TOO_SLOW = 4005
    NO_SEAT = 4006
    TOO_LARGE = 1009
    BINARY = 1003
    NODE_STOPS = 1012
    ASTERISK_AWAY = 1013


class SessionHolder(Protocol):
    """The person of a session, as `desk.api.tokens.TokenHolder` has it."""

    @property
    def agent(self) -> str:
        """Return the id of the agent, or nothing if the person is none."""
        ...

    @property
    def person(self) -> str:
        """Return the id of the person, or nothing if a token asks."""
        ...

    @property
    def session(self) -> str:
        """Return the id of the session."""
        ...


class _Link(NamedTuple):
    """The connection of a person's page."""

    page: web.WebSocketResponse
    agent: str
    session: str
    transport: asyncio.Transport | None

    async def close_page(self, code: CloseCode, reason: str) -> None:
        """Close the page with a reason. A page that takes nothing is cut off after `CLOSE_S`."""
        with suppress(ConnectionError):
            try:
                async with asyncio.timeout(CLOSE_S):
                    await self.page.close(code=code, message=reason.encode())
            except TimeoutError:
                if self.transport is not None:
                    self.transport.abort()


class PhoneRelay:
    """Connects pages with the web server of Asterisk, one page a person."""

    def __init__(self, asterisk: str, holder_of: Callable[[web.Request], SessionHolder | None],
                 seat_of: Callable[[str], str]) -> None:
        """`asterisk` is the `host:port` of its web server. `seat_of` returns the page seat of an agent, or nothing."""
        self._url = f"ws://{asterisk}/ws"
        self._holder_of = holder_of
        self._seat_of = seat_of
        self._links: dict[str, _Link] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._client: ClientSession | None = None
        self._refused = False
        self.calls_refused = 0
        """Calls of pages that had too many open, since the node started."""

    # --- life --------------------------------------------------------------------------------------------------------

    async def stop_relaying(self) -> None:
        """Close all connections, so that the stop of the node waits for no page."""
        for task in tuple(self._closing):
            task.cancel()
        await asyncio.gather(*(link.close_page(CloseCode.NODE_STOPS, "the node stops")
                               for link in tuple(self._links.values())))
        if self._client is not None:
            await self._client.close()

    def end_session(self, session: str) -> None:
        """Close the connection of a session that is over, so after the last talk and its wrap-up."""
        for link in [one for one in self._links.values() if one.session == session]:
            self._run_aside(link.close_page(CloseCode.SESSION_ENDED, "the session is over"))

    def is_connected(self, agent: str) -> bool:
        """Return whether a page of the agent is connected."""
        return any(link.agent == agent for link in self._links.values())

    def _run_aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # --- who asks ----------------------------------------------------------------------------------------------------

    async def check_session(self, request: web.Request) -> web.Response:
        """Answer a TLS proxy that leads pages past the node: 204 if the page may pass, otherwise 401 or 403."""
        self._require_agent(request)
        return web.Response(status=204)

    def _require_agent(self, request: web.Request) -> SessionHolder:
        who = self._holder_of(request)
        if who is None:
            raise web.HTTPUnauthorized
        if not who.agent or not who.person:
            raise web.HTTPForbidden
        return who

    # --- one page ----------------------------------------------------------------------------------------------------

    async def serve_page(self, request: web.Request) -> web.StreamResponse:
        """Connect a page until it leaves, a newer page comes, or its session ends."""
        # 1. Only an agent's session may ask, and only for SIP. These answers are plain HTTP.
        who = self._require_agent(request)
        page = web.WebSocketResponse(protocols=(PROTOCOL,), heartbeat=HEARTBEAT_S, timeout=CLOSE_S, compress=False,
                                     max_msg_size=MESSAGE_MAX, writer_limit=UNSENT_MAX)
        ready = page.can_prepare(request)
        if not ready.ok or ready.protocol != PROTOCOL:
            raise web.HTTPBadRequest
        await page.prepare(request)
        link = _Link(page, who.agent, who.session, request.transport)
        # 2. From here on a reason is a close code, because a page cannot read the status of a refused handshake.
        seat = self._seat_of(who.agent)
        if not seat:
            await link.close_page(CloseCode.NO_SEAT, "no seat: ask for one first")
            return page
        # 3. The newest page wins. The older one learns why before its phone can be confused.
        older = self._links.get(who.person)
        self._links[who.person] = link
        if older is not None:
            # The closing handshake of a page that is gone takes its limit, and the new page does not wait for it.
            self._run_aside(older.close_page(CloseCode.NEWER_PAGE, "a newer page of this person"))
            await asyncio.sleep(0)
        try:
            await self._relay_messages(link, seat)
        finally:
            if self._links.get(who.person) is link:
                del self._links[who.person]
        return page

    async def _relay_messages(self, link: _Link, seat: str) -> None:
        try:
            asterisk = await self._connect_asterisk()
            self._refused = False
        except WSServerHandshakeError as error:
            # The web server is there, but not its WebSocket. One line until it is: every page tries again and again.
            if not self._refused:
                log.error("phone.websocket_refused", status=error.status, why=MISSING.get(error.status, "unknown"))
            self._refused = True
            await link.close_page(CloseCode.ASTERISK_AWAY, "Asterisk takes no pages")
            return
        except (ClientError, TimeoutError, OSError):
            await link.close_page(CloseCode.ASTERISK_AWAY, "Asterisk does not answer")
            return
        calls = PageCalls()
        try:
            # Whichever side ends first ends the other one.
            to_asterisk = asyncio.create_task(self._pump_from_page(link, asterisk, seat, calls))
            to_page = asyncio.create_task(_pump_from_asterisk(asterisk, link, calls))
            try:
                await asyncio.wait((to_asterisk, to_page), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (to_asterisk, to_page):
                    task.cancel()
                await asyncio.gather(to_asterisk, to_page, return_exceptions=True)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await asterisk.close()

    async def _pump_from_page(self, link: _Link, asterisk: ClientWebSocketResponse, seat: str,
                              calls: PageCalls) -> None:
        """Carry checked messages to Asterisk until the page leaves or sends one that may not pass."""
        rate = MessageRate(asyncio.get_running_loop().time)
        try:
            while True:
                message: WSMessage = await link.page.receive()
                # Messages that a page sends too fast wait in its own connection.
                if (wait := rate.take_message()) > 0.0:
                    await asyncio.sleep(wait)
                if message.type is WSMsgType.TEXT:
                    if message.data == KEEP_ALIVE:
                        continue
                    # A seat that the agent has left may be another agent's meanwhile, with that agent's callers.
                    if self._seat_of(link.agent) != seat:
                        await link.close_page(CloseCode.NO_SEAT, "the agent has left this seat: ask for one")
                        return
                    head = check_message(message.data, seat)
                    answer = calls.answer_request(head)
                    if answer is not None:
                        if head.method == "INVITE":
                            self._note_refused(seat, calls)
                        if answer:
                            async with asyncio.timeout(SEND_S):
                                await link.page.send_str(answer)
                        continue
                    async with asyncio.timeout(SEND_S):
                        await asterisk.send_str(message.data)
                elif message.type is WSMsgType.BINARY:
                    await link.close_page(CloseCode.BINARY, "SIP is text")
                    return
                else:
                    # The page has closed, or sent a message above the limit, which the library has answered with 1009.
                    return
        except RefusedMessage as error:
            code = CloseCode.WRONG_USER if isinstance(error, WrongUser) else CloseCode.NO_SIP
            log.warning("phone.message_refused", reason=str(error))
            await link.close_page(code, str(error))
        except (ConnectionError, TimeoutError):
            await link.close_page(CloseCode.ASTERISK_AWAY, "Asterisk is away")

    def _note_refused(self, seat: str, calls: PageCalls) -> None:
        self.calls_refused += 1
        # One line for a flood, not one for each call.
        if calls.refused == 1:
            log.warning("seat.calls_refused", seat=seat, calls=1)

    async def _connect_asterisk(self) -> ClientWebSocketResponse:
        if self._client is None:
            self._client = ClientSession(timeout=ClientTimeout(total=None, connect=CONNECT_S))
        async with asyncio.timeout(CONNECT_S):
            return await self._client.ws_connect(self._url, protocols=(PROTOCOL,), autoclose=True, compress=0,
                                                 max_msg_size=MESSAGE_MAX)


async def _pump_from_asterisk(asterisk: ClientWebSocketResponse, link: _Link, calls: PageCalls) -> None:
    """Carry messages of Asterisk to the page until Asterisk leaves or the page takes nothing any more."""
    try:
        async for message in asterisk:
            if message.type is not WSMsgType.TEXT:
                break
            calls.note_asterisk(message.data)
            # The library waits here while more than UNSENT_MAX bytes are unsent, so nothing piles up.
            async with asyncio.timeout(SEND_S):
                await link.page.send_str(message.data)
    except TimeoutError:
        log.warning("phone.page_too_slow")
        await link.close_page(CloseCode.TOO_SLOW, "the page takes no messages")
        return
    except ConnectionError:
        return
    await link.close_page(CloseCode.ASTERISK_AWAY, "Asterisk has closed the connection")

