"""Best level, then longest idle (Avaya's EAD-MIA; ranks and scores as in L'Ecuyer's routers)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routing.core.model import Agent
    from routing.core.records import AgentRecord

BY_LEVEL = True


def rank(_agent: Agent, level: int) -> int:
    """The level; everybody alike when nothing ranks."""
    return max(level, 0)


def key(record: AgentRecord, _half_life_s: float) -> float:
    """Idle since, Unix seconds."""
    return record.idle_since
