"""Best level, then longest idle (Avaya's EAD-MIA; ranks and scores as in L'Ecuyer's routers)."""

from __future__ import annotations

from routing.core.matching.protocols import RankedAgent
from routing.core.model import Agent

BY_LEVEL = True


def rank(_agent: Agent, level: int) -> int:
    """The level; everybody alike when nothing ranks."""
    return max(level, 0)


def key(record: RankedAgent, _half_life_s: float) -> float:
    """Idle since, Unix seconds."""
    return record.idle_since
