"""Check forecasts: compare Erlang A with the simulation on the shipped engine, day by day.

Two forecasts are compared: Erlang A of each interval alone, and Erlang A carried through the day. Each miss of the
first is explained.

The counts of the day are taken as known. The question is the service level, not the number of calls. Handle times are
lognormal and patience exponential. All agents serve all calls.

The service level of an overloaded day differs by 2 points between runs, so a few runs prove nothing. A plain
first-come-first-served queue on the same calls serves as a control variate. Few engine runs give the difference to the
plain queue. Many plain runs, each a twentieth of the work, give its mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heapreplace
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np

from drawing.chart import format_clock
from planning.simulation.arrivals import CallProfile, ChanceSettings, Day, generate_arrivals
from planning.simulation.centre_run import Arrival, Duty, run_simulation
from planning.simulation.outcome import ServiceLevelRule
from planning.theory.erlang import ErlangQueue
from planning.theory.transient import QueueModel, TransientResult, peakedness_of, solve_transient
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId, SkillId

ALL = ServiceId("all")

TOLERANCE = 0.02
"""Largest error of a good forecast: two points of service level."""

ERROR = 0.0025
"""Largest standard error of a simulated service level, an eighth of the tolerance."""

ENGINE_RUNS, ENGINE_MOST = 2, 24
"""Fewest and most runs of a day on the engine. Two differences to the plain queue are enough if they agree."""

PLAIN_RUNS, PLAIN_MOST = 6, 200
"""Fewest and most runs of the plain queue. A quiet day needs few."""

TOGETHER = 16
"""Days that are solved at once. Their tables of some hundred kilobytes stay in the processor's cache."""


class CheckedDay(NamedTuple):
    """Forecasts and simulation of one day."""

    name: str
    calls: float
    peak_load: float
    """Largest load of an interval / agents."""
    overload_s: float
    """Seconds with more work than the agents can do."""
    alone: float
    """Service level by Erlang A of each interval alone."""
    carried: float
    """Service level by Erlang A carried through the day."""
    simulated: float
    error: float
    """Standard error of `simulated`."""
    worst_s: float
    """Start of the interval that adds most to the difference between `alone` and `carried`."""

    @property
    def alone_is_off(self) -> bool:
        """Whether intervals alone miss the simulation by more than the tolerance."""
        return abs(self.alone - self.simulated) > TOLERANCE

    @property
    def carried_is_off(self) -> bool:
        """Whether the carried forecast misses the simulation by more than the tolerance."""
        return abs(self.carried - self.simulated) > TOLERANCE

    def explain_miss(self) -> str:
        """Return in a few words why intervals alone miss the simulation."""
        at = format_clock(self.worst_s)
        if not self.overload_s:
            return f"the load changes faster than calls end, most at {at}"
        minutes = f"overload of {self.overload_s / 60:.0f} min"
        if self.alone > self.carried:
            return f"{minutes}: its queue is still there in quieter intervals, most at {at}"
        return f"{minutes}: too short for the queue that a lasting one would have, most at {at}"


def pooled_centre(agents: int, limit_s: float) -> Centre:
    """Return a centre with one service that all agents serve. Handle times include wrap-up, and there are no breaks."""
    skill = SkillId("all")
    profile = Profile(wrapup_s=0.0, rest_gap_s=0.0, max_continuous_s=math.inf)
    return Centre((Service(ALL, "all", (Step(((skill, 1),)),), target_s=limit_s),),
                  tuple(Agent(AgentId(f"a{number + 1}"), ((skill, 100),), profile) for number in range(agents)))


def check_days(days: Sequence[Day], agents: int, kind: CallProfile = CallProfile(), limit_s: float = 20.0, *,
               seed: int = 1, progress: Callable[[int], None] | None = None) -> Iterator[CheckedDay]:
    """Check each day in order. Each day must have calls. `progress` gets the number of finished days."""
    done = 0
    for some in _group_alike(days):
        found = _solve_courses(some, agents, kind, limit_s)
        for number, day in enumerate(some):
            yield _check_day(day, found, number, agents, kind, limit_s, seed)
            done += 1
            if progress is not None:
                progress(done)


def dispersion_of(days: Sequence[Day]) -> float | None:
    """Return variance / mean of an interval's counts from day to day, averaged over the intervals.

    Each day is first scaled to the mean day. Poisson counts have 1, and with more a point forecast is too optimistic.
    Return None for fewer than two days, or for days of different shape.
    """
    if len(days) < 2 or len({(day.start_s, day.width_s, len(day.counts)) for day in days}) > 1:
        return None
    counts = np.array([day.counts for day in days])
    if not counts.sum(axis=1).all() or not counts.sum(axis=0).all():
        return None
    # Scale away the height of each day, so that only the shape varies.
    heights = counts.sum(axis=1, keepdims=True)
    scaled = counts * heights.mean() / heights
    return float((scaled.var(axis=0, ddof=1) / scaled.mean(axis=0)).mean())


