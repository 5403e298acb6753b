"""Calculate when a ready agent counts as available: after the rest gap of the profile and the rest after a heavy
contact.

Either rest may end early, by the agent or by an override of its rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class AvailabilityClock:
    """The clock of one agent, folded from the changes in order. Times are Unix seconds."""

    available: float = 0.0
    """When a ready agent counts as available. It has a meaning in that state only."""
    gap_until: float = 0.0
    heavy_until: float = 0.0
    lifted_until: float = 0.0
    """No rest gap begins before this time."""

    def apply_load_state(self, heavy_until: float, relaxed: Iterable[Sequence[Any]]) -> None:
        """Take the load of a change (`LoadState`). Call this before the rest of the change.

        `relaxed`: overridden rules, each with its end. Any: as JSON has it.
        """
        self.heavy_until = heavy_until
        self.lifted_until = max((until for rule, until in relaxed if rule == "rest_gap"), default=0.0)

    def begin_ready(self, idle_since: float, gap_s: float) -> None:
        """Begin the ready state, with its rest gap."""
        # An override at the start of the gap means that no gap begins.
        self.gap_until = 0.0 if self.lifted_until > idle_since else idle_since + gap_s
        self.available = max(self.gap_until, self.heavy_until)

    def continue_ready(self, at: float) -> None:
        """Continue the ready state with a new load. A rest may be over early, but never becomes longer."""
        if self.lifted_until > at:
            self.gap_until = 0.0
        self.available = min(self.available, max(at, self.gap_until, self.heavy_until))
