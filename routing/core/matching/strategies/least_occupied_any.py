"""Prefer the least occupied of all who fit, at any level (Avaya's UCD-LOA)."""

from __future__ import annotations

from routing.core.matching.strategies.least_occupied import key
from routing.core.matching.strategies.longest_idle_any import rank

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = False
