"""Longest idle of all who fit, whatever their level (Avaya's UCD-MIA)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.core.strategies.longest_idle import key

if TYPE_CHECKING:
    from routing.core.model import Agent

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = False


def rank(_agent: Agent, _level: int) -> int:
    """Everybody alike."""
    return 0
