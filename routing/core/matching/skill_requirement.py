"""Hold the requirement of a waiting contact as one value. Contacts that ask for the same wait in one group.

`needs` has the skills of the step, of the floor and of the contact. Each skill has the highest of the levels. A
condition that only asks for skills at levels (`psikososyal >= 60 and tr`) is read as needs too. `where` has the other
conditions, all of which must hold. `topics` has the service and the topics of the contact. Topics that the profile of
no agent excludes are left out.

The level that ranks an agent is that of the first skill in `needs`. There is one exception: a step that is a condition.
The callers were sent for that condition, so it gives the level (`by_where`) and not the floor under it. Without needs
the first condition gives the level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from routing.core.matching import skill_expression, strategies
from routing.core.model.centre_model import Agent, Centre, Needs, Service, Step
from routing.core.model.errors import RoutingError
from routing.core.model.ids import SkillId

UNRANKED = -1
"""Level of an agent when nothing ranks."""


class ServiceError(RoutingError, ValueError):
    """A service that cannot be routed.

    `service` and `field` name the place. The cause names the fault and the correction.
    """

    def __init__(self, service: str, field: str, cause: Exception) -> None:
        super().__init__(f"service {service}, {field}: {cause}")
        self.service, self.field = service, field


class Requirement(NamedTuple):
    """The requirement as a value. Equal requirements share a pool of agents."""

    needs: Needs
    where: tuple[str, ...] = ()
    topics: frozenset[str] = frozenset()
    by_where: bool = False
    """Whether the first condition gives the level, though there are needs."""

    @property
    def ranked(self) -> bool:
        """Return whether something gives a level."""
        return bool(self.needs or self.where)


def build_requirement(service: Service, step: int, needs: Needs = (), topics: frozenset[str] = frozenset(),
                      excluded: frozenset[str] = frozenset()) -> Requirement:
    """Return the requirement of a step of this service, with the needs and topics of a contact.

    `excluded` has everything that a profile excludes.
    """
    wanted: dict[SkillId, int] = {}
    conditions: list[str] = []
    present = service.steps[step]
    # 1. Needs of the step, the floor and the contact. The step comes first, because its first skill ranks.
    for least, where in ((present.needs, present.where), (service.floor, service.floor_where), (needs, "")):
        simple: Needs | None = ()
        if where:
            simple = skill_expression.as_needs(skill_expression.parse_expression(where))
            if simple is None:
                conditions.append(where)
        for skill, level in (*least, *(simple or ())):
            wanted[skill] = max(level, wanted.get(skill, level))
    # 2. Topics. Those that no profile excludes would only split groups.
    found = (topics | {service.id}) & excluded if excluded else excluded
    # 3. The rank. A step that is only a condition ranks by that condition, and not by a skill of the floor.
    by_where = bool(wanted and conditions) and not present.needs and conditions[0] == present.where \
        and skill_expression.asks_level(skill_expression.parse_expression(present.where))
    return Requirement(tuple(wanted.items()), tuple(dict.fromkeys(conditions)), found, by_where)


def build_fit(service: Service, needs: Needs = (), topics: frozenset[str] = frozenset(),
              excluded: frozenset[str] = frozenset()) -> Requirement:
    """Return what an agent must meet for a contact of a distress service: floor, needs and topics.

    Without a floor the last step is the floor.
    """
    if service.floor or service.floor_where:
        service = service._replace(steps=(Step(()),))
    return build_requirement(service, len(service.steps) - 1, needs, topics, excluded)


def level_of(wanted: Requirement, skills: Mapping[SkillId, int], excluded: frozenset[str] = frozenset()) -> int | None:
    """Return the level that ranks an agent with these skills, or `UNRANKED` if nothing ranks.

    Return None if the agent does not fit. `excluded` has everything that the profile of the agent excludes. An
    undefined skill never fits.
    """
    for skill, least in wanted.needs:
        has = skills.get(skill)
        if has is None or has < least:
            return None
    if wanted.topics and not wanted.topics.isdisjoint(excluded):
        return None
    # Parsing is remembered, so the same text costs nothing here.
    for where in wanted.where:
        if not skill_expression.fits_skills(skill_expression.parse_expression(where), skills):
            return None
    if wanted.needs and not wanted.by_where:
        return skills[wanted.needs[0][0]]
    return skill_expression.ranking_level(skill_expression.parse_expression(wanted.where[0]), skills) if wanted.where \
        else UNRANKED


def fits_agent(wanted: Requirement, agent: Agent) -> bool:
    """Return whether the agent fits by skills and topics. Channel and capacity are not looked at."""
    return level_of(wanted, dict(agent.skills), agent.profile.no_topics) is not None


def check_centre(centre: Centre) -> None:
    """Raise `ServiceError` for the first condition that cannot be read, or for an unknown strategy."""
    for service in centre.services:
        fields = [(f"step {number}", step.where) for number, step in enumerate(service.steps, 1)]
        for field, where in (*fields, ("floor", service.floor_where)):
            if where:
                try:
                    skill_expression.parse_expression(where)
                except skill_expression.ExpressionError as error:
                    raise ServiceError(service.id, field, error) from error
        try:
            strategies.find_strategy(service.strategy)
        except strategies.UnknownStrategy as error:
            raise ServiceError(service.id, "strategy", error) from error


def asked_skills(service: Service) -> tuple[SkillId, ...]:
    """Return the names of all skills in the steps and the floor of a service, in alphabetical order."""
    found: set[SkillId] = set()
    for needs, where in (*((step.needs, step.where) for step in service.steps), (service.floor, service.floor_where)):
        found.update(skill for skill, _ in needs)
        if where:
            found |= skill_expression.named_skills(skill_expression.parse_expression(where))
    return tuple(sorted(found))


def find_unqualified(services: Iterable[Service], configured: Agent, wanted: Needs) -> SkillId | None:
    """Return the first wanted skill that only a configured agent may have at this level, or None.

    The floor of a distress service asks for a qualification. Without a floor the last step is the floor.
    """
    levels = dict(configured.skills)
    raised = {skill for skill, level in wanted if level > levels.get(skill, -1)}
    for service in services if raised else ():
        if not service.distress:
            continue
        floor = build_fit(service)
        named = {skill for skill, _ in floor.needs}.union(
            *(skill_expression.named_skills(skill_expression.parse_expression(where)) for where in floor.where))
        if found := sorted(raised & named):
            return found[0]
    return None


def excluded_by(agents: Iterable[Agent]) -> frozenset[str]:
    """Return everything that the profile of at least one agent excludes."""
    return frozenset().union(*(agent.profile.no_topics for agent in agents))


def clamp_step(service: Service, step: int) -> int:
    """Return the step after a reload that may have shortened the steps."""
    return min(step, len(service.steps) - 1)


def step_duration_s(service: Service, step: int) -> float | None:
    """Return how long a step lasts, or None if it is the last step or has no limit.

    Steps of a distress service only rank agents, so none of them ends.
    """
    if service.distress:
        return None
    steps: tuple[Step, ...] = service.steps
    return steps[step].lasts_s if step + 1 < len(steps) else None
