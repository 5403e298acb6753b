"""Write the skill card of an agent: the lines that the agent surely may serve, and those that the agent may at all.

A card is read from the files of a centre, as a person would who has never seen the engine. Doubt makes a card shorter:
whoever has an arrangement stands on no sure card.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from routing.core.model.centre_model import Agent, Centre, Channel, Service

HEAVY_LOAD = 4
"""Weight of a call from which other rules hold for an agent who had one before."""
WHOLE = 100
"""Capacity of an agent who can always take a call."""


def write_card(centre: Centre, agent: Agent, skills: dict[Any, int]) -> tuple[str, str]:
    """Return the lines that an agent surely serves, and those that the agent may serve perhaps."""
    profile = agent.profile
    if Channel.VOICE not in profile.channels or dict(profile.max_concurrency).get(Channel.VOICE, 1) < 1:
        return "", ""
    plain = not (profile.capacity < WHOLE or profile.pair_id or agent.remote or profile.distress.binds
                 or profile.no_topics)
    sure = [one.id for one in centre.services if plain and _surely_serves(one, skills)]
    perhaps = [one.id for one in centre.services if one.id not in profile.no_topics and _may_serve(one, skills)]
    return " ".join(sure), " ".join(perhaps)


def _surely_serves(service: Service, skills: dict[Any, int]) -> bool:
    """Return whether skills meet all that a line ever asks for.

    A crisis line asks for its floor alone, or for its last step without one: whatever is asked besides only ranks.
    """
    if service.floor_where or service.load >= HEAVY_LOAD:
        return False
    if service.distress and service.floor:
        return _meets(service.floor, skills)
    steps = service.steps[-1:] if service.distress else service.steps
    if any(step.where for step in steps):
        return False
    return all(_meets(needs, skills) for needs in (service.floor, *(step.needs for step in steps)))


def _may_serve(service: Service, skills: dict[Any, int]) -> bool:
    """Return whether skills meet the floor and one of the steps, whatever the words of a step ask for besides."""
    return _meets(service.floor, skills) and (
        (service.distress and bool(service.floor)) or any(_meets(step.needs, skills) for step in service.steps))


def _meets(needs: Iterable[tuple[Any, int]], skills: dict[Any, int]) -> bool:
    return all(skills.get(skill, -1) >= level for skill, level in needs)
