"""Rest that ends early: `/metrics` and the reports fold the same changes and know the same seconds as available."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from metrics.prometheus import names
from metrics.prometheus.recorder import MetricsRecorder
from metrics.reports.attendance import Attendance
from metrics.reports.period import Period
from routing.core import events as e
from routing.core.model.centre_model import Profile, Service, Step
from routing.core.model.facts import AgentChanged
from routing.core.model.ids import AgentId, SkillId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

A = AgentId("a")
GAP_S, HEAVY_S, END = 60.0, 300.0, 1000.0
HEAVY = Service(EDU.id, "Psikososyal destek", (Step(((SkillId("edu"), 1),)),), load=5)


def relax(house: House, at: float, *rules: str, for_s: float = 1800.0) -> None:
    house.tell(e.RulesOverridden(A, frozenset(rules), at + for_s, "admin"), at)


def gap_relaxed(house: House) -> None:
    relax(house, 20.0, "rest_gap")


def other_rule_relaxed(house: House) -> None:
    relax(house, 20.0, "distress_limit")


def not_now(house: House) -> None:
    house.tell(e.HeavyContactsDeclined(A), 20.0)


def no_gap_while_relaxed(house: House) -> None:
    gap_relaxed(house)
    house.tell(e.AgentPaused(A, ""), 100.0)
    house.tell(e.AgentResumed(A), 200.0)


def gap_again_after_it(house: House) -> None:
    relax(house, 20.0, "rest_gap", for_s=50.0)
    house.tick(70.0)
    house.tell(e.AgentPaused(A, ""), 100.0)
    house.tell(e.AgentResumed(A), 200.0)


def heavy(house: House) -> None:
    """Rests from 110 on: the gap to 170, the other one to 410."""
    house.tick(80.0)
    house.over(house.talks(80.0), 100.0)
    house.tell(e.WrapUpEnded(A), 110.0)


def heavy_enough(house: House) -> None:
    heavy(house)
    house.tell(e.AgentResumed(A), 300.0)


def heavy_relaxed_in_the_gap(house: House) -> None:
    heavy(house)
    relax(house, 130.0, "decompression")


def heavy_with_the_gap_relaxed(house: House) -> None:
    heavy(house)
    relax(house, 130.0, "rest_gap")


@pytest.mark.parametrize(("story", "rest_s", "away_s"), [
    (gap_relaxed, 20.0, 0.0), (other_rule_relaxed, GAP_S, 0.0), (not_now, GAP_S, 0.0),
    (no_gap_while_relaxed, 20.0, 100.0), (gap_again_after_it, 20.0 + GAP_S, 100.0),
    (heavy, GAP_S + HEAVY_S, 30.0), (heavy_enough, GAP_S + 190.0, 30.0),
    (heavy_relaxed_in_the_gap, GAP_S + 60.0, 30.0), (heavy_with_the_gap_relaxed, GAP_S + HEAVY_S, 30.0)])
def test_rest_that_ends_early_is_rest_so_long(story: Callable[[House], None], rest_s: float, away_s: float,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "K_MIN", 1)
    house = House({"a": 50}, Profile(rest_gap_s=GAP_S, wrapup_s=30.0), (HEAVY,))
    house.reload(decompression_s=HEAVY_S)
    house.sits("a", at=0.0)
    story(house)
    house.tick(END)
    recorder = MetricsRecorder(house.centre)
    recorder.count_facts(house.facts)
    recorder.render_page(house.engine.status(END))

    def seconds(state: str) -> float | None:
        return recorder.registry.get_sample_value(names.AGENT_SECONDS.name, {"team": "genel", "state": state})

    assert (seconds("resting"), seconds("ready")) == (pytest.approx(rest_s), pytest.approx(END - rest_s - away_s))
    attendance = Attendance(Period("interval", 0.0, END, ZoneInfo("UTC")), house.centre, END)
    for fact in house.facts_of(AgentChanged):
        told = fact.load_state
        attendance.apply_change(fact.at, fact.agent, fact.before, fact.state, fact.reason, fact.before_s, fact.since,
                        fact.idle_since, None if told is None else told.rest_until,
                        None if told is None else told.overrides)
    attendance._add_state_time(A, attendance._clocks["a"], END)
    assert attendance._times["a"].available_s == pytest.approx(seconds("ready"))
