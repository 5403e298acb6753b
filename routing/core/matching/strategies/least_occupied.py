"""Prefer the best level, then the least occupied agent: handled time, halved every half-life (Avaya's EAD-LOA)."""

from __future__ import annotations

from math import log2

from routing.core.matching.protocols import RankedAgent
from routing.core.matching.strategies.longest_idle import rank

__all__ = ["BY_LEVEL", "NOTHING_HANDLED", "key", "rank"]

BY_LEVEL = True

NOTHING_HANDLED = -1100.0
"""Less than the key of the smallest number above 0 (log2 is -1074) at any time after 1970."""


def key(record: RankedAgent, half_life_s: float) -> float:
    """Return a key in the order of the decayed handled time at any moment.

    An agent who has handled nothing comes first.
    """
    # The logarithm turns the decay into a constant drift, which is the same for all agents.
    return log2(record.occupied) + record.occupied_at / half_life_s if record.occupied > 0.0 else NOTHING_HANDLED
