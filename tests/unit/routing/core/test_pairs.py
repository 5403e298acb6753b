"""Two agents as one: both ready, one offer, and a separate wrap-up for each."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls.offer_changes import PRE_CONNECT_LIMIT_S
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import (
    AgentState,
    AnswerMode,
    Channel,
    DistressLimit,
    OfferState,
    Profile,
    Rule,
    Service,
    Step,
    WrapUpMode,
)
from routing.core.model.commands import Offer, Partner, Rescind
from routing.core.model.ids import AgentId, SeatId, ServiceId, SkillId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

B = AgentId("b")
PAIRED = Profile(pair_id="p1", wrapup_s=10.0)
READY, RINGING, TALKING, WRAPUP = AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP


def house_of(*, second: Profile = PAIRED, names: tuple[str, ...] = ("a", "b")) -> House:
    house = House(dict.fromkeys(names, 50), PAIRED)
    house.profiles(b=second)
    return house


def states(house: House) -> tuple[AgentState, AgentState]:
    return house.state("a"), house.state("b")


def test_a_call_comes_to_the_lead_when_both_are_ready_and_reserves_both() -> None:
    house = house_of(second=PAIRED._replace(ring_timeout_s=25.0))
    house.sits("a")
    assert house.waits("edu", at=1.0) == []
    house.seat("b", at=2.0)
    (offer,) = house.tell(e.AgentSignedIn("b", "sb"), 2.0)
    assert isinstance(offer, Offer) and (offer.agent, offer.ring_s) == ("a", 25.0)
    assert offer.partner == Partner("b", "sb", AnswerMode.MANUAL, False)
    assert house.last(f.Offered).partner == "b" and states(house) == (RINGING, RINGING)
    assert house.agent("b").contact == "c1"
    house.tell(e.OfferConnected(offer.offer, "c1"), 3.0)
    assert states(house) == (TALKING, TALKING)
    house.over(offer, 10.0)
    assert states(house) == (WRAPUP, WRAPUP)
    house.tell(e.WrapUpEnded("b"), 12.0)
    assert states(house) == (WRAPUP, READY) and house.facts_of(tf.WrappedUp) == []
    assert house.waits("edu", at=13.0) == [], "the lead is not done"
    assert house.tick(20.0)[0].contact == "c2"  # type: ignore[union-attr]
    assert house.last(tf.WrappedUp).agent == "a"


def test_the_second_one_alone_gets_other_channels_and_no_calls() -> None:
    house = house_of()
    house.sits("b")
    assert house.waits("edu") == []
    assert house.chats().agent == "b"


def led_house() -> House:
    """Return a house where a pair alone takes hard calls, and a colleague the calls that are led on."""
    other = Service(ServiceId("diger"), "Diğer", (Step(((SkillId("edu"), 1),)),))
    hard = EDU._replace(steps=(Step(((SkillId("edu"), 60),)),), when_nobody=Rule(other.id))
    house = House({"a": 90, "b": 90, "c": 50}, PAIRED, (hard, other))
    house.profiles(c=Profile())
    house.sits("a", "b", "c")
    return house


@pytest.mark.parametrize("gone", [
    e.AgentPaused(B), e.AgentSignedIn(B), e.AgentSignedOut(B), e.AgentSignedOut(AgentId("a")),
    e.SeatChanged(SeatId("sb"), reachable=False, in_use=False)],
    ids=["break", "seat left", "signed out", "lead signed out", "phone"])
def test_a_newcomer_is_led_on_while_one_of_the_only_pair_is_not_there(gone: e.Event) -> None:
    """A call needs both, so nobody is there for it while one is away."""
    house = led_house()
    house.tell(gone, 4.0)
    assert house.calls("edu", at=5.0).service == "diger"
    house.sits("a", "b", at=6.0)
    house.tell(e.AgentResumed(B), 6.0)
    assert house.calls("edu", at=7.0).service == "edu", "both are back"
    house.waits("edu", at=8.0)
    house.tick(60.0)
    assert len(house.facts_of(f.Moved)) == 1, "both will be free"


def test_a_caller_who_waits_is_led_on_when_one_of_the_only_pair_leaves_the_phone() -> None:
    house = led_house()
    talk = house.talks(1.0)
    house.waits("edu", at=2.0)
    house.over(talk, 3.0)
    house.tell(e.AgentSignedIn(B), 4.0)
    house.tick(18.0)
    assert house.facts_of(f.Moved) == []
    house.tick(19.0)
    assert house.last(f.Moved).contact == "c2"


def test_each_wraps_up_by_the_own_profile() -> None:
    house = house_of(second=PAIRED._replace(wrapup_mode=WrapUpMode.MANDATORY))
    house.sits("a", "b")
    house.over(house.talks(1.0), 5.0)
    house.tick(15.0)
    assert states(house) == (READY, WRAPUP) and house.waits("edu", at=16.0) == []
    house.tick(5_000.0)
    assert house.state("b") is WRAPUP
    assert house.tell(e.WrapUpEnded("b"), 5_001.0)[0].agent == "a"  # type: ignore[union-attr]


@pytest.mark.parametrize(("who", "other"), [("a", "b"), ("b", "a")])
@pytest.mark.parametrize(("event", "state"), [
    (e.AgentPaused, AgentState.PAUSED), (e.AgentSignedOut, AgentState.SIGNED_OUT)])
def test_the_break_or_leave_of_either_takes_the_ringing_back(who: str, other: str, event: type,
                                                             state: AgentState) -> None:
    house = house_of()
    house.sits("a", "b")
    offer = house.calls("edu", 1.0)
    (back,) = house.tell(event(who), 2.0)
    assert back.offer == offer.offer and house.state(who) is state and house.state(other) is READY
    assert house.last(f.OfferClosed).state is OfferState.RESCINDED


def test_what_nobody_took_counts_for_both() -> None:
    house = house_of(second=PAIRED._replace(rna_allowed=1))
    house.sits("a", "b")
    offer = house.calls("edu", 1.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer"), 16.0)
    assert states(house) == (READY, AgentState.NOT_RESPONDING)
    assert house.tick(60.0) == []
    assert house.tell(e.AgentResumed("b"), 61.0)[0].agent == "a"  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["no_answer", "rejected", "gone", "leaves", "pauses"])
def test_what_rings_during_the_partners_wrap_up_and_is_over_does_not_end_it(how: str) -> None:
    wide = PAIRED._replace(capacity=200, wrapup_s=60.0, rna_allowed=1)
    house = House(dict.fromkeys("ab", 50), wide)
    house.profiles(a=wide._replace(channels=frozenset({Channel.VOICE})))
    house.sits("a", "b")
    call = house.talks(1.0)
    offer = house.calls("edu", 3.0, channel=Channel.CHAT)
    assert offer.agent == "b"
    house.tell(e.OfferRinging(offer.offer), 3.1)
    house.over(call, 5.0)
    assert house.state("b") is RINGING
    if how == "gone":
        house.tell(e.CallerHungUp(offer.contact), 6.0)
    elif how == "leaves":
        house.tell(e.AgentSignedOut("b"), 6.0)
    elif how == "pauses":
        house.tell(e.AgentPaused("b"), 6.0)
        house.tell(e.OfferEnded(offer.offer, "no_answer"), 7.0)
    else:
        house.tell(e.OfferEnded(offer.offer, how), 6.0)
    assert house.state("b") is (AgentState.SIGNED_OUT if how == "leaves" else WRAPUP)
    house.tick(65.0)
    after = {"leaves": AgentState.SIGNED_OUT, "pauses": AgentState.PAUSED}
    state = house.state("b")
    assert state is after.get(how, state) and state is not WRAPUP


def test_leaving_in_the_talk_leaves_the_other_a_wrap_up() -> None:
    house = house_of()
    house.sits("a", "b")
    call = house.talks(1.0)
    house.tell(e.AgentSignedOut("a"), 2.0)
    assert states(house) == (TALKING, TALKING)
    house.over(call, 5.0)
    assert states(house) == (AgentState.SIGNED_OUT, WRAPUP)
    house.tick(15.0)
    assert house.state("b") is READY


def test_a_lost_call_frees_both_at_once() -> None:
    house = house_of()
    house.sits("a", "b")
    call = house.talks(1.0)
    house.tell(e.TalkEnded(call.offer, "lost"), 5.0)
    assert states(house) == (AgentState.UNREACHABLE, READY) and house.contact("c1").position == 1


def test_a_caller_who_hangs_up_while_it_rings_frees_both() -> None:
    house = house_of()
    house.sits("a", "b")
    house.calls("edu", 1.0)
    house.tell(e.CallerHungUp("c1"), 2.0)
    assert states(house) == (READY, READY) and house.calls("edu", 3.0).agent == "a"


def test_a_call_interrupts_what_both_have() -> None:
    house = house_of()
    house.sits("a", "b")
    mails = {house.chats(Channel.EMAIL).agent for _ in range(2)}
    assert mails == {"a", "b"}
    call = house.talks(1.0)
    assert [(one.agent, one.on) for one in house.facts_of(tf.Interrupted)] == [("a", True), ("b", True)]
    house.over(call, 5.0)
    assert states(house) == (WRAPUP, WRAPUP)
    house.tick(15.0)
    assert states(house) == (TALKING, TALKING)
    assert [one.on for one in house.facts_of(tf.Interrupted)] == [True, True, False, False]


def test_a_pair_of_one_gets_no_calls_and_a_third_is_no_part_of_it() -> None:
    house = house_of(names=("a", "b", "c"))
    house.sits("c")
    assert house.waits("edu") == []
    house.sits("b")
    assert house.offers == []
    house.profiles(b=Profile(), c=PAIRED)
    assert house.offers[-1].agent == "b"


def test_a_reload_pairs_again_and_a_call_under_way_stays_with_both() -> None:
    house = house_of()
    house.sits("a", "b")
    call = house.talks(1.0)
    house.profiles(a=Profile(wrapup_s=10.0), b=Profile(wrapup_s=5.0))
    assert states(house) == (TALKING, TALKING)
    house.over(call, 5.0)
    house.tick(10.0)
    assert states(house) == (WRAPUP, READY) and house.calls("edu", 11.0).agent == "b"


@pytest.mark.parametrize(("reason", "state"), [("busy", OfferState.REJECTED), ("unreachable", OfferState.RESCINDED)])
def test_a_partner_who_does_not_come_ends_the_ringing_of_both_and_is_the_one_left_alone(
        reason: str, state: OfferState) -> None:
    house = house_of()
    house.sits("a", "b")
    offer = house.calls("edu", 1.0)
    back = house.tell(e.OfferEnded(offer.offer, reason, partner=True), 2.0)
    assert back == [Rescind(offer.offer, "c1", "partner", pair=True)]
    assert house.last(f.OfferClosed).state is state
    assert states(house) == (READY, AgentState.UNREACHABLE if reason == "unreachable" else READY)
    assert [house.agent(name).rna_count for name in ("a", "b")] == [0, 0 if reason == "unreachable" else 1]
    again_s = 62.0 if reason == "unreachable" else 7.0
    assert house.tick(again_s - 0.1) == [] and house.tick(again_s)[0].contact == "c1"  # type: ignore[union-attr]


@pytest.mark.parametrize("partner_came", [False, True])
def test_of_a_pair_only_who_did_not_come_has_missed_the_call(partner_came: bool) -> None:
    house = house_of()
    one_miss = PAIRED._replace(rna_allowed=1)
    house.profiles(a=one_miss, b=one_miss)
    house.sits("a", "b")
    offer = house.calls("edu", 1.0)
    house.tell(e.OfferAnswered(offer.offer, partner_came), 2.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer", partner=not partner_came), 16.0)
    away = (AgentState.NOT_RESPONDING, READY)
    assert states(house) == (away if partner_came else away[::-1])
    assert [house.agent(name).rna_count for name in ("a", "b")] == ([1, 0] if partner_came else [0, 1])


def test_a_call_that_neither_of_a_pair_takes_is_missed_by_both() -> None:
    house = house_of()
    house.sits("a", "b")
    offer = house.calls("edu", 1.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer", partner=True), 16.0)
    assert [house.agent(name).rna_count for name in ("a", "b")] == [1, 1]
    again = house.tick(21.0)[0]
    assert again.offer != offer.offer  # type: ignore[union-attr]
    house.tell(e.OfferAnswered(again.offer), 22.0)  # type: ignore[union-attr]
    house.tell(e.OfferEnded(again.offer, "no_answer"), 36.0)  # type: ignore[union-attr]
    assert [house.agent(name).rna_count for name in ("a", "b")] == [2, 2], "a phone that answers by itself, and no key"


@pytest.mark.parametrize(("hard", "named"), [(("a",), ["a"]), (("b",), ["b"]), (("a", "b"), ["a", "b"])])
def test_an_offer_beyond_the_limit_is_said_of_whose_limit_it_is(hard: tuple[str, ...], named: list[str]) -> None:
    house = House({"a": 50, "b": 50}, PAIRED, services=(EDU._replace(load=3, ceiling_s=10.0),))
    low = PAIRED._replace(distress=DistressLimit(1.0, 2.0, 1.0), wrapup_s=0.0)
    house.profiles(**{name: low if name in hard else low._replace(distress=DistressLimit()) for name in ("a", "b")})
    house.sits("a", "b")
    house.over(house.talks(1.0), 10.0)
    house.seat("a", at=11.0)
    house.seat("b", at=11.0)
    assert house.waits("edu", 20.0) == []
    (offer,) = house.tick(30.0)
    assert [(fact.agent, fact.offer) for fact in house.facts_of(f.Overridden)] == [
        (name, offer.offer) for name in named]  # type: ignore[union-attr]


def test_the_leg_of_the_lead_that_ends_stops_the_partners_phone() -> None:
    house = house_of()
    house.sits("a", "b")
    offer = house.calls("edu", 1.0)
    assert house.tell(e.OfferEnded(offer.offer, "rejected"), 2.0) == [
        Rescind(offer.offer, "c1", "partner", pair=True)]


def test_one_who_answers_waits_for_the_others_phone_and_keys() -> None:
    slow = PAIRED._replace(answer_mode=AnswerMode.SINGLE_SWITCH, ring_timeout_s=20.0)
    house = house_of(second=slow)
    house.sits("a", "b")
    offer = house.calls("edu", 1.0)
    house.tell(e.OfferAnswered(offer.offer), 2.0)
    assert house.tick(2.0 + PRE_CONNECT_LIMIT_S + 2 * 20.0 - 0.1) == []
    assert house.tick(2.0 + PRE_CONNECT_LIMIT_S + 2 * 20.0)[0] == Rescind(offer.offer, "c1", "stale", pair=True)


def test_a_partner_who_leaves_ends_the_talk_and_one_whose_phone_is_lost_sends_the_caller_to_the_front() -> None:
    for reason in ("hangup", "lost"):
        house = house_of()
        house.sits("a", "b")
        offer = house.talks(1.0)
        done = house.tell(e.OfferEnded(offer.offer, reason, partner=True), 9.0)
        assert done[0] == Rescind(offer.offer, "c1", "partner", pair=True, talks=True)
        if reason == "lost":
            assert house.contact("c1").position == 1 and states(house) == (READY, AgentState.UNREACHABLE)
        else:
            assert states(house) == (TALKING, TALKING), "it ends with the leg of the lead"
            house.tell(e.TalkEnded(offer.offer, "agent"), 9.1)
            assert states(house) == (WRAPUP, WRAPUP)


def test_what_is_said_of_a_partner_where_there_is_none_changes_nothing() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", 1.0)
    assert house.tell(e.OfferEnded(offer.offer, "busy", partner=True), 2.0) == []
    assert house.state("a") is RINGING
