"""Does the forecast hold? For each day: service level by Erlang A of each interval alone, by Erlang A carried through
the day, and in the simulation on the shipped engine; and where the first one misses, why.

The counts of the day are taken as known: the question is what agents make of calls, not how many call. Handle times are
lognormal and patience exponential, all agents serve all calls.

An overloaded day differs by 2 points of service level from one run to the next, so a handful of runs says nothing. A
plain first-come-first-served queue on the same calls is a control variate: the engine's runs give the difference to it,
many runs of the plain one, a twentieth of the work each, its mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heapreplace
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np

from drawing.chart import clock
from planning.arrivals import Chance, Day, Kind, generate
from planning.course import Course, House, course, peakedness
from planning.erlang import Queue
from planning.house import Arrival, Duty, run
from planning.outcome import Rule
from routing.core.ids import AgentId, ServiceId, SkillId
from routing.core.model import Agent, Centre, Profile, Service, Step

ALL = ServiceId("all")

TOLERANCE = 0.02
"""A forecast holds when it is within two points of the simulated service level."""

ERROR = 0.0025
"""Days are simulated until the standard error of their service level is below this: an eighth of the tolerance."""

ENGINE_RUNS, ENGINE_MOST = 2, 24
"""Runs of a day on the engine: two differences to the plain queue, more if they do not agree."""

PLAIN_RUNS, PLAIN_MOST = 6, 200
"""Runs of the plain queue. A quiet day agrees with itself at once."""

TOGETHER = 16
"""Days whose course is computed at once: tables of some hundred kilobytes, which stay in the processor's cache."""


class Checked(NamedTuple):
    """One day."""

    name: str
    calls: float
    peak_load: float
    """Largest load of an interval / agents."""
    overload_s: float
    """Time in which more work comes than the agents can do."""
    alone: float
    """Service level by Erlang A, each interval for itself."""
    carried: float
    """By Erlang A carried through the day."""
    simulated: float
    error: float
    """Standard error of `simulated`."""
    worst_s: float
    """Start of the interval that does most to the difference between `alone` and `carried`."""

    @property
    def alone_misses(self) -> bool:
        """Whether intervals alone miss the simulation by more than the tolerance."""
        return abs(self.alone - self.simulated) > TOLERANCE

    @property
    def carried_misses(self) -> bool:
        """Whether the carried forecast does."""
        return abs(self.carried - self.simulated) > TOLERANCE

    def why(self) -> str:
        """Why intervals alone are off, in a few words."""
        at = clock(self.worst_s)
        if not self.overload_s:
            return f"the load changes faster than calls end, most at {at}"
        minutes = f"overload of {self.overload_s / 60:.0f} min"
        if self.alone > self.carried:
            return f"{minutes}: its queue is still there in quieter intervals, most at {at}"
        return f"{minutes}: too short for the queue that a lasting one would have, most at {at}"


def pool(agents: int, limit_s: float) -> Centre:
    """Agents who all serve the one service there is; handle times hold wrap-up, there are no breaks."""
    skill = SkillId("all")
    profile = Profile(wrapup_s=0.0, rest_gap_s=0.0, max_continuous_s=math.inf)
    return Centre((Service(ALL, "all", (Step(((skill, 1),)),), target_s=limit_s),),
                  tuple(Agent(AgentId(f"a{number + 1}"), ((skill, 100),), profile) for number in range(agents)))


def check(days: Sequence[Day], agents: int, kind: Kind = Kind(), limit_s: float = 20.0, *, seed: int = 1,
          progress: Callable[[int], None] | None = None) -> Iterator[Checked]:
    """Each day, in order; calls come on all of them. `progress` is given the number of days done."""
    done = 0
    for some in _alike(days):
        found = _courses(some, agents, kind, limit_s)
        for number, day in enumerate(some):
            yield _checked(day, found, number, agents, kind, limit_s, seed)
            done += 1
            if progress is not None:
                progress(done)


def dispersion(days: Sequence[Day]) -> float | None:
    """Variance over mean of the counts of an interval from day to day, after each day is scaled to the mean day; mean
    of the intervals. Poisson counts have 1; more means that a point forecast is too good to be true. None: fewer than
    two days, or days of different shape."""
    if len(days) < 2 or len({(day.start_s, day.width_s, len(day.counts)) for day in days}) > 1:
        return None
    counts = np.array([day.counts for day in days])
    if not counts.sum(axis=1).all() or not counts.sum(axis=0).all():
        return None
    heights = counts.sum(axis=1, keepdims=True)
    scaled = counts * heights.mean() / heights
    return float((scaled.var(axis=0, ddof=1) / scaled.mean(axis=0)).mean())


