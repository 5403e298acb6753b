"""Small centres and plain duties for the tests of planning."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from planning.simulation.centre_run import Arrival, Duty
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId, SkillId

EDU = ServiceId("edu")
SKILL = SkillId("edu")
BARE = Profile(wrapup_s=0.0, max_continuous_s=inf)
"""No time between two talks, as formulae assume."""


def zone_of(_folder: Path) -> ZoneInfo:
    """Return the time zone of a centre."""
    return ZoneInfo("Europe/Istanbul")


def service(name: str = "edu", **more: Any) -> Service:
    """Return a service that asks for the skill with its name."""
    return Service(ServiceId(name), name.title(), (Step(((SkillId(name), 1),)),))._replace(**more)


def agent(name: str, *skills: str, profile: Profile = BARE) -> Agent:
    """Return an agent with these skills, or with `edu` if none is named."""
    return Agent(AgentId(name), tuple((SkillId(skill), 50) for skill in skills or ("edu",)), profile)


def pool(size: int, profile: Profile = BARE, **more: Any) -> Centre:
    """Return a centre with one service and equal agents: a1, a2, ..."""
    return Centre((service(**more),), tuple(agent(f"a{number}", profile=profile) for number in range(1, size + 1)))


def always(centre: Centre, end: float = 1e9) -> list[Duty]:
    """Return duties in which everybody is there from 0 on."""
    return [Duty(one.id, 0.0, end) for one in centre.agents]


def calls(*times: float, handle_s: float = 60.0, **more: Any) -> list[Arrival]:
    """Return calls for `edu` at these times."""
    return [Arrival(at, EDU, handle_s)._replace(**more) for at in times]


def poisson(count: int, rate: float, handle_s: float, patience_s: float = inf, seed: int = 1) -> Iterator[Arrival]:
    """Yield calls as M/M/n assumes."""
    rng, at = random.Random(seed), 0.0
    for _ in range(count):
        at += rng.expovariate(rate)
        yield Arrival(at, EDU, rng.expovariate(1.0 / handle_s),
                      inf if patience_s == inf else rng.expovariate(1.0 / patience_s))
