"""Talk to Asterisk about one call, in one coroutine: send a command, wait for its reply, send the next command.

Never send two commands at once. Asterisk answers only the first of several commands in one segment and runs the others
when the socket closes.

`CallerGone` ends the dialogue at any wait. The line HANGUP, `result=-1`, 511 and end of file all have this meaning, and
their order is not fixed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from ivr.agi import wire
from ivr.agi.errors import AgiError, CallerGone, CommandRefused, NotLeading, ReplyTimeout, WireError

REPLY_S = 5.0
"""Deadline of a command that plays nothing. Asterisk answers in milliseconds. A dialplan step has 5 s too."""
PLAY_S = 120.0
"""Deadline of a command that plays a file. The longest prompt is shorter than 30 s. Music is not played from here."""
NO_WAIT_S = 0.001
"""Wait for a key after a sound that more sounds follow. The dialplan takes 0 for its own default of several seconds."""
SOUNDS, SAY, ASK = "santral-dialogue", "say", "ask"
"""Part of the dialplan that plays a sound of a dialogue, and its extensions: without keys, and until a key.

At the end of the sound, and not before, the dialplan sets the limit of a step. A node that freezes at any moment of a
dialogue therefore costs the caller one step of silence.
"""
KEY, HEARD, LIMIT = "SC_KEY", "SC_HEARD", "TIMEOUT(absolute)"
"""Variables of the channel: the key of the last sound, the result of playing it, and the time limit of the channel."""
NOT_PLAYED = frozenset({"FAILED", "ERROR"})
"""Results of `Playback` and `Read` if the file does not exist."""
MAX_STRAYS = 8
"""Limit of replies without a command. A value with line breaks may look like replies. More means a broken peer."""
ANY_KEY = "0123456789*#"
VALUE_SEPARATOR = "|"
"""Separator between the values of one reply. None of our variables contains it."""
SET_BYTES_MAX = 1_000
"""Bytes of names and values that one command sets: half of what Asterisk accepts for certain."""
_PLAIN = re.compile(r"[A-Za-z0-9_.:/&+-]*\Z", re.ASCII)
"""Values that `ARRAY` passes on unchanged. It splits at commas and interprets quotes, backslashes and brackets."""


WatchCommands = Callable[[str, str, Sequence[str]], None]
"""Learn of each command of a call: unique id, verb and arguments."""

MayAct = Callable[[], bool]
"""Return whether the node may act now."""


def always_acts() -> bool:
    """Act at any time: nobody else can take over."""
    return True


class Session:
    """Commands of one call. `transport` needs only `write`, `close`, `abort` and `is_closing`."""

    def __init__(self, transport: asyncio.WriteTransport, values: Mapping[str, str],
                 watch: WatchCommands | None = None, may_act: MayAct = always_acts) -> None:
        self._transport, self._watch, self._may_act = transport, watch, may_act
        self._loop = asyncio.get_running_loop()
        self._pending: asyncio.Future[wire.Reply] | None = None
        self._over: AgiError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._limit = (0.0, "", 0.0)
        """Deadline of the command in flight by the loop's clock, its name, and its time limit in seconds."""
        self.values = values
        """Environment of the call: `agi_uniqueid`, `agi_channel` and others. The text is hostile."""
        script = values.get("agi_network_script", "")
        self.script, _, self.query = script.partition("?")
        self.uniqueid = values.get("agi_uniqueid", "")
        self.channel = values.get("agi_channel", "")
        self.strays = 0
        self.missing = 0
        """Files that Asterisk could not play."""

    def argument_at(self, number: int) -> str:
        """Return an argument of the AGI call, counted from 1. Return an empty string if it was not given."""
        return self.values.get(f"agi_arg_{number}", "")

    @property
    def has_ended(self) -> bool:
        """Whether no further command is possible."""
        return self._over is not None

    # -- events of the connection

    def take_event(self, event: wire.Event) -> None:
        """Handle an event of the decoder. Raise WireError if the peer talks without being asked."""
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
                self.end_dialogue(CallerGone("Asterisk sent HANGUP"))
            case wire.Eof():
                self.end_dialogue(CallerGone("Asterisk closed the connection"))
            case wire.Env():
                raise WireError("a second environment")

    def end_dialogue(self, why: AgiError) -> None:
        """End the dialogue, and let the command in flight raise `why`. The first reason is kept."""
        if self._over is None:
            self._over = why
        # The deadline must not ring for a dialogue that has ended.
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending is not None and not self._pending.done():
            self._pending.set_exception(self._over)

    def close(self) -> None:
        """Close the connection, so that Asterisk continues in the dialplan."""
        self._transport.close()

    # -- commands

    async def send_command(self, verb: str, *arguments: str, within_s: float = REPLY_S) -> wire.Reply:
        """Send one command and return its reply.

        Raise CallerGone, ReplyTimeout, CommandRefused, NotLeading or WireError. Raise BadCommand, with nothing sent, if
        the command cannot be written.
        """
        assert self._pending is None, f"{verb} while another command is in flight"
        # 1. Encode before anything else, so that a bad command changes nothing.
        line = wire.encode_command(verb, *arguments)
        if self._over is not None:
            raise self._over
        # A node that was frozen says nothing from its old memory.
        if not self._may_act():
            self.end_dialogue(NotLeading())
            self._transport.abort()
            raise NotLeading
        # 2. Send, and wait for the reply or for the end of the dialogue.
        future: asyncio.Future[wire.Reply] = self._loop.create_future()
        self._pending = future
        self._arm_deadline(verb, within_s)
        try:
            self._transport.write(line)
            if self._watch is not None:
                self._watch(self.uniqueid, verb, arguments)
            reply = await future
        except asyncio.CancelledError:
            # The reply may still come. No later command may take it for its own reply.
            self.end_dialogue(CallerGone("the dialogue was cancelled"))
            raise
        finally:
            self._pending = None
        # 3. A dead channel ends the dialogue even though its reply is well formed.
        if reply.code == 511 or reply.result == "-1":
            self.end_dialogue(CallerGone("the channel is dead" if reply.code == 511 else "the channel hung up"))
        # 4. HANGUP may come together with a good reply, and then it counts.
        if self._over is not None:
            raise self._over
        if reply.code != 200:
            raise CommandRefused(verb, reply.code, reply.text)
        return reply

    def _arm_deadline(self, verb: str, within_s: float) -> None:
        """Set one timer for all commands. The timer moves only if it would ring too late, and checks at its ring."""
        at = self._loop.time() + within_s
        self._limit = (at, verb, within_s)
        # An earlier deadline needs a new timer. A later one is found when the old timer rings.
        if self._timer is not None and self._timer.when() > at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(at, self._check_deadline)

    def _check_deadline(self) -> None:
        self._timer = None
        at, verb, within_s = self._limit
        if self._pending is None or self._pending.done():
            return
        # The timer was set for an earlier command, and the one in flight has time left.
        if self._loop.time() < at:
            self._timer = self._loop.call_at(at, self._check_deadline)
            return
        self.end_dialogue(ReplyTimeout(verb, within_s))
        # A late reply must not meet a later command, so the connection ends too.
        self._transport.abort()

    async def stream_file(self, file: str, escape: str = "", place: str = "") -> str:
        """Play a prompt and return the key that stopped it, or an empty string. A key counts only with `escape`.

        `place` names the question that the key answers, so that another node can go on with the key. Count a file that
        does not exist in `missing`.
        """
        if not escape:
            await self.send_command("GOSUB", SOUNDS, SAY, "1", file, within_s=PLAY_S)
        else:
            await self.send_command("GOSUB", SOUNDS, ASK, "1", f"{file},{NO_WAIT_S},{place}", within_s=PLAY_S)
        digit, heard = await self.get_variables(KEY, HEARD)
        if heard in NOT_PLAYED:
            self.missing += 1
        return digit if digit and digit in escape else ""

    async def play_files(self, files: Iterable[str], escape: str = "") -> str:
        """Play prompts one after the other. Return the key that stopped them, or an empty string."""
        for file in files:
            if digit := await self.stream_file(file, escape):
                return digit
        return ""

    async def record_file(self, file: str, longest_s: float, silence_s: int) -> str:
        """Record the caller into `<file>.wav` and return the key that ended the recording, or an empty string.

        The recording ends at `#`, after `silence_s` of silence or after `longest_s`. Raise CallerGone if the caller
        hangs up. Asterisk keeps the sound up to then.
        """
        await self.set_variable(LIMIT, str(round(longest_s + REPLY_S)))
        reply = await self.send_command("RECORD FILE", file, "wav", "#", str(round(longest_s * 1000)), f"s={silence_s}",
                                   within_s=longest_s + REPLY_S)
        return _parse_digit(reply.result)

    async def wait_for_digit(self, milliseconds: int, place: str = "") -> str:
        """Return a key pressed within the time, or an empty string. Earlier keys are kept and come first."""
        seconds = max(milliseconds / 1000, NO_WAIT_S)
        await self.send_command("GOSUB", SOUNDS, ASK, "1", f",{seconds:g},{place}", within_s=seconds + REPLY_S)
        digit = (await self.get_variables(KEY))[0]
        return digit if digit and digit in ANY_KEY else ""

    async def get_variable(self, name: str) -> str | None:
        """Return a channel variable, or None if it is not set."""
        reply = await self.send_command("GET VARIABLE", name)
        return (reply.value or "") if reply.result == "1" else None

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable. With `__` before the name all later channels inherit it."""
        await self.send_command("SET VARIABLE", name, value)

    async def get_variables(self, *names: str) -> tuple[str, ...]:
        """Return several variables in one round trip, in this order. An unset one is empty.

        All values are empty if one of them contains `VALUE_SEPARATOR`.
        """
        reply = await self.send_command("GET FULL VARIABLE", VALUE_SEPARATOR.join(f"${{{name}}}" for name in names))
        found = tuple((reply.value or "").split(VALUE_SEPARATOR))
        return found if len(found) == len(names) else ("",) * len(names)

    async def set_variables(self, *pairs: tuple[str, str]) -> None:
        """Set several variables in this order, in as few round trips as their values allow."""
        together: list[tuple[str, str]] = []
        size = 0
        for name, value in pairs:
            adds = len(name) + len(value)
            # A value that ARRAY would change is set alone. Send the earlier ones first, because the order counts.
            if together and (size + adds > SET_BYTES_MAX or _PLAIN.match(value) is None):
                await self._set_in_one_command(together)
                together, size = [], 0
            if _PLAIN.match(value) is None or adds > SET_BYTES_MAX:
                await self.set_variable(name, value)
            else:
                together.append((name, value))
                size += adds
        if together:
            await self._set_in_one_command(together)

    async def _set_in_one_command(self, pairs: list[tuple[str, str]]) -> None:
        if len(pairs) == 1:
            await self.set_variable(*pairs[0])
        else:
            # ARRAY sets several variables from one value with commas.
            names, values = zip(*pairs, strict=True)
            await self.set_variable(f"ARRAY({','.join(names)})", ",".join(values))

    async def run_application(self, application: str, *arguments: str, within_s: float = PLAY_S) -> str:
        """Run a dialplan application and return its result. Raise CommandRefused if Asterisk does not have it."""
        reply = await self.send_command("EXEC", application, ",".join(arguments), within_s=within_s)
        # EXEC reports a missing application as a result and not as an error code.
        if reply.result == "-2":
            raise CommandRefused(f"EXEC {application}", reply.code, "no such application")
        return reply.result


def _parse_digit(result: str) -> str:
    """Return the key whose ASCII code is the result. Return an empty string for 0 and for other characters."""
    if not result.isascii() or not result.isdigit() or len(result) > 3:
        return ""
    key = chr(int(result))
    return key if key in ANY_KEY else ""
