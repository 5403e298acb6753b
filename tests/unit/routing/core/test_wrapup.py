"""Five modes of wrap-up, and one that is asked for after the talk."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Profile, WrapUpMode
from routing.core.model.errors import NotNow
from tests.core.house import House, restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.unit

BY_WISH = (WrapUpMode.OPTIONAL, WrapUpMode.AGENT_REQUESTED)


def talking(mode: WrapUpMode, wrapup_s: float = 10.0) -> House:
    house = House({"a": 50}, Profile(wrapup_mode=mode, wrapup_s=wrapup_s))
    house.sits("a")
    house.talks(1.0)
    return house


def end(house: House, at: float) -> AgentState:
    house.over(house.offers[0], at)
    return house.state("a")


def test_mandatory_ends_by_the_word_only() -> None:
    house = talking(WrapUpMode.MANDATORY, 0.0)
    assert end(house, 5.0) is AgentState.WRAPUP and house.agent("a").until is None
    with pytest.raises(NotNow):
        house.tell(e.WrapUpExtended("a"), 6.0)
    house.tick(5_000.0)
    assert house.state("a") is AgentState.WRAPUP
    house.tell(e.WrapUpEnded("a"), 5_001.0)
    assert house.state("a") is AgentState.READY and house.last(tf.WrappedUp).wrapup_s == 4_996.0


def test_forced_ends_by_the_clock_only() -> None:
    house = talking(WrapUpMode.MANDATORY_FORCED_TIMEOUT)
    house.tell(e.WrapUpEnded("a"), 4.0)  # too early: nothing to refuse
    assert end(house, 5.0) is AgentState.WRAPUP
    for event in (e.WrapUpEnded("a"), e.WrapUpEnded("a", house.offers[0].contact), e.AgentResumed("a")):
        count = len(house.facts)
        with pytest.raises(NotNow):
            house.tell(event, 6.0)
        assert len(house.facts) == count
    house.tell(e.AgentPaused("a"), 7.0)
    house.tell(e.AgentResumed("a"), 8.0)
    assert house.agent("a").pause_pending == "" and house.state("a") is AgentState.WRAPUP
    house.tick(15.0)
    assert house.state("a") is AgentState.READY
    house.tell(e.WrapUpEnded("a"), 16.0)


@pytest.mark.parametrize("word", [e.WrapUpEnded("a"), e.AgentResumed("a")])
def test_one_without_a_clock_ends_by_the_word_whatever_the_profile_says_meanwhile(word: e.Event) -> None:
    """A reload gave the agent the other mode: nothing at all ended the wrap-up."""
    house = talking(WrapUpMode.MANDATORY)
    end(house, 5.0)
    house.profiles(a=Profile(wrapup_mode=WrapUpMode.MANDATORY_FORCED_TIMEOUT, wrapup_s=10.0))
    house.tell(word, 6.0)
    assert house.state("a") is AgentState.READY


def test_signing_out_ends_even_a_forced_one() -> None:
    house = talking(WrapUpMode.MANDATORY_FORCED_TIMEOUT)
    end(house, 5.0)
    house.tell(e.AgentSignedOut("a"), 6.0)
    assert house.state("a") is AgentState.SIGNED_OUT


@pytest.mark.parametrize("mode", BY_WISH)
def test_by_wish_none_comes_unasked(mode: WrapUpMode) -> None:
    house = talking(mode)
    assert end(house, 5.0) is AgentState.READY and house.last(tf.WrappedUp).wrapup_s == 0.0


@pytest.mark.parametrize("mode", BY_WISH)
def test_by_wish_one_comes_when_asked_for_in_the_talk(mode: WrapUpMode) -> None:
    house = talking(mode)
    house.tell(e.WrapUpRequested("a"), 2.0)
    house.tell(e.WrapUpRequested("a"), 3.0)
    assert end(house, 5.0) is AgentState.WRAPUP and house.agent("a").until == 15.0
    house.tell(e.WrapUpRequested("a"), 6.0)
    house.tick(15.0)
    assert house.state("a") is AgentState.READY
    house.over(house.talks(20.0), 25.0)
    assert house.state("a") is AgentState.READY, "asked for one talk, not for the next"


def test_optional_can_be_asked_for_shortly_after_the_talk() -> None:
    house = talking(WrapUpMode.OPTIONAL)
    end(house, 5.0)
    house.tell(e.WrapUpRequested("a"), 15.0)
    changed = house.last(f.AgentChanged)
    assert (changed.state, changed.wrapup_until) == (AgentState.WRAPUP, 25.0)
    assert house.waits("edu", at=16.0) == []
    house.tell(e.WrapUpExtended("a"), 17.0)
    assert house.agent("a").until == 85.0
    house.tell(e.WrapUpEnded("a", "c1"), 18.0)
    assert house.state("a") is AgentState.WRAPUP, "c1 is completed: this one is not its"
    assert house.tell(e.WrapUpEnded("a"), 19.0)[0].contact == "c2"  # type: ignore[union-attr]


def test_asked_for_too_late_or_for_nothing_it_is_refused() -> None:
    house = talking(WrapUpMode.OPTIONAL)
    end(house, 5.0)
    with pytest.raises(NotNow):
        house.tell(e.WrapUpRequested("a"), 15.1)
    missed = house.calls("edu", 16.0)
    house.tell(e.OfferEnded(missed.offer, "rejected"), 17.0)
    fresh = House({"a": 50}, Profile(wrapup_mode=WrapUpMode.OPTIONAL))
    fresh.sits("a")
    with pytest.raises(NotNow):
        fresh.tell(e.WrapUpRequested("a"))
    requested = talking(WrapUpMode.AGENT_REQUESTED)
    end(requested, 5.0)
    with pytest.raises(NotNow):
        requested.tell(e.WrapUpRequested("a"), 6.0)


@pytest.mark.parametrize("mode", [one for one in WrapUpMode if one is not WrapUpMode.MANDATORY])
def test_none_is_promised_where_the_profile_gives_no_time(mode: WrapUpMode) -> None:
    house = talking(mode, 0.0)
    with pytest.raises(NotNow, match="no wrap-up comes after this talk"):
        house.tell(e.WrapUpRequested("a"), 2.0)
    house.profiles(a=Profile(wrapup_mode=mode, wrapup_s=10.0))
    comes = AgentState.READY if mode in BY_WISH else AgentState.WRAPUP
    assert end(house, 5.0) is comes, "what was refused is not remembered"


def test_mandatory_without_a_time_still_comes() -> None:
    house = talking(WrapUpMode.MANDATORY, 0.0)
    house.tell(e.WrapUpRequested("a"), 2.0)
    assert end(house, 5.0) is AgentState.WRAPUP


@pytest.mark.parametrize("mode", WrapUpMode)
def test_none_is_promised_to_who_signs_out_after_the_talk(mode: WrapUpMode) -> None:
    house = talking(mode)
    house.tell(e.AgentSignedOut("a"), 2.0)
    with pytest.raises(NotNow, match="no wrap-up comes after this talk"):
        house.tell(e.WrapUpRequested("a"), 3.0)
    assert end(house, 5.0) is AgentState.SIGNED_OUT


def test_a_new_offer_in_between_ends_the_time_to_ask() -> None:
    house = talking(WrapUpMode.OPTIONAL)
    end(house, 5.0)
    offer = house.calls("edu", 6.0)
    house.tell(e.OfferEnded(offer.offer, "rejected"), 7.0)
    with pytest.raises(NotNow):
        house.tell(e.WrapUpRequested("a"), 8.0)


def test_a_break_or_leave_asked_for_in_one_without_a_contact_comes_after_it() -> None:
    house = talking(WrapUpMode.OPTIONAL)
    end(house, 5.0)
    house.tell(e.WrapUpRequested("a"), 6.0)
    house.tell(e.AgentPaused("a"), 7.0)
    assert house.state("a") is AgentState.WRAPUP
    house.tick(16.0)
    assert house.state("a") is AgentState.PAUSED
    house.tell(e.AgentResumed("a"), 17.0)
    house.over(house.talks(20.0), 25.0)
    house.tell(e.WrapUpRequested("a"), 26.0)
    house.tell(e.AgentSignedOut("a"), 27.0)
    assert house.state("a") is AgentState.SIGNED_OUT
    house.tick(100.0)
    assert house.state("a") is AgentState.SIGNED_OUT, "its deadline went with it"


@pytest.mark.parametrize("mode", [WrapUpMode.MANDATORY, WrapUpMode.MANDATORY_TIMEOUT])
def test_where_one_comes_anyway_asking_changes_nothing(mode: WrapUpMode) -> None:
    house = talking(mode)
    count = len(house.facts)
    house.tell(e.WrapUpRequested("a"), 2.0)
    assert len(house.facts) == count
    assert end(house, 5.0) is AgentState.WRAPUP
    house.tell(e.WrapUpRequested("a"), 6.0)
    house.tell(e.WrapUpEnded("a"), 7.0)
    with pytest.raises(NotNow):
        house.tell(e.WrapUpRequested("a"), 8.0)


@pytest.mark.parametrize("mode", BY_WISH)
def test_one_that_was_asked_for_in_the_talk_comes_after_a_restart(mode: WrapUpMode) -> None:
    house = talking(mode)
    for _ in range(2):
        house.tell(e.WrapUpRequested("a"), 2.0)
    assert [fact.offer for fact in house.facts_of(tf.WrapUpRequestedRecorded)] == [house.offers[0].offer], "told once"
    other = House({"a": 50}, Profile(wrapup_mode=mode, wrapup_s=10.0))
    assert restore(other.engine, *rows(house.engine), 3.0) == []
    other.tell(e.LinkChanged("", True), 4.0)
    other.seat("a")
    other.over(house.offers[0], 5.0)
    assert other.state("a") is AgentState.WRAPUP
