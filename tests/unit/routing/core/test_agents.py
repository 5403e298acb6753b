"""Skills for now, outside numbers, who comes back by themselves, and what an offer tells the shell and the record."""

from __future__ import annotations

from typing import Any

import pytest

from routing.core import events as e
from routing.core.calls.offer_changes import PRE_CONNECT_LIMIT_S
from routing.core.model import facts as f
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    AnswerMode,
    Channel,
    Comfort,
    PreConnect,
    Profile,
    Step,
    channel_rows,
)
from routing.core.model.errors import NotSignedIn, QualificationNeeded
from routing.core.model.ids import ServiceId, SkillId
from tests.core.house import EDU as EDU_SERVICE
from tests.core.house import House

pytestmark = pytest.mark.unit

EDU, OTHER = SkillId("edu"), SkillId("other")


def test_skills_for_now_reach_who_waits_at_once() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.tell(e.AgentSkillsChanged("a", ((OTHER, 50),)), 1.0)
    assert house.last(f.AgentChanged).services == () and house.waits("edu", at=2.0) == []
    assert house.tell(e.AgentSkillsChanged("a", None), 3.0)[0].contact == "c1"  # type: ignore[union-attr]
    told = [one.skills for one in house.facts_of(f.AgentChanged)]
    assert ((OTHER, 50),) in told and told[-1] is None


def test_skills_for_now_last_until_the_agent_leaves_or_is_changed() -> None:
    house = House({"a": 50, "b": 50})
    house.sits("a", "b")
    house.tell(e.AgentSkillsChanged("a", ((OTHER, 50),)))
    house.tell(e.AgentSkillsChanged("b", ((OTHER, 50),)))
    house.reload(channels=channel_rows(interruptible=()))
    assert house.agent("a").skills == ((OTHER, 50),), "settings that do not change the agent"
    house.profiles(a=Profile(wrapup_s=3.0))
    assert house.agent("a").skills == ((EDU, 50),) and house.agent("b").skills == ((OTHER, 50),)
    assert house.last(f.AgentChanged).agent == "a" and house.last(f.AgentChanged).skills is None
    house.tell(e.AgentSignedOut("b"))
    assert house.last(f.AgentChanged).skills is None
    house.tell(e.AgentSignedIn("b", "sb"))
    assert house.agent("b").skills == ((EDU, 50),)


def test_added_skills_leave_the_others() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.tell(e.AgentSkillsChanged("a", ((OTHER, 20),), added=True))
    house.tell(e.AgentSkillsChanged("a", ((OTHER, 30),), added=True))
    assert house.agent("a").skills == ((EDU, 50), (OTHER, 30)) and house.agent("a").skills_for_now
    house.tell(e.AgentSkillsChanged("a", None))
    assert house.agent("a").skills == ((EDU, 50),) and not house.agent("a").skills_for_now


@pytest.mark.parametrize("floor", [
    {"floor": ((OTHER, 40),)}, {"floor_where": "other >= 40 or edu >= 99"}, {"steps": (Step(((OTHER, 40),)),)}])
def test_a_qualification_comes_from_the_settings_and_not_for_a_day(floor: dict[str, Any]) -> None:
    crisis = EDU_SERVICE._replace(id=ServiceId("kriz"), distress=True, **floor)
    house = House({"a": 50}, services=(EDU_SERVICE, crisis))
    house.sits("a")
    for wrong, added in ((((OTHER, 60),), False), (((OTHER, 1),), True)):
        with pytest.raises(QualificationNeeded, match=r"^other: .* team\.yaml"):
            house.tell(e.AgentSkillsChanged("a", wrong, added))
    assert house.agent("a").skills == ((EDU, 50),)
    house.tell(e.AgentSkillsChanged("a", ((EDU, 40),)))
    assert house.agent("a").skills == ((EDU, 40),), "nothing is taken from what the settings give"


def test_a_skill_that_becomes_a_qualification_is_lost_at_the_reload() -> None:
    house = House({"a": 50})
    house.sits("a")
    house.tell(e.AgentSkillsChanged("a", ((OTHER, 60),), added=True))
    house.reload(services=(EDU_SERVICE._replace(distress=True, floor=((OTHER, 40),)),))
    assert house.agent("a").skills == ((EDU, 50),) and house.last(f.AgentChanged).skills is None


def test_the_same_skills_again_change_nothing_and_who_is_away_is_refused() -> None:
    house = House({"a": 50})
    with pytest.raises(NotSignedIn):
        house.tell(e.AgentSkillsChanged("a", None))
    house.sits("a")
    count = len(house.facts)
    house.tell(e.AgentSkillsChanged("a", ((EDU, 50),)))
    house.tell(e.AgentSkillsChanged("a", None))
    assert len(house.facts) == count


def test_skills_for_now_keep_the_place_among_the_idle() -> None:
    house = House({"a": 50, "b": 50})
    house.sits("a", at=1.0)
    house.sits("b", at=2.0)
    house.tell(e.AgentSkillsChanged("a", ((EDU, 50), (OTHER, 1))), 3.0)
    assert house.calls("edu", 4.0).agent == "a"


def outside() -> House:
    house = House({"a": 50})
    house.reload(agents=(Agent("a", ((EDU, 50),), Profile(ring_timeout_s=40.0), remote=True),))  # type: ignore[arg-type]
    house.tell(e.AgentSignedIn("a", "disari"), 1.0)
    return house


