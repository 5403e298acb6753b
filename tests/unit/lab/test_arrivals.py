"""Callers of a peak: the load that was asked for, the same ones every time."""

from __future__ import annotations

import math

import pytest

from lab.people.arrivals import PeakPlan, draw_callers

pytestmark = pytest.mark.unit

PEAK = PeakPlan(agents=180, seconds=200.0, warm_s=20.0, compression=4.0)


@pytest.mark.parametrize("compression", [1.0, 4.0])
def test_the_load_is_that_of_the_slot(compression: float) -> None:
    peak = PEAK._replace(compression=compression)
    talks = sum(one.talk_s for one in draw_callers(peak) if one.at > 0)
    assert talks / (peak.agents * peak.seconds) == pytest.approx(0.951, abs=0.005)


def test_same_peak_same_callers_and_another_seed_others() -> None:
    assert draw_callers(PEAK) == draw_callers(PEAK) != draw_callers(PEAK._replace(seed=2))


def test_who_was_there_before_comes_first_does_not_count_and_stays() -> None:
    found = draw_callers(PEAK)
    before = [one for one in found if one.at == 0]
    assert len(before) == 171 and found[:171] == before
    assert not any(one.counts for one in found if one.at < PEAK.warm_s)
    assert all(one.patience_s == math.inf for one in before)
    assert all(one.counts for one in found if one.at >= PEAK.warm_s)
    assert [one.at for one in found] == sorted(one.at for one in found)


def test_kinds_come_in_their_shares() -> None:
    kinds = [one.kind for one in draw_callers(PEAK) if one.at > 0]
    assert [kinds.count(kind) / len(kinds) for kind in range(3)] == pytest.approx([0.5, 0.3, 0.2], abs=0.002)
