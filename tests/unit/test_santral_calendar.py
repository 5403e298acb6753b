"""The calendar of a centre as the engine is told it: hours, breaks, on call, needs by date, days of 23 and 25 hours."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from centres.load import SHIPPED
from routing.core.events import AgentSignedIn, AgentSignedOut, BreaksPlanned, Configured, Event, ServiceHours
from routing.core.ids import AgentId, SeatId, ServiceId
from santral.calendar import Calendar, next_change, wanted
from santral.config import NodeConfig, node_config

pytestmark = pytest.mark.unit

ISTANBUL = "Europe/Istanbul"
BERLIN = "Europe/Berlin"
"""Has days of 23 and 25 hours; Istanbul has none since 2016."""


def at(text: str, zone: str = ISTANBUL) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "meb"
    shutil.copytree(SHIPPED / "meb", copy)
    edit(copy, "services.yaml", "  - id: gorus_oneri\n",
         "  - id: gorus_oneri\n    hours: {wednesday: [\"09:00-12:00\", \"13:00-17:00\"], sunday: [\"00:00-05:00\"]}\n")
    edit(copy, "team.yaml", "- {id: a1001,", "- {id: a1001, on_call: {wednesday: [\"18:00-24:00\"]},")
    edit(copy, "accommodations.yaml", "  - {agent: a1004, ring_timeout_s: 30, misses_allowed: 5}\n",
         "  - {agent: a1004, ring_timeout_s: 30, valid_to: 2026-03-31, break_plan: [\"10:15-10:30\"]}\n"
         "  - {agent: a1004, ring_timeout_s: 45, valid_from: 2026-04-01, break_plan: [\"02:30-03:30\"]}\n")
    (copy / "accommodations.yaml").chmod(0o600)
    return copy


@pytest.fixture
def config(folder: Path) -> NodeConfig:
    return node_config(folder)


class Told:
    """A calendar whose clock the test sets."""

    def __init__(self, config: NodeConfig, now: str) -> None:
        self.now, self.events = at(now), list[Event]()
        self.calendar = Calendar(config, self.events.append, lambda: self.now)

    def by(self, now: str) -> list[Event]:
        self.now = at(now)
        self.calendar.tell()
        events, self.events[:] = list(self.events), []
        return events


def test_hours_of_a_service_are_told_at_their_edges_and_once(config: NodeConfig) -> None:
    told = Told(config, "2026-03-25T08:59")
    service = ServiceId("gorus_oneri")
    assert ServiceHours(service, False) in told.by("2026-03-25T08:59")
    assert next_change(config, told.now) == at("2026-03-25T09:00")
    assert told.by("2026-03-25T09:00") == [ServiceHours(service, True)]
    assert told.by("2026-03-25T11:59") == []
    assert told.by("2026-03-25T12:00") == [ServiceHours(service, False)]


def test_who_is_on_call_sits_at_an_outside_seat_for_that_time(config: NodeConfig) -> None:
    told = Told(config, "2026-03-25T17:00")
    assert AgentSignedOut(AgentId("a1001")) in told.by("2026-03-25T17:00"), "whoever was left signed in by a restart"
    assert AgentSignedIn(AgentId("a1001"), SeatId("uzak-a1001")) in told.by("2026-03-25T18:00")
    assert told.by("2026-03-25T23:59") == []
    assert AgentSignedOut(AgentId("a1001")) in told.by("2026-03-26T00:00")
    assert config.centre.seats is not None and "uzak-a1001" in config.centre.seats


def test_at_midnight_needs_change_by_date_and_breaks_are_of_the_new_day(config: NodeConfig) -> None:
    agent = AgentId("a1004")
    told = Told(config, "2026-03-31T12:00")
    first = told.by("2026-03-31T12:00")
    assert BreaksPlanned(agent, ((at("2026-03-31T10:15"), at("2026-03-31T10:30")),)) in first
    events = told.by("2026-04-01T00:00")
    assert BreaksPlanned(agent, ((at("2026-04-01T02:30"), at("2026-04-01T03:30")),)) in events
    (configured,) = [event for event in events if isinstance(event, Configured)]
    rings = {one.id: one.profile.ring_timeout_s for one in configured.centre.agents}
    assert rings[agent] == 45.0
    assert told.by("2026-04-01T00:01") == []


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_of_a_change_of_time_is_as_long_as_it_is(folder: Path, day: str, hours: int) -> None:
    edit(folder, "santral.toml", ISTANBUL, BERLIN)
    config = node_config(folder)
    midnight = at(f"{day}T00:00", BERLIN)
    now, edges = midnight, 0
    while now < midnight + hours * 3600:
        following = next_change(config, now)
        assert following > now
        now, edges = following, edges + 1
    assert now == midnight + hours * 3600 and edges <= 6
    assert wanted(config, midnight + 4.5 * 3600).open[ServiceId("gorus_oneri")] is (
        datetime.fromtimestamp(midnight + 4.5 * 3600, ZoneInfo(BERLIN)).hour < 5 and day.endswith(("29", "25")))
