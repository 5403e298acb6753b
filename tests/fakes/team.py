"""A centre of names only: services, and teams of so many agents, for projections under test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from routing.core.ids import AgentId, ServiceId
from routing.core.model import Agent, Centre, Profile, Service, Step


def named(services: Iterable[str] = (), teams: Mapping[str, int] | None = None,
           profiles: Mapping[str, Profile] | None = None) -> Centre:
    """Agents are called `<team><number>`; `profiles` are those of some of them, the others have the usual one."""
    given = profiles or {}
    return Centre(
        tuple(Service(ServiceId(one), one, (Step(()),)) for one in services),
        tuple(Agent(AgentId(f"{team}{number}"), (), given.get(f"{team}{number}", Profile()), team)
              for team, size in (teams or {}).items() for number in range(size)))
