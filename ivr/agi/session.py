"""One call in one coroutine: a command, its reply, the next command. Never two in flight (several commands in one
segment: Asterisk answers only the first, the others run when the socket closes).

`CallerGone` ends the dialogue from whatever it waits for: the line HANGUP, `result=-1`, 511 and end of file all mean
it, in any order.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ivr.agi import wire
from ivr.agi.errors import AgiError, CallerGone, CommandRefused, ReplyTimeout, WireError

REPLY_S = 5.0
"""For a command that plays nothing. Asterisk answers in milliseconds; the dialplan's own limit of a step is 5 s too."""
PLAY_S = 120.0
"""For a file. The longest prompt is below 30 s; music is not played from here."""
PROBE_MS = 1
"""Shortest wait for a key: fails at once when the channel is gone."""
MAX_STRAYS = 8
"""Replies nobody asked for. A value with line breaks may look like some; more of them is a broken peer."""
ANY_KEY = "0123456789*#"
BETWEEN = "|"
"""Between the values of one reply; in no variable of ours."""
TOGETHER_BYTES = 1_000
"""Names and values set by one command: half of what Asterisk takes for sure."""
_PLAIN = re.compile(r"[A-Za-z0-9_.:/&+-]*\Z", re.ASCII)
"""What `ARRAY` passes on as it is: it splits at commas, and knows quotes, backslashes and brackets."""


class Played(NamedTuple):
    """How a file ended."""

    digit: str
    """The key that stopped it; empty: played to the end."""
    endpos: int
    """Samples played, 8 per ms. 0 with an empty digit: the file is not there."""


