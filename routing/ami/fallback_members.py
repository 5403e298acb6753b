"""Decide which phones are members of the fallback queues, Asterisk's own queues for the time without a node.

An agent is a member for each service whose calls the engine may offer to that agent: by the floor, the steps, the
topics and the channels of the profile. Remote counsellors are no members. Their legs need a key against mailboxes,
which app_queue does not ask for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from routing.core.matching.skill_requirement import build_requirement, fits_agent
from routing.core.model.centre_model import PHONE_CHANNELS, Agent, Service

RING_S = 20
"""Ring time of a fallback queue for whose service no agent is configured."""


def may_answer(agent: Agent, service: Service) -> bool:
    """Return whether the phone of an agent may ring in the fallback queue of a service."""
    profile = agent.profile
    if agent.remote or not PHONE_CHANNELS & profile.channels:
        return False
    return any(fits_agent(build_requirement(service, step, excluded=profile.no_topics), agent)
               for step in range(len(service.steps)))


def longest_ring_s(service: Service, agents: Iterable[Agent]) -> int:
    """Return the longest ring time of the agents who may answer a service.

    app_queue has one ring time for all members of a queue, so a shorter one would cut the ring of some agents.
    """
    return math.ceil(max((agent.profile.ring_timeout_s for agent in agents if may_answer(agent, service)),
                         default=RING_S))
