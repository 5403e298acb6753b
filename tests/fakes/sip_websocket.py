"""A page's telephone without a browser: SIP over one WebSocket. It registers, answers OPTIONS and rings, without sound.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from types import TracebackType

import aiohttp

from tests.until import LIMIT_S, until_async

DOMAIN = "127.0.0.1"
HERE = "page.invalid"
"""Host of a page, which has no address (RFC 7118)."""
SOUND = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
         "m=audio 9 UDP/TLS/RTP/SAVPF 8\r\na=rtpmap:8 PCMA/8000\r\na=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\n"
         "a=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
         f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\n"
         "a=candidate:1 1 UDP 2130706431 127.0.0.1 9 typ host\r\n")
"""The offer of a page. Nobody listens there, so a call that is answered is silent."""
CODED = ("Via:", "From:", "Call-ID:", "CSeq:")
"""Headers that an answer repeats."""


class PageLine:
    """One WebSocket of a page seat to the web server of an Asterisk, `host:port`."""

    def __init__(self, place: str, seat: str, secret: str, path: str = "/ws",
                 headers: Mapping[str, str] | None = None) -> None:
        self._url, self.seat, self._secret, self._headers = f"ws://{place}{path}", seat, secret, headers
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._asked = 0
        self.requests: list[str] = []
        """Requests of Asterisk in order, but for OPTIONS."""
        self.calls: Counter[int] = Counter()
        """Final answers to calls of this page, by status."""
        self._settled: set[str] = set()
        self._open = self.most_open = 0
        """Most calls of this page that were answered at the same time."""
        self.options = 0
        """OPTIONS that were answered."""

    async def __aenter__(self) -> PageLine:
        self._session = aiohttp.ClientSession()
        try:
            self._socket = await self._session.ws_connect(self._url, protocols=("sip",), headers=self._headers)
        except aiohttp.ClientError:
            await self._session.close()
            raise
        self._reader = asyncio.create_task(self._read_messages(self._socket), name=f"page[{self.seat}]")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        if self._session is not None and self._socket is not None and self._reader is not None:
            await self._socket.close()
            await self._reader
            await self._session.close()

    async def register(self, expires: int = 600) -> str:
        """Register with the secret and return the whole last answer."""
        asked = await self._send_register(expires)
        more = self._authorize(asked, "REGISTER")
        return await self._send_register(expires, more) if more else asked

    async def call(self, number: str, count: int) -> None:
        """Dial a number this many times at once. The answers are in `calls`."""
        for at in range(count):
            await self._send_invite(number, f"call-{at}-{id(self)}", 1)

    async def _send_invite(self, number: str, call: str, cseq: int, more: str = "") -> None:
        await self._send(
            f"INVITE sip:{number}@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/WS {HERE};branch=z9hG4bK{call}x{cseq}\r\n"
            f"From: <sip:{self.seat}@{DOMAIN}>;tag=page\r\nTo: <sip:{number}@{DOMAIN}>\r\nCall-ID: {call}\r\n"
            f"CSeq: {cseq} INVITE\r\nMax-Forwards: 70\r\nContact: <sip:{self.seat}@{HERE};transport=ws>\r\n"
            f"{more}Content-Type: application/sdp\r\nContent-Length: {len(SOUND)}\r\n\r\n{SOUND}")

    async def _take_call(self, text: str) -> None:
        """Acknowledge the answer to an INVITE, and call again with the secret if Asterisk asks for it."""
        found = {name: header_of(text, name) for name in ("Call-ID", "To", "CSeq")}
        status, number = int(text[8:11]), found["To"].partition("sip:")[2].partition("@")[0]
        cseq = int(found["CSeq"].split()[0])
        if status < 200:
            return
        # The ACK of a 200 is a transaction by itself (RFC 3261 13.2.2.4).
        branch = "ack" if status == 200 else ""
        await self._send(
            f"ACK sip:{number}@{DOMAIN} SIP/2.0\r\n"
            f"Via: SIP/2.0/WS {HERE};branch=z9hG4bK{found['Call-ID']}x{cseq}{branch}\r\n"
            f"From: <sip:{self.seat}@{DOMAIN}>;tag=page\r\nTo: {found['To']}\r\nCall-ID: {found['Call-ID']}\r\n"
            f"CSeq: {cseq} ACK\r\nContent-Length: 0\r\n\r\n")
        if status == 401:
            await self._send_invite(number, found["Call-ID"], cseq + 1, self._authorize(text, "INVITE", number))
        elif found["Call-ID"] not in self._settled:
            # Asterisk repeats a 200 until its ACK has come.
            self._settled.add(found["Call-ID"])
            self.calls[status] += 1
            self._open += status == 200
            self.most_open = max(self.most_open, self._open)

    def _authorize(self, asked: str, method: str, number: str = "") -> str:
        """Return the header with the answer to a challenge, or nothing if there is none."""
        found = {name: re.search(rf'{name}="([^"]+)"', asked) for name in ("realm", "nonce", "opaque")}
        if not all(found.values()):
            return ""
        realm, nonce, opaque = (match[1] for match in found.values() if match is not None)
        uri = f"sip:{number}@{DOMAIN}" if number else f"sip:{DOMAIN}"
        one = _digest(f"{self.seat}:{realm}:{self._secret}")
        response = _digest(f"{one}:{nonce}:00000001:cafe:auth:{_digest(f'{method}:{uri}')}")
        return (f'Authorization: Digest username="{self.seat}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
                f'response="{response}", algorithm=MD5, cnonce="cafe", qop=auth, nc=00000001, opaque="{opaque}"\r\n')

    async def wait_request(self, method: str, limit: float = LIMIT_S) -> str:
        """Return the next request of a method, and take it out."""
        request = await until_async(lambda: next((one for one in self.requests if one.startswith(f"{method} ")), None),
                                    limit, f"no {method} came to {self.seat}")
        self.requests.remove(request)
        return request

    async def answer(self, request: str, status: str) -> None:
        """Answer a request, with a tag of this page."""
        kept = [line for line in request.split("\r\n") if line.startswith(CODED)]
        whom = next(line for line in request.split("\r\n") if line.startswith("To:"))
        contact = f"Contact: <sip:{self.seat}@{HERE};transport=ws>"
        await self._send("\r\n".join([f"SIP/2.0 {status}", *kept, whom if ";tag=" in whom else f"{whom};tag=page",
                                      contact, "Content-Length: 0", "", ""]))

    async def _send_register(self, expires: int, more: str = "") -> str:
        self._asked += 1
        await self._send(
            f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/WS {HERE};branch=z9hG4bK{self.seat}x{self._asked}\r\n"
            f"From: <sip:{self.seat}@{DOMAIN}>;tag=page\r\nTo: <sip:{self.seat}@{DOMAIN}>\r\n"
            f"Call-ID: page-{self.seat}-{id(self)}\r\nCSeq: {self._asked} REGISTER\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:{self.seat}@{HERE};transport=ws>;expires={expires}\r\n{more}Content-Length: 0\r\n\r\n")
        return await asyncio.wait_for(self._answers.get(), LIMIT_S)

    async def _send(self, text: str) -> None:
        assert self._socket is not None
        await self._socket.send_str(text)

    async def _read_messages(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            text = message.data if isinstance(message.data, str) else bytes(message.data).decode()
            if text.startswith("SIP/2.0") and header_of(text, "CSeq").endswith("INVITE"):
                await self._take_call(text)
            elif text.startswith("SIP/2.0"):
                await self._answers.put(text)
            elif text.startswith("OPTIONS "):
                await self.answer(text, "200 OK")
                self.options += 1
            elif text.startswith("BYE ") and self._open:
                await self.answer(text, "200 OK")
                self._open -= 1
            else:
                self.requests.append(text)


def header_of(text: str, name: str) -> str:
    """Return the value of a header, or an empty text."""
    return next((line.partition(":")[2].strip() for line in text.split("\r\n")
                 if line.lower().startswith(f"{name.lower()}:")), "")


def _digest(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
