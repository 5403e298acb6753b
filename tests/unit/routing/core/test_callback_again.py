"""Callbacks whose caller calls again by another way: over when they were served there, and only then."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls import callback_flow
from routing.core.explain import WaitReason
from routing.core.model import facts as f
from routing.core.model.centre_model import Agent, AgentState, Channel, Outcome, Profile, Rule, Step, WayOut
from routing.core.model.commands import DialCaller, Offer, Rescind
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from routing.core.queueing import callback_dial, contact_queue
from routing.core.queueing.recent_talks import SERVED_MIN_S
from tests.core.house import EDU, House, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

TWICE = EDU._replace(callback_tries=2, callback_retry_s=60.0)
TIP = EDU._replace(id=ServiceId("tip"), name="İhbar", when_waited=Rule(ServiceId("edu"), over_s=10.0))


def again(*, after_s: float = 500.0, service: str = "tip", **more: object) -> House:
    """c1, number h1, is to be called back for edu, not before 500 s later; they ring in for tip as c2. a talks."""
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE, TIP))
    told.waits("edu", at=1.0, caller_hash="h1", number_encrypted="box")
    told.tell(e.CallbackRequested("c1", after_s), 2.0)
    told.tell(e.CallerHungUp("c1"), 3.0)
    told.waits(service, at=10.0, **{"caller_hash": "h1"} | more)
    assert told.facts_of(f.Ended) == []
    return told


def served(told: House, talk_s: float = SERVED_MIN_S, by: str = "caller") -> House:
    """c2 comes to edu by overflow and talks there with a from 30 on."""
    told.tick(20.0)
    assert told.last(f.Moved).service == "edu"
    told.sits("a", at=30.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 30.0)
    told.tell(e.TalkEnded(told.offers[-1].offer, by), 30.0 + talk_s)
    return told


def rung() -> tuple[House, Offer]:
    """At 14, while c2 waits for tip, b is offered c1."""
    told = again(after_s=10.0)
    told.reload(agents=(*told.centre.agents, Agent(AgentId("b"), ((SkillId("edu"), 40),))))
    told.tell(e.ContactPrioritised("c2", -60), 13.0)
    told.tick(13.5)
    told.reload(services=(TWICE, TIP._replace(steps=(Step(((SkillId("tip"), 1),)),))))
    told.sits("b", at=14.0)
    offer = told.offers[-1]
    assert offer.contact == "c1"
    told.tell(e.OfferRinging(offer.offer), 14.5)
    return told, offer


def dial(offer: Offer) -> DialCaller:
    """Return the command that calls c1."""
    return DialCaller(offer.offer, ContactId("c1"), "box", ServiceId("edu"), 1.0, 0, False, False)


@pytest.mark.parametrize("by", ("caller", "agent", "transfer", "consult", "gone", "line"))
def test_who_was_served_in_a_later_call_is_not_called_back(by: str) -> None:
    told = again()
    if by in ("caller", "agent"):
        served(told, by=by)
    else:
        told.tick(20.0)
        told.sits("a", at=30.0)
        talk = told.offers[-1].offer
        told.tell(e.OfferConnected(talk, "c2"), 30.0)
        if by == "transfer":
            told.tell(e.TransferRequested(talk, ServiceId("tip")), 60.0)
        else:
            told.tell(e.ConsultRequested(talk, ServiceId("tip"), on_second_line=by == "line"), 50.0)
            assert told.contact("c1") is not None
            told.tell({"consult": e.OfferEnded(talk, "hangup"), "gone": e.CallerHungUp(ContactId("c2")),
                       "line": e.TalkEnded(talk, "caller")}[by], 60.0)
    end = next(one for one in told.facts_of(f.Ended) if one.contact == "c1")
    assert (end.outcome, end.key, end.service) == (Outcome.LEFT, callback_flow.SERVED, "edu")
    assert told.engine._domain.callbacks == {} and not told.engine._domain.waiting_callbacks["edu"]
    assert not [one for one in told.tick(600.0) if getattr(one, "contact", "") == "c1"]


@pytest.mark.parametrize(("talk_s", "by"), [
    (SERVED_MIN_S - 0.5, "caller"), (SERVED_MIN_S, "dropped"), (SERVED_MIN_S, "lost")])
def test_who_was_cut_off_or_talked_too_shortly_is_called_all_the_same(talk_s: float, by: str) -> None:
    told = served(again(), talk_s, by)
    assert told.contact("c1").callback


@pytest.mark.parametrize("end", [e.CallerHungUp(ContactId("c2"), ended_at=30.0 + SERVED_MIN_S - 0.5),
                                 e.CallerHungUp(ContactId("c2"), failure=True),
                                 e.CallerHungUp(ContactId("c2"), dropped=True)])
def test_who_is_gone_too_soon_or_was_lost_while_the_agent_asks_is_called_all_the_same(end: e.CallerHungUp) -> None:
    told = again()
    told.tick(20.0)
    told.sits("a", at=30.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 30.0)
    told.tell(e.ConsultRequested(told.offers[-1].offer, ServiceId("tip")), 50.0)
    told.tell(end, 70.0)
    assert told.last(f.Ended).outcome is Outcome.ANSWERED and told.contact("c1").callback


def test_a_talk_of_somebody_else_or_for_something_else_ends_no_callback() -> None:
    told = served(again(caller_hash="other"))
    assert told.contact("c1").callback
    told = served(again(caller_hash=""))
    assert told.contact("c1").callback, "a caller without a number is nobody's"
    told = again()
    told.sits("a", at=12.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 12.0)
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 90.0)
    assert told.contact("c1").callback, "they talked about something else"


def test_a_dialled_callback_is_let_go_when_its_caller_has_been_served() -> None:
    told, dialled = rung()
    assert told.tell(e.CallbackAccepted(dialled.offer), 15.0) == [dial(dialled)]
    assert told.tick(20.0) == [], "it rings on when they come to the service, and they may hear it"
    told.sits("a", at=30.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 30.0)
    done = told.tell(e.TalkEnded(told.offers[-1].offer, "agent"), 60.0)
    assert done == [Rescind(dialled.offer, "c1", "caller_hung_up", dialled=True)]
    assert told.state("b") is AgentState.READY and told.last(f.Ended).contact == "c1"


def test_a_line_that_was_there_before_the_callback_does_not_end_it() -> None:
    """A school's number: the other person has asked for a callback."""
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1")
    told.waits("edu", at=2.0, caller_hash="h1")
    told.tell(e.CallbackRequested("c2", 500.0), 3.0)
    told.tell(e.CallerHungUp("c2"), 4.0)
    told.sits("a", at=5.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 6.0)
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 90.0)
    assert told.contact("c2").callback, "that line was there first"


