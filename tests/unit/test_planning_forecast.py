"""Whether a forecast holds: the course of a day against the shipped engine, and what is said when it does not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from planning import forecast
from planning.arrivals import Chance, Day, Kind, generate
from planning.forecast import ALL, TOGETHER, Checked, check, dispersion, plain, pool
from planning.house import Arrival, Duty, run
from planning.outcome import Rule

pytestmark = pytest.mark.unit

KIND = Kind(120.0, 145.0, 200.0)
QUIET = Day("quiet", 8 * 3600.0, 300.0, (30.0,) * 24)
BURST = Day("burst", 8 * 3600.0, 300.0, (*(30.0,) * 8, *(60.0,) * 4, *(30.0,) * 8))


def test_the_plain_queue_is_the_engine_to_the_call() -> None:
    """The control variate has the same mean: on the same calls it even has the same value."""
    agents = 20
    centre = pool(agents, 20.0)
    duties = [Duty(agent.id, BURST.start_s - 1.0, BURST.end_s + 1.0) for agent in centre.agents]
    for seed in (1, 2):
        calls = list(generate(BURST, {ALL: 1.0}, Chance(seed=seed, poisson=False), {ALL: KIND}))
        outcome = run(centre, calls, duties)
        assert outcome.total.service_level(20.0, Rule.OFFERED) == plain(calls, agents, 20.0)
        assert 0.3 < plain(calls, agents, 20.0) < 0.9
    assert plain([], agents, 20.0) == 1.0


def test_a_forecast_that_is_carried_holds_where_intervals_alone_do_not() -> None:
    told: list[int] = []
    quiet, burst = check([QUIET, BURST], 20, KIND, progress=told.append)
    assert told == [1, 2]
    assert not quiet.alone_misses and not quiet.carried_misses and quiet.overload_s == 0.0
    assert burst.alone_misses and not burst.carried_misses
    assert burst.overload_s == 4 * 300.0 and burst.peak_load == pytest.approx(60 / 300 * 120 / 20)
    assert burst.error < 0.01 and burst.calls == 720.0
    assert burst.why().startswith("overload of 20 min: too short")


def test_why_intervals_alone_are_off() -> None:
    day = Checked("", 100.0, 1.1, 3000.0, 0.9, 0.8, 0.8, 0.001, 9 * 3600.0)
    assert day.alone_misses and not day.carried_misses
    assert day.why() == "overload of 50 min: its queue is still there in quieter intervals, most at 09:00"
    short = day._replace(alone=0.7)
    assert short.why() == "overload of 50 min: too short for the queue that a lasting one would have, most at 09:00"
    assert day._replace(overload_s=0.0).why() == "the load changes faster than calls end, most at 09:00"
    assert day._replace(alone=0.81, carried=0.77).carried_misses


def test_runs_end_when_they_do_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is never small enough: the most runs, and the error is told as it is."""
    monkeypatch.setattr(forecast, "ERROR", 0.0)
    monkeypatch.setattr(forecast, "PLAIN_MOST", 9)
    counted: list[float] = []

    def counting(arrivals: Iterable[Arrival], agents: int, limit_s: float) -> float:
        counted.append(plain(arrivals, agents, limit_s))
        return counted[-1]

    monkeypatch.setattr(forecast, "plain", counting)
    [day] = check([BURST], 20, KIND)
    assert len(counted) == 9 and day.error > 0.0


def test_days_of_another_shape_are_computed_apart() -> None:
    other = Day("half hours", 8 * 3600.0, 1800.0, (180.0,) * 4)
    days = [QUIET] * (TOGETHER + 1) + [other]
    assert [len(some) for some in forecast._alike(days)] == [TOGETHER, 1, 1]
    [found] = check([other], 20, KIND)
    assert found.name == "half hours" and found.calls == 720.0


def test_over_dispersion_of_counts() -> None:
    """Days that differ only in height have none at all; Poisson counts have 1; a rate that wanders has more."""
    shape = (10.0, 30.0, 60.0, 20.0)
    assert dispersion([Day("", 0, 300, tuple(h * c for c in shape)) for h in (1, 2, 3)]) == pytest.approx(0.0)
    rng = np.random.default_rng(1)
    rates = np.tile(np.array(shape) * 20, 10)
    poisson = [Day("", 0, 300, tuple(map(float, rng.poisson(rates)))) for _ in range(60)]
    assert dispersion(poisson) == pytest.approx(1.0, abs=0.1)
    wandering = [rates * rng.gamma(400, 1 / 400, len(rates)) for _ in range(60)]
    rough = dispersion([Day("", 0, 300, tuple(map(float, rng.poisson(one)))) for one in wandering])
    assert rough is not None and rough > 1.5
    assert dispersion(poisson[:1]) is None and dispersion([QUIET, BURST]) is None
    assert dispersion([QUIET, QUIET._replace(counts=(0.0,) * 24)]) is None, "a day without calls has no shape"
