"""Messages: desks and seats, messages that nobody takes, and lost links."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.agents.presence import SEAT_RETRY_S
from routing.core.domain import MESSAGES_WAIT_S
from routing.core.engine import Engine
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, Channel, Profile, Rule, Service, Step
from routing.core.model.commands import Offer, Rescind
from routing.core.model.ids import AgentId, OfferId, SeatId, ServiceId, SkillId
from routing.core.stored import Started
from tests.core.house import EDU, House
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

A, SA = AgentId("a"), SeatId("sa")
CHAT = Channel.CHAT
CRISIS = Service(ServiceId("kriz"), "Kriz", (Step(((SkillId("edu"), 1),)),), distress=True, load=3)
OTHER = Service(ServiceId("diger"), "Diğer", (Step(((SkillId("edu"), 1),)),))


def desk(house: House, agent: str, present: bool, at: float | None = None) -> list[object]:
    return list(house.tell(e.DeskChanged(AgentId(agent), present), at))


def restart(house: House) -> None:
    """Start a new engine with the rows of the old one."""
    contacts, offers, agents = rows(house.engine)
    house.engine = Engine(first_offer=2)
    house.tell(Started(house.centre, tuple(contacts), tuple(offers), tuple(agents), next_offer=2, next_fact=1_000))


def seated(*names: str, profile: Profile | None = None, services: tuple[Service, ...] = (EDU,)) -> House:
    """Return a house whose agents have a phone and no desk."""
    house = House(dict.fromkeys(names or ("a",), 50), profile, services)
    for name in names or ("a",):
        house.seat(name)
        house.tell(e.AgentSignedIn(AgentId(name), SeatId("s" + name)))
    return house


def test_a_message_waits_for_a_desk_and_a_call_does_not() -> None:
    house = seated()
    assert house.waits("edu", 1.0, channel=CHAT) == []
    call = house.calls("edu", 2.0)
    assert call.agent == "a"
    house.tell(e.CallerHungUp(call.contact), 3.0)
    (offer,) = desk(house, "a", True, 4.0)
    assert isinstance(offer, Offer) and offer.contact == "c1"
    assert house.last(f.DeskChangedRecorded).present


def test_a_desk_is_opened_before_the_sign_in_and_outlives_a_restart() -> None:
    house = House({"a": 50})
    desk(house, "a", True, 1.0)
    restart(house)
    assert house.engine.agent_view(A, house.now).desk  # type: ignore[union-attr]
    house.seat("a", at=3.0)
    house.tell(e.AgentSignedIn(A, SA), 3.0)
    assert house.last(f.AgentChanged).before_s == 2.0, "signed out since when is not known before"
    assert house.calls("edu", 4.0, channel=CHAT).agent == "a"


def test_a_desk_that_closes_loses_what_rings_and_keeps_what_is_talked() -> None:
    house = House(dict.fromkeys("ab", 50), Profile(max_concurrency=((CHAT, 3),)))
    house.sits("a", "b")
    talk = house.chats(at=1.0)
    ring = house.calls("edu", 2.0, channel=CHAT)
    other = "b" if ring.agent == "a" else "a"
    rescind, again = desk(house, ring.agent, False, 3.0)
    assert rescind == Rescind(ring.offer, ring.contact, "desk_closed", channel=CHAT)
    assert isinstance(again, Offer) and (again.contact, again.agent) == (ring.contact, other)
    assert house.last(f.OfferClosed).reason == "desk_closed"
    house.tell(e.DeskChanged(AgentId(talk.agent), False), 4.0)
    assert house.state(talk.agent) is AgentState.TALKING
    view = house.engine.agent_view(AgentId(ring.agent), 4.0)
    assert view is not None and view.rna_count == 0


@pytest.mark.parametrize(("reason", "pause_s"), [("no_answer", 300.0), ("rejected", 30.0), ("busy", 30.0)])
def test_a_message_not_taken_keeps_messages_away_and_no_call(reason: str, pause_s: float) -> None:
    house = House({"a": 50}, Profile(rna_allowed=1))
    house.sits("a")
    missed = house.calls("edu", 1.0, channel=CHAT)
    house.tell(e.OfferEnded(missed.offer, reason), 10.0)
    assert house.state("a") is AgentState.READY and house.last(f.AgentChanged).rna_count == 0
    call = house.calls("edu", 10.0)
    assert call.agent == "a", "calls come at once"
    house.tell(e.CallerHungUp(call.contact), 11.0)
    assert house.tick(10.0 + pause_s - 0.1) == []
    (again,) = house.tick(10.0 + pause_s)
    assert isinstance(again, Offer) and again.contact == missed.contact


@pytest.mark.parametrize("how", ["ready", "desk"])
def test_the_agents_word_or_a_new_desk_ends_the_pause_of_messages(how: str) -> None:
    house = House({"a": 50})
    house.sits("a")
    missed = house.calls("edu", 1.0, channel=CHAT)
    house.tell(e.OfferEnded(missed.offer, "no_answer"), 10.0)
    if how == "ready":
        found = house.tell(e.AgentResumed(A), 20.0)
    else:
        desk(house, "a", False, 19.0)
        found = house.tell(e.DeskChanged(A, True), 20.0)
    assert [one.contact for one in found if isinstance(one, Offer)] == [missed.contact]


def test_messages_that_are_taken_forgive_no_ring_no_answer() -> None:
    house = House({"a": 50}, Profile(rna_allowed=2, wrapup_s=0.0))
    house.sits("a")
    call = house.calls("edu", 1.0)
    house.tell(e.OfferEnded(call.offer, "no_answer"), 20.0)
    house.tell(e.CallerHungUp(call.contact), 21.0)
    house.tick(30.0)
    house.over(house.chats(at=31.0), 40.0)
    call = house.calls("edu", 41.0)
    house.tell(e.OfferEnded(call.offer, "no_answer"), 60.0)
    assert house.state("a") is AgentState.NOT_RESPONDING


def test_an_agent_without_a_seat_gets_messages_and_no_call() -> None:
    house = House({"a": 50})
    desk(house, "a", True, 1.0)
    house.tell(e.AgentSignedIn(A), 1.0)
    view = house.engine.agent_view(A, 1.0)
    assert view is not None and (view.state, view.seat) == (AgentState.READY, None)
    assert house.waits("edu", 2.0) == [], "no phone"
    offer = house.calls("edu", 3.0, channel=CHAT)
    assert (offer.agent, offer.seat) == ("a", "")
    house.tell(e.OfferConnected(offer.offer, offer.contact), 4.0)
    restart(house)
    assert house.state("a") is AgentState.TALKING
    house.tell(e.LinkChanged("", True), 5.0)
    house.over(offer, 10.0)
    house.tick(90.0)
    house.seat("a", at=100.0)
    (call,) = house.tell(e.AgentSignedIn(A, SA), 100.0)
    assert isinstance(call, Offer) and (call.contact, call.seat) == ("c1", "sa")


def test_an_agent_leaves_the_seat_and_stays_for_messages() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.tell(e.AgentSignedIn(A), 1.0)
    assert house.waits("edu", 2.0) == []
    assert house.calls("edu", 3.0, channel=CHAT).agent == "a"


@pytest.mark.parametrize("present", [True, False], ids=["opens", "closes"])
def test_a_desk_says_nothing_of_the_phone_of_a_counsellor_at_home(present: bool) -> None:
    """A dead line is tried again after a minute, not whenever the page comes or goes."""
    house = House({"a": 50})
    (agent,) = house.centre.agents
    house.tell(e.Configured(house.centre._replace(agents=(agent._replace(remote=True),))), 0.0)
    desk(house, "a", not present, 1.0)
    house.tell(e.AgentSignedIn(A, SA), 1.0)
    call = house.calls("edu", 2.0)
    house.tell(e.OfferEnded(call.offer, "unreachable"), 3.0)
    assert desk(house, "a", present, 4.0) == [] and house.state("a") is AgentState.UNREACHABLE
    (again,) = house.tick(3.0 + SEAT_RETRY_S)
    assert isinstance(again, Offer) and again.contact == call.contact


def test_an_agent_without_a_phone_does_not_staff_a_service_for_its_callers() -> None:
    """The alert of a service in distress without a counsellor counts these agents."""
    house = House({"a": 50, "b": 50}, services=(CRISIS,))
    desk(house, "a", True, 1.0)
    house.tell(e.AgentSignedIn(A), 1.0)
    (queue,) = house.engine.queue_status(1.0).queues
    assert (queue.agents_signed_in, queue.agents_ready) == (0, 0)
    house.sits("b")
    (queue,) = house.engine.queue_status(1.0).queues
    assert (queue.agents_signed_in, queue.agents_ready) == (1, 1)
    house.seat("a", at=2.0)
    house.tell(e.AgentSignedIn(A, SA), 2.0)
    (queue,) = house.engine.queue_status(2.0).queues
    assert (queue.agents_signed_in, queue.agents_ready) == (2, 2)


def test_nobody_is_there_for_a_message_without_a_desk() -> None:
    hard = EDU._replace(steps=(Step(((SkillId("edu"), 60),)),), when_nobody=Rule(OTHER.id))
    house = House({"a": 90, "b": 50}, services=(hard, OTHER))
    house.sits("a", "b")
    desk(house, "a", False)
    house.waits("edu", 1.0, channel=CHAT)
    assert house.last(f.Moved).service == OTHER.id, "the agent with a phone alone does not count"
    house.seat("a", reachable=False, at=2.0)
    desk(house, "a", True, 3.0)
    assert house.calls("edu", 4.0, channel=CHAT).service == "edu", "the phone does not count"


def test_messages_follow_no_link() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.tell(e.LinkChanged("", False), 1.0)
    assert house.waits("edu", 2.0) == []
    offer = house.calls("edu", 3.0, channel=CHAT)
    house.tick(3.0 + offer.ring_s + 3.0)
    assert house.last(f.OfferClosed).reason == "stale", "the time to answer runs"


def test_no_message_goes_before_a_call_in_distress_behind_a_lost_link() -> None:
    house = House(dict.fromkeys("ab", 50), services=(EDU, CRISIS))
    house.sits("a", "b")
    house.tell(e.LinkChanged("", False), 10.0)
    assert house.waits("kriz", 11.0) == []
    assert house.waits("edu", 12.0, channel=CHAT) == []
    call, chat = house.tell(e.LinkChanged("", True), 15.0)
    assert isinstance(call, Offer) and isinstance(chat, Offer) and (call.service, chat.service) == ("kriz", "edu")


def test_messages_wait_for_such_a_call_no_longer_than_a_minute_or_the_caller() -> None:
    house = House({"a": 50}, services=(EDU, CRISIS))
    house.sits("a")
    house.tell(e.LinkChanged("", False), 10.0)
    house.waits("kriz", 11.0)
    house.waits("edu", 12.0, channel=CHAT)
    assert house.tick(10.0 + MESSAGES_WAIT_S - 0.1) == []
    (chat,) = house.tick(10.0 + MESSAGES_WAIT_S)
    assert isinstance(chat, Offer) and chat.service == "edu"
    early = House({"a": 50}, services=(EDU, CRISIS))
    early.sits("a")
    early.tell(e.LinkChanged("", False), 10.0)
    early.waits("kriz", 11.0)
    early.waits("edu", 12.0, channel=CHAT)
    (chat,) = early.tell(e.ContactExited("c1", "fallback"), 20.0)  # type: ignore[arg-type]
    assert isinstance(chat, Offer) and chat.service == "edu"


def test_a_message_in_distress_waits_for_no_link() -> None:
    house = House({"a": 50}, services=(EDU, CRISIS))
    house.sits("a")
    house.tell(e.LinkChanged("", False), 10.0)
    house.waits("kriz", 11.0)
    assert house.calls("kriz", 12.0, channel=CHAT).offer == OfferId(1)
