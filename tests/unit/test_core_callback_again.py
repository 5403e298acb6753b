"""Callbacks whose caller calls again by another way: over when they were served there, and only then."""

from __future__ import annotations

import pytest

from routing.core import callback
from routing.core import events as e
from routing.core import facts as f
from routing.core.commands import Rescind
from routing.core.ids import AgentId, ServiceId, SkillId
from routing.core.model import Agent, AgentState, Outcome, Profile
from tests.core_house import EDU, House

pytestmark = pytest.mark.unit

TWICE = EDU._replace(callback_tries=2, callback_retry_s=60.0)
TIP = EDU._replace(id=ServiceId("tip"), name="İhbar", overflow_s=10.0, overflow_to=ServiceId("edu"))


def again(*, after_s: float = 500.0, service: str = "tip", **more: object) -> House:
    """c1, number h1, is to be called back for edu, not before 500 s later; they ring in for tip as c2. a talks."""
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE, TIP))
    told.waits("edu", at=1.0, caller_hash="h1", caller_box="box")
    told.tell(e.CallbackAsked("c1", after_s), 2.0)
    told.tell(e.ContactGone("c1"), 3.0)
    told.waits(service, at=10.0, **{"caller_hash": "h1"} | more)
    assert told.facts_of(f.Ended) == []
    return told


def served(told: House, talk_s: float = callback.SERVED_S, by: str = "caller") -> House:
    """c2 comes to edu by overflow and talks there with a from 30 on."""
    told.tick(20.0)
    assert told.last(f.Moved).service == "edu"
    told.sits("a", at=30.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 30.0)
    told.tell(e.TalkEnded(told.offers[-1].offer, by), 30.0 + talk_s)
    return told


@pytest.mark.parametrize("by", ("caller", "agent", "transfer", "consult"))
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
            told.tell(e.TransferAsked(talk, ServiceId("tip")), 60.0)
        else:
            told.tell(e.ConsultAsked(talk, ServiceId("tip")), 50.0)
            assert told.contact("c1") is not None
            told.tell(e.OfferEnded(talk, "hangup"), 60.0)
    end = next(one for one in told.facts_of(f.Ended) if one.contact == "c1")
    assert (end.outcome, end.key, end.service) == (Outcome.LEFT, callback.SERVED, "edu")
    assert told.engine._domain.callbacks == {} and told.engine._domain.deferred["edu"] == 0
    assert not [one for one in told.tick(600.0) if getattr(one, "contact", "") == "c1"]


@pytest.mark.parametrize(("talk_s", "by"), [
    (callback.SERVED_S - 0.5, "caller"), (callback.SERVED_S, "dropped"), (callback.SERVED_S, "lost")])
def test_who_was_cut_off_or_talked_too_shortly_is_called_all_the_same(talk_s: float, by: str) -> None:
    told = served(again(), talk_s, by)
    assert told.contact("c1").callback


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
    told = again(after_s=20.0)
    told.tick(20.0)
    told.reload(agents=(*told.centre.agents, Agent(AgentId("b"), ((SkillId("edu"), 40),))))
    told.tick(22.0)
    told.tell(e.ContactRanked("c2", 60), 23.0)
    told.sits("a", at=30.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 30.0)
    told.sits("b", at=31.0)
    dialled = told.offers[-1]
    told.tell(e.CallbackTaken(dialled.offer), 59.0)
    done = told.tell(e.TalkEnded(told.offers[-2].offer, "agent"), 60.0)
    assert done == [Rescind(dialled.offer, "c1", "contact_gone", dialled=True)]
    assert told.state("b") is AgentState.READY and told.last(f.Ended).contact == "c2"


def test_two_who_are_promised_a_call_at_one_telephone_are_both_called() -> None:
    """A school's number: each of them has asked for it on a line of their own."""
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE,))
    for at in (1.0, 2.0):
        told.waits("edu", at=at, caller_hash="h1", caller_box="box")
    told.tell(e.CallbackAsked("c1", 500.0), 3.0)
    told.tell(e.CallbackAsked("c2"), 3.0)
    for name in ("c1", "c2"):
        told.tell(e.ContactGone(name), 4.0)
    told.sits("a", at=5.0)
    told.tell(e.CallbackTaken(told.offers[-1].offer), 6.0)
    told.tell(e.CallbackReached("c2", "PJSIP/called"), 7.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 8.0)
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 90.0)
    assert told.contact("c1").callback
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1")
    told.waits("edu", at=2.0, caller_hash="h1")
    told.tell(e.CallbackAsked("c2", 500.0), 3.0)
    told.tell(e.ContactGone("c2"), 4.0)
    told.sits("a", at=5.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 6.0)
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 90.0)
    assert told.contact("c2").callback, "that line was there first"


def test_who_was_taken_elsewhere_by_overflow_and_calls_again_has_the_place_of_the_callback() -> None:
    """They call for the service they know: where overflow took them they were not asked."""
    told = House({"a": 50}, services=(TWICE, TIP))
    told.waits("tip", at=1.0, caller_hash="h1")
    told.tick(11.0)
    told.tell(e.CallbackAsked("c1", 500.0), 12.0)
    assert told.contact("c1").service == "edu"
    told.tell(e.ContactGone("c1"), 13.0)
    told.waits("tip", at=60.0, caller_hash="h1")
    end, queued = told.last(f.Ended), told.last(f.Queued)
    assert (end.contact, end.key, queued.service, queued.since) == ("c1", callback.MERGED, "tip", 1.0)
    assert told.engine._domain.callbacks == {}
