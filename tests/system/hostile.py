"""Hostile content in SIP, where to put it, and how to see that nothing of it came through."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

CARRIER, STRANGER = "127.0.0.2", "127.0.0.3"

FORGED = b"\r\nEvent: Hangup\r\nPrivilege: call,all\r\nUniqueid: {contact}\r\nCause: 16\r\n\r\n"
"""Looks like a block of AMI wherever it is printed unchanged."""

TEXTS: dict[str, bytes] = {
    "block": b"0532" + FORGED, "fold": b"0532\r\n 111", "lf": b"0532\nHANGUP", "cr": b"0532\r111",
    "nul": b"0532\x00111",
    "quotes": b'a\\"b\'c`', "expression": b"$[1+41]", "function": b"${SET(GLOBAL(SC_HACKED)=1)}",
    "nested": b'"] | ${SET(GLOBAL(SC_HACKED)=1)} & $["1"="1', "separators": b"a,b|c&d;e^f",
    "utf8": b"\xff\xfe\xc3(\xa0",
    "latin5": "Işık Çağrı Öğüt".encode("iso8859-9"), "bidi": "ali\u202e\u2066\u200f".encode(),
    "escape": b"\x1b[2J\x1b]0;x\x07\x9b31m\x7f", "long": b"x" * 8000, "digits": b"9" * 200,
}
"""Name -> text. `{contact}` is the id of the call that is to be harmed."""


def percent(text: bytes) -> bytes:
    """Every byte encoded, as RFC 3261 allows within a URI: Asterisk decodes it."""
    return b"".join(b"%%%02x" % byte for byte in text)


FIELDS = ("display", "user", "raw user", "host", "parameter", "identity", "remote party", "diversion", "contact",
          "subject", "header", "number", "raw number", "to", "call-id", "sdp", "privacy")


def fields(field: str, text: bytes) -> dict[str, Any]:
    """Arguments of `Telephone.call` that put the text into a field."""
    coded, honest = percent(text), b"<sip:05320000000@127.0.0.1>"
    both = b'"' + text + b'" <sip:' + coded + b"@127.0.0.1>"
    return {
        "display": {"caller": b'"' + text + b'" <sip:05320000000@127.0.0.1>'},
        "user": {"caller": b"<sip:" + coded + b"@127.0.0.1>"}, "raw user": {"caller": b"<sip:" + text + b"@127.0.0.1>"},
        "host": {"caller": b"<sip:05320000000@" + text + b">"}, "parameter": {"caller": honest + b";x=" + text},
        "identity": {"more": b"P-Asserted-Identity: " + both + b"\r\n"},
        "remote party": {"more": b"Remote-Party-ID: " + both + b";party=calling\r\n"},
        "diversion": {"more": b"Diversion: " + both + b";reason=" + text + b"\r\n"},
        "contact": {"contact": b"<sip:" + coded + b"@{place}>"}, "subject": {"more": b"Subject: " + text + b"\r\n"},
        "header": {"more": b"X-Santral: " + text + b"\r\nUser-Agent: " + text + b"\r\nAlert-Info: " + text + b"\r\n"},
        "number": {"number": b"4440632" + coded}, "raw number": {"number": b"4440632" + text},
        "to": {"to": b"sip:" + coded + b"@127.0.0.1"}, "call-id": {"call_id": text}, "sdp": {"sdp": text},
        "privacy": {"more": b"Privacy: " + text + b"\r\n"},
    }[field]


DIRTY = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
"""Control characters but tab and line feed, and direction marks, in UTF-8."""


def dirty(data: bytes) -> list[bytes]:
    """Lines that a terminal must not be shown: control characters, direction marks, no UTF-8."""
    return [line for line in data.split(b"\n") if DIRTY.search(line) or not _utf8(line)]


def _utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def logs(folder: Path) -> Iterable[Path]:
    """Text that people read of a lab: node, Asterisk, queue_log, black box. `security.log` is for programs: it quotes
    what strangers called themselves, and is looked at apart."""
    yield from (folder / "node.log", folder / "queue_log")
    yield from (path for path in (folder / "pbx" / "log").rglob("*") if path.is_file() and path.name != "security.log")


def clean(folder: Path) -> None:
    """Nothing a terminal would obey stands in what people read of a lab."""
    found = {path.name: lines[:3] for path in logs(folder) if (lines := dirty(path.read_bytes()))}
    assert not found, found
    for path in logs(folder):
        assert not re.search(rb"^(Event|Uniqueid): ", path.read_bytes(), re.MULTILINE), f"a forged block in {path.name}"


@contextlib.asynccontextmanager
async def connection(place: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection to host:port, closed at the end whatever the other end did."""
    host, port = place.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def request(method: bytes, number: int, place: bytes, *, target: bytes = b"sip:4440632@127.0.0.1", more: bytes = b"",
            version: bytes = b"SIP/2.0", cseq: bytes = b"", length: bytes = b"0", body: bytes = b"") -> bytes:
    """One message of our own making, outside any dialogue."""
    return (method + b" " + target + b" " + version + b"\r\nVia: SIP/2.0/UDP " + place
            + b";branch=z9hG4bKtorture%d\r\nFrom: <sip:torture@127.0.0.1>;tag=t%d\r\nTo: <sip:4440632@127.0.0.1>\r\n"
            b"Call-ID: torture-%d\r\nCSeq: " % (number, number, number) + (cseq or b"1 " + method)
            + b"\r\nContact: <sip:torture@" + place + b">\r\nMax-Forwards: 70\r\n" + more + b"Content-Length: " + length
            + b"\r\n\r\n" + body)


