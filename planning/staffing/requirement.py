"""Calculate the agents that each service needs in each half hour: by Erlang A first, then by simulation.

Erlang A treats each half hour alone and assumes exponential handle times and Poisson counts. The shipped engine on the
virtual clock assumes none of that. Handle times have the long tail of real ones, and a queue lasts into the next half
hour. Half hours that miss the target by more than chance get more agents until none does.

The numbers are for agents who serve one service each. Agents with several skills do better, but never better than one
pool of agents with all skills. So the view shows the pool next to the sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from planning.simulation.arrivals import DAY_S, USUAL_PROFILE, CallProfile, ChanceSettings, Day, generate_arrivals
from planning.simulation.centre_run import Duty, run_simulation
from planning.simulation.outcome import SLOT_S, RunOutcome
from planning.theory.erlang import ErlangQueue, fewest_agents
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId, SkillId

SLOTS = int(DAY_S / SLOT_S)
"""Half hours of a day."""

ERRORS = 2.0
"""Standard errors of the mean by which a half hour must miss its target. With fewer, half of the slots that just meet
the target would get agents by chance."""

RUNS = 10
"""Days simulated before each correction. The service level of a half hour of a large service is then known to about 3
points. A small centre's plan takes seconds."""

ROUNDS = 6
"""Most corrections. Each adds a fraction of the missing agents, because a queue carries over. Half hours that still
miss are marked."""

SHARE_OF_MISS = 0.5
"""Agents that one correction adds, as a share of agents per missing service level, at least one. Answered calls follow
the agents about one to one, and the shorter queue brings the rest."""


class ServiceGoal(NamedTuple):
    """The target of a service."""

    share: float = 0.8
    """Share of calls to answer within the limit."""
    within_s: float = 20.0
    shrinkage: float = 0.0
    """Share of scheduled agents who are away (breaks, training, illness)."""


class SlotNeed(NamedTuple):
    """Agents of one service in one half hour."""

    service: ServiceId
    slot: int
    """Number of the half hour, where 0 begins at midnight."""
    goal: ServiceGoal
    calls: float
    """Expected calls in the half hour."""
    load: float
    """Load in Erlang."""
    erlang: int
    """Agents by Erlang A."""
    agents: int
    """Agents after the corrections of the simulation."""
    scheduled: int
    """Agents with shrinkage."""
    forecast: float
    """Service level of `erlang` agents by Erlang A."""
    simulated: float | None = None
    """Service level of `agents` agents as the mean of the runs. None means not simulated, or no calls."""
    error: float = 0.0
    """Standard error of `simulated`."""

    def misses_target(self) -> bool:
        """Return whether the simulation misses the target by more than chance."""
        return self.simulated is not None and self.simulated + ERRORS * self.error < self.goal.share


class StaffingPlan(NamedTuple):
    """Agents of a day."""

    needs: tuple[SlotNeed, ...]
    """Needs by service, then half hour, without half hours that have no calls."""
    pooled: Mapping[int, int]
    """Agents by half hour by Erlang A if each agent could serve all services, for the mean goal."""
    rounds: int = 0
    """Corrections that the simulation made."""

    def needs_of(self, service: ServiceId) -> list[SlotNeed]:
        """Return the needs of one service."""
        return [need for need in self.needs if need.service == service]

    def scheduled_by_slot(self) -> dict[int, int]:
        """Return the scheduled agents of all services by half hour."""
        found: dict[int, int] = {}
        for need in self.needs:
            found[need.slot] = found.get(need.slot, 0) + need.scheduled
        return found

    def missed_needs(self) -> list[SlotNeed]:
        """Return the half hours that miss the target in the simulation."""
        return [need for need in self.needs if need.misses_target()]


