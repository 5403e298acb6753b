"""FastAGI without I/O: bytes -> events, command -> bytes.

Grammar (res_agi.c of Asterisk 22): first `agi_name: value` lines up to an empty line; then one reply for each command:
`200 result=… [(value)][ endpos=…]`, `510 …`, `511 …`, or a block `520-…` to `520 End of proper usage.`. The line
`HANGUP` is sent in between whenever the channel hangs up, *and then* the pending command is still answered; peers exist
that leave out its line end. So `HANGUP` and end of file are events of their own and never a reply.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ivr.agi.errors import BadCommand, WireError

MAX_COMMAND_BYTES = 2_000
"""Asterisk before 2025-07-22 splits a line after 2,048 bytes and runs the rest as a second command (res_agi.c)."""
MAX_ENV_BYTES = 16_384
"""The environment of a call has about 25 lines and 1 KB; 128 arguments of normal length fit too."""
MAX_ENV_LINES = 192
"""25 names and at most 128 arguments (MAX_ARGS of res_agi.c), with room."""
MAX_LINE_BYTES = 65_536
"""The value of a variable is answered in one line; ours are far below 2,000 bytes."""
MAX_BLOCK_LINES = 200
"""The longest usage text of Asterisk 22 has about 40 lines; a value with line breaks is bounded by it too."""

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
"""Names of res_agi.c and values that most calls have: kept once, not once for each call that is open (2 KB of it)."""
_PLAIN = b"200 result="


class Env(NamedTuple):
    """The environment is complete. The first of two equal names wins; values are hostile text."""

    values: Mapping[str, str]


class Reply(NamedTuple):
    """The answer to the one command in flight."""

    code: int
    result: str = ""
    """What follows `result=`; empty when a GET DATA timed out, or not a 200."""
    value: str | None = None
    """What stands in the brackets, up to the last `)`. `timeout` and `hangup` come here too."""
    endpos: int = 0
    """Samples played of a file (8 per ms); 0 when not told."""
    text: str = ""
    """The words of a 510, 511 or 520."""


class Hangup(NamedTuple):
    """The line HANGUP: the channel is gone, a reply may still come."""


class Eof(NamedTuple):
    """The peer closed."""

    clean: bool
    """False when it came within the environment or within a line."""


Event = Env | Reply | Hangup | Eof


def quote(value: str) -> str:
    """One argument as Asterisk's parse_args reads it: in quotes, `\\` and `"` escaped. ValueError on CR, LF, NUL."""
    if "\n" in value or "\r" in value or "\0" in value:
        name = "LF" if "\n" in value else "CR" if "\r" in value else "NUL"
        raise BadCommand(f"an AGI argument must not contain {name}: Asterisk would run what follows as a command")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def command(verb: str, *arguments: str) -> bytes:
    """The line for one command. `verb` is ours (`STREAM FILE`), arguments may be anything: ValueError when they cannot
    be sent as exactly one command."""
    if not _VERB.match(verb):
        raise BadCommand(f"not an AGI command: {verb!r}")
    try:
        line = " ".join((verb, *map(quote, arguments))).encode() + b"\n"
    except UnicodeEncodeError as error:
        raise BadCommand(f"an argument of {verb} is not text: {error.reason}") from None
    if len(line) > MAX_COMMAND_BYTES:
        raise BadCommand(f"{verb} with {len(line)} bytes; Asterisk takes {MAX_COMMAND_BYTES} for sure, shorten it")
    return line


