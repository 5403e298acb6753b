"""The facts of a period are found by number, even if the clock was set back. Agents' time is cut at both ends."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Text, create_engine, insert

from metrics.reports import fact_query
from metrics.reports.attendance import LOOK_S, AgentTime, Attendance, Groups
from metrics.reports.contacts import ContactIds, Rings
from metrics.reports.period import Period
from routing.core.model.centre_model import Agent, Centre, PauseReason, Profile
from routing.core.model.ids import AgentId
from routing.store.reader import Query
from routing.store.schema import agents, facts, metadata

pytestmark = pytest.mark.unit

START = 1_800_000_000.0
PERIOD = Period("interval", START, START + 3600.0, ZoneInfo("UTC"))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def put(connection: Connection, times: list[float], first: int = 1) -> None:
    connection.execute(insert(facts), [
        {"seq": seq, "at": at, "kind": "SurveyAnsweredRecorded", "body": '["1.1","edu","asked",0]'}
        for seq, at in enumerate(times, first)])


def found(connection: Connection, start: float, end: float) -> list[float]:
    rows = fact_query.read_facts(Query(connection), ["SurveyAnsweredRecorded"], [fact_query.Field("question")], start,
        end)
    return [at for _, at, kind, question in rows if start <= at < end
        and (kind, question) == ("SurveyAnsweredRecorded", "asked")]


def test_only_what_is_near_is_read(connection: Connection) -> None:
    put(connection, [START + 600.0 * number for number in range(-200, 200)], first=77)
    first, last = fact_query.find_number_range(Query(connection), facts, facts.c.seq, facts.c.at, START, START + 1200.0)
    near = int(fact_query.SLACK_S / 600.0)
    assert (first, last) == (277 - near, 277 + 2 + near)
    assert found(connection, START, START + 1200.0) == [START, START + 600.0]


def test_a_clock_that_was_set_back_hides_nothing(connection: Connection) -> None:
    back = fact_query.SLACK_S * 0.9
    times = [START + 60.0 * number for number in range(200)]
    times += [times[-1] - back + 60.0 * number for number in range(200)]
    put(connection, times)
    for start in (START, START + 6000.0, START + 9000.0, START + 12_000.0):
        wanted = [at for at in times if start <= at < start + 1800.0]
        assert sorted(found(connection, start, start + 1800.0)) == sorted(wanted)


def test_pages_make_no_difference(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    put(connection, [START + number for number in range(25)])
    whole = found(connection, START, START + 100.0)
    monkeypatch.setattr(fact_query, "PAGE", 4)
    assert found(connection, START, START + 100.0) == whole and len(whole) == 25


def test_an_empty_record(connection: Connection) -> None:
    ask = Query(connection)
    assert found(connection, START, START + 1.0) == [] and fact_query.recorded_span(ask) is None
    assert fact_query.rules_at(ask, START) == Centre((), ())


def test_an_id_that_came_twice() -> None:
    names = ContactIds(["1.1", "1.1~50", "1.1~20", "1.2"])
    assert [names.row_of("1.1", seq) for seq in (5, 20, 21, 49, 50, 51)] == ["1.1~20", "1.1~50", "1.1~50", "1.1~50",
        "1.1",
                                                                         "1.1"]
    assert names.row_of("1.2", 5) == "1.2"


def folded(connection: Connection, *changes: tuple[float, str, str, float]) -> dict[str, AgentTime]:
    """Changes of one agent: when, from, to, and how long the state before had lasted."""
    centre = Centre((), (Agent(AgentId("a"), (), Profile(rest_gap_s=60.0)),))
    attendance = Attendance(PERIOD, centre, START + 10_000.0)
    for at, before, state, before_s in changes:
        attendance.apply_change(START + at, "a", before, state, "", before_s, None, None, None, None)
    return attendance.finish_period(Query(connection))


def test_time_is_cut_at_both_ends(connection: Connection) -> None:
    time = folded(connection, (-100.0, "signed_out", "ready", 0.0), (600.0, "ready", "talking", 700.0),
                  (900.0, "talking", "wrapup", 300.0), (930.0, "wrapup", "ready", 30.0),
                  (1830.0, "ready", "paused", 900.0), (2730.0, "paused", "ready", 900.0),
                  (LOOK_S, "ready", "signed_out", 0.0))["a"]
    assert dict(time.states) == {"ready": 600.0 + 900.0 + 870.0, "talking": 300.0, "wrapup": 30.0, "paused": 900.0}
    assert time.available_s == 600.0 + (900.0 - 60.0) + (870.0 - 60.0)  # the rest gap is no idleness
    assert (time.breaks, time.signed_in_s, time.busy_s) == (1, 3600.0, 330.0)
    assert time.occupancy == 330.0 / (330.0 + 2250.0)


def test_a_pause_that_counts_as_work_is_no_break() -> None:
    centre = Centre((), (Agent(AgentId("a"), (), Profile()),), pause_reasons=(
        PauseReason("mola", default=True), PauseReason("egitim", work=True), PauseReason("toplanti", work=True)))
    attendance = Attendance(PERIOD, centre, START + 10_000.0)
    at = 0.0
    for before, state, reason in (("signed_out", "ready", ""), ("ready", "paused", "egitim"),
                                  ("paused", "paused", "egitim"), ("paused", "paused", "toplanti"),
                                  ("paused", "paused", "mola"), ("paused", "paused", "egitim"),
                                  ("paused", "ready", ""), ("ready", "signed_out", "")):
        attendance.apply_change(START + at, "a", before, state, reason, 100.0, None, None, None, None)
        at += 100.0
    time = attendance.finish_period(lambda statement: [])["a"]
    assert (time.breaks, time.states["paused"], time.states["paused_work"]) == (1, 100.0, 400.0)


def test_who_changes_after_the_end_was_there_before(connection: Connection) -> None:
    assert folded(connection, (5000.0, "ready", "talking", 6000.0))["a"].states == {"ready": 3600.0}
    assert folded(connection, (5000.0, "ready", "talking", 100.0)) == {}


def test_who_shows_no_change_is_known_by_the_row(connection: Connection) -> None:
    row = {"agent": "a", "version": 1, "team": "t", "state": "ready", "reason": "", "seat": "1", "rna_count": 0,
           "pause_pending": "", "leave_pending": False}
    # Every other column that must not be empty holds what an agent without a burden has.
    row |= {one.name: "[]" if isinstance(one.type, Text) else 0 for one in agents.columns
            if not one.nullable and one.name not in row}
    connection.execute(insert(agents), [row | {"since": START - 50.0, "idle_since": START}])
    assert folded(connection)["a"].states == {"ready": 3600.0}


@pytest.mark.parametrize(("special", "others", "shown"), [(5, 5, True), (4, 50, False), (50, 4, False), (0, 9, False)])
def test_both_groups_or_none(special: int, others: int, shown: bool) -> None:
    usual = tuple(Agent(AgentId(f"u{number}"), ()) for number in range(100))
    slow = tuple(Agent(AgentId(f"s{number}"), (), Profile(wrapup_s=99.0)) for number in range(50))
    there = [*(f"s{number}" for number in range(special)), *(f"u{number}" for number in range(others))]
    times = {name: AgentTime(1) for name in there}
    rings = Rings({("s0", "completed"): 1, ("u0", "timeout"): 1, ("u1", "rescinded"): 1, ("gone", "timeout"): 3})
    groups = Groups(times, rings, Centre((), usual + slow))
    assert groups.whole.agents == special + others
    assert (groups.pair is not None) is shown
    if groups.pair is not None:
        assert [(one.agents, one.offers, one.taken, one.not_taken) for one in groups.pair] == [(5, 1, 1, 0),
            (5, 2, 0, 1)]
