"""The shipped engine against queueing theory: small systems with known exact values, on the virtual clock.

Erlang B, C and A are for one pool, the product form of FCFS-ALIS for several. In Erlang B a caller who finds nobody
free leaves at once. Each run has a separate seed. Its first tenth fills the centre and is not counted. The runs give a
mean with a standard error, and the exact value must be within three of them.

The chance of a run is known: its number of calls, their work, and the result of one pool of all agents (Erlang C). A
regression on these control variates removes what they explain. Runs this short would say little without it.

Wrap-up and ringing belong to the time of the agent: one agent is compared with Pollaczek and Khinchine's mean wait, and
each wait of forty agents with the recursion of Kiefer and Wolfowitz. The shipped steps, levels and points are compared
call by call with a plain simulation (`bench.harness.plain_steps`). Distress is left out, `distress` measures it.
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

from bench.harness.plain_steps import PlainCall, PlainService, Served, serve_calls
from bench.harness.product_form import AgentPool, CallerType, PoolSystem, solve_system
from bench.row import Row
from planning.simulation.arrivals import DEFAULT_DAY
from planning.simulation.centre_run import Arrival, Duty, run_simulation
from planning.staffing.forecast_check import TOLERANCE, check_days
from planning.theory.erlang import ErlangQueue, erlang_b
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ServiceId, SkillId
from routing.core.model.talk_facts import Connected
from santral.centre.config import DEFAULT_CENTRE, node_config

TAKES_S = 120.0
LIMIT_S = 20.0
"""The service level is the share answered within this time."""
WARM_UP = 0.1
"""Share of a run that is not counted: the centre is empty at its beginning."""
BENCH_RUNS, BENCH_CALLS = 30, 4_000
"""Runs and calls of `santral bench theory`: some seconds for each case. Long runs are in the tests."""
ERRORS_ALLOWED = 3.0
"""Standard errors allowed between mean and exact value."""
HEIGHTS = (1.0, 1.06, 1.12)
"""Factors of the typical weekday. Its peak is 94, 100 and 106 % of the agents."""
FORECAST_AGENTS = 180
RING_RUNS, RING_CALLS = 10, 40_000
RING_AWAY_MAX = 0.02
PHONE_RING_S, WRAPUP_S = 4.0, 15.0
"""Time until a phone is answered, and wrap-up. Both take the agent's time."""
ONE_AGENT_LOAD, MANY_AGENTS, MANY_LOAD = 0.8, 40, 0.95
MANY_CALLS, SHIPPED_CALLS = 20_000, 20_000
SHIPPED_LOAD = 0.95
"""Load of the shipped team, so that callers wait through all steps."""
SAME_S = 1e-6
"""Largest difference of two equal waits: the rest is rounding."""


class TheoryCase(NamedTuple):
    """A system with known values. All pools have one handle time; agents of pool g are `<g>-0`, `<g>-1` and so on."""

    name: str
    system: PoolSystem
    patience_s: float = inf
    """Mean of the exponential patience. With 0 nobody waits at all."""

    @property
    def handle_s(self) -> float:
        """Mean handle time."""
        return self.system.pools[0].handle_s

    @property
    def rate(self) -> float:
        """Calls a second of all types."""
        return sum(kind.rate for kind in self.system.types)


def one_pool_case(name: str, agents: int, load: float, handle_s: float, patience_s: float = inf) -> TheoryCase:
    """Build a case of Erlang's formulae."""
    return TheoryCase(name, PoolSystem((AgentPool(agents, handle_s),), (CallerType(load / handle_s, (0,)),)),
                      patience_s)


def pools_case(name: str, sizes: Sequence[int], to: Sequence[tuple[int, ...]], shares: Sequence[float], rho: float,
               handle_s: float = 60.0) -> TheoryCase:
    """Build a case of pools with these sizes. Pools `to` serve the types, whose shares add up to a load of `rho` per
    agent."""
    rate = rho * sum(sizes) / handle_s
    types = tuple(CallerType(rate * share, pools) for share, pools in zip(shares, to, strict=True))
    return TheoryCase(name, PoolSystem(tuple(AgentPool(size, handle_s) for size in sizes), types))