def test_who_was_taken_elsewhere_by_overflow_and_calls_again_has_the_place_of_the_callback() -> None:
    """They call for the service they know: where overflow took them they were not asked."""
    told = House({"a": 50}, services=(TWICE, TIP))
    told.waits("tip", at=1.0, caller_hash="h1")
    told.tick(11.0)
    told.tell(e.CallbackRequested("c1", 500.0), 12.0)
    assert told.contact("c1").service == "edu"
    told.tell(e.CallerHungUp("c1"), 13.0)
    told.waits("tip", at=60.0, caller_hash="h1")
    queued = told.last(f.Queued)
    assert (queued.service, queued.since) == ("tip", 1.0) and told.contact("c1").callback
    assert told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.CALLER_ON_LINE,)


def waiting(*, after_s: float = 10.0, **more: object) -> House:
    """c2 has come to edu by overflow at 20 and waits there; c1 could have been called since 12."""
    told = again(after_s=after_s, **more)
    told.tick(20.0)
    return told


def called(told: House, at: float, agent: str = "a") -> list[str]:
    """Return the contacts that a free agent is offered by then."""
    before = len(told.offers)
    told.sits(agent, at=at)
    return [one.contact for one in told.offers[before:]]


def test_nobody_is_called_back_who_is_on_the_line() -> None:
    """They wait: c2 is next, though c1 is older. They talk: nobody is dialled. Cut short: c1 goes on at its place."""
    told = waiting()
    told.waits("edu", at=25.0)
    told.reload(agents=(*told.centre.agents, Agent(AgentId("b"), ((SkillId("edu"), 40),))))
    assert called(told, 30.0) == ["c2"]
    assert told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.CALLER_ON_LINE,)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 31.0)
    assert called(told, 32.0, "b") == ["c3"], "while they talk"
    told.tell(e.OfferConnected(told.offers[-1].offer, "c3"), 33.0)
    talk = told.offers[-2]
    assert told.tell(e.TalkEnded(talk.offer, "caller"), 40.0) == [], "their phone has a moment"
    told.tick(39.9 + contact_queue.REDIAL_S)
    assert told.contact("c1").callback and told.offers[-1].contact == "c3"
    told.tick(40.0 + contact_queue.REDIAL_S)
    assert told.offers[-1].contact == "c1"


