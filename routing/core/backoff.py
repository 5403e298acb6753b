"""How long to wait between tries: AMI, the MQTT broker and the gateway of short messages share these two functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

DOUBLINGS_MAX = 30
"""More doublings pass every limit, and a float must not overflow."""


def wait_after(failures: int, first_s: float, most_s: float) -> float:
    """Return the longest wait after this many failures in a row: `first_s` doubled each time, at most `most_s`."""
    return min(most_s, first_s * 2.0 ** min(failures - 1, DOUBLINGS_MAX))


def waits(first_s: float, most_s: float, jitter: Callable[[], float]) -> Iterator[float]:
    """Yield the waits between tries, without end. `jitter` gives 0 to 1: each wait has its upper half from it, so
    that many clients of one server do not return together."""
    for failures in count(1):
        yield wait_after(failures, first_s, most_s) * (1.0 + jitter()) / 2.0
