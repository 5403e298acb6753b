"""Whatever happens in a house, all who tell of it say the same: store, /metrics, queue_log, MQTT, report and export."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lab import records
from lab.records import Line
from metrics import contacts, export, report
from metrics.mqtt_message import messages
from metrics.period import Period
from metrics.queue_lines import LineState, lines
from metrics.recorder import Recorder
from routing.core import events as e
from routing.core.facts import Ended, Fact, Queued
from routing.core.inbox import Status
from routing.core.model import Centre, Channel, Outcome
from routing.core.stored import Started
from routing.core.talk_facts import Consulting, Returned
from routing.runner import Turn
from routing.store.store import Store
from santral.journal import open_past
from tests import agreement
from tests.oracle.crowd import Crowd
from tests.oracle.duel import Duel

pytestmark = pytest.mark.property

EVENTS = 1_500
"""In one house: some 300 contacts."""
HOUSES, LONG_HOUSES = 5, 100


class Heard(Duel):
    """Keeps what the engine says."""

    def __init__(self, centre: Centre) -> None:
        self.facts: list[Fact] = []
        super().__init__(centre)

    def _count(self, event: e.Event | None, fact: Fact) -> None:
        super()._count(event, fact)
        self.facts.append(fact)

    def restart(self, drop: Any = None) -> None:
        """The store has every row, as it has when a node is killed."""
        super().restart()

    @property
    def centre(self) -> Centre:
        """In force."""
        return self.engine._domain.centre


def house(seed: int, monkeypatch: pytest.MonkeyPatch) -> Heard:
    """A day of a random house, with nodes that die and settings that change."""
    monkeypatch.setattr("tests.oracle.crowd.Duel", Heard)
    crowd = Crowd(seed)
    while crowd.duel.events < EVENTS:
        crowd.step()
    assert isinstance(crowd.duel, Heard)
    return crowd.duel


def kept(duel: Heard, path: Path) -> None:
    """Its facts in a store, as a node keeps them."""
    async def keep() -> None:
        store = await Store.open(path)
        await store.take_lease("node")
        await store.commit(Turn([(duel.facts[0].at, Started(duel.centre)), (duel.now, None)], duel.facts,
                                duel.changes.take()))
        await store.close()

    asyncio.run(keep())


def logged(facts: Sequence[Fact]) -> list[Line]:
    """The lines of queue_log, read. An id that comes again is told apart here, as Asterisk's ids are for years."""
    state, found = LineState(), []
    times: Counter[str] = Counter()
    for fact in facts:
        contact = getattr(fact, "contact", None)
        if contact is not None:
            times[contact] += isinstance(fact, Queued)
            fact = fact._replace(contact=f"{contact}.{times[contact]}")  # type: ignore[call-arg]
        for line in lines(fact, state):
            fields = line.split("|")
            found.append(Line(float(fields[0]), fields[1], fields[2], fields[3], fields[4], tuple(fields[5:])))
    return found


def scraped(centre: Centre, facts: Sequence[Fact]) -> list[records.Sample]:
    """The page of a node that has begun with these facts."""
    recorder = Recorder(centre)
    recorder.remember(facts)
    return records.samples(recorder.text(Status(facts[-1].at, True, (), (), ())).decode())


def told(duel: Heard, folder: Path, facts: Sequence[Fact]) -> list[agreement.Told]:
    """What each of them says; those that are fed with facts, of these."""
    called = agreement.of_queue_log(logged(facts))
    # Lines of one offer that stand twice in a second are written once; and of what Asterisk lost it says ABANDON.
    said = called.says - {"offers missed", "offers taken away", "abandoned", "abandoned_short", "all abandoned",
                          "abandoned_wait_s"}
    heard = [json.loads(one.payload) for fact in facts for one in messages(fact, {}, {}) if "/events/" in one.topic]
    period = Period("interval", 0.0, duel.now + 1.0, ZoneInfo("Europe/Istanbul"))
    with open_past(str(folder / "santral.db")) as ask:
        found = report.read(ask, period)
        export.write(folder / "contacts.csv", contacts.COLUMNS, report.export(ask, period, contacts.rows),
                     period.zone)
    return [called._replace(says=said), *agreement.of_metrics(scraped(duel.centre, facts)),
            agreement.of_mqtt([*heard, *heard[-200:]]), agreement.of_report(found),
            *agreement.of_export(folder / "contacts.csv")]


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[pytest.mark.long] if seed >= HOUSES else [])
                                  for seed in range(LONG_HOUSES)])
def test_all_who_tell_of_a_house_agree(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duel = house(seed, monkeypatch)
    kept(duel, tmp_path / "santral.db")
    agreement.agree(agreement.of_store(tmp_path / "santral.db"), *told(duel, tmp_path, duel.facts))


def test_one_fact_that_is_missed_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is worth something: whoever misses a single fact disagrees."""
    houses = (house(seed, monkeypatch) for seed in range(LONG_HOUSES))
    duel = next(one for one in houses if {Consulting, Returned} <= {type(fact) for fact in one.facts})
    kept(duel, tmp_path / "santral.db")
    store = agreement.of_store(tmp_path / "santral.db")
    last = max(number for number, fact in enumerate(duel.facts) if isinstance(fact, Ended)
               and fact.channel is Channel.VOICE and fact.outcome is Outcome.LEFT)
    found = agreement.differences(store, told(duel, tmp_path, [*duel.facts[:last], *duel.facts[last + 1:]]))
    assert {text.rpartition(", ")[2].split()[0] for text in found} == {"/metrics", "MQTT", "queue_log"}
