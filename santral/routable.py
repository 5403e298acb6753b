"""Can it ever be routed? What `santral check` finds with the engine's own rules: expressions with mistakes, skills that
nobody has or that nothing asks for, what nobody in the team can ever meet, hours in which nobody is on call, keys that
do nothing, pairs of one, topics that are none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from centres.cross import Place, Unsound
from centres.load import MENU, SERVICES, TEAM, Loaded
from centres.model import DAY_MIN, DAYS, HOLIDAY, WORKDAY, Day
from centres.problem import Problem
from centres.services import Needs, Service
from centres.shape import guess
from centres.team import Agent
from ivr.flow import walk
from ivr.flow.model import Flow, Queue
from ivr.flow.model import Needs as MenuNeeds
from routing.core import model as core
from routing.core.abuse import ABUSIVE
from routing.core.capacity import BY_PHONE, allowed
from routing.core.expression import LENGTH_MAX, Expression, ExpressionError, fits, parse, skills
from routing.core.ids import SkillId
from routing.core.pool import HEAVY

WEEK = tuple(Day(date(2001, 1, 1) + timedelta(days=number), kind) for kind in (WORKDAY, HOLIDAY) for number in range(7))
"""Days of every name, of both kinds: 1 January 2001 was a Monday."""


class Team(NamedTuple):
    """Who answers, as the files say and as the engine sees them."""

    agents: Sequence[tuple[Agent, core.Profile]]
    channels: Mapping[core.Channel, core.ChannelRow]


class _Place(NamedTuple):
    """What a service asks for, and where in it."""

    needs: Needs
    loc: tuple[int | str, ...]


def check(loaded: Loaded, team: Team, flow: Flow | None) -> tuple[list[Problem], list[Problem]]:
    """Problems and warnings. Services or agents that could not be read are not judged, nor is one by the other then;
    `flow` is None when menu.yaml cannot be used."""
    warnings: list[Problem] = []
    had = {skill for agent in loaded.agents for skill in agent.skills} if loaded.team_whole else set()
    problems = [one for item in loaded.unsound for place in _expressions(item) for one in _wrong(item, place, had)]
    for service in loaded.services:
        where = loaded.places[SERVICES, service.id]
        wrong = [one for place in _places(service) for one in _wrong(where, place, had)]
        problems += wrong
        if not wrong and had:
            found, doubts = _reach(loaded, service, team)
            problems, warnings = problems + found, warnings + doubts
        warnings += _idle_keys(loaded, service)
    needed = walk.needed(flow) if flow is not None else frozenset()
    if had and loaded.services_whole and flow is not None:
        warnings += _unasked(loaded, {skill for _, needs in needed for skill, _ in needs})
    if had and flow is not None and not problems:
        found, doubts = _needed(loaded, team, flow, needed)
        problems, warnings = problems + found, warnings + doubts
    return problems + _pairs(loaded), warnings + _topics(loaded, flow)


# -- skills ------------------------------------------------------------------------------------------------------------


def _places(service: Service) -> Iterator[_Place]:
    yield _Place(service.floor, ("floor",))
    for index, step in enumerate(service.steps):
        yield _Place(step.needs, ("steps", index, "needs"))


def _expressions(item: Unsound) -> Iterator[_Place]:
    """The expressions of a service with other mistakes, which do not hide theirs. One of a length that is a mistake by
    itself has been told."""
    steps = item.keys.get("steps")
    places: list[tuple[object, tuple[int | str, ...]]] = [(item.keys.get("floor"), ("floor",))]
    places += [(step.get("needs"), ("steps", index, "needs"))
               for index, step in enumerate(steps if isinstance(steps, list) else ()) if isinstance(step, Mapping)]
    for needs, loc in places:
        if isinstance(needs, str) and 0 < len(needs) <= LENGTH_MAX:
            yield _Place(needs, loc)


def _wrong(item: Place, place: _Place, had: set[str]) -> list[Problem]:
    """Mistakes in one expression of a service, and skills that nobody has."""
    try:
        named = _named(place.needs)
    except ExpressionError as error:
        return [Problem(item.where(*place.loc),
                        f"column {error.column} of the expression: {error.what}",
                        f"{error.mend[:1].upper()}{error.mend[1:]}.\n    {error.text}\n    "
                        f"{' ' * (error.column - 1)}^")]
    return [Problem(item.where(*place.loc, skill), f"nobody has the skill '{skill}'",
                    guess(skill, had))
            for skill in named if had and skill not in had]


def _named(needs: Needs) -> list[str]:
    return sorted(skills(parse(needs))) if isinstance(needs, str) else list(needs)


def _unasked(loaded: Loaded, asked: set[str]) -> list[Problem]:
    """Skills of agents that no service asks for, nor the menu (`asked`): each once, where it stands first."""
    for service in loaded.services:
        for place in _places(service):
            try:
                asked.update(_named(place.needs))
            except ExpressionError:
                return []  # what it asks for is not known
    seen: set[str] = set()
    found = []
    for agent in loaded.agents:
        for skill in agent.skills:
            if skill not in asked and skill not in seen:
                seen.add(skill)
                found.append(Problem(loaded.place(TEAM, agent.id, "skills", skill),
                                     f"no service asks for the skill '{skill}'", guess(skill, asked)))
    return found


# -- who can take it ---------------------------------------------------------------------------------------------------


def _reach(loaded: Loaded, service: Service, team: Team) -> tuple[list[Problem], list[Problem]]:
    """Whether anybody who takes calls fits the floor and each step. The last step must be met by somebody."""
    takers = [(agent, profile) for agent, profile in team.agents if _may(profile, service, team)]
    floor = _read(service.floor)
    above = [(agent, profile) for agent, profile in takers if _meets(agent, floor)]
    if not takers:
        return [Problem(loaded.place(SERVICES, service.id),
                        f"no agent may have calls of '{service.id}': nobody on duty can ever match",
                        "Leave voice in the channels, room for a call in the capacity, and the service out of "
                        "'no_topics', for somebody at least.")], []
    if not above:
        return [Problem(loaded.place(SERVICES, service.id, "floor"),
                        f"no agent who takes calls reaches the floor of '{service.id}': nobody on duty can ever match",
                        "Lower it, or give somebody the skills and the channel.")], []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for index, step in enumerate(service.steps):
        last = index == len(service.steps) - 1
        fitting = [(agent, profile) for agent, profile in above if _meets(agent, _read(step.needs))]
        if not fitting:
            (problems if last else warnings).append(Problem(
                loaded.place(SERVICES, service.id, "steps", index),
                f"no agent who takes calls fits step {index + 1} of '{service.id}'"
                f"{' and its floor' if service.floor else ''}: nobody on duty can ever match",
                "Lower its levels, or raise them in team.yaml." if last else "It is passed at once; take it out."))
        elif last:
            warnings += _off_call(loaded, service, [agent for agent, _ in fitting])
            if _all_spared(service, fitting):
                warnings.append(_abused(loaded.place(SERVICES, service.id), f"'{service.id}'"))
    return problems, warnings


def _all_spared(service: Service, takers: Sequence[tuple[Agent, core.Profile]]) -> bool:
    """Whether a caller of whom an agent has said that they were abusive finds nobody among these."""
    return (service.privacy != "anonymous"  # nobody is known again there
            and bool(takers) and all(ABUSIVE in profile.no_topics for _, profile in takers))


def _abused(where: str, whom: str) -> Problem:
    return Problem(where, f"every agent of {whom} is spared callers who were abusive: they would wait for ever",
                   "Agree with somebody who can have them; of what [profile] spares everybody their own entry says "
                   "'no_abusive_history: false'.")


def _needed(loaded: Loaded, team: Team, flow: Flow,
            needed: Collection[tuple[str, MenuNeeds]]) -> tuple[list[Problem], list[Problem]]:
    """What the menu asks for besides, such as a language: somebody who fits the service has it. Distress should not
    wait for it."""
    services = {service.id: service for service in loaded.services}
    problems, warnings = [], []
    for name, needs in sorted(needed):
        service = services.get(flow.queue(name).service)
        if service is None or loaded.menu is None:
            continue
        about, wanted = flow.queue(name).topics, dict(needs)
        lines = loaded.menu["nodes"][name].lines
        where = f"{MENU}:{lines['queue']}"
        asked = ", ".join(f"{skill} {level}" for skill, level in needs)
        if needs and service.distress:
            warnings.append(Problem(where, f"callers of '{service.id}', which is for distress, may wait for somebody "
                                    f"with {asked}, and nobody else may answer",
                                    "Lead them there without 'needs': a person who answers can find another."))
        takers = [(agent, profile) for agent, profile in team.agents if _may(profile, service, team)
                  and all(_meets(agent, _read(one)) for one in (service.floor, service.steps[-1].needs))]
        unspared = [(agent, profile) for agent, profile in takers if profile.no_topics.isdisjoint(about)]
        if about and not unspared:
            found = Problem(f"{MENU}:{lines['topics']}",
                            f"every agent of '{service.id}' is spared a topic of node '{name}': its callers would wait "
                            "for ever", "Give the service to somebody who may have it, or take the topic out.")
            if found not in problems:  # callers come to the node with other needs, too
                problems.append(found)
        left = [(agent, profile) for agent, profile in unspared if _meets(agent, wanted)]
        if needs and not any(_meets(agent, wanted) for agent, _ in takers):
            problems.append(Problem(where, f"no agent who takes calls of '{service.id}' has {asked}, which callers of "
                                    f"node '{name}' may need: they would wait for ever",
                                    "Give it to somebody of the service in team.yaml, or lead them to another one."))
        elif unspared and not left:
            problems.append(Problem(where, f"every agent of '{service.id}' who has {asked}, which callers of node "
                                    f"'{name}' may need, is spared a topic of it: they would wait for ever",
                                    "Give it to somebody who may have the topic, or take the topic out."))
        elif _all_spared(service, left) and not _all_spared(service, takers):  # else it has been told of the service
            whom = f"callers of node '{name}'{f' who need {asked}' if asked else ''} may have"
            warnings.append(_abused(where, f"'{service.id}' whom {whom}"))
    return problems, warnings


def _read(needs: Needs) -> Expression | dict[str, int]:
    return parse(needs) if isinstance(needs, str) else needs


def _meets(agent: Agent, needs: Expression | dict[str, int]) -> bool:
    if isinstance(needs, dict):
        return all(agent.skills.get(skill, -1) >= level for skill, level in needs.items())
    return fits(needs, {SkillId(skill): level for skill, level in agent.skills.items()})


def _may(profile: core.Profile, service: Service, team: Team) -> bool:
    """By what holds for everybody and what the agent needs, the engine's own way."""
    return bool(allowed(profile, team.channels) & BY_PHONE) and service.id not in profile.no_topics


