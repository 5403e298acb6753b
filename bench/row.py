"""One figure of a benchmark."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A figure with its yardstick. Both come from the same run on the same machine, so the ratio counts first."""

    name: str
    value: float
    unit: str
    """Unit of `value`: `us`, `ms`, `s`, `1/s`, `x`, `count` and others."""
    beside: str
    """Yardstick and its value, empty if there is none."""
    ratio: float | None
    """Factor by which the figure is better than the yardstick, or its growth if `goal` says at most. None without a
    yardstick."""
    goal: str
    """Goal in words, such as `>= 300x`. Empty if the row only informs."""
    ok: bool | None
    """Whether the goal is met, None without a goal."""
