"""Encode and decode AMI: bytes to messages, and actions to bytes. No I/O and no clock.

The only state is the bytes of unfinished blocks and the looks of earlier events. These looks only save time: what is
read never depends on them.

Rules for incoming bytes, in which every value that a caller can influence is hostile text:

- **P1** A block is a number of lines that end with CRLF, closed by an empty line. A bare CR, LF or NUL taints the whole
  block.
- **P2** The first occurrence of a header wins.
- **P3** An event begins with `Event:` and continues with `Privilege:` (for everybody) or `ActionID:` (an item of a list
  that was asked for). A response begins with `Response:` and has no `Event:`. Anything else is tainted. A block with
  `Event:` first is an event even if it also has `Response:` (OriginateResponse does).
- **P6** A block has at most 64 KiB and 128 headers. Beyond that the peer is no AMI: `WireError`.

Unwanted events are dropped by their first bytes, before any object exists and before P1 is tested. A block that is
dropped whole cannot lie, and counting its line ends would cost more than all the rest. A hostile name appears in the
wanted events of the same call. The size limit of P6 holds for dropped blocks too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

GREETING = b"Asterisk Call Manager/"
GREETING_MAX = 256
"""Bytes. Asterisk's own line has 30. A peer that sends more without a line end is no AMI."""
BLOCK_MAX = 64 * 1024
"""Bytes. An event of Asterisk 22 has about 400, and the longest legal header line has 1,024."""
HEADERS_MAX = 128
"""Headers of a block in both directions: AST_MAX_MANHEADERS in Asterisk's manager.h."""
HEAD = 44
"""Bytes by which a sound event is recognised: `Event: `, at most 24 letters, CRLF, `Privilege: `.

An event with a longer name is read in the slow way each time. Only some list and security events of Asterisk have one.
"""
HEADS_MAX = 512
"""Heads remembered. Asterisk 22 has about 180 events, and a head holds hardly more than the name."""
SHAPES_MAX = 256
"""Event names whose order of headers is remembered."""
LINE_MAX = 1024
"""Bytes of an outgoing line with its CRLF: `inbuf[1025]` in manager.c, of which one is the end of the string."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_EOL = b"\r\n"
_END = b"\r\n\r\n"
_EVENT = b"Event: "
_RESPONSE = b"Response: "
_PRIVILEGE = b"\r\nPrivilege: "
_LAST_ID = frozenset({b"QueueParams", b"QueueMember", b"QueueEntry", b"QueueStatusComplete"})
"""List items of app_queue, whose ActionID comes last. The id is random, so a forged item answers nothing (P3)."""
_FIRST = ("Event", "Response")
"""A block begins with one of these and nothing else (P3)."""
_CR, _LF = b"\r\n"
"""Numbers, because a search for one byte by its number takes a quarter of the time."""
_LINE_ENDS_MAX = HEADERS_MAX * len(_EOL)
_UNFINISHED = len(_EOL) + len(_END) - 1
"""Bytes around an unfinished block: a spare empty line before, and all but the last byte of its end."""


class WireError(Exception):
    """The peer breaks the protocol, so the stream cannot be trusted any more. Reconnect."""


class BadAction(ValueError):
    """The action was not sent, because it would be truncated, refused, or read as two actions."""


@dataclass(slots=True)
class Counters:
    """Count what the codec saw and did not pass on, for metrics."""

    tainted: int = 0
    dropped: int = 0
    """Events that nobody wants. This is normal."""
    replaced: int = 0
    """Messages with bytes that are no UTF-8. U+FFFD replaces those bytes."""


class Message:
    """One event or response. A header is looked up in the text on demand, and its first occurrence counts."""

    __slots__ = ("is_event", "is_item", "late_s", "name", "text")

    def __init__(self, text: str, name: str, is_event: bool, is_item: bool = False) -> None:
        self.text = text
        self.name = name
        """Name of the event, or `Success`, `Error` and so on of a response."""
        self.is_event = is_event
        self.is_item = is_item
        """The event answers a list action. Only events for everybody (`Privilege:`) are news."""
        self.late_s = 0.0
        """Time between the event and its arrival, if that is known to be long (`routing.ami.link.AsteriskClock`)."""

    def get(self, header: str, default: str = "") -> str:
        """Return the value of a header, or `default` without that header. The spelling is Asterisk's."""
        text = self.text
        # A header of the first line has no line end before it, hence the start at -2.
        start = -2 if header in _FIRST and text.startswith(f"{header}:") else text.find(f"\r\n{header}:")
        if start == -1:
            return default
        start += len(header) + 3
        end = text.find("\r\n", start)
        value = text[start:] if end < 0 else text[start:end]
        return value.removeprefix(" ")

    def has_header(self, header: str) -> bool:
        """Return whether the header is present, with or without a value."""
        return f"\r\n{header}:" in self.text or (header in _FIRST and self.text.startswith(f"{header}:"))

    def all_headers(self) -> dict[str, str]:
        """Return all headers, each by its first occurrence. A line without a colon is no header.

        Events of one name mostly have the same headers in the same order. So one match with the shape of the first such
        event finds all values.
        """
        shape = _shapes.get(self.name)
        if shape is not None and (match := shape.match(self.text)) is not None:
            found = shape.headers.copy()  # its size is right from the start
            found.update(zip(shape.headers, match.groups()))  # noqa: B905  as many by construction; the test takes time
            return found
        # The first occurrence wins (P2), so the lines are read from the end.
        parts = [line.partition(":") for line in self.text.split("\r\n")]
        found = {name: value.removeprefix(" ") for name, colon, value in reversed(parts) if colon}
        if shape is None and len(found) == len(parts) and all(value.startswith(" ") for _, _, value in parts):
            _remember_shape(self.name, [header for header, _, _ in parts])
        return found

    @property
    def ok(self) -> bool:
        """Return whether this is a response without an error. Events are never ok."""
        return not self.is_event and self.name in ("Success", "Goodbye")

    def __repr__(self) -> str:
        return f"<{'event' if self.is_event else 'response'} {self.name}>"


