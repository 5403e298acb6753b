"""Time of a call whose combination of needs no caller had before, compared with a known combination.

A centre of 2,000 agents, half of them ready, has calls that ask for two skills at certain levels. Each combination has
a pool of the agents who fit. The engine keeps the pools of the last combinations, so new ones come now and then. Both
kinds of calls take turns, each with its offer and its end.
"""

from __future__ import annotations

import gc
import random
import statistics
import time

from bench.row import Row
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model.centre_model import Agent, Centre, Service, Step
from routing.core.model.commands import Offer
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId

TAKES_S = 10.0
AGENTS, SKILLS, CALLS = 2_000, 20, 150
GOAL_MS = 10.0
"""Longest time of the engine for one call, the 99th percentile. A caller's step has 5 s, and others wait behind it."""


def measure_rows() -> list[Row]:
    """Measure calls with new and with known needs."""
    new, known = _measure_calls()
    p99, usual = (statistics.quantiles(took, n=100)[98] for took in (new, known))
    return [Row("needs.new.p99", p99, "ms", f"known needs: {usual:.3g} ms", p99 / usual, f"at most {GOAL_MS:g} ms",
                p99 <= GOAL_MS),
            Row("needs.new", statistics.median(new), "ms", f"known needs: {statistics.median(known):.3g} ms",
                statistics.median(new) / statistics.median(known), "", None)]


def build_centre() -> Centre:
    """Build one service, and agents with four skills each."""
    skills = [SkillId(f"beceri{number}") for number in range(SKILLS)]
    # Levels differ from agent to agent, so nearly nobody has the skills of a colleague.
    dice = random.Random(1)
    agents = [tuple((skills[(n + more) % SKILLS], dice.randrange(21, 101)) for more in range(4)) for n in range(AGENTS)]
    return Centre((Service(ServiceId("hizmet"), "Hizmet", (Step(()),)),),
                  tuple(Agent(AgentId(f"a{n}"), has) for n, has in enumerate(agents)))


def _measure_calls() -> tuple[list[float], list[float]]:
    # 1. Sign everybody in, and let half of the agents talk.
    engine, now = Engine(), 1_800_000_000.0
    engine.handle(e.Configured(build_centre()), now)
    engine.handle(e.LinkChanged("", True), now)
    for n in range(AGENTS):
        now += 0.001
        engine.handle(e.SeatChanged(SeatId(f"p{n}"), True, False), now)
        engine.handle(e.AgentSignedIn(AgentId(f"a{n}"), SeatId(f"p{n}")), now)
    for n in range(AGENTS // 2):
        engine.handle(e.ContactQueued(ContactId(f"1.{n}"), ServiceId("hizmet"), "PJSIP/trunk"), now)
    # As a node does once it is ready: a collection of all these objects would take the time of fifty calls.
    gc.collect()
    gc.freeze()
    # 2. Calls with needs, new and known ones in turn. A combination is a pair of skills.
    took: tuple[list[float], list[float]] = ([], [])
    for n in range(CALLS):
        for which, number in ((took[0], n), (took[1], 0)):
            first = number % SKILLS
            other = (first + 1 + number // SKILLS) % SKILLS
            needs = tuple((SkillId(f"beceri{skill}"), 21) for skill in sorted((first, other)))
            contact, now = ContactId(f"2.{n}.{len(which)}.{which is took[0]}"), now + 0.01
            began = time.process_time()
            made = engine.handle(e.ContactQueued(contact, ServiceId("hizmet"), "PJSIP/trunk", needs=needs), now)
            which.append(1000 * (time.process_time() - began))
            if number < SKILLS and not any(isinstance(one, Offer) for one in made):
                raise RuntimeError(f"nobody for {needs}")
            engine.handle(e.CallerHungUp(contact), now)
            engine.take_changes()
            engine.take_facts()
    return took[0], took[1][1:]
