"""An engine that is listened to: what it is told, and what comes of it, as a node would have written it down."""

from __future__ import annotations

from routing.core.commands import Command
from routing.core.engine import Engine
from routing.core.events import Configured, Event
from routing.core.facts import Fact
from routing.core.stored import ChangeLog, Started


class Heard(Engine):
    """Told of a centre first, it is told of a start, as a node is. `begin`: nothing happens before this moment."""

    def __init__(self, begin: float = 0.0) -> None:
        super().__init__()
        self._begin = begin
        self.entries: list[tuple[float, Event | None]] = []
        """What it was told; None: the clock."""
        self.happened: list[Fact] = []
        self.changes = ChangeLog()
        """The rows that changed."""

    def handle(self, event: Event, now: float) -> list[Command]:
        """As of `Engine`, and kept."""
        if not self.entries and isinstance(event, Configured):
            event = Started(event.centre)
        now = max(now, self._begin)
        self.entries.append((now, event))
        return super().handle(event, now)

    def tick(self, now: float) -> list[Command]:
        """As of `Engine`, and kept."""
        now = max(now, self._begin)
        self.entries.append((now, None))
        return super().tick(now)

    def take_facts(self) -> list[Fact]:
        """As of `Engine`, and kept."""
        self.changes.add(self.take_changes())
        facts = super().take_facts()
        self.happened += facts
        return facts
