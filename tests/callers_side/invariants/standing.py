"""Define a state that must not last."""

from __future__ import annotations

from math import inf
from typing import NamedTuple


class Lasts(NamedTuple):
    """A state that is wrong if it lasts."""

    key: tuple[str, ...]
    """Names that tell this state from others of its kind."""
    grace_s: float
    said: str
    wrong_from: float = -inf
    """Earliest time from which it counts."""
