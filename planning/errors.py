"""Errors of planning."""

from __future__ import annotations


class PlanningError(Exception):
    """What a planner gave cannot be used: what, where, how to mend it. One sentence, or one for each line."""
