"""Callbacks without a reserved agent: how many callers are dialled, and what becomes of a dial."""

from __future__ import annotations

from typing import Any

import pytest

from routing.core import events as e
from routing.core.calls import dial_pacing
from routing.core.explain import WaitReason
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, CallbackOrder, ContactState, Outcome, Profile, Service, Step
from routing.core.model.commands import Command, DialCaller, Offer, StopDial
from routing.core.model.ids import SkillId
from routing.core.queueing import callback_dial, contact_queue
from tests.core.house import EDU, House, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

AHEAD = EDU._replace(callback=CallbackOrder.PREDICTIVE, callback_tries=2, callback_retry_s=60.0)
LOOK_S, DIAL_S = callback_dial.LOOK_S, callback_dial.DIAL_S
DIAL = DialCaller(None, "c1", "box h1", "edu", 1.0, 0)


def house(levels: dict[str, int] | None = None, service: Service = AHEAD, *others: Service,
          profile: Profile | None = None) -> House:
    """Return a house of a service that calls back without a reserved agent."""
    return House(levels or {"a": 50, "b": 50}, profile, (service, *others))


def asks(told: House, at: float, number: str = "h1", service: str = "edu", **request: Any) -> str:
    """Let a caller ask for a callback and hang up. Return the contact."""
    told.waits(service, at=at, caller_hash=number, number_encrypted=f"box {number}")
    name = f"c{told.numbers}"
    told.tell(e.CallbackRequested(name, **request), at)
    told.tell(e.CallerHungUp(name), at)
    return name


def dials(told: House, at: float) -> list[str]:
    """Run the clock at each deadline and return the contacts that are dialled."""
    return [one.contact for one in run(told, at) if isinstance(one, DialCaller)]


def run(told: House, until: float) -> list[Command]:
    """Run the clock at each deadline and return the commands."""
    done: list[Command] = []
    while (due := told.engine.next_deadline()) is not None and due <= until:
        done += told.tick(max(due, told.now))
    told.now = until
    return done


def failed(contact: str, reason: str) -> e.CallbackFailed:
    return e.CallbackFailed(None, reason, contact)


def test_a_caller_is_dialled_for_a_ready_agent_whom_nobody_reserves() -> None:
    told = house()
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert told.offers == [] and dials(told, 5.9) == [], "a look comes every five seconds"
    assert told.tick(6.0) == [DIAL]
    dialled = told.last(f.CallbackDialled)
    assert (dialled.offer, dialled.agent, dialled.contact) == (None, None, "c1")
    assert told.state("a") is AgentState.READY, "nobody waits for the answer"
    assert told.engine.explain_waiting("c1")[0] == (WaitReason.DIALLED,)
    (live,) = told.engine.live_contacts()
    assert (live.contact, live.dialling) == ("c1", True), "Asterisk has a channel for the caller"
    (offer,) = told.tell(e.CallbackReached("c1", "PJSIP/called"), 20.0)
    assert isinstance(offer, Offer) and (offer.agent, offer.leg, offer.callback) == ("a", "PJSIP/called", False)
    assert offer.waited_s == 19.0, "with the age of the callback"


def test_an_answered_caller_without_an_agent_waits_in_line_with_age() -> None:
    told = house({"a": 50})
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert dials(told, 6.0) == ["c1"]
    talk = told.talks(8.0)
    told.waits("edu", at=9.0)
    told.tell(e.CallbackReached("c1", "PJSIP/called"), 20.0)
    view = told.contact("c1")
    assert (view.position, view.callback, view.state) == (1, False, ContactState.PENDING), "before the later caller"
    told.over(talk, 30.0)
    told.tell(e.WrapUpEnded("a"), 31.0)
    assert (told.offers[-1].contact, told.offers[-1].waited_s) == ("c1", 30.0)


@pytest.mark.parametrize("agents, callers", [(1, 1), (2, 2), (3, 3), (4, 3)])
def test_as_many_callers_are_dialled_as_agents_are_ready(agents: int, callers: int) -> None:
    told = house(dict.fromkeys("abcd"[:agents], 50))
    for number in range(3):
        asks(told, 1.0 + number, f"h{number}")
    told.sits(*"abcd"[:agents], at=4.0)
    assert len(dials(told, 6.0)) == callers
    assert dials(told, 30.0) == [], "those who are dialled count"


def test_a_dial_counts_until_it_is_over() -> None:
    told = house({"a": 50})
    asks(told, 1.0)
    asks(told, 2.0, "h2")
    told.sits("a", at=3.0)
    assert dials(told, 6.0) == ["c1"]
    told.tell(failed("c1", "busy"), 8.0)
    assert dials(told, 11.0) == ["c2"]


