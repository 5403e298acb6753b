"""Decide which phones are members of the fallback queues, Asterisk's own queues for the time without a node.

An agent is a member for each service whose calls the engine may offer to that agent: by the floor, the steps, the
topics and the channels of the profile. Remote counsellors are no members while they are called at outside numbers.
Those legs need a key against mailboxes, which app_queue does not ask for. Seats whose phone is a page of the node are
no members either, because they cannot ring without it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from routing.core.inbox import AgentView
from routing.core.matching.skill_requirement import build_requirement, fits_agent
from routing.core.model.centre_model import PHONE_CHANNELS, Agent, AgentState, Centre, Service
from routing.core.model.facts import AgentChanged, CentreChanged, Fact
from routing.core.model.ids import AgentId, ServiceId, SkillId

FALLBACK_PREFIX = "santral-"
"""Prefix of a service's id, for the name of its fallback queue (`asterisk_conf`)."""
FALLBACK_UNKNOWN = "santral-fallback-unknown"
"""Fallback queue of callers who have not chosen a service."""
RING_S = 20
"""Ring time of a fallback queue for whose service no agent is configured."""
PAUSED_STATES = (AgentState.PAUSED, AgentState.NOT_RESPONDING)
"""States in which a member is paused. A wrap-up is no pause, because without a node nothing would end it."""

Members = Mapping[tuple[str, str], str | None]
"""Members by queue and interface: the reason of the pause, or None for a member who is not paused."""


def may_answer(agent: Agent, service: Service) -> bool:
    """Return whether the phone of an agent may ring in the fallback queue of a service."""
    profile = agent.profile
    return bool(PHONE_CHANNELS & profile.channels) and any(
        fits_agent(build_requirement(service, step, excluded=profile.no_topics), agent)
        for step in range(len(service.steps)))


def longest_ring_s(service: Service, agents: Iterable[Agent]) -> int:
    """Return the longest ring time of the agents who may answer a service.

    app_queue has one ring time for all members of a queue, so a shorter one would cut the ring of some agents.
    """
    return math.ceil(max((agent.profile.ring_timeout_s for agent in agents
                          if not agent.remote and may_answer(agent, service)), default=RING_S))


def changes_members(fact: Fact) -> bool:
    """Return whether a fact may change the members: a sign-in or sign-out, a pause, a new centre, other skills."""
    if isinstance(fact, AgentChanged):
        states = (*PAUSED_STATES, AgentState.SIGNED_OUT)
        return fact.before in states or fact.state in states or fact.before is fact.state
    return isinstance(fact, CentreChanged)


class FallbackMembers:
    """Work out the members from the centre and the state of the agents.

    `unknown` is the service of callers who have not chosen one. `silent` holds the endpoints that app_queue may not
    ring: those of remote counsellors, and pages that need the node.
    """

    def __init__(self, unknown: str, silent: Collection[str] = ()) -> None:
        self._unknown = unknown
        self._silent = silent
        self._centre: Centre | None = None
        self._agents: dict[AgentId, Agent] = {}
        self._queues: dict[tuple[AgentId, object], tuple[str, ...]] = {}
        """Queues by agent and skills. The skills of an agent may change during the day."""

    def queue_names(self, centre: Centre) -> list[str]:
        """Return the names of all fallback queues."""
        return [FALLBACK_UNKNOWN, *(f"{FALLBACK_PREFIX}{service.id}" for service in centre.services)]

    def wanted_members(self, centre: Centre, agents: Iterable[AgentView]) -> Members:
        """Return the members that the queues should have now: the phones of all agents who are signed in."""
        # 1. A new centre may change who answers what.
        if centre is not self._centre:
            self._centre, self._queues = centre, {}
            self._agents = {agent.id: agent for agent in centre.agents}
        # 2. Look each agent up, and work out the queues only for new combinations of skills.
        found: dict[tuple[str, str], str | None] = {}
        for view in agents:
            agent = self._agents.get(view.agent)
            if agent is None or view.seat is None or view.state is AgentState.SIGNED_OUT or view.seat in self._silent:
                continue
            key = view.agent, view.skills
            queues = self._queues.get(key)
            if queues is None:
                queues = self._queues[key] = self._queues_of(centre, agent._replace(
                    skills=tuple([(SkillId(skill), level) for skill, level in view.skills])))
            reason = (view.reason or view.state.value) if view.state in PAUSED_STATES else None
            for queue in queues:
                found[queue, f"PJSIP/{view.seat}"] = reason
        return found

    def _queues_of(self, centre: Centre, agent: Agent) -> tuple[str, ...]:
        served = [ServiceId(service.id) for service in centre.services if may_answer(agent, service)]
        return tuple([f"{FALLBACK_PREFIX}{name}" for name in served]
                     + [FALLBACK_UNKNOWN] * (self._unknown in served))
