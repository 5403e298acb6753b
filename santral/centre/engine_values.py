"""Turn the files of a centre into the engine's values: services, agents, and settings for all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from centres import services as files
from centres.base_shapes import Shape
from centres.callback import Callback
from centres.centre_reader import LoadedCentre
from centres.settings import PauseReason, Routing, Settings
from centres.team import Accommodation, Agent, Needs
from routing.core.matching import skill_expression
from routing.core.model import centre_model as core
from routing.core.model.ids import AgentId, SeatId, ServiceId, SkillId
from routing.core.queueing.abuse_flags import ABUSIVE
from santral.centre import reachability, remote_agents
from santral.centre.remote_agents import remote_seat

_ENUMS: Mapping[str, type[StrEnum]] = {
    "answer_mode": core.AnswerMode, "pre_connect_mode": core.PreConnect, "wrapup_mode": core.WrapUpMode}
_COMFORT = ("ring_signal", "ear", "gain_db", "limiter", "verbosity", "braille_cells")


def engine_centre(loaded: LoadedCentre, day: date | None = None) -> core.Centre:
    """Return the engine's values with the accommodations in force on a day. None means the day of reading."""
    routing, everybody = _for_all(loaded)
    own = loaded.accommodations if day is None else loaded.in_force(day)
    calls_out = loaded.settings is not None and loaded.settings.trunk.way_out is not None
    seats = None if loaded.settings is None else frozenset(
        [SeatId(seat) for seat in loaded.settings.seats.all_names()] +
        [remote_seat(agent.id) for agent in loaded.agents if agent.on_call is not None])
    callback = Callback() if loaded.settings is None else loaded.settings.callback
    return core.Centre(**_same_fields(routing, core.Centre) | _same_fields(callback, core.Centre) | {
        "services": tuple(_engine_service(service, calls_out) for service in loaded.services),
        "agents": tuple(agent_of(agent, everybody, own.get(agent.id)) for agent in loaded.agents),
        "seats": seats, "channels": _channels(routing), "pause_reasons": _pause_reasons(loaded.settings)})


def _same_fields(shape: Shape, engine: type[core.Centre | core.Service]) -> dict[str, Any]:
    """Return the values of a file that the engine has under the same name. Any: of the fields' types."""
    return {name: value for name, value in shape if name in engine._fields}


def _pause_reasons(settings: Settings | None) -> tuple[core.PauseReason, ...]:
    """Return the rows of [pause_reasons] as the engine's values."""
    def value_of(name: str, row: PauseReason) -> core.PauseReason:
        return core.PauseReason(
            name, row.tr, row.en, row.work, None if row.limit_min is None else row.limit_min * 60.0, row.default,
            row.prompt or "", "" if row.digit is None else str(row.digit))

    return core.NO_TABLE if settings is None else tuple(value_of(*item) for item in settings.pause_reasons.items())


def _for_all(loaded: LoadedCentre) -> tuple[Routing, Needs]:
    """Return the settings that apply to the whole centre and to all agents."""
    settings = loaded.settings
    return (Routing(), Needs()) if settings is None else (settings.routing, settings.profile)


def _channels(routing: Routing) -> tuple[core.ChannelRow, ...]:
    return core.channel_rows({core.Channel(channel): units for channel, units in routing.costs.items()},
                             [core.Channel(channel) for channel in routing.interruptible])


def team_of(loaded: LoadedCentre) -> reachability.Team:
    """Return the team as the engine will see it today."""
    routing, everybody = _for_all(loaded)
    return reachability.Team([(agent, agent_of(agent, everybody, loaded.accommodations.get(agent.id)).profile)
                          for agent in loaded.agents], {row.channel: row for row in _channels(routing)})


