"""Check the distress services of a centre: their way out, whom `keep_free` keeps, and what limits carry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from centres.centre_reader import SERVICES, LoadedCentre
from centres.problem import Problem
from routing.core.matching import skill_requirement
from routing.core.matching.reserve import count_kept
from routing.core.model.centre_model import HEAVY_LOAD, Agent, Centre, Channel, Service
from routing.core.model.ids import ServiceId
from santral.centre.roster_hours import RosterSpan, describe_spans, spans_below, spans_kept, spans_of_week


class DistressCheck(NamedTuple):
    """The findings about the distress services."""

    problems: list[Problem]
    warnings: list[Problem]
    sentences: list[str]
    """Calls that limits and roster carry, in words."""


def check_distress(loaded: LoadedCentre, centre: Centre) -> DistressCheck:
    """Check each distress service with the team as the engine sees it."""
    found = DistressCheck([], [], [])
    excluded = skill_requirement.excluded_by(centre.agents)
    fitting = {service.id: [agent for agent in centre.agents if _takes_calls(agent) and _fits(service, agent, excluded)]
               for service in centre.services}
    for service in centre.services:
        if service.distress:
            _check_service(loaded, centre, service, fitting[service.id], found)
            _check_others(loaded, centre, service, fitting, found)
    return found


def _takes_calls(agent: Agent) -> bool:
    return Channel.VOICE in agent.profile.channels and dict(agent.profile.max_concurrency).get(Channel.VOICE, 1) > 0


def _fits(service: Service, agent: Agent, excluded: frozenset[str]) -> bool:
    if service.distress:
        wanted = [skill_requirement.build_fit(service, excluded=excluded)]
    else:
        wanted = [skill_requirement.build_requirement(service, step, excluded=excluded)
                  for step in range(len(service.steps))]
    return any(skill_requirement.fits_agent(one, agent) for one in wanted)


def _check_service(loaded: LoadedCentre, centre: Centre, service: Service, fit: Sequence[Agent],
                   found: DistressCheck) -> None:
    shape = next(one for one in loaded.services if one.id == service.id)
    # 1. More agents than the team has can never stay free.
    if service.keep_free > len(fit):
        found.warnings.append(Problem(
            loaded.location_of(SERVICES, service.id, "keep_free"),
            f"'{service.id}' keeps {service.keep_free} agents free, and {len(fit)} of the team fit it",
            "Lower it, or give more agents the skills."))
    _check_silence(loaded, service, fit, found)
    week = _check_hours(loaded, service, fit, found)
    # 2. The limits of single agents, and the plan.
    own = [agent for agent in fit if agent.profile.distress.binds]
    limited = math.fsum(_calls_per_h(agent, service, centre) for agent in own)
    if service.load >= HEAVY_LOAD:
        found.sentences.append(
            f"{service.id}: {len(fit)} agents fit, {len(fit) - len(own)} of them without an own limit; the "
            f"limits of the others carry {limited:.1f} calls an hour.")
    plan = shape.plan
    if plan is None:
        return
    where = loaded.location_of(SERVICES, service.id, "plan")
    if len(own) == len(fit) and service.load >= HEAVY_LOAD and limited < plan.calls_per_h:
        found.problems.append(Problem(
            where, f"'{service.id}' plans {plan.calls_per_h:g} calls an hour, and the limits of all {len(fit)} agents "
            f"who fit carry {limited:.1f}", "Raise the limits, give more agents the skills, or lower the plan."))
    # 3. The agents of the plan: enough of the team, and enough for the load.
    load = plan.calls_per_h * plan.handle_s / 3_600.0
    if plan.on_duty > len(fit):
        found.problems.append(Problem(where, f"'{service.id}' plans {plan.on_duty} agents on duty, and {len(fit)} of "
                                      "the team fit it", "Lower 'on_duty', or give more agents the skills."))
    elif plan.on_duty > (most := max(span.agents for span in week)):
        found.problems.append(Problem(
            where, f"'{service.id}' plans {plan.on_duty} agents on duty, and the roster never has more than {most} who "
            "fit it", "Lower 'on_duty', or let spans of 'on_call' in team.yaml overlap."))
    # Loaded here, because it loads numpy, which a centre without a plan does not need.
    from planning.staffing.kept_agents import expected_waits

    waits = expected_waits(service, load, plan.handle_s, plan.on_duty, count_kept(service, plan.on_duty))
    if waits is None:
        found.problems.append(Problem(
            where, f"{plan.on_duty} agents cannot carry the planned {plan.calls_per_h:g} calls an hour of "
            f"{plan.handle_s:g} s: {load:.1f} Erlang", "Raise 'on_duty' above the load."))
        return
    found.sentences.append(
        f"{service.id}: planned {plan.calls_per_h:g} calls an hour with {plan.on_duty} on duty and "
        f"{count_kept(service, plan.on_duty)} kept free: {waits.within:.0%} within {service.target_s:g} s expected, "
        f"target {service.target_share:.0%}.")


def _check_silence(loaded: LoadedCentre, service: Service, fit: Sequence[Agent], found: DistressCheck) -> None:
    """Find out how many agents of a distress service can sit at a seat that rings while no node runs."""
    assert loaded.settings is not None
    seats, house = len(loaded.settings.ringing_seats), sum(not agent.remote for agent in fit)
    ringing = min(seats, house)
    found.sentences.append(f"{service.id}: without the node {ringing} of the {len(fit)} agents who fit can ring: "
                           f"{seats} seats ring then, and {len(fit) - house} agents are remote.")
    if not seats:
        found.problems.append(Problem(
            loaded.where("seats"), f"no seat rings without the node, so callers of '{service.id}' would reach nobody "
            "while it is away", "Add phones to [seats], or lead pages past the node with [desk] sip."))
    elif fit and not house:
        found.warnings.append(Problem(
            loaded.location_of(SERVICES, service.id), f"all agents who fit '{service.id}' are remote, and none of "
            "their numbers rings without the node", "Give an agent of the house the skills."))


def _check_hours(loaded: LoadedCentre, service: Service, fit: Sequence[Agent],
                 found: DistressCheck) -> list[RosterSpan]:
    """Warn of hours in which the roster has fewer agents than `keep_free` keeps. Return the week."""
    rosters = {agent.id: agent.on_call for agent in loaded.agents}
    week = spans_of_week([rosters.get(agent.id) for agent in fit])
    if service.keep_free <= len(fit) and (short := spans_below(week, service.keep_free)):
        found.warnings.append(Problem(
            loaded.location_of(SERVICES, service.id, "keep_free"), f"'{service.id}' keeps {service.keep_free} agents "
            f"free, and the roster has fewer who fit: {describe_spans(short)}",
            "Lower it, or add spans to 'on_call' in team.yaml."))
    return week


def _calls_per_h(agent: Agent, service: Service, centre: Centre) -> float:
    """Return the calls an hour at which the mean load of an agent is the hard limit of the profile."""
    if service.load < HEAVY_LOAD:
        return math.inf
    return agent.profile.distress.hard * math.log(2.0) / service.load / (centre.load_half_life_s / 3_600.0)


def _check_others(loaded: LoadedCentre, centre: Centre, service: Service,
                  fitting: dict[ServiceId, list[Agent]], found: DistressCheck) -> None:
    """Warn of services that only agents of a distress service serve: `keep_free` keeps those callers waiting.

    In hours in which it keeps all who are on duty, those callers reach nobody.
    """
    counsellors = {agent.id for agent in fitting[service.id]}
    rosters = {agent.id: agent.on_call for agent in loaded.agents}
    for other in centre.services:
        agents = {agent.id for agent in fitting[other.id]}
        if not service.keeps_free or other.distress or not agents & counsellors:
            continue
        kept = spans_kept(service, [rosters.get(one) for one in sorted(counsellors)],
                          [rosters.get(one) for one in sorted(agents - counsellors)])
        if kept:
            found.warnings.append(Problem(
                loaded.location_of(SERVICES, other.id),
                f"'{service.id}' keeps all agents of '{other.id}' free, so its callers reach nobody: "
                f"{describe_spans(kept)}", "Give the skills to other agents too, lower 'keep_free', or add a "
                "'when_nobody'."))
        elif agents <= counsellors:
            found.warnings.append(Problem(
                loaded.location_of(SERVICES, other.id),
                f"only agents who fit '{service.id}' serve '{other.id}': its callers wait while 'keep_free' keeps them",
                "Give the skills to other agents too."))
