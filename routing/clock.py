"""The time of a process: Unix seconds read once at start, advanced by the monotonic clock.

It never jumps when somebody sets the wall clock, and processes agree with each other as well as their clocks did when
they began.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Call it for the time in Unix seconds."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._base = wall() - monotonic()

    def __call__(self) -> float:
        return self._base + self._monotonic()