RING = ((0, 2), (0, 1), (1, 2))
EQUAL = (1 / 3, 1 / 3, 1 / 3)
CASES = (
    one_pool_case("Erlang B, 10 agents", 10, 8.0, 60.0, 0.0),
    one_pool_case("Erlang C, 10 agents", 10, 7.5, 60.0),
    one_pool_case("Erlang A, Garnett's 50 agents", 50, 48.0, 60.0, 120.0),
    pools_case("N, 4+4", (4, 4), ((0, 1), (1,)), (0.7, 0.3), 0.7),
    pools_case("W, 3+4+3", (3, 4, 3), ((0, 1), (1, 2)), (0.5, 0.5), 0.7),
    pools_case("W, 3+4+3, load 65/35", (3, 4, 3), ((0, 1), (1, 2)), (0.65, 0.35), 0.7),
    pools_case("ring, 4+4+4", (4, 4, 4), RING, EQUAL, 0.75),
    pools_case("ring, 4+4+4, load 50/30/20", (4, 4, 4), RING, (0.5, 0.3, 0.2), 0.75),
)
RING_OF_180 = pools_case("ring, 60+60+60", (60, 60, 60), RING, EQUAL, 0.9, 240.0)


def build_centre(system: PoolSystem) -> Centre:
    """Build the system as a centre: a service and a skill for each type, agents without wrap-up, rest and breaks."""
    skills = [SkillId(f"s{c}") for c in range(len(system.types))]
    services = tuple(Service(ServiceId(f"t{c}"), f"t{c}", (Step(((skill, 1),)),), target_s=LIMIT_S)
                     for c, skill in enumerate(skills))
    profile = Profile(wrapup_s=0.0, rest_gap_s=0.0, max_continuous_s=inf)
    agents = []
    for g, pool in enumerate(system.pools):
        can = tuple((skills[c], 50) for c, kind in enumerate(system.types) if g in kind.pools)
        agents += [Agent(AgentId(f"{g}-{i}"), can, profile) for i in range(pool.size)]
    return Centre(services, tuple(agents))


def draw_calls(case: TheoryCase, ends: float, seed: int) -> Iterator[Arrival]:
    """Draw Poisson arrivals of all types until `ends`, with exponential handle times and patience."""
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


def exact_values(case: TheoryCase) -> dict[str, float]:
    """Return the values of theory, by the names that `simulate_values` uses."""
    if case.patience_s == 0.0:
        load, agents = case.rate * case.handle_s, case.system.pools[0].size
        lost = erlang_b(load, agents)
        return {"waits t0": lost, "busy 0": load * (1.0 - lost) / agents}
    if case.patience_s < inf:
        queue = ErlangQueue(case.rate, case.handle_s, case.system.pools[0].size, case.patience_s)
        return {"waits t0": queue.waiting_share(), "mean wait t0": queue.mean_wait_s(),
                "within t0": queue.service_level(LIMIT_S), "abandoned t0": queue.abandoned_share(),
                "busy 0": queue.agent_occupancy()}
    law = solve_system(case.system, (LIMIT_S,))
    found = {f"busy {g}": busy for g, busy in enumerate(law.occupancy)}
    for c, one in enumerate(law.types):
        found |= {f"waits t{c}": one.waits, f"mean wait t{c}": one.mean_wait_s, f"within t{c}": one.within[0]}
        if len(law.occupancy) > 1:
            found |= {f"t{c} by {g}": one.served_by[g] for g in case.system.types[c].pools}
    return found


def simulate_values(case: TheoryCase, number: int, seed: int) -> dict[str, float]:
    """Return the engine's values from one run that lasts as long as `number` calls on average."""
    house = build_centre(case.system)
    ends = number / case.rate
    begins = WARM_UP * ends
    served: Counter[tuple[str, str]] = Counter()

    def count_served(facts: list[Fact]) -> None:
        served.update((fact.service, fact.agent.partition("-")[0]) for fact in facts
                      if type(fact) is Connected and fact.at - fact.wait_s >= begins)

    duties = [Duty(agent.id, 0.0, 2.0 * ends) for agent in house.agents]
    outcome = run_simulation(house, draw_calls(case, ends, seed), duties, until=ends, count_from=begins,
                             watch=count_served)
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
    """One value by theory and by the runs."""

    what: str
    exact: float
    mean: float
    error: float
    """Standard error of the mean."""

    @property
    def errors_away(self) -> float:
        """Number of standard errors between mean and exact value."""
        if isclose(self.mean, self.exact, rel_tol=1e-9):  # with one pool for all there is no error at all
            return 0.0
        return abs(self.mean - self.exact) / self.error if self.error else inf

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval, as a share of the exact value."""
        return 1.96 * self.error / self.exact


def compare_case(case: TheoryCase, runs: int, number: int) -> list[Comparison]:
    """Compare theory with this many runs of `number` calls each."""
    found, controls = [], []
    for seed in seeds_of(case, runs):
        found.append(simulate_values(case, number, seed))
        controls.append(_chance_controls(case, number, seed))
    return [Comparison(what, value, *_regress_mean([one.get(what, 0.0) for one in found], controls))
            for what, value in exact_values(case).items()]


def seeds_of(case: TheoryCase, runs: int) -> range:
    """Return the seeds of a case's runs. With common seeds all cases would err to the same side."""
    first = crc32(case.name.encode())
    return range(first, first + runs)