@pytest.mark.parametrize("end", [
    e.CallerHungUp(ContactId("c2")), e.ContactExited(ContactId("c2"), "fallback"),
    e.ContactExited(ContactId("c2"), "key", "9")])
def test_a_callback_goes_on_when_the_caller_was_not_served(end: e.Event) -> None:
    told = waiting()
    told.tell(end, 22.0)
    assert called(told, 30.0) == [] and told.contact("c1").callback
    told.tick(22.0 + contact_queue.REDIAL_S)
    assert told.offers[-1].contact == "c1"


def test_who_is_forgotten_on_the_line_keeps_nobodys_callback() -> None:
    """c2 was called at the number of c1, from which they did not call: nobody knows them any more."""
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1")
    told.waits("edu", at=2.0, caller_hash="h2")
    told.tell(e.CallbackRequested("c2", caller_hash="h1"), 3.0)
    told.tell(e.CallerHungUp("c2"), 4.0)
    told.tell(e.CallbackReached("c2", "PJSIP/called"), 5.0)
    told.tell(e.CallbackRequested("c1", 4.0), 6.0)
    told.tell(e.CallerHungUp("c1"), 7.0)
    told.tick(20.0)
    assert told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.CALLER_ON_LINE,)
    told.tell(e.CallerErased("h2"), 21.0)
    told.tick(21.0 + contact_queue.REDIAL_S)
    assert called(told, 40.0) == ["c1"]


def test_a_phone_that_rings_at_an_agent_is_let_go_when_the_caller_comes_by_themselves() -> None:
    """Sent on by an agent, taken on by overflow, or having chosen the service: before anybody is dialled."""
    told, offer = rung()
    assert told.tick(20.0)[:1] == [Rescind(offer.offer, "c1", callback_flow.CALLER_ON_LINE)]
    assert told.offers[-1].contact == "c2" and told.facts_of(f.OfferClosed)[-1].reason == callback_flow.CALLER_ON_LINE
    assert told.tell(e.CallbackAccepted(offer.offer), 21.0) == []
    told, offer = rung()
    done = told.tell(e.ContactQueued("c2", ServiceId("edu"), "PJSIP/c2"), 15.0)
    assert done[:1] == [Rescind(offer.offer, "c1", callback_flow.CALLER_ON_LINE)] and told.offers[-1].contact == "c2"


def test_a_call_that_is_sent_to_the_service_keeps_the_callback_and_one_that_is_sent_away_does_not() -> None:
    told = again(after_s=10.0)
    told.reload(agents=(*told.centre.agents, Agent(AgentId("b"), ((SkillId("edu"), 40),))))
    told.tell(e.ContactPrioritised("c2", 60), 10.5)
    assert called(told, 11.0) == ["c2"]
    talk = told.offers[-1].offer
    told.tell(e.OfferConnected(talk, "c2"), 11.0)
    told.tell(e.ConsultRequested(talk, ServiceId("edu")), 11.5)
    told.tick(13.0)
    assert called(told, 14.0, "b") == ["c2"], "their agent asks in the service of the callback"
    told.tell(e.OfferEnded(told.offers[-1].offer, "rejected"), 15.0)
    told.tell(e.ConsultEndRequested(talk), 15.5)
    told.tell(e.OfferConnected(talk, "c2"), 15.6)
    assert told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.NOT_YET,
        ), "the caller is back in the talk about tip"
    told.tell(e.TransferRequested(talk, ServiceId("edu")), 16.0)
    assert told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.CALLER_ON_LINE,)
    told.tick(21.0)
    assert told.offers[-1].contact == "c2"
    talk = told.offers[-1].offer
    told.tell(e.OfferConnected(talk, "c2"), 22.0)
    told.tell(e.ConsultRequested(talk, ServiceId("tip")), 23.0)
    assert told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.CALLER_ON_LINE,
        ), "they may be back in a moment"
    told.tell(e.OfferEnded(talk, "hangup"), 24.0)
    assert told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.NOT_YET,), "they are in another line for good"


