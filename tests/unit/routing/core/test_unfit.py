"""Skills, profiles and floors that change while a phone rings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, Channel, OfferState, Profile, Step
from routing.core.model.commands import Command, Offer, Rescind
from routing.core.model.ids import AgentId, SkillId
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

SKILL = SkillId("edu")


def raise_floor(house: House) -> None:
    house.reload(services=(EDU._replace(floor=((SKILL, 60),)),))


def change_duty(house: House) -> None:
    house.tell(e.AgentSkillsChanged(AgentId("a"), ()))


def raise_steps(house: House) -> None:
    house.reload(services=(EDU._replace(steps=(Step(((SKILL, 60),), 20.0), Step(((SKILL, 1),)))),))


def exclude_topic(house: House) -> None:
    house.profiles(a=Profile(no_topics=frozenset({"edu"})))


def take_voice_away(house: House) -> None:
    house.profiles(a=Profile(channels=frozenset({Channel.CHAT})))


def forbid_calls(house: House) -> None:
    house.profiles(a=Profile(max_concurrency=((Channel.VOICE, 0),)))


@pytest.mark.parametrize("answered", [False, True], ids=["rings", "whisper"])
@pytest.mark.parametrize("change", [
    raise_floor, change_duty, raise_steps, exclude_topic, take_voice_away, forbid_calls])
def test_a_change_rescinds_what_rings_and_the_next_agent_rings_at_once(
        change: Callable[[House], None], answered: bool) -> None:
    house = House({"a": 50, "b": 40, "c": 90})
    house.sits("a", "b")
    offer = house.calls("edu", 1.0)
    assert offer.agent == "a"
    if answered:
        house.tell(e.OfferAnswered(offer.offer), 2.0)
    house.sits("c", at=3.0)
    house.tell(e.AgentPaused(AgentId("b")), 4.0)
    house.now = 5.0
    change(house)
    closed = house.last(f.OfferClosed)
    assert (closed.offer, closed.state, closed.reason) == (offer.offer, OfferState.RESCINDED, "unfit")
    assert (house.offers[-1].agent, house.offers[-1].contact) == ("c", "c1")
    assert house.state("a") is AgentState.READY and house.agent("a").rna_count == 0, "nothing was missed"


def test_a_change_that_leaves_the_agent_fit_changes_nothing() -> None:
    house = House({"a": 70})
    house.sits("a")
    offer = house.calls("edu", 1.0)
    house.now = 2.0
    raise_floor(house)
    house.tell(e.AgentSkillsChanged(AgentId("a"), ((SKILL, 61), (SkillId("tip"), 3))), 3.0)
    assert house.facts_of(f.OfferClosed) == []
    house.tell(e.OfferConnected(offer.offer, offer.contact), 4.0)
    house.tell(e.AgentSkillsChanged(AgentId("a"), ()), 5.0)
    assert house.state("a") is AgentState.TALKING, "a talk goes on"


def test_the_caller_waits_if_nobody_else_fits() -> None:
    house = House({"a": 50})
    house.sits("a")
    offer = house.calls("edu", 1.0)
    done: list[Command] = house.tell(e.AgentSkillsChanged(AgentId("a"), ()), 2.0)
    assert done == [Rescind(offer.offer, "c1", "unfit")] and house.contact("c1").position == 1
    (back,) = house.tell(e.AgentSkillsChanged(AgentId("a"), None), 3.0)
    assert isinstance(back, Offer) and back.contact == "c1"


def test_the_preferred_agent_may_fit_a_later_step_alone() -> None:
    steps = (Step(((SKILL, 80),), 20.0), Step(((SKILL, 10),)))
    house = House({"a": 90}, Profile(wrapup_s=0.0), (EDU._replace(steps=steps, preferred_s=60.0),))
    house.sits("a")
    talk = house.calls("edu", 1.0, caller_hash="h1")
    house.tell(e.OfferConnected(talk.offer, talk.contact), 2.0)
    house.over(talk, 3.0)
    house.calls("edu", 4.0, caller_hash="h1")
    house.tell(e.AgentSkillsChanged(AgentId("a"), ((SKILL, 20),)), 5.0)
    assert house.state("a") is AgentState.RINGING
    house.tell(e.AgentSkillsChanged(AgentId("a"), ((SKILL, 5),)), 6.0)
    assert house.last(f.OfferClosed).reason == "unfit"


def test_neither_of_a_pair_rings_when_one_of_them_takes_no_calls_any_more() -> None:
    pair = Profile(pair_id="p", wrapup_s=0.0)
    house = House({"a": 50, "b": 50}, pair)
    house.sits("a", "b")
    offer = house.calls("edu", 1.0)
    assert offer.partner is not None
    house.now = 2.0
    house.profiles(b=pair._replace(channels=frozenset({Channel.CHAT})))
    assert house.last(f.OfferClosed).reason == "unfit"
    assert [house.state(name) for name in ("a", "b")] == [AgentState.READY, AgentState.READY]