def test_live_callers_in_front_have_the_agents_first() -> None:
    """The limit of contacts at agents keeps the older caller waiting while agents are ready."""
    other = Service("tip", "Tip", (Step(((SkillId("edu"), 1),)),), max_talking=1)
    told = house(dict.fromkeys("abc", 50), AHEAD, other)
    told.sits("a", "b", "c", at=0.0)
    told.talks(1.0, "tip")
    told.waits("tip", at=2.0)
    asks(told, 3.0)
    asks(told, 4.0, "h2")
    assert len(dials(told, 8.0)) == 1, "two are ready, and one caller waits before"


def test_a_later_caller_is_not_in_front() -> None:
    other = Service("tip", "Tip", (Step(((SkillId("edu"), 1),)),), max_talking=1)
    told = house({"a": 50, "b": 50}, AHEAD, other)
    told.sits("a", "b", at=0.0)
    told.talks(1.0, "tip")
    asks(told, 2.0)
    told.waits("tip", at=3.0)
    assert dials(told, 7.0) == ["c2"]


def test_distress_is_in_front_whenever_it_came() -> None:
    """The link of the caller in distress is down, so that the agent stays ready."""
    crisis = Service("kriz", "Kriz", (Step(((SkillId("edu"), 1),)),), distress=True)
    told = house({"a": 50}, AHEAD, crisis)
    told.sits("a", at=0.0)
    asks(told, 1.0)
    told.tell(e.LinkChanged("b", False), 1.5)
    told.tell(e.LinkChanged("", True), 1.5)
    told.waits("kriz", at=2.0, node="b")
    assert dials(told, 6.0) == []
    told.tell(e.CallerHungUp("c2"), 7.0)
    assert dials(told, 11.0) == ["c1"]


def test_callers_of_other_agents_are_not_in_front() -> None:
    other = Service("tip", "Tip", (Step(((SkillId("tip"), 1),)),))
    told = house({"a": 50}, AHEAD, other)
    told.sits("a", at=0.0)
    told.waits("tip", at=1.0)
    asks(told, 2.0)
    assert dials(told, 7.0) == ["c2"]


def test_a_wrap_up_that_ends_in_time_counts() -> None:
    told = house({"a": 50}, profile=Profile(wrapup_s=40.0))
    told.sits("a", at=0.0)
    talk = told.talks(1.0)
    asks(told, 2.0)
    told.over(talk, 10.0)
    assert dials(told, 29.9) == [], "it lasts until 50"
    assert dials(told, 50.0 - dial_pacing.FREE_WITHIN_S + LOOK_S) == ["c2"]
    assert told.state("a") is AgentState.WRAPUP


def test_talks_count_in_proportion_to_the_time_that_they_take() -> None:
    """A talk takes 240 s, so twelve of them are one agent in twenty seconds."""
    for agents, expected in ((11, []), (12, []), (13, ["c14"])):
        names = [f"a{number}" for number in range(agents)]
        told = house(dict.fromkeys(names, 50))
        told.sits(*names, at=0.0)
        for _ in names:
            told.talks(1.0)
        asks(told, 2.0)
        assert dials(told, 7.0) == expected, "twelve are 996 thousandths"


def test_nobody_is_dialled_while_an_answered_caller_waits() -> None:
    told = house({"a": 50, "b": 50})
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert dials(told, 6.0) == ["c1"]
    told.talks(7.0)
    asks(told, 8.0, "h2")
    told.tell(e.CallbackReached("c1", "PJSIP/called"), 9.0)
    told.seat("a", in_use=True, at=9.5)
    told.tell(e.SeatChanged("sb", True, True), 10.0)
    told.tell(e.AgentSignedIn("b", "sb"), 10.0)
    assert dial_pacing.ANSWERED_WAITING_MAX == 0 and dials(told, 30.0) == []
    told.seat("b", at=31.0)
    assert told.offers[-1].contact == "c1"
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 32.0)
    assert dials(told, 40.0) == [], "both talk"


def test_the_limit_of_contacts_at_agents_counts_dials() -> None:
    told = house({"a": 50, "b": 50, "c": 50}, AHEAD._replace(max_talking=2))
    told.sits("a", "b", "c", at=0.0)
    told.talks(1.0)
    asks(told, 2.0)
    asks(told, 3.0, "h2")
    assert dials(told, 7.0) == ["c2"]