def pooled_waits(case: TheoryCase, number: int, seed: int) -> tuple[float, float]:
    """Return (share that waits, mean wait) of the same calls if every agent had every skill.

    They are counted as in `simulate_values`. The next call takes the agent who is free first (Kiefer and Wolfowitz),
    and Erlang C is the exact mean.
    """
    free = [0.0] * sum(pool.size for pool in case.system.pools)
    ends = number / case.rate
    total, waited, counted = 0.0, 0, 0
    for arrival in draw_calls(case, ends, seed):
        begins = max(arrival.at, free[0])
        heapreplace(free, begins + arrival.handle_s)
        if WARM_UP * ends <= arrival.at and begins <= ends:
            counted += 1
            waited += begins > arrival.at
            total += begins - arrival.at
    return waited / counted, total / counted


def _chance_controls(case: TheoryCase, number: int, seed: int) -> list[float]:
    """Return the chance of a run as differences from the known means."""
    works = [arrival.handle_s for arrival in draw_calls(case, number / case.rate, seed)]
    found = [len(works) / number - 1.0, sum(works) / number / case.handle_s - 1.0]
    if len(case.system.pools) > 1:  # with one pool this is the value itself
        whole = ErlangQueue(case.rate, case.handle_s, sum(pool.size for pool in case.system.pools))
        waits, mean_wait = pooled_waits(case, number, seed)
        found += [waits - whole.waiting_share(), mean_wait - whole.mean_wait_s()]
    return found


def compare_with_pool(case: TheoryCase, runs: int, number: int) -> tuple[Comparison, Comparison]:
    """Return (controlled, plain) mean wait of all calls.

    The controlled one is the exact value of the pool of all agents plus the mean difference to that pool on the same
    calls. Chance that both have in common cancels.
    """
    whole = ErlangQueue(case.rate, case.handle_s, sum(pool.size for pool in case.system.pools))
    waits = []
    differences = []
    for seed in seeds_of(case, runs):
        found = simulate_values(case, number, seed)
        waits.append(sum(kind.rate * found[f"mean wait t{c}"] for c, kind in enumerate(case.system.types)) / case.rate)
        differences.append(waits[-1] - pooled_waits(case, number, seed)[1])
    _, value = solve_system(case.system, shares=False).overall_waits(case.system)
    mean, error = _mean_and_error(differences)
    return (Comparison("mean wait", value, whole.mean_wait_s() + mean, error),
            Comparison("mean wait, plain", value, *_mean_and_error(waits)))


def with_overhead(system: PoolSystem) -> Centre:
    """Build the system as a centre whose agents have wrap-up."""
    centre = build_centre(system)
    return centre._replace(agents=tuple(
        agent._replace(profile=agent.profile._replace(wrapup_s=WRAPUP_S)) for agent in centre.agents))


def served_by_engine(centre: Centre, calls: Sequence[Arrival]) -> dict[int, Served]:
    """Return wait and agent of each call of the engine, by the number of the call. Phones ring before the talk."""
    places = {agent.id: number for number, agent in enumerate(centre.agents)}
    found: dict[int, Served] = {}

    def watch(facts: list[Fact]) -> None:
        found.update((int(fact.contact) - 1, Served(fact.wait_s, places[fact.agent])) for fact in facts
                     if isinstance(fact, Connected))

    run_simulation(centre, calls, [Duty(agent.id, 0.0, 2.0 * calls[-1].at) for agent in centre.agents],
                   answer_s=PHONE_RING_S, watch=watch)
    return found


