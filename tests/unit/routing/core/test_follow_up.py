"""A call that is lost is followed up when the caller has agreed, and only then; the place is that of the call."""

from __future__ import annotations

from typing import Any

import pytest

from asterisk_conf.dialplan_values import Timings
from routing.core import events as e
from routing.core.explain import WaitReason
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import CallbackOrder, ContactState, Outcome, Profile, Service, Step
from routing.core.model.commands import DialCaller
from routing.core.model.errors import NoCallback, NotNow
from routing.core.model.ids import ContactId, ServiceId, SkillId
from routing.core.model.reasons import DROPPED
from routing.core.queueing.contact_queue import REDIAL_S
from routing.core.queueing.recent_talks import SERVED_MIN_S, SILENCE_MAX_S
from tests.core.house import House, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

PSY = Service(ServiceId("edu"), "Destek", (Step(((SkillId("edu"), 1),)),), distress=True, callback=CallbackOrder.NONE)
OTHER = PSY._replace(id=ServiceId("b"))
NAME = ContactId("fc1")


def talking(service: Service = PSY, *, agreed: bool = True, caller_hash: str = "h1") -> House:
    """Since 100 the caller c1 waited, since 110 they talk with a."""
    house = House({"a": 50, "b": 50}, Profile(wrapup_s=5.0), (service, OTHER))
    house.waits("edu", at=100.0, caller_hash=caller_hash, number_encrypted=caller_hash and "box", priority=2, slow=True,
                language="en")
    house.sits("a", at=110.0)
    house.tell(e.OfferConnected(house.offers[0].offer, ContactId("c1")), 110.0)
    if agreed:
        house.tell(e.FollowUpAgreed(house.offers[0].offer), 120.0)
    return house


def lose(house: House, at: float = 200.0) -> None:
    house.tell(e.TalkEnded(house.offers[0].offer, DROPPED), at)
    house.tell(e.CallerHungUp(ContactId("c1")), at)


def test_a_lost_call_is_called_back_with_its_place_and_the_talk_counts_as_answered() -> None:
    house = talking()
    house.tell(e.QuietHoursChanged(True), 130.0)
    lose(house)
    assert house.last(f.Ended).outcome is Outcome.ANSWERED and house.last(tf.TalkEndedRecorded).by == "caller"
    queued, changed = house.last(f.Queued), house.last(f.CallbackChanged)
    assert (queued.contact, queued.since, queued.priority, queued.slow, queued.language) == (
        NAME, 100.0, 2, True, "en")
    assert (changed.contact, changed.reason, changed.callback, changed.anytime) == (NAME, "requested", True, True)
    house.tick(205.0)
    assert len(house.offers) == 1, "the agent wraps up first, and the caller's phone has a moment"
    house.tick(200.0 + REDIAL_S)
    assert house.offers[-1].contact == NAME, "in quiet hours too"
    (dial,) = [one for one in house.tell(e.CallbackAccepted(house.offers[-1].offer)) if isinstance(one, DialCaller)]
    assert (dial.contact, dial.number_encrypted) == (NAME, "box")
    house.tell(e.CallbackReached(NAME, "PJSIP/again"), 215.0)
    house.tell(e.OfferConnected(house.offers[-1].offer, NAME), 216.0)
    assert house.contact(NAME).state is ContactState.ASSIGNED
    house.tell(e.TalkEnded(house.offers[-1].offer, DROPPED), 220.0)
    assert len(house.facts_of(f.Queued)) == 2, "consent was for one call"


def test_it_stands_before_who_came_later() -> None:
    house = talking()
    house.waits("edu", at=150.0, priority=2)
    lose(house)
    house.tick(205.0)
    house.tick(200.0 + REDIAL_S)
    assert [one.contact for one in house.offers] == ["c1", "c2"], "a caller on the line need not wait meanwhile"
    house = talking()
    lose(house)
    house.waits("edu", at=202.0, priority=2)
    house.waits("edu", at=203.0)
    assert house.contact(NAME).position == 3, "in distress behind people who are there"
    house = talking(PSY._replace(distress=False))
    lose(house)
    house.waits("edu", at=202.0, priority=2)
    assert house.contact(NAME).position == 1


@pytest.mark.parametrize(("agreed", "by"), [(False, DROPPED), (True, "caller"), (True, "agent")])
def test_never_without_consent_and_never_when_a_person_ended_the_call(agreed: bool, by: str) -> None:
    house = talking(agreed=agreed)
    house.tell(e.TalkEnded(house.offers[0].offer, by), 200.0)
    house.tell(e.CallerHungUp(ContactId("c1")), 200.0)
    house.tick(400.0)
    assert house.contact(NAME) is None and len(house.facts_of(f.Queued)) == 1


