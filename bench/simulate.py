"""Contacts a second that the shipped engine takes on the virtual clock, compared with a bare simulator on a heap.

Both get the same mean weekday (32,500 calls, 180 agents, one skill, callers who hang up). They must give the same
waits, caller by caller, and the same number of contacts to each agent: a fast simulator of something else is no
yardstick. The engine's figure includes commands, facts and the outcome from the facts. The second figure is a ring of
three skills, two for each agent, with wrap-up, as a real plan needs.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from statistics import median

from bench.row import Row
from planning.simulation.arrivals import DEFAULT_DAY, ChanceSettings, generate_arrivals
from planning.simulation.centre_run import Arrival, run_simulation
from planning.simulation.duty_plan import plan_all_day
from planning.simulation.outcome import RunOutcome
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId, SkillId

TAKES_S = 20.0
AGENTS = 180
ROUNDS = 5
GOAL_PER_S = 25_000.0
ALONE = Profile(wrapup_s=0.0, max_continuous_s=inf)
"""Profile with nothing between two calls. The bare simulator knows neither wrap-up nor breaks."""
WITH_WRAPUP = Profile(max_continuous_s=inf)
RING = tuple(SkillId(name) for name in ("k0", "k1", "k2"))


def pooled_centre() -> Centre:
    """Build a centre with one skill and equal agents."""
    skill = SkillId("k")
    return Centre((Service(ServiceId("s"), "s", (Step(((skill, 1),)),)),),
                  tuple(Agent(AgentId(f"a{number}"), ((skill, 50),), ALONE) for number in range(AGENTS)))


def ring_centre() -> Centre:
    """Build a centre with three skills, two for each agent."""
    return Centre(tuple(Service(ServiceId(skill), skill, (Step(((skill, 1),)),)) for skill in RING),
                  tuple(Agent(AgentId(f"a{number}"), tuple((RING[(number + more) % 3], 50) for more in (0, 1)),
                              WITH_WRAPUP) for number in range(AGENTS)))


def run_bare(arrivals: list[Arrival], agents: int) -> tuple[list[float], list[int], int]:
    """Simulate first come first served by the longest idle agent, on one heap.

    Return waits in the order of the answers, contacts of each agent, and the number of callers who hung up.
    """
    waits: list[float] = []
    taken = [0] * agents
    idle: deque[int] = deque(range(agents))
    line: deque[tuple[float, float, int]] = deque()
    ends: list[tuple[float, int, int]] = []
    gone: set[int] = set()
    waiting: set[int] = set()
    abandoned, number, count, later = 0, 0, len(arrivals), 1 << 40
    # 1. Take the earliest event: the end of a talk or of a patience, or an arrival.
    while number < count or ends:
        at = arrivals[number].at if number < count else inf
        if ends and ends[0][0] <= at:
            now, order, agent = heappop(ends)
            if order >= later:  # a caller's patience is over
                if order - later in waiting:
                    waiting.discard(order - later)
                    gone.add(order - later)
                    abandoned += 1
                continue
            # 2. A free agent takes the caller who has waited longest.
            while line and line[0][2] in gone:
                gone.discard(line.popleft()[2])
            if not line:
                idle.append(agent)
                continue
            since, handle_s, who = line.popleft()
            waiting.discard(who)
            waits.append(now - since)
        # 3. A caller takes an idle agent or joins the queue.
        else:
            arrival = arrivals[number]
            number += 1
            if not idle:
                line.append((at, arrival.handle_s, number))
                waiting.add(number)
                heappush(ends, (at + arrival.patience_s, later + number, -1))
                continue
            now, handle_s, agent = at, arrival.handle_s, idle.popleft()
            waits.append(0.0)
        # 4. Start the talk.
        taken[agent] += 1
        heappush(ends, (now + handle_s, number, agent))
    return waits, taken, abandoned


def measure_rows() -> list[Row]:
    """Measure contacts a second, the ratio to the bare simulator, and the differences between both."""
    one, three = pooled_centre(), ring_centre()
    day = list(generate_arrivals(DEFAULT_DAY, {ServiceId("s"): 1.0}, ChanceSettings(1)))
    mixed = list(generate_arrivals(DEFAULT_DAY.scale_counts(0.92), {ServiceId(skill): 1.0 for skill in RING},
                                   ChanceSettings(1)))
    engine_s, bare_s, ring_s = [], [], []
    outcome, plain = _run_engine(one, day), run_bare(day, AGENTS)  # warm
    for _ in range(ROUNDS):
        engine_s.append(_cpu_s(lambda: _run_engine(one, day)))
        bare_s.append(_cpu_s(lambda: run_bare(day, AGENTS)))
        ring_s.append(_cpu_s(lambda: _run_engine(three, mixed)))
    rate, yardstick, by_skill = (len(calls) / median(times) for calls, times in
                                 ((day, engine_s), (day, bare_s), (mixed, ring_s)))
    differing = count_differences(outcome, plain)
    return [
        Row("simulate.contacts", rate, "1/s", f"bare heap: {yardstick:,.0f} 1/s", rate / yardstick,
            f">= {GOAL_PER_S:,.0f} 1/s", rate >= GOAL_PER_S),
        Row("simulate.contacts.ring", by_skill, "1/s", f"one skill: {rate:,.0f} 1/s", by_skill / rate, "", None),
        Row("simulate.differences", differing, "count", f"{len(day)} calls in both", None, "0", differing == 0),
        Row("simulate.violations", outcome.violations, "count", f"{outcome.offers} offers", None, "0",
            outcome.violations == 0),
    ]


def count_differences(outcome: RunOutcome, plain: tuple[list[float], list[int], int]) -> int:
    """Count waits, agents' contacts and abandonments that differ."""
    waits, taken, abandoned = plain
    total = outcome.total
    found = abs(total.answered - len(waits)) + abs(total.abandoned - abandoned)
    found += sum(ours != theirs for ours, theirs in zip(total.waits, sorted(waits), strict=False))
    return found + sum(tally.contacts != count for tally, count in zip(outcome.agents.values(), taken, strict=True))


def _run_engine(centre: Centre, arrivals: list[Arrival]) -> RunOutcome:
    return run_simulation(centre, arrivals, plan_all_day(centre))


def _cpu_s(work: Callable[[], object]) -> float:
    gc.collect()
    begin = time.process_time()
    work()
    return time.process_time() - begin
