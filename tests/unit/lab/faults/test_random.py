"""A random run: its faults follow from the seed, and each planted harm is found and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from lab.faults.fault_model import FaultRow
from lab.faults.judge import StoreRows
from lab.faults.random_result import (
    FLAT_MB_H,
    FLAT_S,
    HOUR_S,
    SETTLE_S,
    Arrival,
    StateChange,
    Usage,
    Window,
    judge_outcomes,
    judge_seconds,
    judge_usage,
)
from lab.faults.random_run import KILL, KILL_EVERY_S, KINDS, RandomPlan, plan_faults

pytestmark = pytest.mark.unit


@dataclass
class Run:
    """A run of an hour: one caller was answered, one hung up waiting, one in the menu; one agent."""

    arrivals: list[Arrival] = field(default_factory=lambda: [
        Arrival("l1", "1.1", True), Arrival("l2", "1.2", True), Arrival("l3", "1.3", True)])
    contacts: dict[str, str | None] = field(default_factory=lambda: {"1.1": "answered", "1.2": "abandoned"})
    ends: dict[str, int] = field(default_factory=lambda: {"1.1": 1, "1.2": 1})
    logged: set[str] = field(default_factory=lambda: {"1.1", "1.2"})
    menus: dict[str, str] = field(default_factory=lambda: {"1.1": "queued", "1.2": "queued", "1.3": "abandoned"})
    changes: list[StateChange] = field(default_factory=lambda: [
        StateChange(100.0, "a1", "signed_out", "ready", 0.0), StateChange(150.0, "a1", "ready", "talking", 50.0),
        StateChange(150.0, "a1", "talking", "talking", 0.0), StateChange(170.0, "a1", "talking", "signed_out", 20.0)])
    windows: dict[str, Window] = field(default_factory=lambda: {"a1": Window(99.5, 100.5, 169.5, 170.5)})
    usage: dict[tuple[str, int], list[Usage]] = field(default_factory=lambda: {
        ("node a", 7): [Usage(at, 150.0, 40) for at in range(0, 3600, 5)]})

    def judge(self) -> FaultRow:
        row = FaultRow("random", "", "")
        contacts: list[dict[str, Any]] = [{"contact": name, "outcome": outcome}
                                          for name, outcome in self.contacts.items()]
        judge_outcomes(row, self.arrivals, StoreRows(contacts, [], self.ends, self.logged), self.menus)
        judge_seconds(row, self.changes, self.windows)
        judge_usage(row, self.usage)
        return row


def test_each_arrival_has_one_outcome_and_the_figures_are_for_programs() -> None:
    row = Run().judge()
    assert not row.problems
    assert row.figures["arrivals"] == 3
    assert row.figures["outcomes"] == {"answered": 1, "abandoned": 1, "in the menu": 1}
    assert row.figures["agents"] == {"count": 1, "signed_in_s": 70.0, "by_state_s": {"ready": 50.0, "talking": 20.0}}
    [slope] = row.figures["usage"]
    assert (slope["mb_per_h"], slope["handles_per_h"], slope["judged"]) == (0.0, 0.0, True)


def forget_menu(run: Run) -> None:
    del run.menus["1.3"]


def forget_contact(run: Run) -> None:
    del run.contacts["1.2"], run.menus["1.2"]


def leave_open(run: Run) -> None:
    run.contacts["1.2"] = None
    del run.menus["1.2"]


def invent(run: Run) -> None:
    run.contacts["9.9"] = "answered"


def end_twice(run: Run) -> None:
    run.ends["1.1"] = 2


def leave_out_of_log(run: Run) -> None:
    run.logged.discard("1.2")


def answer_nobody(run: Run) -> None:
    run.arrivals.append(Arrival("l4", "", False))


def lose_seconds(run: Run) -> None:
    run.changes[1] = run.changes[1]._replace(before_s=49.0)


def sign_out_late(run: Run) -> None:
    run.changes[-1] = run.changes[-1]._replace(at=175.0, before_s=25.0)


def stay_signed_in(run: Run) -> None:
    del run.changes[-1]


def grow(run: Run) -> None:
    run.usage["node a", 7] = [one._replace(rss_mb=150.0 + 2 * FLAT_MB_H * one.at / HOUR_S)
                              for one in run.usage["node a", 7]]


@pytest.mark.parametrize(("plant", "words"), [
    (forget_menu, "1 arrivals have no outcome: l3 (1.3)"), (forget_contact, "1 arrivals have no outcome: l2 (1.2)"),
    (leave_open, "1 records have no end: 1.2"), (invent, "1 records are of nobody: 9.9"),
    (end_twice, "1 contacts ended twice: 1.1"), (leave_out_of_log, "1 contacts are not in the queue_log: 1.2"),
    (answer_nobody, "1 callers were not answered: l4"),
    (lose_seconds, "agent a1 has 69.0 s by state and was signed in for 70.0 s"),
    (sign_out_late, "agent a1 signed in or out at another time than the record says"),
    (stay_signed_in, "the records of agent a1 do not end with a sign-out"),
    (grow, "node a (7) grows: +40.0 MB/h, +0.0 handles/h")])
def test_a_planted_harm_is_found_and_named(plant: Callable[[Run], None], words: str) -> None:
    run = Run()
    plant(run)
    assert words in run.judge().problems


def test_a_short_life_has_a_slope_that_nobody_judges() -> None:
    run = Run()
    grow(run)
    run.usage["node a", 7] = [one for one in run.usage["node a", 7] if one.at < SETTLE_S + FLAT_S / 2]
    row = run.judge()
    assert not row.problems
    assert not row.figures["usage"][0]["judged"]


def test_a_seed_draws_the_same_faults_and_kills_seldom() -> None:
    plan = plan_faults(RandomPlan(1, 60))
    assert plan == plan_faults(RandomPlan(1, 60)) != plan_faults(RandomPlan(2, 60))
    assert {name for _, name in plan} == set(KINDS)
    at, kills = 0.0, []
    for rest, name in plan:
        at += rest + KINDS[name]
        kills += [at] if name == KILL else []
    assert at <= HOUR_S
    assert all(after - before >= KILL_EVERY_S for before, after in pairwise(kills))
