"""Check the SIP messages of a page before Asterisk sees them.

A page speaks as its own seat and as no other. The library of the page sends plain messages, so the guard refuses every
form that two parsers could read differently: folded lines, compact names, two `From` headers, or a body that is longer
or shorter than its `Content-Length`. Behind such a length a second message could hide.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MESSAGE_MAX = 64 * 1024
"""Limit of a SIP message in bytes. An INVITE with all ICE candidates of a laptop has about 6 KB."""

METHODS = frozenset({"REGISTER", "INVITE", "ACK", "CANCEL", "BYE", "INFO", "OPTIONS", "PRACK", "UPDATE"})
"""Methods that a telephone needs. Transfers and messages have routes of the API."""

_REQUEST_LINE = re.compile(r"([A-Z]+) sips?:[^\s<>\"\0]+ SIP/2\.0")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) [^\r\n]*")
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]+): ?([^\r\n\0]*)")
_ADDRESS = re.compile(r'(?:"[^"\\<>]*" ?|[^"\\<>,;:@]*)<sips?:([A-Za-z0-9._-]+)@[A-Za-z0-9.:\[\]-]+(?:;[^<>"\s]*)?>'
                      r'(?:;[^<>",]*)?')
_USERNAME = re.compile(r'\busername\*?\s*=\s*("[^"]*"|[^,\s]*)', re.IGNORECASE)
"""A name in any form that a parser may read. Asterisk takes the last one."""
_CREDENTIALS = ("authorization", "proxy-authorization")


class RefusedMessage(Exception):
    """The message may not pass. The text says why and holds nothing of the message."""


class WrongUser(RefusedMessage):
    """The message speaks as another user."""


class SipHead(NamedTuple):
    """Start line and headers of a message. A request has a method, an answer has a status."""

    method: str
    status: int
    headers: dict[str, list[str]]
    """Values of each header by its name in lower case."""

    def value_of(self, name: str) -> str:
        """Return the first value of a header, or an empty text."""
        return next(iter(self.headers.get(name, ())), "").strip(" \t")


def check_message(text: str, seat: str) -> SipHead:
    """Return the head of a message. Raise RefusedMessage unless the text is one whole SIP message of this seat."""
    # 1. Bounds come first, so that nothing below works on a large text.
    if len(text) > MESSAGE_MAX or len(text.encode()) > MESSAGE_MAX:
        raise RefusedMessage(f"a message has more than {MESSAGE_MAX} bytes")
    # 2. The start line and the headers, up to the empty line.
    head, separator, body = text.partition("\r\n\r\n")
    if not separator:
        raise RefusedMessage("no SIP: the headers do not end")
    found = parse_head(head)
    headers = found.headers
    # 3. One message and nothing behind it.
    length = _take_one(headers, "content-length")
    if not re.fullmatch(r"[0-9]{1,5}", length) or int(length) != len(body.encode()):
        raise RefusedMessage("no SIP: the body has another length than Content-Length says")
    # 4. An answer belongs to a request that Asterisk sent, so it names no user.
    if found.status:
        return found
    if found.method not in METHODS:
        raise RefusedMessage("a page does not send this method")
    # 5. A request speaks as the seat: its From, the place it registers, and its credentials.
    _check_user(_take_one(headers, "from"), seat)
    if found.method == "REGISTER":
        _check_user(_take_one(headers, "to"), seat)
    for name in _CREDENTIALS:
        for value in headers.get(name, ()):
            if _USERNAME.findall(value) != [f'"{seat}"']:
                raise WrongUser("the credentials are those of another user")
    return found


def parse_head(text: str) -> SipHead:
    """Return the start line and the headers before the empty line. Raise RefusedMessage if they are no SIP."""
    start, *lines = text.split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise RefusedMessage("no SIP: a line is no header")
        headers.setdefault(found[1].lower(), []).append(found[2])
    if answer := _STATUS_LINE.fullmatch(start):
        return SipHead("", int(answer[1]), headers)
    if request := _REQUEST_LINE.fullmatch(start):
        return SipHead(request[1], 0, headers)
    raise RefusedMessage("no SIP: the first line is neither a request nor an answer")


def _take_one(headers: dict[str, list[str]], name: str) -> str:
    values = headers.get(name, [])
    if len(values) != 1:
        raise RefusedMessage(f"no SIP: there must be exactly one {name}")
    return values[0].strip(" \t")


def _check_user(address: str, seat: str) -> None:
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise RefusedMessage("no SIP: an address cannot be read")
    if found[1] != seat:
        raise WrongUser("the message speaks as another user")
