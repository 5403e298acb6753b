"""Calls that came and ended while no node listened: recorded once, with their true times."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import Outcome, Service, Step
from routing.core.model.errors import UnknownService
from tests.core.house import House

pytestmark = pytest.mark.unit

EDU = Service("edu", "x", (Step((("edu", 0),)),), short_abandon_s=5.0)


@pytest.mark.parametrize(("ended_at", "answered", "outcome", "wait_s"), [
    (12.0, False, Outcome.ABANDONED_SHORT, 2.0), (40.0, False, Outcome.ABANDONED, 30.0),
    (40.0, True, Outcome.FALLBACK, 30.0)])
def test_a_call_of_the_outage_is_a_contact_like_any_other(
        ended_at: float, answered: bool, outcome: Outcome, wait_s: float) -> None:
    house = House({"a": 50}, services=(EDU,))
    house.sits("a")
    assert house.tell(e.OutageCallFound("c1", "edu", 10.0, ended_at, answered), 100.0) == [], "nobody is rung for it"
    ended = house.last(f.Ended)
    assert (ended.outcome, ended.wait_s, ended.ended_at, ended.key) == (outcome, wait_s, ended_at, "outage")
    assert house.last(f.Queued).contact == "c1"
    house.tell(e.OutageCallFound("c1", "edu", 10.0, ended_at, answered), 101.0)
    house.tell(e.OutageCallFound("c1", "edu", 10.0, ended_at, answered), 4000.0)
    assert len(house.facts_of(f.Ended)) == 1, "the same file may be read twice"


def test_a_known_contact_is_not_recorded_again_and_an_unknown_hang_up_is() -> None:
    house = House({"a": 50}, services=(EDU,))
    house.waits("edu", at=1.0)
    house.tell(e.OutageCallFound("c1", "edu", 1.0, 2.0), 3.0)
    assert not house.facts_of(f.Ended), "the caller waits"
    house.tell(e.CallerHungUp("c1"), 30.0)
    house.tell(e.OutageCallFound("c1", "edu", 1.0, 2.0), 200.0)
    assert len(house.facts_of(f.Ended)) == 1
    house.tell(e.CallerHungUp("c9"), 201.0)
    house.tell(e.OutageCallFound("c9", "edu", 190.0, 201.0), 202.0)
    assert len(house.facts_of(f.Ended)) == 2, "a frozen node heard of the hang-up before it knew the caller"
    with pytest.raises(UnknownService):
        house.tell(e.OutageCallFound("c10", "none", 1.0, 2.0), 203.0)
