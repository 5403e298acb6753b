"""Distress as a class: the waits of callers in distress in the shipped centre, next to the same counsellors alone.

Fifteen counsellors and as large a part of the other agents are on shift. Distress comes four times an hour for each
counsellor and is talked with for ten minutes; the service `temsilci` comes at four rates. Alone, the counsellors serve
the same callers in distress and nothing else. The number kept free is the one that `santral staff` prints. Without it
the baseline is a plain priority queue on the same calls. Personal accommodations and breaks are left out.

`SANTRAL_DISTRESS_HOURS` sets the simulated hours of each row.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from math import inf, sqrt
from statistics import fmean, stdev
from typing import NamedTuple

from bench.harness.priority_queue import Caller, QueueRules, Server, first_class_waits
from bench.row import Row
from planning.simulation.centre_run import Arrival, Duty, run_simulation
from planning.theory.erlang import ErlangQueue
from planning.theory.kept_free import MEAN_WAIT, WITHIN, fewest_kept
from routing.core.model.centre_model import Agent, Centre, DistressLimit, Profile, Service
from routing.core.model.facts import Ended, Fact, Moved, OfferClosed, Offered, Queued
from routing.core.model.ids import ServiceId
from routing.core.model.talk_facts import Connected
from santral.centre.config import DEFAULT_CENTRE, node_config

TAKES_S = 120.0
HOURS = float(os.environ.get("SANTRAL_DISTRESS_HOURS", "24"))
RUN_HOURS, WARM_UP_HOURS = 6.0, 1.0
"""Hours of one run, and those before it that fill the centre and its loads."""

COUNSELLORS = 15
OTHER = ServiceId("temsilci")
RATES = (0.1, 0.35, 0.5, 1.0)
"""Calls a second of the other service."""
CALLS_PER_H = 4.0
"""Callers in distress an hour for each counsellor."""
TALK_S, OTHER_TALK_S, OTHER_PATIENCE_S = 600.0, 180.0, 354.0
WITHIN_S = 15.0
PROFILE = Profile(wrapup_s=15.0, max_continuous_s=inf)
QUEUE_ERROR = 0.05
Z_95 = 1.96


class Waits(NamedTuple):
    """Waits of the callers in distress of one run, and the share of the other callers who were answered."""

    mean_s: float
    within: float
    others_answered: float = 0.0
    passed_over: int = 0
    """Other contacts that came to a counsellor while somebody in distress waited."""


def measure_rows() -> list[Row]:
    """Return the rows of all rates."""
    centre, distress = build_shift(node_config(DEFAULT_CENTRE).centre)
    queue = ErlangQueue(COUNSELLORS * CALLS_PER_H / 3_600.0, TALK_S + PROFILE.wrapup_s, COUNSELLORS)
    kept = fewest_kept(queue, OTHER_TALK_S + PROFILE.wrapup_s, WITHIN_S)
    runs = max(2, round(HOURS / RUN_HOURS))
    rows = [Row("distress.kept", kept, "count", f"{COUNSELLORS} counsellors, {queue.load:.1f} Erlang", None, "", None)]
    for rate in RATES:
        alone, free, shared, plain = [], [], [], []
        for seed in range(runs):
            calls = list(draw_calls(distress.id, rate, seed))
            alone.append(run_centre(centre, distress, [one for one in calls if one.service == distress.id], 0))
            free.append(run_centre(centre, distress, calls, kept))
            shared.append(run_centre(centre, distress, calls, 0))
            plain.append(run_plain_queue(centre, distress, calls))
        rows += rate_rows(rate, kept, alone, free, shared, plain)
    return rows


def rate_rows(rate: float, kept: int, alone: Sequence[Waits], free: Sequence[Waits], shared: Sequence[Waits],
              plain: Sequence[Waits]) -> list[Row]:
    """Return the rows of one rate of the other service."""
    name = f"distress.{rate:g}"
    wait, wait_error = ratio_of([one.mean_s for one in free], [one.mean_s for one in alone])
    within, _ = ratio_of([one.within for one in free], [one.within for one in alone])
    same, same_error = ratio_of([one.mean_s for one in shared], [one.mean_s for one in plain])
    passed = sum(one.passed_over for one in (*free, *shared))
    return [
        Row(f"{name}.wait", fmean(one.mean_s for one in free), "s",
            f"alone {fmean(one.mean_s for one in alone):.2f} s, +-{wait_error:.3f}", wait, f"<= {MEAN_WAIT}x",
            wait <= MEAN_WAIT),
        Row(f"{name}.within", 100.0 * fmean(one.within for one in free), "%",
            f"alone {100.0 * fmean(one.within for one in alone):.1f} %", within, f">= {WITHIN}x", within >= WITHIN),
        Row(f"{name}.queue", fmean(one.mean_s for one in shared), "s",
            f"priority queue {fmean(one.mean_s for one in plain):.2f} s, +-{same_error:.3f}", same, "0.95-1.05x",
            abs(same - 1.0) <= QUEUE_ERROR),
        Row(f"{name}.others", 100.0 * fmean(one.others_answered for one in free), "%",
            f"answered with none kept: {100.0 * fmean(one.others_answered for one in shared):.1f} %", None, "", None),
        Row(f"{name}.passed", passed, "count", f"{kept} kept, and none", None, "0", passed == 0)]


def build_shift(centre: Centre) -> tuple[Centre, Service]:
    """Return the agents on shift with plain profiles, and the distress service."""
    distress = next(service for service in centre.services if service.distress)
    fit = [agent for agent in centre.agents if _psy_level(agent, distress) >= 0]
    rest = [agent for agent in centre.agents if _psy_level(agent, distress) < 0]
    share = COUNSELLORS / len(fit)
    team = [*_every_nth(fit, COUNSELLORS), *_every_nth(rest, round(share * len(rest)))]
    plain = tuple(one._replace(profile=PROFILE, remote=False) for one in team)
    return centre._replace(seats=None, agents=plain), distress


def _every_nth(agents: Sequence[Agent], count: int) -> list[Agent]:
    return [agents[number * len(agents) // count] for number in range(count)]


def _psy_level(agent: Agent, distress: Service) -> int:
    skills = dict(agent.skills)
    skill, least = distress.floor[0]
    level = skills.get(skill, -1)
    return level if level >= least else -1


def draw_calls(distress: ServiceId, rate: float, seed: int) -> Iterator[Arrival]:
    """Draw the callers of both services, with exponential times. Callers in distress stay."""
    ends = 3_600.0 * (RUN_HOURS + WARM_UP_HOURS)
    # Each class has its own chance, so that distress is the same at each rate.
    of_distress, of_others = random.Random(seed), random.Random(f"{seed} {rate}")
    own = COUNSELLORS * CALLS_PER_H / 3_600.0
    at, other_at = of_distress.expovariate(own), of_others.expovariate(rate)
    while min(at, other_at) <= ends:
        if at < other_at:
            yield Arrival(at, distress, of_distress.expovariate(1.0 / TALK_S))
            at += of_distress.expovariate(own)
        else:
            yield Arrival(other_at, OTHER, of_others.expovariate(1.0 / OTHER_TALK_S),
                          of_others.expovariate(1.0 / OTHER_PATIENCE_S))
            other_at += of_others.expovariate(rate)


def run_centre(centre: Centre, distress: Service, calls: Sequence[Arrival], kept: int) -> Waits:
    """Run the shipped engine on these calls."""
    services = tuple(one._replace(keep_free=kept, keep_free_percent=0) if one.id == distress.id else one
                     for one in centre.services)
    begins = 3_600.0 * WARM_UP_HOURS
    waiting: set[str] = set()
    counsellors = {agent.id for agent in centre.agents if _psy_level(agent, distress) >= 0}
    waits: list[float] = []
    passed = 0

    def watch(facts: list[Fact]) -> None:
        nonlocal passed
        for fact in facts:
            if isinstance(fact, Queued | Moved | OfferClosed) and _service_of(fact) == distress.id:
                waiting.add(fact.contact)
            elif isinstance(fact, Offered):
                waiting.discard(fact.contact)
                passed += fact.service != distress.id and bool(waiting) and fact.agent in counsellors
            elif isinstance(fact, Ended):
                waiting.discard(fact.contact)
            elif isinstance(fact, Connected) and fact.service == distress.id and fact.at - fact.wait_s >= begins:
                waits.append(fact.wait_s)

    ends = 3_600.0 * (RUN_HOURS + WARM_UP_HOURS)
    outcome = run_simulation(centre._replace(services=services), calls,
                             [Duty(agent.id, 0.0, 2.0 * ends) for agent in centre.agents], count_from=begins,
                             watch=watch)
    others = outcome.services.get(OTHER)
    lost = None if others is None else others.abandonment
    return Waits(fmean(waits), sum(one <= WITHIN_S for one in waits) / len(waits), 1.0 - (lost or 0.0), passed)


def _service_of(fact: Queued | Moved | OfferClosed) -> str:
    return str(fact.service)


def run_plain_queue(centre: Centre, distress: Service, calls: Sequence[Arrival]) -> Waits:
    """Run the plain priority queue on these calls."""
    best = dict(distress.steps[0].needs)
    servers = [Server(_psy_level(agent, distress), _level_of_other(agent, centre),
                      int(any(dict(agent.skills).get(skill, -1) < level for skill, level in best.items())))
               for agent in centre.agents]
    rules = QueueRules(PROFILE.wrapup_s, distress.load, DistressLimit().soft, centre.load_half_life_s)
    waits = first_class_waits([Caller(one.at, one.service == distress.id, one.handle_s, one.patience_s)
                               for one in calls], servers, rules, 3_600.0 * WARM_UP_HOURS)
    return Waits(fmean(waits), sum(one <= WITHIN_S for one in waits) / len(waits))


def _level_of_other(agent: Agent, centre: Centre) -> int:
    other = next(service for service in centre.services if service.id == OTHER)
    skill, least = other.steps[-1].needs[0]
    level = dict(agent.skills).get(skill, -1)
    return level if level >= least else -1


def ratio_of(values: Sequence[float], baseline: Sequence[float]) -> tuple[float, float]:
    """Return the ratio of two means of paired runs, and half of its 95 % interval."""
    ratio = fmean(values) / fmean(baseline)
    rest = [value - ratio * other for value, other in zip(values, baseline, strict=True)]
    return ratio, Z_95 * stdev(rest) / sqrt(len(rest)) / fmean(baseline)
