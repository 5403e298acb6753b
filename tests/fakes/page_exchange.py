"""A node whose `/phone` answers the telephone of the page: it takes registrations, and may swallow messages."""

from __future__ import annotations

import asyncio

from aiohttp import WSMsgType, web

from desk.phone.relay import CloseCode
from tests.fakes.desk_page import PlayedNode

KEPT = ("via:", "from:", "call-id:", "cseq:")
"""Headers that an answer repeats."""
MICROPHONE = """navigator.mediaDevices.getUserMedia = async () =>
  new AudioContext().createMediaStreamDestination().stream;"""
"""Gives a page a microphone that is silent."""


class PageExchange(PlayedNode):
    """A played node with a registrar. As at the relay, a newer connection closes the older one."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[web.WebSocketResponse] = []
        """Connections of the page, the newest last."""
        self.registered: list[int] = []
        """Number of the connection of each registration."""
        self.holds_back = False
        """New connections are not answered, as in a network that swallows everything."""
        self.held = 0
        """Number of those."""
        self.deaf: set[int] = set()
        """Numbers of connections that are open and answer nothing."""

    def build_application(self) -> web.Application:
        app = super().build_application()
        app.router.add_get("/phone", self.serve_phone)
        return app

    async def serve_phone(self, request: web.Request) -> web.StreamResponse:
        if self.holds_back:
            self.held += 1
            await asyncio.sleep(60.0)
        line = web.WebSocketResponse(protocols=("sip",))
        await line.prepare(request)
        older = self.lines[-1] if self.lines else None
        self.lines.append(line)
        number = len(self.lines)
        if older is not None and not older.closed and number - 1 not in self.deaf:
            await older.close(code=CloseCode.NEWER_PAGE)
        async for message in line:
            if message.type is WSMsgType.TEXT and number not in self.deaf:
                await self._answer_request(line, number, message.data)
        return line

    async def _answer_request(self, line: web.WebSocketResponse, number: int, text: str) -> None:
        rows = text.split("\r\n")
        method = rows[0].split()[0]
        if method not in ("REGISTER", "INVITE"):
            return
        if method == "REGISTER" and "Expires: 0" not in rows:
            self.registered.append(number)
        whom = next(row for row in rows if row.lower().startswith("to:"))
        more = [row for row in rows if row.lower().startswith("contact:")] if method == "REGISTER" else []
        await line.send_str("\r\n".join([
            "SIP/2.0 " + ("200 OK" if method == "REGISTER" else "404 Not Found"),
            *(row for row in rows if row.lower().startswith(KEPT)), f"{whom};tag=exchange", *more,
            "Content-Length: 0", "", ""]))
