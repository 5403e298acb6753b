"""A short day of a centre through the engine, kept in a real store as a node keeps it."""

from __future__ import annotations

from pathlib import Path

from planning.journal.recording_engine import RecordingEngine
from planning.simulation import centre_run
from planning.simulation.arrivals import DEFAULT_DAY, ChanceSettings, generate_arrivals, shares_of
from planning.simulation.duty_plan import plan_all_day
from planning.simulation.outcome import RunOutcome
from routing.core.events import Event
from routing.core.model.centre_model import Centre
from routing.core.model.facts import Fact
from routing.core.stored import ChangeLog
from routing.runner import RunnerTurn
from routing.store.store import Store

TURN = 500
"""Entries and facts of one commit."""


class Day:
    """The input and the output of the engine."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, Event | None]] = []
        self.facts: list[Fact] = []
        self.changes = ChangeLog()
        self.outcome: RunOutcome | None = None

    def run(self, centre: Centre, scale: float) -> None:
        """Simulate the day with a recorded engine."""
        heard = RecordingEngine()
        self.outcome = centre_run.run_simulation(centre,
            generate_arrivals(DEFAULT_DAY.scale_counts(scale), shares_of(centre), ChanceSettings(1)),
                                 plan_all_day(centre), engine=heard)
        self.entries, self.facts, self.changes = heard.entries, heard.happened, heard.changes

    async def keep(self, path: Path) -> None:
        """Write the day into a store."""
        store = await Store.open_store(path)
        await store.take_lease("day")
        changes = self.changes.take()
        self.changes.add(changes)  # for the next store
        for at in range(0, max(len(self.entries), len(self.facts)), TURN):
            await store.commit(RunnerTurn(self.entries[at:at + TURN], self.facts[at:at + TURN],
                changes if at == 0 else ()))
        await store.close()
