"""Distress is a class: who comes first, who is kept free, what only orders, and which breaks wait."""

from __future__ import annotations

from typing import Any

import pytest

from routing.core import events as e
from routing.core.explain import ExclusionReason
from routing.core.matching.strategies import STRATEGIES
from routing.core.model import facts as f
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    CallbackOrder,
    Channel,
    ContactState,
    DistressLimit,
    Profile,
    Rule,
    Service,
    Step,
    WayOut,
)
from routing.core.model.commands import Offer
from routing.core.model.errors import EntersDistress, LeavesDistress, NothingToDecline, ToConfirm
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId, SkillId
from routing.core.queueing.wait_deadline import NOBODY_S
from tests.break_house import run, work
from tests.core.house import House

pytestmark = pytest.mark.unit

PSY_SKILL, INFO_SKILL = SkillId("psy"), SkillId("info")
PSY = Service(ServiceId("psy"), "Psikososyal destek", (Step(((PSY_SKILL, 70),), 20.0), Step(((PSY_SKILL, 50),))),
              floor=((PSY_SKILL, 50),), load=3, distress=True)
INFO = Service(ServiceId("info"), "Bilgi", (Step(((INFO_SKILL, 1),)),), priority=60)
QUICK = Profile(wrapup_s=0.0, max_continuous_s=1e9)


def house(*services: Service, profile: Profile = QUICK, **levels: int | tuple[int, ...]) -> House:
    """Return a house with these agents at their seats. A level is that of psy; a pair adds the one of info.

    Level 0 stands for no skill.
    """
    found = House({}, profile, services or (PSY, INFO))
    agents = []
    for name, level in levels.items():
        psy, info = level if isinstance(level, tuple) else (level, 50)
        skills = tuple((skill, one) for skill, one in ((PSY_SKILL, psy), (INFO_SKILL, info)) if one)
        agents.append(Agent(AgentId(name), skills, profile))
    found.reload(agents=tuple(agents))
    found.sits(*levels, at=0.0)
    return found


def talks(h: House, service: str, at: float, *, to: str = "", seconds: float = 10.0, **more: Any) -> Offer:
    """A call is offered, taken and over."""
    offer = h.calls(service, at, **more)
    assert not to or offer.agent == to
    h.tell(e.OfferConnected(offer.offer, offer.contact), at)
    h.over(offer, at + seconds)
    return offer


def busy(h: House, service: str, at: float) -> Offer:
    offer = h.calls(service, at)
    h.tell(e.OfferConnected(offer.offer, offer.contact), at)
    return offer


# -- order ---------------------------------------------------------------------


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_distress_comes_before_age_points_and_weight_in_every_strategy(strategy: str) -> None:
    heavy = INFO._replace(strategy=strategy, weight=10.0, priority=60)
    h = house(PSY._replace(strategy=strategy), heavy, a=80)
    first = busy(h, "info", 1.0)
    assert h.waits("info", 2.0, priority=60) == [] and h.waits("psy", 600.0) == [] and h.waits("psy", 605.0) == []
    h.over(first, 610.0)
    assert h.offers[-1].contact == "c3", "598 s of tenfold age and 120 points are behind 10 s in distress"
    h.tell(e.OfferConnected(h.offers[-1].offer, h.offers[-1].contact))
    h.over(h.offers[-1], 620.0)
    assert h.offers[-1].contact == "c4", "among themselves by age"
    h.tell(e.OfferConnected(h.offers[-1].offer, h.offers[-1].contact))
    h.over(h.offers[-1], 630.0)
    assert h.offers[-1].contact == "c2"


def test_points_order_distress_among_itself() -> None:
    h = house(a=80)
    first = busy(h, "info", 1.0)
    h.waits("psy", 10.0)
    h.waits("psy", 20.0, priority=1)
    h.over(first, 30.0)
    assert h.offers[-1].contact == "c3"


