"""The judge of the skills benchmark sees offers below a floor, in a rest and beyond a limit, and worse levels."""

from __future__ import annotations

import pytest

from bench import skills
from bench.harness.ami_observer import OURS, AmiObserver, ObservedCall
from bench.harness.side_by_side import FIRST_SEAT, SideAgent

pytestmark = pytest.mark.unit

TEAM = [SideAgent({0: 90, 2: 90}, 0, skills.LIMITED), SideAgent({0: 50, 2: 30}, skills.REST_S, skills.UNLIMITED)]


def judge(*offers: tuple[float, int, int, float]) -> skills.Judgement:
    """Judge offers of (time, agent, kind, end of the talk). Each is connected at once, and the caller came then."""
    observer = AmiObserver()
    for number, (at, agent, kind, ended) in enumerate(offers):
        observer.calls[str(number)] = ObservedCall(OURS, kind, at, [(at, str(FIRST_SEAT + agent))], at, ended, ended)
    return skills.judge_side(observer, OURS, TEAM, lambda caller: True)


def test_a_floor_is_counted() -> None:
    assert judge((0.0, 1, 2, 5.0)).below_floor == 1
    assert judge((0.0, 0, 2, 5.0)).violations == 0


def test_a_rest_is_counted_with_a_second_of_rounding() -> None:
    end = 10.0 + skills.REST_S - skills.ROUNDING_S
    assert judge((0.0, 0, 0, 99.0), (1.0, 1, 0, 10.0), (end - 0.1, 1, 0, 30.0)).in_rest == 1
    assert judge((0.0, 0, 0, 99.0), (1.0, 1, 0, 10.0), (end + 0.1, 1, 0, 30.0)).in_rest == 0
    assert judge((0.0, 0, 0, 10.0), (10.1, 0, 0, 30.0)).in_rest == 0, "this agent needs no rest"


def test_a_limit_is_counted_until_the_load_has_decayed() -> None:
    # 3 halves to 2 in 35.1 s. Other contacts may come at any time.
    assert judge((0.0, 0, 2, 5.0), (30.0, 0, 2, 40.0)).beyond_limit == 1
    assert judge((0.0, 0, 2, 5.0), (30.0, 0, 0, 40.0)).beyond_limit == 0
    assert judge((0.0, 0, 2, 5.0), (36.0, 0, 2, 40.0)).beyond_limit == 0
    assert judge((0.0, 0, 2, 5.0), (36.0, 0, 2, 40.0), (72.0, 0, 2, 80.0)).beyond_limit == 1, "the second one adds"


def test_a_level_is_best_among_those_who_are_free_and_may() -> None:
    assert judge((0.0, 1, 0, 5.0)).best == 0.0
    assert judge((0.0, 0, 0, 5.0)).best == 1.0
    assert judge((0.0, 0, 0, 5.0), (1.0, 1, 0, 5.0)).best == 1.0, "the better one talks"
    assert judge((0.0, 0, 2, 5.0), (10.0, 1, 2, 20.0)).best == 1.0, "the better one is at the limit"
    assert judge((0.0, 0, 2, 5.0), (10.0, 1, 0, 20.0)).best == 0.5, "the limit keeps no other contact away"
