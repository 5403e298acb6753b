"""Planning: the shipped engine on a virtual clock. Simulation, staffing, replay and comparison of rules."""

from __future__ import annotations