def test_consent_can_be_taken_back_and_saying_it_twice_is_one() -> None:
    house = talking()
    house.tell(e.FollowUpAgreed(house.offers[0].offer), 130.0)
    assert len(house.facts_of(tf.FollowUpAgreedRecorded)) == 1
    house.tell(e.FollowUpAgreed(house.offers[0].offer, False), 140.0)
    assert [one.agreed for one in house.facts_of(tf.FollowUpAgreedRecorded)] == [True, False]
    lose(house)
    assert house.contact(NAME) is None


@pytest.mark.parametrize(("service", "caller_hash"), [
    (PSY._replace(anonymous=True), "h1"), (PSY._replace(follows_up=False), "h1"), (PSY, "")])
def test_who_cannot_be_called_is_promised_nothing(service: Service, caller_hash: str) -> None:
    house = talking(service, agreed=False, caller_hash=caller_hash)
    with pytest.raises(NoCallback):
        house.tell(e.FollowUpAgreed(house.offers[0].offer), 120.0)
    assert house.facts_of(tf.FollowUpAgreedRecorded) == []
    house.tell(e.FollowUpAgreed(house.offers[0].offer, False), 121.0)


def test_outside_a_talk_there_is_nobody_to_agree() -> None:
    house = talking()
    lose(house)
    with pytest.raises(NotNow):
        house.tell(e.FollowUpAgreed(house.offers[0].offer), 201.0)


def test_asterisk_going_away_loses_a_call_too() -> None:
    """In the talk, and in the line after a talk whose agent's phone vanished."""
    house = talking()
    house.tell(e.CallerHungUp(ContactId("c1"), failure=True), 200.0)
    assert house.contact(NAME).callback
    house = talking()
    house.tell(e.TalkEnded(house.offers[0].offer, "lost"), 200.0)
    assert house.contact("c1").state is ContactState.PENDING
    house.tell(e.CallerHungUp(ContactId("c1"), failure=True), 205.0)
    assert house.contact(NAME).callback and house.last(f.Queued).since == 100.0


def test_who_is_lost_while_the_agent_asks_on_a_second_line_is_called_back_for_the_service_of_the_talk() -> None:
    house = talking()
    house.tell(e.ConsultRequested(house.offers[0].offer, ServiceId("b"), on_second_line=True), 150.0)
    lose(house)
    assert house.last(f.Ended).outcome is Outcome.ANSWERED
    assert house.contact(NAME).callback and house.last(f.Queued).service == "edu"


@pytest.mark.parametrize(("services", "fits"), [
    ((PSY._replace(steps=(Step(((SkillId("edu"), 90),)),)), OTHER), False), ((OTHER,), True)])
def test_the_service_of_the_talk_is_another_or_gone_when_the_line_is_lost(
        services: tuple[Service, ...], fits: bool) -> None:
    """The settings were read again while the agent asked: the new ones count, and those of a service that is gone."""
    house = talking()
    house.tell(e.ConsultRequested(house.offers[0].offer, ServiceId("b"), on_second_line=True), 150.0)
    house.reload(services=services)
    lose(house)
    assert house.contact(NAME).service == "edu"
    house.tick(200.0 + REDIAL_S)
    assert [one.contact for one in house.offers[1:]] == ([NAME] if fits else [])


@pytest.mark.parametrize("event", [e.TransferRequested, e.ConsultRequested])
@pytest.mark.parametrize("dropped", [True, False])
def test_who_is_lost_in_the_line_after_the_talk_is_called_back(
        event: type[e.TransferRequested | e.ConsultRequested], dropped: bool) -> None:
    """Sent on, or waiting while their agent asks: the network tells it with the end of the line alone."""
    house = talking()
    house.tell(event(house.offers[0].offer, ServiceId("b")), 150.0)
    house.tell(e.CallerHungUp(ContactId("c1"), dropped=dropped), 200.0)
    assert (house.contact(NAME) is not None) is dropped and house.contact("c1") is None


def test_who_calls_again_meanwhile_has_the_place() -> None:
    house = talking()
    lose(house)
    house.waits("edu", at=204.0, caller_hash="h1")
    assert house.contact(NAME).callback and house.last(f.Queued).since == 100.0
    assert house.engine.explain_waiting(NAME)[0] == (WaitReason.CALLER_ON_LINE,)


def test_who_has_called_again_before_the_loss_is_known_has_the_place_and_is_not_dialled() -> None:
    """A line without a sound is lost after a minute."""
    house = talking()
    house.waits("edu", at=140.0, priority=2)
    house.waits("edu", at=150.0, caller_hash="h1")
    lose(house)
    assert house.contact(NAME) is None and house.contact("c3").position == 1
    changed = house.last(f.ContactChanged)
    assert (changed.contact, changed.since, changed.priority) == ("c3", 100.0, 2)
    house.tick(205.0)
    assert house.offers[-1].contact == "c3"


