"""Prefer the best level, then the agent with the fewest offered contacts.

Each contact counts half after every half-life.
"""

from __future__ import annotations

from math import log2

from routing.core.matching.protocols import RankedAgent
from routing.core.matching.strategies.least_occupied import NOTHING_HANDLED
from routing.core.matching.strategies.longest_idle import rank

__all__ = ["BY_LEVEL", "count_offer", "key", "rank"]

BY_LEVEL = True


def count_offer(record: RankedAgent, now: float, half_life_s: float) -> None:
    """Count one more offered contact. The agent must not be idle."""
    # The count decays to this moment before the new contact is added.
    record.offered = record.offered * 2.0 ** ((record.offered_at - now) / half_life_s) + 1.0
    record.offered_at = now


def key(record: RankedAgent, half_life_s: float) -> float:
    """Return a key in the order of the decayed count at any moment. An agent who was offered nothing comes first."""
    return log2(record.offered) + record.offered_at / half_life_s if record.offered > 0.0 else NOTHING_HANDLED
