"""Forecasts of a week from recorded calls: weekday, season, holidays, and the error on weeks never seen."""

from __future__ import annotations

import os
import random
from datetime import date, timedelta
from math import cos, pi
from pathlib import Path

import pytest

from planning.errors import PlanningError
from planning.simulation.arrivals import Day
from planning.simulation.counts import read_counts
from planning.staffing.call_forecast import (
    AHEAD_MAX,
    MEAN,
    NAIVE,
    PROFILE,
    SEASON,
    CallForecast,
    level_and_profile,
)
from planning.staffing.call_record import CalendarDay, CallRecord, always_ordinary, record_of_days
from routing.core.model.ids import ServiceId

pytestmark = pytest.mark.unit

REAL_DAYS = "SANTRAL_BANK_CALLS"
"""Environment variable: a CSV date,slot,calls of many weekdays of a real centre."""

LINE = ServiceId("hat")
MONDAY = date(2026, 3, 2)


def made_up(weeks: int, *, yearly: float = 0.0, holidays: dict[date, float] | None = None, noise: float = 0.0,
            first: date = MONDAY) -> CallRecord:
    """Return made-up days: more calls on Monday, two peaks, a season, and holidays with a share of the calls."""
    rng, days = random.Random(5), {}
    for number in range(weeks * 7):
        at = first + timedelta(days=number)
        level = (300, 240, 220, 210, 200, 60, 40)[at.weekday()]
        level *= 1.0 + yearly * cos(2 * pi * number / 364)
        level *= (holidays or {}).get(at, 1.0) * (1.0 + noise * rng.uniform(-1, 1))
        shape = [0.0] * 16 + [1.0, 2.0, 3.0, 2.0, 1.0, 1.0, 1.0, 2.0, 3.0, 2.0, 1.0, 1.0] + [0.0] * 20
        days[at] = {LINE: [level * share / sum(shape) for share in shape]}
    return CallRecord(days)


def total(record: CallRecord, at: date) -> float:
    return sum(record.days[at][LINE])


def test_a_week_is_forecast_by_its_weekdays() -> None:
    record = made_up(20)
    forecast = CallForecast(record, always_ordinary)
    week = forecast.forecast_week(MONDAY + timedelta(weeks=20), PROFILE)
    assert [round(day.total) for day in week] == [300, 240, 220, 210, 200, 60, 40]
    assert week[0].services[LINE][18] == pytest.approx(record.days[MONDAY][LINE][18])
    assert not any(day.assumed for day in week)


def test_one_odd_day_changes_nothing() -> None:
    usual, odd = [10.0] * 48, [30.0] * 24 + [0.0] * 24
    assert level_and_profile([usual] * 9 + [odd]) == pytest.approx(usual)


def test_rare_calls_keep_their_level() -> None:
    past = [[1.0 if slot == at else 0.0 for slot in range(48)] for at in (18, 20, 22, 24, 26, 28)]
    assert sum(level_and_profile(past)) == pytest.approx(1.0)
    assert level_and_profile([[0.0] * 48] * 3) == [0.0] * 48


