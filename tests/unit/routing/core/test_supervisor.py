"""Supervisors move, withdraw and raise one caller who waits, and take nobody out of distress."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.explain import WaitReason
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Agent, CallbackOrder, Channel, Outcome, Profile, Step
from routing.core.model.commands import Offer, RefreshHold, Rescind
from routing.core.model.errors import (
    DistressUnconfirmed,
    InDistress,
    NoCallback,
    NothingToUndo,
    NotNow,
    NotOpen,
    NotThere,
    Refused,
    UnknownAgent,
    UnknownContact,
    UnknownService,
    WindowPast,
)
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

TIP = EDU._replace(id=ServiceId("tip"), name="İhbar", steps=(Step(((SkillId("tip"), 1),)),))
PSY = EDU._replace(id=ServiceId("psy"), name="Destek", distress=True, callback=CallbackOrder.NONE)
ANON = EDU._replace(id=ServiceId("anon"), name="Adsız", anonymous=True)


def house() -> House:
    """a and b serve edu, psy and anon; t serves tip. Nobody has signed in, and c1 waits for edu since 1."""
    told = House({"a": 50, "b": 40}, Profile(wrapup_s=0.0), (EDU, TIP, PSY, ANON))
    told.reload(agents=(*told.centre.agents, Agent(AgentId("t"), ((SkillId("tip"), 50),))))
    told.waits("edu", at=1.0, caller_hash="h1", number_encrypted="box")
    return told


def test_a_moved_caller_keeps_age_and_points_and_is_offered_there() -> None:
    told = house()
    told.waits("tip", at=5.0)
    told.tell(e.MoveRequested(ContactId("c1"), ServiceId("tip"), by="supervisor"), 10.0)
    moved = told.last(f.Moved)
    assert (moved.before, moved.service, moved.reason, moved.position) == ("edu", "tip", "supervisor", 1)
    told.sits("t", at=11.0)
    assert told.offers[-1].contact == "c1" and told.offers[-1].waited_s == 10.0, "the age has come along"


def test_a_ringing_phone_is_taken_back_and_its_agent_loses_no_turn() -> None:
    told = house()
    told.sits("a", at=2.0)
    idle = told.engine._domain.agents[AgentId("a")].idle_since
    done = told.tell(e.MoveRequested(ContactId("c1"), ServiceId("tip")), 4.0)
    assert [one.reason for one in done if isinstance(one, Rescind)] == ["supervisor"]
    assert told.engine._domain.agents[AgentId("a")].idle_since == idle and told.agent("a").rna_count == 0


def test_a_named_colleague_is_waited_for_half_a_minute() -> None:
    told = house()
    told.sits("a", at=2.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, ContactId("c1")), 3.0)
    told.waits("edu", at=4.0)
    told.tell(e.MoveRequested(ContactId("c2"), to=AgentId("a")), 5.0)
    assert (told.last(f.Stepped).reason, told.last(f.Stepped).step) == ("supervisor", 0)
    told.sits("b", at=6.0)
    assert len(told.offers) == 1, "b is free, but a is named"
    told.tick(34.9)
    assert len(told.offers) == 1
    told.tick(35.0)
    assert (told.offers[-1].contact, told.offers[-1].agent) == ("c2", "b"), "then anybody"


@pytest.mark.parametrize(("event", "error"), [
    (e.MoveRequested(ContactId("c9"), ServiceId("tip")), UnknownContact),
    (e.MoveRequested(ContactId("c1"), ServiceId("none")), UnknownService),
    (e.MoveRequested(ContactId("c1")), UnknownService),
    (e.MoveRequested(ContactId("c1"), ServiceId("tip"), AgentId("x")), UnknownAgent),
    (e.MoveRequested(ContactId("c1"), ServiceId("tip"), AgentId("a")), NotThere),
    (e.WithdrawalRequested(ContactId("c9")), UnknownContact),
])
def test_what_cannot_be_is_refused_and_changes_nothing(event: e.Event, error: type[Refused]) -> None:
    told = house()
    facts = len(told.facts)
    with pytest.raises(error):
        told.tell(event, 2.0)
    assert len(told.facts) == facts
    told.tell(e.MoveRequested(ContactId("c1"), ServiceId("edu")), 3.0)
    assert len(told.facts) == facts, "it waits there already"


def test_closed_services_take_nobody() -> None:
    told = house()
    told.tell(e.ServiceHoursSet(ServiceId("tip"), False), 2.0)
    with pytest.raises(NotOpen):
        told.tell(e.MoveRequested(ContactId("c1"), ServiceId("tip")), 3.0)


def test_no_supervisor_takes_a_caller_out_of_distress_but_the_counsellor_who_spoke_does() -> None:
    told = house()
    told.waits("psy", at=2.0)
    for event in (e.MoveRequested(ContactId("c2"), ServiceId("edu")), e.WithdrawalRequested(ContactId("c2")),
                  e.WithdrawalRequested(ContactId("c2"), callback=True)):
        with pytest.raises(InDistress):
            told.tell(event, 3.0)
    told.tell(e.ContactPrioritised(ContactId("c2"), 5, "supervisor"), 4.0)
    told.sits("a", at=20.0)
    talk = next(one for one in told.offers if one.contact == "c2")
    told.tell(e.OfferConnected(talk.offer, ContactId("c2")), 21.0)
    with pytest.raises(UnknownContact):
        told.tell(e.MoveRequested(ContactId("c2"), ServiceId("edu")), 22.0)
    told.tell(e.TransferRequested(talk.offer, ServiceId("edu"), confirmed=True), 30.0)
    d = told.engine._domain.contacts[ContactId("c2")]
    assert (d.since, d.service.id, d.abusive) == (2.0, "edu", False), "mis-keyed: the age stays, nobody is blamed"
    assert told.agent("a").rna_count == 0 and told.last(tf.TalkEndedRecorded).by == "transfer"


def test_a_withdrawn_caller_hears_a_sentence_and_is_offered_to_nobody() -> None:
    told = house()
    [refresh] = told.tell(e.WithdrawalRequested(ContactId("c1"), "bekleme-ilk"), 5.0)
    assert refresh == RefreshHold(ContactId("c1"), "PJSIP/c1")
    assert told.contact("c1").farewell == "bekleme-ilk"
    told.sits("a", at=6.0)
    assert not told.offers and told.engine.explain_waiting(ContactId("c1"))[0] == (WaitReason.WITHDRAWN,)  # type: ignore[index]
    with pytest.raises(NotNow):
        told.tell(e.MoveRequested(ContactId("c1"), ServiceId("tip")), 7.0)
    told.tell(e.CallerHungUp(ContactId("c1")), 9.0)
    ended = told.last(f.Ended)
    assert (ended.outcome, ended.key) == (Outcome.LEFT, "withdrawn"), "no abandon"
    told.waits("edu", at=12.0, caller_hash="h1")
    assert told.last(f.Queued).since == 12.0, "no position is held for one who was sent away"


def test_a_phone_that_rings_for_a_withdrawn_caller_stops() -> None:
    told = house()
    told.sits("a", at=2.0)
    done = told.tell(e.WithdrawalRequested(ContactId("c1")), 3.0)
    assert [type(one) for one in done] == [Rescind, RefreshHold] and told.contact("c1").farewell == "bekleme-veda"


def test_withdrawn_into_a_callback_they_keep_their_place() -> None:
    told = house()
    told.tell(e.WithdrawalRequested(ContactId("c1"), callback=True), 5.0)
    assert told.contact("c1").callback and told.contact("c1").farewell == "geri-arama-tamam"
    told.tell(e.CallerHungUp(ContactId("c1")), 9.0)
    told.sits("a", at=10.0)
    assert isinstance(told.offers[-1], Offer) and told.offers[-1].callback and not told.contact("c1").farewell
    with pytest.raises(NoCallback):
        told.tell(e.WithdrawalRequested(ContactId("c1"), callback=True), 11.0)
    with pytest.raises(NotOpen):
        told.tell(e.MoveRequested(ContactId("c1"), ServiceId("anon")), 11.0)
    told.tell(e.WithdrawalRequested(ContactId("c1")), 12.0)
    assert told.last(f.Ended).key == "withdrawn", "nobody is on the line, so it ends at once"


def test_a_callback_without_a_caller_on_the_line_waits_for_no_sentence() -> None:
    told = house()
    told.tell(e.ContactQueued(ContactId("silent"), ServiceId("edu"), caller_hash="h2"), 2.0)
    told.tell(e.WithdrawalRequested(ContactId("silent"), callback=True), 5.0)
    assert told.contact("silent").callback and not told.contact("silent").farewell
    told.tell(e.ContactExited(ContactId("c1"), "key", "9"), 6.0)
    told.sits("a", at=10.0)
    assert told.offers[-1].callback and told.offers[-1].contact == "silent", "no hang-up is awaited"


def test_a_supervisor_may_choose_the_time_of_a_callback_but_none_that_is_over() -> None:
    told = house()
    with pytest.raises(WindowPast):
        told.tell(e.WithdrawalRequested(ContactId("c1"), callback=True, window=(1.0, 4.0)), 5.0)
    assert not told.contact("c1").callback and not told.contact("c1").farewell
    told.tell(e.WithdrawalRequested(ContactId("c1"), callback=True, window=(100.0, 400.0)), 5.0)
    told.tell(e.CallerHungUp(ContactId("c1")), 9.0)
    told.sits("a", at=10.0)
    assert not told.offers
    told.tick(100.0)
    assert told.offers[-1].callback


def test_no_number_no_callback() -> None:
    told = house()
    told.waits("edu", at=2.0)
    told.waits("edu", at=2.0, channel=Channel.CHAT, caller_hash="h2")
    for contact in ("c2", "c3"):
        with pytest.raises(NoCallback):
            told.tell(e.WithdrawalRequested(ContactId(contact), callback=True), 3.0)
    told.tell(e.WithdrawalRequested(ContactId("c3")), 4.0)
    assert told.last(f.Ended).contact == "c3", "a message has nobody to hear a sentence"


def test_a_caller_whose_agent_consults_belongs_to_the_agent() -> None:
    told = house()
    told.sits("a", at=2.0)
    talk = told.offers[-1].offer
    told.tell(e.OfferConnected(talk, ContactId("c1")), 3.0)
    told.tell(e.ConsultRequested(talk, ServiceId("tip"), confirmed=True), 5.0)
    for event in (e.MoveRequested(ContactId("c1"), ServiceId("edu")), e.WithdrawalRequested(ContactId("c1"))):
        with pytest.raises(NotNow):
            told.tell(event, 6.0)


# --- a slip is taken back


def test_a_move_into_distress_is_asked_once() -> None:
    told = house()
    with pytest.raises(DistressUnconfirmed):
        told.tell(e.MoveRequested(ContactId("c1"), ServiceId("psy")), 10.0)
    assert told.contact("c1").service == "edu", "the caller waits where they were"
    told.tell(e.MoveRequested(ContactId("c1"), ServiceId("psy"), confirmed=True), 11.0)
    assert told.contact("c1").service == "psy"


def test_a_slip_into_distress_is_taken_back_with_the_age() -> None:
    told = house()
    told.waits("edu", at=5.0)
    told.tell(e.MoveRequested(ContactId("c1"), ServiceId("psy"), confirmed=True), 10.0)
    told.tell(e.ActUndone(ContactId("c1"), "supervisor"), 12.0)
    moved = told.last(f.Moved)
    assert (moved.before, moved.service, moved.reason, moved.position) == ("psy", "edu", "supervisor", 1)
    told.sits("a", at=13.0)
    assert told.offers[-1].contact == "c1" and told.offers[-1].waited_s == 12.0
    with pytest.raises(NothingToUndo):
        told.tell(e.ActUndone(ContactId("c1")), 14.0)


def test_points_and_a_named_colleague_are_taken_back() -> None:
    told = house()
    told.waits("edu", at=5.0)
    told.tell(e.ContactPrioritised(ContactId("c2"), 9), 6.0)
    assert told.contact("c2").position == 1
    told.tell(e.ActUndone(ContactId("c2")), 7.0)
    assert told.contact("c2").position == 2
    told.sits("a", at=8.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, ContactId("c1")), 9.0)
    told.tell(e.MoveRequested(ContactId("c2"), to=AgentId("a")), 10.0)
    told.tell(e.ActUndone(ContactId("c2")), 11.0)
    told.sits("b", at=12.0)
    assert (told.offers[-1].contact, told.offers[-1].agent) == ("c2", "b"), "nobody waits for a any more"


def test_what_an_agent_was_offered_is_not_taken_back() -> None:
    told = house()
    told.tell(e.MoveRequested(ContactId("c1"), ServiceId("psy"), confirmed=True), 10.0)
    told.sits("a", at=11.0)
    assert told.offers[-1].contact == "c1"
    with pytest.raises(NothingToUndo):
        told.tell(e.ActUndone(ContactId("c1")), 12.0)
    told.tell(e.OfferEnded(told.offers[-1].offer, "no_answer"), 30.0)
    with pytest.raises(NothingToUndo):
        told.tell(e.ActUndone(ContactId("c1")), 31.0)


def test_a_second_change_ends_the_first_and_nobody_undoes_what_nobody_did() -> None:
    told = house()
    with pytest.raises(NothingToUndo):
        told.tell(e.ActUndone(ContactId("c1")), 2.0)
    told.tell(e.ContactPrioritised(ContactId("c1"), 5), 3.0)
    told.tell(e.CallbackRequested(ContactId("c1")), 4.0)
    with pytest.raises(NothingToUndo):
        told.tell(e.ActUndone(ContactId("c1")), 5.0)
    with pytest.raises(UnknownContact):
        told.tell(e.ActUndone(ContactId("c9")), 6.0)


def test_a_closed_service_takes_back_whom_a_supervisor_moved_away() -> None:
    told = house()
    told.tell(e.MoveRequested(ContactId("c1"), ServiceId("tip")), 3.0)
    told.tell(e.ServiceHoursSet(ServiceId("edu"), False), 4.0)
    told.tell(e.ActUndone(ContactId("c1")), 5.0)
    assert told.contact("c1").service == "edu"
