"""Planning runs the shipped engine on a virtual clock: simulation, staffing, replay and comparison of rules."""

from __future__ import annotations
