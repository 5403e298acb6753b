"""From when an agent who is ready counts as available: after the rest gap of the profile and the rest after a heavy
contact. Either may end early: by the agent's word, or because its rule does not hold for a while."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Rest:
    """One agent's, folded from their changes in order. Times are Unix seconds."""

    available: float = 0.0
    """From when ready counts as such; it has its meaning in that state."""
    gap_until: float = 0.0
    heavy_until: float = 0.0
    lifted_until: float = 0.0
    """So long no rest gap begins."""

    def told(self, heavy_until: float, relaxed: Iterable[Sequence[Any]]) -> None:
        """The change says what the engine counts of them (`Wellbeing`). `relaxed`: rules that do not hold, each with
        until when. To be told before the rest of the change. Any: as JSON has it."""
        self.heavy_until = heavy_until
        self.lifted_until = max((until for rule, until in relaxed if rule == "rest_gap"), default=0.0)

    def begins(self, idle_since: float, gap_s: float) -> None:
        """They are ready."""
        self.gap_until = 0.0 if self.lifted_until > idle_since else idle_since + gap_s
        self.available = max(self.gap_until, self.heavy_until)

    def goes_on(self, at: float) -> None:
        """They are ready as before, and what is counted of them has changed: a rest may be over early."""
        if self.lifted_until > at:
            self.gap_until = 0.0
        self.available = min(self.available, max(at, self.gap_until, self.heavy_until))