class _Shape(NamedTuple):
    """Shape of the events of one name: each header once, each with a value."""

    headers: dict[str, str]
    """Headers in order. The values mean nothing."""
    match: Callable[[str], re.Match[str] | None]


_shapes: dict[str, _Shape] = {}
"""Shapes by event name, at most SHAPES_MAX. A text has a CR only at line ends (P1), so a match is exact."""


def _remember_shape(name: str, headers: Sequence[str]) -> None:
    if len(_shapes) < SHAPES_MAX:
        lines = "\r\n".join(f"{re.escape(header)}: ([^\r]*+)" for header in headers)
        _shapes[name] = _Shape(dict.fromkeys(headers, ""), re.compile(lines).fullmatch)


class Decoder:
    """Decode the bytes of one connection. `wanted` names the events to pass on, or is None for all events."""

    def __init__(self, wanted: Iterable[str] | None = None, counters: Counters | None = None) -> None:
        self.counters = counters or Counters()
        self.version = ""
        self._wanted = None if wanted is None else frozenset(name.encode() for name in wanted)
        self._buffer = bytearray()
        self._searched = 0
        self._greeted = False
        self._drop: set[bytes] = set()
        """Heads of sound events that nobody wants."""
        self._keep: dict[bytes, str] = {}
        """Names by the heads of sound events that are passed on."""

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are complete now, in order. Raise WireError, after which the decoder is useless."""
        # 1. Read the greeting once.
        buffer = self._buffer
        buffer += data
        if not self._greeted and not self._read_greeting():
            return []
        # 2. Take all finished blocks. The end may begin in the last three bytes that were searched before.
        end = buffer.rfind(_END, max(0, self._searched - 3))
        whole = b""
        if end >= 0:
            whole = bytes(memoryview(buffer)[:end])
            del buffer[: end + len(_END)]
        # 3. Keep the unfinished block, but not without a limit (P6).
        self._searched = len(buffer)
        _check_size(len(buffer) - _UNFINISHED)
        return self._read_messages(whole)

    def _read_greeting(self) -> bool:
        end = self._buffer.find(_EOL)
        if end < 0 and len(self._buffer) <= GREETING_MAX and GREETING.startswith(self._buffer[: len(GREETING)]):
            return False
        if end < 0 or end > GREETING_MAX or not self._buffer.startswith(GREETING):
            raise WireError("the peer does not greet like an Asterisk Call Manager: is this the AMI port?")
        self.version = self._buffer[len(GREETING) : end].decode("ascii", "replace").strip()
        del self._buffer[: end + len(_EOL)]
        self._greeted = True
        return True

    def _read_messages(self, whole: bytes) -> list[Message]:
        # 1. Check sizes, then drop unwanted events by their heads: the busiest path allocates nothing.
        whole = _trim_block(whole)
        if len(whole) > BLOCK_MAX:
            _check_blocks(whole)
        blocks, drop, known = whole.split(_END), self._drop, self._keep.get
        left = [block for block in blocks if block[:HEAD] not in drop] if drop else blocks
        self.counters.dropped += len(blocks) - len(left)
        found = []
        # 2. Read known events in the fast way, and the rest by every rule.
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
            message = self._read_unusual(block)
            if message is not None:
                found.append(message)
        return found

    def _read_unusual(self, block: bytes) -> Message | None:
        """Read a block in the slow way, which knows every rule. The head is unknown, or the block holds something
        unusual."""
        block = _trim_block(block)
        if not block:
            return None
        # 1. Is it an event, a list item or a response (P3)?
        first, _, rest = block.partition(_EOL)
        is_event, told = first.startswith(_EVENT), rest.startswith(b"Privilege: ")
        if is_event:
            sound = told or rest.startswith(b"ActionID: ") or (
                first[len(_EVENT):] in _LAST_ID and rest.rpartition(_EOL)[2].startswith(b"ActionID: "))
        else:
            sound = first.startswith(_RESPONSE) and not rest.startswith(b"Event:") and b"\r\nEvent:" not in rest
        if not sound:
            self.counters.tainted += 1
            return None
        # 2. Drop an unwanted event, and remember its head.
        raw = first.partition(b": ")[2]
        name = raw.decode("utf-8", "replace")
        unwanted = is_event and told and self._wanted is not None and raw not in self._wanted
        if is_event and told:
            self._learn_head(block[:HEAD], first, None if unwanted else name)
        if unwanted:
            self.counters.dropped += 1
            return None
        # 3. Check line ends and bytes (P1, P6).
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

    def _learn_head(self, head: bytes, first: bytes, name: str | None) -> None:
        """Recognise the next event with this head at once, if the head holds everything that P3 asks for."""
        if not head.startswith(first + _PRIVILEGE) or len(self._drop) + len(self._keep) >= HEADS_MAX:
            return
        if name is None:
            self._drop.add(head)
        else:
            self._keep[head] = name


def _trim_block(block: bytes) -> bytes:
    """Return the block without empty lines at its ends, so that the split of the bytes does not matter."""
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
    """Check the sizes of blocks. A block of more than BLOCK_MAX bytes covers a multiple of BLOCK_MAX, so only those are
    measured."""
    for place in range(BLOCK_MAX, len(whole), BLOCK_MAX):
        before = whole.rfind(_END, 0, place)
        start = 0 if before < 0 else before + len(_END)
        end = whole.find(_END, start)
        _check_size(len(_trim_block(whole[start : len(whole) if end < 0 else end])))


Fields = Mapping[str, str | Sequence[str]]
"""An action: header names and values. A list repeats the header (`Variable`)."""


def encode_action(action: Fields, action_id: str) -> bytes:
    """Return the bytes of one action.

    Raise BadAction for anything that could be truncated, refused, or read as more than one action. A value is never
    cleaned: a line break in a value is a mistake or an attack, and both must be seen.
    """
    _check_sense(action)
    lines = [_encode_line("Action", action["Action"]), _encode_line("ActionID", action_id)]
    for name, value in action.items():
        if name == "Action":
            continue
        for one in value if isinstance(value, list | tuple) else (value,):
            lines.append(_encode_line(name, one))
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


def _encode_line(name: str, value: object) -> bytes:
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
