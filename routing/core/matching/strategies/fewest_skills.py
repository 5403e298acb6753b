"""Prefer specialists to generalists, then the better level, then the longest idle.

Agents with few skills go first. Agents with many skills stay free for the contacts that only they can take
(Chevalier, Shumsky & Tabordon 2004).
"""

from __future__ import annotations

from routing.core.matching.strategies.longest_idle import key
from routing.core.model.centre_model import Agent

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = False

SKILLS_MAX = 15
"""Agents with this many skills or more count alike. A rank has 128 values: 16 times eight levels."""


def rank(agent: Agent, level: int) -> int:
    """Return a rank that is higher for fewer skills. Among equals the level decides, in eighths of the scale."""
    return 8 * (SKILLS_MAX - min(len(agent.skills), SKILLS_MAX)) + max(level, 0) * 8 // 101
