"""The shipped engine against queueing theory: small systems whose exact values are known, driven on the virtual clock.

Erlang B (who may not wait gives up at once), C and A for one pool; the product form of FCFS-ALIS for several. Each run
has its own seed; its first tenth fills the house and is not counted. What the runs say is a mean with a standard error;
the exact value must lie within three of them.

What chance made of a run is known: how many calls it has, how much work they bring, and what one pool of all agents
would have made of them (Erlang C). A regression on these control variates takes out what they explain; runs as short as
these would say little without it.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heapreplace
from itertools import accumulate
from math import inf, isclose, sqrt
from statistics import fmean, stdev
from typing import NamedTuple
from zlib import crc32

import numpy as np

from lab.bench.row import Row
from planning.arrivals import DEFAULT_DAY
from planning.erlang import Queue, erlang_b
from planning.forecast import TOLERANCE, check
from planning.house import Arrival, Duty, run
from planning.product_form import Pool, System, Type, solve
from routing.core.facts import Fact
from routing.core.ids import AgentId, ServiceId, SkillId
from routing.core.model import Agent, Centre, Profile, Service, Step
from routing.core.talk_facts import Connected

TAKES_S = 90.0
LIMIT_S = 20.0
"""The service level is the share answered within this."""
WARM_UP = 0.1
"""Of a run's time: the house is empty at its beginning and as full as it stays after."""
BENCH_RUNS, BENCH_CALLS = 30, 4_000
"""Of `santral bench theory`: some seconds a case. Long runs are in the tests."""
ERRORS_ALLOWED = 3.0
"""Standard errors between mean and exact value."""
HEIGHTS = (1.0, 1.06, 1.12)
"""Of the typical weekday: its peak is 94, 100 and 106 % of the agents."""
FORECAST_AGENTS = 180
RING_RUNS, RING_CALLS = 10, 40_000
RING_AWAY_MAX = 0.02


class Case(NamedTuple):
    """A system with known values. One handle time for all pools; agents of pool g are `<g>-0`, `<g>-1`, ..."""

    name: str
    system: System
    patience_s: float = inf
    """Mean, exponential; 0: nobody waits at all."""

    @property
    def handle_s(self) -> float:
        """Mean handle time."""
        return self.system.pools[0].handle_s

    @property
    def rate(self) -> float:
        """Calls per second of all types."""
        return sum(kind.rate for kind in self.system.types)


def one_pool(name: str, agents: int, load: float, handle_s: float, patience_s: float = inf) -> Case:
    """The case of Erlang's formulae."""
    return Case(name, System((Pool(agents, handle_s),), (Type(load / handle_s, (0,)),)), patience_s)


def layout(name: str, sizes: Sequence[int], to: Sequence[tuple[int, ...]], shares: Sequence[float], rho: float,
           handle_s: float = 60.0) -> Case:
    """Pools of these sizes, types served by pools `to` with these shares of a load of `rho` per agent."""
    rate = rho * sum(sizes) / handle_s
    types = tuple(Type(rate * share, pools) for share, pools in zip(shares, to, strict=True))
    return Case(name, System(tuple(Pool(size, handle_s) for size in sizes), types))


RING = ((0, 2), (0, 1), (1, 2))
EQUAL = (1 / 3, 1 / 3, 1 / 3)
CASES = (
    one_pool("Erlang B, 10 agents", 10, 8.0, 60.0, 0.0),
    one_pool("Erlang C, 10 agents", 10, 7.5, 60.0),
    one_pool("Erlang A, Garnett's 50 agents", 50, 48.0, 60.0, 120.0),
    layout("N, 4+4", (4, 4), ((0, 1), (1,)), (0.7, 0.3), 0.7),
    layout("W, 3+4+3", (3, 4, 3), ((0, 1), (1, 2)), (0.5, 0.5), 0.7),
    layout("W, 3+4+3, load 65/35", (3, 4, 3), ((0, 1), (1, 2)), (0.65, 0.35), 0.7),
    layout("ring, 4+4+4", (4, 4, 4), RING, EQUAL, 0.75),
    layout("ring, 4+4+4, load 50/30/20", (4, 4, 4), RING, (0.5, 0.3, 0.2), 0.75),
)
RING_OF_180 = layout("ring, 60+60+60", (60, 60, 60), RING, EQUAL, 0.9, 240.0)


def centre(system: System) -> Centre:
    """The system as a centre: a service and a skill for each type, agents who need no wrap-up, no rest and no break."""
    skills = [SkillId(f"s{c}") for c in range(len(system.types))]
    services = tuple(Service(ServiceId(f"t{c}"), f"t{c}", (Step(((skill, 1),)),), target_s=LIMIT_S)
                     for c, skill in enumerate(skills))
    profile = Profile(wrapup_s=0.0, rest_gap_s=0.0, max_continuous_s=inf)
    agents = []
    for g, pool in enumerate(system.pools):
        can = tuple((skills[c], 50) for c, kind in enumerate(system.types) if g in kind.pools)
        agents += [Agent(AgentId(f"{g}-{i}"), can, profile) for i in range(pool.size)]
    return Centre(services, tuple(agents))


