"""The day of an agent: talks, minutes and breaks, counted from the facts of real engines."""

from __future__ import annotations

import pytest

from desk.live.day_book import Break, DayBook
from routing.core import events as e
from routing.core.model.ids import AgentId
from tests.core.house import House

pytestmark = pytest.mark.unit

A = AgentId("a")


def book_of(house: House, since: float = 0.0) -> DayBook:
    book = DayBook(since)
    book.add_facts([fact for fact in house.facts if fact.at >= since])
    return book


def test_talks_hold_wrap_up_and_missed_offers_are_counted() -> None:
    house = House({"a": 80})
    house.sits("a", at=100.0)
    first = house.talks(200.0)
    house.tell(e.HoldSet(first.offer, True), 210.0)
    house.tell(e.HoldSet(first.offer, False), 215.0)
    house.over(first, 260.0)
    house.tell(e.WrapUpEnded(A), 270.0)
    missed = house.calls("edu", 300.0)
    house.tell(e.OfferEnded(missed.offer, "no_answer"), 310.0)
    day = book_of(house).day_of("a")
    assert (day.calls, day.talk_s, day.hold_s, day.wrapup_s, day.missed) == (1, 60.0, 5.0, 10.0, 1)
    assert day.signed_in_s(400.0) == 300.0
    house.tell(e.AgentSignedOut(A), 500.0)
    assert book_of(house).day_of("a").signed_in_s(9000.0) == 400.0


def test_planned_breaks_and_own_pauses_are_told_apart() -> None:
    house = House({"a": 80})
    house.sits("a", at=100.0)
    house.tell(e.BreaksPlanned(A, ((1000.0, 1300.0),)), 101.0)
    house.tell(e.AgentPaused(A, "yemek"), 200.0)
    house.tell(e.AgentResumed(A), 260.0)
    house.tick(1000.0)
    day = book_of(house).day_of("a")
    assert day.breaks == [Break(200.0, 260.0, "yemek", False), Break(1000.0, None, "mola", True)]
    house.tick(1300.0)
    assert book_of(house).day_of("a").breaks[-1] == Break(1000.0, 1300.0, "mola", True)


def test_what_began_before_midnight_counts_from_midnight() -> None:
    house = House({"a": 80})
    house.sits("a", at=100.0)
    house.tell(e.AgentPaused(A, "yemek"), 200.0)
    house.tell(e.AgentResumed(A), 400.0)
    day = book_of(house, since=300.0).day_of("a")
    assert day.breaks == [Break(300.0, 400.0, "", False)] and day.signed_in_s(500.0) == 200.0
    assert book_of(house, since=300.0).day_of("nobody").signed_in_s(500.0) == 0.0
