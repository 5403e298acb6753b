"""How many agents each service needs in each half hour for a target: by Erlang A first, then by simulation.

Erlang A takes every half hour for itself, handle times for exponential and counts for Poisson. The shipped engine on
the virtual clock takes none of that for granted: handle times are as long-tailed as real ones, a queue that one half
hour leaves is there in the next. Half hours that miss the target in it, by more than chance, get more agents until none
does.

The numbers are for agents who serve one service each. Agents with several skills do better, and never better than one
pool of agents with all skills: that bound stands beside the sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from planning.arrivals import DAY_S, USUAL, Chance, Day, Kind, generate
from planning.erlang import Queue, fewest_agents
from planning.house import Duty, run
from planning.outcome import SLOT_S, Outcome
from routing.core.ids import AgentId, ServiceId, SkillId
from routing.core.model import Agent, Centre, Profile, Service, Step

SLOTS = int(DAY_S / SLOT_S)
"""Half hours of a day."""

ERRORS = 2.0
"""A half hour misses its target when it does by more than this many standard errors of the runs' mean: with less, every
second half hour that just meets it would be given agents by chance."""

RUNS = 10
"""Days simulated before each correction: the service level of a half hour of a large service is then known to about
3 points, and a small centre's plan takes seconds."""

ROUNDS = 6
"""Most corrections. Each adds a fraction of what is missing, as a queue is carried over; what still misses is told."""

SHARE_OF_MISS = 0.5
"""Of the missing share of the service level, in agents per agent there, that one correction adds (at least one agent):
answered calls follow the agents about one to one, and the queue they do not leave behind brings the rest."""


class Goal(NamedTuple):
    """What is aimed at."""

    share: float = 0.8
    """Of the calls to be answered within the limit."""
    within_s: float = 20.0
    shrinkage: float = 0.0
    """Share of scheduled agents who are not there (breaks, training, illness)."""


class Need(NamedTuple):
    """One service in one half hour."""

    service: ServiceId
    slot: int
    """Number of the half hour; 0 begins at midnight."""
    goal: Goal
    calls: float
    """Expected in the half hour."""
    load: float
    """Erlang."""
    erlang: int
    """Agents by Erlang A."""
    agents: int
    """Agents after the simulation's corrections."""
    scheduled: int
    """With shrinkage."""
    forecast: float
    """Service level of `erlang` agents by Erlang A."""
    simulated: float | None = None
    """Service level of `agents` agents, mean of the runs; None: not simulated, or nobody called."""
    error: float = 0.0
    """Its standard error."""

    def misses(self) -> bool:
        """Whether the simulation says that the target is missed, by more than chance."""
        return self.simulated is not None and self.simulated + ERRORS * self.error < self.goal.share


class Staffing(NamedTuple):
    """The plan of a day."""

    needs: tuple[Need, ...]
    """By service, then half hour; only half hours in which somebody calls."""
    pooled: Mapping[int, int]
    """By half hour: agents by Erlang A if every agent could serve all, for the mean of the goals."""
    rounds: int = 0
    """Corrections that the simulation made."""

    def of(self, service: ServiceId) -> list[Need]:
        """One service."""
        return [need for need in self.needs if need.service == service]

    def totals(self) -> dict[int, int]:
        """Scheduled agents of all services by half hour."""
        found: dict[int, int] = {}
        for need in self.needs:
            found[need.slot] = found.get(need.slot, 0) + need.scheduled
        return found

    def misses(self) -> list[Need]:
        """Half hours that miss the target in the simulation."""
        return [need for need in self.needs if need.misses()]


