"""What the agents' changes say together, never about one of them: time in each state, limits reached, breaks kept.

`take` is told every change, the stored ones at start included; `show` counts what goes on up to now, so a rate over a
minute is right although somebody has been ready for an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from metrics import names
from metrics.names import label
from metrics.rest import Rest
from metrics.series import Series
from routing.core.facts import AgentChanged, PauseLimitReached, Wellbeing
from routing.core.ids import AgentId
from routing.core.inbox import AgentView, Status
from routing.core.model import AgentState, Centre, Profile

READY, PAUSED, OUT = AgentState.READY, AgentState.PAUSED, AgentState.SIGNED_OUT
RESTING = "resting"
"""Ready, and nothing comes: the rest gap of the profile, or the rest after a heavy contact."""
OFF_PHONE = "paused_work"
"""Paused for a reason that counts as work."""
IN_STATES = (*(state.value for state in AgentState if state is not OUT), RESTING, OFF_PHONE)
KEPT, DELAYED, OVERRIDDEN = "kept", "delayed", "overridden"
LATE_S = 60.0
"""A break that begins within so long of its latest start is kept: what was under way was nearly over."""
EARLY_S = 1.0
"""One that ends earlier than this before its time was ended by a word, not by the clock."""
CALM = Wellbeing()


@dataclass(slots=True)
class _Break:
    """A planned break whose time has come."""

    start: float
    """As planned."""
    began: float | None = None
    """None: it waits for the end of the talk."""
    until: float = 0.0
    """0: by the agent's word only."""


@dataclass(slots=True)
class _Member:
    """One agent."""

    team: str
    state: AgentState = OUT
    works: bool = False
    """The reason of the pause counts as work."""
    counted: float = 0.0
    """Up to here the time in the state stands in the counter."""
    rest: Rest = field(default_factory=Rest)
    burden: Wellbeing = CALM
    planned: _Break | None = field(default=None)