def _alike(days: Sequence[Day]) -> Iterator[list[Day]]:
    """Neighbouring days with the same intervals, a few at a time."""
    some: list[Day] = []
    for day in days:
        if some and (len(some) == TOGETHER or (day.width_s, len(day.counts)) != (some[0].width_s, len(some[0].counts))):
            yield some
            some = []
        some.append(day)
    if some:
        yield some


def _courses(days: Sequence[Day], agents: int, kind: Kind, limit_s: float) -> Course:
    width = days[0].width_s
    house = House(kind.handle_s, kind.patience_s, limit_s, peakedness(width, kind.handle_s, 0.0))
    return course(house, np.array([day.counts for day in days]) / width, width, [agents] * len(days[0].counts))


def _checked(day: Day, found: Course, number: int, agents: int, kind: Kind, limit_s: float,
             seed: int) -> Checked:
    """The day in row `number` of the courses."""
    alone = [Queue(count / day.width_s, kind.handle_s, agents, kind.patience_s).within(limit_s)
             for count in day.counts]
    carried = [float(level) for level in found.within[number]]
    loads = [count / day.width_s * kind.handle_s / agents for count in day.counts]
    lost = [count * (one - other) for count, one, other in zip(day.counts, alone, carried, strict=True)]
    sign = 1.0 if sum(lost) > 0.0 else -1.0
    place = max(range(len(lost)), key=lambda at: sign * lost[at])
    simulated, error = _simulated(day, agents, kind, limit_s, seed)
    return Checked(day.name, day.total, max(loads), day.width_s * sum(load > 1.0 for load in loads),
                   _weighed(day, alone), _weighed(day, carried), simulated, error,
                   day.start_s + place * day.width_s)


def _weighed(day: Day, levels: Sequence[float]) -> float:
    """Service level of the day: of all its calls."""
    return sum(count * level for count, level in zip(day.counts, levels, strict=True)) / day.total


def _simulated(day: Day, agents: int, kind: Kind, limit_s: float, seed: int) -> tuple[float, float]:
    """Mean service level of the shipped engine, and its standard error."""
    centre = pool(agents, limit_s)
    duties = [Duty(agent.id, day.start_s - 1.0, day.end_s + 1.0) for agent in centre.agents]
    control: list[float] = []
    differences: list[float] = []

    def calls(number: int) -> Iterator[Arrival]:
        return generate(day, {ALL: 1.0}, Chance(seed=seed + number, poisson=False), {ALL: kind})

    while _uncertain(control, PLAIN_RUNS, PLAIN_MOST):
        control.append(plain(calls(len(control)), agents, limit_s))
    while _uncertain(differences, ENGINE_RUNS, ENGINE_MOST):
        number = len(differences)
        outcome = run(centre, calls(number), duties)
        beside = control[number] if number < len(control) else plain(calls(number), agents, limit_s)
        level = outcome.total.service_level(limit_s, Rule.OFFERED)
        differences.append(0.0 if level is None else level - beside)  # nobody called, here as there
    return fmean(control) + fmean(differences), math.hypot(_error(control), _error(differences))


def plain(arrivals: Iterable[Arrival], agents: int, limit_s: float) -> float:
    """Service level of a plain queue: who has waited longest gets who is free first, or has given up by then. 1 when
    nobody called: such a run of a day with few calls has nobody who waited too long."""
    free = [-math.inf] * agents
    called = answered = 0
    for arrival in arrivals:
        called += 1
        begins = max(arrival.at, free[0])
        if begins - arrival.at <= arrival.patience_s:
            answered += begins - arrival.at <= limit_s
            heapreplace(free, begins + arrival.handle_s)
    return answered / called if called else 1.0


def _uncertain(levels: Sequence[float], least: int, most: int) -> bool:
    return len(levels) < least or (_error(levels) > ERROR and len(levels) < most)


def _error(levels: Sequence[float]) -> float:
    return stdev(levels) / math.sqrt(len(levels))
