"""Follow the agents' phones as Asterisk reports them: reachable or not, free or in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from routing.core.events import Event, SeatChanged
from routing.core.model.ids import SeatId

SEATS_MAX = 5_000
LINES_MAX = 8_000
"""Channels of phones known at once. A phone has one, rarely two."""

_IN_USE = {"INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"}
_AWAY = {"UNAVAILABLE", "INVALID"}


class PhoneStates:
    """Hold the state of each phone. `is_seat(name)` tells whether an endpoint is a seat, not a trunk."""

    def __init__(self, is_seat: Callable[[str], bool]) -> None:
        self._is_seat = is_seat
        self._seats: dict[str, tuple[bool, bool]] = {}
        self._heard: set[str] = set()
        """Phones reported since `begin_list`."""
        self._lines: OrderedDict[str, str] = OrderedDict()
        """Phones by the Uniqueid of their channels."""
        self._counted: dict[str, int] = {}
        """Channels of each phone. Only phones that were seen free are counted, so that no channel is missing."""

    def forget_all(self) -> None:
        """Forget all phones."""
        self._seats.clear()
        self._heard.clear()
        self._lines.clear()
        self._counted.clear()

    def count_channels(self) -> int:
        """Return how many channels of phones are known."""
        return len(self._lines)

    def begin_list(self) -> None:
        """Prepare for a list of phones. A report from now on is newer than the list."""
        self._heard.clear()

    def apply_list(self, states: Iterable[tuple[str, str]]) -> list[Event]:
        """Return the news about phones from a list of (device, state).

        Phones that were reported since `begin_list` are skipped. Otherwise a phone that was hung up meanwhile would be
        busy until the next list, a minute later.
        """
        return [event for device, state in states if device.removeprefix("PJSIP/") not in self._heard
                for event in self._apply_device(device, state)]

    def apply_state(self, device: str, state: str) -> list[Event]:
        """Take over a state that Asterisk reports, and return the news."""
        self._note_heard(device.removeprefix("PJSIP/"))
        return self._apply_device(device, state)

    def note_channel(self, uniqueid: str, channel: str) -> None:
        """Note a new channel if it belongs to a phone."""
        seat = endpoint_of(channel)
        if not seat or not self._is_seat(seat) or uniqueid in self._lines:
            return
        if len(self._lines) >= LINES_MAX:
            # The count of this phone is incomplete now, so it is dropped as well.
            self._counted.pop(self._lines.popitem(last=False)[1], None)
        self._lines[uniqueid] = seat
        if seat in self._counted:
            self._counted[seat] += 1

    def end_channel(self, uniqueid: str) -> list[Event]:
        """Forget a channel, and report its phone as free if it was the last one.

        Asterisk's DeviceStateChange comes from another thread, 2 to 4 ms after the Hangup. The next caller need not
        wait for that event.
        """
        seat = self._lines.pop(uniqueid, None)
        if seat is not None:
            self._note_heard(seat)
        if seat is None or seat not in self._counted:
            return []
        self._counted[seat] -= 1
        if self._counted[seat] or self._seats.get(seat) != (True, True):
            return []
        return self._set_state(seat, (True, False))

    def _note_heard(self, seat: str) -> None:
        if len(self._heard) < SEATS_MAX:
            self._heard.add(seat)

    def _apply_device(self, device: str, state: str) -> list[Event]:
        seat = device.removeprefix("PJSIP/")
        if seat == device or not self._is_seat(seat):
            return []
        now = (state not in _AWAY, state in _IN_USE)
        if seat not in self._seats and len(self._seats) >= SEATS_MAX:
            return []
        # From a free phone on, every channel is counted.
        if not now[1] and seat not in self._counted:
            self._counted[seat] = sum(whose == seat for whose in self._lines.values())
        return self._set_state(seat, now)

    def _set_state(self, seat: str, now: tuple[bool, bool]) -> list[Event]:
        if self._seats.get(seat) == now:
            return []
        self._seats[seat] = now
        return [SeatChanged(SeatId(seat), *now)]


def endpoint_of(channel: str) -> str:
    """Return the endpoint of a channel, for example `2001` of `PJSIP/2001-0000000e`, or an empty text for other
    channels."""
    return channel.removeprefix("PJSIP/").rpartition("-")[0] if channel.startswith("PJSIP/") else ""
