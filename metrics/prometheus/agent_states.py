"""Aggregate changes of agents, never about one of them: time in each state, limits reached, breaks kept.

`apply_change` gets every change, at start also the stored ones. `set_gauges` counts running states up to now. So a rate
over a minute is right even if an agent has been ready for an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from metrics.prometheus import names
from metrics.prometheus.availability import AvailabilityClock
from metrics.prometheus.names import label_value
from metrics.prometheus.series import MetricSeries
from routing.core.inbox import AgentView, Status
from routing.core.journal import round_stored
from routing.core.model.centre_model import AgentState, Centre, Profile
from routing.core.model.facts import AgentChanged, LoadState, PauseLimitReached
from routing.core.model.ids import AgentId

READY, PAUSED, OUT = AgentState.READY, AgentState.PAUSED, AgentState.SIGNED_OUT
RESTING = "resting"
"""Ready without offers: the rest gap of the profile, or the rest after a heavy contact."""
OFF_PHONE = "paused_work"
"""Paused for a reason that counts as work."""
SHOWN_STATES = (*(state.value for state in AgentState if state is not OUT), RESTING, OFF_PHONE)
KEPT, DELAYED, OVERRIDDEN = "on_time", "delayed", "overridden"
LATE_S = 60.0
"""A break that begins within this time after its latest start is kept: the talk was nearly over."""
EARLY_S = 1.0
"""A break that ends earlier than this before its time was ended by the agent or an override, not by the clock."""
NO_LOAD = LoadState()


@dataclass(slots=True)
class _Break:
    """A planned break whose time has come."""

    start: float
    """As planned."""
    began: float | None = None
    """None: the break waits for the end of the talk."""
    until: float = 0.0
    """0: only the agent ends the break."""


@dataclass(slots=True)
class _Agent:
    """The state of one agent."""

    team: str
    state: AgentState = OUT
    works: bool = False
    """Whether the reason of the pause counts as work."""
    counted: float = 0.0
    """Time in the state is counted up to here."""
    rest: AvailabilityClock = field(default_factory=AvailabilityClock)
    load_state: LoadState = NO_LOAD
    planned: _Break | None = field(default=None)


class AgentStates:
    """The agents of a centre, folded from their changes."""

    def __init__(self, series: MetricSeries) -> None:
        self._series = series
        self._groups: dict[str, str | None] = {}
        self._profiles: dict[AgentId, Profile] = {}
        self._members: dict[AgentId, _Agent] = {}
        self._rested: dict[str, dict[AgentId, float]] = {}
        """Seconds of rest by group that are not counted yet, because they belong to fewer than `K_MIN` agents.

        A step of the counter would be the rest gap of one agent.
        """
        self._skills: tuple[str, ...] = ()
        self._half_life_s = 1.0
        self._work: frozenset[str] = frozenset()
        """Reasons of pauses that count as work."""
        self._shows_breaks = False
        self._from = 0.0
        """Time before this is not counted."""

    def apply_centre(self, centre: Centre) -> None:
        """Take the team in force. Series begin at 0."""
        self._rested.clear()
        self._groups = group_teams(Counter(agent.team for agent in centre.agents))
        self._profiles = {agent.id: agent.profile for agent in centre.agents}
        self._half_life_s = centre.load_half_life_s
        self._work = frozenset(reason.id for reason in centre.pause_reasons if reason.work)
        # A skill that only a service asks for appears with 0 agents, which must be seen.
        self._skills = tuple(sorted({skill for agent in centre.agents for skill, _ in agent.skills}
                                    | {skill for service in centre.services for skill, _ in service.floor}))
        self._shows_breaks = len(centre.agents) >= names.K_MIN
        # Each series begins at 0, or its first increase could not be seen.
        if self._shows_breaks:
            for result in (KEPT, DELAYED, OVERRIDDEN):
                self._series.add_count(names.BREAKS, result, by=0.0)
            for reason in centre.pause_reasons:
                if reason.limit_s is not None:
                    self._series.add_count(names.PAUSE_LIMITS, label_value(reason.id), by=0.0)
        for group in self._shown_groups():
            for state in SHOWN_STATES:
                self._series.add_count(names.AGENT_SECONDS, group, state, by=0.0)

    def _shown_groups(self) -> list[str]:
        return sorted({group for group in self._groups.values() if group is not None})

    # -- what happened -------------------------------------------------------------------------------------------------

    def apply_change(self, fact: AgentChanged) -> None:
        """Apply one change of one agent."""
        member = self._members.get(fact.agent)
        # 1. The first change of an agent also tells the state before it.
        if member is None:
            begun = fact.at - round_stored(fact.before_s)
            if fact.since is not None:
                begun = min(begun, round_stored(fact.since))
            member = self._members[fact.agent] = _Agent(fact.team, fact.before, counted=max(begun, self._from))
        member.team = fact.team
        # 2. The load decides about breaks and rests, so it comes before the state.
        if fact.load_state is not None:
            self._begin_break(member, fact, fact.load_state)
            member.load_state = fact.load_state
            member.rest.apply_load_state(fact.load_state.rest_until, fact.load_state.overrides)
        works = fact.state is PAUSED and fact.reason in self._work
        # 3. A new state, or a pause that becomes work, ends the time counted so far.
        if fact.before is not fact.state or works is not member.works:
            self._count_state_time(fact.agent, member, fact.at)
            since = fact.at if fact.since is None else round_stored(fact.since)
            member.state, member.works, member.counted = fact.state, works, max(member.counted, since)
            if fact.state is READY:
                gap_s = self._profiles[fact.agent].rest_gap_s if fact.agent in self._profiles else 0.0
                member.rest.begin_ready(since if fact.idle_since is None else fact.idle_since, gap_s)
        # 4. The same state with a new load: a rest may be over early.
        elif fact.state is READY and fact.load_state is not None:
            member.rest.continue_ready(fact.at)
        if member.planned is not None:
            self._continue_break(member, member.planned, fact)

    def pass_limit(self, fact: PauseLimitReached) -> None:
        """Count a pause that is over the limit of its reason."""
        if self._shows_breaks:
            self._series.add_count(names.PAUSE_LIMITS, label_value(fact.reason))

    def restart_counts(self, now: float) -> None:
        """Count everybody's time up to now, and start agents without a change at this moment."""
        self._from = now
        for agent, member in self._members.items():
            self._count_state_time(agent, member, now)
        self._rested.clear()

    def _count_state_time(self, agent: AgentId, member: _Agent, until: float) -> None:
        """Count the time in the state since it was counted last."""
        group, begun = self._groups.get(member.team), member.counted
        if until <= begun:
            return
        member.counted = until
        if group is None or member.state is OUT:
            return
        # The first part of a ready time may be rest, which counts as its own state.
        if member.state is READY and member.rest.available > begun:
            rested = min(until, member.rest.available)
            self._count_rest(group, agent, rested - begun)
            begun = rested
        self._series.add_count(names.AGENT_SECONDS, group, OFF_PHONE if member.works else member.state.value,
                               by=until - begun)

    def _count_rest(self, group: str, agent: AgentId, seconds: float) -> None:
        rested = self._rested.setdefault(group, {})
        rested[agent] = rested.get(agent, 0.0) + seconds
        if len(rested) >= names.K_MIN:
            # The wait ends with the fifth agent, so that no step belongs to one known agent.
            self._series.add_count(names.AGENT_SECONDS, group, RESTING, by=sum(rested.values()))
            rested.clear()

    @staticmethod
    def _begin_break(member: _Agent, fact: AgentChanged, now: LoadState) -> None:
        """Note a planned break whose time has come. It begins now, or waits for the end of the talk."""
        if now.break_begun > member.load_state.break_begun and (now.break_s or now.break_until > fact.at):
            member.planned = _Break(now.break_begun)

    def _continue_break(self, member: _Agent, planned: _Break, fact: AgentChanged) -> None:
        # 1. The break waits. It begins with a pause, ends with the shift, or is given up.
        if planned.began is None:
            if fact.state is PAUSED and not member.works:
                planned.began, planned.until = fact.at, member.load_state.break_until
            elif fact.state is OUT:
                member.planned = None
            elif member.works or (not member.load_state.break_s and not fact.pause_pending):
                self._end_break(member, OVERRIDDEN)
        # 2. The break runs. Its end decides whether it was kept, delayed or overridden.
        elif fact.state is not PAUSED or member.works:
            profile = self._profiles.get(fact.agent)
            latest = planned.start + (profile.break_grace_s if profile is not None else 0.0) + LATE_S
            early = fact.at < planned.until - EARLY_S and fact.state is not OUT
            self._end_break(member, OVERRIDDEN if early else KEPT if planned.began <= latest else DELAYED)

    def _end_break(self, member: _Agent, result: str) -> None:
        # A small centre shows no breaks, because they would be those of a known agent.
        member.planned = None
        if self._shows_breaks:
            self._series.add_count(names.BREAKS, result)

    # -- what is true now ----------------------------------------------------------------------------------------------

    def set_gauges(self, status: Status) -> None:
        """Set the gauges to `status`, and count the time of running states."""
        # 1. Count agents by group, and those with each skill.
        states: Counter[tuple[str, str]] = Counter()
        limited: Counter[str] = Counter()
        there: Counter[str] = Counter()
        skilled: Counter[tuple[str, str]] = Counter()
        for view in status.agents:
            member = self._agent_of(view)
            self._count_state_time(view.agent, member, status.at)
            if view.state is not OUT:
                for skill, _ in view.skills:
                    skilled[skill, "signed_in"] += 1
                    skilled[skill, "ready"] += view.state is READY
            group = self._groups.get(view.team)
            if group is not None:
                states[group, view.state.value] += 1
                there[group] += view.state is not OUT
                limited[group] += view.state is not OUT and self._is_limited(view.agent, member.load_state, status.at)
        # 2. Clear first: a team or a skill that is gone keeps no series.
        for metric in (names.AGENTS, names.LIMITED, names.SKILLED):
            self._series.clear_gauge(metric)
        for group in self._shown_groups():
            # Of a large team one agent may be alone at night.
            if there[group] >= names.K_MIN:
                self._series.set_gauge(names.LIMITED, limited[group], group)
            for state in AgentState:
                self._series.set_gauge(names.AGENTS, states[group, state.value], group, state.value)
        # 3. Skills are shown however few agents have them: an empty skill must be seen.
        for skill in sorted({*self._skills, *(skill for skill, _ in skilled)}):
            for name in ("signed_in", "ready"):
                self._series.set_gauge(names.SKILLED, skilled[skill, name], skill, name)

    def _agent_of(self, view: AgentView) -> _Agent:
        member = self._members.get(view.agent)
        # No change of this agent is on record, so only the present state is known.
        if member is None:
            member = self._members[view.agent] = _Agent(
                view.team, view.state, view.state is PAUSED and view.reason in self._work, max(view.since, self._from))
        return member

    def _is_limited(self, agent: AgentId, burden: LoadState, now: float) -> bool:
        """Return whether an agent is at the hard limit and not yet below its release
        (`routing.core.agents.distress_load`)."""
        profile = self._profiles.get(agent)
        return profile is not None and is_still_limited(burden, profile, self._half_life_s, now)


def is_still_limited(burden: LoadState, profile: Profile, half_life_s: float, now: float) -> bool:
    """Return whether an agent at the hard limit still is.

    The load decays with time, and no fact reports that it has fallen.
    """
    if not burden.at_hard_limit:
        return False
    load = burden.load * 2.0 ** ((burden.load_at - now) / half_life_s)
    return bool(load >= profile.distress.release)


def group_teams(sizes: Mapping[str, int]) -> dict[str, str | None]:
    """Return the shown group of each team.

    A team with `K_MIN` agents is its own group. Smaller teams share one pool, or None if the pool is too small.
    """
    small = {team for team, size in sizes.items() if size < names.K_MIN}
    pool = names.POOLED if sum(sizes[team] for team in small) >= names.K_MIN else None
    return {team: pool if team in small else label_value(team) for team in sizes}
