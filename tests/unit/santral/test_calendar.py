"""The calendar of a centre as the engine is told it: hours, breaks, on call, needs by date, days of 23 and 25 hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from centres.settings import Settings
from centres.surge import SurgeProfile
from routing.core.engine import Engine
from routing.core.events import (
    AgentSignedIn,
    AgentSignedOut,
    BreaksPlanned,
    Configured,
    ContactQueued,
    Event,
    OfferConnected,
    QuietHoursChanged,
    SeatChanged,
    ServiceHoursSet,
    TalkEnded,
    WorkingHoursPlanned,
    WrapUpEnded,
)
from routing.core.model.commands import Offer
from routing.core.model.errors import OffDuty
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId
from santral.centre.config import NodeConfig, node_config
from santral.centre.remote_agents import remote_seat
from santral.node.centre_calendar import CentreCalendar, line_open, next_change, require_on_duty, state_at
from tests.ministry import MEB, copied, edit

pytestmark = pytest.mark.unit

ISTANBUL = "Europe/Istanbul"
BERLIN = "Europe/Berlin"
"""Has days of 23 and 25 hours; Istanbul has none since 2016."""


def at(text: str, zone: str = ISTANBUL) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = copied(tmp_path)
    with (copy / "santral.toml").open("a", encoding="utf-8") as file:
        file.write('\n[callback]\nquiet_from = "00:00"\nquiet_to = "00:00"\n')
    edit(copy, "services.yaml", "  - id: gorus_oneri\n",
         "  - id: gorus_oneri\n    hours: {wednesday: [\"09:00-12:00\", \"13:00-17:00\"], sunday: [\"00:00-05:00\"]}\n")
    edit(copy, "team.yaml", "- {id: a1001,", "- {id: a1001, on_call: {wednesday: [\"18:00-24:00\"]},")
    edit(copy, "accommodations.yaml", "  - {agent: a1004, ring_timeout_s: 30, rna_allowed: 5}\n",
         "  - {agent: a1004, ring_timeout_s: 30, valid_to: 2026-03-31, break_plan: [\"10:15-10:30\"]}\n"
         "  - {agent: a1004, ring_timeout_s: 45, valid_from: 2026-04-01, break_plan: [\"02:30-03:30\"]}\n")
    return copy


@pytest.fixture
def config(folder: Path) -> NodeConfig:
    return node_config(folder)


class Told:
    """A calendar whose clock the test sets."""

    def __init__(self, config: NodeConfig, now: str) -> None:
        self.now, self.events = at(now), list[Event]()
        self.calendar = CentreCalendar(config, self.events.append, lambda: self.now, away={remote_seat("a1001")})

    def by(self, now: str) -> list[Event]:
        self.now = at(now)
        self.calendar.post_changes()
        events, self.events[:] = list(self.events), []
        return events


def test_hours_of_a_service_are_told_at_their_edges_and_once(config: NodeConfig) -> None:
    told = Told(config, "2026-03-25T08:59")
    service = ServiceId("gorus_oneri")
    assert ServiceHoursSet(service, False) in told.by("2026-03-25T08:59")
    assert next_change(config, told.now) == at("2026-03-25T09:00")
    assert told.by("2026-03-25T09:00") == [ServiceHoursSet(service, True)]
    assert told.by("2026-03-25T11:59") == []
    assert told.by("2026-03-25T12:00") == [ServiceHoursSet(service, False)]


def test_who_is_on_call_sits_at_an_outside_seat_for_that_time(config: NodeConfig) -> None:
    told = Told(config, "2026-03-25T17:00")
    assert AgentSignedOut(AgentId("a1001")) in told.by("2026-03-25T17:00"), "whoever was left signed in by a restart"
    assert AgentSignedIn(AgentId("a1001"), SeatId("uzak-a1001")) in told.by("2026-03-25T18:00")
    assert told.by("2026-03-25T23:59") == []
    assert AgentSignedOut(AgentId("a1001")) in told.by("2026-03-26T00:00")
    assert config.centre.seats is not None and "uzak-a1001" in config.centre.seats


def test_gaps_of_the_working_hours_are_planned_breaks(folder: Path) -> None:
    """The roster writes its breaks as gaps. An agent's own break that overlaps one is not planned twice."""
    duty = 'wednesday: ["08:00-10:15", "10:25-12:00", "12:30-17:00"], thursday: ["00:00-02:00", "07:00-16:00"]'
    edit(folder, "team.yaml", "- {id: a1004,", f"- {{id: a1004, on_duty: {{{duty}}},")
    breaks = state_at(node_config(folder), at("2026-03-25T08:00")).breaks[AgentId("a1004")]
    assert breaks == tuple((at(begin), at(end)) for begin, end in (
        ("2026-03-25T10:15", "2026-03-25T10:30"), ("2026-03-25T12:00", "2026-03-25T12:30"),
        ("2026-03-26T10:15", "2026-03-26T10:30"))), "five hours between two spans are no break"