def torture(place: bytes) -> list[bytes]:
    """Messages after RFC 4475, and junk."""
    sdp, kind = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n", b"Content-Type: application/sdp\r\n"
    made: list[dict[str, Any]] = [
        {"method": b"INVITE", "length": b"-999"}, {"method": b"INVITE", "length": b"99999999999999999999"},
        {"method": b"INVITE", "length": b"9999", "body": sdp, "more": kind},
        {"method": b"INVITE", "cseq": b"36893488147419103232 INVITE"}, {"method": b"INVITE", "cseq": b"1 OPTIONS"},
        {"method": b"INVITE", "version": b"SIP/7.0"}, {"method": b"INVITE", "target": b"nobodyKnowsThisScheme:x"},
        {"method": b"INVITE", "target": b"sip:4440632@127.0.0.1;lr;x=\x00"}, {"method": b"INVITE", "target": b""},
        {"method": b"INVITE", "more": kind, "body": sdp + b"m=audio 99999999 RTP/AVP 0 \xff\r\n", "length": b"60"},
        {"method": b"INVITE", "more": b"Via: SIP/2.0/UDP x;branch=z9hG4bKx\r\n" * 500},
        {"method": b"INVITE", "more": b"Require: nothing-that-exists\r\n"},
        {"method": b"INVITE", "more": b"Replaces: x;to-tag=y;from-tag=z\r\nRequire: replaces\r\n"},
        {"method": b"INVITE", "more": b"Date: Fri, 01 Jan 2010 16:00:00 EST\r\nExpires: 0 0l@company.com\r\n"},
        {"method": b"OPTIONS", "more": b'From: "unterminated <sip:x@y>;tag=q\r\n'}, {"method": b"!interesting-Method0"},
        {"method": b"MESSAGE", "more": b"Content-Type: text/plain\r\n", "length": b"5", "body": b"${X}\n"},
        {"method": b"SUBSCRIBE", "more": b"Event: presence\r\nExpires: 60\r\n"},
        {"method": b"PUBLISH", "more": b"Event: presence\r\n"}, {"method": b"NOTIFY", "more": b"Event: check-sync\r\n"},
        {"method": b"REFER", "more": b"Refer-To: <sip:00905320000000@127.0.0.1>\r\n"}, {"method": b"BYE"},
        {"method": b"CANCEL"}, {"method": b"ACK"}, {"method": b"UPDATE"}, {"method": b"INFO"}, {"method": b"PRACK"},
    ]
    return [request(number=number, place=place, **one) for number, one in enumerate(made)] + [
        b"", b"\r\n\r\n", b"\x00" * 2000, b"\xff" * 65_000, b"SIP/2.0 200 OK\r\n\r\n", b"INVITE", b"\r\n" * 5000,
        b"INVITE sip:4440632@127.0.0.1 SIP/2.0\r\n" + b"X: y\r\n" * 8000]


JUNK = (
    b"", b"\x00" * 5000, b"\xff" * 70_000, b"agi_network_script: menu\n" * 500, b"agi_x: " + b"y" * 70_000,
    b"HANGUP\n" * 300, b"200 result=0\n" * 300, b"agi_network_script: nowhere\n\n",
    b"agi_network_script: menu,\x1b[2J\nagi_uniqueid: \xff\n\n", b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    b"POST /api/v1/agents/a1001/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    b"ffffffffffffffff\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \x1b[2J\xff\r\n\r\n",
    b"Action: Login\r\nUsername: santral-actions\r\nSecret: x\r\n\r\n")
"""For the ports of AGI and HTTP."""
