"""AMI codec: bytes in, messages out; actions in, bytes out. No I/O, no clock, no state but the bytes not yet framed.

Rules for what comes in (every value a caller can influence is hostile text):

- **P1** a block is lines ended by CRLF and closed by an empty line; a bare CR or LF (or a NUL) taints the whole block.
- **P2** the first occurrence of a header wins.
- **P3** an event begins with `Event:` and goes on with `Privilege:` (told to everybody) or `ActionID:` (an item of a
  list that somebody asked for); a response begins with `Response:` and holds no `Event:`. Anything else is tainted.
  A block with `Event:` first is an event even if it has `Response:` too (OriginateResponse does).
- **P6** at most 64 KiB and 128 headers a block: beyond that the peer is not an AMI we understand, `WireError`.

Unwanted events are dropped by their first line in the bytes, before any object exists and before P1 is tested: what is
thrown away whole cannot lie, and counting line ends would cost more than all the rest. A hostile name shows in the
wanted events of the same call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

GREETING = b"Asterisk Call Manager/"
GREETING_MAX = 256
"""Bytes; Asterisk's own line has 30. A peer that sends more without a line end is no AMI."""
BLOCK_MAX = 64 * 1024
"""Bytes; an event of Asterisk 22 has about 400, the longest legal header line of ours 1,024."""
HEADERS_MAX = 128
"""Per block, both ways: AST_MAX_MANHEADERS in Asterisk's manager.h."""
NAMES_MAX = 512
"""Names of unwanted events remembered; Asterisk 22 has some 180."""
LINE_MAX = 1024
"""Bytes of an outgoing line with its CRLF: `inbuf[1025]` in manager.c, and one is for the end of the string."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_EOL = b"\r\n"
_END = b"\r\n\r\n"
_EVENT = b"Event: "
_RESPONSE = b"Response: "
_PRIVILEGE = b"\r\nPrivilege: "


class WireError(Exception):
    """The peer breaks the protocol so that the stream cannot be trusted any more: reconnect."""


class BadAction(ValueError):
    """An action that must not be sent: it would be cut, refused, or read as two. Nothing was sent."""


@dataclass(slots=True)
class Counters:
    """What the codec saw and did not hand on, for metrics."""

    tainted: int = 0
    dropped: int = 0
    """Events nobody wants. Normal."""
    replaced: int = 0
    """Messages with bytes that are no UTF-8; those bytes became U+FFFD."""


class Message:
    """One event or response. Headers are looked up in the text when asked for; the first occurrence counts."""

    __slots__ = ("is_event", "is_item", "name", "text")

    def __init__(self, text: str, name: str, is_event: bool, is_item: bool = False) -> None:
        self.text = text
        self.name = name
        """The event's name, or `Success`, `Error`, ... of a response."""
        self.is_event = is_event
        self.is_item = is_item
        """An event that answers somebody's list action. Only events told to everybody (`Privilege:`) are news."""

    def get(self, header: str, default: str = "") -> str:
        """Value of a header, `default` when it is not there. Spelling as Asterisk spells it."""
        text = self.text
        key = f"\r\n{header}:"
        start = text.find(key)
        if start < 0:
            if not text.startswith(key[2:]):
                return default
            start = -2
        start += len(key)
        end = text.find("\r\n", start)
        value = text[start:] if end < 0 else text[start:end]
        return value.removeprefix(" ")

    def has(self, header: str) -> bool:
        """Whether the header is there at all, with or without a value."""
        return f"\r\n{header}:" in self.text or self.text.startswith(f"{header}:")

    def headers(self) -> dict[str, str]:
        """All headers, first occurrence each."""
        parts = [line.partition(": ") for line in self.text.split("\r\n")]
        parts.reverse()  # so that the first occurrence is written last, and stays
        return {name if colon else name.removesuffix(":"): value for name, colon, value in parts}

    @property
    def ok(self) -> bool:
        """A response that is no error. Events are not ok."""
        return not self.is_event and self.name in ("Success", "Goodbye")

    def __repr__(self) -> str:
        return f"<{'event' if self.is_event else 'response'} {self.name}>"


