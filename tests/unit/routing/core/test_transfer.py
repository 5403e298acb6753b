"""An agent sends the caller on, to a service or to a colleague: what is kept, refused, and whose wrap-up it is."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls.blind_transfer import PERSONAL_WAIT_S
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import (
    AgentState,
    Channel,
    ContactState,
    Outcome,
    Profile,
    Rule,
    Service,
    Step,
    WrapUpMode,
)
from routing.core.model.commands import BlindTransfer, Offer, Rescind
from routing.core.model.errors import NotNow, NotOpen, NotThere, Refused, UnknownAgent, UnknownService
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from routing.core.stored import StoredContact
from tests.core.house import EDU, House, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

TIP = Service(ServiceId("tip"), "İhbar", (Step(((SkillId("edu"), 60),)),), max_waiting=1)
READY, RINGING, TALKING, WRAPUP = AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP
PROFILE = Profile(wrapup_s=20.0)


def house_of(**more: Profile) -> House:
    house = House({"a": 50, "b": 80}, PROFILE, (EDU, TIP))
    house.profiles(**more)
    house.sits("a", "b", at=1.0)
    return house


def first(house: House, at: float = 10.0, **more: object) -> Offer:
    """A call that the agent a talks."""
    house.tell(e.AgentPaused(AgentId("b")), at)
    offer = house.calls("edu", at, **more)
    house.tell(e.OfferConnected(offer.offer, offer.contact), at)
    house.tell(e.AgentResumed(AgentId("b")), at)
    assert offer.agent == "a"
    return offer


def to(offer: Offer, service: str | None = None, agent: str | None = None, *,
        gone: bool = False) -> e.TransferRequested:
    return e.TransferRequested(offer.offer, None if service is None else ServiceId(service),
                           None if agent is None else AgentId(agent), gone)


def test_the_caller_keeps_age_and_points_and_the_chain_is_the_offers_of_one_contact() -> None:
    house = house_of()
    house.tell(e.AgentPaused(AgentId("b")), 2.0)
    offer = house.calls("edu", 10.0, since=-50.0, priority=2)
    house.tell(e.OfferConnected(offer.offer, offer.contact), 10.0)
    assert house.contact(offer.contact).transferred_at is None
    sent = house.tell(to(offer, "tip")._replace(confirmed=True), 100.0)
    assert sent == [BlindTransfer(offer.contact, ServiceId("tip"), "")] \
        and house.contact(offer.contact).transferred_at == 100.0
    contact = house.engine._domain.contacts[offer.contact]
    assert (contact.since, contact.priority, contact.service.id) == (-50.0, 2, "tip")
    over, moved = house.last(tf.TalkEndedRecorded), house.last(f.Moved)
    assert (over.by, over.to, over.state) == ("transfer", "tip", ContactState.PENDING)
    assert (over.wait_s, over.talk_s) == (60.0, 90.0)
    assert (moved.before, moved.service, moved.reason, moved.position) == ("edu", "tip", "transfer", 1)
    house.tell(e.AgentResumed(AgentId("b")), 110.0)
    second = house.offers[-1]
    assert (second.agent, second.contact, second.waited_s) == ("b", offer.contact, 10.0)
    house.tell(e.OfferConnected(second.offer, offer.contact), 112.0)
    assert house.last(tf.Connected).wait_s == 12.0, "the talk before is no wait"
    house.tell(e.CallerHungUp(offer.contact), 150.0)
    assert (house.last(f.Ended).outcome, house.last(f.Ended).service) == (Outcome.ANSWERED, "tip")
    assert len(house.facts_of(f.Ended)) == 1, "one caller, one outcome"
    assert [(one.offer, one.by) for one in house.facts_of(tf.TalkEndedRecorded)] == [
        (offer.offer, "transfer"), (second.offer, "caller")]


def test_who_sent_the_caller_on_wraps_up_and_late_news_of_the_old_leg_changes_nothing() -> None:
    house = house_of()
    offer = first(house)
    house.tell(to(offer, "tip"), 20.0)
    assert (house.state("a"), house.state("b")) == (WRAPUP, RINGING)
    for late in (e.TalkEnded(offer.offer, "agent"), e.OfferEnded(offer.offer, "hangup"), e.HoldSet(offer.offer, True)):
        assert house.tell(late, 20.1) == []
    house.tell(e.OfferConnected(house.offers[-1].offer, offer.contact), 21.0)
    house.tick(40.0)
    assert (house.state("a"), house.state("b")) == (READY, TALKING)


@pytest.mark.parametrize(("mode", "asks", "state"), [
    (WrapUpMode.MANDATORY, False, WRAPUP), (WrapUpMode.OPTIONAL, False, READY), (WrapUpMode.OPTIONAL, True, WRAPUP),
    (WrapUpMode.AGENT_REQUESTED, False, READY), (WrapUpMode.MANDATORY_FORCED_TIMEOUT, False, WRAPUP)])
def test_the_wrap_up_is_as_the_profile_says(mode: WrapUpMode, asks: bool, state: AgentState) -> None:
    house = house_of(a=Profile(wrapup_s=20.0, wrapup_mode=mode))
    offer = first(house)
    if asks:
        house.tell(e.WrapUpRequested(AgentId("a")), 15.0)
    house.tell(to(offer, "tip"), 20.0)
    assert house.state("a") is state


def test_a_colleague_is_waited_for_in_person_and_not_for_ever() -> None:
    house = house_of()
    house.tell(e.AgentSkillsChanged(AgentId("b"), ((SkillId("edu"), 50),)), 2.0)
    offer = first(house, 10.0)
    busy = house.talks(11.0)
    assert busy.agent == "b"
    house.tell(to(offer, agent="b"), 20.0)
    house.tell(e.WrapUpEnded(AgentId("a")), 21.0)
    assert house.state("a") is READY, "nobody else is asked meanwhile"
    (asked,) = house.tick(20.0 + PERSONAL_WAIT_S)
    assert isinstance(asked, Offer) and asked.agent == "a" and house.last(f.Stepped).reason == "preferred"


def test_a_colleague_who_is_free_rings_at_once() -> None:
    house = house_of()
    _, asked = house.tell(to(first(house), agent="b"), 20.0)
    assert isinstance(asked, Offer) and asked.agent == "b" and house.last(f.Offered).preferred
    assert house.facts_of(f.Moved) == [], "the service stays"


@pytest.mark.parametrize(("service", "agent", "error"), [
    ("none", None, UnknownService), (None, None, UnknownService), (None, "nobody", UnknownAgent), (None, "a", NotThere),
    ("tip", "c", NotThere), ("tip", None, NotOpen)])
def test_what_cannot_be_is_refused_and_the_talk_goes_on(service: str | None, agent: str | None,
                                                        error: type[Refused]) -> None:
    house = House({"a": 50, "b": 80, "c": 50}, PROFILE, (EDU, TIP))
    house.sits("a", "c", at=1.0)
    house.tell(e.AgentPaused(AgentId("c")), 1.0)
    offer = house.talks(10.0)
    house.tell(e.AgentResumed(AgentId("c")), 11.0)
    if error is NotOpen:
        house.waits("tip", 12.0)
    told = len(house.facts)
    with pytest.raises(error):
        house.tell(to(offer, service, agent), 20.0)
    assert house.state("a") is TALKING and len(house.facts) == told
    house.tell(to(offer, service, agent, gone=True), 21.0)
    assert house.contact(offer.contact).service == "edu" and house.last(tf.TalkEndedRecorded).to == "edu"
    assert house.offers[-1].contact == offer.contact, "the telephone has done it: in front of the own line"


def test_a_colleague_on_a_break_or_gone_is_not_there() -> None:
    for event in (e.AgentPaused(AgentId("b")), e.AgentSignedOut(AgentId("b"))):
        house = house_of()
        offer = first(house)
        house.tell(event, 12.0)
        with pytest.raises(NotThere):
            house.tell(to(offer, agent="b"), 20.0)


def test_what_a_colleague_needs_holds_for_a_caller_who_is_transferred() -> None:
    house = house_of(b=Profile(no_topics=frozenset({"abusive"})))
    offer = first(house, topics=frozenset({"abusive"}))
    with pytest.raises(NotThere):
        house.tell(to(offer, agent="b"), 20.0)
    assert [type(one) for one in house.tell(to(offer, "tip")._replace(confirmed=True),
        21.0)] == [BlindTransfer], "nobody of the service may have them"


def test_only_a_call_that_is_talked_is_transferred() -> None:
    house = house_of()
    rings = house.calls("edu", 5.0)
    with pytest.raises(NotNow):
        house.tell(to(rings, "tip"), 6.0)
    house.tell(e.OfferConnected(rings.offer, rings.contact), 6.0)
    house.over(rings, 7.0)
    with pytest.raises(NotNow):
        house.tell(to(rings, "tip"), 8.0)
    house = House({"a": 50}, PROFILE, (EDU, TIP))
    house.sits("a")
    with pytest.raises(NotNow):
        house.tell(to(house.chats(Channel.CHAT, 1.0), "tip"), 2.0)


def test_a_pair_sends_on_together() -> None:
    house = House({"a": 50, "b": 50, "c": 80}, Profile(pair_id="p", wrapup_s=20.0), (EDU, TIP))
    house.profiles(c=PROFILE)
    house.sits("a", "b", at=1.0)
    offer = house.talks(10.0)
    sent, both = house.tell(to(offer, "tip")._replace(confirmed=True), 20.0)
    assert isinstance(sent, BlindTransfer) and isinstance(both, Rescind) \
        and both.pair, "the caller first, then the legs"
    assert (house.state("a"), house.state("b")) == (WRAPUP, WRAPUP)


def test_who_hangs_up_after_a_transfer_has_waited_since_then_only() -> None:
    house = house_of()
    house.tell(e.AgentSignedOut(AgentId("b")), 2.0)
    offer = house.talks(10.0)
    house.tell(to(offer, "tip")._replace(confirmed=True), 100.0)
    house.tell(e.CallerHungUp(offer.contact), 103.0)
    ended = house.last(f.Ended)
    assert (ended.outcome, ended.wait_s, ended.service) == (Outcome.ABANDONED_SHORT, 3.0, "tip")


def test_a_restart_keeps_since_when_the_caller_waits() -> None:
    house = House({"a": 50}, PROFILE, (EDU, TIP))
    name = ContactId("c1")
    restore(house.engine, [StoredContact(contact=name, state=ContactState.PENDING, version=5,
                                        service=ServiceId("edu"), channel=Channel.VOICE, since=10.0,
                                        queued_at=10.0, priority=0, position=1, leg="PJSIP/c1", transferred_at=90.0,
                                        step_since=10.0, entered_at=10.0)], [], [], 100.0)
    assert house.contact("c1") is not None and house.engine._domain.contacts[name].entry[0] == 10.0
    house.now = 100.0
    assert house.contact("c1").waited_s == 10.0


def test_the_wrap_up_after_a_blind_transfer_outlives_a_restart() -> None:
    house = house_of()
    house.tell(to(first(house), "tip"), 20.0)
    contacts, offers, agents = rows(house.engine)
    again = House({"a": 50, "b": 80}, PROFILE, (EDU, TIP))
    assert restore(again.engine, contacts, offers, agents, 25.0) == []
    assert again.state("a") is WRAPUP and again.agent("a").until == 40.0
    again.tick(40.0)
    assert again.state("a") in (READY, AgentState.UNREACHABLE)


# -- to a service in which nobody is known -----------------------------------------------------------------------------

SECRET = TIP._replace(anonymous=True)


def known(d_contact: object) -> tuple[str, ...]:
    return tuple(getattr(d_contact, name) for name in ("caller_hash", "number_encrypted", "callback_hash",
        "callback_number_encrypted"))


def secret_house() -> House:
    house = House({"a": 50, "b": 80}, PROFILE, (EDU._replace(when_waited=Rule(TIP.id, over_s=30.0)), SECRET))
    house.sits("a", "b", at=1.0)
    return house


@pytest.mark.parametrize("how", ["sent on", "overflow", "asked first"])
def test_who_comes_to_an_anonymous_service_is_nobodys_number_from_then_on(how: str) -> None:
    house = secret_house()
    if how == "overflow":
        for name in ("a", "b"):
            house.tell(e.AgentPaused(AgentId(name)), 5.0)
        house.waits("edu", 10.0, caller_hash="h", number_encrypted="box")
        house.tick(40.0)
        told: f.Moved | tf.ConsultCompleted = house.last(f.Moved)
    else:
        offer = first(house, caller_hash="h", number_encrypted="box")
        kind = e.TransferRequested if how == "sent on" else e.ConsultRequested
        house.tell(kind(offer.offer, SECRET.id), 20.0)
        told = house.last(f.Moved)
        if how == "asked first":
            assert not told.caller_anonymised \
                and known(house.engine._domain.contacts[offer.contact])[0] == "h", "not yet"
            house.tell(e.OfferEnded(offer.offer, "hangup"), 25.0)
            told = house.last(tf.ConsultCompleted)
    assert told.caller_anonymised
    contact = house.engine._domain.contacts[ContactId("c1")]
    assert contact.service is not EDU and known(contact) == ("", "", "", "")
    if contact.offer is not None:
        house.tell(e.OfferConnected(contact.offer.id, contact.id), 50.0)
        last = house.engine._domain.caller_memory.last_agents.get("h")
        assert last is not None and last.agent == "a", "of the talk before, and no other"


def test_who_is_taken_back_from_an_anonymous_service_that_was_asked_is_known_as_before() -> None:
    house = secret_house()
    offer = first(house, caller_hash="h", number_encrypted="box")
    house.tell(e.ConsultRequested(offer.offer, SECRET.id), 20.0)
    house.tell(e.ConsultEndRequested(offer.offer), 25.0)
    assert known(house.engine._domain.contacts[offer.contact])[:2] == ("h", "box")
    house.tell(e.OfferConnected(offer.offer, offer.contact), 25.1)
    house.tell(e.ConsultRequested(offer.offer, SECRET.id), 30.0)
    house.tell(e.CallerHungUp(offer.contact), 35.0)
    assert not house.last(tf.ConsultCompleted).caller_anonymised, "they were the agent's, in a service that knows them"
