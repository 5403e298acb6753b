"""Give the time of a process: Unix seconds read once at start, advanced by the monotonic clock.

The time never jumps if somebody sets the wall clock. Processes agree as well as their wall clocks did at their starts.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """A clock to call for the time in Unix seconds."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._base = wall() - monotonic()

    def __call__(self) -> float:
        return self._base + self._monotonic()
