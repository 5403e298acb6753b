"""Specialists before generalists, then the better level, then longest idle.

Who can do little else goes first, so that those who can do much stay free for what only they can do (specialists
first: Chevalier, Shumsky & Tabordon 2004).
"""

from __future__ import annotations

from routing.core.model import Agent
from routing.core.strategies.longest_idle import key

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = False

MANY = 15
"""So many skills or more count alike: a rank has 128 values, 16 times eight levels."""


def rank(agent: Agent, level: int) -> int:
    """The fewer skills the higher; among equals by level, in eighths of the scale."""
    return 8 * (MANY - min(len(agent.skills), MANY)) + max(level, 0) * 8 // 101