class Decoder:
    """Bytes in, events out, however they are cut. After a WireError or the end it must not be fed again."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._env: dict[str, str] | None = {}
        self._env_bytes = 0
        self._env_lines = 0
        self._block: list[str] = []
        """Lines of a reply that is not complete yet."""
        self.replaced = 0
        """Characters that were no UTF-8 and were replaced."""
        self.tainted = 0
        """Lines of the environment with control or direction marks, without a name, or of a name already given."""
        self.junk = 0
        """Lines that begin no reply: the rest of a value with line breaks and brackets in it. They are left out."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        events: list[Event] = []
        buffer = self._buffer
        buffer += data
        start = 0
        while (end := buffer.find(b"\n", start)) >= 0:
            line = bytes(buffer[start:end])
            start = end + 1
            if self._env is not None:
                self._environment(line, events)
            else:
                self._line(line, events)
        del buffer[:start]
        limit = MAX_ENV_BYTES - self._env_bytes if self._env is not None else MAX_LINE_BYTES
        if len(buffer) > limit:
            raise WireError(f"a line of more than {limit} bytes without an end")
        return events

    def eof(self) -> list[Event]:
        """The peer closed: the last event. A glued HANGUP without a line end still counts."""
        events: list[Event] = []
        rest = bytes(self._buffer)
        while rest.startswith(_HANGUP):
            events.append(Hangup())
            rest = rest[len(_HANGUP):]
        events.append(Eof(clean=self._env is None and not rest and not self._block))
        return events

    def _text(self, line: bytes) -> str:
        text = line.removesuffix(b"\r").decode("utf-8", "replace")
        if "\ufffd" in text:
            self.replaced += text.count("\ufffd") - line.count(b"\xef\xbf\xbd")
        return text

    def _environment(self, line: bytes, events: list[Event]) -> None:
        assert self._env is not None
        self._env_bytes += len(line) + 1
        self._env_lines += 1
        if self._env_bytes > MAX_ENV_BYTES or self._env_lines > MAX_ENV_LINES:
            raise WireError(f"an environment of more than {MAX_ENV_BYTES} bytes or {MAX_ENV_LINES} lines")
        if line == _HANGUP:
            events.append(Hangup())
            return
        text = self._text(line)
        if not text:
            events.append(Env(self._env))
            self._env = None
            return
        name, colon, value = text.partition(": ")
        if not colon and text.endswith(":"):
            name, colon = text[:-1], ":"
        if not colon or name in self._env or not text.isprintable():
            self.tainted += 1
        if colon:
            self._env.setdefault(_USUAL.get(name, name), _USUAL.get(value, value))

    def _line(self, line: bytes, events: list[Event]) -> None:
        if self._block:
            self._continue(line, events)
            return
        if line.startswith(_PLAIN) and (result := line[len(_PLAIN):]).isdigit():
            events.append(Reply(200, result.decode("ascii")))  # the usual answer, without the regular expressions
            return
        while line.startswith(_HANGUP):
            events.append(Hangup())
            line = line[len(_HANGUP):]
            if not line.strip(b"\r"):
                return
        text = self._text(line)
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
            return  # "100 Trying...": the answer itself follows
        if found[2] == "-" or not _complete(found[3]):
            self._block.append(text)
            return
        events.append(_reply(int(found[1]), found[3]))

    def _continue(self, line: bytes, events: list[Event]) -> None:
        """A further line of a usage block, or of a value that has line breaks in it."""
        usage = self._block[0][3] == "-"
        while usage and (line == _HANGUP or line.startswith(_HANGUP + self._block[0][:3].encode())):
            events.append(Hangup())
            line = line[len(_HANGUP):]
            if not line:
                return
        self._block.append(self._text(line))
        if len(self._block) > MAX_BLOCK_LINES:
            raise WireError(f"a reply of more than {MAX_BLOCK_LINES} lines")
        code = self._block[0][:3]
        if usage:
            done = self._block[-1].startswith(code + " ")
            body = "\n".join([self._block[0][4:], *self._block[1:]])
        else:
            body = "\n".join(self._block)[4:]
            done = _complete(body)
        if done:
            self._block = []
            events.append(Reply(int(code), text=body) if usage else _reply(int(code), body))


def _complete(body: str) -> bool:
    """Whether the value in brackets, if there is one, has come to its end."""
    found = _RESULT.match(body)
    tail = found[2] if found else None
    if tail is None or not tail.startswith("("):
        return True
    head, closing, rest = tail.rpartition(")")
    return bool(closing) and bool(head) and (not rest or _ENDPOS.match(rest) is not None)


def _reply(code: int, body: str) -> Reply:
    found = _RESULT.match(body) if code == 200 else None
    if found is None:
        return Reply(code, text=body)
    result, tail = found[1], found[2] or ""
    value: str | None = None
    if tail.startswith("("):
        value, _, tail = tail[1:].rpartition(")")
    endpos = _ENDPOS.match(tail)
    return Reply(code, result, value, int(endpos[1]) if endpos else 0)
