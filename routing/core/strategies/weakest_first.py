"""The lowest level that will do, then longest idle: the best are kept for those who need them."""

from __future__ import annotations

from routing.core.model import Agent
from routing.core.strategies.longest_idle import key

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = True


def rank(_agent: Agent, level: int) -> int:
    """The lower the level the higher."""
    return 100 - max(level, 0)
