"""Agents by half hour for a target, and who is missing on duty."""

from __future__ import annotations

from math import inf

import pytest

from planning.simulation.arrivals import DEFAULT_DAY, CallProfile, Day
from planning.simulation.centre_run import Duty
from planning.staffing.coverage import (
    MOST_SETS_OF,
    CoverageTrouble,
    TroubleType,
    find_troubles,
    presence_by_slot,
    service_sets,
    services_by_agent,
)
from planning.staffing.requirement import (
    SLOTS,
    ServiceGoal,
    SlotNeed,
    StaffingPlan,
    counts_by_service,
    half_hours,
    plan_by_erlang,
    plan_by_simulation,
    specialist_centre,
)
from planning.theory.erlang import ErlangQueue, fewest_agents
from routing.core.model.centre_model import Agent, Centre, Channel, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId, SkillId

pytestmark = pytest.mark.unit

A, B, C = ServiceId("a"), ServiceId("b"), ServiceId("c")
HALF = 1800.0


def service(name: ServiceId, floor: int = 0) -> Service:
    skill = SkillId(str(name))
    return Service(name, f"Hizmet {name}", (Step(((skill, 10),)),), ((skill, floor),) if floor else ())


def agent(name: str, profile: Profile = Profile(), **skills: int) -> Agent:
    return Agent(AgentId(name), tuple((SkillId(skill), level) for skill, level in skills.items()), profile)


def test_half_hours_of_a_curve() -> None:
    day = Day("", 7.25 * 3600, 900.0, (10.0, 20.0, 30.0, 6.0))  # 07:15 to 08:15
    found = half_hours(day, day.counts)
    assert [calls for calls, _ in found[14:17]] == [10.0, 50.0, 6.0]
    assert [rate for _, rate in found[14:17]] == pytest.approx([10 / 900, 50 / 1800, 6 / 900]), "parts have their rate"
    assert sum(calls for calls, _ in found) == day.total
    hourly = half_hours(Day("", 0.0, 3600.0, (60.0,)), (60.0,))
    assert hourly[:3] == [(30.0, 30 / 1800), (30.0, 30 / 1800), (0.0, 0.0)]


def test_counts_of_each_service() -> None:
    assert counts_by_service(Day("", 0, 300, (10, 20)), {A: 3.0, B: 1.0}) == {A: (7.5, 15.0), B: (2.5, 5.0)}
    own = Day("", 0, 300, (10, 20), {"a": (4, 5)})
    assert counts_by_service(own, {A: 1.0, B: 1.0}) == {A: (4, 5), B: (0.0, 0.0)}