class Decoder:
    """Bytes of one connection to messages. `wanted`: names of events to hand on; None: all of them."""

    def __init__(self, wanted: Iterable[str] | None = None, counters: Counters | None = None) -> None:
        self.counters = counters or Counters()
        self.version = ""
        self._wanted = None if wanted is None else frozenset(name.encode() for name in wanted)
        self._buffer = bytearray()
        self._searched = 0
        self._greeted = False
        self._drop: set[bytes] = set()
        """First lines of sound, unwanted events met so far."""

    def feed(self, data: bytes) -> list[Message]:
        """Messages that are complete now, in order. Raises WireError; the decoder is of no use after that."""
        buffer = self._buffer
        buffer += data
        if not self._greeted and not self._greeting():
            return []
        end = buffer.rfind(_END, max(0, self._searched - 3))
        if end < 0:
            self._searched = len(buffer)
            self._check_size(len(buffer))
            return []
        whole = bytes(memoryview(buffer)[:end])
        del buffer[: end + len(_END)]
        self._searched = len(buffer)
        self._check_size(len(buffer))
        return self._messages(whole)

    def _greeting(self) -> bool:
        end = self._buffer.find(_EOL)
        if end < 0 and len(self._buffer) <= GREETING_MAX and GREETING.startswith(self._buffer[: len(GREETING)]):
            return False
        if end < 0 or end > GREETING_MAX or not self._buffer.startswith(GREETING):
            raise WireError("the peer does not greet like an Asterisk Call Manager: is this the AMI port?")
        self.version = self._buffer[len(GREETING) : end].decode("ascii", "replace").strip()
        del self._buffer[: end + len(_EOL)]
        self._greeted = True
        return True

    @staticmethod
    def _check_size(size: int) -> None:
        if size > BLOCK_MAX:
            raise WireError(f"a block of more than {BLOCK_MAX} bytes without an end")

    def _messages(self, whole: bytes) -> list[Message]:
        drop, dropped, found = self._drop, 0, []
        for block in whole.split(_END):
            if block[: block.find(_PRIVILEGE, 7, 100)] in drop:
                dropped += 1
                continue
            message = self._message(block)
            if message is not None:
                found.append(message)
        self.counters.dropped += dropped
        return found

    def _message(self, block: bytes) -> Message | None:
        """The slow path: one block that is wanted, or odd."""
        while block.startswith(_EOL):
            block = block[2:]
        while block.endswith(_EOL):  # an empty line too many: where the chunk was cut must not matter
            block = block[:-2]
        if not block:
            return None
        if len(block) > BLOCK_MAX:
            self._check_size(len(block))
        first, _, rest = block.partition(_EOL)
        is_event = first.startswith(_EVENT)
        if is_event:
            sound = rest.startswith((b"Privilege: ", b"ActionID: "))
        else:
            sound = first.startswith(_RESPONSE) and not rest.startswith(b"Event:") and b"\r\nEvent:" not in rest
        if not sound:
            self.counters.tainted += 1
            return None
        name = first.partition(b": ")[2]
        if is_event and self._wanted is not None and name not in self._wanted and rest.startswith(b"Privilege: "):
            self.counters.dropped += 1
            if len(self._drop) < NAMES_MAX and not set(first) & set(b"\r\n\0"):
                self._drop.add(first)
            return None
        bare = block.replace(_EOL, b"")
        if len(block) - len(bare) >= HEADERS_MAX * len(_EOL):
            raise WireError(f"a block of more than {HEADERS_MAX} headers")
        if b"\n" in bare or b"\r" in bare or b"\0" in bare:
            self.counters.tainted += 1
            return None
        try:
            text = block.decode()
        except UnicodeDecodeError:
            text = block.decode("utf-8", "replace")
            self.counters.replaced += 1
        is_item = is_event and not rest.startswith(b"Privilege: ")
        return Message(text, name.decode("utf-8", "replace"), is_event, is_item)


Fields = Mapping[str, str | Sequence[str]]
"""An action: header names to values; a list gives the header more than once (`Variable`)."""


def encode(action: Fields, action_id: str) -> bytes:
    """Bytes of one action. Raises BadAction for anything that could be cut, refused, or read as more than one action.

    Never cleans a value: a line break in it is a mistake, or an attack, and both must be seen.
    """
    _check_sense(action)
    lines = [_line("Action", action["Action"]), _line("ActionID", action_id)]
    for name, value in action.items():
        if name == "Action":
            continue
        for one in value if isinstance(value, list | tuple) else (value,):
            lines.append(_line(name, one))
    if len(lines) > HEADERS_MAX:
        raise BadAction(f"action {action['Action']}: {len(lines)} headers, Asterisk takes {HEADERS_MAX}")
    return b"".join([*lines, _EOL])


def _check_sense(action: Fields) -> None:
    name = action.get("Action")
    if not isinstance(name, str) or not _NAME.match(name):
        raise BadAction("an action needs a header Action with a plain name")
    folded = [key.casefold() for key in action]
    if "actionid" in folded:
        raise BadAction(f"action {name}: the ActionID is chosen by the link")
    if len(set(folded)) != len(folded):
        raise BadAction(f"action {name}: a header is given twice; give a list instead")
    if name.casefold() == "setvar" and not action.get("Channel"):
        raise BadAction("action Setvar: without a Channel it would set a global variable")
    if name.casefold() == "originate" and action.get("Async") != "true":
        raise BadAction("action Originate: without Async: true it blocks the whole session while the phone rings")


def _line(name: str, value: object) -> bytes:
    if not _NAME.match(name):
        raise BadAction("a header's name may hold letters, digits, - and _ only")
    if not isinstance(value, str):
        raise BadAction(f"header {name}: the value is not text")
    if "\r" in value or "\n" in value or "\0" in value:
        raise BadAction(f"header {name}: the value holds a line break or NUL")
    try:
        line = f"{name}: {value}\r\n".encode()
    except UnicodeEncodeError as error:
        raise BadAction(f"header {name}: the value is no valid text") from error
    if len(line) > LINE_MAX:
        raise BadAction(f"header {name}: {len(line)} bytes, Asterisk takes {LINE_MAX}")
    return line