@pytest.mark.parametrize("restarts", (False, True))
def test_who_came_by_overflow_is_on_the_line_for_it_while_the_agent_asks_and_after(restarts: bool) -> None:
    """c2 came to s2 by overflow from edu. The agent there consults an agent of tip, and then has the caller again."""
    edu, s2 = TWICE._replace(when_waited=Rule(ServiceId("s2"), over_s=5.0)), EDU._replace(id=ServiceId("s2"))
    told = House({"a": 50, "b": 50}, Profile(wrapup_s=0.0), (edu, s2, TIP))
    told.waits("edu", at=1.0, caller_hash="h1", number_encrypted="box")
    told.tell(e.CallbackRequested("c1", 40.0), 2.0)
    told.tell(e.CallerHungUp("c1"), 3.0)
    told.waits("tip", at=4.0, caller_hash="h1")
    told.tick(14.0)
    told.tick(19.0)
    assert told.contact("c2").service == "s2"
    told.sits("a", at=30.0)
    talk = told.offers[-1].offer
    told.tell(e.OfferConnected(talk, "c2"), 31.0)
    told.tell(e.ConsultRequested(talk, TIP.id), 60.0)
    if restarts:
        before, told = told, House({"a": 50, "b": 50}, Profile(wrapup_s=0.0), (edu, s2, TIP))
        assert restore(told.engine, *rows(before.engine), 62.0) == []
        told.tell(e.LinkChanged("", True), 62.0)
    assert called(told, 63.0, "b") == ["c2"] \
        and told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.CALLER_ON_LINE,)
    told.tell(e.ConsultEndRequested(talk, False), 64.0)
    told.tick(90.0)
    assert told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.CALLER_ON_LINE,
        ), "b is free, and c1 on the line"
    told.tell(e.OfferConnected(talk, "c2"), 91.0)
    told.tell(e.ConsultRequested(talk, TIP.id), 92.0)
    told.tell(e.OfferEnded(talk, "hangup"), 93.0)
    assert told.contact("c2").service == "tip" and told.engine._domain.contacts[ContactId("c2")].visited == ()


@pytest.mark.parametrize(("changed", "kept"), [({"caller_hash": "h2"}, False), ({"caller_hash": ""}, False),
                                               ({"channel": Channel.CHAT}, False), ({}, True)])
def test_only_a_call_of_the_same_caller_keeps_it(changed: dict[str, object], kept: bool) -> None:
    told = waiting(**changed)
    told.tell(e.ContactPrioritised("c2", -60), 21.0)
    assert called(told, 30.0) == (["c2"] if kept else ["c1"])


def test_a_call_that_was_in_line_before_keeps_nothing() -> None:
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1")
    told.waits("edu", at=2.0, caller_hash="h1", priority=9)
    told.tell(e.CallbackRequested("c2"), 3.0)
    told.tell(e.CallerHungUp("c2"), 4.0)
    assert called(told, 5.0) == ["c2"]


def test_who_asks_while_their_later_call_waits_is_called_after_it() -> None:
    """Two lines of one telephone: the later one has come to the service by overflow."""
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE, TIP))
    told.waits("edu", at=1.0, caller_hash="h1")
    told.waits("tip", at=2.0, caller_hash="h1")
    told.tick(12.0)
    told.tell(e.CallbackRequested("c1"), 13.0)
    told.tell(e.CallerHungUp("c1"), 14.0)
    assert called(told, 15.0) == ["c2"]