def test_working_hours_of_three_days_are_planned(folder: Path) -> None:
    """Hours over midnight are one span, and those of the day before count until their end."""
    duty = 'tuesday: ["22:00-24:00"], wednesday: ["00:00-06:00", "22:00-24:00"], thursday: ["00:00-06:00"]'
    edit(folder, "team.yaml", "- {id: a1004,", f"- {{id: a1004, on_duty: {{{duty}}},")
    config, agent = node_config(folder), AgentId("a1004")
    told = Told(config, "2026-03-25T05:00")
    nights = ((at("2026-03-24T22:00"), at("2026-03-25T06:00")), (at("2026-03-25T22:00"), at("2026-03-26T06:00")))
    assert WorkingHoursPlanned(agent, nights) in told.by("2026-03-25T05:00")
    assert told.by("2026-03-25T12:00") == [], "one plan a day"
    assert WorkingHoursPlanned(agent, nights[1:]) in told.by("2026-03-26T00:00")
    assert WorkingHoursPlanned(agent, ()) in told.by("2026-03-27T00:00")
    everybody = SurgeProfile(name="Deprem", entry="ana", call_in=True)
    assert not state_at(config, at("2026-03-25T05:00"), surge=everybody).working_hours, "all may come at any time"


@pytest.mark.parametrize(("now", "allowed"), [
    ("2026-03-25T07:29", False), ("2026-03-25T07:31", True), ("2026-03-25T17:29", True), ("2026-03-25T17:31", False),
    ("2026-03-25T23:45", True), ("2026-03-26T02:10", True), ("2026-03-26T08:00", False), ("2026-03-27T09:00", False)])
def test_agents_sign_in_in_their_hours(now: str, allowed: bool, folder: Path) -> None:
    """Half an hour around them too, and on the evening before a shift that begins at midnight."""
    duty = 'wednesday: ["08:00-17:00"], thursday: ["00:00-02:00"]'
    edit(folder, "team.yaml", "- {id: a1004,", f"- {{id: a1004, on_duty: {{{duty}}},")
    config = node_config(folder)
    if allowed:
        require_on_duty(config, AgentId("a1004"), at(now), None)
    else:
        with pytest.raises(OffDuty):
            require_on_duty(config, AgentId("a1004"), at(now), None)
        require_on_duty(config, AgentId("a1004"), at(now), SurgeProfile(name="Deprem", entry="ana", call_in=True))
    require_on_duty(config, AgentId("a1005"), at(now), None)  # has no hours


def test_the_dates_of_a_roster_bind_their_days_alone(folder: Path) -> None:
    edit(folder, "team.yaml", "- {id: a1004,", '- {id: a1004, on_duty: {dates: {2026-03-25: ["08:00-12:00"]}},')
    config = node_config(folder)
    require_on_duty(config, AgentId("a1004"), at("2026-03-26T15:00"), None)
    with pytest.raises(OffDuty):
        require_on_duty(config, AgentId("a1004"), at("2026-03-25T15:00"), None)


def test_who_cannot_be_called_is_not_on_call(config: NodeConfig) -> None:
    """Callers in distress would be told that somebody is there."""
    friday = at("2026-03-27T20:00")
    assert state_at(config, friday).on_call[AgentId("a1037")]
    assert AgentId("a1037") not in state_at(config, friday, away={remote_seat("a1001")}).on_call
    assert not [event for event in Told(config, "2026-03-27T20:00").by("2026-03-27T20:00")
                if isinstance(event, AgentSignedIn)]


def test_somebody_is_on_call_whenever_the_ministrys_counsellors_are_not_at_their_seats() -> None:
    """On weekdays outside 08:00 to 18:00 and at weekends one of them, never two, on holidays as on any day."""
    ministry = node_config(MEB)
    for hour in range(7 * 24):
        now = at("2026-10-26T00:30") + hour * 3600.0
        local = datetime.fromtimestamp(now, ZoneInfo(ISTANBUL))
        at_seats = local.weekday() < 5 and 8 <= local.hour < 18
        assert sum(state_at(ministry, now).on_call.values()) == (0 if at_seats else 1), local