def test_a_callback_of_distress_comes_first_too() -> None:
    h = house(PSY._replace(callback=CallbackOrder.AGENT_FIRST), INFO, a=80)
    first = busy(h, "info", 1.0)
    h.waits("info", 2.0)
    h.waits("psy", 3.0, caller_hash="k", number_encrypted="x")
    h.tell(e.CallbackRequested(ContactId("c3")))
    h.tell(e.CallerHungUp(ContactId("c3")), 5.0)
    run(h, 300.0)
    h.over(first, 301.0)
    assert h.offers[-1].contact == "c3" and h.offers[-1].callback


def test_a_transfer_into_distress_comes_first() -> None:
    h = house(a=80, b=80)
    first, other = busy(h, "info", 1.0), busy(h, "info", 2.0)
    h.waits("info", 3.0)
    h.tell(e.TransferRequested(other.offer, ServiceId("psy"), confirmed=True), 100.0)
    assert h.offers[-1].contact == other.contact, "who sent it on is free now and fits"
    h.tell(e.OfferEnded(h.offers[-1].offer, "no_answer"), 110.0)
    h.over(first, 111.0)
    assert h.offers[-1].contact == other.contact


@pytest.mark.parametrize(("into", "error"), [(True, EntersDistress), (False, LeavesDistress)])
def test_a_transfer_into_distress_or_out_of_it_is_asked_back_once(into: bool, error: type[ToConfirm]) -> None:
    h = house(a=80, b=80)
    before, after = ("info", "psy") if into else ("psy", "info")
    talk = busy(h, before, 1.0)
    with pytest.raises(error):
        h.tell(e.TransferRequested(talk.offer, ServiceId(after)), 10.0)
    assert h.contact(talk.contact).state is ContactState.ASSIGNED, "the talk goes on"
    h.tell(e.TransferRequested(talk.offer, ServiceId(after), confirmed=True), 11.0)
    assert h.contact(talk.contact).service == after


def test_a_transfer_within_distress_and_one_by_the_phone_ask_nothing() -> None:
    h = house(a=80, b=80)
    talk = busy(h, "psy", 1.0)
    h.tell(e.TransferRequested(talk.offer, None, AgentId("b")), 10.0)
    assert h.offers[-1].agent == "b"
    h.tell(e.OfferConnected(h.offers[-1].offer, talk.contact), 11.0)
    h.tell(e.TransferRequested(h.offers[-1].offer, ServiceId("info"), gone=True), 20.0)
    assert h.contact(talk.contact).service == "info", "REFER has released the caller already"


def test_an_override_brings_distress_before_others() -> None:
    h = house(profile=QUICK._replace(rest_gap_s=300.0), a=80)
    run(h, 301.0)
    talks(h, "info", 302.0)
    assert h.waits("info", 320.0) == [] and h.waits("psy", 400.0) == []
    h.tell(e.RulesOverridden(AgentId("a"), frozenset({"rest_gap"}), 600.0, "s1"), 410.0)
    run(h, 620.0)
    assert h.offers[-1].contact == "c3"


def test_no_limit_of_talks_keeps_distress_waiting() -> None:
    h = house(PSY._replace(max_talking=1), INFO, a=80, b=80)
    assert h.calls("psy", 1.0).agent == "a" and h.calls("psy", 2.0).agent == "b"


def test_no_other_call_interrupts_a_message_in_distress() -> None:
    h = house(a=80)
    mail = h.calls("psy", 1.0, channel=Channel.EMAIL)
    assert h.waits("info", 2.0) == [], "it rings"
    h.tell(e.OfferConnected(mail.offer, mail.contact), 3.0)
    assert h.waits("info", 4.0) == [], "it is answered"
    assert h.calls("psy", 5.0).agent == "a", "a call in distress does"


def test_no_other_call_takes_back_a_ringing_message_in_distress() -> None:
    h = house(profile=QUICK._replace(capacity=200), a=80)
    chat = h.calls("psy", 1.0, channel=Channel.CHAT)
    assert h.waits("info", 2.0) == [], "both would fit, but the call ends the ringing of the chat"
    h.tell(e.OfferConnected(chat.offer, chat.contact), 3.0)
    assert h.offers[-1].contact == "c2", "the answered chat goes on next to a call"


