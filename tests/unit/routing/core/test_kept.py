"""A caller whose call drops in the line and who rings again soon stands where they stood."""

from __future__ import annotations

from typing import Any

import pytest

from routing.core import events as e
from routing.core import journal
from routing.core.memory.callers import OldPlace
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Channel, Profile, Rule, Step, WayOut
from routing.core.stored import Started
from tests.core.house import EDU, House, farewell_after

pytestmark = pytest.mark.unit

INFO = EDU._replace(id="info", name="Genel bilgi", steps=(Step(()),))  # type: ignore[arg-type]


def line(*services: Any) -> House:
    """One agent, who talks; c2 of h2 waits since 10, c3 since 20, c4 since 30."""
    told = House({"a": 50}, services=services or (EDU, INFO))
    told.sits("a")
    told.talks(1.0)
    for number in (2, 3, 4):
        told.waits("edu", at=10.0 * (number - 1), caller_hash=f"h{number}", priority=number == 2)
    return told


def order(told: House) -> list[str]:
    views = [view for view in told.engine.status(told.now).contacts if view.position]
    return [str(view.contact) for view in sorted(views, key=lambda one: one.position)]


def test_the_next_call_has_the_old_place_and_age() -> None:
    told = line()
    told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    told.waits("edu", at=160.0, caller_hash="h2")
    assert order(told) == ["c5", "c3", "c4"]
    queued, view = told.last(f.Queued), told.contact("c5")
    assert (queued.since, queued.priority, queued.position) == (10.0, 1, 1)
    assert view.has_held_position and view.waited_s == 150.0 and not told.contact("c3").has_held_position


def test_a_place_is_given_once() -> None:
    told = line()
    told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    told.waits("edu", at=160.0, caller_hash="h2")
    told.waits("edu", at=161.0, caller_hash="h2")
    assert order(told) == ["c5", "c3", "c4", "c6"] and not told.contact("c6").has_held_position


def test_who_drops_again_keeps_the_first_age() -> None:
    told = line()
    for number, at in enumerate((100.0, 200.0, 300.0)):
        told.tell(e.CallerHungUp(f"c{2 if not number else 4 + number}"), at)  # type: ignore[arg-type]
        told.waits("edu", at=at + 50.0, caller_hash="h2")
    assert told.last(f.Queued).since == 10.0


@pytest.mark.parametrize("change", [
    {"at": 400.1}, {"caller_hash": "h9"}, {"caller_hash": ""}, {"service": "info"}, {"channel": Channel.CHAT}])
def test_not_too_late_not_another_caller_service_or_channel(change: dict[str, Any]) -> None:
    told = line()
    told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    asked = {"service": "edu", "at": 400.0, "caller_hash": "h2"}
    told.waits(**(asked | change))
    assert not told.contact("c5").has_held_position and told.last(f.Queued).since == told.now
    told.waits(**asked if told.now <= 400.0 else asked | {"at": told.now})
    assert told.contact("c6").has_held_position is (told.now <= 400.0), "what did not fit has used nothing up"


def test_the_time_is_the_service_s_and_may_be_none() -> None:
    for seconds, given in ((0.0, False), (30.0, False), (60.0, True)):
        told = line(EDU._replace(position_held_s=seconds))
        told.tell(e.CallerHungUp("c2", ended_at=100.0), 105.0)  # type: ignore[arg-type]
        told.waits("edu", at=160.0, caller_hash="h2")
        assert told.contact("c5").has_held_position is given, seconds


def test_anonymous_services_remember_nobody() -> None:
    told = line(EDU._replace(anonymous=True))
    told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    assert len(told.engine._domain.caller_memory.held_positions) == 0
    told.reload(services=(EDU,))
    told.tell(e.CallerHungUp("c3"), 101.0)  # type: ignore[arg-type]
    told.reload(services=(EDU._replace(anonymous=True),))
    told.waits("edu", at=102.0, caller_hash="h3")
    assert not told.contact("c5").has_held_position


def test_a_failure_of_asterisk_keeps_the_places_too_and_leaving_does_not() -> None:
    told = line()
    told.tell(e.CallerHungUp("c2", None, True), 100.0)  # type: ignore[arg-type]
    told.tell(e.ContactExited("c3", "fallback"), 101.0)  # type: ignore[arg-type]
    told.waits("edu", at=110.0, caller_hash="h2")
    told.waits("edu", at=111.0, caller_hash="h3")
    assert told.contact("c5").has_held_position and not told.contact("c6").has_held_position