def compare_one_agent(runs: int, number: int) -> Comparison:
    """Compare the mean wait of one agent, with ringing and wrap-up, with Pollaczek and Khinchine's formula."""
    overhead = PHONE_RING_S + WRAPUP_S
    case = one_pool_case("wrap-up and ring, 1 agent", 1, ONE_AGENT_LOAD, 60.0 + overhead)
    talk_s = case.handle_s - overhead
    # The service is a constant and an exponential time: its second moment is known.
    second = overhead ** 2 + 2.0 * overhead * talk_s + 2.0 * talk_s ** 2
    exact = case.rate * second / (2.0 * (1.0 - ONE_AGENT_LOAD)) + PHONE_RING_S
    waits, controls = [], []
    for seed in seeds_of(case, runs):
        calls = [one._replace(handle_s=one.handle_s * talk_s / case.handle_s)
                 for one in draw_calls(case, number / case.rate, seed)]
        counted = [place for place, one in enumerate(calls) if one.at >= WARM_UP * number / case.rate]
        served = served_by_engine(with_overhead(case.system), calls)
        waits.append(fmean(served[place].wait_s for place in counted))
        works = [one.handle_s for one in calls]
        controls.append([len(works) / number - 1.0, sum(works) / number / talk_s - 1.0])
    return Comparison("mean wait", exact, *_regress_mean(waits, controls))


def farthest_single_wait(number: int) -> tuple[float, float]:
    """Return (farthest wait, mean wait) of many agents with ringing and wrap-up, against Kiefer and Wolfowitz."""
    overhead = PHONE_RING_S + WRAPUP_S
    case = one_pool_case("wrap-up and ring, many agents", MANY_AGENTS, MANY_LOAD * MANY_AGENTS, 60.0 + overhead)
    calls = [one._replace(handle_s=one.handle_s * 60.0 / case.handle_s)
             for one in draw_calls(case, number / case.rate, seeds_of(case, 1)[0])]
    served = served_by_engine(with_overhead(case.system), calls)
    free, away, total = [0.0] * MANY_AGENTS, 0.0, 0.0
    for place, one in enumerate(calls):
        begins = max(one.at, free[0])
        heapreplace(free, begins + overhead + one.handle_s)
        away = max(away, abs(served[place].wait_s - (begins + PHONE_RING_S - one.at)))
        total += served[place].wait_s
    return away, total / len(calls)


class ShippedComparison(NamedTuple):
    """Calls of the shipped centre in the engine and in the plain simulation."""

    calls: int
    differ: int
    """Calls with another agent or another wait."""
    mean_wait_s: float
    relaxed: int
    """Calls that waited through a step."""


def compare_shipped(number: int, *, points: bool = True) -> ShippedComparison:
    """Compare the shipped services, levels and points, without distress and rules, call by call.

    Without `points` the plain simulation has none.
    """
    # 1. Take the services of one skill each, and the agents who serve any of them.
    shipped = node_config(DEFAULT_CENTRE).centre
    services = tuple(one._replace(when_closed=None, when_full=None, when_nobody=None, when_expected=None,
                                  when_waited=None) for one in shipped.services if not one.distress)
    skills = [one.steps[0].needs[0][0] for one in services]
    profile = Profile(wrapup_s=WRAPUP_S, max_continuous_s=inf)
    agents = tuple(one._replace(profile=profile, remote=False) for one in shipped.agents
                   if any(skill in dict(one.skills) for skill in skills))
    centre = shipped._replace(services=services, agents=agents, seats=None)
    # 2. Draw the calls. Each service gets a share by the number of its agents.
    able = [sum(skill in dict(one.skills) for one in agents) for skill in skills]
    rate = SHIPPED_LOAD * len(agents) / (60.0 + PHONE_RING_S + WRAPUP_S)
    dice, now, calls = random.Random(5), 0.0, []
    for _ in range(number):
        now += dice.expovariate(rate)
        service = dice.choices(range(len(services)), able)[0]
        calls.append(Arrival(now, services[service].id, dice.expovariate(1.0 / 60.0)))
    # 3. Serve them twice.
    kinds = {one.id: kind for kind, one in enumerate(services)}
    plain = serve_calls(
        [PlainCall(one.at, kinds[one.service], one.handle_s) for one in calls],
        [[dict(one.skills).get(skill, -1) for skill in skills] for one in agents],
        [PlainService([(step.needs[0][1], step.lasts_s or inf) for step in one.steps],
                      one.priority if points else 0)
         for one in services], PHONE_RING_S, WRAPUP_S)
    ours = served_by_engine(centre, calls)
    differ = sum(place not in ours or ours[place].agent != one.agent or abs(ours[place].wait_s - one.wait_s) > SAME_S
                 for place, one in enumerate(plain)) + abs(len(plain) - len(calls))
    relaxed = sum(one.wait_s > PHONE_RING_S + (services[kinds[call.service]].steps[0].lasts_s or inf)
                  for one, call in zip(plain, calls, strict=True))
    return ShippedComparison(len(calls), differ, fmean(one.wait_s for one in plain), relaxed)


