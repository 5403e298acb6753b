"""Services that are full or closed, and overflow from one to another."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import Centre
from routing.core.model.commands import Offer
from routing.core.model.errors import UnknownService
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

INFO = EDU._replace(id="info", name="Genel bilgi")
TIP = EDU._replace(id="tip", name="İhbar", priority=2)


def house(*services: object) -> House:
    return House({"a": 50}, services=services)  # type: ignore[arg-type]


def moves(told: House) -> list[tuple[str, str, str]]:
    return [(one.before, one.service, one.reason) for one in told.facts_of(f.Moved)]


def test_a_full_service_passes_its_next_caller_on_with_the_age() -> None:
    told = house(EDU._replace(max_waiting=1, overflow_to="tip"), TIP)
    told.waits("edu", at=1.0)
    told.waits("edu", at=5.0, since=2.0)
    moved = told.last(f.Moved)
    assert (moved.contact, moved.version, moved.waited_s, moved.position) == ("c2", 2, 3.0, 1)
    assert moves(told) == [("edu", "tip", "full")]
    told.sits("a", at=6.0)
    assert told.offers[-1].contact == "c2", "two points of the new service"
    assert told.offers[-1].waited_s == 4.0 and told.last(f.Offered).version == 3


def test_a_chain_is_followed_to_who_has_room_and_passes_through_each_once() -> None:
    told = house(EDU._replace(max_waiting=0, overflow_to="tip"), TIP._replace(max_waiting=0, overflow_to="info"),
                 INFO._replace(overflow_to="edu"))
    told.waits("edu", at=1.0)
    assert moves(told) == [("edu", "info", "full")]
    circle = house(EDU._replace(max_waiting=0, overflow_to="tip"), TIP._replace(max_waiting=0, overflow_to="edu"))
    assert circle.waits("edu", at=1.0) == [] and moves(circle) == []


def test_a_full_service_without_another_one_lets_its_callers_wait() -> None:
    told = house(EDU._replace(max_waiting=0))
    told.sits("a", at=0.0)
    (offer,) = told.waits("edu", at=1.0)
    assert isinstance(offer, Offer) and offer.contact == "c1"
    assert told.waits("edu", at=20.0) == [] and told.contact("c2").position == 2


def test_with_the_link_down_a_caller_of_a_full_service_waits() -> None:
    told = house(EDU._replace(max_waiting=0))
    told.sits("a", at=0.0)
    told.tell(e.LinkChanged("", False), 0.5)
    assert told.waits("edu", at=1.0) == []
    (offer,) = told.tell(e.LinkChanged("", True), 2.0)
    assert isinstance(offer, Offer)


def test_distress_is_never_full_closed_or_passed_on() -> None:
    told = house(EDU._replace(distress=True, max_waiting=0, overflow_s=5.0, overflow_to="tip"), TIP)
    told.tell(e.ServiceHoursSet("edu", False), 0.5)
    assert told.waits("edu", at=1.0) == [] and told.tick(100.0) == []
    assert moves(told) == [] and told.facts_of(f.ServiceChanged) == []
    told.sits("a", at=101.0)
    assert told.offers[-1].contact == "c1"


def test_hours_touch_newcomers_only() -> None:
    told = house(EDU, TIP)
    told.waits("edu", at=1.0)
    told.tell(e.ServiceHoursSet("edu", False), 2.0)
    told.tell(e.ServiceHoursSet("edu", False), 2.1)
    assert [(one.service, one.open) for one in told.facts_of(f.ServiceChanged)] == [("edu", False)]
    assert told.waits("edu", at=3.0) == [] and told.contact("c2").position == 2
    told.sits("a", at=4.0)
    assert told.offers[-1].contact == "c1", "callers who wait are served"
    assert [view.open for view in told.engine.status(4.0).queues] == [False, True]
    told.tell(e.ServiceHoursSet("edu", True), 5.0)
    assert told.waits("edu", at=6.0) == [] and told.contact("c3").position == 3
    with pytest.raises(UnknownService, match="nothing"):
        told.tell(e.ServiceHoursSet("nothing", True))


def test_a_reload_forgets_hours_of_what_is_gone_and_opens_distress() -> None:
    told = house(EDU, TIP, INFO)
    for name in ("edu", "tip", "info"):
        told.tell(e.ServiceHoursSet(name, False), 1.0)
    told.tell(e.Configured(Centre((EDU._replace(distress=True), INFO), told.centre.agents)), 2.0)
    assert [(one.service, one.open) for one in told.facts_of(f.ServiceChanged)][3:] == [("edu", True)]
    assert told.engine._domain.closed == {"info"}


def test_overflow_goes_to_another_service_and_never_back() -> None:
    told = house(EDU._replace(overflow_s=10.0, overflow_to="tip"),
                 TIP._replace(overflow_s=20.0, overflow_to="edu"))
    told.waits("edu", at=1.0, priority=1)
    assert told.tick(11.0) == [] and moves(told) == [("edu", "tip", "overflow")]
    assert told.contact("c1").waited_s == 10.0 and told.last(f.Moved).waited_s == 10.0
    assert told.tick(30.9) == []
    assert told.tick(31.0) == []
    assert len(moves(told)) == 1
    told.sits("a", at=40.0)
    assert told.offers[-1].service == "tip", "still in line"


def test_a_sign_of_the_channel_does_not_bring_a_contact_back_from_where_it_overflowed() -> None:
    told = house(EDU._replace(overflow_s=10.0, overflow_to="tip"), TIP, INFO)
    told.waits("edu", at=1.0)
    told.tick(11.0)
    told.tell(e.ContactQueued("c1", "edu", "PJSIP/c1", since=1.0), 12.0)
    assert told.contact("c1").service == "tip"
    told.tell(e.ContactQueued("c1", "info", "PJSIP/c1"), 13.0)
    assert told.contact("c1").service == "info" and moves(told)[-1] == ("tip", "info", "chosen")


def test_overflow_into_distress_stays_there() -> None:
    told = house(EDU._replace(overflow_s=10.0, overflow_to="tip"), TIP._replace(distress=True, overflow_s=1.0))
    told.waits("edu", at=1.0)
    assert told.tick(11.0) == [] and told.tick(300.0) == [] and told.contact("c1").service == "tip"


def test_callbacks_take_no_room() -> None:
    told = house(EDU._replace(max_waiting=1, overflow_to="tip"), TIP)
    told.waits("edu", at=1.0)
    told.tell(e.CallbackRequested("c1"), 2.0)
    told.waits("edu", at=3.0)
    told.waits("edu", at=3.0)
    assert (told.contact("c2").service, told.contact("c3").service) == ("edu", "tip")
