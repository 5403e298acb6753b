"""Define the errors of planning."""

from __future__ import annotations


class PlanningError(Exception):
    """Invalid input of a planner. The text says the problem, its place and the fix, in one sentence or one per line."""