def test_at_midnight_needs_change_by_date_and_breaks_are_of_the_new_day(config: NodeConfig) -> None:
    agent = AgentId("a1004")
    told = Told(config, "2026-03-31T12:00")
    first = told.by("2026-03-31T12:00")
    assert BreaksPlanned(agent, ((at("2026-03-31T10:15"), at("2026-03-31T10:30")),
                                 (at("2026-04-01T02:30"), at("2026-04-01T03:30")))) in first, "midnight is no surprise"
    events = told.by("2026-04-01T00:00")
    assert BreaksPlanned(agent, ((at("2026-04-01T02:30"), at("2026-04-01T03:30")),
                                 (at("2026-04-02T02:30"), at("2026-04-02T03:30")))) in events
    (configured,) = [event for event in events if isinstance(event, Configured)]
    rings = {one.id: one.profile.ring_timeout_s for one in configured.centre.agents}
    assert rings[agent] == 45.0
    assert told.by("2026-04-01T00:01") == []


def test_that_needs_are_past_their_review_is_said_on_each_new_day_and_not_whose(folder: Path) -> None:
    (folder / "accommodations.yaml").write_text("""\
accommodations:
  - {agent: a1001, wrapup_s: 77, review_at: 2026-03-01}
""", encoding="utf-8")
    now = at("2026-02-28T12:00")
    calendar = CentreCalendar(node_config(folder), lambda event: None, lambda: now)
    with capture_logs() as logs:
        for moment in ("2026-02-28T23:59", "2026-03-01T00:00", "2026-03-01T12:00"):
            now = at(moment)
            calendar.post_changes()
        assert said(logs) == []
        for moment in ("2026-03-02T00:00", "2026-03-02T00:10", "2026-03-03T00:00"):
            now = at(moment)
            calendar.post_changes()
    assert said(logs) == [{"event": "accommodations.review_due", "log_level": "warning"}] * 2


async def test_what_nobody_can_take_is_said_each_new_day_until_files_without_it_are_in_force(folder: Path) -> None:
    edit(folder, "menu.yaml", "then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")
    edit(folder, "team.yaml", 'number: "1131", team: gorus_oneri, skills: {',
         'number: "1131", team: gorus_oneri, skills: {en: 40, ')
    kept = (folder / "accommodations.yaml").read_text(encoding="utf-8")
    (folder / "accommodations.yaml").write_text("""\
accommodations:
  - {agent: a1131, channels: [chat], valid_from: 2026-03-01, valid_to: 2026-03-02}
  - {agent: a1131, valid_from: 2026-03-03}
""", encoding="utf-8")
    now = at("2026-02-28T12:00")
    config = node_config(folder)
    calendar = CentreCalendar(config, lambda event: None, lambda: now)
    found = []
    with capture_logs() as logs:
        for moment in ("2026-02-28T23:59", "2026-03-01T00:00", "2026-03-01T12:00", "2026-03-02T00:00",
                       "2026-03-03T00:00"):
            now = at(moment)
            calendar.post_changes()
            found.append(len(calendar.unservable_needs))
    assert found == [0, 1, 1, 1, 0]
    days = [one for one in logs if one["event"] == "calendar.coverage_lost"]
    assert len(days) == 2 and days[0]["log_level"] == "error" and days[0]["of"] == 1
    assert "which callers of node 'gorus-oneri' may need" in days[0]["problems"][0]
    now = at("2026-03-02T12:00")
    calendar = CentreCalendar(config, lambda event: None, lambda: now)
    calendar.post_changes()  # a start on such a day
    assert len(calendar.unservable_needs) == 1
    (folder / "accommodations.yaml").write_text(kept, encoding="utf-8")

    async def taken(event: Event) -> None:
        assert isinstance(event, Configured)

    await calendar.apply_config(node_config(folder), taken)
    assert calendar.unservable_needs == ()


