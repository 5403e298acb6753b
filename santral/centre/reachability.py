"""Check with the engine's own rules whether agents can ever serve a centre's contacts (`santral check`).

The checks find:

- expressions with mistakes
- skills that no agent has, or that nothing demands
- demands that no agent of the team can ever meet
- hours in which no agent is on call
- keys without effect
- pairs that are not two agents
- unknown topics
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from centres.base_shapes import DAY_MIN, DAYS, HOLIDAY, WORKDAY, Day
from centres.centre_reader import MENU, SERVICES, TEAM, LoadedCentre
from centres.checks.cross_checks import Located, Unsound
from centres.problem import Problem
from centres.services import Needs, Service
from centres.team import Agent
from centres.validation import suggest_word
from ivr.flow import reachability
from ivr.flow.menu_model import MenuFlow, Queue
from ivr.flow.menu_model import Needs as MenuNeeds
from routing.core.agents.agent_capacity import allowed_channels
from routing.core.matching.agent_pool import BY_PHONE
from routing.core.matching.skill_expression import (
    LENGTH_MAX,
    Expression,
    ExpressionError,
    fits_skills,
    named_skills,
    parse_expression,
)
from routing.core.model import centre_model as core
from routing.core.model.centre_model import HEAVY_LOAD
from routing.core.model.ids import SkillId
from routing.core.queueing.abuse_flags import ABUSIVE

WEEK = tuple(Day(date(2001, 1, 1) + timedelta(days=number), kind) for kind in (WORKDAY, HOLIDAY) for number in range(7))
"""Days of each weekday, as workday and as holiday. 1 January 2001 was a Monday."""


class Team(NamedTuple):
    """The team as the files describe it and as the engine sees it."""

    agents: Sequence[tuple[Agent, core.Profile]]
    channels: Mapping[core.Channel, core.ChannelRow]


class _NeedLocation(NamedTuple):
    """Needs of a service with their place in it."""

    needs: Needs
    loc: tuple[int | str, ...]


def check_reachability(loaded: LoadedCentre, team: Team, flow: MenuFlow | None) -> tuple[list[Problem], list[Problem]]:
    """Return problems and warnings of the centre.

    Services or agents that could not be read are not checked, and nothing is checked against them. `flow` is None if
    menu.yaml cannot be used.
    """
    # 1. Check the expressions of services with other mistakes.
    warnings: list[Problem] = []
    had = {skill for agent in loaded.agents for skill in agent.skills} if loaded.team_whole else set()
    problems = [one for item in loaded.unsound for place in _readable_expressions(item)
                for one in _check_expression(item, place, had)]
    # 2. Check each service: expressions, steps, keys.
    for service in loaded.services:
        where = loaded.places[SERVICES, service.id]
        wrong = [one for place in _need_locations(service) for one in _check_expression(where, place, had)]
        problems += wrong
        if not wrong and had:
            found, doubts = _check_steps(loaded, service, team)
            problems, warnings = problems + found, warnings + doubts
        warnings += _useless_keys(loaded, service)
    # 3. Check the menu. Its needs are checked only if the services are good, because they build on them.
    needed = reachability.needs_by_queue(flow) if flow is not None else frozenset()
    if had and loaded.services_whole and flow is not None:
        warnings += _unasked_skills(loaded, {skill for _, needs in needed for skill, _ in needs})
    if had and flow is not None and not problems:
        found, doubts = _check_menu_needs(loaded, team, flow, needed)
        problems, warnings = problems + found, warnings + doubts
    # 4. Check pairs and topics.
    return problems + _check_pairs(loaded), warnings + _check_topics(loaded, flow)


# -- skills ------------------------------------------------------------------------------------------------------------


def _need_locations(service: Service) -> Iterator[_NeedLocation]:
    yield _NeedLocation(service.floor, ("floor",))
    for index, step in enumerate(service.steps):
        yield _NeedLocation(step.needs, ("steps", index, "needs"))


def _readable_expressions(item: Unsound) -> Iterator[_NeedLocation]:
    """Yield the expressions of a service with other mistakes, so that all mistakes are reported at once.

    An expression of invalid length is left out, because its length was reported.
    """
    steps = item.keys.get("steps")
    places: list[tuple[object, tuple[int | str, ...]]] = [(item.keys.get("floor"), ("floor",))]
    places += [(step.get("needs"), ("steps", index, "needs"))
               for index, step in enumerate(steps if isinstance(steps, list) else ()) if isinstance(step, Mapping)]
    for needs, loc in places:
        if isinstance(needs, str) and 0 < len(needs) <= LENGTH_MAX:
            yield _NeedLocation(needs, loc)


def _check_expression(item: Located, place: _NeedLocation, had: set[str]) -> list[Problem]:
    """Return mistakes in one expression of a service, and skills that no agent has."""
    try:
        named = _named_skills(place.needs)
    except ExpressionError as error:
        return [Problem(item.where(*place.loc),
                        f"column {error.column} of the expression: {error.what}",
                        f"{error.mend[:1].upper()}{error.mend[1:]}.\n    {error.text}\n    "
                        f"{' ' * (error.column - 1)}^")]
    return [Problem(item.where(*place.loc, skill), f"nobody has the skill '{skill}'",
                    suggest_word(skill, had))
            for skill in named if had and skill not in had]


def _named_skills(needs: Needs) -> list[str]:
    return sorted(named_skills(parse_expression(needs))) if isinstance(needs, str) else list(needs)


def _unasked_skills(loaded: LoadedCentre, asked: set[str]) -> list[Problem]:
    """Return skills of agents that neither a service nor the menu (`asked`) needs, each at its first place."""
    for service in loaded.services:
        for place in _need_locations(service):
            try:
                asked.update(_named_skills(place.needs))
            except ExpressionError:
                # The needs of this service are unknown, so no skill can be called unused.
                return []
    seen: set[str] = set()
    found = []
    for agent in loaded.agents:
        for skill in agent.skills:
            if skill not in asked and skill not in seen:
                seen.add(skill)
                found.append(Problem(loaded.location_of(TEAM, agent.id, "skills", skill),
                                     f"no service asks for the skill '{skill}'", suggest_word(skill, asked)))
    return found


# -- who can take it ---------------------------------------------------------------------------------------------------


def _check_steps(loaded: LoadedCentre, service: Service, team: Team) -> tuple[list[Problem], list[Problem]]:
    """Check that agents who take calls fit the floor and each step. At least one agent must meet the last step."""
    # 1. Find the agents who may take the service and reach its floor.
    takers = [(agent, profile) for agent, profile in team.agents if _may_take(profile, service, team)]
    floor = _parse_needs(service.floor)
    above = [(agent, profile) for agent, profile in takers if _meets_needs(agent, floor)]
    if not takers:
        return [Problem(loaded.location_of(SERVICES, service.id),
                        f"no agent may have calls of '{service.id}': nobody on duty can ever match",
                        "Leave voice in the channels, room for a call in the capacity, and the service out of "
                        "'no_topics', for somebody at least.")], []
    if not above:
        return [Problem(loaded.location_of(SERVICES, service.id, "floor"),
                        f"no agent who takes calls reaches the floor of '{service.id}': nobody on duty can ever match",
                        "Lower it, or give somebody the skills and the channel.")], []
    # 2. Check each step. Only the last one must have an agent, because the engine skips an earlier one.
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for index, step in enumerate(service.steps):
        last = index == len(service.steps) - 1
        fitting = [(agent, profile) for agent, profile in above if _meets_needs(agent, _parse_needs(step.needs))]
        if not fitting:
            (problems if last else warnings).append(Problem(
                loaded.location_of(SERVICES, service.id, "steps", index),
                f"no agent who takes calls fits step {index + 1} of '{service.id}'"
                f"{' and its floor' if service.floor else ''}: nobody on duty can ever match",
                "Lower its levels, or raise them in team.yaml." if last else "It is passed at once; take it out."))
        elif last:
            warnings += _uncovered_minutes(loaded, service, [agent for agent, _ in fitting])
            if _all_decline_abusive(service, fitting):
                warnings.append(_abuse_problem(loaded.location_of(SERVICES, service.id), f"'{service.id}'"))
    return problems, warnings


def _all_decline_abusive(service: Service, takers: Sequence[tuple[Agent, core.Profile]]) -> bool:
    """Return whether no agent of these would take a caller with an abuse flag."""
    # Callers of an anonymous service have no history.
    return (service.privacy != "anonymous"
            and bool(takers) and all(ABUSIVE in profile.no_topics for _, profile in takers))


def _abuse_problem(where: str, whom: str) -> Problem:
    return Problem(where, f"every agent of {whom} excludes abusive callers: they would wait for ever",
                   "Agree with an agent who can take them. If [profile] excludes them for all agents, write "
                   "'no_abusive_history: false' in that agent's entry.")


def _check_menu_needs(loaded: LoadedCentre, team: Team, flow: MenuFlow,
                      needed: Collection[tuple[str, MenuNeeds]]) -> tuple[list[Problem], list[Problem]]:
    """Check that an agent of the service meets additional needs of the menu, such as a language.

    Distress callers should not wait for such a need.
    """
    services = {service.id: service for service in loaded.services}
    problems, warnings = [], []
    for name, needs in sorted(needed):
        # 1. Find the node and its needs.
        service = services.get(flow.queue_node(name).service)
        if service is None or loaded.menu is None:
            continue
        about, wanted = flow.queue_node(name).topics, dict(needs)
        lines = loaded.menu["nodes"][name].lines
        where = f"{MENU}:{lines['queue']}"
        asked = ", ".join(f"{skill} {level}" for skill, level in needs)
        # 2. A distress caller with needs waits longer than necessary.
        if needs and service.distress:
            warnings.append(Problem(where, f"callers of '{service.id}', which is for distress, may wait for an agent "
                                    f"with {asked}, and no other agent may answer",
                                    "Lead them there without 'needs': a person who answers can find another."))
        # 3. Find the agents of the service, then those who take the topics, then those who meet the needs.
        takers = [(agent, profile) for agent, profile in team.agents if _may_take(profile, service, team)
                  and all(_meets_needs(agent, _parse_needs(one)) for one in (service.floor, service.steps[-1].needs))]
        unspared = [(agent, profile) for agent, profile in takers if profile.no_topics.isdisjoint(about)]
        if about and not unspared:
            found = Problem(f"{MENU}:{lines['topics']}",
                            f"every agent of '{service.id}' excludes a topic of node '{name}': its callers would wait "
                            "for ever", "Give the service to an agent who may have it, or take the topic out.")
            # Callers may reach the node with several sets of needs.
            if found not in problems:
                problems.append(found)
        left = [(agent, profile) for agent, profile in unspared if _meets_needs(agent, wanted)]
        if needs and not any(_meets_needs(agent, wanted) for agent, _ in takers):
            problems.append(Problem(where, f"no agent who takes calls of '{service.id}' has {asked}, which callers of "
                                    f"node '{name}' may need: they would wait for ever",
                                    "Give it to an agent of the service in team.yaml, or lead them to another one."))
        elif unspared and not left:
            problems.append(Problem(where, f"every agent of '{service.id}' who has {asked}, which callers of node "
                                    f"'{name}' may need, excludes a topic of it: they would wait for ever",
                                    "Give it to an agent who may have the topic, or take the topic out."))
        # If all agents of the service decline abusive callers, the check of the service has reported it.
        elif _all_decline_abusive(service, left) and not _all_decline_abusive(service, takers):
            whom = f"callers of node '{name}'{f' who need {asked}' if asked else ''} may have"
            warnings.append(_abuse_problem(where, f"'{service.id}' whom {whom}"))
    return problems, warnings


def _parse_needs(needs: Needs) -> Expression | dict[str, int]:
    return parse_expression(needs) if isinstance(needs, str) else needs


def _meets_needs(agent: Agent, needs: Expression | dict[str, int]) -> bool:
    if isinstance(needs, dict):
        return all(agent.skills.get(skill, -1) >= level for skill, level in needs.items())
    return fits_skills(needs, {SkillId(skill): level for skill, level in agent.skills.items()})


def _may_take(profile: core.Profile, service: Service, team: Team) -> bool:
    """Return whether an agent may take the service, by the engine's own rules for profiles."""
    return bool(allowed_channels(profile, team.channels) & BY_PHONE) and service.id not in profile.no_topics


