"""AMI codec: bytes in, messages out; actions in, bytes out. No I/O, no clock, no state but the bytes not yet framed and
how earlier events looked (that only saves time: what is read never depends on it).

Rules for what comes in (every value a caller can influence is hostile text):

- **P1** a block is lines ended by CRLF and closed by an empty line; a bare CR or LF (or a NUL) taints the whole block.
- **P2** the first occurrence of a header wins.
- **P3** an event begins with `Event:` and goes on with `Privilege:` (told to everybody) or `ActionID:` (an item of a
  list that somebody asked for); a response begins with `Response:` and holds no `Event:`. Anything else is tainted.
  A block with `Event:` first is an event even if it has `Response:` too (OriginateResponse does).
- **P6** at most 64 KiB and 128 headers a block: beyond that the peer is not an AMI we understand, `WireError`.

Unwanted events are dropped by their first bytes, before any object exists and before P1 is tested: what is thrown away
whole cannot lie, and counting line ends would cost more than all the rest. A hostile name shows in the wanted events of
the same call. P6's size holds for them too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

GREETING = b"Asterisk Call Manager/"
GREETING_MAX = 256
"""Bytes; Asterisk's own line has 30. A peer that sends more without a line end is no AMI."""
BLOCK_MAX = 64 * 1024
"""Bytes; an event of Asterisk 22 has about 400, the longest legal header line of ours 1,024."""
HEADERS_MAX = 128
"""Per block, both ways: AST_MAX_MANHEADERS in Asterisk's manager.h."""
HEAD = 44
"""Bytes in which a sound event is known again: `Event: `, a name of at most 24 letters, CRLF, `Privilege: `. What has a
longer name is read the slow way each time (of Asterisk's events only some of lists and of security have one)."""
HEADS_MAX = 512
"""Heads remembered; Asterisk 22 has some 180 events, and hardly anything but the name stands in a head."""
SHAPES_MAX = 256
"""Names of events whose headers' order is remembered."""
LINE_MAX = 1024
"""Bytes of an outgoing line with its CRLF: `inbuf[1025]` in manager.c, and one is for the end of the string."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_EOL = b"\r\n"
_END = b"\r\n\r\n"
_EVENT = b"Event: "
_RESPONSE = b"Response: "
_PRIVILEGE = b"\r\nPrivilege: "
_FIRST = ("Event", "Response")
"""With one of these a block begins (P3), with nothing else."""
_CR, _LF = b"\r\n"
"""Numbers: to look for one byte by its number takes a quarter of the time."""
_LINE_ENDS_MAX = HEADERS_MAX * len(_EOL)
_UNFINISHED = len(_EOL) + len(_END) - 1
"""Bytes around a block that is not finished: a spare empty line before, all but the last byte of the end behind."""


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
        start = -2 if header in _FIRST and text.startswith(f"{header}:") else text.find(f"\r\n{header}:")
        if start == -1:
            return default
        start += len(header) + 3
        end = text.find("\r\n", start)
        value = text[start:] if end < 0 else text[start:end]
        return value.removeprefix(" ")

    def has(self, header: str) -> bool:
        """Whether the header is there at all, with or without a value."""
        return f"\r\n{header}:" in self.text or (header in _FIRST and self.text.startswith(f"{header}:"))

    def headers(self) -> dict[str, str]:
        """All headers, first occurrence each; a line without a colon is none. Events of one name mostly have the same
        headers in the same order: one match with how the first of them looked finds all values."""
        shape = _shapes.get(self.name)
        if shape is not None and (match := shape.match(self.text)) is not None:
            found = shape.headers.copy()  # its size is right from the start
            found.update(zip(shape.headers, match.groups()))  # noqa: B905  as many by construction; the test takes time
            return found
        parts = [line.partition(":") for line in self.text.split("\r\n")]
        found = {name: value.removeprefix(" ") for name, colon, value in reversed(parts) if colon}
        if shape is None and len(found) == len(parts) and all(value.startswith(" ") for _, _, value in parts):
            _remember(self.name, [header for header, _, _ in parts])
        return found

    @property
    def ok(self) -> bool:
        """A response that is no error. Events are not ok."""
        return not self.is_event and self.name in ("Success", "Goodbye")

    def __repr__(self) -> str:
        return f"<{'event' if self.is_event else 'response'} {self.name}>"


class _Shape(NamedTuple):
    """How an event of some name looked: each header once, each with a value."""

    headers: dict[str, str]
    """In order; values mean nothing."""
    match: Callable[[str], re.Match[str] | None]


_shapes: dict[str, _Shape] = {}
"""By the event's name, at most SHAPES_MAX. A text has a CR at the ends of its lines only (P1), so a match is exact."""


