"""An Asterisk on the other side of FastAGI: environment, variables, prompts, keys and hang-ups, also late, glued, cut
or silent. It checks that no two commands are in flight.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from tests.until import LIMIT_S

UNIQUEID = "1795569005.1"


def environment(script: str, *arguments: str, uniqueid: str = UNIQUEID, extra: bytes = b"") -> bytes:
    """Return the lines that Asterisk 22 sends first."""
    head = (f"agi_network: yes\nagi_network_script: {script}\nagi_request: agi://127.0.0.1/{script}\n"
            f"agi_channel: PJSIP/trunk-0000000e\nagi_language: tr\nagi_type: PJSIP\nagi_uniqueid: {uniqueid}\n"
            "agi_version: 22.10.1\nagi_callerid: unknown\nagi_calleridname: unknown\nagi_accountcode: \n")
    tail = "".join(f"agi_arg_{number}: {value}\n" for number, value in enumerate(arguments, 1))
    return head.encode() + extra + tail.encode() + b"\n"


def _nothing() -> None:
    pass


class Dialler:
    """One call. `keys` answers each listening command in order: a key, or "" for none; `{prompt: key}` by file."""

    def __init__(self, port: int, script: str, *arguments: str, variables: dict[str, str] | None = None,
                 keys: list[str] | None = None, by_file: dict[str, str] | None = None,
                 uniqueid: str = UNIQUEID) -> None:
        self.port, self.head = port, environment(script, *arguments, uniqueid=uniqueid)
        self.variables = dict(variables or {})
        self.keys = list(keys or [])
        self.by_file = dict(by_file or {})
        self.always: dict[str, str] = {}
        """As `by_file`, each time the file is played."""
        self.at_file: dict[str, Callable[[], None]] = {}
        """Called when this file is played for the first time."""
        self.commands: list[str] = []
        self.played: list[str] = []
        self.waited: list[int] = []
        self.hang_up_at: int | None = None
        """Number of the command at which the caller hangs up."""
        self.how = "line"
        """`line` (HANGUP, then the reply), `glued` (HANGUP511 …), `result` (-1), `eof`, `dead` (511), `silent`."""
        self.recording = b""
        """The bytes of the file that `RECORD FILE` writes."""
        self.hang_up_recording = False
        """The caller hangs up while speaking."""
        self.missing: set[str] = set()
        self.pause_s = 0.0
        self.cut = 0
        """Send replies in pieces of this many bytes."""

    @property
    def words(self) -> list[str]:
        """The prompts that the hold loop plays first: acknowledgement, announcements and notice."""
        files = (self.variables.get("SC_WORDS", ""), self.variables.get("SC_NOTICE_WORDS", ""))
        return [one.rpartition("/")[2] for some in files for one in some.split("&") if one]

    async def call(self, within_s: float = LIMIT_S) -> Dialler:
        """Run the call from connect to the end of the connection."""
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                await self._send(writer, self.head)
                while line := await reader.readline():
                    self.commands.append(line.decode().rstrip("\n"))
                    if len(self.commands) - 1 == self.hang_up_at:
                        await self._hang_up(reader, writer)
                        break
                    # Asterisk answers after the sound that it played, so the answer is late on purpose.
                    await asyncio.sleep(self.pause_s)
                    await self._send(writer, (self._reply(self.commands[-1]) + "\n").encode())
            except ConnectionError:
                pass
            finally:
                writer.close()
        return self

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        step = self.cut or len(data)
        for start in range(0, len(data), step):
            writer.write(data[start: start + step])
            await writer.drain()
            if self.cut:
                # The other side reads each piece separately.
                await asyncio.sleep(0)

    async def _hang_up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = {"line": b"HANGUP\n200 result=-1 endpos=0\nHANGUP\n", "result": b"200 result=-1 endpos=4000\n",
                "glued": b"HANGUP511 Command Not Permitted on a dead channel or intercept routine\n", "eof": b"",
                "dead": b"511 Command Not Permitted on a dead channel or intercept routine\n", "silent": b""}[self.how]
        writer.write(said)
        if self.how != "eof":
            self.commands += [line.decode() for line in (await reader.read()).splitlines()]

    def _set(self, found: re.Match[str]) -> str:
        """Set the variables that the dialplan function `SET` names."""
        self.variables[found[1]] = found[2]
        return found[2]

    def _run_dialogue(self, exten: str, file: str, wait_s: str = "", place: str = "") -> None:
        """Play a sound and take a key, as `[santral-dialogue]` does."""
        name, key, heard = file.rpartition("/")[2], "", "SUCCESS" if exten == "say" else "OK"
        if name in self.missing:
            heard = "FAILED" if exten == "say" else "ERROR"
        elif name:
            self.played.append(name)
            self.at_file.pop(name, _nothing)()
            key = self.by_file.pop(name, "") or self.always.get(name, "")
        else:
            self.waited.append(round(float(wait_s) * 1000))
            key = self.keys.pop(0) if self.keys else ""
        self.variables |= {"SC_KEY": "" if exten == "say" else key, "SC_HEARD": heard}
        if place:
            self.variables |= {"SC_PLACE": place, "SC_PLACE_KEY": key}

    def _reply(self, command: str) -> str:
        words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r'"((?:[^"\\]|\\.)*)"', command)]
        if command.startswith("GET VARIABLE"):
            value = self.variables.get(words[0])
            return "200 result=0" if value is None else f"200 result=1 ({value})"
        if command.startswith("GET FULL VARIABLE"):
            value = re.sub(r"\$\{(\w+)\}", lambda name: self.variables.get(name[1], ""), words[0])
            value = re.sub(r"\$\{SET\((.+?)=(.*?)\)\}", self._set, value)
            return f"200 result=1 ({value})" if value else "200 result=0"
        if command.startswith("SET VARIABLE"):
            several = words[0].startswith("ARRAY(")
            names, values = (words[0][len("ARRAY("):-1].split(","), words[1].split(",")) if several else \
                ([words[0]], [words[1]])
            for name, one in zip(names, values, strict=True):
                self.variables[name.lstrip("_")] = one
            return "200 result=1"
        if command.startswith("GOSUB"):
            self._run_dialogue(words[1], *words[3].split(","))
            return "100 result=0 Trying...\n200 result=0 Gosub complete"
        if command.startswith("RECORD FILE"):
            Path(f"{words[0]}.{words[1]}").write_bytes(self.recording)
            if self.hang_up_recording:
                return "200 result=-1 (hangup) endpos=16000"
            return "200 result=35 (dtmf) endpos=16000"
        if command.startswith(("EXEC", "NOOP")):
            return "200 result=0"
        return "510 Invalid or unknown command"