def test_a_remote_number_is_there_from_signing_in_and_is_taken_by_a_key_after_the_whisper() -> None:
    house = outside()
    assert house.state("a") is AgentState.READY
    offer = house.calls("edu", 2.0)
    assert (offer.remote, offer.answer_mode, offer.whisper) == (True, AnswerMode.PRESS_ONE, True)
    assert house.tick(30.0) == [], "the way to an outside number takes its time: no two seconds to ring"
    house.tell(e.OfferAnswered(offer.offer), 31.0)
    house.tell(e.OfferConnected(offer.offer, "c1"), 45.0)
    assert house.state("a") is AgentState.TALKING


def test_an_outside_number_that_fails_is_tried_again_later() -> None:
    house = outside()
    offer = house.calls("edu", 2.0)
    house.tell(e.OfferEnded(offer.offer, "unreachable"), 3.0)
    assert house.state("a") is AgentState.UNREACHABLE
    assert house.tick(63.0)[0].contact == "c1"  # type: ignore[union-attr]


def test_who_does_not_respond_comes_back_when_the_profile_says_so() -> None:
    house = House({"a": 50}, Profile(rna_allowed=1, auto_return_s=60.0))
    house.sits("a")
    offer = house.calls("edu", 1.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer"), 16.0)
    assert house.state("a") is AgentState.NOT_RESPONDING and house.tick(75.9) == []
    house.tick(76.0)
    changed = house.facts_of(f.AgentChanged)[-2]
    assert (changed.reason, changed.rna_count) == ("auto_return", 0) and house.offers[-1].contact == "c1"


def test_who_said_it_themselves_does_not_come_back_twice() -> None:
    house = House({"a": 50}, Profile(rna_allowed=1, auto_return_s=60.0))
    house.sits("a")
    offer = house.calls("edu", 1.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer"), 16.0)
    house.tell(e.CallerHungUp("c1"), 17.0)
    house.tell(e.AgentResumed("a"), 18.0)
    count = len(house.facts)
    house.tick(100.0)
    assert len(house.facts) == count


@pytest.mark.parametrize(("before_s", "after_s", "back_at"), [(None, 60.0, 75.0), (60.0, None, None),
                                                              (60.0, 30.0, 45.0)])
def test_how_one_comes_back_is_by_the_profile_of_now(before_s: float | None, after_s: float | None,
                                                     back_at: float | None) -> None:
    house = House({"a": 50}, Profile(rna_allowed=1, auto_return_s=before_s))
    house.sits("a")
    offer = house.calls("edu", 0.0)
    house.tell(e.OfferRinging(offer.offer), 0.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer"), 15.0)
    assert house.state("a") is AgentState.NOT_RESPONDING
    house.now = 20.0
    house.profiles(a=Profile(rna_allowed=1, auto_return_s=after_s))
    house.tick(200.0 if back_at is None else back_at - 0.5)
    assert house.state("a") is AgentState.NOT_RESPONDING
    if back_at is not None:
        house.tick(back_at)
        assert house.state("a") is not AgentState.NOT_RESPONDING


def test_the_offer_carries_what_the_agent_needs_to_the_shell() -> None:
    comfort = Comfort(ear="left", braille_cells=40)
    house = House({"a": 50}, Profile(answer_mode=AnswerMode.SINGLE_SWITCH, pre_connect=PreConnect.BOTH,
                                     pre_connect_s=5.0, comfort=comfort))
    house.sits("a")
    offer = house.calls("edu", 1.0)
    assert (offer.answer_mode, offer.whisper, offer.reading_s, offer.comfort) == (
        AnswerMode.SINGLE_SWITCH, True, 5.0, comfort)
    assert (offer.channel, offer.partner, offer.callback, offer.remote) == (Channel.VOICE, None, False, False)
    house.tell(e.OfferAnswered(offer.offer), 2.0)
    assert house.tick(2.0 + PRE_CONNECT_LIMIT_S + 15.0 + 4.9) == [], "the time to read and to press the key is no miss"
    assert house.tick(2.0 + PRE_CONNECT_LIMIT_S + 15.0 + 5.0) != []


def test_an_offer_says_how_many_were_in_each_state() -> None:
    house = House({"a": 50, "b": 50, "c": 50, "d": 50})
    house.sits("a", "b", "c")
    house.tell(e.AgentPaused("c"))
    house.calls("edu")
    house.calls("edu")
    counts = dict(zip(AgentState, house.last(f.Offered).by_state, strict=True))
    assert counts[AgentState.READY] == counts[AgentState.RINGING] == counts[AgentState.PAUSED] == 1
    assert sum(counts.values()) == 3
    house.tell(e.AgentSignedOut("c"))
    house.tell(e.CallerHungUp("c1"))
    house.calls("edu")
    last = house.last(f.Offered)
    assert last.by_state[0] == 0 and sum(last.by_state) == last.agents_signed_in == 2


def test_who_comes_back_to_a_phone_in_use_is_counted_as_busy() -> None:
    house = House({"a": 50, "b": 50})
    house.sits("a", "b")
    house.tell(e.AgentPaused("b"))
    house.seat("b", in_use=True)
    house.tell(e.AgentResumed("b"))
    house.calls("edu")
    counts = dict(zip(AgentState, house.last(f.Offered).by_state, strict=True))
    assert {state: count for state, count in counts.items() if count} == {AgentState.READY: 1, AgentState.BUSY: 1}


def test_before_the_first_sign_in_no_time_is_told() -> None:
    house = House({"a": 50})
    house.sits("a", at=500.0)
    first, *_ = [fact for fact in house.facts if isinstance(fact, f.AgentChanged)]
    assert (first.before, first.before_s, first.version) == (AgentState.SIGNED_OUT, 0.0, 1)