def _off_call(loaded: Loaded, service: Service, fitting: Sequence[Agent]) -> list[Problem]:
    """A service that only remote counsellors can take: one must be on call at every minute at which it is open."""
    rosters = [agent.on_call for agent in fitting if agent.on_call is not None]
    if len(rosters) < len(fitting):
        return []  # who sits at a seat signs in as they like
    for day in WEEK:
        for minute in range(DAY_MIN):
            if _open(loaded, service, day, minute) and not any(one.within(day, minute) for one in rosters):
                when = f"on {DAYS[day.date.weekday()]}" if day.kind == WORKDAY else "on a holiday"
                return [Problem(loaded.place(SERVICES, service.id),
                                f"only remote counsellors can take '{service.id}', and {when} at "
                                f"{minute // 60:02}:{minute % 60:02} none of them is on call",
                                "Close the gap in 'on_call', or give the service hours of its own.")]
    return []


def _open(loaded: Loaded, service: Service, day: Day, minute: int) -> bool:
    if service.hours is not None:
        return service.hours.within(day, minute)
    return service.distress or loaded.settings is None or loaded.settings.hours.within(day, minute)


# -- keys that do nothing ----------------------------------------------------------------------------------------------


def _idle_keys(loaded: Loaded, service: Service) -> list[Problem]:
    found = []

    def note(key: str, why: str, mend: str) -> None:
        found.append(Problem(loaded.place(SERVICES, service.id, key), f"'{key}' does nothing: {why}", mend))

    if service.ceiling_s is not None and service.load < HEAVY:
        note("ceiling_s", f"limits of the load hold only from 'load' {HEAVY} on", "Set 'load', or take it out.")
    if service.preferred_s and service.privacy == "anonymous":
        note("preferred_s", "nobody knows the callers of an anonymous service again", "Take it out.")
    if service.overflow_to is not None and service.overflow_s is None and service.max_waiting is None \
            and service.hours is None:
        note("overflow_to", "the service is never left, full or closed",
             "Set 'overflow_s', 'max_waiting' or 'hours', or take it out.")
    return found


