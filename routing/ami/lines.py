"""Second lines: calls that agents' phones have made themselves, and are no callers.

Such a channel begins in the context of the agents' phones. In a bridge it is a phone whose agent asks another one
(`santral-seat-line`); the caller is on the first line of that phone meanwhile, an agent's leg.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from routing.core.ids import is_leg

CONTEXT_SEAT = "santral-seat"
"""Of `asterisk_conf`: what an agent's phone may dial. Where such a call stands later begins with it too."""
LINES_MAX = 5_000
"""Known at once: one for each phone of ten big centres. The oldest is forgotten first; the audit finds what it was."""


class Lines:
    """Whose each second line is, by Uniqueid."""

    def __init__(self, is_seat: Callable[[str], bool]) -> None:
        """`is_seat`: whether an endpoint is an agent's phone. A caller on the way between two lines stands for moments
        where calls of phones stand."""
        self._is_seat = is_seat
        self._lines: OrderedDict[str, str] = OrderedDict()

    def __contains__(self, uniqueid: str) -> bool:
        return uniqueid in self._lines

    def whose(self, uniqueid: str) -> str:
        """Whose line it is; empty: it is none."""
        return self._lines.get(uniqueid, "")

    def __len__(self) -> int:
        return len(self._lines)

    def clear(self) -> None:
        """Know nothing again."""
        self._lines.clear()

    def begins(self, uniqueid: str, seat: str, context: str) -> None:
        """A channel is there; perhaps a call that a phone made."""
        if seat and self._is_seat(seat) and is_line(uniqueid, context):
            if len(self._lines) >= LINES_MAX:
                self._lines.popitem(last=False)
            self._lines[uniqueid] = seat

    def ends(self, uniqueid: str) -> str:
        """Whose line has ended; empty: it was none."""
        return self._lines.pop(uniqueid, "")


def is_line(uniqueid: str, context: str) -> bool:
    """Whether a channel that is in this context is a call that a phone made. An agent's leg never is."""
    return context.startswith(CONTEXT_SEAT) and not is_leg(uniqueid)
