"""Live calls: the step of each call from greeting to end, hidden services, and the bounds of list and course."""

from __future__ import annotations

import pytest

from desk.live.live_calls import CALLS_MAX, COURSES_MAX, ENDED_S, FACTS_MAX, SILENT_S, LiveCalls, LiveStep
from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId
from tests.core.house import House

pytestmark = pytest.mark.unit


def steps_of(calls: LiveCalls, contact: str) -> list[str]:
    call = calls.find_call(ContactId(contact))
    return [] if call is None else [str(step) for _, step in call.steps]


def change(calls: LiveCalls) -> tuple[list[str], list[str]]:
    changed, gone = calls.take_changes()
    return [f"{one.contact} {one.step}" for one in changed], [str(one) for one in gone]


def test_a_call_goes_from_greeting_to_its_end() -> None:
    house, calls = House({"a": 80}), LiveCalls()
    house.sits("a", at=1.0)
    told = len(house.facts)

    def follow() -> tuple[list[str], list[str]]:
        nonlocal told
        calls.add_facts(house.facts[told:])
        told = len(house.facts)
        return change(calls)

    # 1. The menu has no facts before its end.
    calls.note_menu(ContactId("c1"), 8.0, greeting=True)
    assert change(calls) == (["c1 greeting"], [])
    calls.note_menu(ContactId("c1"), 9.0, greeting=False)
    assert change(calls) == (["c1 menu"], [])
    # 2. The agent is on a break, so the caller waits first.
    house.tell(e.AgentPaused(AgentId("a"), "yemek"), 9.5)
    house.tell(e.MenuEnded(ContactId("c1"), "ana", ("karsilama", "ana-menu"), "queued", 2.0, "edu"), 10.0)
    house.waits("edu", 10.0)
    assert follow() == (["c1 queue"], [])
    # 3. Ringing, talk, wrap-up and end.
    (offer,) = house.tell(e.AgentResumed(AgentId("a")), 12.0)
    assert follow() == (["c1 ringing"], [])
    house.tell(e.OfferConnected(offer.offer, ContactId("c1")), 14.0)  # type: ignore[union-attr]
    assert follow() == (["c1 talk"], [])
    house.tell(e.TalkEnded(offer.offer, "caller"), 20.0)  # type: ignore[union-attr]
    assert follow() == (["c1 wrapup"], [])
    house.tell(e.WrapUpEnded(AgentId("a")), 25.0)
    assert follow() == (["c1 end"], [])
    assert steps_of(calls, "c1") == [str(step) for step in LiveStep]
    # 4. The end is seen for a while.
    calls.drop_ended(25.0 + ENDED_S - 1.0)
    assert change(calls) == ([], [])
    calls.drop_ended(25.0 + ENDED_S)
    assert change(calls) == ([], ["c1"])


def test_a_caller_who_hangs_up_in_the_menu_or_in_line_has_an_end() -> None:
    house, calls = House({"a": 80}), LiveCalls()
    calls.note_menu(ContactId("m1"), 8.0, greeting=True)
    house.tell(e.MenuEnded(ContactId("m1"), "ana", ("karsilama",), "abandoned", 2.0), 10.0)
    house.waits("edu", 10.0)
    house.tell(e.CallerHungUp(ContactId("c1")), 30.0)
    calls.add_facts(house.facts)
    assert steps_of(calls, "m1") == ["greeting", "end"]
    assert steps_of(calls, "c1") == ["queue", "end"]