def calls(case: Case, ends: float, seed: int) -> Iterator[Arrival]:
    """Poisson arrivals of all types until `ends`, exponential handle times and patience."""
    rng = random.Random(seed)
    services = [ServiceId(f"t{c}") for c in range(len(case.system.types))]
    upto = list(accumulate(kind.rate / case.rate for kind in case.system.types))
    upto[-1] = 1.0
    rate, handle, patience = case.rate, 1.0 / case.handle_s, case.patience_s
    leaves = 1.0 / patience if 0.0 < patience < inf else None
    now = rng.expovariate(rate)
    while now <= ends:
        service = services[bisect(upto, rng.random())]
        yield Arrival(now, service, rng.expovariate(handle), rng.expovariate(leaves) if leaves else patience)
        now += rng.expovariate(rate)


def exact(case: Case) -> dict[str, float]:
    """What theory says, by the names `measured` uses."""
    if case.patience_s == 0.0:
        load, agents = case.rate * case.handle_s, case.system.pools[0].size
        lost = erlang_b(load, agents)
        return {"waits t0": lost, "busy 0": load * (1.0 - lost) / agents}
    if case.patience_s < inf:
        queue = Queue(case.rate, case.handle_s, case.system.pools[0].size, case.patience_s)
        return {"waits t0": queue.waits(), "mean wait t0": queue.mean_wait_s(), "within t0": queue.within(LIMIT_S),
                "abandoned t0": queue.abandoned(), "busy 0": queue.occupancy()}
    law = solve(case.system, (LIMIT_S,))
    found = {f"busy {g}": busy for g, busy in enumerate(law.occupancy)}
    for c, one in enumerate(law.types):
        found |= {f"waits t{c}": one.waits, f"mean wait t{c}": one.mean_wait_s, f"within t{c}": one.within[0]}
        if len(law.occupancy) > 1:
            found |= {f"t{c} by {g}": one.served_by[g] for g in case.system.types[c].pools}
    return found


def measured(case: Case, number: int, seed: int) -> dict[str, float]:
    """What the engine does in one run that lasts as long as so many calls do in the mean."""
    house = centre(case.system)
    ends = number / case.rate
    begins = WARM_UP * ends
    served: Counter[tuple[str, str]] = Counter()

    def watch(facts: list[Fact]) -> None:
        served.update((fact.service, fact.agent.partition("-")[0]) for fact in facts
                      if type(fact) is Connected and fact.at - fact.wait_s >= begins)

    duties = [Duty(agent.id, 0.0, 2.0 * ends) for agent in house.agents]
    outcome = run(house, calls(case, ends, seed), duties, until=ends, count_from=begins, watch=watch)
    found: dict[str, float] = {}
    for service, figures in outcome.services.items():
        answered = sum(count for (of, _), count in served.items() if of == service)
        of_all = {"waits": figures.waited, "mean wait": figures.wait_s, "within": figures.service_level(LIMIT_S),
                  "abandoned": figures.abandonment}
        found |= {f"{what} {service}": value for what, value in of_all.items() if value is not None}
        found |= {f"{service} by {pool}": count / answered for (of, pool), count in served.items() if of == service}
    for g, pool in enumerate(case.system.pools):
        busy = [outcome.agents[AgentId(f"{g}-{i}")].occupancy or 0.0 for i in range(pool.size)]
        found[f"busy {g}"] = fmean(busy)
    return found


class Comparison(NamedTuple):
    """One value, by theory and as the runs have it."""

    what: str
    exact: float
    mean: float
    error: float
    """Standard error of the mean."""

    @property
    def errors_away(self) -> float:
        """How many standard errors lie between mean and exact value."""
        if isclose(self.mean, self.exact, rel_tol=1e-9):  # where all go to one pool there is no error at all
            return 0.0
        return abs(self.mean - self.exact) / self.error if self.error else inf

    @property
    def half_width(self) -> float:
        """Of the 95 % interval, as a share of the exact value."""
        return 1.96 * self.error / self.exact


def compare(case: Case, runs: int, number: int) -> list[Comparison]:
    """Theory against this many runs of so many calls."""
    found, controls = [], []
    for seed in seeds(case, runs):
        found.append(measured(case, number, seed))
        controls.append(_controls(case, number, seed))
    return [Comparison(what, value, *_regressed([one.get(what, 0.0) for one in found], controls))
            for what, value in exact(case).items()]


def seeds(case: Case, runs: int) -> range:
    """Seeds of a case's runs: its own, or all cases would err to the same side."""
    first = crc32(case.name.encode())
    return range(first, first + runs)


