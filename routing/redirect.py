"""The way of a caller's number out of the house: a SIP server that says one sentence, `302 Moved`.

Whatever Asterisk is told to dial stands in its events (`DialBegin`), its list of channels, its records and its logs. So
it is never told a number. A callback dials `sip:<token>@<here>`; the INVITE that follows is answered with the true
address, which is opened at that moment. PJSIP follows such an answer by itself (`redirect_method=uri_pjsip` of the
endpoint), below everything that reports: the number stands in SIP messages on the wire and nowhere else.

RFC 3261: a server that only redirects keeps no dialogue. The INVITE is answered as often as it comes (UDP may lose the
answer), the ACK is heard and forgotten.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

TOKEN_S = 40.0
"""Life of a token. Asterisk sends an INVITE at once and repeats it for 32 s (timer B of RFC 3261)."""
TOKENS_MAX = 500
"""Tokens alive at once: twice the calls one Asterisk carries. The oldest is forgotten first, and its call fails."""
DATAGRAM_MAX = 8_192
"""An INVITE of ours has about 1,300 bytes."""
TOLD_S = 60.0
"""Between two lines of the log about tokens that are none: whoever sends them does not fill the disk."""

_REQUEST = re.compile(r"INVITE sip:([A-Za-z0-9_-]{8,64})@[^ \r\n]{1,128} SIP/2\.0\Z", re.ASCII)
_COPIED = {"via": "Via", "v": "Via", "from": "From", "f": "From", "to": "To", "t": "To", "call-id": "Call-ID",
           "i": "Call-ID", "cseq": "CSeq"}
"""Headers of an answer that are the request's own."""

Open = Callable[[], str]
"""The number in E.164, at the moment it is needed. Raises when it cannot be opened or must not be called."""
Peer = tuple[str, int]


@dataclass(slots=True)
class _Way:
    until: float
    number: Open
    asker: Peer | None = None
    """Who asked first: nobody else is told, should the token stand in an event or a log that others read."""


class Redirect(asyncio.DatagramProtocol):
    """Tokens and their numbers. `way_out`: `host[:port]` of the carrier; `clock` counts seconds, never back."""

    def __init__(self, way_out: str, clock: Callable[[], float] | None = None) -> None:
        self._way_out = way_out
        self._clock = clock or asyncio.get_running_loop().time
        self._tokens: OrderedDict[str, _Way] = OrderedDict()
        self._told_at = -TOLD_S
        self._transport: asyncio.DatagramTransport | None = None
        self.address = ""
        """Where it listens, `host:port`."""

    async def start(self, host: str, port: int = 0) -> None:
        """Listen. Raises OSError."""
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, (host, port))
        self.address = "{}:{}".format(*self._transport.get_extra_info("sockname")[:2])

    def stop(self) -> None:
        """Listen no more."""
        if self._transport is not None:
            self._transport.close()

    def uri(self, number: Open) -> str:
        """A SIP address, good for one call that begins within `TOKEN_S`, that leads to this number."""
        now = self._clock()
        while self._tokens and (len(self._tokens) >= TOKENS_MAX or next(iter(self._tokens.values())).until <= now):
            self._tokens.popitem(last=False)
        token = secrets.token_urlsafe(18)
        self._tokens[token] = _Way(now + TOKEN_S, number)
        return f"sip:{token}@{self.address}"

    # -- the wire ----------------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Peer) -> None:
        """Of asyncio: a SIP message. What is none, or is no INVITE, gets no answer."""
        answer = self.answer(data, addr)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)

    def error_received(self, exc: Exception) -> None:
        """Of asyncio: an answer did not arrive. Asterisk asks again."""

    def answer(self, data: bytes, peer: Peer) -> bytes | None:
        """What is said to a datagram: `302` with the number, `404` for a token that is none, None: nothing."""
        if len(data) > DATAGRAM_MAX:
            return None
        head, *lines = data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")
        asked = _REQUEST.match(head)
        copied = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
                  if name.strip().lower() in _COPIED]
        if asked is None or len({_COPIED[name.strip().lower()] for name, _ in copied}) < 5:
            return None
        number = self._number(asked[1], peer)
        said = ["SIP/2.0 302 Moved Temporarily" if number else "SIP/2.0 404 Not Found"]
        for name, value in copied:
            full = _COPIED[name.strip().lower()]
            tag = f";tag={secrets.token_hex(6)}" if full == "To" and ";tag=" not in value else ""
            said.append(f"{full}: {value}{tag}")
        if number:
            said.append(f"Contact: <sip:{number}@{self._way_out}>")
        return "\r\n".join([*said, "Content-Length: 0", "", ""]).encode()

    def _number(self, token: str, peer: Peer) -> str:
        now, way = self._clock(), self._tokens.get(token)
        if way is None or way.until <= now or way.asker not in (None, peer):
            if now >= self._told_at + TOLD_S:
                self._told_at = now
                log.warning("redirect.unknown_token")
            return ""
        way.asker = peer
        try:
            return way.number()
        except Exception as error:
            log.error("redirect.no_number", kind=type(error).__name__)
            return ""
