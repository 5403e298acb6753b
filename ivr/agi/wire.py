"""Translate FastAGI without I/O: bytes to events, and a command to bytes.

The grammar is that of res_agi.c of Asterisk 22. First come `agi_name: value` lines up to an empty line. Then one reply
follows each command: `200 result=… [(value)][ endpos=…]`, `510 …`, `511 …`, or a block `520-…` to
`520 End of proper usage.`.

Asterisk sends the line `HANGUP` in between when the channel hangs up, *and then* still answers the pending command.
Some peers leave out its line end. So `HANGUP` and end of file are separate events and never a reply.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ivr.agi.errors import BadCommand, WireError

MAX_COMMAND_BYTES = 2_000
"""Longest command. Asterisk before 2025-07-22 splits a line after 2,048 bytes and runs the rest (res_agi.c)."""
MAX_ENV_BYTES = 16_384
"""Largest environment. A usual call has about 25 lines and 1 KB. 128 arguments of normal length fit too."""
MAX_ENV_LINES = 192
"""25 names and at most 128 arguments (MAX_ARGS of res_agi.c), with some room."""
MAX_LINE_BYTES = 65_536
"""Longest line. Asterisk answers the value of a variable in one line. Ours are far below 2,000 bytes."""
MAX_BLOCK_LINES = 200
"""Longest reply. The longest usage text of Asterisk 22 has about 40 lines. Values with line breaks count too."""

_VERB = re.compile(r"[A-Z]+(?: [A-Z]+)*\Z")
_STATUS = re.compile(r"(\d{3})([ -])(.*)\Z", re.DOTALL)
_RESULT = re.compile(r"result=(\S*)(?: (.*))?\Z", re.DOTALL)
_ENDPOS = re.compile(r" ?endpos=(\d+)\Z")
_HANGUP = b"HANGUP"
_USUAL = {text: text for text in (
    *(f"agi_{name}" for name in (
        "network", "network_script", "request", "channel", "language", "type", "uniqueid", "version", "callerid",
        "calleridname", "callingpres", "callingani2", "callington", "callingtns", "dnid", "rdnis", "context",
        "extension", "priority", "enhanced", "accountcode", "threadid", "arg_1", "arg_2")),
    "yes", "unknown", "anonymous", "PJSIP", "Local", "tr", "en", "67", "0.0", "santral-in", "santral-hold",
    "santral-after-talk", "santral-seat")}
"""Names of res_agi.c and values of most calls. They are stored once, which saves 2 KB for each open call."""
_PLAIN = b"200 result="


class Env(NamedTuple):
    """The environment is complete. The first of two equal names wins. The values are hostile text."""

    values: Mapping[str, str]


class Reply(NamedTuple):
    """Answer to the command in flight."""

    code: int
    result: str = ""
    """Text behind `result=`. Empty if a GET DATA timed out, or if the code is not 200."""
    value: str | None = None
    """Text in the brackets, up to the last `)`. `timeout` and `hangup` come here too."""
    endpos: int = 0
    """Samples played of a file (8 per ms), or 0 if Asterisk does not report them."""
    text: str = ""
    """Words of a 510, 511 or 520."""


class Hangup(NamedTuple):
    """The line HANGUP: the channel is gone, but a reply may still come."""


class Eof(NamedTuple):
    """The peer closed the connection."""

    clean: bool
    """False if the end came within the environment or within a line."""


Event = Env | Reply | Hangup | Eof


def quote_argument(value: str) -> str:
    """Return an argument quoted as parse_args of Asterisk reads it. Raise BadCommand for CR, LF and NUL."""
    if "\n" in value or "\r" in value or "\0" in value:
        name = "LF" if "\n" in value else "CR" if "\r" in value else "NUL"
        raise BadCommand(f"an AGI argument must not contain {name}: Asterisk would run what follows as a command")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encode_command(verb: str, *arguments: str) -> bytes:
    """Return the line of one command. The program chooses `verb` (`STREAM FILE`), but the arguments may be any text.

    Raise BadCommand if they cannot be sent as exactly one command.
    """
    if not _VERB.match(verb):
        raise BadCommand(f"not an AGI command: {verb!r}")
    try:
        line = " ".join((verb, *map(quote_argument, arguments))).encode() + b"\n"
    except UnicodeEncodeError as error:
        raise BadCommand(f"an argument of {verb} is not text: {error.reason}") from None
    if len(line) > MAX_COMMAND_BYTES:
        raise BadCommand(f"{verb} with {len(line)} bytes; Asterisk takes {MAX_COMMAND_BYTES} for sure, shorten it")
    return line


class Decoder:
    """Decoder of a byte stream that may be cut anywhere. Never feed it again after a WireError or the end."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._env: dict[str, str] | None = {}
        self._env_bytes = 0
        self._env_lines = 0
        self._block: list[str] = []
        """Lines of a reply that is not complete yet."""
        self.replaced = 0
        """Characters that were not UTF-8 and were replaced."""
        self.tainted = 0
        """Lines of the environment with control or direction marks, without a name, or with a name given before."""
        self.junk = 0
        """Ignored lines that begin no reply, for example the rest of a value with line breaks and brackets."""

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes. Raise WireError if the peer breaks the grammar."""
        events: list[Event] = []
        buffer = self._buffer
        buffer += data
        start = 0
        while (end := buffer.find(b"\n", start)) >= 0:
            line = bytes(buffer[start:end])
            start = end + 1
            if self._env is not None:
                self._read_environment(line, events)
            else:
                self._read_line(line, events)
        del buffer[:start]
        # A line without an end must not fill the memory.
        limit = MAX_ENV_BYTES - self._env_bytes if self._env is not None else MAX_LINE_BYTES
        if len(buffer) > limit:
            raise WireError(f"a line of more than {limit} bytes without an end")
        return events

    def eof(self) -> list[Event]:
        """Return the events of the peer's end of file. A HANGUP without a line end still counts."""
        events: list[Event] = []
        # The rest is no complete line, but it may be a HANGUP without a line end.
        rest = bytes(self._buffer)
        while rest.startswith(_HANGUP):
            events.append(Hangup())
            rest = rest[len(_HANGUP):]
        events.append(Eof(clean=self._env is None and not rest and not self._block))
        return events

    def _decode_text(self, line: bytes) -> str:
        text = line.removesuffix(b"\r").decode("utf-8", "replace")
        if "\ufffd" in text:
            # Characters that the peer itself sent as U+FFFD are not replacements.
            self.replaced += text.count("\ufffd") - line.count(b"\xef\xbf\xbd")
        return text

    def _read_environment(self, line: bytes, events: list[Event]) -> None:
        assert self._env is not None
        self._env_bytes += len(line) + 1
        self._env_lines += 1
        if self._env_bytes > MAX_ENV_BYTES or self._env_lines > MAX_ENV_LINES:
            raise WireError(f"an environment of more than {MAX_ENV_BYTES} bytes or {MAX_ENV_LINES} lines")
        if line == _HANGUP:
            events.append(Hangup())
            return
        text = self._decode_text(line)
        if not text:
            # An empty line ends the environment.
            events.append(Env(self._env))
            self._env = None
            return
        name, colon, value = text.partition(": ")
        # The space behind an empty value may be missing.
        if not colon and text.endswith(":"):
            name, colon = text[:-1], ":"
        if not colon or name in self._env or not text.isprintable():
            self.tainted += 1
        if colon:
            self._env.setdefault(_USUAL.get(name, name), _USUAL.get(value, value))

    def _read_line(self, line: bytes, events: list[Event]) -> None:
        # 1. A reply that spans lines continues.
        if self._block:
            self._read_block_line(line, events)
            return
        # 2. The usual answer needs no regular expression.
        if line.startswith(_PLAIN) and (result := line[len(_PLAIN):]).isdigit():
            events.append(Reply(200, result.decode("ascii")))
            return
        # 3. HANGUP may stick to the front of the reply, without a line end.
        while line.startswith(_HANGUP):
            events.append(Hangup())
            line = line[len(_HANGUP):]
            if not line.strip(b"\r"):
                return
        # 4. Everything else begins with a status, or is the rest of a value.
        text = self._decode_text(line)
        found = _STATUS.match(text)
        if found is None:
            if text.isdigit() and len(text) == 3:
                events.append(Reply(int(text)))
                return
            self.junk += 1
            if self.junk > MAX_BLOCK_LINES:
                raise WireError(f"more than {MAX_BLOCK_LINES} lines that begin no AGI reply")
            return
        if found[1] == "100":
            # The answer itself follows "100 Trying...".
            return
        if found[2] == "-" or not _is_complete(found[3]):
            self._block.append(text)
            return
        events.append(_parse_reply(int(found[1]), found[3]))

    def _read_block_line(self, line: bytes, events: list[Event]) -> None:
        """Read a further line of a usage block, or of a value that contains line breaks."""
        usage = self._block[0][3] == "-"
        # HANGUP may come within a usage block, alone or glued to the next line of the block.
        while usage and (line == _HANGUP or line.startswith(_HANGUP + self._block[0][:3].encode())):
            events.append(Hangup())
            line = line[len(_HANGUP):]
            if not line:
                return
        self._block.append(self._decode_text(line))
        if len(self._block) > MAX_BLOCK_LINES:
            raise WireError(f"a reply of more than {MAX_BLOCK_LINES} lines")
        code = self._block[0][:3]
        if usage:
            done = self._block[-1].startswith(code + " ")
            body = "\n".join([self._block[0][4:], *self._block[1:]])
        else:
            body = "\n".join(self._block)[4:]
            done = _is_complete(body)
        if done:
            self._block = []
            events.append(Reply(int(code), text=body) if usage else _parse_reply(int(code), body))


def _is_complete(body: str) -> bool:
    """Return whether the value in brackets, if there is one, has ended."""
    found = _RESULT.match(body)
    tail = found[2] if found else None
    if tail is None or not tail.startswith("("):
        return True
    # The value itself may contain brackets, so only the last one closes it.
    head, closing, rest = tail.rpartition(")")
    return bool(closing) and bool(head) and (not rest or _ENDPOS.match(rest) is not None)


def _parse_reply(code: int, body: str) -> Reply:
    found = _RESULT.match(body) if code == 200 else None
    if found is None:
        return Reply(code, text=body)
    result, tail = found[1], found[2] or ""
    value: str | None = None
    if tail.startswith("("):
        value, _, tail = tail[1:].rpartition(")")
    endpos = _ENDPOS.match(tail)
    return Reply(code, result, value, int(endpos[1]) if endpos else 0)