def test_no_message_takes_the_place_of_distress_until_the_phone_is_free() -> None:
    h = house(a=80)
    first = busy(h, "info", 2.0)
    h.seat("a", in_use=True, at=2.1)
    h.waits("psy", 3.0)
    h.waits("info", 4.0, channel=Channel.CHAT)
    assert h.tell(e.TalkEnded(first.offer, "agent"), 10.0) == [], "the phone reports the end a moment later"
    h.seat("a", at=10.01)
    assert h.offers[-1].contact == "c2"


# -- choice --------------------------------------------------------------------


def test_steps_choose_the_best_and_keep_no_free_agent_waiting() -> None:
    h = house(a=55, b=80)
    assert h.calls("psy", 10.0).agent == "b"
    assert h.calls("psy", 11.0).agent == "a", "no twenty seconds next to a free counsellor"
    offered = h.facts_of(f.Offered)
    assert [(one.step, one.level) for one in offered] == [(0, 80), (1, 55)] and not h.facts_of(f.Stepped)


def test_an_agent_between_floor_and_last_step_is_the_last_choice() -> None:
    h = house(PSY._replace(floor=((PSY_SKILL, 40),)), INFO, a=45, b=55, c=39)
    assert [h.calls("psy", 10.0).agent, h.calls("psy", 11.0).agent] == ["b", "a"]
    assert h.waits("psy", 12.0) == [], "nobody below the floor"
    assert [(one.step, one.level) for one in h.facts_of(f.Offered)] == [(1, 55), (1, 45)]


def test_nobody_in_distress_waits_for_one_agent() -> None:
    h = house(PSY._replace(preferred_s=60.0), INFO, a=60, b=80)
    talks(h, "psy", 10.0, to="b", caller_hash="k")
    assert h.calls("psy", 30.0, caller_hash="k").agent == "b", "free: the one who knows the caller"
    assert h.calls("psy", 31.0, caller_hash="k").agent == "a", "not free: nobody waits"


# -- load ----------------------------------------------------------------------


def test_limits_of_the_centre_only_order() -> None:
    h = house(a=80, b=60)
    for number in range(7):
        talks(h, "psy", 10.0 + 20.0 * number)
    offered = h.facts_of(f.Offered)
    assert [one.agent for one in offered] == list("aaabbba"), "a is above soft after three; then the smaller burden"
    assert [one.tier for one in offered] == [0, 0, 0, 0, 0, 0, 1]
    assert h.agent("a").state is h.agent("b").state is AgentState.READY
    both = [h.calls("psy", 200.0).agent, h.calls("psy", 200.0).agent]
    assert sorted(both) == ["a", "b"], "nobody is left free next to a caller in distress"


@pytest.mark.parametrize("binds", [True, False])
def test_only_an_accommodation_s_limit_is_hard(binds: bool) -> None:
    h = house(profile=QUICK._replace(distress=DistressLimit(1.0, 2.0, 1.0, binds)), a=80)
    talks(h, "psy", 10.0)
    assert len(h.waits("psy", 30.0)) == (0 if binds else 1)


def test_not_now_and_a_rest_hold_for_everybody() -> None:
    h = house(PSY._replace(load=4), INFO, a=80)
    talks(h, "psy", 10.0)
    assert h.waits("psy", 30.0) == [], "the rest after weight 4"
    h.tell(e.AgentResumed(AgentId("a")), 40.0)
    assert h.offers[-1].contact == "c2", "a rest that the agent ends is over"
    h.tell(e.HeavyContactsDeclined(AgentId("a")), 41.0)
    assert h.waits("psy", 42.0) == [] and h.state("a") is AgentState.READY


def test_not_now_says_so_where_nothing_heavy_comes() -> None:
    h = house(PSY, INFO, a=80, b=0)
    h.tell(e.HeavyContactsDeclined(AgentId("a")), 1.0)
    with pytest.raises(NothingToDecline):
        h.tell(e.HeavyContactsDeclined(AgentId("b")), 2.0)