def half_hours(day: Day, counts: Sequence[float]) -> list[tuple[float, float]]:
    """Return calls and calls per second of each half hour.

    A half hour that the curve covers in part has the rate of that part. It needs those agents even though its calls are
    few.
    """
    calls, covered = [0.0] * SLOTS, [0.0] * SLOTS
    for number, count in enumerate(counts):
        begin = day.start_s + number * day.width_s
        for slot in range(int(begin // SLOT_S), min(SLOTS, math.ceil((begin + day.width_s) / SLOT_S))):
            overlap = min(begin + day.width_s, (slot + 1) * SLOT_S) - max(begin, slot * SLOT_S)
            calls[slot] += count * overlap / day.width_s
            covered[slot] += overlap
    return [(call, call / over if over else 0.0) for call, over in zip(calls, covered, strict=True)]


def counts_by_service(day: Day, shares: Mapping[ServiceId, float]) -> dict[ServiceId, tuple[float, ...]]:
    """Return the counts of each service, from the day itself or by the shares."""
    if day.services:
        return {service: day.services.get(service, (0.0,) * len(day.counts)) for service in shares}
    whole = sum(shares.values())
    return {service: tuple(count * share / whole for count in day.counts) for service, share in shares.items()}


def plan_by_erlang(day: Day, shares: Mapping[ServiceId, float], goals: Mapping[ServiceId, ServiceGoal],
                   kinds: Mapping[ServiceId, CallProfile] | None = None) -> StaffingPlan:
    """Plan by Erlang A, each half hour alone."""
    # 1. Plan each service.
    needs: list[SlotNeed] = []
    for service, counts in counts_by_service(day, shares).items():
        kind, goal = (kinds or {}).get(service, USUAL_PROFILE), goals[service]
        for slot, (calls, rate) in enumerate(half_hours(day, counts)):
            if calls <= 0.0:
                continue
            agents = fewest_agents(rate, kind.handle_s, goal.share, goal.within_s, kind.patience_s)
            forecast = ErlangQueue(rate, kind.handle_s, agents, kind.patience_s).service_level(goal.within_s)
            needs.append(SlotNeed(service, slot, goal, calls, rate * kind.handle_s, agents, agents,
                                  _with_shrinkage(agents, goal), forecast))
    # 2. Plan one pool of agents with all skills, as a lower bound.
    pooled = {slot: _pooled_agents([need for need in needs if need.slot == slot], kinds or {})
              for slot in sorted({need.slot for need in needs})}
    return StaffingPlan(tuple(needs), pooled)


def _pooled_agents(needs: Sequence[SlotNeed], kinds: Mapping[ServiceId, CallProfile]) -> int:
    """Return the agents of one pool by Erlang A. Handle time, goal and abandonment rate are those of the mean call."""
    usual = [(need, kinds.get(need.service, USUAL_PROFILE)) for need in needs]
    parts = [(need.load / kind.handle_s, need.goal, kind) for need, kind in usual]
    rate = math.fsum(part for part, _, _ in parts)
    # Rates of giving up add, so the pool's patience is the harmonic mean.
    gives_up = math.fsum(part / kind.patience_s for part, _, kind in parts) / rate
    return fewest_agents(rate, math.fsum(need.load for need in needs) / rate,
                         math.fsum(part * goal.share for part, goal, _ in parts) / rate,
                         math.fsum(part * goal.within_s for part, goal, _ in parts) / rate,
                         1.0 / gives_up if gives_up else math.inf)


def plan_by_simulation(staffing: StaffingPlan, day: Day, shares: Mapping[ServiceId, float],
                       kinds: Mapping[ServiceId, CallProfile] | None = None, *,
                       chance: ChanceSettings = ChanceSettings(), runs: int = RUNS, rounds: int = ROUNDS,
                       progress: Callable[[int, int], None] | None = None) -> StaffingPlan:
    """Test a plan on the shipped engine and correct it, at most `rounds` times.

    Each round simulates `runs` days and adds agents where the target is missed. `progress` gets the simulated days and
    their maximum.
    """
    plan, done = staffing, 0
    for number in range(rounds + 1):
        # 1. Simulate. Each round uses the same seeds, so only the agents differ.
        outcomes = []
        for seed in range(runs):
            outcomes.append(_simulate_day(plan, day, shares, kinds, chance._replace(seed=chance.seed + seed)))
            done += 1
            if progress is not None:
                progress(done, (rounds + 1) * runs)
        # 2. Measure each half hour.
        plan = plan._replace(needs=tuple(_with_simulated_level(need, outcomes) for need in plan.needs), rounds=number)
        if number == rounds or not plan.missed_needs():
            break
        # 3. Add agents where the target is missed.
        plan = plan._replace(needs=tuple(_with_more_agents(need) if need.misses_target() else need
                                         for need in plan.needs))
    return plan


def _simulate_day(plan: StaffingPlan, day: Day, shares: Mapping[ServiceId, float],
                  kinds: Mapping[ServiceId, CallProfile] | None, chance: ChanceSettings) -> RunOutcome:
    """Run one day of the plan on the shipped engine."""
    centre, duties = specialist_centre(plan, shares)
    return run_simulation(centre, generate_arrivals(day, shares, chance, kinds), duties)


def specialist_centre(plan: StaffingPlan, services: Iterable[ServiceId]) -> tuple[Centre, list[Duty]]:
    """Return the plan as a centre whose agents serve one service each, with their duties.

    Agent number n works in the half hours that need at least n agents. Handle times already include wrap-up, and breaks
    are in the shrinkage.
    """
    profile = Profile(wrapup_s=0.0, rest_gap_s=0.0, max_continuous_s=math.inf)
    found, agents, duties = [], [], []
    for service in services:
        skill = SkillId(str(service))
        needs = plan.needs_of(service)
        goal = needs[0].goal if needs else ServiceGoal()
        found.append(Service(service, str(service), (Step(((skill, 1),)),), target_s=goal.within_s,
                             target_share=goal.share))
        needed = {need.slot: need.agents for need in needs}
        for number in range(max(needed.values(), default=0)):
            agent = AgentId(f"{service}-{number + 1}")
            agents.append(Agent(agent, ((skill, 100),), profile, str(service)))
            duties += [Duty(agent, first * SLOT_S, (last + 1) * SLOT_S)
                       for first, last in _join_slots(slot for slot, count in needed.items() if count > number)]
    return Centre(tuple(found), tuple(agents)), duties


def _join_slots(slots: Iterable[int]) -> list[tuple[int, int]]:
    """Return first and last of each unbroken row of half hours."""
    found: list[tuple[int, int]] = []
    for slot in sorted(slots):
        if found and found[-1][1] == slot - 1:
            found[-1] = (found[-1][0], slot)
        else:
            found.append((slot, slot))
    return found


def _with_simulated_level(need: SlotNeed, outcomes: Sequence[RunOutcome]) -> SlotNeed:
    """Return the need with its simulated service level, the mean of the runs with calls.

    The level is calls answered within the limit / (answered + given up).
    """
    # 1. Collect the levels of the runs.
    levels, calls = [], 0
    for outcome in outcomes:
        cell = outcome.cells.get((need.service, need.slot))
        ended = 0 if cell is None else cell.answered + cell.abandoned
        if cell is not None and ended:
            levels.append(cell.within / ended)
            calls += ended
    if not levels:
        return need._replace(simulated=None, error=0.0)
    # 2. Estimate the error. Treating calls as independent gives a lower bound, because few runs may agree by chance.
    error = math.sqrt(need.goal.share * (1.0 - need.goal.share) / calls)
    if len(levels) > 1:
        error = max(error, stdev(levels) / math.sqrt(len(levels)))
    return need._replace(simulated=fmean(levels), error=error)


def _with_more_agents(need: SlotNeed) -> SlotNeed:
    missing = need.goal.share - (need.simulated or 0.0)
    agents = need.agents + max(1, round(SHARE_OF_MISS * missing * need.agents))
    return need._replace(agents=agents, scheduled=_with_shrinkage(agents, need.goal))


def _with_shrinkage(agents: int, goal: ServiceGoal) -> int:
    """Return the agents to schedule so that `agents` are present after shrinkage.

    The small tolerance keeps a rounding error from adding an agent.
    """
    return math.ceil(agents / (1.0 - goal.shrinkage) - 1e-9)
