"""A centre of names only: services, and teams of a given size, for projections under test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId


def named(services: Iterable[str] = (), teams: Mapping[str, int] | None = None,
           profiles: Mapping[str, Profile] | None = None) -> Centre:
    """Return a centre whose agents are called `<team><number>`. `profiles` are those of some agents; the others have
    the usual one."""
    given = profiles or {}
    return Centre(
        tuple(Service(ServiceId(one), one, (Step(()),)) for one in services),
        tuple(Agent(AgentId(f"{team}{number}"), (), given.get(f"{team}{number}", Profile()), team)
              for team, size in (teams or {}).items() for number in range(size)))
