"""Whether a forecast holds: the course of a day against the shipped engine, and what is said when it does not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from planning.simulation.arrivals import CallProfile, ChanceSettings, Day, generate_arrivals
from planning.simulation.centre_run import Arrival, Duty, run_simulation
from planning.simulation.outcome import ServiceLevelRule
from planning.staffing import forecast_check
from planning.staffing.forecast_check import (
    ALL,
    TOGETHER,
    CheckedDay,
    check_days,
    dispersion_of,
    plain_queue_level,
    pooled_centre,
)

pytestmark = pytest.mark.unit

KIND = CallProfile(120.0, 145.0, 200.0)
QUIET = Day("quiet", 8 * 3600.0, 300.0, (30.0,) * 24)
BURST = Day("burst", 8 * 3600.0, 300.0, (*(30.0,) * 8, *(60.0,) * 4, *(30.0,) * 8))


def test_the_plain_queue_is_the_engine_to_the_call() -> None:
    """The control variate has the same mean: on the same calls it even has the same value."""
    agents = 20
    centre = pooled_centre(agents, 20.0)
    duties = [Duty(agent.id, BURST.start_s - 1.0, BURST.end_s + 1.0) for agent in centre.agents]
    for seed in (1, 2):
        calls = list(generate_arrivals(BURST, {ALL: 1.0}, ChanceSettings(seed=seed, poisson=False), {ALL: KIND}))
        outcome = run_simulation(centre, calls, duties)
        assert outcome.total.service_level(20.0, ServiceLevelRule.OFFERED) == plain_queue_level(calls, agents, 20.0)
        assert 0.3 < plain_queue_level(calls, agents, 20.0) < 0.9
    assert plain_queue_level([], agents, 20.0) == 1.0


def test_a_forecast_that_is_carried_holds_where_intervals_alone_do_not() -> None:
    told: list[int] = []
    quiet, burst = check_days([QUIET, BURST], 20, KIND, progress=told.append)
    assert told == [1, 2]
    assert not quiet.alone_is_off and not quiet.carried_is_off and quiet.overload_s == 0.0
    assert burst.alone_is_off and not burst.carried_is_off
    assert burst.overload_s == 4 * 300.0 and burst.peak_load == pytest.approx(60 / 300 * 120 / 20)
    assert burst.error < 0.01 and burst.calls == 720.0
    assert burst.explain_miss().startswith("overload of 20 min: too short")


def test_why_intervals_alone_are_off() -> None:
    day = CheckedDay("", 100.0, 1.1, 3000.0, 0.9, 0.8, 0.8, 0.001, 9 * 3600.0)
    assert day.alone_is_off and not day.carried_is_off
    assert day.explain_miss() == "overload of 50 min: its queue is still there in quieter intervals, most at 09:00"
    short = day._replace(alone=0.7)
    assert short.explain_miss() == (
        "overload of 50 min: too short for the queue that a lasting one would have, most at 09:00")
    assert day._replace(overload_s=0.0).explain_miss() == "the load changes faster than calls end, most at 09:00"
    assert day._replace(alone=0.81, carried=0.77).carried_is_off


def test_runs_end_when_they_do_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is never small enough: the most runs, and the error is told as it is."""
    monkeypatch.setattr(forecast_check, "ERROR", 0.0)
    monkeypatch.setattr(forecast_check, "PLAIN_MOST", 9)
    counted: list[float] = []

    def counting(arrivals: Iterable[Arrival], agents: int, limit_s: float) -> float:
        counted.append(plain_queue_level(arrivals, agents, limit_s))
        return counted[-1]

    monkeypatch.setattr(forecast_check, "plain_queue_level", counting)
    [day] = check_days([BURST], 20, KIND)
    assert len(counted) == 9 and day.error > 0.0


def test_days_of_another_shape_are_computed_apart() -> None:
    other = Day("half hours", 8 * 3600.0, 1800.0, (180.0,) * 4)
    days = [QUIET] * (TOGETHER + 1) + [other]
    assert [len(some) for some in forecast_check._group_alike(days)] == [TOGETHER, 1, 1]
    [found] = check_days([other], 20, KIND)
    assert found.name == "half hours" and found.calls == 720.0


def test_over_dispersion_of_counts() -> None:
    """Days that differ only in height have none at all; Poisson counts have 1; a rate that wanders has more."""
    shape = (10.0, 30.0, 60.0, 20.0)
    assert dispersion_of([Day("", 0, 300, tuple(h * c for c in shape)) for h in (1, 2, 3)]) == pytest.approx(0.0)
    rng = np.random.default_rng(1)
    rates = np.tile(np.array(shape) * 20, 10)
    poisson = [Day("", 0, 300, tuple(map(float, rng.poisson(rates)))) for _ in range(60)]
    assert dispersion_of(poisson) == pytest.approx(1.0, abs=0.1)
    wandering = [rates * rng.gamma(400, 1 / 400, len(rates)) for _ in range(60)]
    rough = dispersion_of([Day("", 0, 300, tuple(map(float, rng.poisson(one)))) for one in wandering])
    assert rough is not None and rough > 1.5
    assert dispersion_of(poisson[:1]) is None and dispersion_of([QUIET, BURST]) is None
    assert dispersion_of([QUIET, QUIET._replace(counts=(0.0,) * 24)]) is None, "a day without calls has no shape"
