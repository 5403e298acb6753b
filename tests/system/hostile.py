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
