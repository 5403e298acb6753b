"""Sentences of a live call: their times, what cuts them off, and hidden services."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from desk.live.heard_sentences import HEARD_MAX, UNHEARD_S, HeardSentences
from desk.live.live_calls import LiveCalls
from routing.core import events as e
from routing.core.model.ids import ContactId, ServiceId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit


class Said(NamedTuple):
    text: str
    seconds: float = 2.0
    language: str = "tr"


def times(heard: HeardSentences) -> list[tuple[str, float, float]]:
    return [(one.text, one.at, one.until) for one in heard.list_heard()]


def test_a_dialogue_plays_one_after_the_other_and_a_key_cuts_off() -> None:
    heard = HeardSentences()
    heard.add_sentences([Said("a")], 10.0)
    heard.add_sentences([Said("b")], 11.0)
    assert times(heard) == [("a", 10.0, 11.0), ("b", 11.0, 13.0)]
    # The dialplan begins when the dialogue has ended, and then plays one file after the other.
    heard.add_sentences([Said("c"), Said("d")], 12.0, by_dialplan=True)
    heard.add_sentences([Said("e")], 12.0, by_dialplan=True)
    assert times(heard)[1:] == [("b", 11.0, 12.0), ("c", 12.0, 14.0), ("d", 14.0, 16.0), ("e", 16.0, 18.0)]
    # Those that have not begun are not heard at all, and those that have just begun neither.
    heard.cut_off(14.0 + UNHEARD_S)
    assert times(heard)[2:] == [("c", 12.0, 14.0), ("d", 14.0, 14.0 + UNHEARD_S)]
    heard.add_sentences([Said("f")], 20.0, by_dialplan=True)
    heard.add_sentences([Said("g")], 20.1)
    assert [one.text for one in heard.list_heard()] == ["a", "b", "c", "d", "g"]


def test_only_the_newest_are_kept() -> None:
    heard = HeardSentences()
    for number in range(HEARD_MAX + 3):
        heard.add_sentences([Said(str(number))], 10.0 * number)
    assert [one.text for one in heard.list_heard()] == [str(number) for number in range(3, HEARD_MAX + 3)]


def test_a_hidden_service_takes_its_sentences_along() -> None:
    house = House({}, services=(EDU, EDU._replace(id=ServiceId("info"))))
    calls = LiveCalls(lambda: frozenset({"edu"}))
    for contact, service in (("c1", "edu"), ("c2", "info")):
        one = ContactId(contact)
        calls.note_menu(one, 8.0, greeting=True)
        calls.note_sentences(one, 8.0, [Said("Hoş geldiniz.")], later=False)
        # The confirmation of a choice waits for the service.
        calls.note_sentences(one, 9.0, [Said("Seçiminiz")], later=True)
        calls.note_sentences(one, 9.0, [Said("bildirim")], later=True)
        call = calls.find_call(one)
        assert call is not None and times(call.heard) == [("Hoş geldiniz.", 8.0, 10.0)]
        house.waits(service, 9.5)
    calls.add_facts(house.facts)
    calls.note_sentences(ContactId("c1"), 9.6, [Said("Sıranız")], later=True)
    assert calls.find_call(ContactId("c1")) is None
    shown = calls.find_call(ContactId("c2"))
    assert shown is not None and [one.text for one in shown.heard.list_heard()] == ["Hoş geldiniz.", "Seçiminiz",
                                                                                    "bildirim"]


def test_a_talk_ends_what_is_heard() -> None:
    house, calls = House({"a": 80}), LiveCalls()
    house.sits("a", at=1.0)
    offer = house.calls("edu", 10.0)
    calls.add_facts(house.facts)
    contact = offer.contact
    calls.note_sentences(contact, 11.0, [Said("Bekleyin.", 30.0), Said("Bir dakika.")], later=True)
    told = len(house.facts)
    house.tell(e.OfferConnected(offer.offer, contact), 14.0)
    calls.add_facts(house.facts[told:])
    call = calls.find_call(contact)
    assert call is not None and times(call.heard) == [("Bekleyin.", 11.0, 14.0)]