def test_error_is_measured_on_weeks_that_were_not_known() -> None:
    noisy = CallForecast(made_up(30, noise=0.3), always_ordinary)
    found = noisy.measure_error(1)
    assert found.weeks == 18 and found.half_hours == 18 * 7 * 48
    assert found.errors.keys() == {NAIVE, MEAN, PROFILE}, "a season needs more than a year"
    best = found.ratio_of(found.best)
    assert best is not None and best < 0.9
    # Four weeks ahead the last three weeks are unknown, so that a level that grows is missed by more.
    growing = {at: {LINE: [calls * (1 + 0.05 * ((at - MONDAY).days // 7)) for calls in services[LINE]]}
               for at, services in made_up(30).days.items()}
    later = CallForecast(CallRecord(growing), always_ordinary)
    assert later.measure_error(4).errors[NAIVE] == pytest.approx(4 * later.measure_error(1).errors[NAIVE], rel=0.01)


def test_a_short_record_is_still_measured_or_says_how_long_it_must_be() -> None:
    two = CallForecast(made_up(2), always_ordinary)
    assert two.measure_error(1).weeks == 1
    assert two.measure_error(4).best == MEAN, "nothing could be held out"
    with pytest.raises(PlanningError, match="needs 2 or more"):
        CallForecast(made_up(1), always_ordinary)
    with pytest.raises(PlanningError, match="the record ends on 2026-03-15"):
        two.weeks_ahead(MONDAY)
    assert two.weeks_ahead(MONDAY + timedelta(weeks=1 + AHEAD_MAX)) == AHEAD_MAX
    with pytest.raises(PlanningError, match="cannot be forecast"):
        two.weeks_ahead(MONDAY + timedelta(weeks=2 + AHEAD_MAX))


def test_a_season_is_used_when_a_year_shows_it() -> None:
    short = CallForecast(made_up(60, yearly=0.4), always_ordinary)
    assert SEASON not in short.measure_error(4).errors, "the first held-out weeks have no year before them"
    # Enough weeks with a year before them decide for the season, and the autumn is forecast by the one before.
    long = CallForecast(made_up(110, yearly=0.4), always_ordinary)
    found = long.measure_error(4)
    assert found.best == SEASON and found.weeks >= 8
    week = MONDAY + timedelta(weeks=113)
    truth = sum(made_up(114, yearly=0.4).days[week][LINE])
    seasonal, plain = (long.forecast_week(week, method)[0].total for method in (SEASON, PROFILE))
    assert abs(seasonal - truth) < abs(plain - truth) / 2


def test_holidays_of_a_made_up_file_are_forecast_by_their_share() -> None:
    """No real file with Turkish holidays is at hand, so the days are made up: a holiday has 30 % of the calls."""
    eve, feast = date(2026, 5, 26), date(2026, 5, 27)
    kinds = {eve: CalendarDay("half_day", "Arife"), feast: CalendarDay("holiday", "Kurban Bayramı"),
             date(2026, 7, 15): CalendarDay("holiday", "15 Temmuz")}
    record = made_up(19, holidays={eve: 0.6, feast: 0.3})
    forecast = CallForecast(record, lambda at: kinds.get(at, CalendarDay()))
    week = forecast.forecast_week(date(2026, 7, 13), PROFILE)
    assert week[2].total == pytest.approx(0.3 * 220) and "Kurban Bayramı" in week[2].basis
    assert week[1].total == pytest.approx(240), "a holiday is no same weekday of ordinary days"
    # Without a recorded one the calls are assumed, and marked.
    fresh = CallForecast(made_up(8), lambda at: kinds.get(at, CalendarDay()))
    assumed = fresh.forecast_week(date(2026, 5, 25), PROFILE)
    assert assumed[2].assumed and assumed[2].total == pytest.approx(40), "as on a Sunday"
    assert assumed[1].assumed and 0 < assumed[1].total < 240 and not any(assumed[1].services[LINE][26:])


def test_a_file_without_dates_is_refused() -> None:
    with pytest.raises(PlanningError, match="column 'date'"):
        record_of_days([Day("typical weekday", 0.0, 1800.0, (1.0,))], {LINE: 1.0})


@pytest.mark.long
def test_real_days_are_forecast_better_than_by_the_last_same_weekday() -> None:
    """Weeks 13 to the last of the real file, each forecast from what was known before."""
    path = os.environ.get(REAL_DAYS)
    if not path:
        pytest.skip(f"{REAL_DAYS} names no file of real days")
    record = record_of_days(read_counts(Path(path)), {LINE: 1.0})
    forecast = CallForecast(record, always_ordinary)
    near, far = forecast.measure_error(1), forecast.measure_error(4)
    print({one.ahead: {method: one.ratio_of(method) for method in one.errors} for one in (near, far)})
    assert (near.ratio_of(near.best) or 9) <= 0.76 and (far.ratio_of(far.best) or 9) <= 0.84