# -- what agents need: told by key, never by agent ---------------------------------------------------------------------


def _pairs(loaded: Loaded) -> list[Problem]:
    """A pair is two agents. What holds for everybody makes none."""
    if loaded.settings is not None and loaded.settings.profile.pair_id is not None:
        return [Problem(loaded.where("profile", "pair_id"), "a 'pair_id' that everybody has",
                        "Give it to two agents in accommodations.yaml.")]
    pairs: defaultdict[str, list[str]] = defaultdict(list)
    for agent, own in loaded.accommodations.items():
        if own.pair_id is not None:
            pairs[own.pair_id].append(agent)
    return [Problem(loaded.need(agents[0], "pair_id"), f"a 'pair_id' that {_count(agents)}",
                    "Give it to two agents, or take it out.")
            for agents in pairs.values() if len(agents) != 2]


def _count(agents: Sequence[str]) -> str:
    return "only one agent has" if len(agents) == 1 else f"{len(agents)} agents have"


def _topics(loaded: Loaded, flow: Flow | None) -> list[Problem]:
    if flow is None:
        return []
    known = {ABUSIVE} | {service.id for service in loaded.services} | {
        topic for node in flow.nodes.values() if isinstance(node, Queue) for topic in node.topics}
    return [Problem(loaded.need(agent, "no_topics"),
                    "a word in 'no_topics' that is the id of no service, and no topic of menu.yaml",
                    "Calls do not carry it, so it keeps none away: correct it, or name it at 'topics' of a queue.")
            for agent, own in loaded.accommodations.items()
            if own.no_topics is not None and not own.no_topics <= known]