# -- keep_free -----------------------------------------------------------------


def test_counsellors_are_kept_free() -> None:
    h = house(PSY._replace(keep_free=1), INFO, a=80, b=60)
    assert h.calls("info", 1.0).agent == "a", "b stays free"
    assert h.waits("info", 2.0) == [], "b is the last one"
    assert busy(h, "psy", 3.0).agent == "b"
    h.tell(e.OfferConnected(h.offers[0].offer, h.offers[0].contact))
    h.over(h.offers[0], 4.0)
    assert h.state("a") is AgentState.READY and len(h.offers) == 2, "free again, and the only one"
    assert h.calls("psy", 21.0).agent == "a", "distress itself is never kept waiting"


def test_what_waits_rings_as_soon_as_one_more_is_free() -> None:
    h = house(PSY._replace(keep_free=1), INFO, a=80, b=60)
    first = busy(h, "psy", 1.0)
    assert h.waits("info", 2.0) == []
    h.over(first, 60.0)
    assert h.offers[-1].contact == "c2"


def test_others_come_first_for_other_contacts() -> None:
    h = house(PSY._replace(keep_free=1), INFO, a=(80, 90), b=(60, 90), c=(0, 20))
    assert h.calls("info", 1.0).agent == "c", "the best level would be a"
    h2 = house(PSY, INFO, a=(80, 90), b=(60, 90), c=(0, 20))
    assert h2.calls("info", 1.0).agent == "a", "without keep_free the strategy alone decides"


@pytest.mark.parametrize(("percent", "counsellors", "kept"), [(20, 11, 3), (20, 10, 2), (50, 3, 2), (100, 2, 2)])
def test_a_share_is_rounded_up(percent: int, counsellors: int, kept: int) -> None:
    h = house(PSY._replace(keep_free_percent=percent), INFO, **{f"a{one}": 80 for one in range(counsellors)})
    rung = [one for number in range(counsellors) for one in h.waits("info", 1.0 + number)]
    assert len(rung) == counsellors - kept


def test_an_agent_who_spares_themselves_is_neither_counted_nor_kept() -> None:
    h = house(PSY._replace(keep_free=1), INFO, a=80, b=60)
    h.tell(e.HeavyContactsDeclined(AgentId("a")), 1.0)
    assert h.calls("info", 2.0).agent == "a"
    assert h.waits("info", 3.0) == [], "b is the one who is free"


def test_every_channel_counts() -> None:
    h = house(PSY._replace(keep_free=1), INFO, a=80)
    assert h.waits("info", 1.0, channel=Channel.CHAT) == [] and h.waits("info", 2.0, channel=Channel.EMAIL) == []
    assert h.waits("psy", 3.0, channel=Channel.CHAT) != [], "a is not free for calls then, so nobody is kept"


def test_the_reason_is_told() -> None:
    h = house(PSY._replace(keep_free=1), INFO, a=80)
    h.waits("info", 1.0)
    found = h.engine.explain_waiting(ContactId("c1"))
    assert found is not None and [one.reason for one in found[1]] == [ExclusionReason.KEPT]


# -- breaks --------------------------------------------------------------------

WORKING = QUICK._replace(max_continuous_s=7_200.0)


def test_being_idle_for_a_break_s_length_is_a_rest() -> None:
    h = house(profile=WORKING, a=0)
    run(h, 20_000.0)
    assert h.state("a") is AgentState.READY, "nobody rests from waiting"
    work(h, 27_190.0, "info")
    assert h.state("a") is AgentState.READY, "the time counts from the end of the rest"
    work(h, 27_201.0, "info")
    assert h.state("a") is AgentState.PAUSED


