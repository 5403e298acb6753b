"""A waiting caller takes the choice back: nobody is offered the contact until the caller has chosen again."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, ContactState, Outcome
from routing.core.model.commands import Offer, Rescind
from tests.core.house import EDU, House, farewell_after

pytestmark = pytest.mark.unit

OTHER = EDU._replace(id="other", name="Diğer", when_waited=farewell_after(30.0))
FULL = EDU._replace(id="full", name="Dolu", max_waiting=0)


def ringing() -> House:
    house = House({"a": 50}, services=(EDU, OTHER, FULL))
    house.sits("a")
    house.waits("edu", at=10.0)
    assert house.offers[-1].contact == "c1"
    return house


def test_the_phone_stops_and_nothing_counts_against_its_agent() -> None:
    house = ringing()
    commands = house.tell(e.ReturnedToMenu("c1"), at=11.0)
    assert [type(command) for command in commands] == [Rescind], "nobody else is offered either"
    assert house.agent("a").state is AgentState.READY and house.contact("c1").state is ContactState.PENDING
    house.waits("edu", at=12.0)
    assert house.offers[-1].contact == "c2", "who comes later is served meanwhile"


@pytest.mark.parametrize("service", ["edu", "other", "full"])
def test_the_second_choice_keeps_the_age_and_is_taken_by_a_full_service_too(service: str) -> None:
    house = ringing()
    house.tell(e.ReturnedToMenu("c1"), at=11.0)
    (offer,) = house.tell(e.ContactQueued("c1", service, "PJSIP/c1", since=20.0, priority=4), at=20.0)
    assert isinstance(offer, Offer) and offer.contact == "c1"
    view = house.contact("c1")
    assert (view.service, view.waited_s) == (service, 10.0)
    if service != "edu":
        assert house.last(f.Moved).reason == "chosen"


def test_points_and_needs_are_those_of_the_second_choice() -> None:
    house = House({"a": 50}, services=(EDU, OTHER))
    house.tell(e.ContactQueued("c1", "edu", "PJSIP/c1", priority=60, needs=(("en", 1),)), at=1.0)
    house.tell(e.ReturnedToMenu("c1"), at=2.0)
    house.tell(e.ContactQueued("c1", "other", "PJSIP/c1"), at=3.0)
    house.sits("a", at=4.0)
    assert house.offers[-1].contact == "c1", "the language is not needed any more"
    changed = house.last(f.ContactChanged)
    assert (changed.priority, changed.needs) == (0, ())


def test_a_round_of_the_hold_loop_shows_that_the_caller_waits_again() -> None:
    house = ringing()
    house.tell(e.ReturnedToMenu("c1"), at=11.0)
    (offer,) = house.tell(e.HoldTick("c1"), at=30.0)
    assert isinstance(offer, Offer) and offer.contact == "c1"


def test_in_the_menu_nobody_overflows_and_a_hang_up_ends_the_wait() -> None:
    house = House({"a": 50}, services=(EDU, OTHER))
    house.waits("other", at=1.0)
    house.tell(e.ReturnedToMenu("c1"), at=2.0)
    assert house.tick(100.0) == []
    house.tell(e.CallerHungUp("c1"), at=101.0)
    assert house.last(f.Ended).outcome is Outcome.ABANDONED