def test_who_overflowed_comes_back_by_the_service_that_was_chosen() -> None:
    told = line(EDU._replace(when_waited=Rule("info", over_s=40.0)), INFO._replace(floor=(("edu", 90),)))
    told.tick(55.0)
    assert told.last(f.Moved).contact == "c2"
    told.tell(e.CallerHungUp("c2"), 56.0)  # type: ignore[arg-type]
    told.waits("edu", at=58.0, caller_hash="h2")
    assert told.contact("c5").has_held_position and order(told)[0] == "c5"


@pytest.mark.parametrize("onward", [False, True])
def test_a_call_that_no_line_takes_uses_no_place_up(onward: bool) -> None:
    full = EDU._replace(max_waiting=2 if onward else 1, when_full=Rule("info") if onward else Rule(way=WayOut.GOODBYE))
    told = line(full, INFO._replace(floor=(("edu", 90),)))
    told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    told.tell(e.CallerHungUp("c3"), 101.0)  # type: ignore[arg-type]
    told.waits("edu", at=110.0, caller_hash="h9")
    told.waits("edu", at=120.0, caller_hash="h2")
    assert told.contact("c6").has_held_position is onward and (told.contact("c6").waited_s == 110.0) is onward
    told.tell(e.ContactExited("c6", "fallback"), 121.0)  # type: ignore[arg-type]
    told.tell(e.CallerHungUp("c5"), 130.0)  # type: ignore[arg-type]
    told.waits("edu", at=140.0, caller_hash="h2")
    assert told.contact("c7").has_held_position is not onward


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("ways", ["gone", "fallback"])
def test_who_hangs_up_at_once_in_a_call_that_no_line_takes_leaves_the_old_place(ways: str, times: int) -> None:
    told = line(EDU._replace(max_waiting=2, when_full=Rule(way=WayOut.CALLBACK)))
    told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    told.waits("edu", at=200.0, caller_hash="h8")
    for number in range(times):
        told.waits("edu", at=250.0 + 100.0 * number, caller_hash="h2")
        name = f"c{6 + number}"
        told.tell(e.CallerHungUp(name) if ways == "gone" else e.ContactExited(name, "fallback"), told.now + 0.5)  # type: ignore[arg-type]
    told.tell(e.CallerHungUp("c3"), 355.0)  # type: ignore[arg-type]
    told.waits("edu", at=390.0, caller_hash="h2")
    assert told.contact(f"c{6 + times}").has_held_position and told.last(f.Queued)[6:8] == (10.0, 1)


@pytest.mark.parametrize(("rings_at", "service"), [(400.5, "edu"), (200.0, "info"), (50.0, "edu")])
def test_a_place_that_the_call_could_not_have_had_is_not_left_by_it(rings_at: float, service: str) -> None:
    """Too late, for something else, or in line already when the other one of that number hung up."""
    told = line(EDU._replace(max_waiting=3), INFO._replace(max_waiting=0))
    if rings_at > 100.0:
        told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
        told.waits("edu", at=110.0, caller_hash="h9")
    told.waits(service, at=rings_at, caller_hash="h2")
    name = f"c{told.numbers}"
    if rings_at < 100.0:
        told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    told.tell(e.CallerHungUp(name), 400.6)  # type: ignore[arg-type]
    (place,) = told.engine._domain.caller_memory.held_positions.values()
    assert (place.caller_hash, place.services, place.since, place.at) == ("h2", (service,), rings_at, 400.6)


def test_a_place_that_is_given_back_leaves_the_own_one() -> None:
    told = line()
    told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    told.waits("edu", at=160.0, caller_hash="h2")
    told.tell(e.HeldPositionDeclined("c5"), 170.0)  # type: ignore[arg-type]
    assert order(told) == ["c3", "c4", "c5"] and not told.contact("c5").has_held_position
    changed = told.last(f.ContactChanged)
    assert (changed.since, changed.priority, changed.position) == (160.0, 0, 3)
    facts = len(told.facts)
    told.tell(e.HeldPositionDeclined("c5"), 171.0)  # type: ignore[arg-type]
    told.tell(e.HeldPositionDeclined("c3"), 171.0)  # type: ignore[arg-type]
    told.tell(e.HeldPositionDeclined("c99"), 171.0)  # type: ignore[arg-type]
    assert len(told.facts) == facts
    told.tell(e.TalkEnded(1, "caller"), 180.0)  # type: ignore[arg-type]
    told.tell(e.WrapUpEnded("a"), 181.0)  # type: ignore[arg-type]
    assert told.offers[-1].contact == "c3"


