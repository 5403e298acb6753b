"""Tell who was bridged with whom, and when, from what the witnesses saw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lab.history.evidence import Line

ENTRY = "santral-in"
"""Context in which a call from outside begins."""


class SeenTalk(NamedTuple):
    """A caller and another channel in one bridge."""

    contact: str
    leg: str
    """Id of the agent's leg. A phone that the fallback queue rang has another id."""
    seat: str
    began: float
    ended: float | None
    """None if the witness lost sight of it."""
    lines: tuple[str, ...]


class SeenPair(NamedTuple):
    """Two callers in one bridge."""

    first: str
    second: str
    at: float
    lines: tuple[str, ...]


class SeenTalks(NamedTuple):
    """All talks in the order of their ends, and callers who were bridged with each other."""

    talks: list[SeenTalk]
    pairs: list[SeenPair]


def find_talks(seen: Iterable[Line], contacts: Iterable[str]) -> SeenTalks:
    """Return the talks. `contacts` are callers besides those whose beginning was seen."""
    return _Watch(set(contacts)).watch_lines(seen)


class _Watch:
    """The bridges so far. A bridge of two has one pair, so the work grows with the lines alone."""

    def __init__(self, callers: set[str]) -> None:
        self._callers = callers
        self._bridges: dict[str, dict[str, Line]] = {}
        self._found = SeenTalks([], [])

    def watch_lines(self, seen: Iterable[Line]) -> SeenTalks:
        for line in seen:
            event, id_ = line.get("event"), line.get("id")
            if event == "Newchannel" and line.get("Context") == ENTRY:
                self._callers.add(id_)
            elif event == "BridgeEnter":
                self._enter(line, id_)
            elif event == "BridgeLeave":
                self._leave(self._bridges.get(line.get("BridgeUniqueid"), {}), id_, line)
            elif event == "gone":
                # Changes of the bridges are not seen from now on.
                for members in self._bridges.values():
                    for one in list(members):
                        self._leave(members, one, None)
                self._bridges.clear()
        for members in self._bridges.values():
            for one in list(members):
                self._leave(members, one, None)
        return self._found

    def _enter(self, line: Line, id_: str) -> None:
        members = self._bridges.setdefault(line.get("BridgeUniqueid"), {})
        if id_ in self._callers:
            for other, entered in members.items():
                if other in self._callers and other != id_:
                    self._found.pairs.append(SeenPair(other, id_, line.at, (entered.where, line.where)))
        members[id_] = line

    def _leave(self, members: dict[str, Line], id_: str, line: Line | None) -> None:
        entered = members.pop(id_, None)
        if entered is None:
            return
        for other, other_entered in members.items():
            callers = {id_, other} & self._callers
            if len(callers) != 1:
                continue
            contact = callers.pop()
            channel = entered if contact == other else other_entered
            leg = other if contact == id_ else id_
            proof = (entered.where, other_entered.where, *([] if line is None else [line.where]))
            self._found.talks.append(SeenTalk(
                contact, leg, _seat_of(channel.get("channel")), max(entered.at, other_entered.at),
                None if line is None else line.at, proof))


def _seat_of(channel: str) -> str:
    """Return the endpoint of a channel: `PJSIP/2001-00000004` is at the seat `2001`."""
    return channel.removeprefix("PJSIP/").rpartition("-")[0]
