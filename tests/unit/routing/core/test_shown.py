"""A contact whose channel nobody has seen is offered to nobody."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.explain import WaitReason
from routing.core.model.centre_model import ContactState, Service
from routing.core.model.commands import Offer
from routing.core.model.facts import Ended
from routing.core.model.ids import ContactId
from tests.core.house import EDU, House, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

DISTRESS = EDU._replace(distress=True)


@pytest.mark.parametrize("service", [EDU, DISTRESS])
def test_a_contact_is_offered_once_its_channel_is_shown(service: Service) -> None:
    house = House({"a": 50}, services=(service,))
    house.sits("a")
    assert house.waits("edu", shown=False) == [] and house.contact("c1").state is ContactState.PENDING
    assert house.tell(e.HoldTick(ContactId("c1"))) == []
    assert house.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.NOT_SHOWN,)
    (offer,) = house.tell(e.ChannelShown(ContactId("c1")))
    assert isinstance(offer, Offer) and offer.contact == "c1"
    assert house.tell(e.ChannelShown(ContactId("c1"))) == [], "repeated"


def test_others_are_served_before_a_caller_who_may_not_be_there() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.waits("edu", at=3_000.0, since=0.0, priority=20, shown=False)
    assert house.calls("edu").contact == "c2"
    assert house.facts_of(Ended) == []


def test_a_repeated_question_shows_the_channel_and_never_hides_it() -> None:
    house = House({"a": 50})
    house.waits("edu", shown=False)
    again = e.ContactQueued(ContactId("c1"), EDU.id, "PJSIP/c1")
    house.tell(again)
    house.tell(again._replace(shown=False))
    house.sits("a")
    assert [one.contact for one in house.offers] == ["c1"]


def test_a_callback_of_a_caller_whom_nobody_has_seen_ends_with_the_call() -> None:
    house = House({"a": 50})
    house.sits("a")
    for _ in range(2):
        house.waits("edu", shown=False, caller_hash="h", number_encrypted="box")
    for name in ("c1", "c2"):
        house.tell(e.CallbackRequested(ContactId(name), anytime=True))
    house.tell(e.ChannelShown(ContactId("c2")))
    assert house.offers == []
    for name in ("c1", "c2"):
        house.tell(e.CallerHungUp(ContactId(name)))
    assert [one.contact for one in house.offers] == ["c2"], "the caller was there"
    assert [one.contact for one in house.facts_of(Ended)] == ["c1"]


def test_a_restart_remembers_whose_channel_was_not_shown() -> None:
    house = House({"a": 50})
    house.waits("edu", shown=False)
    house.waits("edu")
    house.sits("a")
    house.tell(e.CallerHungUp(ContactId("c2")))
    later = House({"a": 50})
    restore(later.engine, *rows(house.engine), 10.0)
    assert [one.shown for one in later.engine.live_contacts()] == [False]
    later.now = 10.0
    later.tell(e.LinkChanged("", True))
    later.seat("a")
    assert later.offers == []
    later.tell(e.ChannelShown(ContactId("c1")))
    assert [one.contact for one in later.offers] == ["c1"]