def overhead_rows() -> list[Row]:
    """Measure wrap-up, ringing, and the shipped steps and levels."""
    one = compare_one_agent(BENCH_RUNS, BENCH_CALLS)
    away, mean_s = farthest_single_wait(MANY_CALLS)
    shipped = compare_shipped(SHIPPED_CALLS)
    return [
        Row("theory, wrap-up and ring, 1 agent: mean wait", one.errors_away, "standard errors",
            f"exact {one.exact:.5g} s, engine {one.mean:.5g} s +- {one.half_width:.1%}", one.mean / one.exact,
            f"<= {ERRORS_ALLOWED:g}", one.errors_away <= ERRORS_ALLOWED),
        Row(f"theory, wrap-up and ring, {MANY_AGENTS} agents: farthest wait", away, "s",
            f"Kiefer and Wolfowitz; {MANY_CALLS} waits, mean {mean_s:.3g} s", None, f"<= {SAME_S:g}", away <= SAME_S),
        Row("theory, shipped steps and levels: calls that differ", shipped.differ, "count",
            f"plain simulation; {shipped.calls} calls, mean wait {shipped.mean_wait_s:.3g} s, {shipped.relaxed} beyond "
            "the first step", None, "0", shipped.differ == 0)]


def forecast_rows() -> list[Row]:
    """Measure the distance of forecasts from the engine, in points of service level, for the typical weekday and higher
    ones."""
    found = []
    for day in check_days([DEFAULT_DAY.scale_counts(height) for height in HEIGHTS], FORECAST_AGENTS):
        away, alone = 100.0 * abs(day.carried - day.simulated), 100.0 * abs(day.alone - day.simulated)
        found.append(Row(
            f"forecast, {FORECAST_AGENTS} agents, {day.calls:.0f} calls, {day.overload_s / 60:.0f} min overload", away,
            "points", f"simulated {day.simulated:.4f} +- {1.96 * day.error:.4f}; intervals alone {alone:.2f} off",
            alone / away if away else None, f"<= {100 * TOLERANCE:g}", not day.carried_is_off))
    return found


def measure_rows() -> list[Row]:
    """Measure all cases."""
    found = [*forecast_rows(), *overhead_rows()]
    for case in CASES:
        values = compare_case(case, BENCH_RUNS, BENCH_CALLS)
        worst = max(values, key=lambda value: value.errors_away)
        width = max(value.half_width for value in values if value.what.startswith("waits"))
        found.append(Row(
            f"theory, {case.name}: farthest of {len(values)} values", worst.errors_away, "standard errors",
            f"exact {worst.exact:.5g} ({worst.what}), engine {worst.mean:.5g}; P(wait) +- {width:.1%}",
            worst.mean / worst.exact, f"<= {ERRORS_ALLOWED:g}", worst.errors_away <= ERRORS_ALLOWED))
    ring, plain = compare_with_pool(RING_OF_180, RING_RUNS, RING_CALLS)
    away = abs(ring.mean / ring.exact - 1.0)
    found.append(Row(
        "theory, 180 agents, 2 of 3 skills, 90 % load: mean wait", ring.mean, "s",
        f"exact {ring.exact:.4f} s; +- {ring.half_width:.2%} (without control +- {plain.half_width:.1%})",
        ring.mean / ring.exact, f"within {RING_AWAY_MAX:.0%}", away <= RING_AWAY_MAX))
    return found


def _regress_mean(values: Sequence[float], controls: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return mean and standard error where the controls are at their known means: the constant of a regression."""
    design = np.column_stack([np.ones(len(values)), np.array(controls)])
    target = np.array(values)
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    rest = target - design @ solution
    variance = float(rest @ rest) / (len(values) - design.shape[1])
    return float(solution[0]), sqrt(variance * float(np.linalg.inv(design.T @ design)[0, 0]))


def _mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error."""
    return fmean(values), stdev(values) / sqrt(len(values))
