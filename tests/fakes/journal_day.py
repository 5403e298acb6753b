"""A short day of a centre through the engine, kept in a real store as a node keeps it: what a journal is made of."""

from __future__ import annotations

from pathlib import Path

from planning import house
from planning.arrivals import DEFAULT_DAY, Chance, generate, shares_of
from planning.duties import all_day
from planning.heard import Heard
from planning.outcome import Outcome
from routing.core.events import Event
from routing.core.facts import Fact
from routing.core.model import Centre
from routing.core.stored import ChangeLog
from routing.runner import Turn
from routing.store.store import Store

TURN = 500
"""Entries and facts of one commit."""


class Day:
    """What the engine was told and what came of it."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, Event | None]] = []
        self.facts: list[Fact] = []
        self.changes = ChangeLog()
        self.outcome: Outcome | None = None

    def run(self, centre: Centre, scale: float) -> None:
        """Simulate it with an engine that is listened to."""
        heard = Heard()
        self.outcome = house.run(centre, generate(DEFAULT_DAY.scaled(scale), shares_of(centre), Chance(1)),
                                 all_day(centre), engine=heard)
        self.entries, self.facts, self.changes = heard.entries, heard.happened, heard.changes

    async def keep(self, path: Path) -> None:
        """Into a store."""
        store = await Store.open(path)
        await store.take_lease("day")
        changes = self.changes.take()
        self.changes.add(changes)  # for the next store
        for at in range(0, max(len(self.entries), len(self.facts)), TURN):
            await store.commit(Turn(self.entries[at:at + TURN], self.facts[at:at + TURN], changes if at == 0 else ()))
        await store.close()
