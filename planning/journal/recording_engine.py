"""Provide an engine that records its input and output as a node would store them."""

from __future__ import annotations

from routing.core.engine import Engine
from routing.core.events import Configured, Event
from routing.core.model.commands import Command
from routing.core.model.facts import Fact
from routing.core.stored import ChangeLog, Started


class RecordingEngine(Engine):
    """An engine that records its events, facts and changed rows.

    The first centre reaches the engine as a start, as in a node. No event has a time before `begin`.
    """

    def __init__(self, begin: float = 0.0) -> None:
        super().__init__()
        self._begin = begin
        self.entries: list[tuple[float, Event | None]] = []
        """Events with their times. None means a tick of the clock."""
        self.happened: list[Fact] = []
        self.changes = ChangeLog()

    def handle(self, event: Event, now: float) -> list[Command]:
        """Handle an event and record it."""
        if not self.entries and isinstance(event, Configured):
            event = Started(event.centre)
        now = max(now, self._begin)
        self.entries.append((now, event))
        return super().handle(event, now)

    def tick(self, now: float) -> list[Command]:
        """Advance the clock and record it."""
        now = max(now, self._begin)
        self.entries.append((now, None))
        return super().tick(now)

    def take_facts(self) -> list[Fact]:
        """Return the new facts and record them."""
        self.changes.add(self.take_changes())
        facts = super().take_facts()
        self.happened += facts
        return facts
