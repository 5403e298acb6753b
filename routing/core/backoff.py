"""Calculate the waits between tries. AMI, the MQTT broker and the short-message gateway share these functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

DOUBLINGS_MAX = 30
"""Greatest number of doublings. More of them exceed every limit, and the float would overflow."""


def wait_after(failures: int, first_s: float, most_s: float) -> float:
    """Return the longest wait after a number of failures in a row: `first_s` doubled each time, at most `most_s`."""
    return min(most_s, first_s * 2.0 ** min(failures - 1, DOUBLINGS_MAX))


def waits(first_s: float, most_s: float, jitter: Callable[[], float]) -> Iterator[float]:
    """Yield the waits between tries, without end.

    `jitter` gives a number from 0 to 1. The upper half of each wait depends on this number, so that many clients do not
    return to one server together.
    """
    for failures in count(1):
        yield wait_after(failures, first_s, most_s) * (1.0 + jitter()) / 2.0