def _engine_service(service: files.Service, calls_out: bool) -> core.Service:
    floor, floor_where = _split_needs(service.floor)
    free = service.keep_free
    return core.Service(**_same_fields(service, core.Service) | {
        key: _engine_rule(rule, service, calls_out) for key, rule in service.rules.items()} | {
        "steps": tuple(core.Step(needs, step.lasts_s, where) for step in service.steps
                       for needs, where in [_split_needs(step.needs)]),
        "floor": floor, "floor_where": floor_where, "anonymous": service.privacy == "anonymous",
        "load": service.load_of_contact, "keep_free": free if isinstance(free, int) else 0,
        "keep_free_percent": int(free[:-1]) if isinstance(free, str) else 0,
        "callback": core.CallbackOrder(service.calls_back if calls_out else "none"), "follows_up": calls_out})


def _engine_rule(rule: files.Rule, service: files.Service, calls_out: bool) -> core.Rule:
    """Return a rule for the engine. Without a carrier a caller leaves a message instead of a wish to be called."""
    over_s = rule.over_s if isinstance(rule, files.TimedRule) else 0.0
    if rule.to == "callback" and not calls_out:
        way = core.WayOut.MESSAGE if service.privacy == "normal" else core.WayOut.GOODBYE
        return core.Rule(None, way, over_s, rule.say or "")
    if rule.to in files.WAYS_OUT:
        return core.Rule(None, core.WayOut(rule.to), over_s, rule.say or "")
    return core.Rule(ServiceId(rule.to), None, over_s)


def _split_needs(needs: files.Needs) -> tuple[core.Needs, str]:
    """Return needs as levels, and as an expression if levels cannot express them."""
    if not isinstance(needs, str):
        return _engine_skills(needs), ""
    levels = skill_expression.as_needs(skill_expression.parse_expression(needs))
    return ((), needs) if levels is None else (levels, "")


def agent_of(agent: Agent, everybody: Needs, own: Accommodation | None) -> core.Agent:
    """Return an agent: defaults for all, then the agent's own accommodations on top."""
    changes = (({} if agent.on_call is None else remote_agents.REMOTE_DEFAULTS) | everybody.set_fields()
               | ({} if own is None else own.set_fields()))
    own_limit = own is not None and own.distress_limit is not None
    return core.Agent(AgentId(agent.id), _engine_skills(agent.skills), _engine_profile(changes, own_limit), agent.team,
                      agent.on_call is not None)


def _engine_profile(changes: dict[str, Any], own_limit: bool = False) -> core.Profile:
    """Return the default profile with these fields of a file changed.

    `own_limit`: the distress limit comes from the agent's own accommodation.
    """
    # 1. Drop the breaks. The node calendar reports them each day in Unix seconds.
    profile = core.Profile()
    changes.pop("break_plan", None)
    # 2. Turn texts of the file into the engine's types and names.
    changes |= {name: kind(changes[name]) for name, kind in _ENUMS.items() if name in changes}
    if "pre_connect_mode" in changes:
        changes["pre_connect"] = changes.pop("pre_connect_mode")
    if "channels" in changes:
        changes["channels"] = frozenset(core.Channel(channel) for channel in changes["channels"])
    # Nothing makes live captions yet, so an agent who needs them gets no calls.
    if changes.pop("captions", False):
        changes["channels"] = changes.get("channels", profile.channels) - core.PHONE_CHANNELS
    # 3. Merge tables with their defaults.
    if "max_concurrency" in changes:
        own = {core.Channel(channel): most for channel, most in changes["max_concurrency"].items()}
        changes["max_concurrency"] = tuple((dict(profile.max_concurrency) | own).items())
    if "distress_limit" in changes:
        limit = changes.pop("distress_limit")
        changes["distress"] = core.DistressLimit(limit.soft, limit.hard, limit.release, own_limit)
    # 4. An agent without abusive callers avoids them as a topic.
    if changes.pop("no_abusive_history", False):
        changes["no_topics"] = frozenset(changes.get("no_topics", ())) | {ABUSIVE}
    comfort = {name: changes.pop(name) for name in _COMFORT if name in changes}
    return profile._replace(comfort=profile.comfort._replace(**comfort), **changes)


def _engine_skills(skills: Mapping[str, int]) -> core.Needs:
    return tuple((SkillId(skill), level) for skill, level in skills.items())