def test_while_the_phone_rings_it_is_given_back_as_well() -> None:
    told = line()
    told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    told.waits("edu", at=160.0, caller_hash="h2")
    told.tell(e.TalkEnded(1, "caller"), 170.0)  # type: ignore[arg-type]
    told.tell(e.WrapUpEnded("a"), 171.0)  # type: ignore[arg-type]
    assert told.offers[-1].contact == "c5"
    told.tell(e.HeldPositionDeclined("c5"), 172.0)  # type: ignore[arg-type]
    told.tell(e.OfferConnected(told.offers[-1].offer, "c5"), 173.0)  # type: ignore[arg-type]
    assert told.last(tf.Connected).wait_s == 13.0
    told.tell(e.HeldPositionDeclined("c5"), 174.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("way", ["answered", "declined"])
def test_the_time_off_the_line_is_no_wait_in_the_service(way: str) -> None:
    told = line(EDU._replace(when_waited=farewell_after(300.0)))
    told.tell(e.CallerHungUp("c2"), 100.0)  # type: ignore[arg-type]
    told.tell(e.ContactExited("c3", "fallback"), 101.0)  # type: ignore[arg-type]
    told.tell(e.ContactExited("c4", "fallback"), 101.0)  # type: ignore[arg-type]
    told.waits("edu", at=390.0, caller_hash="h2")
    assert told.tick(391.0) == [] and told.contact("c5").waited_s == 381.0
    if way == "declined":
        told.tell(e.HeldPositionDeclined("c5"), 400.0)  # type: ignore[arg-type]
    assert told.tick(689.9) == []
    told.tick(690.0)
    assert told.led_out() == [("c5", "waited", "goodbye")]


@pytest.mark.parametrize("earlier", ["dropped", "callback"])
def test_after_the_talk_nothing_is_said_of_an_old_place(earlier: str) -> None:
    told = House({"a": 50}, Profile(wrapup_s=0.0), (EDU, INFO))
    told.waits("edu", at=1.0, caller_hash="h1", number_encrypted="box")
    if earlier == "callback":
        told.tell(e.CallbackRequested("c1"), 2.0)  # type: ignore[arg-type]
    told.tell(e.CallerHungUp("c1"), 100.0)  # type: ignore[arg-type]
    told.waits("edu", at=120.0, caller_hash="h1")
    before = told.contact("c2")
    assert (before.has_held_position, before.merged) == (earlier == "dropped", earlier == "callback")
    told.sits("a")
    offer = told.offers[-1]
    told.tell(e.OfferConnected(offer.offer, offer.contact), 122.0)
    told.tell(e.AgentPaused("a"), 123.0)  # type: ignore[arg-type]
    told.tell(e.TransferRequested(offer.offer, INFO.id), 300.0)
    view = told.contact("c2")
    assert view.position == 1 and not view.has_held_position and not view.merged
    told.tell(e.HeldPositionDeclined("c2"), 310.0)  # type: ignore[arg-type]
    assert told.contact("c2").waited_s == view.waited_s + 10.0 and not told.facts_of(f.ContactChanged)


def test_a_start_brings_the_places_and_a_replay_says_the_same() -> None:
    told = line()
    place = OldPlace("h7", (EDU.id,), 3.0, 0, 100.0)
    entries: list[tuple[float, e.Event | None]] = [
        (100.0, Started(told.centre, held_positions=(place,), next_fact=50)),
        (110.0, e.ContactQueued("c7", "edu", "PJSIP/c7", caller_hash="h7")),  # type: ignore[arg-type]
        (120.0, e.HeldPositionDeclined("c7"))]  # type: ignore[arg-type]
    written = [(at, None if event is None else journal.decode_event(*journal.encode_record(event))) for at,
        event in entries]
    facts = journal.replay_entries(entries)
    assert [fact.since for fact in facts if isinstance(fact, f.Queued)] == [3.0]
    assert [fact.since for fact in facts if isinstance(fact, f.ContactChanged)] == [110.0]
    assert journal.replay_entries(written) == facts