def _uncovered_minutes(loaded: LoadedCentre, service: Service, fitting: Sequence[Agent]) -> list[Problem]:
    """Return a gap in the on-call times of a service that only remote counsellors can take."""
    rosters = [agent.on_call for agent in fitting if agent.on_call is not None]
    if len(rosters) < len(fitting):
        # An agent at a seat can sign in at any time.
        return []
    for day in WEEK:
        for minute in range(DAY_MIN):
            if _is_open(loaded, service, day, minute) and not any(one.is_within(day, minute) for one in rosters):
                when = f"on {DAYS[day.date.weekday()]}" if day.kind == WORKDAY else "on a holiday"
                return [Problem(loaded.location_of(SERVICES, service.id),
                                f"only remote counsellors can take '{service.id}', and {when} at "
                                f"{minute // 60:02}:{minute % 60:02} none of them is on call",
                                "Close the gap in 'on_call', or give the service its own hours.")]
    return []


def _is_open(loaded: LoadedCentre, service: Service, day: Day, minute: int) -> bool:
    if service.hours is not None:
        return service.hours.is_within(day, minute)
    return service.distress or loaded.settings is None or loaded.settings.hours.is_within(day, minute)


# -- keys that do nothing ----------------------------------------------------------------------------------------------


def _useless_keys(loaded: LoadedCentre, service: Service) -> list[Problem]:
    found = []

    def add_problem(key: str, why: str, mend: str) -> None:
        found.append(Problem(loaded.location_of(SERVICES, service.id, key), f"'{key}' does nothing: {why}", mend))

    if service.ceiling_s is not None and service.load_of_contact < HEAVY_LOAD:
        add_problem("ceiling_s", f"limits of the load hold only from 'load' {HEAVY_LOAD} on",
                    "Set 'load', or take it out.")
    if service.preferred_s and service.privacy == "anonymous":
        add_problem("preferred_s", "nobody knows the callers of an anonymous service again", "Take it out.")
    # Callers who would wait in vain must hear of a way out.
    if not service.distress and service.when_nobody is None:
        found.append(Problem(loaded.location_of(SERVICES, service.id),
                             f"'{service.id}' has no way out: while nobody is there its callers wait for nobody",
                             "Add when_nobody: {to: callback}, message, goodbye or another service."))
    return found