def test_the_last_one_on_duty_is_not_sent_on_a_break() -> None:
    h = house(PSY, INFO, profile=WORKING, a=80, b=0)
    work(h, 7_400.0, "info")
    assert h.state("a") is AgentState.READY and h.agent("a").break_postponed
    assert [one.service for one in h.facts_of(f.BreakPostponed)] == ["psy"], "told once"
    h.reload(agents=(*h.centre.agents, Agent(AgentId("c"), ((PSY_SKILL, 60),), WORKING)))
    h.sits("c", at=7_410.0)
    run(h, 7_460.0)
    assert h.state("a") is AgentState.PAUSED and not h.agent("a").break_postponed


def test_a_colleague_who_spares_themselves_is_not_on_duty() -> None:
    h = house(PSY, INFO, profile=WORKING, a=80, b=80)
    work(h, 7_000.0, "info")
    h.tell(e.HeavyContactsDeclined(AgentId("b")))
    work(h, 7_201.0, "info")
    assert h.state("a") is AgentState.READY and h.agent("a").break_postponed


def test_a_decision_record_has_the_offer_s_number() -> None:
    h = house(a=80)
    assert h.calls("psy", 1.0).offer == OfferId(1)


# -- nobody but agents who are kept free ------------------------------------------


def test_nobody_is_told_a_wait_for_agents_who_are_kept_free_for_ever() -> None:
    h = house(PSY._replace(keep_free=1), INFO, a=80)
    h.waits("info", 1.0)
    view = h.contact("c1")
    assert h.last(f.Queued).estimate is None and view.estimate is None and view.unserved
    assert h.engine.queue_status(1.0).queues[1].estimate is None
    offer = busy(h, "psy", 2.0)
    h.waits("info", 3.0)
    assert h.last(f.Queued).estimate is None and h.contact("c3").unserved, "a busy one is kept free afterwards, too"
    h.over(offer, 100.0)
    assert len(h.offers) == 1, "and so it is"


def test_with_one_more_than_are_kept_the_wait_is_told() -> None:
    h = house(PSY._replace(keep_free=1), INFO, a=80, b=60)
    busy(h, "psy", 1.0)
    busy(h, "psy", 1.0)
    h.waits("info", 2.0)
    both = h.last(f.Queued).estimate
    assert both is not None and not h.contact("c3").unserved
    alone = house(PSY, INFO, a=80)
    busy(alone, "psy", 1.0)
    alone.waits("info", 2.0)
    assert alone.last(f.Queued).estimate == both, "one of the two at a time"
    h.tell(e.AgentPaused(AgentId("b")), 3.0)
    h.over(h.offers[1], 3.0)
    assert h.contact("c3").unserved and h.contact("c3").estimate is None, "at once, not after some seconds"


def test_the_rule_for_nobody_holds_where_all_are_kept_free() -> None:
    led = INFO._replace(when_nobody=Rule(way=WayOut.CALLBACK))
    h = house(PSY._replace(keep_free=1), led, a=80, b=60)
    h.waits("info", 1.0)
    h.tell(e.OfferConnected(h.offers[-1].offer, "c1"), 2.0)  # type: ignore[arg-type]
    h.waits("info", 3.0)
    assert h.led_out() == [], "b is kept free now, but not for ever"
    h.tell(e.AgentSignedOut(AgentId("b")), 4.0)
    h.tick(4.0 + NOBODY_S)
    assert h.led_out() == [("c2", "nobody", "callback")], "only a is left, and after the talk a is kept free"
    h.waits("info", 30.0)
    assert h.led_out()[-1] == ("c3", "nobody", "callback"), "at once at the arrival"


def test_an_agent_who_said_not_now_is_there_until_its_end() -> None:
    led = INFO._replace(when_nobody=Rule(way=WayOut.CALLBACK))
    h = house(PSY._replace(keep_free=1), led, a=80)
    h.tell(e.HeavyContactsDeclined(AgentId("a")), 1.0)
    busy(h, "info", 2.0)
    h.waits("info", 3.0)
    assert h.led_out() == [] and not h.contact("c2").unserved and h.last(f.Queued).estimate is not None
    over = 1.0 + h.centre.heavy_declined_s
    h.tick(over)
    h.tick(over + NOBODY_S)
    assert h.led_out() == [("c2", "nobody", "callback")]
