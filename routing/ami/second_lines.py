"""Follow second lines: calls that agents' phones have made themselves, and that are no callers.

Such a channel begins in the context of the agents' phones. In a bridge it is the phone of an agent who consults a
colleague (`santral-seat-line`). The caller is meanwhile on the first line of that phone, an agent's leg.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from routing.core.model.ids import is_leg

CONTEXT_SEAT = "santral-seat"
"""Context of `asterisk_conf` with the numbers that an agent's phone may dial. Later places of such a call begin with
it."""
LINES_MAX = 5_000
"""Lines known at once: one for each phone of ten big centres. The oldest is forgotten first, and the audit finds it."""


class SecondLines:
    """Hold the phone of each second line, by Uniqueid."""

    def __init__(self, is_seat: Callable[[str], bool]) -> None:
        """Create an empty register.

        `is_seat` tells whether an endpoint is an agent's phone. A caller between two lines is for moments in the
        context of the phones.
        """
        self._is_seat = is_seat
        self._lines: OrderedDict[str, str] = OrderedDict()

    def __contains__(self, uniqueid: str) -> bool:
        return uniqueid in self._lines

    def seat_of(self, uniqueid: str) -> str:
        """Return the phone of a second line, or an empty text if the channel is none."""
        return self._lines.get(uniqueid, "")

    def __len__(self) -> int:
        return len(self._lines)

    def forget_all(self) -> None:
        """Forget all lines."""
        self._lines.clear()

    def note_channel(self, uniqueid: str, seat: str, context: str) -> None:
        """Note a new channel if a phone made the call."""
        if seat and self._is_seat(seat) and is_line(uniqueid, context):
            if len(self._lines) >= LINES_MAX:
                self._lines.popitem(last=False)
            self._lines[uniqueid] = seat

    def end_line(self, uniqueid: str) -> str:
        """Forget a line, and return its phone. Return an empty text if the channel was none."""
        return self._lines.pop(uniqueid, "")


def is_line(uniqueid: str, context: str) -> bool:
    """Return whether a channel in this context is a call that a phone made. An agent's leg never is."""
    return context.startswith(CONTEXT_SEAT) and not is_leg(uniqueid)
