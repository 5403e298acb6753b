"""Write each act of a node to a file, for labs: actions written to Asterisk, AGI commands, API answers.

`santral history check` joins this file with the store and with what others saw. Each line has the time, the steady
time, the epoch and the end of the lease, and the last fact whose commit this node knew. It names ids, never a number.

A node without a folder for it has no such object, so it costs nothing then.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from routing.core.model.facts import Fact

BYTES_MAX = 256 * 1024 * 1024
"""Longest file of one process: about two million acts, days of a lab. A history that is full says so and ends."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Steady times of processes compare only within one boot."""
FULL = "full"
"""Last act of a file that has reached its limit."""
ANSWER = "ACD_NEXT"
"""Variable that tells the dialplan where a call goes, so an AGI command that sets it decides. Its value is written."""
ARRAY = "ARRAY("
"""Beginning of a name that stands for several variables, whose values have commas between them."""
_ID = re.compile(r"[A-Za-z]?[0-9]{1,12}[-.][0-9.]{1,32}\Z", re.ASCII)
"""Ids of channels: of callers `1790000000.12`, of agents' legs `o7-1790000000.12`. Other names may hold a number."""
_WORD = re.compile(r"[a-z_]{1,32}\Z", re.ASCII)


WatchCommands = Callable[[str, str, Sequence[str]], None]
"""Learn of a command of a dialogue: id of the call, verb and arguments."""
LeaseTimes = tuple[int, float]
"""Epoch of a lease, and its end by the steady clock if it is not renewed."""


class ActHistory:
    """The acts of one process. One file for each process, so nodes never write into the same one."""

    def __init__(self, folder: Path, node: str, *, bytes_max: int = BYTES_MAX) -> None:
        """Create the file. Raise OSError if the folder cannot be made or written."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(folder / f"node-{node}-{os.getpid()}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._left = bytes_max
        self._lease: Callable[[], LeaseTimes | None] = lambda: None
        self._last_fact: tuple[int, float] | None = None
        boot = BOOT.read_text(encoding="ascii").strip() if BOOT.exists() else ""
        self._write("began", node=node, pid=os.getpid(), boot=boot)

    def begin_leading(self, lease: Callable[[], LeaseTimes | None]) -> None:
        """Note that the node leads from now on, under a lease that `lease` reads."""
        self._lease, self._last_fact = lease, None
        self._write("led")

    def note_ready(self) -> None:
        """Note that the node answers callers from now on."""
        self._write("ready")

    def note_facts(self, facts: Sequence[Fact]) -> None:
        """Learn the facts of a commit. A projection of the runner."""
        self._last_fact = (facts[-1].seq, facts[-1].at)

    def note_action(self, action: Mapping[str, str | Sequence[str]]) -> None:
        """Note an AMI action that was written."""
        channel = action.get("ChannelId") or action.get("Channel") or ""
        self._write("ami", action=action["Action"], **_id_of("channel", channel))

    def watch_commands(self, other: WatchCommands | None) -> WatchCommands:
        """Return what notes each AGI command and tells the other watcher, if there is one."""
        if other is None:
            return self.note_command

        def watch_both(call: str, verb: str, arguments: Sequence[str]) -> None:
            self.note_command(call, verb, arguments)
            other(call, verb, arguments)
        return watch_both

    def note_command(self, call: str, verb: str, arguments: Sequence[str]) -> None:
        """Note an AGI command that was written, with none of its values but that of `ANSWER`."""
        told = {"next": where} if verb == "SET VARIABLE" and (where := _find_answer(*arguments[:2])) else {}
        self._write("agi", verb=verb, **_id_of("contact", call), **told)

    def note_answer(self, route: str, on: str) -> None:
        """Note an API request that was answered and decides something. `on` is the id of its agent, if it names one."""
        self._write("api", route=route, on=on)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, act: str, **told: object) -> None:
        if self._left <= 0:
            return
        line: dict[str, object] = {"act": act, "at": round(time.time(), 6), "steady": round(time.monotonic(), 6)}
        if (lease := self._lease()) is not None:
            line |= {"epoch": lease[0], "until": round(lease[1], 6)}
        if self._last_fact is not None:
            line["fact"] = self._last_fact
        data = _encode_line(line | told)
        self._left -= len(data)
        if self._left <= 0:
            data = _encode_line(line | {"act": FULL})
        # One write for a line, and no buffer: a killed process leaves whole lines.
        os.write(self._file, data)


def _encode_line(line: Mapping[str, object]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _id_of(name: str, value: object) -> dict[str, str]:
    """Return the id of a channel under a name, or nothing for other text, which may be a caller's."""
    return {name: value} if isinstance(value, str) and _ID.match(value) else {}


def _find_answer(name: str, value: str) -> str:
    """Return the value of `ANSWER` in a command that sets variables, or an empty text. ARRAY sets several at once."""
    names, values = [name], [value]
    if name.startswith(ARRAY):
        names, values = name[len(ARRAY):-1].split(","), value.split(",")
    found = dict(zip(names, values, strict=False)).get(ANSWER, "")
    return found if _WORD.match(found) else ""