def _group_alike(days: Sequence[Day]) -> Iterator[list[Day]]:
    """Group neighbouring days with the same intervals, a few at a time."""
    some: list[Day] = []
    for day in days:
        if some and (len(some) == TOGETHER or (day.width_s, len(day.counts)) != (some[0].width_s, len(some[0].counts))):
            yield some
            some = []
        some.append(day)
    if some:
        yield some


def _solve_courses(days: Sequence[Day], agents: int, kind: CallProfile, limit_s: float) -> TransientResult:
    width = days[0].width_s
    house = QueueModel(kind.handle_s, kind.patience_s, limit_s, peakedness_of(width, kind.handle_s, 0.0))
    return solve_transient(house, np.array([day.counts for day in days]) / width, width, [agents] * len(days[0].counts))


def _check_day(day: Day, found: TransientResult, number: int, agents: int, kind: CallProfile, limit_s: float,
               seed: int) -> CheckedDay:
    """Check the day in row `number` of the solved days."""
    # 1. Forecast each interval by both methods.
    alone = [ErlangQueue(count / day.width_s, kind.handle_s, agents, kind.patience_s).service_level(limit_s)
             for count in day.counts]
    carried = [float(level) for level in found.within[number]]
    loads = [count / day.width_s * kind.handle_s / agents for count in day.counts]
    # 2. Find the interval with the largest difference in the direction of the whole day.
    lost = [count * (one - other) for count, one, other in zip(day.counts, alone, carried, strict=True)]
    sign = 1.0 if sum(lost) > 0.0 else -1.0
    place = max(range(len(lost)), key=lambda at: sign * lost[at])
    # 3. Simulate the day.
    simulated, error = _simulate_level(day, agents, kind, limit_s, seed)
    return CheckedDay(day.name, day.total, max(loads), day.width_s * sum(load > 1.0 for load in loads),
                      _day_level(day, alone), _day_level(day, carried), simulated, error,
                      day.start_s + place * day.width_s)


def _day_level(day: Day, levels: Sequence[float]) -> float:
    """Return the service level of all calls of the day."""
    return sum(count * level for count, level in zip(day.counts, levels, strict=True)) / day.total


def _simulate_level(day: Day, agents: int, kind: CallProfile, limit_s: float, seed: int) -> tuple[float, float]:
    """Return the mean service level of the shipped engine and its standard error."""
    centre = pooled_centre(agents, limit_s)
    duties = [Duty(agent.id, day.start_s - 1.0, day.end_s + 1.0) for agent in centre.agents]
    control: list[float] = []
    differences: list[float] = []

    def draw_calls(number: int) -> Iterator[Arrival]:
        return generate_arrivals(day, {ALL: 1.0}, ChanceSettings(seed=seed + number, poisson=False), {ALL: kind})

    # 1. Run the plain queue, the control variate.
    while _is_uncertain(control, PLAIN_RUNS, PLAIN_MOST):
        control.append(plain_queue_level(draw_calls(len(control)), agents, limit_s))
    # 2. Run the engine on the same calls, and keep the difference.
    while _is_uncertain(differences, ENGINE_RUNS, ENGINE_MOST):
        number = len(differences)
        outcome = run_simulation(centre, draw_calls(number), duties)
        beside = control[number] if number < len(control) else plain_queue_level(draw_calls(number), agents, limit_s)
        level = outcome.total.service_level(limit_s, ServiceLevelRule.OFFERED)
        # A run without calls has no service level, neither here nor in the plain queue.
        differences.append(0.0 if level is None else level - beside)
    # 3. Mean and error of both parts add up.
    return fmean(control) + fmean(differences), math.hypot(_standard_error(control), _standard_error(differences))


def plain_queue_level(arrivals: Iterable[Arrival], agents: int, limit_s: float) -> float:
    """Return the service level of a plain queue, in which the longest waiting caller gets the first free agent.

    A run without calls has a service level of 1, because no caller waited too long.
    """
    free = [-math.inf] * agents
    called = answered = 0
    for arrival in arrivals:
        called += 1
        # The heap holds the time at which each agent becomes free.
        begins = max(arrival.at, free[0])
        if begins - arrival.at <= arrival.patience_s:
            answered += begins - arrival.at <= limit_s
            heapreplace(free, begins + arrival.handle_s)
    return answered / called if called else 1.0


def _is_uncertain(levels: Sequence[float], least: int, most: int) -> bool:
    return len(levels) < least or (_standard_error(levels) > ERROR and len(levels) < most)


def _standard_error(levels: Sequence[float]) -> float:
    return stdev(levels) / math.sqrt(len(levels))
