"""Consult transfers: who talks with whom, whose the caller is after each end, and what outlives a restart."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls.consult_transfer import CONSULT_WAIT_S
from routing.core.calls.offer_changes import PRE_CONNECT_LIMIT_S
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Channel, ContactState, Outcome, Profile, Service, Step
from routing.core.model.commands import BlindTransfer, CancelConsult, Offer, Rescind, StartConsult
from routing.core.model.errors import NotNow, NotThere
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId, leg_id
from tests.core.house import EDU, House, farewell_after, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

TIP = Service(ServiceId("tip"), "İhbar", (Step(((SkillId("edu"), 60),)),))
READY, RINGING, TALKING, WRAPUP = AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP
PROFILE = Profile(wrapup_s=20.0)


class Asking:
    """The agent a talks with c1 and asks b; `meets`: b has answered and talks with a."""

    def __init__(self, *, meets: bool = True, line: bool = False) -> None:
        self.house = house = House({"a": 50, "b": 80}, PROFILE, (EDU, TIP))
        house.sits("a", at=1.0)
        self.first = house.talks(10.0)
        house.sits("b", at=11.0)
        self.commands = house.tell(e.ConsultRequested(self.first.offer, ServiceId("tip"), on_second_line=line), 20.0)
        self.second = house.offers[-1]
        if meets:
            house.tell(e.OfferAnswered(self.second.offer), 22.0)
            house.tell(e.OfferConnected(self.second.offer, self.leg), 22.0)

    @property
    def leg(self) -> ContactId:
        return ContactId(leg_id(self.first.offer, self.first.contact))

    @property
    def states(self) -> tuple[AgentState, AgentState]:
        return self.house.state("a"), self.house.state("b")

    @property
    def caller(self) -> tuple[ContactState, str]:
        view = self.house.contact("c1")
        return view.state, view.service


def test_the_caller_goes_on_at_once_and_who_comes_talks_with_the_agent_first() -> None:
    asks = Asking(meets=False)
    consult, offer = asks.commands
    assert consult == StartConsult(asks.first.offer, ContactId("c1"), ServiceId("tip"))
    assert isinstance(offer, Offer) and (offer.agent, offer.consulting_leg) == ("b", asks.leg)
    assert asks.states == (TALKING, RINGING) and asks.caller == (ContactState.RESERVED, "tip")
    assert asks.house.last(tf.HoldSetRecorded).on
    asks.house.tell(e.OfferConnected(asks.second.offer, asks.leg), 22.0)
    assert asks.states == (TALKING, TALKING)
    assert asks.house.tick(22.0 + PRE_CONNECT_LIMIT_S + CONSULT_WAIT_S) == [], "the two talk as long as they like"


def test_the_agent_hangs_up_and_who_was_asked_has_the_caller() -> None:
    asks = Asking()
    house = asks.house
    house.tell(e.TalkEnded(asks.first.offer, "agent"), 40.0)
    house.tell(e.OfferEnded(asks.first.offer, "hangup"), 40.0)
    assert asks.states == (WRAPUP, TALKING)
    told = house.last(tf.ConsultCompleted)
    assert (told.by, told.service, told.to, told.talk_s, told.held_s) == ("transfer", "edu", "tip", 30.0, 20.0)
    house.tell(e.OfferConnected(asks.second.offer, ContactId("c1")), 40.1)
    assert asks.caller == (ContactState.ASSIGNED, "tip") and house.contact("c1").agent == "b"
    house.tell(e.CallerHungUp(ContactId("c1")), 60.0)
    assert [one.outcome for one in house.facts_of(f.Ended)] == [Outcome.ANSWERED]


def test_the_bridge_may_be_told_before_the_end_of_the_agents_leg() -> None:
    asks = Asking()
    (ends,) = asks.house.tell(e.OfferConnected(asks.second.offer, ContactId("c1")), 40.0)
    assert isinstance(ends, Rescind) and ends.offer == asks.first.offer and asks.states == (WRAPUP, TALKING)
    assert asks.house.tell(e.OfferEnded(asks.first.offer, "hangup"), 40.1) == []


def test_who_was_asked_never_comes_to_the_caller_and_the_caller_is_in_front() -> None:
    asks = Asking()
    asks.house.tell(e.OfferEnded(asks.first.offer, "hangup"), 40.0)
    asks.house.tell(e.OfferEnded(asks.second.offer, "hangup"), 40.1)
    assert asks.caller == (ContactState.PENDING, "tip")


@pytest.mark.parametrize("how", ["second", "back", "key", "time"])
def test_the_caller_is_the_agents_again(how: str) -> None:
    asks = Asking(meets=how in ("second", "back"))
    house, first, second = asks.house, asks.first, asks.second
    done = {"second": lambda: house.tell(e.OfferEnded(second.offer, "hangup"), 30.0),
            "back": lambda: house.tell(e.ConsultEndRequested(first.offer), 30.0),
            "key": lambda: house.tell(e.OfferConnected(first.offer, ContactId("c1")), 30.0),
            "time": lambda: house.tick(20.0 + CONSULT_WAIT_S)}
    if how == "time":
        house.tell(e.OfferEnded(second.offer, "no_answer"), 36.0)
        house.tell(e.AgentPaused(AgentId("b")), 36.0)
    commands = done[how]()
    assert isinstance(commands[-1], CancelConsult) is (how in ("back", "time"))
    assert asks.states[0] is TALKING and asks.states[1] is not TALKING
    assert asks.caller == (ContactState.ASSIGNED, "edu") and house.contact("c1").agent == "a"
    assert not house.last(tf.HoldSetRecorded).on
    house.tell(e.OfferConnected(first.offer, ContactId("c1")), house.now + 0.1)
    house.over(first, house.now + 10.0)
    assert house.last(f.Ended).outcome is Outcome.ANSWERED
    assert house.last(f.Ended).wait_s == house.last(tf.Connected).wait_s, "what was waited for this talk, before it"


@pytest.mark.parametrize(("ends", "over"), [("gives", 40.0), ("gives", 55.0), ("back", 40.0), ("phone", 40.0)])
def test_who_is_asked_about_is_not_sent_away_before_they_are_given_over(ends: str, over: float) -> None:
    house = House({"a": 50, "b": 80}, PROFILE, (EDU, TIP._replace(when_waited=farewell_after(30.0))))
    house.sits("a", at=1.0)
    first = house.talks(10.0)
    house.sits("b", at=11.0)
    house.talks(12.0)
    house.tell(e.ConsultRequested(first.offer, ServiceId("tip")), 20.0)
    assert house.engine.next_deadline() == 20.0 + CONSULT_WAIT_S and house.tick(over) == []
    if ends == "back":
        house.tell(e.ConsultEndRequested(first.offer), over)
        assert house.contact("c1").agent == "a" and house.tick(over + 60.0) == []
        return
    assert house.tell(e.OfferEnded(first.offer, "hangup" if ends == "gives" else "lost"), over) == []
    assert house.tick(over + 29.9) == []
    house.tick(over + 30.0)
    assert house.led_out() == [("c1", "waited", "goodbye")], "from then on they wait alone"


def test_a_caller_led_back_to_an_agent_who_has_just_left_is_in_front() -> None:
    asks = Asking()
    asks.house.tell(e.OfferEnded(asks.second.offer, "hangup"), 30.0)
    asks.house.tell(e.TalkEnded(asks.first.offer, "agent"), 30.1)
    assert asks.caller[0] is ContactState.ASSIGNED, "who is not together is told by the end of the leg"
    asks.house.tell(e.OfferEnded(asks.first.offer, "hangup"), 30.1)
    assert asks.caller[0] in (ContactState.PENDING, ContactState.RESERVED)


def test_a_sign_of_the_hold_loop_that_is_late_does_not_cut_a_caller_who_is_back() -> None:
    asks = Asking()
    asks.house.tell(e.OfferEnded(asks.second.offer, "hangup"), 30.0)
    assert asks.house.tell(e.HoldTick(ContactId("c1")), 32.0) == []
    ends, *_ = asks.house.tell(e.HoldTick(ContactId("c1")), 36.0)
    assert isinstance(ends, Rescind) and asks.caller[0] is not ContactState.ASSIGNED, "nobody is there: in front again"


def test_the_caller_hangs_up_meanwhile() -> None:
    asks = Asking()
    (ends,) = asks.house.tell(e.CallerHungUp(ContactId("c1")), 40.0)
    assert isinstance(ends, Rescind) and ends.offer == asks.second.offer
    assert asks.states == (WRAPUP, READY) and asks.house.last(tf.ConsultCompleted).by == "caller"
    ended = asks.house.last(f.Ended)
    assert (ended.service, ended.outcome, ended.key) == ("edu", Outcome.ANSWERED, ""), "they were the agent's all along"
    assert ended.wait_s == asks.house.last(tf.ConsultCompleted).wait_s == asks.house.last(tf.Connected).wait_s
    assert asks.house.tick(40.0 + PRE_CONNECT_LIMIT_S) == [], "nothing is left that could come due of who was asked"


def test_the_agents_phone_is_lost_meanwhile_and_the_caller_goes_on() -> None:
    asks = Asking(meets=False)
    asks.house.tell(e.OfferEnded(asks.first.offer, "lost"), 30.0)
    assert asks.house.state("a") is AgentState.UNREACHABLE and asks.caller == (ContactState.RESERVED, "tip")


def test_giving_over_ends_the_agents_leg_and_the_rest_follows() -> None:
    asks = Asking()
    assert [one.offer for one in asks.house.tell(e.ConsultEndRequested(asks.first.offer, True), 30.0)  # type: ignore[union-attr]
            ] == [asks.first.offer]


def test_what_cannot_be_is_refused() -> None:
    asks = Asking()
    for kind in (e.ConsultRequested, e.TransferRequested):
        event = kind(asks.first.offer, ServiceId("tip"))
        with pytest.raises(NotNow):
            asks.house.tell(event, 30.0)
    with pytest.raises(NotNow):
        asks.house.tell(e.ConsultEndRequested(asks.second.offer), 30.0)
    house = House({"a": 50, "b": 50}, Profile(pair_id="p"), (EDU, TIP))
    house.sits("a", "b")
    with pytest.raises(NotNow):
        house.tell(e.ConsultRequested(house.talks(1.0).offer, ServiceId("tip")), 2.0)
    house = House({"a": 50, "b": 50}, PROFILE, (EDU, TIP))
    house.sits("a")
    with pytest.raises(NotThere):
        house.tell(e.ConsultRequested(house.talks(1.0).offer, None, AgentId("b")), 2.0)


@pytest.mark.parametrize("meets", [False, True])
def test_a_restart_in_the_middle_loses_nobody(meets: bool) -> None:
    asks = Asking(meets=meets)
    found = rows(asks.house.engine)
    house = House({"a": 50, "b": 80}, PROFILE, (EDU, TIP))
    assert restore(house.engine, *found, 25.0) == []
    house.now = 25.0
    assert (house.state("a"), house.state("b")) == (TALKING, TALKING if meets else RINGING)
    house.tell(e.OfferEnded(asks.first.offer, "hangup"), 26.0)
    house.tell(e.OfferConnected(asks.second.offer, ContactId("c1")), 26.1)
    assert house.contact("c1").agent == "b" and house.state("a") is WRAPUP


def test_a_pair_takes_the_caller_at_once_and_the_agent_who_asked_is_done() -> None:
    house = House({"a": 50, "b": 80, "c": 80}, PROFILE, (EDU, TIP))
    house.sits("a", at=1.0)
    first = house.talks(2.0)
    house.profiles(b=Profile(pair_id="p"), c=Profile(pair_id="p"))
    house.sits("b", "c", at=3.0)
    house.tell(e.ConsultRequested(first.offer, ServiceId("tip")), 4.0)
    second = house.offers[-1]
    assert second.partner is not None and second.consulting_leg == ""
    house.tell(e.OfferConnected(second.offer, ContactId("c1")), 6.0)
    assert house.state("a") is WRAPUP and not [one for one in house.offers if isinstance(one, BlindTransfer)]


def again(asks: Asking, at: float) -> House:
    """Another node, with its rows."""
    house = House({"a": 50, "b": 80}, PROFILE, (EDU, TIP))
    restore(house.engine, *rows(asks.house.engine), at)
    house.now = at
    return house


@pytest.mark.parametrize("cut", ["link", "restart"])
def test_two_who_talk_about_a_caller_are_left_alone_when_the_link_is_back(cut: str) -> None:
    """They had a deadline of the brief from then on: half a minute later the asked one was taken away."""
    asks = Asking()
    house = asks.house
    if cut == "restart":
        house = again(asks, 30.0)
    else:
        house.tell(e.LinkChanged("", False), 30.0)
    house.tell(e.LinkChanged("", True), 31.0)
    assert house.tick(31.0 + PRE_CONNECT_LIMIT_S + CONSULT_WAIT_S) == []
    assert (house.state("a"), house.state("b")) == (TALKING, TALKING)


def test_a_deadline_that_stood_still_does_not_go_on_when_two_have_met_meanwhile() -> None:
    asks = Asking(meets=False)
    house = asks.house
    house.tell(e.OfferAnswered(asks.second.offer), 22.0)
    house.tell(e.LinkChanged("", False), 23.0)
    house.tell(e.OfferConnected(asks.second.offer, asks.leg), 24.0)
    house.tell(e.LinkChanged("", True), 25.0)
    assert house.tick(25.0 + PRE_CONNECT_LIMIT_S + CONSULT_WAIT_S) == []
    assert asks.states == (TALKING, TALKING)


def test_what_comes_after_a_consultation_that_a_restart_interrupted_leaves_no_deadline() -> None:
    """A caller who was sent on within half a minute ended the node: the deadline named an offer that was over."""
    asks = Asking()
    house = again(asks, 30.0)
    house.tell(e.LinkChanged("", True), 31.0)
    house.tell(e.OfferConnected(asks.second.offer, ContactId("c1")), 32.0)
    house.tell(e.TransferRequested(asks.second.offer, ServiceId("edu")), 33.0)
    house.tell(e.WrapUpEnded(AgentId("b")), 34.0)
    house.tick(33.0 + 2 * PRE_CONNECT_LIMIT_S)
    assert house.contact("c1").service == "edu"


# -- on a second line of the phone -------------------------------------------------------------------------------------


def test_on_a_second_line_nobody_is_parted_and_the_transfer_key_gives_the_caller_over() -> None:
    asks = Asking(line=True)
    assert asks.commands[0] == StartConsult(asks.first.offer, ContactId("c1"), ServiceId("tip"), on_second_line=True)
    (ends,) = asks.house.tell(e.OfferConnected(asks.second.offer, ContactId("c1")), 40.0)
    assert isinstance(ends, Rescind) and ends.offer == asks.first.offer
    assert asks.states == (WRAPUP, TALKING) and asks.caller == (ContactState.ASSIGNED, "tip")


@pytest.mark.parametrize("how", ["line", "second", "back", "time"])
def test_the_caller_of_the_first_line_is_the_agents_and_together_with_them_at_once(how: str) -> None:
    asks = Asking(meets=how != "time", line=True)
    house, first, second = asks.house, asks.first, asks.second
    if how == "time":
        house.tell(e.OfferEnded(second.offer, "no_answer"), 36.0)
        house.tell(e.AgentPaused(AgentId("b")), 36.0)
        house.tick(20.0 + CONSULT_WAIT_S)
    else:
        house.tell({"line": e.OfferConnected(first.offer, ContactId("c1")), "back": e.ConsultEndRequested(first.offer),
                    "second": e.OfferEnded(second.offer, "hangup")}[how], 30.0)
    assert asks.caller == (ContactState.ASSIGNED, "edu") and asks.states[0] is TALKING
    house.tell(e.TalkEnded(first.offer, "agent"), house.now + 1.0)
    assert house.last(f.Ended).outcome is Outcome.ANSWERED, "they never were apart: the end of the talk is one"


def test_who_hangs_up_on_the_first_line_meanwhile_was_the_agents() -> None:
    asks = Asking(line=True)
    asks.house.tell(e.TalkEnded(asks.first.offer, "agent"), 39.0)
    assert asks.caller[0] is ContactState.RESERVED, "told by the end of the leg"
    asks.house.tell(e.TalkEnded(asks.first.offer, "caller"), 40.0)
    assert asks.house.last(f.Ended).outcome is Outcome.ANSWERED and asks.states == (WRAPUP, READY)
    single = Asking()
    assert single.house.tell(e.TalkEnded(single.first.offer, "caller"), 40.0) == []
    assert single.caller[0] is ContactState.RESERVED, "in the hold loop: nobody but themselves says that they are gone"


def test_who_asks_for_a_service_that_weighs_most_has_one_of_those_at_hand() -> None:
    """And no second one at the same time."""
    heavy = TIP._replace(load=4)
    profile = PROFILE._replace(capacity=300, max_concurrency=((Channel.CHAT, 2),))
    house = House({"a": 80, "b": 80}, profile, (EDU, heavy))
    house.sits("a", at=1.0)
    first = house.talks(10.0)
    house.tell(e.ConsultRequested(first.offer, heavy.id), 20.0)
    beside = house.calls("edu", 21.0, channel=Channel.CHAT)
    assert beside.agent == "a"
    assert house.waits("tip", 22.0, channel=Channel.CHAT) == []
