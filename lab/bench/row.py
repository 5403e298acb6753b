"""One measure: what every benchmark gives."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A measure beside its yardstick. Both come from the same run on the same machine, so the ratio counts first."""

    name: str
    value: float
    unit: str
    """Of `value`: `us`, `ms`, `s`, `1/s`, `x`, `count`, ..."""
    beside: str
    """What it was measured beside, with its value; empty: nothing."""
    ratio: float | None
    """How many times better than the yardstick (or grown against it, when `goal` says at most); None: no yardstick."""
    goal: str
    """In words, e.g. `>= 300x`; empty: none, the row informs."""
    ok: bool | None
    """The goal is met; None: no goal."""
