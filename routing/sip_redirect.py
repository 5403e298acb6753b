"""Lead callers' numbers out of the node: a SIP server that only answers `302 Moved`.

Everything that Asterisk dials appears in its events (`DialBegin`), its channel list, its records and its logs. So
Asterisk never gets a number. A callback dials `sip:<token>@<here>`, and the answer to that INVITE holds the true
address, decrypted at that moment.

PJSIP follows such an answer by itself (`redirect_method=uri_pjsip` of the endpoint), below everything that reports. The
number appears in SIP messages on the wire and nowhere else.

RFC 3261: a server that only redirects keeps no dialogue. Every INVITE gets an answer, because UDP may lose answers. An
ACK is ignored.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

TOKEN_S = 40.0
"""Life of a token. Asterisk sends an INVITE at once and repeats it for 32 s (timer B of RFC 3261)."""
TOKENS_MAX = 500
"""Live tokens: twice the calls that one Asterisk carries. The oldest is forgotten first, and its call fails."""
DATAGRAM_MAX = 8_192
"""Bytes. An INVITE of Asterisk has about 1,300."""
LOG_INTERVAL_S = 60.0
"""Pause between log lines about invalid tokens, so that a flood of them does not fill the disk."""

SILENT_S = 300.0
"""Time in which calls begin with the second carrier after the first has said nothing."""

_REQUEST = re.compile(r"INVITE sip:([A-Za-z0-9_-]{8,64})@[^ \r\n]{1,128} SIP/2\.0\Z", re.ASCII)
_COPIED = {"via": "Via", "v": "Via", "from": "From", "f": "From", "to": "To", "t": "To", "call-id": "Call-ID",
           "i": "Call-ID", "cseq": "CSeq"}
"""Headers of an answer that repeat the request's."""

NumberSource = Callable[[], str]
"""Return the number in E.164 when it is needed. Raises if it cannot be decrypted or must not be called."""
Peer = tuple[str, int]


@dataclass(slots=True)
class _PendingDial:
    until: float
    number: NumberSource
    asker: Peer | None = None
    """The peer that asked first. No other peer gets the number, should the token appear in an event or a log."""


class SipRedirect(asyncio.DatagramProtocol):
    """Hold tokens and their numbers.

    `ways_out` are the carriers in their order: `host[:port]`, with parameters of the URI. `clock` counts seconds and
    never goes back.
    """

    def __init__(self, ways_out: Sequence[str], clock: Callable[[], float] | None = None) -> None:
        self._ways_out = tuple(ways_out)
        self._clock = clock or asyncio.get_running_loop().time
        self._tokens: OrderedDict[str, _PendingDial] = OrderedDict()
        self._silent_until, self._silent_dials = -SILENT_S, 0
        self._told_at = -LOG_INTERVAL_S
        self._transport: asyncio.DatagramTransport | None = None
        self.address = ""
        """Address of the server, `host:port`."""

    async def start_listening(self, host: str, port: int = 0) -> None:
        """Start the server. Raise OSError if the address cannot be used."""
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, (host, port))
        self.address = "{}:{}".format(*self._transport.get_extra_info("sockname")[:2])

    def stop_listening(self) -> None:
        """Stop the server."""
        if self._transport is not None:
            self._transport.close()

    def order_carriers(self) -> tuple[str, ...]:
        """Return the carriers in their order, the silent one last for `SILENT_S`."""
        silent = self._clock() < self._silent_until and len(self._ways_out) > 1
        return (*self._ways_out[1:], self._ways_out[0]) if silent else self._ways_out

    def note_silence(self, dials: int) -> None:
        """Note the count of dials that no carrier has answered. After a new one, calls begin with another carrier."""
        if dials > self._silent_dials:
            self._silent_dials, self._silent_until = dials, self._clock() + SILENT_S
            log.warning("redirect.carrier_silent", carriers=len(self._ways_out))

    def dial_uri(self, number: NumberSource) -> str:
        """Return a SIP address that leads to this number, for one call that begins within `TOKEN_S`."""
        now = self._clock()
        # All tokens live equally long, so the first ones expire first.
        while self._tokens and (len(self._tokens) >= TOKENS_MAX or next(iter(self._tokens.values())).until <= now):
            self._tokens.popitem(last=False)
        token = secrets.token_urlsafe(18)
        self._tokens[token] = _PendingDial(now + TOKEN_S, number)
        return f"sip:{token}@{self.address}"

    # -- the wire ----------------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Peer) -> None:
        """Answer a SIP message, called by asyncio. Anything but an INVITE gets no answer."""
        answer = self.answer_datagram(data, addr)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)

    def error_received(self, exc: Exception) -> None:
        """Ignore a lost answer, called by asyncio. Asterisk asks again."""

    def answer_datagram(self, data: bytes, peer: Peer) -> bytes | None:
        """Return the answer to a datagram: `302` with the number, `404` for an invalid token, or None."""
        # 1. Accept only an INVITE with all five headers that an answer repeats.
        if len(data) > DATAGRAM_MAX:
            return None
        head, *lines = data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")
        asked = _REQUEST.match(head)
        copied = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
                  if name.strip().lower() in _COPIED]
        if asked is None or len({_COPIED[name.strip().lower()] for name, _ in copied}) < 5:
            return None
        # 2. Repeat the headers, with a tag for the dialogue that never begins (RFC 3261, 8.2.6.2).
        number = self._number_for(asked[1], peer)
        said = ["SIP/2.0 302 Moved Temporarily" if number else "SIP/2.0 404 Not Found"]
        for name, value in copied:
            full = _COPIED[name.strip().lower()]
            tag = f";tag={secrets.token_hex(6)}" if full == "To" and ";tag=" not in value else ""
            said.append(f"{full}: {value}{tag}")
        if number:
            # PJSIP goes on to the next contact at once if a carrier refuses, but not if it is silent (Asterisk 22).
            said += [f"Contact: <sip:{number}@{way}>" + (f";q={1 - index / 10:.1f}" if len(self._ways_out) > 1 else "")
                     for index, way in enumerate(self.order_carriers())]
        return "\r\n".join([*said, "Content-Length: 0", "", ""]).encode()

    def _number_for(self, token: str, peer: Peer) -> str:
        now, way = self._clock(), self._tokens.get(token)
        if way is None or way.until <= now or way.asker not in (None, peer):
            if now >= self._told_at + LOG_INTERVAL_S:
                self._told_at = now
                log.warning("redirect.token_rejected")
            return ""
        way.asker = peer
        try:
            return way.number()
        except Exception as error:
            log.error("redirect.number_unavailable", kind=type(error).__name__)
            return ""
