"""Last-agent routing: the agent of the last talk is asked first, for a while."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, Profile
from routing.core.queueing.preferred_agent import DAY_S
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

KNOWS = EDU._replace(preferred_s=20.0, preferred_days=2.0)


def spoken(profile: Profile | None = None, **more: object) -> House:
    """a and b are there; h1 spoke with b at 1, and b is on another call (c2) since 10."""
    told = House({"a": 90, "b": 50}, profile or Profile(wrapup_s=0.0), services=(KNOWS._replace(**more),))
    told.sits("b", at=0.0)
    talk(told, at=1.0, caller_hash="h1")
    told.calls("edu", at=10.0)
    told.tell(e.OfferConnected(told.offers[-1].offer, "c2"), 10.0)
    told.sits("a", at=11.0)
    return told


def talk(told: House, at: float, **more: object) -> None:
    offer = told.calls("edu", at=at, **more)
    told.tell(e.OfferConnected(offer.offer, offer.contact), at)
    told.tell(e.TalkEnded(offer.offer, "caller"), at + 5.0)


def reasons(told: House) -> list[tuple[float, int, str]]:
    return [(one.at, one.step, one.reason) for one in told.facts_of(f.Stepped)]


def test_a_known_caller_waits_for_who_knows_them() -> None:
    told = spoken()
    assert told.waits("edu", at=20.0, caller_hash="h1") == [], "a is free, and better, and not asked"
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 30.0)
    assert (told.offers[-1].contact, told.offers[-1].agent) == ("c3", "b") and told.last(f.Offered).preferred
    assert reasons(told) == []


def test_after_the_time_step_0_begins_for_all() -> None:
    told = spoken()
    told.waits("edu", at=20.0, caller_hash="h1")
    assert told.tick(39.9) == []
    told.tick(40.0)
    assert told.offers[-1].agent == "a" and not told.last(f.Offered).preferred
    assert reasons(told) == [(40.0, 0, "preferred")] and told.last(f.Stepped).version == 2
    assert told.engine._domain.agents["b"].awaited_by == {}  # type: ignore[index]


def test_a_free_preferred_agent_is_asked_before_better_ones() -> None:
    told = spoken()
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 15.0)
    assert told.calls("edu", at=16.0, caller_hash="h1").agent == "b"
    assert told.engine.next_deadline() is not None and reasons(told) == []


@pytest.mark.parametrize("event", [e.AgentSignedOut("b"), e.AgentPaused("b"), e.AgentSkillsChanged("b", ())],
                         ids=lambda one: type(one).__name__)
def test_who_goes_is_not_waited_for(event: e.Event) -> None:
    told = spoken()
    told.seat("b", in_use=True, at=12.0)
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 13.0)
    told.tick(19.0)
    assert told.state("b") is AgentState.BUSY, "a call that is not ours: this is waited for"
    assert told.waits("edu", at=20.0, caller_hash="h1") == []
    told.tell(event, 25.0)
    assert told.offers[-1].agent == "a" and reasons(told) == [(25.0, 0, "preferred")]


def test_an_agent_who_is_away_is_not_preferred_and_one_who_missed_it_had_their_turn() -> None:
    told = spoken()
    told.tell(e.TalkEnded(told.offers[-1].offer, "caller"), 15.0)
    offer = told.calls("edu", at=20.0, caller_hash="h1")
    told.tell(e.OfferEnded(offer.offer, "no_answer"), 35.0)
    assert told.offers[-1].agent == "a" and reasons(told) == [(35.0, 0, "preferred")]
    order = [type(one) for one in told.facts if getattr(one, "contact", "") == "c3"]
    assert order == [f.Queued, f.Offered, f.OfferClosed, f.Stepped, f.Offered]
    told.tell(e.AgentPaused("b"), 36.0)
    told.waits("edu", at=37.0, caller_hash="h1")
    assert told.engine._domain.contacts["c4"].preferred is None  # type: ignore[index]


def test_who_hangs_up_or_is_too_long_ago_or_unknown_is_waited_for_by_nobody() -> None:
    told = spoken()
    told.waits("edu", at=20.0, caller_hash="h1")
    told.tell(e.CallerHungUp("c3"), 21.0)
    assert told.engine._domain.agents["b"].awaited_by == {}  # type: ignore[index]
    assert told.calls("edu", at=22.0, caller_hash="h2").agent == "a"
    told = spoken()
    assert told.calls("edu", at=1.0 + 2 * DAY_S + 0.1, caller_hash="h1").agent == "a"


def test_anonymous_callers_are_never_remembered() -> None:
    told = House({"a": 50}, Profile(wrapup_s=0.0), services=(KNOWS._replace(anonymous=True),))
    told.sits("a")
    talk(told, 1.0, caller_hash="h1")
    assert len(told.engine._domain.caller_memory.last_agents) == 0


def test_a_reload_that_takes_the_skill_ends_the_wait() -> None:
    told = spoken()
    told.waits("edu", at=20.0, caller_hash="h1")
    agents = tuple(agent if agent.id == "a" else agent._replace(skills=()) for agent in told.centre.agents)
    told.tell(e.Configured(told.centre._replace(agents=agents)), 22.0)
    assert told.offers[-1].contact == "c3" and told.offers[-1].agent == "a"
