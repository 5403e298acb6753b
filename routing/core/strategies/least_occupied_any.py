"""The least occupied of all who fit, whatever their level (Avaya's UCD-LOA)."""

from __future__ import annotations

from routing.core.strategies.least_occupied import key
from routing.core.strategies.longest_idle_any import rank

__all__ = ["BY_LEVEL", "key", "rank"]

BY_LEVEL = False
