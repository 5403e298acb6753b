"""Callbacks: the place stays, the agent first, tries, and the caller who calls again."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls import callback_flow, offer_changes
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, CallbackOrder, Channel, ContactState, Outcome, Profile
from routing.core.model.commands import ConnectCallback, DialCaller, Offer, Rescind
from routing.core.model.errors import CallbackExists, NoCallback, NumberLeftAlone, WindowPast
from routing.core.queueing import callback_dial, callback_limits, contact_queue
from tests.core.house import EDU, House, farewell_after, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

TWICE = EDU._replace(callback_tries=2, callback_retry_s=60.0, when_waited=farewell_after(20.0))


"""The same service with another one that takes its overflow."""


def asked(*, after_s: float = 0.0, **more: object) -> House:
    """c1 has waited since 1, wants to be called back at 5 and hangs up at 8; c2 has waited since 3."""
    told = House({"a": 50, "b": 50}, services=(TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1", number_encrypted="box", **more)
    told.waits("edu", at=3.0)
    told.tell(e.CallbackRequested("c1", after_s), 5.0)
    told.tell(e.CallerHungUp("c1"), 8.0)
    return told


def test_who_is_called_back_hears_the_language_they_chose() -> None:
    """After a restart, and in a later try, too."""
    told = asked(language="en")
    again = House({"a": 50, "b": 50}, services=(TWICE,))
    assert restore(again.engine, *rows(told.engine), 9.0) == []
    for house in (told, again):
        house.tell(e.LinkChanged("", True), 9.5)
        house.sits("a", at=10.0)
        (dial,) = house.tell(e.CallbackAccepted(house.offers[-1].offer), 14.0)
        assert isinstance(dial, DialCaller) and dial.language == "en"


def test_the_place_in_line_stays_and_nobody_is_on_the_line() -> None:
    told = asked()
    fact = told.last(f.CallbackChanged)
    assert (fact.version, fact.tries, fact.not_before, fact.reason) == (2, 0, 5.0, "requested")
    assert told.facts_of(f.Ended) == [] and told.contact("c1").position == 1 and told.contact("c1").callback
    assert [one.contact for one in told.engine.live_contacts()] == ["c2"], "no channel to be missed"
    told.sits("a", at=10.0)
    offer = told.offers[-1]
    assert (offer.contact, offer.callback, offer.leg, offer.waited_s) == ("c1", True, "", 9.0)
    told.tell(e.OfferAnswered(offer.offer), 11.0)
    told.tell(e.CallerHungUp("c2"), 12.0)
    assert told.tell(e.CallbackAccepted(offer.offer), 14.0) == [DialCaller(offer.offer, "c1", "box", "edu", 1.0, 0)]
    assert told.tell(e.CallbackAccepted(offer.offer), 14.5) == [], "said twice"
    assert told.tick(14.0 + offer_changes.PRE_CONNECT_LIMIT_S) == [], "dialling takes its time"
    assert told.tell(e.CallbackReached("c1", "PJSIP/called"),
        44.5) == [ConnectCallback(offer.offer, "c1", "PJSIP/called")]
    assert told.last(f.CallbackChanged).reason == "reached" and not told.contact("c1").callback
    assert told.tell(e.CallbackReached("c1", "PJSIP/called"), 44.6) == [], "said twice"
    told.tell(e.OfferConnected(offer.offer, "c1"), 45.0)
    told.tell(e.TalkEnded(offer.offer, "caller"), 60.0)
    assert told.last(f.Ended).outcome is Outcome.ANSWERED and told.last(f.Ended).wait_s == 44.0


def test_it_is_not_offered_before_the_caller_has_hung_up_nor_before_its_time() -> None:
    told = House({"a": 50}, services=(TWICE,))
    told.waits("edu", at=1.0)
    told.tell(e.CallbackRequested("c1", 30.0), 2.0)
    told.tell(e.CallbackRequested("c1"), 3.0)
    told.sits("a", at=4.0)
    assert told.offers == [] and len(told.facts_of(f.CallbackChanged)) == 1
    assert told.tick(32.0) == [], "still on the line"
    (offer,) = told.tell(e.CallerHungUp("c1"), 33.0)
    assert isinstance(offer, Offer)
    told = House({"a": 50}, services=(TWICE,))
    told.sits("a", at=0.0)
    told.tell(e.AgentPaused("a"), 0.5)
    told.waits("edu", at=1.0)
    told.tell(e.CallbackRequested("c1", 30.0), 2.0)
    told.tell(e.CallerHungUp("c1"), 3.0)
    told.tell(e.AgentResumed("a"), 4.0)
    assert told.tick(31.9) == [] and told.tick(32.0)[0] == told.offers[-1]


def test_asked_while_a_phone_rings_the_agent_is_let_go() -> None:
    told = House({"a": 50})
    told.sits("a")
    offer = told.calls("edu", at=1.0)
    assert told.tell(e.CallbackRequested("c1"), 2.0) == [Rescind(offer.offer, "c1", "callback")]
    assert told.state("a") is AgentState.READY and told.last(f.CallbackChanged).version == 4
    assert told.last(f.AgentChanged).rna_count == 0


def test_a_failed_try_is_no_miss_and_the_next_comes_later_until_there_is_none_left() -> None:
    told = asked()
    told.sits("a", at=10.0)
    first = told.offers[-1]
    told.tell(e.OfferAnswered(first.offer), 11.0)
    rescind, nxt = told.tell(e.CallbackFailed(first.offer, "busy"), 20.0)
    assert rescind == Rescind(first.offer, "c1", "callback_failed") and nxt.contact == "c2"  # type: ignore[union-attr]
    changed = told.last(f.CallbackChanged)
    assert (changed.tries, changed.not_before, changed.reason, changed.version) == (1, 80.0, "busy", 5)
    assert told.agent("a").rna_count == 0 and told.contact("c1").position == 1
    told.tell(e.CallbackFailed(first.offer, "busy"), 21.0)
    assert len(told.facts_of(f.CallbackChanged)) == 2, "said twice"
    told.tell(e.CallerHungUp("c2"), 21.5)
    told.tell(e.AgentPaused("a"), 21.5)
    told.sits("b", at=22.0)
    told.tick(80.0)
    again = told.offers[-1]
    assert (again.contact, again.agent) == ("c1", "b")
    told.tell(e.OfferAnswered(again.offer), 81.0)
    told.tell(e.CallbackAccepted(again.offer), 82.0)
    assert told.tick(82.0 + callback_dial.DIAL_S) == [Rescind(again.offer, "c1", "callback_failed", dialled=True)]
    end = told.last(f.Ended)
    assert (end.contact, end.outcome, end.version) == ("c1", Outcome.CALLBACK_FAILED, 9)
    assert told.agent("b").rna_count == 0 and told.last(f.CallbackChanged).reason == "stale"
    assert told.engine._domain.callbacks == {} and not told.engine._domain.waiting_callbacks["edu"]


def test_an_agent_who_lets_a_callback_ring_has_missed_it() -> None:
    told = asked()
    told.sits("a", at=10.0)
    told.tell(e.OfferEnded(told.offers[-1].offer, "no_answer"), 25.0)
    assert told.agent("a").rna_count == 1 and told.facts_of(f.CallbackChanged)[-1].tries == 0
    assert told.contact("c1").state is ContactState.PENDING


def test_who_calls_again_has_the_age_of_the_callback_and_the_promise() -> None:
    told = asked(priority=1)
    told.waits("edu", at=100.0, caller_hash="h1")
    queued = told.last(f.Queued)
    assert (queued.contact, queued.since, queued.priority, queued.position) == ("c3", 1.0, 1, 1)
    told.sits("a", at=101.0)
    assert told.offers[-1].contact == "c3" and not told.offers[-1].callback
    told.tell(e.OfferConnected(told.offers[-1].offer, "c3"), 102.0)
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 140.0)
    assert [one.key for one in told.facts_of(f.Ended) if one.contact == "c1"] == [callback_flow.SERVED]


def test_who_calls_again_and_gives_up_is_called_back_as_promised() -> None:
    told = asked()
    told.waits("edu", at=100.0, caller_hash="h1")
    assert told.contact("c3").merged and told.contact("c1").callback
    told.tell(e.CallerHungUp("c3"), 130.0)
    assert [one.contact for one in told.facts_of(f.Ended)] == ["c3"], "the promise holds"
    told.tell(e.CallerHungUp("c2"), 131.0)
    told.sits("a", at=132.0)
    assert told.offers == []
    told.tick(130.0 + contact_queue.REDIAL_S)
    assert told.offers[-1].contact == "c1" and told.offers[-1].callback and told.offers[-1].waited_s == 139.0


def test_one_number_has_one_callback() -> None:
    told = asked(priority=1)
    told.waits("edu", at=20.0, caller_hash="h1")
    told.tell(e.CallbackRequested("c3", caller_hash="h1"), 21.0)
    end = told.last(f.Ended)
    assert (end.contact, end.key, told.contact("c3").waited_s) == ("c1", callback_flow.MERGED, 20.0), "the age stays"
    told.waits("edu", at=30.0, caller_hash="h2")
    with pytest.raises(CallbackExists):
        told.tell(e.CallbackRequested("c4", caller_hash="h1"), 31.0)
    assert not told.contact("c4").callback and told.contact("c3").callback


def test_the_owner_of_a_line_replaces_what_somebody_else_asked_for() -> None:
    told = House({"a": 50}, services=(TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1")
    told.tell(e.CallbackRequested("c1", 0.0, True, "victim", "box"), 2.0)
    told.waits("edu", at=10.0, caller_hash="victim")
    told.tell(e.CallbackRequested("c2"), 11.0)
    assert (told.last(f.Ended).contact, told.last(f.Ended).key) == ("c1", "replaced")


@pytest.mark.parametrize("own", (True, False))
def test_the_number_of_somebody_else_is_spared_at_night_and_answers_by_a_key(own: bool) -> None:
    told = House({"a": 50}, services=(TWICE,))
    told.tell(e.QuietHoursChanged(True), 0.0)
    told.waits("edu", at=1.0, caller_hash="h1")
    told.tell(e.CallbackRequested("c1", 0.0, True, "h1" if own else "victim", "box"), 2.0)
    told.tell(e.CallerHungUp("c1"), 3.0)
    told.sits("a", at=4.0)
    assert len(told.offers) == own
    told.tell(e.QuietHoursChanged(False), 100.0)
    (dial,) = told.tell(e.CallbackAccepted(told.offers[-1].offer), 101.0)
    assert isinstance(dial, DialCaller) and dial.press is not own


def refused(told: House, contact: str, at: float) -> None:
    """The offer of a callback is taken, and the called person refuses."""
    offer = told.offers[-1]
    assert offer.contact == contact
    told.tell(e.CallbackAccepted(offer.offer), at)
    told.tell(e.CallbackFailed(offer.offer, "refused"), at + 1.0)


def test_two_refusals_end_all_callbacks_to_a_number_for_a_day() -> None:
    told = House({"a": 50}, services=(TWICE._replace(callback_tries=5),))
    told.waits("edu", at=10.0, caller_hash="h1")
    told.tell(e.CallbackRequested("c1", 0.0, True, "victim", "box"), 11.0)
    told.tell(e.CallerHungUp("c1"), 12.0)
    told.sits("a", at=12.5)
    refused(told, "c1", 13.0)
    assert told.contact("c1").tries == 1, "once may be a mistake"
    told.tick(74.0)
    refused(told, "c1", 80.0)
    assert (told.last(f.Ended).outcome, told.last(f.Ended).key) == (Outcome.CALLBACK_FAILED, "refused")
    told.waits("edu", at=200.0, caller_hash="h2")
    with pytest.raises(NumberLeftAlone):
        told.tell(e.CallbackRequested("c2", 0.0, True, "victim", "box"), 201.0)
    again = House({"a": 50}, services=(TWICE,))
    assert restore(again.engine, *rows(told.engine), 300.0) == []
    day = callback_limits.DAY_S
    told.tell(e.CallbackRequested("c2", 0.0, True, "victim", "box"), 14.0 + day + 1.0)
    assert told.contact("c2").callback, "a day after the first one"


def test_a_number_is_dialled_as_often_in_a_day_as_the_centre_says() -> None:
    """A hundred callbacks to one number were dialled three hundred times in an hour."""
    told = House({"a": 50}, services=(TWICE._replace(callback_tries=20),))
    told.reload(callback_dials_per_day=3)
    told.sits("a", at=0.0)
    for number in range(1, 101):
        told.waits("edu", at=float(number), caller_hash=f"h{number}")
        try:
            told.tell(e.CallbackRequested(f"c{number}", 0.0, False, "victim", "box"), number + 0.1)
            told.tell(e.CallerHungUp(f"c{number}"), number + 0.2)
        except NoCallback:
            told.tell(e.CallerHungUp(f"c{number}"), number + 0.2)
    at = 200.0
    while (due := told.engine.next_deadline()) is not None and due < 100_000.0:
        at = max(at, due)
        told.tick(at)
        offer = told.offers[-1].offer
        if told.engine.contact_view("c1", at) is not None and told.contact("c1").offer == offer:  # type: ignore[arg-type]
            told.tell(e.CallbackAccepted(offer), at + 1.0)
            told.tell(e.CallbackFailed(offer, "no_answer"), at + 2.0)
            at += 2.0
    dials = [one.at for one in told.facts_of(f.CallbackDialled)]
    assert all(sum(at - callback_limits.DAY_S < other <= at for other in dials) <= 3 for at in dials)
    assert len(dials) == 3 and told.last(f.Ended).key == "expired", dials


def test_an_unreached_callback_ends_after_the_hours_of_the_centre() -> None:
    told = asked()
    told.tick(5.0 + 24 * 3600.0 - 1.0)
    assert told.contact("c1").callback
    told.tick(5.0 + 24 * 3600.0)
    end = told.last(f.Ended)
    assert (end.contact, end.outcome, end.key) == ("c1", Outcome.CALLBACK_FAILED, "expired")


def test_a_chosen_time_is_kept_and_a_time_that_is_over_is_refused() -> None:
    told = House({"a": 50}, services=(TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1")
    for window in ((-10.0, 0.0), (50.0, 40.0), (0.0, 2.0)):
        with pytest.raises(WindowPast):
            told.tell(e.CallbackRequested("c1", window=window), 2.0)
    told.tell(e.CallbackRequested("c1", window=(1_000.0, 1_500.0)), 3.0)
    told.tell(e.CallerHungUp("c1"), 4.0)
    told.sits("a", at=5.0)
    told.tick(999.0)
    assert told.offers == []
    told.tick(1_000.0)
    assert told.offers[-1].contact == "c1"
    told.tell(e.CallbackAccepted(told.offers[-1].offer), 1_001.0)
    told.tell(e.CallbackFailed(told.offers[-1].offer, "busy"), 1_449.0)
    told.tick(1_500.0)
    assert told.last(f.Ended).key == "expired", "not later than they wished"


def test_a_caller_who_has_agreed_chooses_a_time_until_hanging_up() -> None:
    told = House({"a": 50}, services=(TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1")
    told.tell(e.CallbackRequested("c1"), 3.0)
    with pytest.raises(WindowPast):
        told.tell(e.CallbackRequested("c1", window=(0.0, 2.0)), 4.0)
    told.tell(e.CallbackRequested("c1", window=(1_000.0, 1_500.0)), 5.0)
    changed = told.facts_of(f.CallbackChanged)
    assert [(one.reason, one.not_before, one.version) for one in changed] == [
        ("requested", 3.0, 2), ("time_chosen", 1_000.0, 3)]
    told.tell(e.CallerHungUp("c1"), 6.0)
    told.tell(e.CallbackRequested("c1", window=(2_000.0, 2_500.0)), 7.0)
    assert len(told.facts_of(f.CallbackChanged)) == 2, "too late: the caller would not hear of it"
    told.sits("a", at=8.0)
    told.tick(999.0)
    assert told.offers == []
    told.tick(1_000.0)
    assert told.offers[-1].contact == "c1" and told.contact("c1").callback
    told.tick(1_500.0)
    assert told.last(f.Ended).key == "expired", "not later than they wished"


def test_a_caller_who_calls_again_moves_the_callback_and_keeps_the_age() -> None:
    told = asked()
    told.waits("edu", at=20.0, caller_hash="h1")
    told.tell(e.CallbackRequested("c3"), 21.0)
    assert (told.last(f.Ended).contact, told.last(f.Ended).key) == ("c1", "merged"), "one live callback to a number"
    told.tell(e.CallbackRequested("c3", window=(1_000.0, 1_500.0)), 22.0)
    told.tell(e.CallerHungUp("c3"), 23.0)
    told.tell(e.CallerHungUp("c2"), 24.0)
    told.sits("a", at=30.0)
    told.tick(999.0)
    assert told.offers == []
    told.tick(1_000.0)
    offer = told.offers[-1]
    assert (offer.contact, offer.waited_s) == ("c3", 999.0), "the age is that of the first wait"


def test_after_quiet_hours_live_callers_and_callbacks_take_turns() -> None:
    told = House({"a": 50}, Profile(wrapup_s=0.0), (TWICE._replace(when_waited=None),))
    told.reload(callback_share=0.25)
    told.tell(e.QuietHoursChanged(True), 0.0)
    for number in range(1, 5):
        told.waits("edu", at=float(number), caller_hash=f"h{number}")
        told.tell(e.CallbackRequested(f"c{number}"), number + 0.1)
        told.tell(e.CallerHungUp(f"c{number}"), number + 0.2)
    told.tell(e.QuietHoursChanged(False), 60.0)
    for number in range(5, 13):
        told.waits("edu", at=60.0 + number)
    assert [told.contact(f"c{number}").position for number in range(5, 13)] == [1, 2, 3, 5, 6, 7, 9, 10]
    told.sits("a", at=100.0)
    order = []
    for at in range(100, 1_300, 100):
        offer = told.offers[-1]
        order.append(int(offer.contact[1:]))
        if offer.callback:
            told.tell(e.CallbackAccepted(offer.offer), float(at))
            told.tell(e.CallbackReached(offer.contact, "PJSIP/x"), float(at))
        told.tell(e.OfferConnected(offer.offer, offer.contact), at + 1.0)
        told.tell(e.TalkEnded(offer.offer, "caller"), at + 50.0)
    assert order == [5, 6, 7, 1, 8, 9, 10, 2, 11, 12, 3, 4], "one in four, and all when nobody else waits"


def test_position_counts_who_is_in_front_now() -> None:
    """At night a caller was told to be the 31st, with nobody who could be called before them."""
    told = House({"a": 50}, services=(TWICE,))
    told.tell(e.QuietHoursChanged(True), 0.0)
    for number in range(1, 31):
        told.waits("edu", at=float(number), caller_hash=f"h{number}")
        told.tell(e.CallbackRequested(f"c{number}"), number + 0.1)
        told.tell(e.CallerHungUp(f"c{number}"), number + 0.2)
    told.waits("edu", at=50.0)
    assert told.last(f.Queued).position == told.contact("c31").position == 1
    assert next(one.position for one in told.engine.status(50.0).contacts if one.contact == "c31") == 1
    assert told.contact("c30").position == 1
    told.tell(e.QuietHoursChanged(False), 60.0)
    assert told.contact("c31").position == 1 and told.contact("c30").position == 30, "they take turns"


def test_the_overflow_of_one_who_took_a_callbacks_place_counts_from_the_call() -> None:
    told = asked()
    told.waits("edu", at=100.0, caller_hash="h1")
    told.tick(119.0)
    assert "c3" not in [one[0] for one in told.led_out()]
    told.tick(120.0)
    assert told.led_out()[-1] == ("c3", "waited", "goodbye")


def test_a_good_bye_that_nobody_hears_ends_with_the_wish_for_a_callback() -> None:
    told = House({"a": 50}, services=(TWICE,))
    told.tell(e.ContactQueued("silent", "edu", caller_hash="h1"), 0.0)
    told.tick(20.0)
    assert told.contact("silent").farewell, "the rule of the wait has led it to good-bye"
    told.tell(e.CallbackRequested("silent"), 21.0)
    told.waits("edu", at=22.0)
    assert told.last(f.Queued).position == 2, "the callback is in front"
    told.tell(e.ContactExited("c1", "key", "9"), 23.0)
    told.sits("a", at=24.0)
    assert told.offers[-1].callback and told.offers[-1].contact == "silent", "no hang-up is awaited"


def test_a_callback_never_overflows_and_its_caller_may_take_it_back() -> None:
    told = asked()
    told.tick(500.0)
    assert "c1" not in [one[0] for one in told.led_out()]
    told.tell(e.ContactExited("c1", "key", "0"), 501.0)
    assert told.last(f.Ended).outcome is Outcome.LEFT and told.engine._domain.callbacks == {}


def test_only_callers_who_wait_on_the_phone_are_called_back() -> None:
    told = House({"a": 50})
    told.tell(e.CallbackRequested("nobody"), 1.0)
    told.waits("edu", at=1.0, channel=Channel.CHAT)
    told.tell(e.CallbackRequested("c1"), 2.0)
    told.sits("a", at=3.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 4.0)
    told.tell(e.CallbackRequested("c1"), 5.0)
    assert told.facts_of(f.CallbackChanged) == []


def test_late_news_of_the_callers_channel_does_not_bring_it_back() -> None:
    told = asked()
    told.tell(e.ContactQueued("c1", "edu", "PJSIP/c1"), 9.0)
    told.tell(e.CallerHungUp("c1"), 9.5)
    told.sits("a", at=10.0)
    assert told.offers[-1].callback and told.offers[-1].leg == ""


def test_who_talks_and_was_not_heard_to_be_reached_is_a_caller_as_any_other() -> None:
    """The word of it was lost. A later call of the same number does not end the talk, a lost phone does not call the
    caller who is on the line, and a restart knows the same."""
    told = asked()
    told.sits("a", at=10.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c1"), 12.0)
    fact = told.last(f.CallbackChanged)
    assert (fact.reason, fact.callback, fact.leg) == ("reached", False, "c1") and not told.contact("c1").callback
    assert told.engine._domain.callbacks == {} and not told.engine._domain.waiting_callbacks["edu"]
    again = House({"a": 50, "b": 50}, services=(TWICE,))
    restore(again.engine, *rows(told.engine), 12.5)
    assert not again.contact("c1").callback
    told.waits("edu", at=13.0, caller_hash="h1")
    assert [one.contact for one in told.facts_of(f.Ended)] == [], "nothing was merged"
    told.tell(e.TalkEnded(told.offers[0].offer, "lost"), 20.0)
    told.sits("b", at=21.0)
    offer = told.offers[-1]
    assert (offer.contact, offer.callback, offer.leg) == ("c1", False, "c1")


CALLER_FIRST = TWICE._replace(callback=CallbackOrder.CALLER_FIRST, callback_press=True)


def test_caller_first_the_agents_phone_rings_when_the_caller_is_there() -> None:
    told = House({"a": 50}, services=(CALLER_FIRST,))
    told.waits("edu", at=1.0, number_encrypted="box", slow=True, priority=2)
    told.tell(e.CallbackRequested("c1"), 2.0)
    told.tell(e.CallerHungUp("c1"), 3.0)
    told.seat("a", at=4.0)
    assert told.tell(e.AgentSignedIn("a", "sa"), 4.0) == [DialCaller(1, "c1", "box", "edu", 1.0, 2, True, True)]
    assert told.state("a") is AgentState.RINGING and told.tick(30.0) == [], "nobody else has the agent"
    live = told.engine.live_offers()[0]
    assert (live.dialling, live.leg_requested) == (True, False)
    (offer,) = told.tell(e.CallbackReached("c1", "PJSIP/called"), 31.0)
    assert isinstance(offer, Offer) and (offer.offer, offer.leg, offer.callback) == (1, "PJSIP/called", False)
    assert told.tick(31.0 + told.centre.phone_reacts_s)[0] == Rescind(1, "c1", "vanished"), "it rings as any phone does"
    assert told.contact("c1").state is ContactState.PENDING, "and the caller waits for somebody else"
    told.tell(e.CallerHungUp("c1"), 40.0)
    assert told.last(f.Ended).outcome is Outcome.ABANDONED


def test_who_stays_on_the_line_waits_on() -> None:
    told = House({"a": 50}, services=(TWICE,))
    told.waits("edu", at=1.0)
    told.tell(e.CallbackRequested("c1"), 2.0)
    told.tell(e.CallbackReached("c1", "PJSIP/c1"), 12.0)
    told.sits("a", at=13.0)
    assert told.offers[-1].leg == "PJSIP/c1" and not told.offers[-1].callback and told.offers[-1].waited_s == 12.0
    told.tell(e.CallbackReached("c1", "PJSIP/other"), 14.0)
    assert len(told.facts_of(f.CallbackChanged)) == 2


def test_an_agent_who_is_gone_while_the_caller_is_dialled_lets_go_of_both_phones() -> None:
    told = asked()
    told.sits("a", at=10.0)
    first = told.offers[-1]
    told.tell(e.CallbackAccepted(first.offer), 11.0)
    told.tell(e.OfferAnswered(first.offer), 11.1)
    told.tell(e.CallerHungUp("c2"), 11.2)
    assert told.tick(11.1 + offer_changes.PRE_CONNECT_LIMIT_S) == [], "late news of the agent sets no other limit"
    told.sits("b", at=42.0)
    assert told.tell(e.OfferEnded(first.offer, "hangup"), 43.0) == [Rescind(first.offer, "c1", "partner", dialled=True)]
    assert told.contact("c1").tries == 0 and told.tick(43.0 + contact_queue.REDIAL_S - 0.1) == []
    assert [one.contact for one in told.tick(43.0 + contact_queue.REDIAL_S)] == ["c1"]


@pytest.mark.parametrize("answered", [True, False])
def test_while_the_caller_is_dialled_no_limit_of_the_agents_phone_goes_on_with_the_link(answered: bool) -> None:
    """It was taken while the link was down: what had been left of ringing, or of the brief, had cut both off."""
    told = asked()
    told.sits("a", at=10.0)
    offer = told.offers[-1]
    told.tell(e.CallerHungUp("c2"), 10.1)
    if answered:
        told.tell(e.OfferAnswered(offer.offer), 10.5)
    told.tell(e.LinkChanged("", False), 11.0)
    told.tell(e.CallbackAccepted(offer.offer), 12.0)
    told.tell(e.LinkChanged("", True), 13.0)
    assert told.tick(13.0 + callback_dial.DIAL_S - 0.1) == []
    assert told.tick(13.0 + callback_dial.DIAL_S)[0] == Rescind(offer.offer, "c1", "callback_failed", dialled=True)


def test_whom_the_agent_waits_for_and_who_came_by_another_way_are_led_together() -> None:
    told = asked()
    told.sits("a", at=10.0)
    offer = told.offers[-1]
    told.tell(e.OfferAnswered(offer.offer), 11.0)
    told.tell(e.CallerHungUp("c2"), 11.5)
    told.tell(e.CallbackReached("c1", "PJSIP/late"), 12.0)
    assert told.tell(e.CallbackAccepted(offer.offer), 13.0) == [ConnectCallback(offer.offer, "c1", "PJSIP/late")]
    assert told.tick(13.0 + offer_changes.PRE_CONNECT_LIMIT_S)[0] == Rescind(offer.offer, "c1",
        "stale"), "they never met"
    assert told.contact("c1").state is ContactState.PENDING


def test_quiet_hours_keep_everybody_but_who_wants_it() -> None:
    told = House({"a": 50}, services=(TWICE,))
    told.tell(e.QuietHoursChanged(True), 0.5)
    for number, anytime in ((1, False), (2, True)):
        told.waits("edu", at=float(number))
        told.tell(e.CallbackRequested(f"c{number}", anytime=anytime), 3.0)
        told.tell(e.CallerHungUp(f"c{number}"), 4.0)
    told.sits("a", at=5.0)
    assert [one.contact for one in told.offers] == ["c2"]
    told.tell(e.ContactExited("c2", "key"), 5.5)
    assert told.tell(e.QuietHoursChanged(True), 6.0) == []
    (offer,) = told.tell(e.QuietHoursChanged(False), 3600.0)
    assert isinstance(offer, Offer) and offer.contact == "c1"
    told.tell(e.OfferEnded(offer.offer, "rejected"), 3601.0)
    told.tell(e.QuietHoursChanged(True), 3602.0)
    assert told.tick(3700.0) == [], "who waits when they begin waits through them"


def test_a_service_that_calls_nobody_back_or_as_many_as_it_may_refuses() -> None:
    for service in (TWICE._replace(callback=CallbackOrder.NONE), TWICE._replace(anonymous=True),
                    TWICE._replace(callback_max=1)):
        told = House({"a": 50}, services=(service,))
        told.waits("edu", at=1.0)
        told.waits("edu", at=2.0)
        if service.callback_max == 1:
            told.tell(e.CallbackRequested("c1"), 3.0)
        with pytest.raises(NoCallback):
            told.tell(e.CallbackRequested("c2"), 3.0)
        assert not told.contact("c2").callback
        told.tell(e.ContactExited("c1", "key"), 4.0)
        if service.callback_max == 1:
            told.tell(e.CallbackRequested("c2"), 5.0)
            assert told.contact("c2").callback, "there is room again"


def test_another_number_is_called_and_either_brings_the_place_back() -> None:
    for caller_hash in ("h1", "other"):
        told = House({"a": 50}, services=(TWICE,))
        told.waits("edu", at=1.0, caller_hash="h1", number_encrypted="box")
        told.tell(e.CallbackRequested("c1", 0.0, False, "other", "other box"), 2.0)
        told.tell(e.CallerHungUp("c1"), 3.0)
        told.waits("edu", at=50.0, caller_hash=caller_hash)
        assert told.contact("c2").merged and told.last(f.Queued).since == 1.0 and told.contact("c1").callback
    told = House({"a": 50}, services=(TWICE,))
    told.waits("edu", at=1.0, caller_hash="h1", number_encrypted="box")
    told.tell(e.CallbackRequested("c1", 0.0, False, "other", "other box"), 2.0)
    told.tell(e.CallerHungUp("c1"), 3.0)
    told.sits("a", at=4.0)
    (dial,) = told.tell(e.CallbackAccepted(told.offers[-1].offer), 5.0)
    assert isinstance(dial, DialCaller) and dial.number_encrypted == "other box"


def test_who_rings_in_while_being_dialled_is_not_called_any_more() -> None:
    told = asked()
    told.sits("a", at=10.0)
    offer = told.offers[-1]
    told.tell(e.CallbackAccepted(offer.offer), 11.0)
    commands = told.waits("edu", at=12.0, caller_hash="h1")
    assert commands[0] == Rescind(offer.offer, "c1", "caller_on_line", dialled=True)
    assert told.offers[-1].contact == "c3" and told.contact("c3").merged


def test_the_overflow_of_one_who_was_reached_counts_from_then() -> None:
    told = asked()
    told.sits("a", at=10.0)
    told.tell(e.CallbackAccepted(told.offers[-1].offer), 11.0)
    told.tell(e.CallbackReached("c1", "PJSIP/called"), 30.0)
    told.tell(e.OfferEnded(told.offers[-1].offer, "hangup"), 31.0)
    told.tell(e.AgentSignedOut("a"), 31.0)
    told.tick(49.0)
    assert "c1" not in [one[0] for one in told.led_out()]
    told.tick(50.0)
    assert told.led_out()[-1] == ("c1", "waited", "goodbye")