def test_the_plan_is_erlang_a_and_the_pool_is_its_bound() -> None:
    goals = {A: ServiceGoal(0.8, 20.0, 0.3), B: ServiceGoal(0.9, 10.0)}
    kinds = {A: CallProfile(200.0, 100.0, 100.0), B: CallProfile(100.0, 100.0, inf)}
    plan = plan_by_erlang(DEFAULT_DAY, {A: 0.75, B: 0.25}, goals, kinds)
    assert {need.slot for need in plan.needs} == set(range(14, 43)), "07:00 to 21:30"
    ten = next(need for need in plan.needs_of(A) if need.slot == 20)
    rate = 0.75 * 3394 / 3600
    assert ten.load == pytest.approx(rate * 200)
    assert ten.agents == ten.erlang == fewest_agents(rate, 200, 0.8, 20, 100)
    assert ten.scheduled == -(-ten.agents * 10 // 7)
    assert ten.forecast == pytest.approx(ErlangQueue(rate, 200, ten.agents, 100).service_level(20))
    assert ten.forecast >= 0.8
    patient = next(need for need in plan.needs_of(B) if need.slot == 20)
    assert patient.agents == fewest_agents(0.25 * 3394 / 3600, 100, 0.9, 10), "Erlang C when nobody gives up"
    alike = plan_by_erlang(DEFAULT_DAY, {A: 0.75, B: 0.25}, {A: goals[A], B: goals[A]})
    for slot, agents in alike.pooled.items():
        assert agents < sum(need.agents for need in alike.needs if need.slot == slot)
    assert alike.pooled[20] == fewest_agents(3394 / 3600, 180, 0.8, 20, 354), "all calls together"
    assert plan.scheduled_by_slot()[20] == ten.scheduled + patient.scheduled
    assert plan.missed_needs() == [], "nothing was simulated yet"


def test_specialists_are_there_when_they_are_needed() -> None:
    needs = [SlotNeed(A, slot, ServiceGoal(), 10, 1.0, n, n, n, 0.9) for slot, n in ((0, 1), (1, 2), (2, 1), (5, 1))]
    centre, duties = specialist_centre(StaffingPlan(tuple(needs), {}), [A, B])
    assert [one.id for one in centre.agents] == ["a-1", "a-2"] and len(centre.services) == 2
    assert [(duty.agent, duty.start / HALF, duty.end / HALF) for duty in duties] == [
        ("a-1", 0, 3), ("a-1", 5, 6), ("a-2", 1, 2)]


def test_the_simulation_adds_agents_where_the_formula_is_too_good() -> None:
    """Handle times three times as long as planned with: far too few agents, and each correction adds some."""
    day = Day("", 0.0, 1800.0, (60.0, 60.0, 60.0))
    plan = plan_by_erlang(day, {A: 1.0}, {A: ServiceGoal()}, {A: CallProfile(60.0, 60.0, 300.0)})
    seen: list[tuple[int, int]] = []
    real = {A: CallProfile(120.0, 120.0, 300.0)}
    better = plan_by_simulation(plan, day, {A: 1.0}, real, runs=4, rounds=5, progress=lambda *now: seen.append(now))
    assert all(now.agents > before.agents for now, before in zip(better.needs, plan.needs, strict=True))
    assert all(now.erlang == before.erlang for now, before in zip(better.needs, plan.needs, strict=True))
    assert better.missed_needs() == [] and 1 <= better.rounds <= 5
    assert seen == [(number + 1, 24) for number in range(4 * (better.rounds + 1))]
    given_up = plan_by_simulation(plan, day, {A: 1.0}, real, runs=4, rounds=0)
    assert given_up.rounds == 0 and len(given_up.missed_needs()) == 3, "what still misses is told"
    enough = plan_by_simulation(better, day, {A: 1.0}, real, runs=4)
    assert enough.rounds == 0 and [need.agents for need in enough.needs] == [need.agents for need in better.needs]


TEAM = Centre((service(A, floor=50), service(B), service(C)), (
    agent("x1", a=60, b=20), agent("x2", a=60), agent("x3", a=49, b=20), agent("x4", b=20, c=20), agent("x5", c=20),
    agent("x6", Profile(channels=frozenset({Channel.CHAT})), c=90)))


def test_abilities_are_the_engines_own() -> None:
    """Level 49 does not pass the floor of 50, whatever the step says."""
    can = services_by_agent(TEAM)
    assert {name: "".join(sorted(services)) for name, services in can.items() if name != "x6"} == {
        "x1": "ab", "x2": "a", "x3": "b", "x4": "bc", "x5": "c"}


def test_presence_counts_breaks_and_change_of_shift() -> None:
    duties = [Duty(AgentId("x2"), 0.0, 2 * HALF, ((600.0, 1500.0),)), Duty(AgentId("x1"), 2 * HALF, 4 * HALF),
              Duty(AgentId("x5"), 0.0, 600.0)]
    there = presence_by_slot(TEAM, duties)
    assert there[0].can_serve([A]) == pytest.approx(0.5), "half of the half hour in a break"
    assert [there[slot].fewest[A] for slot in range(5)] == [0, 1, 1, 1, 0], "who leaves as another comes is replaced"
    assert there[0].can_serve([A, C]) == pytest.approx(0.5 + 1 / 3)
    assert there[0].can_serve([B]) == 0.0 and there[2].can_serve([B]) == 1.0
    assert there[4].can_serve([A, B, C]) == 0.0


def whole_day(*names: str) -> list[Duty]:
    return [Duty(AgentId(name), 0.0, SLOTS * HALF) for name in names]


def loads(slot: int, **erlang: float) -> list[dict[ServiceId, float]]:
    return [{ServiceId(name): load for name, load in erlang.items()} if at == slot else {} for at in range(SLOTS)]


def test_nobody_on_duty_at_three_in_the_morning() -> None:
    """The counsellor leaves from 03:00 to 04:00; the one below the floor does not count."""
    duties = [*whole_day("x3", "x4"), Duty(AgentId("x2"), 0.0, 6 * HALF), Duty(AgentId("x2"), 8 * HALF, SLOTS * HALF)]
    found = find_troubles(TEAM, duties, loads(0))
    assert found == [CoverageTrouble(TroubleType.NOBODY, (A,), 6 * HALF, 8 * HALF, 0.0, 0.0)]
    assert found[0].describe_trouble({A: "Psikososyal destek"}) == (
        "03:00–04:00 Psikososyal destek: open, but no agent on duty may serve it")
    closed = {A: [(8 * 3600.0, 17 * 3600.0)]}
    assert find_troubles(TEAM, duties, loads(0), closed) == [], "it is closed at night"
    assert len(find_troubles(TEAM, duties, loads(0), {A: [(0.0, 3.25 * 3600)]})) == 1, "open for a part is open"


def test_services_that_are_well_staffed_each_and_not_together() -> None:
    """b has two, c has two, but one of them is the same agent."""
    duties = whole_day("x2", "x3", "x4", "x5")
    found = find_troubles(TEAM, duties, loads(20, a=0.5, b=1.7, c=1.7))
    assert found == [CoverageTrouble(TroubleType.OVERLOAD, (B, C), 20 * HALF, 21 * HALF, 3.4, 3.0)]
    assert "3.4 Erlang for 3.0 agents (113%), more than they can do" in found[0].describe_trouble({})
    assert find_troubles(TEAM, duties, loads(20, a=0.5, b=1.4, c=1.4)) == []
    full = find_troubles(TEAM, duties, loads(20, b=1.9, c=0.1))
    assert [(one.what, one.services) for one in full] == [(TroubleType.FULL, (B,))]
    assert "hardly any spare" in full[0].describe_trouble({})


def test_only_the_smallest_set_is_told() -> None:
    found = find_troubles(TEAM, whole_day("x2", "x3", "x4", "x5"), loads(20, a=0.9, b=2.5, c=1.9))
    assert [(one.what, one.services) for one in found] == [(TroubleType.OVERLOAD, (B,)), (TroubleType.FULL, (C,))]


def test_neighbouring_half_hours_are_one_trouble_with_the_numbers_of_the_worst() -> None:
    busy = loads(0)
    for slot, load in ((20, 2.1), (21, 2.9), (22, 2.5), (24, 2.2)):
        busy[slot] = {B: load}
    found = find_troubles(TEAM, whole_day("x2", "x3", "x4", "x5"), busy)
    assert [(one.start_s / HALF, one.end_s / HALF, one.load, one.agents) for one in found] == [
        (20, 23, 2.9, 2.0), (24, 25, 2.2, 2.0)]


def test_fewer_than_the_plan_needs() -> None:
    found = find_troubles(TEAM, whole_day("x2", "x3", "x4", "x5"), loads(20, b=0.5), None, {(B, 20): 3, (C, 20): 2})
    assert [(one.what, one.services, one.load, one.agents) for one in found] == [(TroubleType.SHORT, (B,), 3.0, 2.0)]
    assert found[0].describe_trouble({B: "Şikâyet"}) == "10:00–10:30 Şikâyet: 2 on duty, 3 needed"


def test_a_ring_of_six_services_that_collapses() -> None:
    """Performance of the ring with load .30/.22/.18/.14/.10/.06 at 95 %: two neighbours have a local load of .988."""
    names = [ServiceId(f"s{number}") for number in range(6)]
    skills = [(SkillId(str(name)), 50) for name in names]
    agents = tuple(Agent(AgentId(f"r{i}"), (skills[i % 6], skills[(i + 1) % 6])) for i in range(180))
    centre = Centre(tuple(service(name) for name in names), agents)
    shares = dict(zip(names, (0.30, 0.22, 0.18, 0.14, 0.10, 0.06), strict=True))
    busy: list[dict[ServiceId, float]] = [{} for _ in range(SLOTS)]
    busy[20] = {name: 171.0 * share for name, share in shares.items()}
    found = find_troubles(centre, whole_day(*(one.id for one in agents)), busy)
    ring = [one for one in found if one.what in (TroubleType.OVERLOAD, TroubleType.FULL)]
    assert any(one.services == (names[0], names[1]) and one.load / one.agents == pytest.approx(0.988) for one in ring)
    everybody = Centre(centre.services, tuple(
        one._replace(skills=tuple(skills[place] for place in pair))
        for one, pair in zip(agents, [(i, j) for i in range(6) for j in range(i)] * 12, strict=True)))
    pairs = find_troubles(everybody, whole_day(*(one.id for one in agents)), busy)
    assert {len(one.services) for one in pairs} <= {6}, "with all pairs only the whole is at 95 %"


def test_sets_of_many_services_stay_few() -> None:
    names = [ServiceId(f"s{number}") for number in range(MOST_SETS_OF + 8)]
    few = list(service_sets(names[:MOST_SETS_OF]))
    assert len(few) == 2 ** MOST_SETS_OF - 1
    many = list(service_sets(names))
    assert {len(one) for one in many} == {1, 2, 3, 18, 19, 20} and len(many) < 2_000