def half_hours(day: Day, counts: Sequence[float]) -> list[tuple[float, float]]:
    """(calls, calls per second) of each half hour. A half hour that the curve covers in part has the rate of that part:
    its agents are needed even though the calls are few."""
    calls, covered = [0.0] * SLOTS, [0.0] * SLOTS
    for number, count in enumerate(counts):
        begin = day.start_s + number * day.width_s
        for slot in range(int(begin // SLOT_S), min(SLOTS, math.ceil((begin + day.width_s) / SLOT_S))):
            overlap = min(begin + day.width_s, (slot + 1) * SLOT_S) - max(begin, slot * SLOT_S)
            calls[slot] += count * overlap / day.width_s
            covered[slot] += overlap
    return [(call, call / over if over else 0.0) for call, over in zip(calls, covered, strict=True)]


def by_service(day: Day, shares: Mapping[ServiceId, float]) -> dict[ServiceId, tuple[float, ...]]:
    """Counts of each service: the day's own, or its shares of all."""
    if day.services:
        return {service: day.services.get(service, (0.0,) * len(day.counts)) for service in shares}
    whole = sum(shares.values())
    return {service: tuple(count * share / whole for count in day.counts) for service, share in shares.items()}


def by_erlang(day: Day, shares: Mapping[ServiceId, float], goals: Mapping[ServiceId, Goal],
              kinds: Mapping[ServiceId, Kind] | None = None) -> Staffing:
    """The plan by Erlang A, each half hour for itself."""
    needs: list[Need] = []
    for service, counts in by_service(day, shares).items():
        kind, goal = (kinds or {}).get(service, USUAL), goals[service]
        for slot, (calls, rate) in enumerate(half_hours(day, counts)):
            if calls <= 0.0:
                continue
            agents = fewest_agents(rate, kind.handle_s, goal.share, goal.within_s, kind.patience_s)
            forecast = Queue(rate, kind.handle_s, agents, kind.patience_s).within(goal.within_s)
            needs.append(Need(service, slot, goal, calls, rate * kind.handle_s, agents, agents,
                              _scheduled(agents, goal), forecast))
    pooled = {slot: _pooled([need for need in needs if need.slot == slot], kinds or {})
              for slot in sorted({need.slot for need in needs})}
    return Staffing(tuple(needs), pooled)


def _pooled(needs: Sequence[Need], kinds: Mapping[ServiceId, Kind]) -> int:
    """Agents by Erlang A if all could serve all: handle time, goal and readiness to give up are the mean call's."""
    usual = [(need, kinds.get(need.service, USUAL)) for need in needs]
    parts = [(need.load / kind.handle_s, need.goal, kind) for need, kind in usual]
    rate = math.fsum(part for part, _, _ in parts)
    gives_up = math.fsum(part / kind.patience_s for part, _, kind in parts) / rate
    return fewest_agents(rate, math.fsum(need.load for need in needs) / rate,
                         math.fsum(part * goal.share for part, goal, _ in parts) / rate,
                         math.fsum(part * goal.within_s for part, goal, _ in parts) / rate,
                         1.0 / gives_up if gives_up else math.inf)


def by_simulation(staffing: Staffing, day: Day, shares: Mapping[ServiceId, float],
                  kinds: Mapping[ServiceId, Kind] | None = None, *, chance: Chance = Chance(), runs: int = RUNS,
                  rounds: int = ROUNDS, progress: Callable[[int, int], None] | None = None) -> Staffing:
    """The plan tried out and corrected: `runs` days on the shipped engine, more agents where the target is missed, and
    again, at most `rounds` times. `progress` is given (days simulated, most days that may be)."""
    plan, done = staffing, 0
    for number in range(rounds + 1):
        outcomes = []
        for seed in range(runs):
            outcomes.append(_day(plan, day, shares, kinds, chance._replace(seed=chance.seed + seed)))
            done += 1
            if progress is not None:
                progress(done, (rounds + 1) * runs)
        plan = plan._replace(needs=tuple(_simulated(need, outcomes) for need in plan.needs), rounds=number)
        if number == rounds or not plan.misses():
            break
        plan = plan._replace(needs=tuple(_more(need) if need.misses() else need for need in plan.needs))
    return plan


def _day(plan: Staffing, day: Day, shares: Mapping[ServiceId, float], kinds: Mapping[ServiceId, Kind] | None,
         chance: Chance) -> Outcome:
    """One day of the plan on the shipped engine."""
    centre, duties = specialists(plan, shares)
    return run(centre, generate(day, shares, chance, kinds), duties)


def specialists(plan: Staffing, services: Iterable[ServiceId]) -> tuple[Centre, list[Duty]]:
    """The plan as a centre: agents who serve one service each, there in the half hours in which that many are needed.
    Handle times hold wrap-up already, breaks are in the shrinkage."""
    profile = Profile(wrapup_s=0.0, rest_gap_s=0.0, max_continuous_s=math.inf)
    found, agents, duties = [], [], []
    for service in services:
        skill = SkillId(str(service))
        needs = plan.of(service)
        goal = needs[0].goal if needs else Goal()
        found.append(Service(service, str(service), (Step(((skill, 1),)),), target_s=goal.within_s,
                             target_share=goal.share))
        needed = {need.slot: need.agents for need in needs}
        for number in range(max(needed.values(), default=0)):
            agent = AgentId(f"{service}-{number + 1}")
            agents.append(Agent(agent, ((skill, 100),), profile, str(service)))
            duties += [Duty(agent, first * SLOT_S, (last + 1) * SLOT_S)
                       for first, last in _stretches(slot for slot, count in needed.items() if count > number)]
    return Centre(tuple(found), tuple(agents)), duties


def _stretches(slots: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each unbroken row of half hours."""
    found: list[tuple[int, int]] = []
    for slot in sorted(slots):
        if found and found[-1][1] == slot - 1:
            found[-1] = (found[-1][0], slot)
        else:
            found.append((slot, slot))
    return found


def _simulated(need: Need, outcomes: Sequence[Outcome]) -> Need:
    """With the service level of the runs: answered within the limit of those answered or given up, mean of the runs in
    which anybody called."""
    levels, calls = [], 0
    for outcome in outcomes:
        cell = outcome.cells.get((need.service, need.slot))
        ended = 0 if cell is None else cell.answered + cell.abandoned
        if cell is not None and ended:
            levels.append(cell.within / ended)
            calls += ended
    if not levels:
        return need._replace(simulated=None, error=0.0)
    # As if each call were a toss of its own: less than the truth, but few runs may agree by chance.
    error = math.sqrt(need.goal.share * (1.0 - need.goal.share) / calls)
    if len(levels) > 1:
        error = max(error, stdev(levels) / math.sqrt(len(levels)))
    return need._replace(simulated=fmean(levels), error=error)


def _more(need: Need) -> Need:
    missing = need.goal.share - (need.simulated or 0.0)
    agents = need.agents + max(1, round(SHARE_OF_MISS * missing * need.agents))
    return need._replace(agents=agents, scheduled=_scheduled(agents, need.goal))


def _scheduled(agents: int, goal: Goal) -> int:
    """So many that `agents` are there when the shrinkage is away (a hair less than a whole one is none more)."""
    return math.ceil(agents / (1.0 - goal.shrinkage) - 1e-9)
