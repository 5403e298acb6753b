"""Read the lines of a call as the table of docs/integrate/queue-log.md allows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "integrate" / "queue-log.md"
ENDS = frozenset({"over", "out", "off", "left"})
NAME = re.compile(r"[A-Za-z0-9_./-]{1,40}")
FIELDS = {
    "QUEUESTART": 1, "CONFIGRELOAD": 1, "ENTERQUEUE": 3, "CONNECT": 3, "COMPLETECALLER": 3, "COMPLETEAGENT": 3,
    "BLINDTRANSFER": 5, "ATTENDEDTRANSFER": 5, "TRANSFER": 5, "ABANDON": 3, "EXITWITHTIMEOUT": 3, "EXITWITHKEY": 4,
    "WITHDRAW": 4, "RINGNOANSWER": 1, "RINGCANCELED": 1, "CALLERONHOLD": 1, "CALLEROFFHOLD": 1, "CALLBACKASKED": 1,
    "CALLBACKFAILED": 2, "CALLBACKREACHED": 1, "SURVEY": 2, "ADDMEMBER": 1, "REMOVEMEMBER": 1, "PAUSE": 1, "UNPAUSE": 1,
    "AGENTDUMP": 1, "PAUSEALL": 1, "UNPAUSEALL": 1}
"""An event without data has one empty field: `logger.c` writes the bar after the event in any case."""
OF_NO_CALL = ("NONE", "MANAGER")
RINGS = ("RINGNOANSWER", "RINGCANCELED", "AGENTDUMP")
OF_TALK = ("CALLERONHOLD", "CALLEROFFHOLD", "COMPLETECALLER", "COMPLETEAGENT", "BLINDTRANSFER", "ATTENDEDTRANSFER",
           "TRANSFER")


AGAIN_S = 59
"""After this time an id that ended may name another call. Asterisk reuses an id when its clock was set back."""


class Line(NamedTuple):
    """One line."""

    epoch: int
    call: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]
    text: str


@cache
def table() -> dict[tuple[str, str], str]:
    """Return the next state for each state and event."""
    text = GUIDE.read_text(encoding="utf-8").partition("\n## The words of a call\n")[2].partition("\n## ")[0]
    found: dict[tuple[str, str], str] = {}
    for states, events, after in re.findall(r"^([a-z ,]+) \| (`.+`) \| ([a-z ]+)$", text, re.MULTILINE):
        for state in states.split(", "):
            for event in re.findall(r"`([A-Z]+)`", events):
                assert (state, event) not in found, f"{state} and {event} stand twice in the table"
                found[state, event] = after
    assert len(found) > 20, "the table is found"
    return found


def parse(text: str) -> list[Line]:
    """Return the lines of a file. Each must have the fields of its event."""
    assert not text or text.endswith("\n"), "half a line at the end"
    found = []
    for line in text.splitlines():
        epoch, call, queue, agent, event, *data = line.split("|")
        assert re.fullmatch(r"\d{10}", epoch), line
        assert all(NAME.fullmatch(one) for one in (call, queue, agent)), line
        assert all(len(one) <= 40 for one in data), line
        assert FIELDS.get(event) == len(data), line
        found.append(Line(int(epoch), call, queue, agent, event, tuple(data), line))
    return found


class Words:
    """Reads line by line. Raises AssertionError with the line that does not fit."""

    def __init__(self) -> None:
        self.state: dict[str, str] = {}
        """Of each call."""
        self.events: Counter[str] = Counter()
        self._when: dict[str, int] = {}
        """Second of each call's last line."""
        self._queue: dict[str, str] = {}
        self._agent: dict[str, str] = {}
        self._next: dict[str, str] = {}
        self._said: dict[str, list[str]] = defaultdict(list)
        self._members: set[tuple[str, str]] = set()
        self._paused: set[tuple[str, str]] = set()
        self._epoch = 0
        self._second: set[tuple[str, str, str, str]] = set()

    def read(self, lines: Iterable[Line]) -> None:
        """More of the file."""
        for line in lines:
            self.events[line.event] += 1
            self._in_time(line)
            if line.event == "SURVEY":
                self._survey(line)
            elif line.call in OF_NO_CALL:
                self._member(line)
            else:
                self._step(line)

    def finished(self) -> None:
        """Nobody is under way."""
        open_ = {call: state for call, state in self.state.items() if state not in ENDS}
        assert not open_, f"no whole words: {open_}"

    def _in_time(self, line: Line) -> None:
        if line.event == "QUEUESTART":
            return
        assert line.epoch >= self._epoch, f"back in time: {line.text}"
        if line.epoch > self._epoch:
            self._epoch = line.epoch
            self._second.clear()
        key = line.call, line.queue, line.agent, line.event
        assert key not in self._second, f"twice in a second: {line.text}"
        self._second.add(key)

    def _step(self, line: Line) -> None:
        call, before = line.call, self.state.get(line.call, "new")
        if before in ENDS and line.epoch - self._when[call] >= AGAIN_S:
            before = "new"
        self._when[call] = line.epoch
        after = table().get((before, line.event))
        assert after is not None, f"a call that is {before} cannot go on with {line.text}"
        self.state[call] = after
        if line.event == "ENTERQUEUE":
            if before == "left":
                assert line.queue == self._queue[call], f"a cut talk comes back to its queue: {line.text}"
            elif before in ("out", "off"):
                assert line.queue != self._queue[call], f"out of a queue and into it again: {line.text}"
            elif before == "sent":
                assert line.queue == self._next[call], f"sent to {self._next[call]}: {line.text}"
            self._queue[call] = line.queue
        elif line.event == "CONNECT":
            self._agent[call] = line.agent
        elif line.event in OF_TALK:
            assert line.agent == self._agent[call], f"{self._agent[call]} talks: {line.text}"
        if line.event in ("BLINDTRANSFER", "ATTENDEDTRANSFER"):
            self._next[call] = line.data[line.event == "ATTENDEDTRANSFER"]
        elif line.event == "TRANSFER":
            assert line.data[0] == self._next[call], line.text
        if line.event not in RINGS or before in ("waiting", "to be called"):
            assert line.queue == self._queue[call], f"in {self._queue[call]}: {line.text}"

    def _survey(self, line: Line) -> None:
        said = self._said[line.call]
        assert line.data[0] not in said or line.data[0] == "asked", f"said twice: {line.text}"
        assert said or line.data[0] == "asked", f"never asked: {line.text}"
        if line.data[0] == "asked":
            said.clear()
        said.append(line.data[0])

    def _member(self, line: Line) -> None:
        key = line.agent, line.queue
        match line.event:
            case "ADDMEMBER":
                assert key not in self._members, f"a member already: {line.text}"
                self._members.add(key)
                if line.data[0] == "PAUSED":
                    self._paused.add(key)
            case "REMOVEMEMBER":
                assert key in self._members, f"no member: {line.text}"
                self._members.remove(key)
                self._paused.discard(key)
            case "PAUSE":
                assert key in self._members, f"no member: {line.text}"
                self._paused.add(key)
            case "UNPAUSE":
                assert key in self._paused, f"not paused: {line.text}"
                self._paused.remove(key)
            case "PAUSEALL" | "UNPAUSEALL" | "QUEUESTART" | "CONFIGRELOAD":
                assert line.queue == "NONE", line.text
            case _:
                raise AssertionError(f"no call: {line.text}")


def check(text: str, *, finished: bool = False) -> Words:
    """A whole file."""
    words = Words()
    words.read(parse(text))
    if finished:
        words.finished()
    return words
