"""Change the engine's values for a surge profile: services that agents of all ordinary services share.

Counsellors in reserve are left out: somebody in distress would wait while a counsellor talks with another caller.
"""

from __future__ import annotations

from collections.abc import Mapping

from centres.surge import SurgeProfile
from routing.core.model.centre_model import Centre, Needs, Step


def apply_profile(centre: Centre, profile: SurgeProfile | None) -> Centre:
    """Return the centre with the shared services of a profile open to the agents of every ordinary service."""
    if profile is None or not profile.shared:
        return centre
    everybody = Step((), None, _any_ordinary(centre, profile.reserve))
    return centre._replace(services=tuple(
        one._replace(steps=(everybody,)) if one.id in profile.shared and not one.distress else one
        for one in centre.services))


def _any_ordinary(centre: Centre, reserve: Mapping[str, int]) -> str:
    """Return the condition of agents who meet the last step of an ordinary service and are not in reserve."""
    ways = []
    for service in centre.services:
        way = _levels(service.steps[-1].needs, service.steps[-1].where)
        if not service.distress and way:
            ways.append(way)
    floors = [_levels(service.floor, service.floor_where) for service in centre.services if service.distress]
    if reserve:
        floors = [" and ".join(f"{skill} >= {level}" for skill, level in reserve.items())]
    return " and ".join([f"({' or '.join(f'({way})' for way in ways)})", *(f"not ({one})" for one in floors if one)])


def _levels(needs: Needs, where: str) -> str:
    return " and ".join([f"{skill} >= {level}" for skill, level in needs] + ([f"({where})"] if where else []))
