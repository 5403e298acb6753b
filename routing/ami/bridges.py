"""Who is in which bridge."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

MEMBERS_MAX = 8_000
"""Channels in bridges known at once. The oldest is forgotten first; the audit finds what it was."""


class Bridges:
    """Channels by bridge, in the order in which they entered."""

    def __init__(self) -> None:
        self._bridges: dict[str, list[str]] = {}
        self._where: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        """How many things are remembered."""
        return len(self._bridges) + len(self._where)

    def clear(self) -> None:
        """Know nothing again."""
        self._bridges.clear()
        self._where.clear()

    def enter(self, bridge: str, channel: str) -> Sequence[str]:
        """A channel has entered, out of any other bridge; all that are in this one now."""
        self.leave(channel)
        if len(self._where) >= MEMBERS_MAX:
            self.leave(next(iter(self._where)))
        members = self._bridges.setdefault(bridge, [])
        members.append(channel)
        self._where[channel] = bridge
        return members

    def leave(self, channel: str) -> Sequence[str] | None:
        """A channel has left; who is still in the bridge. None: it was in none."""
        bridge = self._where.pop(channel, None)
        if bridge is None:
            return None
        members = self._bridges[bridge]
        members.remove(channel)
        if not members:
            del self._bridges[bridge]
        return members

    def together(self, one: str, other: str) -> bool:
        """Whether both are in one bridge."""
        bridge = self._where.get(one)
        return bridge is not None and bridge == self._where.get(other)
