"""Keys that a simulated caller presses, and their times, as written on the command line: `1@2s,#`."""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.errors import BadInput

GAP_S = 0.25
"""Time between two keys of one hand: quick, and longer than a key (0.12 s) with its end packets."""
SOON_S = 0.5
"""Time before keys without a written time: as soon as a person could press."""

_PART = re.compile(r"(?P<keys>[0-9*#A-D]+)(?:@(?P<time>\d+(?:\.\d+)?)(?P<unit>ms|s)?)?")
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")


class KeyPress(NamedTuple):
    """One key and its time after the answer."""

    at: float
    key: str


def parse_presses(text: str) -> tuple[KeyPress, ...]:
    """Parse `1@2s,#`: 1 two seconds after the answer, then #. Raise BadInput."""
    found: list[KeyPress] = []
    now = 0.0
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _PART.fullmatch(part)
        if not match:
            raise BadInput(f"{part!r} is no key with a time; write for example 1@2s or 44#@500ms")
        if match["time"]:
            # A time that the keys before have already passed cannot be kept: the key follows at once.
            now = max(now, float(match["time"]) * (0.001 if match["unit"] == "ms" else 1.0))
        else:
            now += SOON_S
        for key in match["keys"]:
            found.append(KeyPress(round(now, 3), key))
            now += GAP_S
    return tuple(found)


def parse_seconds(text: str) -> float:
    """Parse `10s`, `500ms`, `2m` or `10` as seconds. Raise BadInput."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise BadInput(f"{text!r} is no time; write for example 10s, 500ms or 2m")
    return float(match[1]) * {"ms": 0.001, "m": 60.0}.get(match[2] or "s", 1.0)