def served(talk_s: float = SERVED_MIN_S, service: str = "edu", caller_hash: str = "h1") -> House:
    """Return a house where the caller has called again at 150 and talked for this long, and b wraps up for 5 s."""
    house = talking()
    house.sits("b", at=140.0)
    offer = house.calls(service, at=150.0, caller_hash=caller_hash)
    house.tell(e.OfferConnected(offer.offer, offer.contact), 150.0)
    house.over(offer, 150.0 + talk_s)
    return house


@pytest.mark.parametrize("after_s", [2.0, 9.0])
@pytest.mark.parametrize(("talk_s", "service", "called"), [
    (SERVED_MIN_S, "edu", False), (SERVED_MIN_S - 1.0, "edu", True), (SERVED_MIN_S, "b", True)])
def test_who_was_served_in_a_later_call_before_the_loss_is_known_is_not_dialled(
        talk_s: float, service: str, called: bool, after_s: float) -> None:
    """Another agent still wraps it up, or has done so. A short talk, or one about something else, is no reason not to
    call."""
    house = served(talk_s, service)
    house.tick(150.0 + talk_s + after_s)
    assert (house.contact("c2") is None) is (after_s > 5.0)
    lose(house, 150.0 + talk_s + after_s)
    assert (house.contact(NAME) is not None) is called


@pytest.mark.parametrize(("after_s", "called"), [(SILENCE_MAX_S, False), (SILENCE_MAX_S + 1.0, True)])
def test_a_talk_of_more_than_a_minute_ago_was_somebody_elses(after_s: float, called: bool) -> None:
    """The line carried a voice after it: at one telephone, two callers."""
    house = served()
    house.tick(190.0)
    lose(house, 180.0 + after_s)
    assert (house.contact(NAME) is not None) is called
    assert Timings().trunk_rtp_s <= SILENCE_MAX_S, "a line may be silent for this long"


def test_it_counts_when_the_line_was_lost_and_not_when_that_is_heard() -> None:
    """After a gap, by the black box."""
    house = served()
    house.tick(190.0)
    house.tell(e.TalkEnded(house.offers[0].offer, DROPPED, 200.0), 400.0)
    assert house.contact(NAME) is None
    house = served()
    house.tell(e.TransferRequested(house.offers[0].offer, ServiceId("edu")), 185.0)
    house.tell(e.OfferEnded(house.offers[-1].offer, "rejected"), 186.0)
    house.tell(e.CallerHungUp(ContactId("c1"), 200.0, dropped=True), 400.0)
    assert house.contact(NAME) is None


@pytest.mark.parametrize("by", ["transfer", "consult", "gone"])
def test_who_was_transferred_or_hung_up_during_a_consult_was_served_for_the_service_of_the_lost_call(by: str) -> None:
    house = talking()
    house.sits("b", at=140.0)
    offer = house.calls("edu", at=150.0, caller_hash="h1")
    house.tell(e.OfferConnected(offer.offer, offer.contact), 150.0)
    if by == "transfer":
        house.tell(e.TransferRequested(offer.offer, ServiceId("b")), 180.0)
    else:
        house.tell(e.ConsultRequested(offer.offer, ServiceId("b")), 170.0)
        house.tell(e.CallerHungUp(offer.contact) if by == "gone" else e.OfferEnded(offer.offer, "hangup"), 180.0)
    house.tell(e.ContactExited(offer.contact, "key"), 182.0)
    lose(house, 190.0)
    assert house.contact(NAME) is None


@pytest.mark.parametrize(("caller_hash", "forget"), [("h2", ""), ("", ""), ("h1", "h1")])
def test_a_talk_of_another_number_or_of_who_is_forgotten_is_none_of_theirs(caller_hash: str, forget: str) -> None:
    house = served(caller_hash=caller_hash)
    assert len(house.engine._domain.caller_memory.recent_talks) == (caller_hash != "")
    house.tell(e.CallerErased(forget), 181.0)
    assert len(house.engine._domain.caller_memory.recent_talks) == (caller_hash == "h2")
    lose(house, 190.0)
    assert (house.contact(NAME) is not None) is (forget == "")


def test_a_call_that_was_there_before_the_lost_one_is_no_call_again() -> None:
    house = House({"a": 50, "b": 50}, Profile(wrapup_s=0.0), (PSY, OTHER))
    house.sits("b", at=90.0)
    first = house.calls("edu", at=90.0, caller_hash="h1")
    house.tell(e.OfferConnected(first.offer, first.contact), 90.0)
    house.sits("a", at=100.0)
    second = house.calls("edu", at=100.0, caller_hash="h1")
    house.tell(e.OfferConnected(second.offer, second.contact), 100.0)
    house.tell(e.FollowUpAgreed(second.offer), 120.0)
    house.over(first, 150.0)
    house.tell(e.TalkEnded(second.offer, DROPPED), 160.0)
    assert house.contact("fc2").callback


