"""Can it ever be routed? What `santral check` finds with the engine's own rules: expressions with mistakes, what nobody
in the team can ever meet, pairs of one, topics that are none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from centres.load import SERVICES, Loaded
from centres.problem import Problem
from centres.services import Needs, Service
from centres.shape import guess
from centres.team import Agent
from routing.core.expression import Expression, ExpressionError, fits, parse, skills
from routing.core.ids import SkillId


class _Place(NamedTuple):
    """An expression of a service, and where it stands."""

    where: str
    text: str


def check(loaded: Loaded) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings. Services or agents that could not be read are not judged."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    had = {skill for agent in loaded.agents for skill in agent.skills}
    for service in loaded.services:
        wrong = [one for place in _expressions(loaded, service) for one in _expression(place, had)]
        problems += wrong
        if not wrong and loaded.agents:
            found, doubts = _reach(loaded, service)
            problems, warnings = problems + found, warnings + doubts
    return problems + _pairs(loaded), warnings + _topics(loaded)


def _expressions(loaded: Loaded, service: Service) -> Iterator[_Place]:
    if isinstance(service.floor, str):
        yield _Place(loaded.place(SERVICES, service.id, "floor"), service.floor)
    for index, step in enumerate(service.steps):
        if isinstance(step.needs, str):
            yield _Place(loaded.place(SERVICES, service.id, "steps", index, "needs"), step.needs)


def _expression(place: _Place, had: set[str]) -> list[Problem]:
    try:
        parsed = parse(place.text)
    except ExpressionError as error:
        return [Problem(place.where, f"column {error.column} of the expression: {error.what}",
                        f"{error.mend[:1].upper()}{error.mend[1:]}.\n    {error.text}\n    "
                        f"{' ' * (error.column - 1)}^")]
    unknown = [str(skill) for skill in skills(parsed) if skill not in had] if had else []
    return [Problem(place.where, f"nobody has the skill '{skill}'", guess(skill, had)) for skill in unknown]


def _reach(loaded: Loaded, service: Service) -> tuple[list[Problem], list[Problem]]:
    """Whether anybody who takes calls fits the floor and each step. The last step must be met by somebody."""
    takers = [agent for agent in loaded.agents if _may(loaded, agent, service)]
    floor = _read(service.floor)
    above = [agent for agent in takers if _meets(agent, floor)]
    if not takers or not above:
        why = ("no agent who takes calls may have contacts of" if not takers else
               "no agent who takes calls reaches the floor of")
        return [Problem(loaded.place(SERVICES, service.id, *(("floor",) if takers and service.floor else ())),
                        f"{why} '{service.id}': nobody on duty can ever match",
                        "Lower it, or give somebody the skills and the channel.")], []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for index, step in enumerate(service.steps):
        needs = _read(step.needs)
        if not any(_meets(agent, needs) for agent in above):
            last = index == len(service.steps) - 1
            (problems if last else warnings).append(Problem(
                loaded.place(SERVICES, service.id, "steps", index),
                f"no agent who takes calls fits step {index + 1} of '{service.id}': nobody on duty can ever match",
                "Lower its levels, or raise them in team.yaml." if last else "It is passed at once; take it out."))
    return problems, warnings


def _read(needs: Needs) -> Expression | dict[str, int]:
    return parse(needs) if isinstance(needs, str) else needs


def _meets(agent: Agent, needs: Expression | dict[str, int]) -> bool:
    if isinstance(needs, dict):
        return all(agent.skills.get(skill, -1) >= level for skill, level in needs.items())
    return fits(needs, {SkillId(skill): level for skill, level in agent.skills.items()})


def _may(loaded: Loaded, agent: Agent, service: Service) -> bool:
    own = loaded.accommodations.get(agent.id)
    channels = None if own is None else own.channels
    topics = frozenset() if own is None or own.no_topics is None else own.no_topics
    return (channels is None or "voice" in channels) and service.id not in topics


def _pairs(loaded: Loaded) -> list[Problem]:
    """A pair is two agents: told by key, never by agent."""
    pairs: defaultdict[str, list[str]] = defaultdict(list)
    for agent, own in loaded.accommodations.items():
        if own.pair_id is not None:
            pairs[own.pair_id].append(agent)
    return [Problem(loaded.need(agents[0], "pair_id"), f"a 'pair_id' that {_count(agents)} agents have",
                    "Give it to two agents, or take it out.")
            for agents in pairs.values() if len(agents) != 2]


def _count(agents: Sequence[str]) -> str:
    return "only one of the" if len(agents) == 1 else str(len(agents))


def _topics(loaded: Loaded) -> list[Problem]:
    services = {service.id for service in loaded.services}
    return [Problem(loaded.need(agent, "no_topics"), "a word in 'no_topics' that is the id of no service",
                    "That is fine for a topic that contacts carry; correct it when a service is meant.")
            for agent, own in loaded.accommodations.items()
            if own.no_topics is not None and not own.no_topics <= services]

