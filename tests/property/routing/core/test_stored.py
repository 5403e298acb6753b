"""Every field that is declared as stored is in the rows when a node dies, and in the engine of the next one."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import create_engine

from routing.core.domain import Domain
from routing.core.memory.waits import LearnedService
from routing.core.model.centre_model import Centre
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import FIELDS, KEYS, ROW_OF, ROWS
from routing.store.reader import LoadedState, load_state
from routing.store.repair import repair_rows
from routing.store.rows import FactRows
from routing.store.schema import metadata
from tests.oracle.crowd import Crowd
from tests.oracle.side_by_side import NumberedSideBySide

pytestmark = pytest.mark.property

EVENTS = 2_000
"""In one house: some 400 contacts."""
KILLS = 0.06
"""Share of the steps after which the node is killed."""
HOUSES = range(22, 62)
"""Random houses at most, until each field has had another value than its default."""

LAZY = {(Offer, "load"), *((AgentRecord, name) for name in (
    "load", "load_at", "at_hard_limit", "occupied", "occupied_at", "break_s", "break_until", "break_begun",
    "rest_until", "heavy_declined_until", "rest_after_heavy_until", "overrides", "team"))}
"""Fields that are read with the time that has passed since the row was written, and updated later. An offer's load is
that of the service unless the agent has reported it. The team follows the settings."""

DERIVED = {
    (Contact, "leg"),  # nobody is on the line of a callback that rings
    (Contact, "step"),  # of a contact that is offered, the step of the offer
    (Offer, "partner"),  # who is not in the talk any more
    (AgentRecord, "skills"),  # by the settings of now
    (AgentRecord, "wrapup_until"),  # told with the next change
    (AgentRecord, "state"), (AgentRecord, "reason"),  # phones are unknown until they are told
} | LAZY
"""Fields that a start may set differently from the row."""


OVER = {(Contact, "source"), (Contact, "fallback_talk_s"),
        *((Offer, name) for name in ("ended_at", "talk_s", "wrapup_s", "reason"))}
"""Fields of ended offers, and of contacts that end in the event that records them. No start reads such rows."""


class Stored(NumberedSideBySide):
    """Restarts from a store."""

    def __init__(self, centre: Centre) -> None:
        self.connection = create_engine("sqlite://").connect()
        metadata.create_all(self.connection)
        self.forgotten: Counter[tuple[type, str]] = Counter()
        """Fields whose row differs from the record, with counts."""
        self.lost: Counter[tuple[type, str]] = Counter()
        """Fields that a start did not take from the row."""
        self.walked: set[tuple[type, str]] = set()
        """Fields that had a value other than their default."""
        self.restarts = 0
        super().__init__(centre)

    def restart(self, drop: Any = None) -> None:
        """Keep the rows, compare them with the records, and begin from them."""
        with closing(self.connection.connection.cursor()) as cursor:
            FactRows(cursor, self.connection.dialect, sqlite3.IntegrityError, 1).write(self.changes.take())
        loaded = load_state(self.connection)
        # An earlier start may have left a partner out who was not in the talk any more. The column is written once.
        self.forgotten.update(self._other(self.engine._domain, loaded, LAZY | {(Offer, "partner")}))
        super().restart()
        # As a node does at its start: rows that contradict the settings are set to what the engine has decided.
        repair_rows(self.connection, self.engine.take_repairs())
        self.lost.update(self._other(self.engine._domain, loaded, DERIVED))
        self.restarts += 1

    def _other(self, d: Domain, loaded: LoadedState, but: set[tuple[type, str]]) -> Iterator[tuple[type, str]]:
        learned = {one.service: one for one in d.forecast.by_service.values()}
        for kind, rows, records in ((Contact, loaded.contacts, d.contacts), (Offer, loaded.offers, d.offers),
                                    (AgentRecord, loaded.agents, d.agents), (LearnedService, loaded.learned, learned)):
            assert kind is not LearnedService or len(rows) == len(learned)
            for row in rows:
                record: Any = records.get(getattr(row, KEYS[kind]))  # type: ignore[attr-defined]
                if record is None or (kind is AgentRecord and record.state == "signed_out"):
                    continue
                now = ROW_OF[kind](record)
                if now.version != row.version:
                    continue  # the start itself has changed it, and told so
                for name, stored, value in zip(ROWS[kind]._fields, row, now, strict=True):
                    if stored != ROWS[kind]._field_defaults.get(name, ...):
                        self.walked.add((kind, name))
                    if stored != value and (kind, name) not in but:
                        yield kind, name


def day(seed: int, monkeypatch: pytest.MonkeyPatch) -> Stored:
    monkeypatch.setattr("tests.oracle.crowd.SideBySide", Stored)
    crowd = Crowd(seed)
    while crowd.side_by_side.events < EVENTS:
        crowd.step()
        if crowd.rng.random() < KILLS:
            crowd.side_by_side.restart()
    assert isinstance(crowd.side_by_side, Stored)
    crowd.side_by_side.connection.close()
    return crowd.side_by_side


def test_every_declared_field_outlives_every_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {(kind, one.column) for kind, fields in FIELDS.items() for one in fields} - OVER
    for seed in HOUSES:
        found = day(seed, monkeypatch)
        assert found.restarts and not found.forgotten and not found.lost
        missing -= found.walked
        if not missing:
            break
    assert not missing, "no house has come to these"


@pytest.mark.parametrize(("kind", "name"), [(Contact, "follow_up"), (Offer, "held_since"),
    (AgentRecord, "rna_count"), (LearnedService, "waited_s"), (LearnedService, "handle_times")])
def test_a_field_that_is_not_written_is_found(kind: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field of a change keeps what the row had."""
    take, last = Stored._compare, dict[Any, Any]()

    def forgetful(side_by_side: Any, *told: Any) -> None:
        changes = side_by_side.engine.take_changes()
        for number, change in enumerate(changes):
            if change.kind is kind:
                key = getattr(change.row, KEYS[kind])
                old = last.setdefault(key, getattr(change.row, name))
                changes[number] = change._replace(row=change.row._replace(**{name: old}))
        side_by_side.changes.add(changes)
        take(side_by_side, *told)

    monkeypatch.setattr(Stored, "_compare", forgetful)
    found: Counter[tuple[type, str]] = Counter()
    for seed in HOUSES:
        found += day(seed, monkeypatch).forgotten
        if found:
            break
    assert set(found) == {(kind, name)}