def test_a_phone_that_rings_for_who_asks_is_let_go_by_their_wish_whoever_is_on_the_line() -> None:
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE, TIP))
    told.sits("a", at=0.5)
    rings = told.calls("edu", at=1.0, caller_hash="h1")
    told.tell(e.OfferRinging(rings.offer), 1.5)
    told.waits("tip", at=2.0, caller_hash="h1")
    told.tick(12.0)
    done = told.tell(e.CallbackRequested("c1"), 13.0)
    assert done[0] == Rescind(rings.offer, "c1", "callback") and [one.contact for one in told.offers] == ["c1", "c2"]
    told.tell(e.CallerHungUp("c1"), 14.0)
    assert told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.CALLER_ON_LINE,)


def test_a_restart_knows_who_is_on_the_line() -> None:
    told = waiting()
    assert called(told, 30.0) == ["c2"]
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 31.0)
    again_ = House({"a": 50, "b": 50}, Profile(wrapup_s=0.0), (TWICE, TIP))
    assert restore(again_.engine, *rows(told.engine), 40.0) == []
    again_.tell(e.LinkChanged("", True), 40.0)
    assert called(again_, 41.0, "b") == [] and again_.contact("c1").callback
    again_.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 50.0)
    again_.tick(50.0 + contact_queue.REDIAL_S)
    assert again_.offers[-1].contact == "c1"



@pytest.mark.parametrize("why", ("full", "closed"))
@pytest.mark.parametrize("onward", (False, True))
def test_whom_no_line_takes_is_called_as_promised(why: str, onward: bool) -> None:
    rule = Rule(TIP.id) if onward else Rule(way=WayOut.CALLBACK)
    edu = TWICE._replace(max_waiting=1, when_full=rule, when_closed=rule)
    told = House({"a": 50}, services=(edu, TIP._replace(when_waited=None)))
    told.sits("a", at=0.0)
    told.tell(e.AgentPaused("a"), 0.5)  # type: ignore[arg-type]
    told.waits("edu", at=1.0, caller_hash="h1", number_encrypted="box")
    told.tell(e.CallbackRequested("c1"), 5.0)  # type: ignore[arg-type]
    told.tell(e.CallerHungUp("c1"), 8.0)  # type: ignore[arg-type]
    if why == "full":
        told.waits("edu", at=10.0, caller_hash="h2")
    else:
        told.tell(e.ServiceHoursSet(edu.id, False), 10.0)
    told.waits("edu", at=20.0, caller_hash="h1")
    rings_in = told.contact(f"c{told.numbers}")
    assert [one[1:] for one in told.led_out()] == ([] if onward else [(why, "callback")])
    assert rings_in.merged is onward and (rings_in.waited_s == 19.0) is onward
    promised = told.contact("c1")
    assert promised.callback
    if not onward:
        told.tell(e.ContactExited(rings_in.contact, "fallback"), 21.0)
        assert told.contact("c1").callback and [one.contact for one in told.facts_of(f.Ended)] == [rings_in.contact]


def test_dials_that_end_at_one_moment_end_in_the_order_of_their_offers() -> None:
    """The second agent has taken the offer first. That decides nothing."""
    told = House({"a": 50, "b": 50}, services=(EDU,))
    for name in ("c1", "c2"):
        told.waits("edu", at=1.0, caller_hash=f"h{name}")
        told.tell(e.CallbackRequested(ContactId(name)), 2.0)
        told.tell(e.CallerHungUp(ContactId(name)), 3.0)
    told.sits("a", "b", at=4.0)
    first, second = told.offers
    told.tell(e.CallbackAccepted(second.offer), 10.0)
    told.tell(e.CallbackAccepted(first.offer), 10.0)
    ended = told.tick(10.0 + callback_dial.DIAL_S)
    assert [(one.offer, one.reason) for one in ended if isinstance(one, Rescind)] == [
        (first.offer, "callback_failed"), (second.offer, "callback_failed")]
