"""A caller who is forgotten: no callback, no old place, no preferred agent; who is in line or talks goes on."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.memory.callers import Spoke
from routing.core.model.centre_model import Outcome
from routing.core.model.commands import Rescind
from routing.core.model.facts import Ended
from routing.core.model.ids import ContactId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

HASH, OTHER = "5b1d", "77aa"
SERVICE = EDU._replace(preferred_s=30.0, position_held_s=300.0)
FORGET = e.CallerErased(HASH)


def house() -> House:
    made = House({"a1": 50, "a2": 60}, services=(SERVICE,))
    made.sits("a1", "a2", at=0.0)
    return made


def test_nobody_is_called_back_whom_nobody_knows() -> None:
    made = House({"a1": 50}, services=(SERVICE,))
    for digest in (HASH, OTHER):
        made.waits("edu", 1.0, caller_hash=digest, number_encrypted="box")
    for name in ("c1", "c2"):
        made.tell(e.CallbackRequested(ContactId(name)), 2.0)
        made.tell(e.CallerHungUp(ContactId(name)), 3.0)
    made.tell(FORGET, 4.0)
    (ended,) = made.facts_of(Ended)
    assert (ended.contact, ended.outcome, ended.key) == ("c1", Outcome.LEFT, "erased")
    made.sits("a1", at=5.0)
    assert [offer.contact for offer in made.offers] == ["c2"]


def test_an_offer_of_a_callback_is_taken_back() -> None:
    made = house()
    offer = made.calls("edu", 1.0, caller_hash=HASH)
    made.tell(e.OfferEnded(offer.offer, "busy"), 2.0)
    made.tell(e.CallbackRequested(ContactId("c1")), 2.0)
    made.tell(e.CallerHungUp(ContactId("c1")), 3.0)
    assert made.offers[-1].callback
    (command,) = made.tell(FORGET, 4.0)
    assert isinstance(command, Rescind)
    assert command.offer == made.offers[-1].offer


def test_who_is_in_line_keeps_the_place_and_who_talks_goes_on() -> None:
    made = house()
    offer = made.calls("edu", 1.0, caller_hash=HASH, number_encrypted="box")
    made.tell(e.OfferConnected(offer.offer, offer.contact), 2.0)
    before = len(made.facts)
    made.tell(FORGET, 3.0)
    assert len(made.facts) == before
    contact = made.engine._domain.contacts[offer.contact]
    assert (contact.caller_hash, contact.number_encrypted) == ("", "")
    made.over(offer, 4.0)
    assert made.last(Ended).outcome is Outcome.ANSWERED


def test_the_next_call_is_of_somebody_new() -> None:
    made = house()
    made.over(made.calls("edu", 1.0, caller_hash=HASH), 2.0)
    memory = made.engine._domain.caller_memory
    memory.last_agents.set_value(HASH, Spoke(HASH, made.offers[0].agent, 3.0))
    made.waits("edu", 4.0, caller_hash=HASH)
    made.tell(e.CallerHungUp(ContactId("c2")), 5.0)
    made.tell(FORGET, 6.0)
    assert HASH not in memory.last_agents
    assert HASH not in memory.held_positions


def test_no_hash_is_nobody() -> None:
    made = house()
    made.waits("edu", 1.0)
    before = list(made.facts)
    assert made.tell(e.CallerErased(""), 2.0) == []
    assert made.facts == before
