"""Rules of a service: nobody waits for nobody, nor where it is closed, full or too long."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import Agent, Centre, Channel, ContactState, Outcome, Profile, Rule, WayOut
from routing.core.model.errors import NobodyThere, UnknownService
from routing.core.model.ids import ContactId, ServiceId
from routing.core.queueing import service_rules, wait_deadline
from tests.core.house import EDU, House, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

INFO = EDU._replace(id="info", name="Genel bilgi")
TIP = EDU._replace(id="tip", name="İhbar", priority=2)
CALLBACK, MESSAGE, GOODBYE = (Rule(way=way) for way in WayOut)
NOBODY_S, RETRY_S = wait_deadline.NOBODY_S, service_rules.RETRY_S


def to(service: str, over_s: float = 0.0) -> Rule:
    return Rule(ServiceId(service), over_s=over_s)


def house(*services: object, levels: int = 1) -> House:
    """Everybody is there and in a long talk, so nobody is free and somebody is there."""
    told = House(dict.fromkeys("ab"[:levels], 50), services=services)  # type: ignore[arg-type]
    told.sits(*"ab"[:levels], at=0.0)
    for _ in range(levels):
        told.talks(0.1, service=told.centre.services[-1].id)
    return told


def moves(told: House) -> list[tuple[str, str, str]]:
    return [(one.before, one.service, one.reason) for one in told.facts_of(f.Moved)]


# --- to another service


def test_a_full_service_passes_its_next_caller_on_with_the_age() -> None:
    told = house(EDU._replace(max_waiting=1, when_full=to("tip")), TIP)
    told.waits("edu", at=1.0)
    told.waits("edu", at=5.0, since=2.0)
    moved = told.last(f.Moved)
    assert (moved.contact, moved.version, moved.waited_s, moved.position) == ("c3", 2, 3.0, 1)
    assert moves(told) == [("edu", "tip", "full")]
    told.tell(e.OfferEnded(told.offers[0].offer, "hangup"), 6.0)
    told.tell(e.WrapUpEnded("a"), 6.5)
    assert told.offers[-1].contact == "c3", "two points of the new service"


def test_a_chain_is_followed_to_who_has_room_and_passes_through_each_once() -> None:
    told = house(EDU._replace(max_waiting=0, when_full=to("tip")), TIP._replace(max_waiting=0, when_full=to("info")),
                 INFO._replace(when_waited=to("edu", 5.0)))
    told.waits("edu", at=1.0)
    assert moves(told) == [("edu", "info", "full")]
    told.tick(20.0)
    assert len(moves(told)) == 1, "never back"
    circle = house(EDU._replace(max_waiting=0, when_full=to("tip")), TIP._replace(max_waiting=0, when_full=to("edu")),
                   INFO)
    circle.waits("edu", at=1.0)
    assert moves(circle) == [] and circle.contact("c2").state is ContactState.PENDING, "without a way one waits"


def test_whoever_waited_goes_on_and_never_back() -> None:
    told = house(EDU._replace(when_waited=to("tip", 10.0)), TIP._replace(when_waited=to("edu", 20.0)), INFO)
    told.waits("edu", at=1.0, priority=1)
    assert told.tick(11.0) == [] and moves(told) == [("edu", "tip", "waited")]
    assert told.contact("c2").waited_s == 10.0 and told.last(f.Moved).waited_s == 10.0
    told.tick(200.0)
    assert len(moves(told)) == 1


def test_a_rule_that_leads_nowhere_is_tried_again() -> None:
    told = house(EDU._replace(when_waited=to("tip", 10.0)), TIP._replace(max_waiting=1), INFO)
    told.waits("tip", at=0.5)
    told.waits("edu", at=1.0)
    assert told.tick(11.0) == [] and moves(told) == []
    told.tell(e.CallerHungUp("c2"), 12.0)
    assert told.tick(11.0 + RETRY_S - 0.1) == [] and moves(told) == []
    told.tick(11.0 + RETRY_S)
    assert moves(told) == [("edu", "tip", "waited")]


def test_a_sign_of_the_channel_does_not_bring_a_contact_back_from_where_it_was_led() -> None:
    told = house(EDU._replace(when_waited=to("tip", 10.0)), TIP, INFO)
    told.waits("edu", at=1.0)
    told.tick(11.0)
    told.tell(e.ContactQueued("c2", "edu", "PJSIP/c2", since=1.0), 12.0)
    assert told.contact("c2").service == "tip"
    told.tell(e.ContactQueued("c2", "info", "PJSIP/c2"), 13.0)
    assert told.contact("c2").service == "info" and moves(told)[-1] == ("tip", "info", "chosen")


def test_a_long_expected_wait_leads_on_at_once() -> None:
    other = TIP._replace(steps=(EDU.steps[0]._replace(needs=(("tip", 1),)),))
    told = house(EDU._replace(when_expected=to("tip", 300.0)), other, INFO)
    for _ in range(4):
        told.waits("edu", at=1.0)
    moved = [one.contact for one in told.facts_of(f.Moved)]
    expected = [one for one in told.facts_of(f.Queued) if one.service == "edu"]
    assert 0 < len(moved) < 4
    assert all(one.estimate is not None and (one.estimate.wait_s > 300.0) is (one.contact in moved)
               for one in expected)


# --- nobody is there


@pytest.mark.parametrize("away", ["never came", "paused", "not responding", "unreachable", "signed out"])
def test_who_comes_while_nobody_is_there_is_told_at_once(away: str) -> None:
    told = House({"a": 50}, services=(EDU._replace(when_nobody=CALLBACK),))
    if away != "never came":
        told.sits("a", at=0.0)
    if away == "paused":
        told.tell(e.AgentPaused("a"), 1.0)
    if away == "unreachable":
        told.tell(e.SeatChanged("sa", False, False), 1.0)
    if away == "signed out":
        told.tell(e.AgentSignedOut("a"), 1.0)
    if away == "not responding":
        told.profiles(a=Profile(rna_allowed=1))
        offer = told.calls("edu", 1.0)
        told.tell(e.OfferEnded(offer.offer, "no_answer"), 2.0)
        told.tell(e.CallerHungUp(offer.contact), 2.0)
    told.waits("edu", at=20.0)
    name = f"c{told.numbers}"
    assert told.led_out()[-1:] == [(name, "nobody", "callback")]
    view = told.contact(name)
    assert view.way_out is WayOut.CALLBACK and view.led_by == "nobody" and view.position == 1


def test_a_busy_agent_is_there() -> None:
    told = House({"a": 50}, services=(EDU._replace(when_nobody=CALLBACK), TIP))
    told.sits("a", at=0.0)
    told.talks(1.0, service="tip")
    told.waits("edu", at=2.0)
    told.tell(e.SeatChanged("sa", True, True), 3.0)
    told.tick(100.0)
    assert told.led_out() == [] and not told.contact("c2").unserved


def test_a_gap_between_two_shifts_leads_nobody_out_who_waits() -> None:
    told = House({"a": 50, "b": 50}, services=(EDU._replace(when_nobody=GOODBYE),))
    told.sits("a", at=0.0)
    talk = told.talks(1.0)
    told.waits("edu", at=2.0)
    told.tell(e.AgentSignedOut("a"), 3.0)
    told.over(talk, 10.0)
    told.tick(10.0 + NOBODY_S - 0.1)
    told.sits("b", at=10.0 + NOBODY_S - 0.05)
    assert told.led_out() == [] and told.offers[-1].agent == "b"


def test_when_the_last_one_leaves_those_who_wait_are_told_after_a_while() -> None:
    told = house(EDU._replace(when_nobody=CALLBACK), TIP)
    told.waits("edu", at=2.0)
    told.tell(e.AgentSignedOut("a"), 3.0)
    told.tell(e.OfferEnded(told.offers[0].offer, "hangup"), 10.0)
    left = told.agent("a").since
    assert told.state("a") == "signed_out"
    told.tick(left + NOBODY_S - 0.1)
    assert told.led_out() == []
    told.tick(left + NOBODY_S)
    assert told.led_out() == [("c2", "nobody", "callback")]
    told.sits("a", at=40.0)
    assert told.offers[-1].contact == "c2", "an offer of a callback keeps nobody from an agent"


def test_a_reload_that_leaves_nobody_counts_for_a_caller_whose_phone_rings() -> None:
    """The phone that rings belongs to the first of a new pair, and the second is not there."""
    told = House({"a": 50, "b": 50}, services=(EDU._replace(when_nobody=CALLBACK),))
    told.sits("a", at=0.0)
    offer = told.calls("edu", at=1.0)
    pair = Profile(pair_id="p")
    told.now = 2.0
    told.profiles(a=pair, b=pair)
    told.tell(e.OfferEnded(offer.offer, "rejected"), 9.0)
    told.tick(2.0 + NOBODY_S - 0.1)
    assert told.led_out() == []
    told.tick(2.0 + NOBODY_S)
    assert told.led_out() == [("c1", "nobody", "callback")]


def test_who_is_there_only_for_a_later_step_is_there() -> None:
    skilled = EDU._replace(steps=(EDU.steps[0]._replace(needs=(("edu", 90),), lasts_s=60.0), EDU.steps[0]),
                           when_nobody=CALLBACK)
    told = house(skilled, TIP)
    told.waits("edu", at=1.0)
    told.tick(50.0)
    assert told.led_out() == []


def test_two_hundred_others_at_work_hide_no_counsellor_in_a_talk() -> None:
    """The first 200 who signed in were the sample, so callers in distress heard that nobody was there."""
    help_ = EDU._replace(id="help", distress=True, steps=(EDU.steps[0]._replace(needs=(("psy", 50),)),))
    agents = tuple(Agent(f"g{n}", (("edu", 50),), Profile()) for n in range(250))  # type: ignore[arg-type]
    told = House({"a": 50}, services=(help_, EDU))
    told.reload(agents=(*agents, Agent("k", (("psy", 80),), Profile())))  # type: ignore[arg-type]
    for one in (*agents, Agent("k", ())):  # type: ignore[arg-type]
        told.sits(one.id, at=0.0)
    told.talks(1.0, service="help")
    told.waits("help", at=2.0)
    view = told.contact("c2")
    assert not view.unserved and view.estimate is not None


def test_nobody_where_it_leads_either_follows_the_rule_there() -> None:
    told = House({"a": 50}, services=(EDU._replace(when_nobody=to("tip")), TIP._replace(when_nobody=MESSAGE)))
    told.waits("edu", at=1.0)
    assert moves(told) == [("edu", "tip", "nobody")] and told.led_out() == [("c1", "nobody", "message")]
    alone = House({"a": 50}, services=(EDU._replace(when_nobody=to("tip")), TIP))
    alone.waits("edu", at=1.0)
    assert moves(alone) == [], "from nobody to nobody nothing is won"
    alone.sits("a", at=2.0)
    assert alone.offers[-1].contact == "c1"


# --- ways out


@pytest.mark.parametrize("why", ["full", "closed"])
def test_who_is_turned_away_is_offered_to_nobody_and_takes_no_room(why: str) -> None:
    told = house(EDU._replace(max_waiting=1, when_full=CALLBACK, when_closed=CALLBACK), TIP)
    if why == "closed":
        told.tell(e.ServiceHoursSet("edu", False), 0.5)
    else:
        told.waits("edu", at=1.0)
        told.waits("edu", at=1.0)
    told.waits("edu", at=2.0)
    name = f"c{told.numbers}"
    assert told.led_out()[-1] == (name, why, "callback")
    told.tell(e.OfferEnded(told.offers[0].offer, "hangup"), 6.0)
    told.tell(e.WrapUpEnded("a"), 6.5)
    assert all(one.contact != name for one in told.offers) and told.contact(name).state is ContactState.PENDING
    if why == "closed":
        told.tell(e.ContactExited(name, "rule", "closed"), 7.0)
        assert (told.last(f.Ended).outcome, told.last(f.Ended).key) == (Outcome.TURNED_AWAY, "closed")
        return
    told.tell(e.CallbackRequested(name), 7.0)
    told.tell(e.CallerHungUp(name), 8.0)
    assert told.contact(name).callback and told.contact(name).way_out is None


@pytest.mark.parametrize(("rule", "does", "ends"), [
    (GOODBYE, [e.CallerHungUp], (Outcome.TURNED_AWAY, "full")),
    (CALLBACK, [e.CallerHungUp], (Outcome.TURNED_AWAY, "full")),
    (MESSAGE, [lambda name: e.ContactExited(name, "rule", "full"), e.CallerHungUp], (Outcome.TURNED_AWAY, "full")),
    (MESSAGE, [lambda name: e.ContactExited(name, "rule", "message"), e.CallerHungUp], (Outcome.LEFT, "message")),
    (CALLBACK, [lambda name: e.ContactExited(name, "deflected")], (Outcome.TURNED_AWAY, "")),
    (CALLBACK, [lambda name: e.CallerHungUp(name, failure=True)], (Outcome.FAILURE, "")),
    (CALLBACK, [e.CallbackRequested, e.CallerHungUp, lambda name: e.ContactExited(name, "key", "")],
     (Outcome.LEFT, ""))])
def test_who_goes_with_nothing_from_a_full_service_was_turned_away(rule: Rule, does: list, ends: tuple) -> None:  # type: ignore[type-arg]
    told = house(EDU._replace(max_waiting=0, when_full=rule), TIP)
    told.waits("edu", at=1.0)
    for number, event in enumerate(does):
        told.tell(event(ContactId("c2")), 3.0 + number)
    assert (told.last(f.Ended).contact, told.last(f.Ended).outcome, told.last(f.Ended).key) == ("c2", *ends)


@pytest.mark.parametrize("why", ["when_nobody", "when_waited", "when_expected"])
def test_who_hears_good_bye_by_a_rule_of_the_wait_was_turned_away(why: str) -> None:
    told = House({"a": 50}, services=(EDU._replace(**{why: Rule(way=WayOut.GOODBYE, over_s=5.0)}),))
    if why != "when_nobody":
        told.sits("a", at=0.0)
        told.talks(0.1)
    told.waits("edu", at=1.0)
    told.tick(100.0)
    told.tell(e.CallerHungUp(ContactId(f"c{told.numbers}")), 101.0)
    assert (told.last(f.Ended).outcome, told.last(f.Ended).key) == (Outcome.TURNED_AWAY, why.removeprefix("when_"))


def test_whom_a_supervisor_withdraws_was_not_turned_away() -> None:
    told = house(EDU)
    told.waits("edu", at=1.0)
    told.tell(e.WithdrawalRequested(ContactId("c2")), 2.0)
    told.tell(e.CallerHungUp(ContactId("c2")), 3.0)
    assert (told.last(f.Ended).outcome, told.last(f.Ended).key) == (Outcome.LEFT, "withdrawn")


def test_a_message_or_a_good_bye_is_for_callers_only() -> None:
    told = House({"a": 50}, services=(EDU._replace(when_nobody=MESSAGE),))
    told.waits("edu", at=1.0, channel=Channel.CHAT)
    assert told.tick(100.0) == [] and told.led_out() == []


def test_each_rule_leads_out_once_in_a_service() -> None:
    told = House({"a": 50}, services=(EDU._replace(when_nobody=CALLBACK, when_waited=Rule(way=WayOut.MESSAGE,
                                                                                          over_s=30.0)),))
    told.waits("edu", at=1.0)
    told.tick(500.0)
    assert told.led_out() == [("c1", "nobody", "callback"), ("c1", "waited", "message")]


def test_with_the_link_down_no_rule_of_the_wait_holds() -> None:
    told = House({"a": 50}, services=(EDU._replace(when_nobody=CALLBACK),))
    told.tell(e.LinkChanged("", False), 0.5)
    told.waits("edu", at=1.0)
    told.tick(100.0)
    assert told.led_out() == []
    told.tell(e.LinkChanged("", True), 101.0)
    told.tick(101.0)
    assert told.led_out() == [("c1", "nobody", "callback")]


def test_a_restart_keeps_who_was_turned_away() -> None:
    told = house(EDU._replace(max_waiting=0, when_full=CALLBACK), TIP)
    told.waits("edu", at=1.0)
    after = House({"a": 50}, services=told.centre.services)
    restore(after.engine, *rows(told.engine), 20.0)
    after.tell(e.LinkChanged("", True), 21.0)
    view = after.contact("c2")
    assert (view.led_by, view.way_out) == ("full", "callback")


# --- transfers to where nobody is


@pytest.mark.parametrize("kind", [e.TransferRequested, e.ConsultRequested])
def test_a_transfer_to_where_nobody_is_is_said_before_it_is_done(kind: type) -> None:
    told = House({"a": 50, "b": 50}, services=(EDU, TIP._replace(steps=(EDU.steps[0]._replace(needs=(("tip", 1),)),))))
    told.reload(agents=(told.centre.agents[0], told.centre.agents[1]._replace(skills=(("tip", 50),))))
    told.sits("a", at=0.0)
    talk = told.talks(1.0)
    with pytest.raises(NobodyThere):
        told.tell(kind(talk.offer, ServiceId("tip")), 2.0)
    assert told.contact("c1").state is ContactState.ASSIGNED, "the talk goes on"
    told.tell(kind(talk.offer, ServiceId("tip"), confirmed=True), 3.0)
    assert told.contact("c1").service == "tip"


def test_a_transfer_to_where_somebody_talks_needs_no_second_request() -> None:
    told = house(EDU, TIP, levels=2)
    told.tell(e.TransferRequested(told.offers[0].offer, ServiceId("edu")), 2.0)
    assert told.contact("c1").service == "edu"


# --- distress, hours, callbacks


def test_distress_is_never_full_closed_or_led_on() -> None:
    told = House({"a": 50}, services=(EDU._replace(
        distress=True, max_waiting=0, when_waited=to("tip", 5.0), when_nobody=GOODBYE, when_full=GOODBYE), TIP))
    told.tell(e.ServiceHoursSet("edu", False), 0.5)
    assert told.waits("edu", at=1.0) == [] and told.tick(100.0) == []
    assert moves(told) == [] and told.led_out() == [] and told.facts_of(f.ServiceChanged) == []
    assert told.contact("c1").unserved
    told.sits("a", at=101.0)
    assert told.offers[-1].contact == "c1"


def test_hours_touch_newcomers_only() -> None:
    told = House({"a": 50}, services=(EDU._replace(when_closed=GOODBYE), TIP))
    told.waits("edu", at=1.0)
    told.tell(e.ServiceHoursSet("edu", False), 2.0)
    told.tell(e.ServiceHoursSet("edu", False), 2.1)
    assert [(one.service, one.open) for one in told.facts_of(f.ServiceChanged)] == [("edu", False)]
    told.waits("edu", at=3.0)
    assert told.led_out() == [("c2", "closed", "goodbye")]
    told.sits("a", at=4.0)
    assert told.offers[-1].contact == "c1", "who waits is served"
    assert [view.open for view in told.engine.status(4.0).queues] == [False, True]
    told.tell(e.ServiceHoursSet("edu", True), 5.0)
    told.waits("edu", at=6.0)
    assert len(told.led_out()) == 1
    with pytest.raises(UnknownService, match="nothing"):
        told.tell(e.ServiceHoursSet("nothing", True))


def test_a_reload_forgets_hours_of_what_is_gone_and_opens_distress() -> None:
    told = House({"a": 50}, services=(EDU, TIP._replace(when_closed=GOODBYE), INFO._replace(when_closed=GOODBYE)))
    for name in ("edu", "tip", "info"):
        told.tell(e.ServiceHoursSet(name, False), 1.0)
    told.tell(e.Configured(Centre((EDU._replace(distress=True), told.centre.services[2]), told.centre.agents)), 2.0)
    assert [(one.service, one.open) for one in told.facts_of(f.ServiceChanged)][3:] == [("edu", True)]
    told.waits("info", at=3.0)
    assert told.led_out() == [("c1", "closed", "goodbye")]


def test_callbacks_take_no_room_and_have_no_rules() -> None:
    told = House({"a": 50}, services=(EDU._replace(max_waiting=1, when_full=GOODBYE, when_waited=to("tip", 9.0)), TIP))
    told.waits("edu", at=1.0)
    told.tell(e.CallbackRequested("c1"), 2.0)
    told.waits("edu", at=3.0)
    told.waits("edu", at=3.0)
    assert told.led_out() == [("c3", "full", "goodbye")]
    told.tick(100.0)
    assert [one.contact for one in told.facts_of(f.Moved)] == ["c2"]