# -- needs of agents: reported by key, never by agent ------------------------------------------------------------------


def _check_pairs(loaded: LoadedCentre) -> list[Problem]:
    """Return problems with pairs. A pair is two agents, so a default for all agents makes none."""
    if loaded.settings is not None and loaded.settings.profile.pair_id is not None:
        return [Problem(loaded.where("profile", "pair_id"), "a 'pair_id' in the defaults of all agents",
                        "Give it to two agents in accommodations.yaml.")]
    pairs: defaultdict[str, list[str]] = defaultdict(list)
    for agent, own in loaded.accommodations.items():
        if own.pair_id is not None:
            pairs[own.pair_id].append(agent)
    return [Problem(loaded.location_of_need(agents[0], "pair_id"), f"a 'pair_id' that {_describe_count(agents)}",
                    "Give it to two agents, or take it out.")
            for agents in pairs.values() if len(agents) != 2]


def _describe_count(agents: Sequence[str]) -> str:
    return "only one agent has" if len(agents) == 1 else f"{len(agents)} agents have"


def _check_topics(loaded: LoadedCentre, flow: MenuFlow | None) -> list[Problem]:
    if flow is None:
        return []
    known = {ABUSIVE} | {service.id for service in loaded.services} | {
        topic for node in flow.nodes.values() if isinstance(node, Queue) for topic in node.topics}
    return [Problem(loaded.location_of_need(agent, "no_topics"),
                    "a word in 'no_topics' that is neither the id of a service nor a topic of menu.yaml",
                    "No call has it, so it has no effect: correct it, or name it at 'topics' of a queue.")
            for agent, own in loaded.accommodations.items()
            if own.no_topics is not None and not own.no_topics <= known]
