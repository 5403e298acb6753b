"""Change the engine's values for a surge profile: services that agents of all ordinary services share."""

from __future__ import annotations

from centres.surge import SurgeProfile
from routing.core.model.centre_model import Centre, Step


def apply_profile(centre: Centre, profile: SurgeProfile | None) -> Centre:
    """Return the centre with the shared services of a profile open to the agents of every ordinary service."""
    if profile is None or not profile.shared:
        return centre
    everybody = Step((), None, _any_ordinary(centre))
    return centre._replace(services=tuple(
        one._replace(steps=(everybody,)) if one.id in profile.shared and not one.distress else one
        for one in centre.services))


def _any_ordinary(centre: Centre) -> str:
    """Return the condition of agents who meet the last step of at least one ordinary service."""
    ways = []
    for service in centre.services:
        last = service.steps[-1]
        parts = [f"{skill} >= {level}" for skill, level in last.needs] + ([f"({last.where})"] if last.where else [])
        if not service.distress and parts:
            ways.append(" and ".join(parts))
    return " or ".join(f"({way})" for way in ways)