class Session:
    """A call's commands. `transport` only has to know `write`, `close`, `abort`, `is_closing`."""

    def __init__(self, transport: asyncio.WriteTransport, values: Mapping[str, str]) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pending: asyncio.Future[wire.Reply] | None = None
        self._over: AgiError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._limit = (0.0, "", 0.0)
        """When the command in flight is late, its name, its deadline in seconds."""
        self.values = values
        """The environment: `agi_uniqueid`, `agi_channel`, … Hostile text."""
        script = values.get("agi_network_script", "")
        self.script, _, self.query = script.partition("?")
        self.uniqueid = values.get("agi_uniqueid", "")
        self.channel = values.get("agi_channel", "")
        self.strays = 0
        self.missing = 0
        """Files that could not be played."""

    def argument(self, number: int) -> str:
        """Argument of the AGI call, from 1; empty when there is none."""
        return self.values.get(f"agi_arg_{number}", "")

    @property
    def gone(self) -> bool:
        """True when no further command is possible."""
        return self._over is not None

    # -- what the connection tells

    def take(self, event: wire.Event) -> None:
        """An event of the codec. Raises WireError when the peer talks without being asked."""
        match event:
            case wire.Reply():
                pending = self._pending
                if pending is not None and not pending.done():
                    pending.set_result(event)
                elif self._over is None:
                    self.strays += 1
                    if self.strays > MAX_STRAYS:
                        raise WireError(f"more than {MAX_STRAYS} replies without a command")
            case wire.Hangup():
                self.end(CallerGone("Asterisk sent HANGUP"))
            case wire.Eof():
                self.end(CallerGone("Asterisk closed the connection"))
            case wire.Env():
                raise WireError("a second environment")

    def end(self, why: AgiError) -> None:
        """No command any more; the one in flight ends with `why`. The first reason stays."""
        if self._over is None:
            self._over = why
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending is not None and not self._pending.done():
            self._pending.set_exception(self._over)

    def close(self) -> None:
        """The dialogue is over: Asterisk goes on in the dialplan."""
        self._transport.close()

    # -- commands

    async def command(self, verb: str, *arguments: str, within_s: float = REPLY_S) -> wire.Reply:
        """Send one command, wait for its reply. Raises CallerGone, ReplyTimeout, CommandRefused, WireError, BadCommand
        (nothing is sent then)."""
        assert self._pending is None, f"{verb} while another command is in flight"
        line = wire.command(verb, *arguments)
        if self._over is not None:
            raise self._over
        future: asyncio.Future[wire.Reply] = self._loop.create_future()
        self._pending = future
        self._deadline(verb, within_s)
        try:
            self._transport.write(line)
            reply = await future
        except asyncio.CancelledError:
            # The reply may still come: nobody may take it for the reply of a later command.
            self.end(CallerGone("the dialogue was cancelled"))
            raise
        finally:
            self._pending = None
        if reply.code == 511 or (reply.result == "-1" and not _nothing_played(verb, reply)):
            self.end(CallerGone("the channel is dead" if reply.code == 511 else "the channel hung up"))
        if self._over is not None:
            raise self._over
        if reply.code != 200:
            raise CommandRefused(verb, reply.code, reply.text)
        return reply

    def _deadline(self, verb: str, within_s: float) -> None:
        """One timer for all commands: it is set again only when it would ring too late, and looks when it rings."""
        at = self._loop.time() + within_s
        self._limit = (at, verb, within_s)
        if self._timer is not None and self._timer.when() > at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        at, verb, within_s = self._limit
        if self._pending is None or self._pending.done():
            return
        if self._loop.time() < at:
            self._timer = self._loop.call_at(at, self._look)
            return
        self.end(ReplyTimeout(verb, within_s))
        self._transport.abort()

    async def stream_file(self, file: str, escape: str = "") -> Played:
        """Play a prompt, stopped by one of the keys in `escape`. A file that is not there is counted in `missing`."""
        reply = await self.command("STREAM FILE", file, escape, within_s=PLAY_S)
        digit = _digit(reply.result)
        if _nothing_played("STREAM FILE", reply):
            # A missing file and a hang-up before the first sample look the same: a command on the channel tells.
            digit = await self.wait_for_digit(PROBE_MS)
            self.missing += 1
            digit = digit if digit in escape else ""
        return Played(digit, reply.endpos)

    async def say(self, files: Iterable[str], escape: str = "") -> str:
        """Play prompts one after the other; the key that stopped them, or empty."""
        for file in files:
            if digit := (await self.stream_file(file, escape)).digit:
                return digit
        return ""

    async def record_file(self, file: str, longest_s: float, silence_s: int) -> str:
        """Record the caller into `<file>.wav` until `#`, so much silence, or the longest time; the key, or empty. What
        was heard stays when the caller hangs up: then this raises CallerGone."""
        reply = await self.command("RECORD FILE", file, "wav", "#", str(round(longest_s * 1000)), f"s={silence_s}",
                                   within_s=longest_s + REPLY_S)
        return _digit(reply.result)

    async def wait_for_digit(self, milliseconds: int) -> str:
        """A key within the time, or empty. Keys pressed before are kept by Asterisk and come first."""
        reply = await self.command("WAIT FOR DIGIT", str(milliseconds), within_s=milliseconds / 1000 + REPLY_S)
        return _digit(reply.result)

    async def get_variable(self, name: str) -> str | None:
        """A channel variable, None when it is not set."""
        reply = await self.command("GET VARIABLE", name)
        return (reply.value or "") if reply.result == "1" else None

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable; `__` before the name makes it inherited for ever."""
        await self.command("SET VARIABLE", name, value)

    async def get_variables(self, *names: str) -> tuple[str, ...]:
        """Several in one round trip, in this order; empty: not set. All are empty when one holds `BETWEEN`."""
        reply = await self.command("GET FULL VARIABLE", BETWEEN.join(f"${{{name}}}" for name in names))
        found = tuple((reply.value or "").split(BETWEEN))
        return found if len(found) == len(names) else ("",) * len(names)

    async def set_variables(self, *pairs: tuple[str, str]) -> None:
        """Several, in this order, in as few round trips as their values allow."""
        together: list[tuple[str, str]] = []
        size = 0
        for name, value in pairs:
            adds = len(name) + len(value)
            if together and (size + adds > TOGETHER_BYTES or _PLAIN.match(value) is None):
                await self._set_together(together)
                together, size = [], 0
            if _PLAIN.match(value) is None or adds > TOGETHER_BYTES:
                await self.set_variable(name, value)
            else:
                together.append((name, value))
                size += adds
        if together:
            await self._set_together(together)

    async def _set_together(self, pairs: list[tuple[str, str]]) -> None:
        if len(pairs) == 1:
            await self.set_variable(*pairs[0])
        else:
            names, values = zip(*pairs, strict=True)
            await self.set_variable(f"ARRAY({','.join(names)})", ",".join(values))

    async def exec(self, application: str, *arguments: str, within_s: float = PLAY_S) -> str:
        """Run a dialplan application; its result. Raises CommandRefused when Asterisk does not have it."""
        reply = await self.command("EXEC", application, ",".join(arguments), within_s=within_s)
        if reply.result == "-2":
            raise CommandRefused(f"EXEC {application}", reply.code, "no such application")
        return reply.result


def _nothing_played(verb: str, reply: wire.Reply) -> bool:
    """Asterisk 22.10 answers `result=-1 endpos=0` to a file that is not there (measured), older ones `result=0`."""
    return verb == "STREAM FILE" and reply.result in ("-1", "0") and not reply.endpos and reply.code == 200


def _digit(result: str) -> str:
    """The key of a result that is its ASCII code; empty for 0 and for what is no key."""
    if not result.isascii() or not result.isdigit() or len(result) > 3:
        return ""
    key = chr(int(result))
    return key if key in ANY_KEY else ""
