"""Prefer the longest idle of all who fit, at any level (Avaya's UCD-MIA)."""

from __future__ import annotations

from routing.core.matching.strategies.longest_idle import key
from routing.core.model.centre_model import Agent

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = False


def rank(_agent: Agent, _level: int) -> int:
    """Return the same rank for every agent."""
    return 0