def pooled(case: Case, number: int, seed: int) -> tuple[float, float]:
    """(share that waits, mean wait) of the same calls, counted as `measured` does, if every agent had every skill
    (Kiefer and Wolfowitz: the next call takes the agent who is free first). Erlang C is the exact mean."""
    free = [0.0] * sum(pool.size for pool in case.system.pools)
    ends = number / case.rate
    total, waited, counted = 0.0, 0, 0
    for arrival in calls(case, ends, seed):
        begins = max(arrival.at, free[0])
        heapreplace(free, begins + arrival.handle_s)
        if WARM_UP * ends <= arrival.at and begins <= ends:
            counted += 1
            waited += begins > arrival.at
            total += begins - arrival.at
    return waited / counted, total / counted


def _controls(case: Case, number: int, seed: int) -> list[float]:
    """What chance made of a run, as differences from the known means."""
    works = [arrival.handle_s for arrival in calls(case, number / case.rate, seed)]
    found = [len(works) / number - 1.0, sum(works) / number / case.handle_s - 1.0]
    if len(case.system.pools) > 1:  # of one pool it would be the value itself
        whole = Queue(case.rate, case.handle_s, sum(pool.size for pool in case.system.pools))
        waits, mean_wait = pooled(case, number, seed)
        found += [waits - whole.waits(), mean_wait - whole.mean_wait_s()]
    return found


def against_the_pool(case: Case, runs: int, number: int) -> tuple[Comparison, Comparison]:
    """(controlled, plain) mean wait of all calls. Controlled: exact value of the pool of all agents plus the mean
    difference to that pool on the same calls; what both have in common by chance cancels."""
    whole = Queue(case.rate, case.handle_s, sum(pool.size for pool in case.system.pools))
    waits = []
    differences = []
    for seed in seeds(case, runs):
        found = measured(case, number, seed)
        waits.append(sum(kind.rate * found[f"mean wait t{c}"] for c, kind in enumerate(case.system.types)) / case.rate)
        differences.append(waits[-1] - pooled(case, number, seed)[1])
    _, value = solve(case.system, shares=False).overall(case.system)
    mean, error = _mean(differences)
    return (Comparison("mean wait", value, whole.mean_wait_s() + mean, error),
            Comparison("mean wait, plain", value, *_mean(waits)))


def forecasts() -> list[Row]:
    """How far forecasts are from the engine, in points of service level: the typical weekday as it is and higher."""
    found = []
    for day in check([DEFAULT_DAY.scaled(height) for height in HEIGHTS], FORECAST_AGENTS):
        away, alone = 100.0 * abs(day.carried - day.simulated), 100.0 * abs(day.alone - day.simulated)
        found.append(Row(
            f"forecast, {FORECAST_AGENTS} agents, {day.calls:.0f} calls, {day.overload_s / 60:.0f} min overload", away,
            "points", f"simulated {day.simulated:.4f} +- {1.96 * day.error:.4f}; intervals alone {alone:.2f} off",
            alone / away if away else None, f"<= {100 * TOLERANCE:g}", not day.carried_misses))
    return found


def rows() -> list[Row]:
    """The measures."""
    found = forecasts()
    for case in CASES:
        values = compare(case, BENCH_RUNS, BENCH_CALLS)
        worst = max(values, key=lambda value: value.errors_away)
        width = max(value.half_width for value in values if value.what.startswith("waits"))
        found.append(Row(
            f"theory, {case.name}: farthest of {len(values)} values", worst.errors_away, "standard errors",
            f"exact {worst.exact:.5g} ({worst.what}), engine {worst.mean:.5g}; P(wait) +- {width:.1%}",
            worst.mean / worst.exact, f"<= {ERRORS_ALLOWED:g}", worst.errors_away <= ERRORS_ALLOWED))
    ring, plain = against_the_pool(RING_OF_180, RING_RUNS, RING_CALLS)
    away = abs(ring.mean / ring.exact - 1.0)
    found.append(Row(
        "theory, 180 agents, 2 of 3 skills, 90 % load: mean wait", ring.mean, "s",
        f"exact {ring.exact:.4f} s; +- {ring.half_width:.2%} (without control +- {plain.half_width:.1%})",
        ring.mean / ring.exact, f"within {RING_AWAY_MAX:.0%}", away <= RING_AWAY_MAX))
    return found


def _regressed(values: Sequence[float], controls: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Mean and its standard error where the controls are at their known means: the constant of a regression."""
    design = np.column_stack([np.ones(len(values)), np.array(controls)])
    target = np.array(values)
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    rest = target - design @ solution
    variance = float(rest @ rest) / (len(values) - design.shape[1])
    return float(solution[0]), sqrt(variance * float(np.linalg.inv(design.T @ design)[0, 0]))


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error."""
    return fmean(values), stdev(values) / sqrt(len(values))