def _remember(name: str, headers: Sequence[str]) -> None:
    if len(_shapes) < SHAPES_MAX:
        lines = "\r\n".join(f"{re.escape(header)}: ([^\r]*+)" for header in headers)
        _shapes[name] = _Shape(dict.fromkeys(headers, ""), re.compile(lines).fullmatch)


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
        """Heads of sound events met so far that nobody wants ..."""
        self._keep: dict[bytes, str] = {}
        """... and the names behind the heads of those that are handed on."""

    def feed(self, data: bytes) -> list[Message]:
        """Messages that are complete now, in order. Raises WireError; the decoder is of no use after that."""
        buffer = self._buffer
        buffer += data
        if not self._greeted and not self._greeting():
            return []
        end = buffer.rfind(_END, max(0, self._searched - 3))
        whole = b""
        if end >= 0:
            whole = bytes(memoryview(buffer)[:end])
            del buffer[: end + len(_END)]
        self._searched = len(buffer)
        _check_size(len(buffer) - _UNFINISHED)
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

    def _messages(self, whole: bytes) -> list[Message]:
        whole = _trimmed(whole)
        if len(whole) > BLOCK_MAX:
            _check_blocks(whole)
        blocks, drop, known = whole.split(_END), self._drop, self._keep.get
        left = [block for block in blocks if block[:HEAD] not in drop] if drop else blocks
        self.counters.dropped += len(blocks) - len(left)
        found = []
        for block in left:
            name = known(block[:HEAD])
            if name is not None:
                bare = block.replace(_EOL, b"")
                if len(block) - len(bare) < _LINE_ENDS_MAX and not (_LF in bare or _CR in bare or 0 in bare):
                    try:
                        found.append(Message(block.decode(), name, True))
                        continue
                    except UnicodeDecodeError:
                        pass
            message = self._odd(block)
            if message is not None:
                found.append(message)
        return found

    def _odd(self, block: bytes) -> Message | None:
        """The slow way, which knows every rule: a block whose head is not known, or that holds something unusual."""
        block = _trimmed(block)
        if not block:
            return None
        first, _, rest = block.partition(_EOL)
        is_event, told = first.startswith(_EVENT), rest.startswith(b"Privilege: ")
        if is_event:
            sound = told or rest.startswith(b"ActionID: ")
        else:
            sound = first.startswith(_RESPONSE) and not rest.startswith(b"Event:") and b"\r\nEvent:" not in rest
        if not sound:
            self.counters.tainted += 1
            return None
        raw = first.partition(b": ")[2]
        name = raw.decode("utf-8", "replace")
        unwanted = is_event and told and self._wanted is not None and raw not in self._wanted
        if is_event and told:
            self._learn(block[:HEAD], first, None if unwanted else name)
        if unwanted:
            self.counters.dropped += 1
            return None
        bare = block.replace(_EOL, b"")
        if len(block) - len(bare) >= _LINE_ENDS_MAX:
            raise WireError(f"a block of more than {HEADERS_MAX} headers")
        if _LF in bare or _CR in bare or 0 in bare:
            self.counters.tainted += 1
            return None
        try:
            text = block.decode()
        except UnicodeDecodeError:
            text = block.decode("utf-8", "replace")
            self.counters.replaced += 1
        return Message(text, name, is_event, is_event and not told)

    def _learn(self, head: bytes, first: bytes, name: str | None) -> None:
        """Know the next event with this head at once, when everything that P3 asks for stands in it."""
        if not head.startswith(first + _PRIVILEGE) or len(self._drop) + len(self._keep) >= HEADS_MAX:
            return
        if name is None:
            self._drop.add(head)
        else:
            self._keep[head] = name


def _trimmed(block: bytes) -> bytes:
    """Without empty lines at its ends: where the bytes were cut must not matter."""
    start, end = 0, len(block)
    while block.startswith(_EOL, start, end):
        start += len(_EOL)
    while block.endswith(_EOL, start, end):
        end -= len(_EOL)
    return block[start:end]


def _check_size(size: int) -> None:
    if size > BLOCK_MAX:
        raise WireError(f"a block of more than {BLOCK_MAX} bytes")


def _check_blocks(whole: bytes) -> None:
    """A block of more than BLOCK_MAX bytes lies over a multiple of BLOCK_MAX: only those blocks are measured."""
    for place in range(BLOCK_MAX, len(whole), BLOCK_MAX):
        before = whole.rfind(_END, 0, place)
        start = 0 if before < 0 else before + len(_END)
        end = whole.find(_END, start)
        _check_size(len(_trimmed(whole[start : len(whole) if end < 0 else end])))


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
