"""All sources agree about any events of a house: store, /metrics, queue_log, MQTT, report and export."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lab.people import node_records
from lab.people.node_records import QueueLogLine
from metrics.mqtt.message import messages_of
from metrics.prometheus.recorder import MetricsRecorder
from metrics.queue_log.lines import LineState, lines_of
from metrics.reports import contacts, daily_report, export
from metrics.reports.period import Period
from routing.core import events as e
from routing.core.inbox import Status
from routing.core.model.centre_model import Centre, Channel, Outcome
from routing.core.model.facts import Ended, Fact, Queued
from routing.core.model.talk_facts import ConsultCancelled, ConsultStarted
from routing.core.stored import Started
from routing.runner import RunnerTurn
from routing.store.store import Store
from santral.node.state_reader import open_past
from tests import agreement
from tests.oracle.crowd import Crowd
from tests.oracle.side_by_side import SideBySide

pytestmark = pytest.mark.property

EVENTS = 1_500
"""In one house: some 300 contacts."""
HOUSES, LONG_HOUSES = 5, 100
AFTER_OUTAGE = 68
"""The house whose first contact called in an outage, before the first fact."""


class Heard(SideBySide):
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
    monkeypatch.setattr("tests.oracle.crowd.SideBySide", Heard)
    crowd = Crowd(seed)
    while crowd.side_by_side.events < EVENTS:
        crowd.step()
    assert isinstance(crowd.side_by_side, Heard)
    return crowd.side_by_side


def kept(side_by_side: Heard, path: Path) -> None:
    """Its facts in a store, as a node keeps them."""
    async def keep() -> None:
        store = await Store.open_store(path)
        await store.take_lease("node")
        inputs = [(side_by_side.facts[0].at, Started(side_by_side.centre)), (side_by_side.now, None)]
        await store.commit(RunnerTurn(inputs, side_by_side.facts, side_by_side.changes.take()))
        await store.close()

    asyncio.run(keep())


def logged(facts: Sequence[Fact]) -> list[QueueLogLine]:
    """The lines of queue_log, read. An id that comes again is told apart here, as Asterisk's ids are for years."""
    state, found = LineState(), []
    times: Counter[str] = Counter()
    for fact in facts:
        contact = getattr(fact, "contact", None)
        if contact is not None:
            times[contact] += isinstance(fact, Queued)
            fact = fact._replace(contact=f"{contact}.{times[contact]}")  # type: ignore[call-arg]
        for line in lines_of(fact, state):
            fields = line.split("|")
            found.append(QueueLogLine(float(fields[0]), fields[1], fields[2], fields[3], fields[4], tuple(fields[5:])))
    return found


def scraped(centre: Centre, facts: Sequence[Fact]) -> list[node_records.MetricSample]:
    """The page of a node that has begun with these facts."""
    recorder = MetricsRecorder(centre)
    recorder.count_history(facts)
    return node_records.parse_samples(recorder.render_page(Status(facts[-1].at, True, (), (), ())).decode())


def told(side_by_side: Heard, folder: Path, facts: Sequence[Fact]) -> list[agreement.Told]:
    """Return the figures of each source. Sources that are fed with facts get these facts."""
    called = agreement.of_queue_log(logged(facts))
    # Lines of one offer that stand twice in a second are written once; and of what Asterisk lost it says ABANDON.
    said = called.says - {"offers missed", "offers taken away", "abandoned", "abandoned_short", "all abandoned",
                          "abandoned_wait_s"}
    heard = [json.loads(one.payload) for fact in facts for one in messages_of(fact, {}, {}) if "/events/" in one.topic]
    period = Period("interval", 0.0, side_by_side.now + 1.0, ZoneInfo("Europe/Istanbul"))
    with open_past(str(folder / "santral.db")) as ask:
        found = daily_report.read_report(ask, period)
        export.write_table(folder / "contacts.csv", contacts.COLUMNS,
            daily_report.export_days(ask, period, contacts.export_rows),
                     period.zone)
    return [called._replace(says=said), *agreement.of_metrics(scraped(side_by_side.centre, facts)),
            agreement.of_mqtt([*heard, *heard[-200:]]), agreement.of_report(found),
            *agreement.of_export(folder / "contacts.csv")]


@pytest.mark.parametrize("seed", [pytest.param(
    seed, marks=[pytest.mark.long] if seed >= HOUSES and seed != AFTER_OUTAGE else [])
    for seed in range(LONG_HOUSES)])
def test_all_who_tell_of_a_house_agree(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side_by_side = house(seed, monkeypatch)
    kept(side_by_side, tmp_path / "santral.db")
    agreement.agree(agreement.of_store(tmp_path / "santral.db"), *told(side_by_side, tmp_path, side_by_side.facts))


def test_one_fact_that_is_missed_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is worth something: whoever misses a single fact disagrees."""
    houses = (house(seed, monkeypatch) for seed in range(LONG_HOUSES))
    side_by_side = next(one for one in houses
                        if {ConsultStarted, ConsultCancelled} <= {type(fact) for fact in one.facts})
    kept(side_by_side, tmp_path / "santral.db")
    store = agreement.of_store(tmp_path / "santral.db")
    last = max(number for number, fact in enumerate(side_by_side.facts) if isinstance(fact, Ended)
               and fact.channel is Channel.VOICE and fact.outcome is Outcome.LEFT)
    without = [*side_by_side.facts[:last], *side_by_side.facts[last + 1:]]
    found = agreement.differences(store, told(side_by_side, tmp_path, without))
    assert {text.rpartition(", ")[2].split()[0] for text in found} == {"/metrics", "MQTT", "queue_log"}
