"""Agents' phones as Asterisk tells of them: there or away, free or in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from routing.core.events import Event, SeatChanged
from routing.core.ids import SeatId

SEATS_MAX = 5_000
LINES_MAX = 8_000
"""Channels of phones known at once: a phone has one, rarely two."""

_IN_USE = {"INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"}
_AWAY = {"UNAVAILABLE", "INVALID"}


class Phones:
    """What is known of each phone. `is_seat(name)`: whether an endpoint is a seat (a trunk is not)."""

    def __init__(self, is_seat: Callable[[str], bool]) -> None:
        self._is_seat = is_seat
        self._seats: dict[str, tuple[bool, bool]] = {}
        self._heard: set[str] = set()
        """Phones heard of since `look`."""
        self._lines: OrderedDict[str, str] = OrderedDict()
        """Channels of phones, by Uniqueid: whose."""
        self._counted: dict[str, int] = {}
        """How many of them a phone has; only of phones that were seen free since we listen, so that none is missing."""

    def clear(self) -> None:
        """Know nothing again."""
        self._seats.clear()
        self._heard.clear()
        self._lines.clear()
        self._counted.clear()

    def size(self) -> int:
        """How many channels of phones are known."""
        return len(self._lines)

    def look(self) -> None:
        """A list of phones is about to be asked for: what is heard of a phone from now on is newer than the list."""
        self._heard.clear()

    def listed(self, states: Iterable[tuple[str, str]]) -> list[Event]:
        """What is new about phones, from a list of (device, state). Those heard of since `look` are passed over: a
        phone that was hung up meanwhile would be busy again, until the next list a minute later."""
        return [event for device, state in states if device.removeprefix("PJSIP/") not in self._heard
                for event in self._seat(device, state)]

    def told(self, device: str, state: str) -> list[Event]:
        """Asterisk says by itself how a phone is."""
        self._hear(device.removeprefix("PJSIP/"))
        return self._seat(device, state)

    def begins(self, uniqueid: str, channel: str) -> None:
        """A channel is there; perhaps a phone's."""
        seat = endpoint(channel)
        if not seat or not self._is_seat(seat) or uniqueid in self._lines:
            return
        if len(self._lines) >= LINES_MAX:
            self._counted.pop(self._lines.popitem(last=False)[1], None)
        self._lines[uniqueid] = seat
        if seat in self._counted:
            self._counted[seat] += 1

    def ends(self, uniqueid: str) -> list[Event]:
        """A phone whose last channel has gone is free. Asterisk says so by DeviceStateChange too, but that is made by
        another thread and was 2 to 4 ms behind the Hangup: the next caller need not wait for it."""
        seat = self._lines.pop(uniqueid, None)
        if seat is not None:
            self._hear(seat)
        if seat is None or seat not in self._counted:
            return []
        self._counted[seat] -= 1
        if self._counted[seat] or self._seats.get(seat) != (True, True):
            return []
        return self._is(seat, (True, False))

    def _hear(self, seat: str) -> None:
        if len(self._heard) < SEATS_MAX:
            self._heard.add(seat)

    def _seat(self, device: str, state: str) -> list[Event]:
        seat = device.removeprefix("PJSIP/")
        if seat == device or not self._is_seat(seat):
            return []
        now = (state not in _AWAY, state in _IN_USE)
        if seat not in self._seats and len(self._seats) >= SEATS_MAX:
            return []
        if not now[1] and seat not in self._counted:
            self._counted[seat] = sum(whose == seat for whose in self._lines.values())
        return self._is(seat, now)

    def _is(self, seat: str, now: tuple[bool, bool]) -> list[Event]:
        if self._seats.get(seat) == now:
            return []
        self._seats[seat] = now
        return [SeatChanged(SeatId(seat), *now)]


def endpoint(channel: str) -> str:
    """Whose channel it is: `2001` of `PJSIP/2001-0000000e`; empty for one that is no phone's."""
    return channel.removeprefix("PJSIP/").rpartition("-")[0] if channel.startswith("PJSIP/") else ""
