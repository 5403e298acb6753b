"""The watch of the simulation finds a caller who was overtaken, a lost place, and an end too many."""

from __future__ import annotations

import pytest

from lab.simulation.history import CallerPast, History
from lab.simulation.order_watch import OrderWatch
from lab.simulation.virtual_time import World
from routing.core.events import CallerHungUp
from routing.core.model.facts import Ended, Offered
from routing.core.model.ids import ContactId
from routing.core.records import Contact
from routing.core.stored import Change
from tests.core.house import House

pytestmark = pytest.mark.unit

FIRST, SECOND = ContactId("c1"), ContactId("c2")


def two_waiting() -> tuple[House, History, OrderWatch]:
    """Return a house in which two callers wait, with the watch of their rows."""
    house = House({"a": 50})
    house.waits("edu", 1.0)
    house.waits("edu", 2.0)
    history = History(World())
    history.callers = {name: CallerPast("edu", 0.0) for name in (FIRST, SECOND)}
    rows = {change.row.contact: change.row for change in house.changes.take() if change.kind is Contact}
    watch = OrderWatch(history, rows, ())
    watch.watch_turn([], [Change(Contact, 0, 0, 2.0, row) for row in rows.values()])
    house.sits("a", at=3.0)
    return house, history, watch


def test_an_offer_to_somebody_who_came_later_is_found() -> None:
    house, history, watch = two_waiting()
    offered = house.last(Offered)
    watch.watch_turn([offered], [])
    assert offered.contact == FIRST and not history.violations
    watch.watch_turn([offered._replace(contact=SECOND, strategy="found")], [])
    assert not history.violations, "a talk that was found is no choice"
    watch.watch_turn([offered._replace(contact=SECOND)], [])
    (found,) = history.violations
    assert found.rule == "I1" and found.what.startswith("c2 was offered before c1")


def test_a_place_that_is_lost_is_found() -> None:
    house, history, watch = two_waiting()
    (row,) = [change.row for change in house.changes.take() if change.kind is Contact]
    watch.watch_turn([], [Change(Contact, 1, 0, 3.0, row)])
    assert row.contact == FIRST and not history.violations
    watch.watch_turn([], [Change(Contact, 1, 0, 3.0, row._replace(since=2.5))])
    assert [one.rule for one in history.violations] == ["I1"]


def test_an_end_too_many_and_a_record_of_nobody_are_found() -> None:
    house, history, watch = two_waiting()
    house.tell(CallerHungUp(SECOND), 4.0)
    ended = house.last(Ended)._replace(contact=FIRST)
    watch.watch_turn([ended, ended], [])
    del history.callers[SECOND]
    watch.check_end()
    assert [(one.rule, one.what[:2]) for one in history.violations] == [("I3", "c1"), ("I3", "c2")]