def test_quiet_hours_and_the_chosen_time_hold() -> None:
    told = house()
    told.sits("a", "b", at=0.0)
    told.tell(e.QuietHoursChanged(True), 0.5)
    asks(told, 1.0)
    asks(told, 2.0, "h2", anytime=True)
    asks(told, 3.0, "h3", window=(40.0, 90.0), anytime=True)
    assert dials(told, 7.0) == ["c2"] and dials(told, 39.0) == []
    told.tell(failed("c2", "busy"), 39.5)
    assert dials(told, 40.0) == [] and dials(told, 45.0) == ["c3"]
    told.tell(e.QuietHoursChanged(False), 46.0)
    assert dials(told, 51.0) == ["c1"]


def test_callbacks_that_were_held_back_take_turns() -> None:
    """With a share of a fourth three live callers have their turn before, though they came later."""
    for live, expected in ((2, ["c2"]), (3, [])):
        other = Service("tip", "Tip", (Step(((SkillId("edu"), 1),)),), max_talking=1)
        told = house(dict.fromkeys("abcd", 50), AHEAD, other)
        told.reload(callback_share=0.25)
        told.sits(*"abcd", at=0.0)
        told.talks(1.0, "tip")
        asks(told, 2.0, window=(3.0, 90.0))
        for number in range(live):
            told.waits("tip", at=2.5 + number / 10)
        assert dials(told, 8.0) == expected


@pytest.mark.parametrize("reason", ["no_answer", "busy", "no_key", "failed"])
def test_a_failed_dial_is_tried_again_until_there_is_none_left(reason: str) -> None:
    told = house({"a": 50})
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert dials(told, 6.0) == ["c1"]
    assert told.tell(failed("c1", reason), 20.0) == []
    assert told.tell(failed("c1", reason), 21.0) == [], "said twice"
    changed = told.last(f.CallbackChanged)
    assert (changed.tries, changed.not_before, changed.reason) == (1, 80.0, reason)
    assert dials(told, 79.0) == [] and dials(told, 80.0) == [] and dials(told, 85.0) == ["c1"]
    told.tell(failed("c1", reason), 90.0)
    assert told.last(f.Ended).outcome is Outcome.CALLBACK_FAILED and told.state("a") is AgentState.READY


def test_a_dial_of_which_nothing_is_heard_ends_by_itself() -> None:
    told = house({"a": 50})
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert dials(told, 6.0) == ["c1"]
    assert told.tick(6.0 + DIAL_S) == [StopDial("c1", "callback_failed")]
    assert told.last(f.CallbackChanged).reason == "stale"
    assert not told.engine.live_contacts()


def test_two_refusals_end_all_callbacks_to_the_number() -> None:
    told = house({"a": 50})
    asks(told, 1.0)
    told.sits("a", at=2.0)
    for at in (6.0, 75.0):
        assert dials(told, at) == ["c1"]
        told.tell(failed("c1", "refused"), at + 1.0)
    assert told.last(f.Ended).key == "refused"


def test_a_number_is_dialled_no_more_often_than_a_day_allows() -> None:
    told = house({"a": 50}, AHEAD._replace(callback_tries=9))
    told.reload(callback_dials_per_day=2)
    asks(told, 1.0, "h1")
    told.sits("a", at=2.0)
    for at in (6.0, 75.0):
        assert dials(told, at) == ["c1"]
        told.tell(failed("c1", "busy"), at + 1.0)
    assert told.contact("c1").callback and dials(told, 3_000.0) == []
    row = next(one for one in rows(told.engine)[0] if one.contact == "c1")
    assert row.dials == ((6.0, False), (72.0, False)), "a later start counts them"


@pytest.mark.parametrize("event, ends", [
    (e.ContactExited("c1", "withdrawn"), True), (e.CallerErased("h1"), True),
    (e.WithdrawalRequested("c1", by="amir"), True),
    (e.ContactQueued("c9", "edu", "PJSIP/c9", caller_hash="h1"), False)])
def test_a_callback_that_ends_or_whose_caller_calls_stops_the_dial(event: e.Event, ends: bool) -> None:
    told = house({"a": 50})
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert dials(told, 6.0) == ["c1"]
    stops = [one for one in told.tell(event, 8.0) if isinstance(one, StopDial)]
    assert stops == [StopDial("c1", "caller_hung_up" if ends else "caller_on_line")]
    assert (told.contact("c1") is None) is ends
    assert told.tell(failed("c1", "no_answer"), 8.5) == []
    assert not [one for one in run(told, 8.0 + DIAL_S) if isinstance(one, StopDial)], "no deadline is left"
    if not ends:
        assert told.contact("c1").tries == 0, "the promise holds"


