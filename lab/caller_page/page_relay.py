"""Carry the SIP of a visitor's browser to the telephone network of the lab, on the port of the page itself.

One forwarded port is then enough for a visitor at another machine.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse, WSMsgType, web

from desk.phone.sip_guard import MESSAGE_MAX

PROTOCOL = "sip"
"""WebSocket subprotocol of RFC 7118."""
CONNECT_S = 3.0
"""Limit for the connection to the network, which is on this machine."""
HEARTBEAT_S = 20.0
CLOSE_S = 1.0
AWAY = 1013
"""Close code of a page when the network is away."""


class NetworkRelay:
    """Connects browsers with the web server of the network's Asterisk."""

    def __init__(self, port: int, most: int) -> None:
        """`port` is that of the web server at 127.0.0.1. `most` is the largest number of connections."""
        self._url = f"ws://127.0.0.1:{port}/ws"
        self._most = most
        self._pages: set[web.WebSocketResponse] = set()
        self._client: ClientSession | None = None

    async def stop_relaying(self) -> None:
        """Close all connections."""
        for page in tuple(self._pages):
            with suppress(ConnectionError, TimeoutError):
                await page.close()
        if self._client is not None:
            await self._client.close()

    async def serve_page(self, request: web.Request) -> web.StreamResponse:
        """Connect a page until it leaves or the network ends."""
        # Any page of the web may open a WebSocket to this machine, and only its Origin tells.
        if request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden
        if len(self._pages) >= self._most:
            raise web.HTTPServiceUnavailable
        page = web.WebSocketResponse(protocols=(PROTOCOL,), heartbeat=HEARTBEAT_S, timeout=CLOSE_S, compress=False,
                                     max_msg_size=MESSAGE_MAX)
        await page.prepare(request)
        self._pages.add(page)
        try:
            network = await self._connect_network()
        except (ClientError, TimeoutError, OSError):
            await page.close(code=AWAY)
        else:
            await _carry_both_ways(page, network)
        finally:
            self._pages.discard(page)
        return page

    async def _connect_network(self) -> ClientWebSocketResponse:
        if self._client is None:
            self._client = ClientSession(timeout=ClientTimeout(total=None, connect=CONNECT_S))
        async with asyncio.timeout(CONNECT_S):
            return await self._client.ws_connect(self._url, protocols=(PROTOCOL,), compress=0,
                                                 max_msg_size=MESSAGE_MAX)


async def _carry_both_ways(page: web.WebSocketResponse, network: ClientWebSocketResponse) -> None:
    """Carry text until one side ends, then end the other one."""
    ways = [asyncio.create_task(_carry_text(page, network)), asyncio.create_task(_carry_text(network, page))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await network.close()
                await page.close()


async def _carry_text(source: web.WebSocketResponse | ClientWebSocketResponse,
                      target: web.WebSocketResponse | ClientWebSocketResponse) -> None:
    with suppress(ConnectionError):
        while (message := await source.receive()).type is WSMsgType.TEXT:
            await target.send_str(message.data)
