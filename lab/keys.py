"""What a simulated caller presses and when, as written on the command line: `1@2s,#`."""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.errors import BadInput

GAP_S = 0.25
"""Between two keys of one hand: quick, and longer than a key (0.12 s) with its end packets."""
SOON_S = 0.5
"""Before keys without a time: as soon as a person could."""

_PART = re.compile(r"(?P<keys>[0-9*#A-D]+)(?:@(?P<time>\d+(?:\.\d+)?)(?P<unit>ms|s)?)?")
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")


class Press(NamedTuple):
    """One key at a time after the answer."""

    at: float
    key: str


def parse(text: str) -> tuple[Press, ...]:
    """`1@2s,#`: 1 two seconds after the answer, then #. Raises BadInput."""
    found: list[Press] = []
    now = 0.0
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _PART.fullmatch(part)
        if not match:
            raise BadInput(f"{part!r} is no key with a time; write for example 1@2s or 44#@500ms")
        if match["time"]:
            now = max(now, float(match["time"]) * (0.001 if match["unit"] == "ms" else 1.0))
        else:
            now += SOON_S
        for key in match["keys"]:
            found.append(Press(round(now, 3), key))
            now += GAP_S
    return tuple(found)


def seconds(text: str) -> float:
    """`10s`, `500ms`, `2m` or `10` as seconds. Raises BadInput."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise BadInput(f"{text!r} is no time; write for example 10s, 500ms or 2m")
    return float(match[1]) * {"ms": 0.001, "m": 60.0}.get(match[2] or "s", 1.0)
