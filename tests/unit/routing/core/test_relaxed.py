"""Rules that do not hold for a while: which can be relaxed, for how long, and that it is said aloud."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, Profile, Service, Step
from routing.core.model.errors import OutOfRange, UnknownAgent
from routing.core.model.ids import AgentId, ServiceId, SkillId
from routing.core.shifts.rule_overrides import OVERRIDABLE_RULES, OVERRIDE_MAX_S
from routing.core.stored import StoredAgent
from tests.core.house import House, load_fields, restore

pytestmark = pytest.mark.unit

A = AgentId("a")
STEP = (Step(((SkillId("edu"), 1),)),)
SERVICES = (Service(ServiceId("info"), "Bilgi", STEP), Service(ServiceId("psy"), "Psikososyal destek", STEP, load=3),
            Service(ServiceId("risk"), "Can güvenliği", STEP, load=5))
GAP = Profile(wrapup_s=0.0, rest_gap_s=60.0)


def house(profile: Profile = GAP) -> House:
    found = House({"a": 50}, profile, SERVICES)
    found.sits("a", at=1.0)
    found.tick(1.0 + profile.rest_gap_s)
    return found


def talks(h: House, service: str, at: float) -> None:
    offer = h.calls(service, at)
    h.tell(e.OfferConnected(offer.offer, offer.contact), at)
    h.tell(e.TalkEnded(offer.offer, "caller"), at + 10.0)


def relax(h: House, *rules: str, at: float, until: float) -> None:
    h.tell(e.RulesOverridden(A, frozenset(rules), until, "nöbetçi"), at)


def test_a_rest_gap_that_runs_ends_and_none_follows_until_it_is_over() -> None:
    h = house()
    talks(h, "info", 100.0)
    assert h.waits("info", 111.0) == []
    relax(h, "rest_gap", at=120.0, until=1_000.0)
    assert h.offers[-1].contact == "c2"
    fact = h.last(f.Overridden)
    assert (fact.agent, fact.offer, fact.rule, fact.until, fact.by) == ("a", None, "rest_gap", 1_000.0, "nöbetçi")
    assert h.agent("a").overrides == (("rest_gap", 1_000.0),)
    h.tell(e.CallerHungUp("c2"), 121.0)
    talks(h, "info", 130.0)
    assert h.calls("info", 141.0).agent == "a", "back to back, while it is relaxed"
    h.tell(e.CallerHungUp(h.offers[-1].contact), 142.0)
    h.tick(1_000.0)
    assert h.agent("a").overrides == ()
    talks(h, "info", 1_010.0)
    assert h.waits("info", 1_021.0) == [], "the rule holds again"


def test_the_distress_limit_and_the_rest() -> None:
    h = house(Profile(wrapup_s=0.0))
    talks(h, "risk", 10.0)
    assert h.waits("risk", 21.0) == []
    relax(h, "decompression", at=30.0, until=2_000.0)
    assert len(h.offers) == 1, "two in a row are the distress limit's matter"
    relax(h, "distress_limit", at=40.0, until=2_000.0)
    assert h.offers[-1].service == "risk" and h.last(f.Offered).tier == 0
    h.tell(e.CallerHungUp(h.offers[-1].contact), 41.0)
    talks(h, "risk", 50.0)
    assert h.calls("psy", 61.0).agent == "a", "no rest, and beyond the hard limit"
    h.tell(e.CallerHungUp(h.offers[-1].contact), 62.0)
    h.tick(2_000.0)
    assert h.waits("psy", 2_001.0) == [], "at the hard limit as before"


def test_it_ends_before_by_a_time_that_has_passed() -> None:
    h = house()
    relax(h, "rest_gap", at=100.0, until=1_000.0)
    relax(h, "rest_gap", at=200.0, until=0.0)
    assert h.last(f.Overridden).until == 200.0
    talks(h, "info", 210.0)
    assert h.waits("info", 221.0) == []
    count = len(h.facts)
    relax(h, "rest_gap", at=230.0, until=0.0)
    assert len(h.facts) == count, "nothing was relaxed any more"


def test_said_twice_it_is_told_once() -> None:
    h = house()
    relax(h, "rest_gap", "decompression", at=100.0, until=1_000.0)
    assert [fact.rule for fact in h.facts_of(f.Overridden)] == ["decompression", "rest_gap"]
    count = len(h.facts)
    relax(h, "rest_gap", "decompression", at=110.0, until=1_000.0)
    assert len(h.facts) == count
    relax(h, "rest_gap", at=120.0, until=1_500.0)
    assert h.last(f.Overridden).until == 1_500.0


def test_an_hour_is_the_most() -> None:
    h = house()
    with pytest.raises(OutOfRange, match="hour"):
        relax(h, "rest_gap", at=100.0, until=100.0 + OVERRIDE_MAX_S + 1.0)
    with pytest.raises(OutOfRange, match="hour"):
        relax(h, "rest_gap", at=100.0, until=float("nan"))
    relax(h, "rest_gap", at=100.0, until=100.0 + OVERRIDE_MAX_S)
    assert len(h.facts_of(f.Overridden)) == 1


@pytest.mark.parametrize("rule", ["channels", "capacity", "breaks", "max_concurrency", "no_topics",
                                  "spared", "max_continuous", "break_protection", ""])
def test_what_a_person_can_do_and_breaks_are_never_overridden(rule: str) -> None:
    h = house()
    with pytest.raises(OutOfRange, match="cannot be overridden"):
        relax(h, rule, "rest_gap", at=100.0, until=200.0)
    assert not h.facts_of(f.Overridden), "not the other one either"
    with pytest.raises(OutOfRange):
        relax(h, at=100.0, until=200.0)
    assert frozenset({"rest_gap", "distress_limit", "decompression"}) == OVERRIDABLE_RULES


def test_not_now_holds_even_then() -> None:
    h = house(Profile(wrapup_s=0.0))
    h.tell(e.HeavyContactsDeclined(A), 100.0)
    relax(h, *OVERRIDABLE_RULES, at=101.0, until=2_000.0)
    assert h.waits("psy", 102.0) == []


def test_an_agent_nobody_knows() -> None:
    h = house()
    with pytest.raises(UnknownAgent):
        h.tell(e.RulesOverridden(AgentId("nobody"), OVERRIDABLE_RULES, 200.0), 100.0)


def test_it_outlives_a_restart_and_ends() -> None:
    h = house()
    relax(h, "rest_gap", at=100.0, until=1_000.0)
    fact = h.last(f.AgentChanged)
    assert fact.load_state is not None and fact.load_state.overrides == (("rest_gap", 1_000.0),)
    other = House({"a": 50}, GAP, SERVICES)
    restore(other.engine, [], [], [StoredAgent(agent=A, version=fact.version, state=AgentState.READY, reason="",
                                        since=100.0, seat="sa", idle_since=100.0, **load_fields(h, "a"))], 110.0)
    other.tell(e.LinkChanged("", True), 110.0)
    other.seat("a", at=110.0)
    talks(other, "info", 120.0)
    assert other.calls("info", 131.0).agent == "a"
    other.tell(e.CallerHungUp(other.offers[-1].contact), 132.0)
    other.tick(1_000.0)
    talks(other, "info", 1_001.0)
    assert other.waits("info", 1_012.0) == []


def test_a_clock_set_back_does_not_relax_for_longer() -> None:
    other = House({"a": 50}, GAP, SERVICES)
    restore(other.engine, [], [], [StoredAgent(agent=A, version=1, state=AgentState.READY, reason="", since=9e9,
                                        seat="sa", idle_since=9e9,
                                        overrides=(("rest_gap", 9e9), ("decompression", 50.0)))], 100.0)
    assert other.engine._domain.agents[A].overrides == {"rest_gap": 100.0 + OVERRIDE_MAX_S}