class Crew:
    """The agents of a centre, folded from their changes."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._groups: dict[str, str | None] = {}
        self._profiles: dict[AgentId, Profile] = {}
        self._members: dict[AgentId, _Member] = {}
        self._rested: dict[str, dict[AgentId, float]] = {}
        """Seconds of rest by group that are not counted yet: they are of fewer than `K_MIN` agents, and a step of the
        counter would be the rest gap of one."""
        self._skills: tuple[str, ...] = ()
        self._half_life_s = 1.0
        self._work: frozenset[str] = frozenset()
        """Reasons of pauses that count as work."""
        self._shows_breaks = False
        self._from = 0.0
        """Time before is not counted."""

    def configure(self, centre: Centre) -> None:
        """The team in force. Series begin at 0."""
        self._rested.clear()
        self._groups = groups(Counter(agent.team for agent in centre.agents))
        self._profiles = {agent.id: agent.profile for agent in centre.agents}
        self._half_life_s = centre.load_half_life_s
        self._work = frozenset(reason.id for reason in centre.pause_reasons if reason.work)
        self._skills = tuple(sorted({skill for agent in centre.agents for skill, _ in agent.skills}
                                    | {skill for service in centre.services for skill, _ in service.floor}))
        self._shows_breaks = len(centre.agents) >= names.K_MIN
        if self._shows_breaks:
            for result in (KEPT, DELAYED, OVERRIDDEN):
                self._series.add(names.BREAKS, result, by=0.0)
            for reason in centre.pause_reasons:
                if reason.limit_s is not None:
                    self._series.add(names.PAUSE_LIMITS, label(reason.id), by=0.0)
        for group in self._shown():
            for state in IN_STATES:
                self._series.add(names.AGENT_SECONDS, group, state, by=0.0)

    def _shown(self) -> list[str]:
        return sorted({group for group in self._groups.values() if group is not None})

    # -- what happened -------------------------------------------------------------------------------------------------

    def take(self, fact: AgentChanged) -> None:
        """One change of one agent."""
        member = self._members.get(fact.agent)
        if member is None:
            begun = fact.at - fact.before_s if fact.since is None else min(fact.at - fact.before_s, fact.since)
            member = self._members[fact.agent] = _Member(fact.team, fact.before, counted=max(begun, self._from))
        member.team = fact.team
        if fact.wellbeing is not None:
            self._break_due(member, fact, fact.wellbeing)
            member.burden = fact.wellbeing
            member.rest.told(fact.wellbeing.rest_until, fact.wellbeing.relaxed)
        works = fact.state is PAUSED and fact.reason in self._work
        if fact.before is not fact.state or works is not member.works:
            self._count(fact.agent, member, fact.at)
            since = fact.at if fact.since is None else fact.since
            member.state, member.works, member.counted = fact.state, works, max(member.counted, since)
            if fact.state is READY:
                gap_s = self._profiles[fact.agent].rest_gap_s if fact.agent in self._profiles else 0.0
                member.rest.begins(since if fact.idle_since is None else fact.idle_since, gap_s)
        elif fact.state is READY and fact.wellbeing is not None:
            member.rest.goes_on(fact.at)
        if member.planned is not None:
            self._break_goes_on(member, member.planned, fact)

    def pass_limit(self, fact: PauseLimitReached) -> None:
        """Count a pause that is over the limit of its reason."""
        if self._shows_breaks:
            self._series.add(names.PAUSE_LIMITS, label(fact.reason))

    def begin_again(self, now: float) -> None:
        """Count everybody's time up to now, and of those nobody has told of none before."""
        self._from = now
        for agent, member in self._members.items():
            self._count(agent, member, now)
        self._rested.clear()

    def _count(self, agent: AgentId, member: _Member, until: float) -> None:
        """The time in the state, from where it was counted to."""
        group, begun = self._groups.get(member.team), member.counted
        if until <= begun:
            return
        member.counted = until
        if group is None or member.state is OUT:
            return
        if member.state is READY and member.rest.available > begun:
            rested = min(until, member.rest.available)
            self._rests(group, agent, rested - begun)
            begun = rested
        self._series.add(names.AGENT_SECONDS, group, OFF_PHONE if member.works else member.state.value,
                         by=until - begun)

    def _rests(self, group: str, agent: AgentId, seconds: float) -> None:
        rested = self._rested.setdefault(group, {})
        rested[agent] = rested.get(agent, 0.0) + seconds
        if len(rested) >= names.K_MIN:
            self._series.add(names.AGENT_SECONDS, group, RESTING, by=sum(rested.values()))
            rested.clear()

    @staticmethod
    def _break_due(member: _Member, fact: AgentChanged, now: Wellbeing) -> None:
        """The time of a planned break has come: it begins, or waits for the end of the talk."""
        if now.break_begun > member.burden.break_begun and (now.break_s or now.break_until > fact.at):
            member.planned = _Break(now.break_begun)

    def _break_goes_on(self, member: _Member, planned: _Break, fact: AgentChanged) -> None:
        if planned.began is None:
            if fact.state is PAUSED and not member.works:
                planned.began, planned.until = fact.at, member.burden.break_until
            elif fact.state is OUT:
                member.planned = None
            elif member.works or (not member.burden.break_s and not fact.pause_pending):
                self._break_over(member, OVERRIDDEN)
        elif fact.state is not PAUSED or member.works:
            profile = self._profiles.get(fact.agent)
            latest = planned.start + (profile.break_grace_s if profile is not None else 0.0) + LATE_S
            early = fact.at < planned.until - EARLY_S and fact.state is not OUT
            self._break_over(member, OVERRIDDEN if early else KEPT if planned.began <= latest else DELAYED)

    def _break_over(self, member: _Member, result: str) -> None:
        member.planned = None
        if self._shows_breaks:
            self._series.add(names.BREAKS, result)

    # -- what is true now ----------------------------------------------------------------------------------------------

    def show(self, status: Status) -> None:
        """Gauges as of `status`, and the time of what goes on."""
        states: Counter[tuple[str, str]] = Counter()
        limited: Counter[str] = Counter()
        there: Counter[str] = Counter()
        skilled: Counter[tuple[str, str]] = Counter()
        for view in status.agents:
            member = self._known(view)
            self._count(view.agent, member, status.at)
            if view.state is not OUT:
                for skill, _ in view.skills:
                    skilled[skill, "signed_in"] += 1
                    skilled[skill, "ready"] += view.state is READY
            group = self._groups.get(view.team)
            if group is not None:
                states[group, view.state.value] += 1
                there[group] += view.state is not OUT
                limited[group] += view.state is not OUT and self._limited(view.agent, member.burden, status.at)
        for metric in (names.AGENTS, names.LIMITED, names.SKILLED):
            self._series.clear(metric)
        for group in self._shown():
            if there[group] >= names.K_MIN:  # of a large team one may be there alone at night
                self._series.set(names.LIMITED, limited[group], group)
            for state in AgentState:
                self._series.set(names.AGENTS, states[group, state.value], group, state.value)
        for skill in sorted({*self._skills, *(skill for skill, _ in skilled)}):
            for name in ("signed_in", "ready"):
                self._series.set(names.SKILLED, skilled[skill, name], skill, name)

    def _known(self, view: AgentView) -> _Member:
        member = self._members.get(view.agent)
        if member is None:  # no change of theirs is on record: nothing but the moment is known
            member = self._members[view.agent] = _Member(
                view.team, view.state, view.state is PAUSED and view.reason in self._work, max(view.since, self._from))
        return member

    def _limited(self, agent: AgentId, burden: Wellbeing, now: float) -> bool:
        """At the hard limit and not yet below the load at which it ends (`routing.core.wellbeing`)."""
        profile = self._profiles.get(agent)
        return profile is not None and still_limited(burden, profile, self._half_life_s, now)


def still_limited(burden: Wellbeing, profile: Profile, half_life_s: float, now: float) -> bool:
    """Whether an agent who was at the hard limit still is: the load decays, and no fact says that it has."""
    if not burden.limited:
        return False
    load = burden.load * 2.0 ** ((burden.load_at - now) / half_life_s)
    return bool(load >= profile.distress.again)


def groups(sizes: Mapping[str, int]) -> dict[str, str | None]:
    """Team -> the group it is shown in: itself from `K_MIN` agents on, else one pool, else (None) not at all."""
    small = {team for team, size in sizes.items() if size < names.K_MIN}
    pool = names.POOLED if sum(sizes[team] for team in small) >= names.K_MIN else None
    return {team: pool if team in small else label(team) for team in sizes}
