"""An engine that is built from the whole state of another one goes on exactly as that one."""

from __future__ import annotations

import random
import zlib
from base64 import b64decode
from collections import Counter
from typing import Any

import pytest

from planning.journal.recording_engine import RecordingEngine
from routing.core import events as e
from routing.core import journal
from routing.core.engine import Engine
from routing.core.model.commands import DialCaller
from routing.core.model.errors import RoutingError
from routing.core.stored import Started
from tests.oracle.crowd import Crowd
from tests.oracle.side_by_side import NumberedSideBySide, Still

pytestmark = pytest.mark.property

EVENTS = 2_000
HOUSES = range(70, 76)
SNAPSHOTS = 0.02
"""Share of the entries after which the state is written."""

Entry = tuple[float, e.Event | None]


class Recorded(NumberedSideBySide):
    """Keeps what the engines of a random house were told, over all restarts."""

    def _begin(self) -> None:
        super()._begin()
        self.entries: list[Entry] = getattr(self, "entries", [])
        self.engine = RecordingEngine()
        self.engine.entries = self.entries
        self.engine._domain.handle_times = Still(self.takes_s)


def house(seed: int, monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """Return the entries of a random house."""
    monkeypatch.setattr("tests.oracle.crowd.SideBySide", Recorded)
    crowd = Crowd(seed)
    while crowd.side_by_side.events < EVENTS:
        crowd.step()
    assert isinstance(crowd.side_by_side, Recorded)
    return crowd.side_by_side.entries


def answers(engine: Engine, at: float, event: e.Event | None) -> tuple[list[Any], list[Any], str]:
    """Return commands, facts as the store holds them, and refusal of an entry. The state has no caller's number."""
    refused, commands = "", list[Any]()
    try:
        commands = engine.tick(at) if event is None else engine.handle(event, at)
    except RoutingError as error:
        refused = repr(error)
    return ([one._replace(number_encrypted="") if isinstance(one, DialCaller) else one for one in commands],
            [*map(journal.stored_form, engine.take_facts())], refused)


def written(snapshot: Started) -> Started:
    """Return a snapshot as the journal gives it back."""
    found = journal.decode_event(*journal.encode_record(snapshot))
    assert found == snapshot and isinstance(found, Started)
    return found


def test_all_commands_and_facts_are_the_same_from_any_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Counter[str]()
    for seed in HOUSES:
        rng, engine, twin = random.Random(seed), Engine(), None
        for at, event in house(seed, monkeypatch):
            if isinstance(event, Started):
                engine, twin = Engine(), None
            said = answers(engine, at, event)
            if twin is not None:
                assert answers(twin, at, event) == said, f"seed {seed}: {event} at {at}"
                assert twin.next_deadline() == engine.next_deadline()
                seen.update(entries=1, commands=len(said[0]), facts=len(said[1]), refusals=bool(said[2]))
            if rng.random() < SNAPSHOTS:
                # Also from an engine that was itself built so.
                snapshot = written((twin or engine).take_snapshot())
                content = zlib.decompress(b64decode(snapshot.state)).decode()
                assert "box of" not in content and not any(f'"{caller}"' in content for caller in snapshot.callers)
                twin = Engine()
                twin.handle(snapshot, at)
                assert (twin.take_facts(), twin.status(at)) == ([], engine.status(at))
                seen.update(snapshots=1, callers=len(snapshot.callers))
    assert min(seen["entries"] / 9_000, seen["commands"] / 500, seen["facts"] / 4_000, seen["refusals"] / 100,
               seen["snapshots"] / 150, seen["callers"] / 1_000) > 1, seen
