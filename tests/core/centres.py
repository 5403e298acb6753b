"""Small centres for the driver of the engine and for its checks."""

from __future__ import annotations

import random

from routing.core.model.centre_model import (
    Agent,
    CallbackOrder,
    Centre,
    Channel,
    Profile,
    Rule,
    Service,
    Step,
    WayOut,
    WrapUpMode,
    channel_rows,
)
from routing.core.model.ids import AgentId, ServiceId, SkillId

PSY, EDU, TIP = SkillId("psy"), SkillId("edu"), SkillId("tip")
SERVICES = (
    Service(ServiceId("psy"), "Psikososyal destek", (Step(((PSY, 80),), 20.0), Step(((PSY, 10),), 30.0), Step(())),
            floor=((PSY, 40),), priority=3, distress=True, when_waited=Rule(way=WayOut.GOODBYE, over_s=50.0)),
    Service(ServiceId("edu"), "Uzaktan eğitim", (Step(((EDU, 50), (TIP, 20)), 15.0), Step(((EDU, 30),))),
            when_waited=Rule(way=WayOut.GOODBYE, over_s=90.0), short_abandon_s=5.0),
    Service(ServiceId("tip"), "İhbar ve şikâyet", (Step(((TIP, 1),)),), priority=1),
    Service(ServiceId("any"), "Genel bilgi", (Step(()),)),
)
ROUTED = (
    SERVICES[0]._replace(preferred_s=10.0, callback_tries=2, callback_retry_s=20.0),
    SERVICES[1]._replace(preferred_s=20.0, when_waited=Rule(ServiceId("tip"), over_s=40.0), max_waiting=3,
                         callback_tries=2, callback=CallbackOrder.PREDICTIVE),
    SERVICES[2]._replace(when_waited=Rule(ServiceId("any"), over_s=30.0), max_waiting=2, callback_retry_s=5.0,
                         callback=CallbackOrder.CALLER_FIRST, callback_max=3),
    SERVICES[3]._replace(when_waited=Rule(ServiceId("edu"), over_s=60.0), preferred_s=5.0, anonymous=True),
)
"""The same with everything that moves a contact: a circle of overflow, room for few, preferred agents, callbacks."""

LEVELS = (0, 10, 40, 50, 80, 100)


def team(size: int, seed: int) -> tuple[Agent, ...]:
    """Return agents with one to three skills. Every third has a profile with accommodations."""
    rng = random.Random(seed)
    found = []
    for number in range(size):
        skills = tuple((skill, rng.choice(LEVELS)) for skill in rng.sample((PSY, EDU, TIP), rng.randint(1, 3)))
        profile = Profile()
        if number % 3 == 0:
            profile = Profile(ring_timeout_s=25.0, wrapup_s=rng.choice((0.0, 30.0)), rest_gap_s=rng.choice((0.0, 7.0)),
                              rna_allowed=rng.choice((1, 3)))
        if number % 7 == 6:
            profile = profile._replace(channels=frozenset({Channel.CHAT}))
        found.append(Agent(AgentId(f"a{number}"), skills, profile, f"t{number % 2}"))
    return tuple(found)


def mixed(size: int, seed: int) -> tuple[Agent, ...]:
    """Return the same team with every accommodation that concerns several contacts: capacity, pairs, modes of
    wrap-up."""
    rng = random.Random(seed)
    found = []
    for agent in team(size, seed):
        profile = agent.profile._replace(
            wrapup_mode=rng.choice((*WrapUpMode, WrapUpMode.MANDATORY_TIMEOUT)),
            capacity=rng.choice((60, 100, 100, 180)),
            max_concurrency=rng.choice(((), ((Channel.CHAT, 2), (Channel.EMAIL, 2)), ((Channel.VOICE, 1),
                                                                                   (Channel.CHAT, 3)))),
            one_at_a_time=rng.random() < 0.15,
            auto_return_s=rng.choice((None, None, 40.0)))
        number = int(agent.id[1:])
        if number in (0, 1, 3):
            profile = profile._replace(pair_id="p" if number < 3 else "alone")
        found.append(agent._replace(profile=profile, remote=number == 5))
    return tuple(found)


CENTRES = (
    Centre(SERVICES, team(9, 1)),
    Centre((*SERVICES[:2], SERVICES[3]), team(7, 2)),
    Centre((SERVICES[0]._replace(steps=SERVICES[0].steps[:1]), *SERVICES[1:]), team(9, 1)),
    Centre(SERVICES, mixed(9, 1)),
    Centre(ROUTED, team(9, 3)),
    Centre(ROUTED, mixed(9, 5)),
    Centre(SERVICES, mixed(9, 4), channels=channel_rows(interruptible=frozenset(Channel) - {Channel.VOICE})),
)
