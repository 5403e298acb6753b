"""A short day of a centre through the engine, kept in a real store as a node keeps it: what a journal is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from planning import house
from planning.arrivals import DEFAULT_DAY, Chance, generate, shares_of
from planning.duties import all_day
from planning.outcome import Outcome
from routing.core.commands import Command
from routing.core.engine import Engine
from routing.core.events import Configured, Event
from routing.core.facts import Fact
from routing.core.model import Centre
from routing.core.stored import Started
from routing.runner import Turn
from routing.store.store import Store

TURN = 500
"""Entries and facts of one commit."""


class Day:
    """What the engine was told and what came of it."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, Event | None]] = []
        self.facts: list[Fact] = []
        self.outcome: Outcome | None = None

    def run(self, centre: Centre, scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
        """Simulate it with an engine that is listened to."""
        day = self

        class Heard(Engine):
            def handle(self, event: Event, now: float) -> list[Command]:
                told: Event = Started(event.centre) if isinstance(event, Configured) else event
                day.entries.append((now, told))
                return super().handle(told, now)

            def tick(self, now: float) -> list[Command]:
                day.entries.append((now, None))
                return super().tick(now)

            def take_facts(self) -> list[Fact]:
                facts = super().take_facts()
                day.facts += facts
                return facts

        monkeypatch.setattr(house, "Engine", Heard)
        self.outcome = house.run(centre, generate(DEFAULT_DAY.scaled(scale), shares_of(centre), Chance(1)),
                                 all_day(centre))
        monkeypatch.undo()

    async def keep(self, path: Path) -> None:
        """Into a store."""
        store = await Store.open(path)
        await store.take_lease("day")
        for at in range(0, max(len(self.entries), len(self.facts)), TURN):
            await store.commit(Turn(self.entries[at:at + TURN], self.facts[at:at + TURN]))
        await store.close()
