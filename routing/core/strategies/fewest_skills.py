"""Specialists before generalists, then the better level, then longest idle.

Agents with few skills go first, so that agents with many skills stay free for the contacts that only they can take
(specialists first: Chevalier, Shumsky & Tabordon 2004).
"""

from __future__ import annotations

from routing.core.model import Agent
from routing.core.strategies.longest_idle import key

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = False

MANY = 15
"""Agents with this many skills or more count alike. A rank has 128 values: 16 times eight levels."""


def rank(agent: Agent, level: int) -> int:
    """Return a rank that is higher for fewer skills. Among equals the level decides, in eighths of the scale."""
    return 8 * (MANY - min(len(agent.skills), MANY)) + max(level, 0) * 8 // 101
