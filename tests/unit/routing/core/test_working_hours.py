"""Working hours of agents: what their plan does to expected waits, and which plans are refused."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import Rule, Step, WayOut
from routing.core.model.errors import OutOfRange
from routing.core.shifts.working_hours import SPANS_MAX
from routing.core.waiting_time.agent_supply import RATE_LIFETIME_S
from routing.core.waiting_time.expected_wait import NOBODY_PLANNED_S
from routing.core.waiting_time.planned_hours import CHANGES_MAX, EARLY_S, HeadCounts, count_changes, merge_changes
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

EDU_NOW = EDU._replace(steps=(Step((("edu", 20),)),))
"""One step for all agents."""
HOUR_S = 3_600.0


def expected_s(*plans: tuple[str, tuple[tuple[float, float], ...]], waiting: int = 10, at: float = 100.0,
               absent: tuple[str, ...] = ()) -> float:
    """Return the wait that a caller behind `waiting` others may expect. Of four agents all are there but `absent`."""
    levels = {"a": 50, "b": 50, "c": 50, "d": 50}
    told = House(levels, services=(EDU_NOW,))
    present = [one for one in levels if one not in absent]
    told.sits(*present)
    for agent, hours in plans:
        told.tell(e.WorkingHoursPlanned(agent, hours), 0.5)
    for _ in present:
        offer = told.calls("edu", at=1.0)
        told.tell(e.OfferConnected(offer.offer, offer.contact))
    for _ in range(waiting + 1):
        told.waits("edu", at=at)
    estimate = told.last(f.Queued).estimate
    assert estimate is not None
    return estimate.wait_s


def test_agents_who_leave_soon_make_the_wait_longer() -> None:
    leave = [("a", ((0.0, 400.0),)), ("b", ((0.0, 400.0),))]
    all_day = [("a", ((0.0, 9 * HOUR_S),)), ("b", ((0.0, 9 * HOUR_S),))]
    without = expected_s()
    assert expected_s(*leave) > 1.2 * without
    assert expected_s(*all_day) == without, "they leave after this turn"


def test_agents_who_come_soon_make_the_wait_shorter() -> None:
    alone = expected_s(absent=("b", "c", "d"))
    come = [(one, ((300.0, 9 * HOUR_S),)) for one in ("b", "c", "d")]
    assert expected_s(*come, absent=("b", "c", "d")) < 0.6 * alone
    began = [(one, ((50.0, 9 * HOUR_S),)) for one in ("b", "c", "d")]
    assert expected_s(*began, absent=("b", "c", "d")) == alone, "nobody is expected whose hours have begun"


def test_a_free_agent_who_comes_takes_a_caller_at_once() -> None:
    come = [(one, ((160.0, 9 * HOUR_S),)) for one in ("b", "c", "d")]
    soon = expected_s(*come, waiting=1, absent=("b", "c", "d"))
    assert soon == pytest.approx(60.0, abs=30.0), "the three take the two who wait when they come, a minute later"


def test_a_change_of_shifts_keeps_the_pace() -> None:
    shifts = [("a", ((0.0, 400.0),)), ("b", ((0.0, 400.0),)), ("c", ((400.0, 9 * HOUR_S),)),
              ("d", ((400.0, 9 * HOUR_S),))]
    handed_over = expected_s(*shifts, absent=("c", "d"))
    assert handed_over < expected_s(*shifts[:2], absent=("c", "d"))


def test_an_agent_outside_the_hours_does_not_leave() -> None:
    over = [("a", ((0.0, 50.0),)), ("b", ((EARLY_S + 200.0, 9 * HOUR_S),))]
    assert expected_s(*over) == expected_s()
    early = [("b", ((120.0, 150.0),))]
    assert expected_s(*early) > expected_s(), "who came early works in the hours that begin"


def test_after_the_last_shift_the_wait_is_a_long_one() -> None:
    """So the rule for a long wait leads the caller to a callback."""
    leave = [(one, ((0.0, 200.0),)) for one in ("a", "b", "c", "d")]
    assert expected_s(*leave) > NOBODY_PLANNED_S / 2
    ruled = EDU_NOW._replace(when_expected=Rule(way=WayOut.CALLBACK, over_s=3 * HOUR_S))
    told = House({"a": 50}, services=(ruled,))
    told.sits("a")
    told.tell(e.WorkingHoursPlanned("a", ((0.0, 200.0),)), 0.5)
    told.tell(e.OfferConnected(told.calls("edu", at=1.0).offer, "c1"))
    told.waits("edu", at=2.0)
    assert told.last(f.WayOutOffered).trigger == "expected"


def test_the_next_shift_ends_the_wait_over_night() -> None:
    nights = [("a", ((0.0, 200.0),)), ("b", ((10 * HOUR_S, 18 * HOUR_S),))]
    wait_s = expected_s(*nights, waiting=0, absent=("b", "c", "d"))
    assert wait_s == pytest.approx(10 * HOUR_S, rel=0.1)


def test_who_signs_in_is_seen_at_once() -> None:
    """Other agents were looked at a moment before, and none of them fitted."""
    other = EDU_NOW._replace(id="other", steps=(Step((("other", 20),)),))
    told = House({"a": 50, "b": 50}, services=(EDU_NOW, other))
    told.tell(e.Configured(told.centre._replace(agents=tuple(
        one._replace(skills=(("other" if one.id == "a" else "edu", 50),)) for one in told.centre.agents))), 0.5)
    told.sits("a", at=1.0)
    for _ in range(2):
        told.waits("other", at=2.0) if told.offers else told.calls("other", at=2.0)
    told.sits("b", at=3.0)
    told.calls("edu", at=4.0)
    told.waits("edu", at=5.0)
    assert 2.0 + RATE_LIFETIME_S > 5.0 and told.last(f.Queued).estimate is not None


def test_a_plan_that_cannot_be_is_refused() -> None:
    told = House({"a": 50})
    for hours in (((10.0, 10.0),), ((10.0, 20.0), (15.0, 30.0)), ((20.0, 10.0),)):
        with pytest.raises(OutOfRange):
            told.tell(e.WorkingHoursPlanned("a", hours))
    many = tuple((10.0 * one, 10.0 * one + 5.0) for one in range(SPANS_MAX + 1))
    told.tell(e.WorkingHoursPlanned("a", many[:-1]))
    with pytest.raises(OutOfRange):
        told.tell(e.WorkingHoursPlanned("a", many))


def test_so_many_changes_are_looked_at() -> None:
    changes: dict[float, HeadCounts] = {}
    for one in range(CHANGES_MAX):
        count_changes(changes, ((10.0 + one, 1_000.0 + one),), 0.0, signed_in=False)
    assert len(changes) > CHANGES_MAX
    merged = list(merge_changes([changes, changes]))
    assert len(merged) == CHANGES_MAX and merged[0] == (10.0, HeadCounts(2.0, 0.0))
