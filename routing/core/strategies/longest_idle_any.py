"""Longest idle of all who fit, whatever their level (Avaya's UCD-MIA)."""

from __future__ import annotations

from routing.core.model import Agent
from routing.core.strategies.longest_idle import key

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = False


def rank(_agent: Agent, _level: int) -> int:
    """Return the same rank for every agent."""
    return 0
