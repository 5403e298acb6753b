"""Prefer the best level, then the longest idle (Avaya's EAD-MIA, with ranks and scores as in L'Ecuyer's routers)."""

from __future__ import annotations

from routing.core.matching.protocols import RankedAgent
from routing.core.model.centre_model import Agent

BY_LEVEL = True


def rank(_agent: Agent, level: int) -> int:
    """Return the level, or 0 for every agent if nothing ranks."""
    return max(level, 0)


def key(record: RankedAgent, _half_life_s: float) -> float:
    """Return since when the agent is idle, in Unix seconds."""
    return record.idle_since
