"""What a waiting contact asks of an agent, as one value. Contacts that ask for the same wait in one group.

`needs` has the skills of the step, of the floor and of the contact, each skill with the highest of the levels. A
condition of a step or floor that only asks for skills at levels (`psikososyal >= 60 and tr`) is read as needs too.
`where` has the other conditions, all of which must hold. `topics` has the service and the topics of the contact, as far
as the profile of any agent excludes them at all.

The level that ranks an agent is that of the first skill in `needs`. There is one exception: a step that is a condition.
The callers were sent for that condition, so it gives the level (`by_where`) and not the floor under it. Without needs
the first condition gives the level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from routing.core import expression, strategies
from routing.core.errors import RoutingError
from routing.core.ids import SkillId
from routing.core.model import Agent, Centre, Needs, Service, Step

UNRANKED = -1
"""Level of an agent when nothing ranks."""


class ServiceError(RoutingError, ValueError):
    """A service that cannot be routed. `service` and `field` name the place, the cause names the fault and the
    correction."""

    def __init__(self, service: str, field: str, cause: Exception) -> None:
        super().__init__(f"service {service}, {field}: {cause}")
        self.service, self.field = service, field


class Requirement(NamedTuple):
    """A value. Equal requirements share a pool of agents."""

    needs: Needs
    where: tuple[str, ...] = ()
    topics: frozenset[str] = frozenset()
    by_where: bool = False
    """The first condition gives the level, though there are needs."""

    @property
    def ranked(self) -> bool:
        """Return whether something gives a level."""
        return bool(self.needs or self.where)


def asked(service: Service, step: int, needs: Needs = (), topics: frozenset[str] = frozenset(),
          excluded: frozenset[str] = frozenset()) -> Requirement:
    """Return the requirement of a step of this service, with the needs and topics of a contact. `excluded` has
    everything that a profile excludes."""
    wanted: dict[SkillId, int] = {}
    conditions: list[str] = []
    present = service.steps[step]
    for least, where in ((present.needs, present.where), (service.floor, service.floor_where), (needs, "")):
        simple: Needs | None = ()
        if where:
            simple = expression.needs(expression.parse(where))
            if simple is None:
                conditions.append(where)
        for skill, level in (*least, *(simple or ())):
            wanted[skill] = max(level, wanted.get(skill, level))
    found = (topics | {service.id}) & excluded if excluded else excluded
    by_where = bool(wanted and conditions) and not present.needs and conditions[0] == present.where \
        and expression.asks(expression.parse(present.where))
    return Requirement(tuple(wanted.items()), tuple(dict.fromkeys(conditions)), found, by_where)


def level(wanted: Requirement, skills: Mapping[SkillId, int], excluded: frozenset[str] = frozenset()) -> int | None:
    """Return the level that ranks an agent with these skills, or `UNRANKED` if nothing ranks. Return None if the agent
    does not fit. `excluded` has what the profile of the agent excludes. An undefined skill never fits."""
    for skill, least in wanted.needs:
        has = skills.get(skill)
        if has is None or has < least:
            return None
    if wanted.topics and not wanted.topics.isdisjoint(excluded):
        return None
    for where in wanted.where:
        if not expression.fits(expression.parse(where), skills):
            return None
    if wanted.needs and not wanted.by_where:
        return skills[wanted.needs[0][0]]
    return expression.rank(expression.parse(wanted.where[0]), skills) if wanted.where else UNRANKED


def fits(wanted: Requirement, agent: Agent) -> bool:
    """Return whether the agent fits by skills and topics. Channel and capacity are not looked at."""
    return level(wanted, dict(agent.skills), agent.profile.no_topics) is not None


def check(centre: Centre) -> None:
    """Raise `ServiceError` for the first condition that cannot be read, or for an unknown strategy."""
    for service in centre.services:
        fields = [(f"step {number}", step.where) for number, step in enumerate(service.steps, 1)]
        for field, where in (*fields, ("floor", service.floor_where)):
            if where:
                try:
                    expression.parse(where)
                except expression.ExpressionError as error:
                    raise ServiceError(service.id, field, error) from error
        try:
            strategies.named(service.strategy)
        except strategies.UnknownStrategy as error:
            raise ServiceError(service.id, "strategy", error) from error


def excluded_by(agents: Iterable[Agent]) -> frozenset[str]:
    """Return everything that the profile of at least one agent excludes."""
    return frozenset().union(*(agent.profile.no_topics for agent in agents))


def clamp_step(service: Service, step: int) -> int:
    """Return the step after a reload that may have shortened the steps."""
    return min(step, len(service.steps) - 1)


def lasts(service: Service, step: int) -> float | None:
    """Return how long a step lasts, or None if it is the last step or has no limit."""
    steps: tuple[Step, ...] = service.steps
    return steps[step].lasts_s if step + 1 < len(steps) else None
