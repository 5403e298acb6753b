"""Prefer the lowest level that will do, then the longest idle.

The best agents are kept for the contacts that need them.
"""

from __future__ import annotations

from routing.core.matching.strategies.longest_idle import key
from routing.core.model.centre_model import Agent

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = True


def rank(_agent: Agent, level: int) -> int:
    """Return a rank that is higher for a lower level."""
    return 100 - max(level, 0)
