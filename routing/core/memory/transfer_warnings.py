"""Remember for some seconds which transfers were warned of, so that the same request confirms them.

The memory belongs to the room that hears the agent. The engine decides by the event alone, or a replay would differ.
"""

from __future__ import annotations

from routing.core.memory.bounded import BoundedMemory
from routing.core.model.ids import AgentId, OfferId, ServiceId

CONFIRM_S = 20.0
"""A repeated request confirms within this time: long enough to hear the sentence and key the number again."""

WARNINGS_MAX = 1_000
"""Number of warnings that are remembered: five for each agent of a centre of 180."""

Target = tuple[OfferId, ServiceId | None, AgentId | None]
"""The talk, and where the agent wants to transfer its caller."""


class TransferWarnings:
    """Warnings of one room, the oldest first."""

    def __init__(self) -> None:
        self._warned: BoundedMemory[Target, float] = BoundedMemory(WARNINGS_MAX)

    def is_confirmed(self, target: Target, now: float) -> bool:
        """Return whether the agent was warned of this transfer a moment ago. The answer is given once."""
        at = self._warned.get(target)
        self._warned.discard(target)
        return at is not None and now - at <= CONFIRM_S

    def note_warning(self, target: Target, now: float) -> None:
        """Note that the agent hears the warning now."""
        self._warned.set_value(target, now)