def test_a_call_that_nobody_answers_is_in_line_again() -> None:
    house, calls = House({"a": 80, "b": 80}), LiveCalls()
    house.sits("a", at=1.0)
    offer = house.calls("edu", 10.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer"), 25.0)
    calls.add_facts(house.facts)
    assert steps_of(calls, "c1") == ["queue", "ringing", "queue"]


def test_a_hidden_service_is_only_counted() -> None:
    house, calls = House({"a": 80}), LiveCalls(lambda: frozenset({"edu"}))
    calls.note_menu(ContactId("c1"), 8.0, greeting=True)
    assert change(calls) == (["c1 greeting"], [])
    house.sits("a", at=1.0)
    offer = house.talks(10.0)
    calls.add_facts(house.facts)
    assert change(calls) == ([], ["c1"])
    assert calls.hidden_count == 1 and calls.find_call(ContactId("c1")) is None
    # The course of a call that was hidden once would tell, so it stays hidden.
    calls.note_menu(ContactId("c1"), 12.0, greeting=False)
    calls.add_facts([f.Moved(9999, 12.0, ContactId("c1"), 9, ServiceId("edu"), ServiceId("info"),
                             house.last(f.Queued).channel, "chosen", 1.0, 1)])
    assert calls.find_call(ContactId("c1")) is None and change(calls) == ([], [])
    told = len(house.facts)
    house.over(offer, 20.0)
    calls.add_facts(house.facts[told:])
    assert calls.hidden_count == 1
    house.tell(e.WrapUpEnded(AgentId("a")), 25.0)
    calls.add_facts(house.facts[told:])
    assert calls.hidden_count == 0


def test_a_caller_who_waits_to_be_called_back_is_a_number() -> None:
    house, calls = House({"a": 80}), LiveCalls()
    house.waits("edu", 10.0, number_encrypted="x")
    calls.add_facts(house.facts)
    assert change(calls) == (["c1 queue"], [])
    queued = house.last(f.Queued)
    calls.add_facts([f.CallbackChanged(9999, 12.0, queued.contact, 2, queued.service, 0, 12.0, "requested")])
    assert change(calls) == ([], ["c1"]) and calls.callback_count == 1 and calls.more_count == 0


def test_list_and_courses_are_bounded() -> None:
    calls = LiveCalls()
    for number in range(COURSES_MAX + 5):
        calls.note_menu(ContactId(f"c{number}"), 1.0, greeting=True)
    changed, _ = calls.take_changes()
    assert len(changed) == len(calls.shown_calls()) == CALLS_MAX
    assert calls.more_count == COURSES_MAX + 5 - CALLS_MAX
    # The place of a call that has left goes to the oldest one without a place.
    calls.add_facts([f.MenuEndedRecorded(1, 2.0, ContactId("c0"), "ana", ("a",), "abandoned", 1.0),
                     f.MenuEndedRecorded(2, 2.0, ContactId(f"c{COURSES_MAX}"), "ana", ("a",), "abandoned", 1.0)])
    assert calls.more_count == COURSES_MAX + 4 - CALLS_MAX
    calls.drop_ended(2.0 + ENDED_S)
    assert change(calls) == ([f"c{CALLS_MAX} greeting"], ["c0"])
    # A caller whose menu never ended is forgotten.
    calls.drop_ended(1.0 + SILENT_S)
    assert calls.shown_calls() == []


def test_a_long_course_keeps_its_beginning_and_its_end() -> None:
    house, calls = House({"a": 80}), LiveCalls()
    house.waits("edu", 10.0)
    calls.add_facts(house.facts)
    calls.add_facts([f.OfferRang(100 + number, 11.0, OfferId(number), ContactId("c1"), AgentId("a"))
                     for number in range(FACTS_MAX)])
    call = calls.find_call(ContactId("c1"))
    assert call is not None and len(call.facts) == FACTS_MAX and not call.whole
    assert isinstance(call.facts[0], f.Queued) and call.facts[-1].seq == 100 + FACTS_MAX - 1


def test_a_start_forgets_what_is_over() -> None:
    house, calls = House({"a": 80}), LiveCalls()
    house.sits("a", at=1.0)
    house.talks(10.0)
    house.waits("edu", 11.0)
    house.tell(e.CallerHungUp(ContactId("c2")), 12.0)
    calls.add_facts(house.facts)
    calls.forget_others(lambda contact: house.engine.contact_view(contact, 40.0) is not None, 12.0 + ENDED_S)
    assert [one.contact for one in calls.shown_calls()] == [] and change(calls) == (["c1 talk"], [])