def test_who_was_served_while_the_link_of_the_lost_call_was_down_is_not_called_when_it_is_up_again() -> None:
    """Others are served meanwhile: b by the second Asterisk, where nobody heard of the first one's end."""
    house = talking()
    house.tell(e.LinkChanged("", False), 150.0)
    house.sits("b", at=155.0)
    for number, at in enumerate((160.0, 240.0, 330.0)):
        offer = house.calls("edu", at=at, caller_hash=f"h{number + 1}", node="n2")
        house.tell(e.OfferConnected(offer.offer, offer.contact), at)
        house.over(offer, at + 60.0)
        house.tick(at + 70.0)
    house.tell(e.LinkChanged("", True), 450.0)
    house.tell(e.TalkEnded(house.offers[0].offer, DROPPED, 150.0), 450.0)
    assert house.last(f.Ended).contact == "c1" and house.contact(NAME) is None


def test_a_restart_knows_of_the_talk_that_is_still_wrapped_up() -> None:
    house = served()
    again = House({"a": 50, "b": 50}, Profile(wrapup_s=5.0), (PSY, OTHER))
    assert restore(again.engine, *rows(house.engine), 182.0) == []
    again.tell(e.TalkEnded(house.offers[0].offer, DROPPED), 190.0)
    assert again.contact(NAME) is None


def test_the_phone_that_rings_for_who_has_called_again_rings_on() -> None:
    house = talking()
    house.sits("b", at=149.0)
    (offer,) = house.waits("edu", at=150.0, caller_hash="h1")
    lose(house)
    assert house.contact(NAME) is None and house.last(f.ContactChanged).since == 100.0
    assert house.contact("c2").state is ContactState.RESERVED
    house.tell(e.OfferConnected(offer.offer, ContactId("c2")), 201.0)
    assert house.contact("c2").state is ContactState.ASSIGNED


def test_who_is_talking_again_or_waits_for_another_service_is_not_dialled_and_keeps_the_age() -> None:
    house = talking()
    house.sits("b", at=149.0)
    (offer,) = house.waits("edu", at=150.0, caller_hash="h1")
    house.tell(e.OfferConnected(offer.offer, ContactId("c2")), 151.0)
    lose(house)
    assert house.contact(NAME) is None and house.facts_of(f.ContactChanged) == []
    house = talking()
    house.waits("b", at=150.0, caller_hash="h1")
    lose(house)
    assert house.contact(NAME) is None and house.facts_of(f.ContactChanged) == []


@pytest.mark.parametrize("more", [{"caller_hash": "h2"}, {"caller_hash": ""}, {"caller_hash": "h1", "since": 10.0}])
def test_the_age_is_nobody_elses_and_never_less(more: dict[str, Any]) -> None:
    house = talking()
    house.waits("edu", at=150.0, **more)
    lose(house)
    mine = more["caller_hash"] == "h1"
    assert (house.contact(NAME) is None) is mine
    assert [one.since for one in house.facts_of(f.ContactChanged)] == ([10.0] if mine else [])


def test_a_call_of_the_same_number_from_before_and_a_callback_in_another_line_are_no_call_again() -> None:
    house = House({"a": 50}, Profile(wrapup_s=5.0), (PSY, OTHER._replace(callback=CallbackOrder.AGENT_FIRST)))
    house.waits("b", at=90.0, caller_hash="h1")
    house.waits("edu", at=100.0, caller_hash="h1", priority=2)
    house.sits("a", at=110.0)
    talk = house.offers[0]
    house.tell(e.OfferConnected(talk.offer, talk.contact), 110.0)
    house.tell(e.FollowUpAgreed(talk.offer), 120.0)
    house.waits("b", at=150.0, caller_hash="h1")
    house.tell(e.CallbackRequested(ContactId("c3"), 500.0), 160.0)
    house.tell(e.TalkEnded(talk.offer, DROPPED), 200.0)
    assert talk.contact == "c2" and house.contact("fc2").callback


def test_a_caller_who_is_forgotten_is_not_called() -> None:
    house = talking()
    house.tell(e.CallerErased("h1"), 150.0)
    lose(house)
    assert house.contact(NAME) is None


def test_consent_outlives_a_restart() -> None:
    house = talking()
    again = House({"a": 50}, Profile(wrapup_s=5.0), (PSY,))
    assert restore(again.engine, *rows(house.engine), 150.0) == []
    again.tell(e.TalkEnded(house.offers[0].offer, DROPPED), 200.0)
    assert again.contact(NAME).callback