def test_the_end_of_its_time_does_not_cut_a_phone_that_rings() -> None:
    told = house({"a": 50})
    asks(told, 1.0, window=(2.0, 8.0))
    told.sits("a", at=2.0)
    assert dials(told, 7.0) == ["c1"]
    assert run(told, 9.0) == [] and told.contact("c1") is not None
    told.tell(failed("c1", "no_answer"), 20.0)
    run(told, 30.0)
    assert told.last(f.Ended).key == "expired"


def test_a_lost_link_keeps_the_time_of_the_dial_and_dials_nobody() -> None:
    told = house({"a": 50, "b": 50})
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert dials(told, 6.0) == ["c1"]
    told.tell(e.LinkChanged("", False), 16.0)
    asks(told, 17.0, "h2")
    told.sits("b", at=18.0)
    assert dials(told, 16.0 + DIAL_S) == []
    told.tell(e.LinkChanged("", True), 100.0)
    assert dials(told, 105.0) == ["c2"]
    assert not [one for one in run(told, 100.0 + DIAL_S - 10.5) if isinstance(one, StopDial)]
    assert run(told, 100.0 + DIAL_S - 10.0) == [StopDial("c1", "callback_failed")]


def test_a_new_node_adopts_the_dial() -> None:
    told = house({"a": 50})
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert dials(told, 6.0) == ["c1"]
    again = house({"a": 50})
    assert restore(again.engine, *rows(told.engine), 9.0) == []
    assert [one.dialling for one in again.engine.live_contacts()] == [True]
    again.tell(e.LinkChanged("", True), 9.5)
    again.seat("a", at=10.0)
    assert dials(again, 30.0) == [], "it rings already"
    (offer,) = again.tell(e.CallbackReached("c1", "PJSIP/called"), 31.0)
    assert isinstance(offer, Offer) and offer.waited_s == 30.0
    third = house({"a": 50})
    restore(third.engine, *rows(told.engine), 9.0)
    third.tell(e.LinkChanged("", True), 9.5)
    assert third.tick(9.5 + DIAL_S) == [StopDial("c1", "callback_failed")], "with its deadline"


def test_a_callback_that_is_held_after_a_start_plans_no_look() -> None:
    told = house({"a": 50})
    asks(told, 1.0)
    told.sits("a", at=2.0)
    told.talks(3.0)
    told.waits("edu", at=4.0, caller_hash="h1")
    assert dials(told, 8.0) == [], "the caller waits in a new call"
    again = house({"a": 50})
    restore(again.engine, *rows(told.engine), 9.0)
    again.tell(e.LinkChanged("", True), 9.0)
    again.seat("a", at=9.0)
    again.numbers = told.numbers
    name = asks(again, 12.0, "h2")
    assert again.engine.next_deadline() == 12.0 + LOOK_S, "five seconds after the first caller who could be dialled"
    assert again.engine.explain_waiting(name)[0] == (WaitReason.DIAL_LOOK,)


def test_a_callback_that_is_moved_to_the_call_of_its_caller_plans_no_look() -> None:
    other = AHEAD._replace(id="other", name="Other")
    told = house({"a": 50}, AHEAD._replace(callback=CallbackOrder.AGENT_FIRST), other)
    name = asks(told, 1.0)
    told.waits("other", at=2.0, caller_hash="h1")
    told.tell(e.MoveRequested(name, "other", by="amir"), 3.0)
    asks(told, 6.0, "h2", "other")
    assert told.engine.next_deadline() == 6.0 + LOOK_S


def test_in_distress_the_agent_is_first() -> None:
    told = house({"a": 50}, AHEAD._replace(distress=True))
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert told.offers[-1].callback and dials(told, 30.0) == []


def test_looks_stop_while_nobody_may_be_dialled() -> None:
    told = house({"a": 50})
    asks(told, 1.0, window=(10_000.0, 20_000.0))
    assert told.engine.next_deadline() == 10_000.0, "no look in the night"
    run(told, 10_000.0)
    assert told.engine.next_deadline() == 10_000.0 + LOOK_S
    assert told.engine.explain_waiting("c1")[0] == (WaitReason.DIAL_LOOK,)


def test_the_pause_after_a_dial_is_that_of_every_callback() -> None:
    told = house({"a": 50}, AHEAD._replace(callback_retry_s=1.0, callback_tries=5))
    asks(told, 1.0)
    told.sits("a", at=2.0)
    assert dials(told, 6.0) == ["c1"]
    told.tell(failed("c1", "busy"), 7.0)
    assert dials(told, 7.0 + contact_queue.REDIAL_S) == []
    assert dials(told, 7.0 + contact_queue.REDIAL_S + LOOK_S) == ["c1"]