def said(logs: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Return the log lines about reviews."""
    return [one for one in logs if one["event"] == "accommodations.review_due"]


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
    assert state_at(config, midnight + 4.5 * 3600).open[ServiceId("gorus_oneri")] is (
        datetime.fromtimestamp(midnight + 4.5 * 3600, ZoneInfo(BERLIN)).hour < 5 and day.endswith(("29", "25")))


def settings_with(hours: dict[str, object], timezone: str = "Europe/Berlin") -> Settings:
    return Settings.model_validate({
        "centre": {"name": "Merkez", "timezone": timezone}, "numbers": {"4440632": "ana"},
        "trunk": {"match": ["127.0.0.1"]}, "seats": {}, "hours": hours})


@pytest.mark.parametrize(("utc", "is_open"), [
    # 29 March 2026, a Sunday: 02:00 becomes 03:00 in Berlin. Nine o'clock comes an hour earlier than the day before.
    ("2026-03-28T07:59:59", False), ("2026-03-28T08:00:00", True),
    ("2026-03-29T06:59:59", False), ("2026-03-29T07:00:00", True),
    ("2026-03-29T00:59:59", True), ("2026-03-29T01:00:00", False),
    # 25 October 2026, a Sunday: 03:00 becomes 02:00. The hour from 02:00 comes twice, and is open both times.
    ("2026-10-24T22:59:59", False), ("2026-10-25T00:30:00", True), ("2026-10-25T01:30:00", True),
    ("2026-10-25T02:00:00", False), ("2026-10-25T07:59:59", False), ("2026-10-25T08:00:00", True),
])
def test_the_clock_on_the_wall_decides_when_the_time_changes_too(utc: str, is_open: bool) -> None:
    settings = settings_with({"closed": "kapali", "saturday": ["09:00-17:00"],
                              "sunday": ["01:00-03:00", "09:00-17:00"]})
    assert line_open(settings, datetime.fromisoformat(utc + "+00:00").timestamp()) is is_open


def test_midnight_is_that_of_the_centre() -> None:
    settings = settings_with({"closed": "kapali", "monday": ["00:00-24:00"]}, "Europe/Istanbul")
    clocks = ("2026-11-22T20:59:59", "2026-11-22T21:00:00", "2026-11-23T20:59:59", "2026-11-23T21:00:00")
    assert [line_open(settings, datetime.fromisoformat(utc + "+00:00").timestamp()) for utc in clocks] == [
        False, True, True, False]
    assert line_open(settings_with({"always": True}), 0.0)


def test_holidays_close_services_with_hours_and_not_who_is_on_call(folder: Path) -> None:
    edit(folder, "services.yaml", "hours: {wednesday:", "hours: {thursday: [\"09:00-12:00\"], wednesday:")
    edit(folder, "team.yaml", "on_call: {wednesday:", "on_call: {thursday: [\"18:00-24:00\"], wednesday:")
    config, service = node_config(folder), ServiceId("gorus_oneri")
    assert state_at(config, at("2026-10-22T10:00")).open[service], "an ordinary Thursday"
    assert not state_at(config, at("2026-10-29T10:00")).open[service], "Cumhuriyet Bayramı"
    assert state_at(config, at("2026-10-29T19:00")).on_call[AgentId("a1001")]
    eve = at("2026-10-28T12:59")  # a Wednesday: until 13:00, and the second span is none
    assert not state_at(config, eve).open[service] and state_at(config, at("2026-10-28T11:59")).open[service]
    assert next_change(config, at("2026-10-28T13:00")) == at("2026-10-28T18:00"), "no edge of the second span"


def test_a_closure_closes_for_once_and_opens_again_by_itself(folder: Path) -> None:
    text = (folder / "santral.toml").read_text(encoding="utf-8")
    (folder / "santral.toml").write_text(text + """
[[calendar.closures]]
begins = 2026-03-25T10:00:00
ends = 2026-03-25T11:30:00
services = ["gorus_oneri", "temsilci"]
[[calendar.closures]]
begins = 2026-03-25T15:00:00
ends = 2026-03-25T15:10:00
""", encoding="utf-8")
    config = node_config(folder)
    told, both = Told(config, "2026-03-25T09:30"), [ServiceId("gorus_oneri"), ServiceId("temsilci")]
    told.by("2026-03-25T09:30")
    assert next_change(config, told.now) == at("2026-03-25T10:00")
    assert told.by("2026-03-25T10:00") == [ServiceHoursSet(one, False) for one in both]
    assert not told.calendar.is_open("temsilci") and told.calendar.is_open("psikososyal")
    assert told.by("2026-03-25T11:30") == [ServiceHoursSet(one, True) for one in both]
    assert [line_open(config.settings, at(f"2026-03-25T{clock}")) for clock in ("14:59", "15:00", "15:09", "15:10")] \
        == [True, False, False, True]
    told.now = at("2026-03-25T15:05")
    assert told.calendar.entry_in_force("ana") == "kapali"


async def test_new_files_are_put_in_force_and_what_is_gone_is_let_go(config: NodeConfig, folder: Path) -> None:
    told, asked = Told(config, "2026-03-25T19:00"), list[Event]()

    async def ask(event: Event) -> None:
        asked.append(event)

    told.by("2026-03-25T19:00")
    edit(folder, "team.yaml", "- {id: a1001, on_call: {wednesday: [\"18:00-24:00\"]},", "- {id: a1001,")
    edit(folder, "services.yaml", "sunday: [\"00:00-05:00\"]", "wednesday: [\"18:00-20:00\"]")
    edit(folder, "services.yaml", "hours: {wednesday: [\"09:00-12:00\", \"13:00-17:00\"],", "hours: {")
    new = node_config(folder)
    await told.calendar.apply_config(new, ask)
    assert [type(event) for event in asked] == [Configured], "asked, so that a refusal is heard"
    assert told.events == [ServiceHoursSet(ServiceId("gorus_oneri"), True), WorkingHoursPlanned(AgentId("a1001"), ()),
                           AgentSignedOut(AgentId("a1001"))]
    told.events.clear()
    assert told.by("2026-03-25T19:00") == [], "and it is the new ones that hold"
    with pytest.raises(RuntimeError):
        async def refuse(event: Event) -> None:
            raise RuntimeError

        await told.calendar.apply_config(config, refuse)
    assert told.by("2026-03-25T19:01") == [], "a refusal changes nothing"


async def test_who_is_made_a_remote_counsellor_in_a_talk_is_called_outside_after_it(
        config: NodeConfig, tmp_path: Path) -> None:
    """The whole way: files, calendar, engine. Nothing tells it a second time before the next span."""
    engine, agent, now = Engine(), AgentId("a1001"), at("2026-03-25T19:00")
    before = node_config(copied(tmp_path / "before"))

    def post(event: Event) -> None:
        engine.handle(event, now)

    async def ask(event: Event) -> None:
        post(event)

    calendar = CentreCalendar(before, post, lambda: now)
    seat = SeatId(before.settings.seats.seat_names()[0])
    for event in (Configured(state_at(before, now).centre), SeatChanged(seat, True, False), AgentSignedIn(agent, seat)):
        post(event)
    calendar.post_changes()
    # Remote counsellors are there too, and few enough to be kept free of other contacts.
    service = engine.centre.services[0].id
    offer, *_ = [one for number in range(9)
                 for one in engine.handle(ContactQueued(ContactId(f"c-{number}"), service), now)
                 if isinstance(one, Offer) and one.agent == agent]
    engine.handle(OfferConnected(offer.offer, offer.contact), now)
    await calendar.apply_config(config, ask)
    engine.handle(TalkEnded(offer.offer, "caller"), now + 60.0)
    engine.handle(WrapUpEnded(agent), now + 61.0)
    view = engine.agent_view(agent, now + 62.0)
    assert view is not None and view.seat == remote_seat("a1001")


def test_quiet_hours_are_told_at_their_edges_and_at_the_start(folder: Path) -> None:
    edit(folder, "santral.toml", 'quiet_from = "00:00"\nquiet_to = "00:00"', 'quiet_from = "20:30"\nquiet_to = "08:30"')
    config = node_config(folder)
    told = Told(config, "2026-03-26T08:29")
    assert QuietHoursChanged(True) in told.by("2026-03-26T08:29")
    assert next_change(config, told.now) == at("2026-03-26T08:30")
    assert told.by("2026-03-26T08:30") == [QuietHoursChanged(False)]
    assert told.by("2026-03-26T20:29") == [] and told.by("2026-03-26T20:30") == [QuietHoursChanged(True)]
    assert QuietHoursChanged(True) not in Told(config, "2026-03-26T08:30").by("2026-03-26T08:30")


def test_callbacks_wait_while_a_restore_holds_them() -> None:
    posted: list[object] = []
    held = True
    noon = datetime(2026, 3, 3, 12, tzinfo=ZoneInfo("Europe/Istanbul")).timestamp()
    calendar = CentreCalendar(node_config(MEB), posted.append, lambda: noon, held=lambda: held)
    calendar.post_changes()
    assert QuietHoursChanged(True) in posted
    posted.clear()
    held = False
    calendar.post_changes()
    assert posted == [QuietHoursChanged(False)]
