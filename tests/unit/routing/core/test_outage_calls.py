"""Calls that came and ended while no node listened: recorded once, with their true times."""

from __future__ import annotations

from typing import Any

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


def row_of(house: House, contact: str) -> Any:
    """Return the last row of a contact that the store would get."""
    return next(change.row for change in house.changes.take() if getattr(change.row, "contact", "") == contact)


def test_who_took_the_caller_in_the_fallback_queue_is_in_the_record() -> None:
    house = House({"a": 50}, services=(EDU,))
    house.sits("a")
    house.tell(e.OutageCallFound("c1", "edu", 10.0, 40.0, True, "sa", 25.0), 100.0)
    row = row_of(house, "c1")
    assert (row.source, row.agent, row.ended_at, row.fallback_talk_s) == ("fallback", "a", 40.0, 25.0)
    house.tell(e.OutageCallFound("c2", "edu", 10.0, 40.0, True, "unknown", 25.0), 100.0)
    row = row_of(house, "c2")
    assert (row.source, row.agent, row.fallback_talk_s) == ("fallback", None, 25.0)
    house.tell(e.OutageCallFound("c3", "edu", 10.0, 40.0), 100.0)
    row = row_of(house, "c3")
    assert (row.source, row.agent, row.fallback_talk_s) == ("fallback", None, None)


def test_a_waiting_caller_whom_the_fallback_queue_took_has_that_talk_too() -> None:
    house = House({"a": 1}, services=(EDU._replace(steps=(Step((("edu", 90),)),)),))
    house.sits("a")
    house.waits("edu", at=5.0)
    house.tell(e.ContactExited("c1", "fallback", exited_at=40.0, seat="sa", talk_s=25.0), 100.0)
    row = row_of(house, "c1")
    assert (row.source, row.outcome, row.agent, row.ended_at, row.fallback_talk_s) == (
        "", Outcome.FALLBACK, "a", 40.0, 25.0)


def test_a_call_that_ended_with_its_asterisk_did_not_give_up() -> None:
    house = House({"a": 50}, services=(EDU,))
    house.tell(e.OutageCallFound("c1", "edu", 10.0, 40.0, failure=True), 100.0)
    assert house.last(f.Ended).outcome is Outcome.FAILURE


def test_a_caller_who_hung_up_in_the_menu_of_a_node_is_recorded_there() -> None:
    house = House({"a": 50}, services=(EDU,))
    for order in ("menu first", "hang-up first"):
        contact = f"c{len(order)}"
        ends = [e.CallerHungUp(contact), e.MenuEnded(contact, "ana", ("karsilama",), "abandoned", 3.0)]
        for event in ends if order == "hang-up first" else reversed(ends):
            house.tell(event, 100.0)
        house.tell(e.OutageCallFound(contact, "edu", 95.0, 99.0), 101.0)
    assert not house.facts_of(f.Ended) and len(house.facts_of(f.MenuEndedRecorded)) == 2


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
