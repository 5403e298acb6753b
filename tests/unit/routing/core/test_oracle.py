"""Faults of the engine that the oracle (`tests/oracle`) has found, each in the smallest house that shows it."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    Channel,
    DistressLimit,
    OfferState,
    Profile,
    Rule,
    Step,
    WayOut,
)
from routing.core.model.commands import Offer, Rescind
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from routing.core.queueing import wait_deadline
from routing.core.stored import Started
from tests.core.house import EDU, House
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

PAIR = Profile(pair_id="p", wrapup_s=0.0)
TIP = EDU._replace(id="tip", name="İhbar")
HEAVY = EDU._replace(load=4)
QUICK = Profile(wrapup_s=0.0)
LIMITED = Profile(wrapup_s=0.0, distress=DistressLimit(soft=1.5, hard=2.0, release=1.0))


def test_a_reload_may_turn_the_pair_round() -> None:
    h = House({"a": 50, "b": 50}, PAIR)
    h.sits("a", "b")
    h.reload(agents=h.centre.agents[::-1])
    assert h.calls("edu").agent == "b"


def test_a_caller_who_calls_again_has_the_best_age_of_the_callbacks() -> None:
    h = House({"a": 50})
    for _ in range(2):
        h.waits("edu", at=1.0, caller_hash="h1")
    for name in ("c1", "c2"):
        h.tell(e.CallbackRequested(name), 2.0)
        h.tell(e.CallerHungUp(name), 3.0)
    assert [(one.contact, one.key) for one in h.facts_of(f.Ended)] == [("c1", "merged")]
    h.waits("edu", at=9.0, caller_hash="h1")
    assert h.contact("c3").waited_s == 8.0 and h.contact("c2").callback


@pytest.mark.parametrize("changed", ({"service": "tip"}, {"service": "edu", "topics": frozenset({"abusive"})}))
def test_who_chooses_something_else_is_not_put_through_to_the_agent_who_rings(changed: dict[str, object]) -> None:
    h = House({"a": 50}, services=(EDU, TIP._replace(steps=(Step(((SkillId("tip"), 1),)),))))
    h.profiles(a=Profile(no_topics=frozenset({"abusive"})))
    h.sits("a")
    offer = h.calls("edu", 1.0)
    done = h.tell(e.ContactQueued("c1", leg="PJSIP/c1", **changed), 2.0)  # type: ignore[arg-type]
    assert done == [Rescind(offer.offer, "c1", "chosen")] and h.state("a") is AgentState.READY
    assert h.last(f.OfferClosed).state is OfferState.RESCINDED
    h.tell(e.OfferConnected(offer.offer, "c1"), 3.0)
    assert h.facts_of(tf.Connected) == []


def test_a_limit_that_has_ended_in_a_talk_does_not_count_when_the_next_weight_comes() -> None:
    h = House({"a": 50}, LIMITED, (EDU._replace(load=2), TIP))
    h.reload(load_half_life_s=10.0)
    h.sits("a")
    h.over(h.talks(0.0), 1.0)
    light = h.calls("tip", 2.0)
    h.tell(e.OfferConnected(light.offer, light.contact), 2.0)
    h.tell(e.LoadReported(light.offer, 2), 12.0)  # 0.87 by then, and now 1.87
    assert not h.engine._domain.agents[AgentId("a")].at_hard_limit


def test_what_is_due_at_the_same_moment_happens_before_anybody_is_chosen() -> None:
    """Both ask for less at 10; the one who was told later has waited longer."""
    h = House({"a": 50}, QUICK, (EDU._replace(steps=(Step(((SkillId("edu"), 90),), 10.0), Step(()))),))
    h.profiles()
    h.reload(agents=(*h.centre.agents, Agent(AgentId("best"), ((SkillId("edu"), 95),))))
    h.sits("a", "best", at=0.0)
    h.tell(e.AgentPaused("a"), 0.0)
    talk = h.talks(0.0)
    assert talk.agent == "best"
    h.waits("edu", at=0.0)
    h.waits("edu", at=0.0, since=-5.0)
    h.tell(e.AgentResumed("a"), 1.0)
    (offer,) = [one for one in h.tick(10.0) if isinstance(one, Offer)]
    assert offer.contact == "c3"


def test_a_preferred_lead_of_a_pair_takes_no_topic_that_the_other_one_excludes() -> None:
    h = House({"a": 50, "b": 50}, PAIR, (EDU._replace(preferred_s=60.0),))
    h.profiles(b=PAIR._replace(no_topics=frozenset({"abusive"})))
    h.sits("a", "b")
    talk = h.calls("edu", 1.0, caller_hash="h1")
    h.tell(e.OfferConnected(talk.offer, talk.contact), 1.0)
    h.over(talk, 2.0)
    assert h.waits("edu", 20.0, caller_hash="h1", topics=frozenset({"abusive"})) == []
    assert h.waits("edu", 21.0, caller_hash="h1") != []


def test_the_lead_of_a_pair_has_what_they_bear_back_when_the_other_one_is_gone() -> None:
    h = House({"a": 50, "b": 50}, PAIR, (HEAVY,))
    h.sits("a", "b")
    h.tell(e.HeavyContactsDeclined("b"), 1.0)
    assert h.waits("edu", 2.0, channel=Channel.CHAT) == [], "who stands for both takes what both can"
    done = h.tell(e.AgentSignedOut("b"), 3.0)
    assert [one.agent for one in done if isinstance(one, Offer)] == ["a"]


def test_after_a_reload_a_contact_at_hand_weighs_what_its_service_does_now() -> None:
    h = House({"a": 50}, QUICK)
    h.sits("a")
    h.calls("edu", 1.0, channel=Channel.CHAT)
    h.reload(services=(HEAVY,))
    assert h.waits("edu", 2.0, channel=Channel.CHAT) == [], "never two of weight 4 at the same time"


def test_after_a_restart_a_heavy_contact_at_hand_keeps_others_away() -> None:
    h = House({"a": 50}, QUICK, (HEAVY,))
    h.sits("a")
    h.calls("edu", channel=Channel.CHAT)
    contacts, offers, agents = rows(h.engine)
    h.engine = Engine()
    h.tell(Started(h.centre, tuple(contacts), tuple(offers), tuple(agents), next_offer=2, next_fact=100), 3.0)
    h.tell(e.LinkChanged("", True), 3.0)
    assert h.waits("edu", 4.0, channel=Channel.CHAT) == []


def test_a_planned_break_that_was_over_before_the_engine_s_own_ended_keeps_nobody_idle() -> None:
    h = House({"a": 50}, Profile(wrapup_s=0.0, max_continuous_s=100.0))
    h.reload(micro_break_s=50.0)
    h.sits("a", at=1.0)
    h.over(h.talks(40.0))
    h.over(h.talks(80.0))
    h.tick(101.0)
    assert h.state("a") is AgentState.PAUSED
    h.tell(e.BreaksPlanned("a", ((110.0, 120.0), (9_000.0, 9_100.0))), 102.0)
    h.tick(151.0)
    assert h.state("a") is AgentState.READY and h.calls("edu", 152.0).agent == "a"


def test_limits_of_a_reload_hold_for_the_load_of_that_moment() -> None:
    h = House({"a": 50}, QUICK, (EDU._replace(load=3),))
    h.reload(load_half_life_s=10.0)
    h.sits("a")
    h.over(h.talks(0.0), 1.0)
    h.tell(e.AgentPaused("a"), 2.0)
    h.now = 3.0
    h.profiles(a=LIMITED)  # 2.4 by now: at the limit
    h.tell(e.AgentResumed("a"), 12.0)  # 1.3: not yet below `again`
    assert h.waits("edu", 13.0) == []




def test_a_planned_break_that_begins_while_a_short_one_waits_gives_its_length() -> None:
    h = House({"a": 50}, Profile(wrapup_s=0.0, max_continuous_s=100.0))
    h.reload(micro_break_s=50.0)
    h.sits("a", at=1.0)
    talk = h.talks(2.0)
    h.tell(e.BreaksPlanned("a", ((110.0, 300.0),)), 50.0)
    h.tick(101.0)
    h.tick(110.0)
    h.over(talk, 120.0)
    assert h.state("a") is AgentState.PAUSED
    h.tick(310.0 - 1e-3)
    assert h.state("a") is AgentState.PAUSED, "190 s, not 50"
    h.tick(310.0)
    assert h.state("a") is AgentState.READY


def test_a_limit_that_has_ended_in_a_break_is_not_kept_by_a_reload() -> None:
    h = House({"a": 50}, QUICK, (EDU._replace(load=3),))
    h.profiles(a=Profile(wrapup_s=0.0, distress=DistressLimit(soft=2.0, hard=2.5, release=2.0)))
    h.reload(load_half_life_s=10.0)
    h.sits("a")
    h.over(h.talks(0.0), 1.0)
    h.tell(e.AgentPaused("a"), 2.0)
    h.now = 10.0
    h.profiles(a=LIMITED)  # 1.5 by now: the old limit has ended, the new one is not reached
    h.tell(e.AgentResumed("a"), 11.0)
    assert h.calls("edu", 12.0).agent == "a"


def test_a_later_planned_break_hides_no_short_one_after_a_rest() -> None:
    h = House({"a": 50}, Profile(wrapup_s=0.0, max_continuous_s=100.0))
    h.reload(micro_break_s=50.0)
    h.sits("a", at=1.0)
    h.tell(e.BreaksPlanned(AgentId("a"), ((1_000.0, 1_060.0),)), 2.0)
    h.tick(101.0)
    assert h.state("a") is AgentState.READY, "ready for 100 s without a contact, which is a rest"
    h.over(h.talks(110.0), 150.0)
    h.over(h.talks(160.0), 200.0)
    h.tick(210.0 - 1e-3)
    assert h.state("a") is AgentState.READY
    h.tick(210.0)
    assert h.state("a") is AgentState.PAUSED, "100 s after the end of the rest"


@pytest.mark.parametrize("move", ({"service": "soz"}, {"service": None, "to": "a"}))
def test_a_moved_callback_is_not_held_by_a_call_for_a_service_that_it_has_left(move: dict[str, object]) -> None:
    first = TIP._replace(when_waited=Rule(ServiceId("edu"), over_s=10.0), steps=(Step(((SkillId("tip"), 1),)),))
    h = House({"a": 50}, QUICK, (first, EDU, EDU._replace(id=ServiceId("soz"), name="Söz")))
    h.sits("a", at=0.5)
    h.talks(0.5)
    h.waits("tip", 1.0, caller_hash="h1")
    h.tick(11.0)
    assert h.contact("c2").service == "edu", "the rule has led it on"
    h.tell(e.CallbackRequested(ContactId("c2")), 12.0)
    h.tell(e.CallerHungUp(ContactId("c2")), 13.0)
    h.tell(e.MoveRequested(ContactId("c2"), **move), 20.0)  # type: ignore[arg-type]
    h.waits("tip", 30.0, caller_hash="h1")
    h.over(h.offers[0], 40.0)
    assert h.offers[-1].contact == "c2"


@pytest.mark.parametrize("gone", (e.AgentSignedOut(AgentId("a")), e.AgentSkillsChanged(AgentId("a"), ())))
def test_a_partner_gets_a_message_before_the_break_when_the_lead_brings_no_long_calls_any_more(gone: e.Event) -> None:
    """While the lead takes calls for `edu`, one of them would reach into the break of the partner."""
    h = House({"a": 50, "b": 0}, PAIR, (EDU, TIP._replace(steps=(Step(((SkillId("edu"), 0),)),))))
    h.sits("a", "b", at=1.0)
    for _ in range(50):
        h.engine._domain.handle_times[EDU.id].note_contact(7_000.0)
    h.tell(e.BreaksPlanned(AgentId("b"), ((5_000.0, 5_900.0),)), 2.0)
    h.tell(e.AgentPaused(AgentId("a")), 3.0)
    assert h.waits("tip", 4.0, channel=Channel.CHAT) == []
    assert [one.agent for one in h.tell(gone, 5.0) if isinstance(one, Offer)] == ["b"]


def test_an_agent_who_gets_a_contact_by_a_rule_is_there_at_once() -> None:
    """The time without anybody starts again after the contact, also if no other event came meanwhile."""
    mail = TIP._replace(steps=(Step(((SkillId("edu"), 90),)),), when_waited=Rule(ServiceId("post"), over_s=10.0))
    post = EDU._replace(id=ServiceId("post"), name="Posta")
    h = House({"a": 50}, QUICK, (EDU._replace(when_nobody=Rule(way=WayOut.GOODBYE)), mail, post))
    h.sits("a", at=0.5)
    chat = h.chats(at=0.5, service="post")
    h.waits("edu", 1.0)
    h.waits("tip", 2.0, channel=Channel.EMAIL)
    h.seat("a", reachable=False, at=3.0)
    h.over(chat, 4.0)
    assert h.state("a") is AgentState.UNREACHABLE, "nobody is there for the caller from now on"
    h.tick(12.0)
    assert h.offers[-1].contact == "c3" and h.state("a") is AgentState.RINGING
    h.tell(e.ContactExited(ContactId("c3"), "key", "9"), 13.0)
    h.tick(4.0 + wait_deadline.NOBODY_S)
    assert h.led_out() == []
    h.tick(13.0 + wait_deadline.NOBODY_S)
    assert h.led_out() == [("c2", "nobody", "goodbye")]


def test_a_heavy_contact_that_is_moved_to_the_agent_whom_it_rings_rings_there_again() -> None:
    h = House({"a": 50, "b": 60}, QUICK, (HEAVY._replace(distress=True),))
    h.sits("a", "b", at=0.5)
    h.tell(e.AgentPaused(AgentId("b")), 0.5)
    assert h.calls("edu", 1.0).agent == "a"
    h.tell(e.AgentResumed(AgentId("b")), 2.0)
    assert [one.agent for one in h.tell(e.MoveRequested(ContactId("c1"), None, AgentId("a"), "amir"), 3.0)
            if isinstance(one, Offer)] == ["a"], "b has the better level"
    assert h.last(f.Offered).preferred
