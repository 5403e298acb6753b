"""An event that a stopped process reads late has its own time, whatever the two clocks say."""

from __future__ import annotations

import pytest

from routing.ami.link import ROUND_TRIP_MAX_S, AsteriskClock
from routing.ami.wire import Message
from routing.core.event_times import LATE_S, with_time
from routing.core.events import (
    CallerHungUp,
    ContactExited,
    Event,
    HoldTick,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    TalkEnded,
    TalkFound,
)
from routing.core.model.ids import ContactId, OfferId

pytestmark = pytest.mark.unit

WALL = 1_795_569_005.0
"""Asterisk's clock at the steady time 0."""
CONTACT, OFFER = ContactId("1795569005.1"), OfferId(7)


def pong(wall: float) -> Message:
    return Message(f"Response: Success\r\nPing: Pong\r\nTimestamp: {wall:.6f}", "Success", False)


def event(wall: float) -> Message:
    return Message(f"Event: Hangup\r\nPrivilege: call,all\r\nTimestamp: {wall:.6f}\r\nUniqueid: 1.1", "Hangup", True)


def clock(read_at: float = 100.0) -> AsteriskClock:
    found = AsteriskClock()
    found.note_pong(pong(WALL + read_at), read_at - 0.001, read_at)
    return found


def test_what_was_read_late_is_as_late_as_asterisk_says() -> None:
    assert clock().find_delay(event(WALL + 102.0), 110.0) == pytest.approx(8.0)


@pytest.mark.parametrize("set_by_s", [-86_400.0, 3_600.0])
def test_a_clock_that_is_wrong_counts_by_its_differences(set_by_s: float) -> None:
    found = AsteriskClock()
    found.note_pong(pong(WALL + set_by_s + 100.0), 99.999, 100.0)
    assert found.find_delay(event(WALL + set_by_s + 102.0), 110.0) == pytest.approx(8.0)


@pytest.mark.parametrize("set_by_s", [-3_600.0, 3_600.0])
def test_a_clock_that_is_set_moves_no_event_out_of_the_time_since_the_reading(set_by_s: float) -> None:
    assert 0.0 <= clock().find_delay(event(WALL + set_by_s + 103.0), 104.0) <= 4.0


def test_an_event_in_time_is_not_late() -> None:
    assert clock().find_delay(event(WALL + 104.0 - LATE_S / 2), 104.0) == 0.0


def test_an_answer_that_was_under_way_for_long_is_no_reading() -> None:
    found = clock()
    found.note_pong(pong(WALL + 101.0), 110.0 - 2 * ROUND_TRIP_MAX_S, 110.0)
    assert found.find_delay(event(WALL + 102.0), 110.0) == pytest.approx(8.0)


@pytest.mark.parametrize("message", [Message("Event: Hangup\r\nPrivilege: call,all", "Hangup", True),
                                     Message("Event: Hangup\r\nTimestamp: soon", "Hangup", True)])
def test_an_event_without_a_time_is_of_now(message: Message) -> None:
    assert clock().find_delay(message, 110.0) == 0.0
    assert AsteriskClock().find_delay(event(WALL), 110.0) == 0.0, "and so is one before the first reading"


@pytest.mark.parametrize(("late", "timed"), [
    (TalkEnded(OFFER, "caller"), TalkEnded(OFFER, "caller", 5.0)),
    (CallerHungUp(CONTACT), CallerHungUp(CONTACT, 5.0)),
    (OfferConnected(OFFER, CONTACT), OfferConnected(OFFER, CONTACT, 5.0)),
    (ContactExited(CONTACT, "fallback"), ContactExited(CONTACT, "fallback", exited_at=5.0)),
    (CallerHungUp(CONTACT, 3.0), CallerHungUp(CONTACT, 3.0)),
    (OfferRinging(OFFER), OfferRinging(OFFER, 5.0)), (OfferAnswered(OFFER), OfferAnswered(OFFER, answered_at=5.0)),
    (OfferEnded(OFFER, "hangup"), OfferEnded(OFFER, "hangup", ended_at=5.0)),
    (TalkFound(OFFER, CONTACT), TalkFound(OFFER, CONTACT, 5.0)), (HoldTick(CONTACT), HoldTick(CONTACT))])
def test_a_late_event_has_its_own_time(late: Event, timed: Event) -> None:
    assert with_time(late, 5.0) == timed
