"""Remember which channels are in which bridge."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

MEMBERS_MAX = 8_000
"""Channels in bridges known at the same time. The oldest is forgotten first, and the audit finds it."""


class Bridges:
    """Hold the channels of each bridge, in the order of entry."""

    def __init__(self) -> None:
        self._bridges: dict[str, list[str]] = {}
        self._where: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._bridges) + len(self._where)

    def forget_all(self) -> None:
        """Forget all bridges."""
        self._bridges.clear()
        self._where.clear()

    def enter_bridge(self, bridge: str, channel: str) -> Sequence[str]:
        """Move a channel from any other bridge into this one. Return all channels that are in this bridge now."""
        self.leave_bridge(channel)
        if len(self._where) >= MEMBERS_MAX:
            self.leave_bridge(next(iter(self._where)))
        members = self._bridges.setdefault(bridge, [])
        members.append(channel)
        self._where[channel] = bridge
        return members

    def leave_bridge(self, channel: str) -> Sequence[str] | None:
        """Remove a channel from its bridge and return the channels that stay. Return None if the channel was in no
        bridge."""
        bridge = self._where.pop(channel, None)
        if bridge is None:
            return None
        members = self._bridges[bridge]
        members.remove(channel)
        if not members:
            del self._bridges[bridge]
        return members

    def share_bridge(self, one: str, other: str) -> bool:
        """Return whether both channels are in the same bridge."""
        bridge = self._where.get(one)
        return bridge is not None and bridge == self._where.get(other)
