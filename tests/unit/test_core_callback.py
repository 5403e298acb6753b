"""Callbacks: the place stays, the agent first, tries, and the caller who calls again."""

from __future__ import annotations

import pytest

from routing.core import callback, offers
from routing.core import events as e
from routing.core import facts as f
from routing.core.commands import Offer, Rescind
from routing.core.model import AgentState, Channel, ContactState, Outcome
from tests.core_house import EDU, House

pytestmark = pytest.mark.unit

TWICE = EDU._replace(callback_tries=2, callback_retry_s=60.0, overflow_s=20.0)


def asked(*, after_s: float = 0.0, **more: object) -> House:
    """c1 has waited since 1, wants to be called back at 5 and hangs up at 8; c2 has waited since 3."""
    told = House({"a": 50, "b": 50}, services=(TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1", **more)
    told.waits("edu", at=3.0)
    told.tell(e.CallbackAsked("c1", after_s), 5.0)
    told.tell(e.ContactGone("c1"), 8.0)
    return told


def test_the_place_in_line_stays_and_nobody_is_on_the_line() -> None:
    told = asked()
    fact = told.last(f.CallbackChanged)
    assert (fact.version, fact.tries, fact.not_before, fact.reason) == (2, 0, 5.0, "asked")
    assert told.facts_of(f.Ended) == [] and told.contact("c1").position == 1 and told.contact("c1").callback
    assert [one.contact for one in told.engine.live_contacts()] == ["c2"], "no channel to be missed"
    told.sits("a", at=10.0)
    offer = told.offers[-1]
    assert (offer.contact, offer.callback, offer.leg, offer.waited_s) == ("c1", True, "", 9.0)
    told.tell(e.OfferAnswered(offer.offer), 11.0)
    told.tell(e.ContactGone("c2"), 12.0)
    assert told.tick(11.0 + offers.BRIEF_S) == [], "dialling takes its time"
    told.tell(e.OfferConnected(offer.offer, "c1"), 45.0)
    told.tell(e.TalkEnded(offer.offer, "caller"), 60.0)
    assert told.last(f.Ended).outcome is Outcome.ANSWERED and told.last(f.Ended).wait_s == 44.0


def test_it_is_not_offered_before_the_caller_has_hung_up_nor_before_its_time() -> None:
    told = House({"a": 50}, services=(TWICE,))
    told.waits("edu", at=1.0)
    told.tell(e.CallbackAsked("c1", 30.0), 2.0)
    told.tell(e.CallbackAsked("c1"), 3.0)
    told.sits("a", at=4.0)
    assert told.offers == [] and len(told.facts_of(f.CallbackChanged)) == 1
    assert told.tick(32.0) == [], "still on the line"
    (offer,) = told.tell(e.ContactGone("c1"), 33.0)
    assert isinstance(offer, Offer)
    told = House({"a": 50}, services=(TWICE,))
    told.sits("a", at=0.0)
    told.tell(e.AgentPaused("a"), 0.5)
    told.waits("edu", at=1.0)
    told.tell(e.CallbackAsked("c1", 30.0), 2.0)
    told.tell(e.ContactGone("c1"), 3.0)
    told.tell(e.AgentResumed("a"), 4.0)
    assert told.tick(31.9) == [] and told.tick(32.0)[0] == told.offers[-1]


def test_asked_while_a_phone_rings_the_agent_is_let_go() -> None:
    told = House({"a": 50})
    told.sits("a")
    offer = told.calls("edu", at=1.0)
    assert told.tell(e.CallbackAsked("c1"), 2.0) == [Rescind(offer.offer, "c1", "callback")]
    assert told.state("a") is AgentState.READY and told.last(f.CallbackChanged).version == 4
    assert told.last(f.AgentChanged).misses == 0


def test_a_failed_try_is_no_miss_and_the_next_comes_later_until_there_is_none_left() -> None:
    told = asked()
    told.sits("a", at=10.0)
    first = told.offers[-1]
    told.tell(e.OfferAnswered(first.offer), 11.0)
    rescind, nxt = told.tell(e.CallbackFailed(first.offer, "busy"), 20.0)
    assert rescind == Rescind(first.offer, "c1", "callback_failed") and nxt.contact == "c2"  # type: ignore[union-attr]
    changed = told.last(f.CallbackChanged)
    assert (changed.tries, changed.not_before, changed.reason, changed.version) == (1, 80.0, "busy", 5)
    assert told.agent("a").misses == 0 and told.contact("c1").position == 1
    told.tell(e.CallbackFailed(first.offer, "busy"), 21.0)
    assert len(told.facts_of(f.CallbackChanged)) == 2, "said twice"
    told.tell(e.ContactGone("c2"), 21.5)
    told.tell(e.AgentPaused("a"), 21.5)
    told.sits("b", at=22.0)
    told.tick(80.0)
    again = told.offers[-1]
    assert (again.contact, again.agent) == ("c1", "b")
    told.tell(e.OfferAnswered(again.offer), 81.0)
    told.tick(81.0 + offers.BRIEF_S + callback.DIAL_S)
    end = told.last(f.Ended)
    assert (end.contact, end.outcome, end.version) == ("c1", Outcome.CALLBACK_FAILED, 9)
    assert told.agent("b").misses == 0 and told.last(f.CallbackChanged).reason == "stale"
    assert told.engine._domain.callbacks == {} and told.engine._domain.deferred["edu"] == 0


def test_an_agent_who_lets_a_callback_ring_has_missed_it() -> None:
    told = asked()
    told.sits("a", at=10.0)
    told.tell(e.OfferEnded(told.offers[-1].offer, "no_answer"), 25.0)
    assert told.agent("a").misses == 1 and told.facts_of(f.CallbackChanged)[-1].tries == 0
    assert told.contact("c1").state is ContactState.PENDING


def test_who_calls_again_takes_the_place_of_the_callback() -> None:
    told = asked(priority=1)
    told.waits("edu", at=100.0, caller_hash="h1")
    end = told.last(f.Ended)
    assert (end.contact, end.outcome, end.key) == ("c1", Outcome.LEFT, callback.MERGED)
    queued = told.last(f.Queued)
    assert (queued.contact, queued.since, queued.priority, queued.position) == ("c3", 1.0, 1, 1)
    told.sits("a", at=101.0)
    assert told.offers[-1].contact == "c3" and not told.offers[-1].callback
    told.waits("edu", at=102.0, caller_hash="h1")
    assert told.last(f.Queued).since == 102.0


def test_the_overflow_of_one_who_took_a_callbacks_place_counts_from_the_call() -> None:
    told = asked()
    told.waits("edu", at=100.0, caller_hash="h1")
    assert "c3" not in [getattr(one, "contact", "") for one in told.tick(119.0)]
    assert "c3" in [getattr(one, "contact", "") for one in told.tick(120.0)]


def test_a_callback_never_overflows_and_its_caller_may_take_it_back() -> None:
    told = asked()
    assert "c1" not in [getattr(one, "contact", "") for one in told.tick(500.0)]
    told.tell(e.ContactLeft("c1", "key", "0"), 501.0)
    assert told.last(f.Ended).outcome is Outcome.LEFT and told.engine._domain.callbacks == {}


def test_only_callers_who_wait_on_the_phone_are_called_back() -> None:
    told = House({"a": 50})
    told.tell(e.CallbackAsked("nobody"), 1.0)
    told.waits("edu", at=1.0, channel=Channel.CHAT)
    told.tell(e.CallbackAsked("c1"), 2.0)
    told.sits("a", at=3.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 4.0)
    told.tell(e.CallbackAsked("c1"), 5.0)
    assert told.facts_of(f.CallbackChanged) == []


def test_late_news_of_the_callers_channel_does_not_bring_it_back() -> None:
    told = asked()
    told.tell(e.ContactQueued("c1", "edu", "PJSIP/c1"), 9.0)
    told.tell(e.ContactGone("c1"), 9.5)
    told.sits("a", at=10.0)
    assert told.offers[-1].callback and told.offers[-1].leg == ""


def test_a_cut_callback_is_called_again() -> None:
    told = asked()
    told.sits("a", at=10.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 12.0)
    told.sits("b", at=13.0)
    told.tell(e.TalkEnded(told.offers[0].offer, "lost"), 20.0)
    told.tell(e.OfferEnded(told.offers[1].offer, "rejected"), 21.0)
    assert told.contact("c1").callback and [one.id for one in told.engine._domain.callbacks["h1", "edu"]] == ["c1"]
