"""Agents' flags of abusive callers, and the agents to whom such callers do not come any more."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Profile
from routing.core.model.errors import CallerUnknown, NotNow
from routing.core.model.ids import AgentId, ContactId, OfferId
from routing.core.queueing.abuse_flags import ABUSIVE, DAY_S
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

CALLER = "h1"
SPARED = Profile(wrapup_s=5.0, no_topics=frozenset({ABUSIVE}))


def house_of(said: bool = True) -> House:
    """a is better and has nothing to do with abusive callers, b takes all. Since 10 the caller talks with b, who says
    so at 20 and is ready again at 35; a sits from then on."""
    house = House({"a": 90, "b": 50}, Profile(wrapup_s=5.0))
    house.profiles(a=SPARED)
    house.sits("b", at=1.0)
    talk = house.calls("edu", 10.0, caller_hash=CALLER)
    house.tell(e.OfferConnected(talk.offer, talk.contact), 10.0)
    if said:
        house.tell(e.CallerFlaggedAbusive(talk.offer), 20.0)
    house.over(talk, 30.0)
    house.tell(e.CallerHungUp(talk.contact), 30.0)
    house.tick(35.0)
    house.sits("a", at=36.0)
    return house


def test_a_caller_who_was_abusive_does_not_come_to_who_has_none_of_them() -> None:
    house = house_of()
    assert house.last(tf.CallerFlaggedAbusiveRecorded).topics == {ABUSIVE}
    again = house.calls("edu", 40.0, caller_hash=CALLER)
    assert again.agent == "b" and house.last(f.Queued).topics == {ABUSIVE}
    assert house.calls("edu", 41.0, caller_hash="h2").agent == "a", "anybody else comes to the best"
    assert house_of(said=False).calls("edu", 40.0, caller_hash=CALLER).agent == "a"


def test_who_is_transferred_in_the_same_call_does_not_come_to_them_either() -> None:
    house = House({"a": 90, "b": 50, "c": 10}, Profile(wrapup_s=5.0))
    house.profiles(a=SPARED)
    house.sits("b", at=1.0)
    talk = house.calls("edu", 10.0, caller_hash=CALLER)
    house.tell(e.OfferConnected(talk.offer, talk.contact), 10.0)
    house.sits("a", "c", at=11.0)
    house.tell(e.CallerFlaggedAbusive(talk.offer), 20.0)
    house.tell(e.TransferRequested(talk.offer, EDU.id), 21.0)
    assert house.offers[-1].agent == "c"


def test_it_counts_for_so_many_days() -> None:
    house = house_of()
    days = house.centre.abusive_days
    assert house.calls("edu", 20.0 + days * DAY_S, caller_hash=CALLER).agent == "b"
    house = house_of()
    assert house.calls("edu", 20.1 + days * DAY_S, caller_hash=CALLER).agent == "a"
    house = house_of()
    house.reload(abusive_days=1.0)
    assert house.calls("edu", 20.1 + DAY_S, caller_hash=CALLER).agent == "a", "a rule edited now holds now"


def test_whoever_has_the_caller_may_take_it_back_and_saying_it_twice_is_one() -> None:
    house = house_of()
    talk = house.calls("edu", 40.0, caller_hash=CALLER)
    house.tell(e.OfferConnected(talk.offer, talk.contact), 41.0)
    assert not house.contact(talk.contact).abusive, "not in this call"
    for said in (True, True, False, False):
        house.tell(e.CallerFlaggedAbusive(talk.offer, said), 42.0)
        assert house.contact(talk.contact).abusive is said
    assert [one.abusive for one in house.facts_of(tf.CallerFlaggedAbusiveRecorded)] == [True, True, False]
    assert house.last(tf.CallerFlaggedAbusiveRecorded).topics == frozenset()
    house.over(talk, 50.0)
    house.tick(60.0)
    assert house.calls("edu", 61.0, caller_hash=CALLER).agent == "a"


def test_it_is_said_in_the_wrap_up_too_and_before_the_talk_not() -> None:
    house = house_of(said=False)
    talk = house.calls("edu", 40.0, caller_hash=CALLER)
    with pytest.raises(NotNow):
        house.tell(e.CallerFlaggedAbusive(talk.offer), 41.0)
    house.tell(e.OfferConnected(talk.offer, talk.contact), 42.0)
    house.over(talk, 50.0)
    house.tell(e.CallerFlaggedAbusive(talk.offer), 51.0)
    house.tick(55.0)
    with pytest.raises(NotNow):
        house.tell(e.CallerFlaggedAbusive(talk.offer), 56.0)
    assert house.calls("edu", 60.0, caller_hash=CALLER).agent == "b"


def test_of_a_caller_who_waits_for_somebody_else_meanwhile_it_cannot_be_said() -> None:
    house = house_of(said=False)
    talk = house.calls("edu", 40.0, caller_hash=CALLER)
    house.tell(e.OfferConnected(talk.offer, talk.contact), 40.0)
    house.tell(e.ConsultRequested(talk.offer, EDU.id), 41.0)
    with pytest.raises(NotNow):
        house.tell(e.CallerFlaggedAbusive(talk.offer), 42.0)


@pytest.mark.parametrize(("anonymous", "caller_hash"), [(True, CALLER), (False, "")])
def test_of_whom_nobody_would_know_again_it_is_refused(anonymous: bool, caller_hash: str) -> None:
    house = House({"a": 50}, services=(EDU._replace(anonymous=anonymous),))
    house.sits("a", at=1.0)
    talk = house.calls("edu", 10.0, caller_hash=caller_hash)
    house.tell(e.OfferConnected(talk.offer, talk.contact), 10.0)
    with pytest.raises(CallerUnknown):
        house.tell(e.CallerFlaggedAbusive(talk.offer), 20.0)
    assert house.facts_of(tf.CallerFlaggedAbusiveRecorded) == []


def test_who_is_forgotten_is_nobody() -> None:
    house = house_of()
    house.tell(e.CallerErased(CALLER), 39.0)
    assert house.calls("edu", 40.0, caller_hash=CALLER).agent == "a"


def test_news_of_a_waiting_contact_do_not_wash_it_off() -> None:
    house = house_of()
    for name in ("a", "b"):
        house.tell(e.AgentPaused(AgentId(name)), 38.0)
    house.waits("edu", 40.0, caller_hash=CALLER)
    house.tell(e.ContactQueued(ContactId("c2"), EDU.id, "PJSIP/new", caller_hash=CALLER, topics=frozenset({"deprem"})),
               41.0)
    house.tell(e.AgentResumed(AgentId("a")), 42.0)
    assert house.state("a") == "ready"
    house.tell(e.AgentResumed(AgentId("b")), 43.0)
    assert house.offers[-1].agent == "b"


def test_a_word_on_an_offer_there_never_was_is_refused() -> None:
    with pytest.raises(NotNow):
        house_of().tell(e.CallerFlaggedAbusive(OfferId(999)), 40.0)
