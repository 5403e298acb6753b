"""Sum how agents spent a period: time in each state, breaks, offers; by groups, never by name.

The fairness report compares agents whose profile differs from the usual one with the others. It does not look into the
profile, because the engine never knows the reason of an accommodation. If one group is below `K_MIN`, neither is shown:
the small one could be calculated from the other and the whole. The whole is hidden too if it is as small.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, Double, select

from metrics.prometheus.agent_states import OFF_PHONE
from metrics.prometheus.availability import AvailabilityClock
from metrics.prometheus.names import K_MIN
from metrics.reports.contacts import Rings
from metrics.reports.fact_query import Field, read_facts
from metrics.reports.period import Period
from routing.core.model.centre_model import AgentState, Centre, OfferState, Profile
from routing.store.reader import Query
from routing.store.schema import agents

FIELDS = (Field("agent"), Field("before"), Field("state"), Field("reason"), Field("before_s", Double),
          Field("since", Double), Field("idle_since", Double), Field("rest_until", Double, within="load_state"),
          Field("overrides", JSON, within="load_state"))
"""Fields of `AgentChanged`."""
LOOK_S = 4 * 3600.0
"""Time after the period in which changes are looked for.

A state that began before the period is known only by the change that ends it. A signed-in agent has a short break at
least every few hours (`Profile.max_continuous_s`). So an agent without a change for this long was not there.
"""

OUT, READY, TALKING, WRAPUP, PAUSED = (AgentState.SIGNED_OUT, AgentState.READY, AgentState.TALKING, AgentState.WRAPUP,
                                       AgentState.PAUSED)
NOT_TAKEN = (OfferState.TIMEOUT, OfferState.REJECTED)
TAKEN = (OfferState.ACCEPTED, OfferState.WRAPPING, OfferState.COMPLETED)
"""States of offers: those that an agent did not take, and those that became talks."""


@dataclass(slots=True)
class AgentTime:
    """Time of one agent or of a group, in seconds."""

    agents: int = 0
    """Agents who were signed in at all."""
    states: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    available_s: float = 0.0
    """Ready time, without the rest gap and the rest after a heavy contact."""
    breaks: int = 0
    offers: int = 0
    taken: int = 0
    not_taken: int = 0

    @property
    def signed_in_s(self) -> float:
        """Time in all states."""
        return sum(self.states.values())

    @property
    def busy_s(self) -> float:
        """Time in talks and wrap-up."""
        return self.states[TALKING] + self.states[WRAPUP]

    @property
    def occupancy(self) -> float | None:
        """(talk + wrap-up) / (talk + wrap-up + available). None if nobody was there."""
        whole = self.busy_s + self.available_s
        return self.busy_s / whole if whole > 0 else None

    def per_hour(self, value: float) -> float | None:
        """Return a value for each hour of signed-in time, or None without any."""
        return value / self.signed_in_s * 3600.0 if self.signed_in_s > 0 else None

    def add_time(self, other: AgentTime) -> None:
        """Add the time of another agent or group."""
        self.agents += other.agents
        for state, seconds in other.states.items():
            self.states[state] += seconds
        self.available_s += other.available_s
        self.breaks += other.breaks
        self.offers += other.offers
        self.taken += other.taken
        self.not_taken += other.not_taken


@dataclass(slots=True)
class _StateClock:
    """The state of an agent, and its start."""

    state: str
    since: float
    rest: AvailabilityClock = field(default_factory=AvailabilityClock)


class Attendance:
    """Folds the changes of agents, in order, into their time within the period. `until` is the end of the record."""

    def __init__(self, period: Period, centre: Centre, until: float) -> None:
        self._start, self._end = period.start, min(period.end, until)
        self._rests: dict[str, float] = {agent.id: agent.profile.rest_gap_s for agent in centre.agents}
        self._work = frozenset(reason.id for reason in centre.pause_reasons if reason.work)
        self._clocks: dict[str, _StateClock] = {}
        self._times: dict[str, AgentTime] = {}

    def read_changes(self, ask: Query) -> None:
        """Read every change in the period, and in `LOOK_S` after it."""
        last = self._end + LOOK_S
        for _, at, _, *fields in read_facts(ask, ["AgentChanged"], FIELDS, self._start, last):
            if at < last:
                self.apply_change(at, *fields)

    def apply_change(self, at: float, agent: str, before: str, state: str, reason: str, before_s: float,
                     since: float | None, idle_since: float | None, rest_until: float | None,
                     relaxed: Sequence[Sequence[Any]] | None) -> None:
        """Apply one change of a fact. The last two values are None if the fact has no `LoadState`."""
        # 1. The first change of an agent also tells the state before it.
        noted, state = before == state, self._name_state(state, reason)
        clock = self._clocks.get(agent)
        if clock is None:
            begun = min(at - before_s, since) if noted and since is not None else at - before_s
            clock = self._clocks[agent] = _StateClock(state if noted else before, begun)
        # 2. The load decides about rests, so it comes before the state.
        if rest_until is not None:
            clock.rest.apply_load_state(rest_until, relaxed or ())
        # 3. The state goes on; only something else has changed.
        if noted and clock.state == state:
            if state == READY and rest_until is not None:
                clock.rest.continue_ready(at)
            return
        # 4. A new state ends the old one.
        self._add_state_time(agent, clock, at)
        clock.state, clock.since = state, at if since is None else since
        if state == READY:
            clock.rest.begin_ready(clock.since if idle_since is None else idle_since, self._rests.get(agent, 0.0))
        if state == PAUSED and self._start <= at < self._end:
            self._time_of(agent).breaks += 1

    def finish_period(self, ask: Query) -> dict[str, AgentTime]:
        """Return the time of each agent who was signed in. Rows of the store tell the state of agents without a
        change."""
        for agent, state, reason, since in ask(select(agents.c.agent, agents.c.state, agents.c.reason,
                                                      agents.c.since)):
            if agent not in self._clocks and since < self._start:
                self._clocks[agent] = _StateClock(self._name_state(state, reason), since)
        for agent, clock in self._clocks.items():
            self._add_state_time(agent, clock, self._end)
        found = {agent: time for agent, time in self._times.items() if time.signed_in_s > 0}
        for time in found.values():
            time.agents = 1
        return found

    def _name_state(self, state: str, reason: str) -> str:
        """Return the state, with a separate name for a pause that counts as work."""
        return OFF_PHONE if state == PAUSED and reason in self._work else state

    def _time_of(self, agent: str) -> AgentTime:
        time = self._times.get(agent)
        if time is None:
            time = self._times[agent] = AgentTime()
        return time

    def _add_state_time(self, agent: str, clock: _StateClock, until: float) -> None:
        start, end = max(clock.since, self._start), min(until, self._end)
        if clock.state == OUT or end <= start:
            return
        time = self._time_of(agent)
        time.states[clock.state] += end - start
        # Rest at the start of a ready time is no availability.
        if clock.state == READY:
            time.available_s += max(0.0, end - max(start, clock.rest.available))


class Groups:
    """All agents, and the two groups of the fairness report. The pair is None if one group is too small."""

    def __init__(self, times: Mapping[str, AgentTime], rings: Rings, centre: Centre) -> None:
        # 1. The most frequent profile is the usual one.
        usual = Counter(agent.profile for agent in centre.agents).most_common(1)
        default = usual[0][0] if usual else Profile()
        special = {agent.id for agent in centre.agents if agent.profile != default}
        # 2. Offers count for the agents who were signed in.
        for (agent, state), many in rings.items():
            time = times.get(agent)
            if time is not None:
                time.offers += many
                time.taken += many * (state in TAKEN)
                time.not_taken += many * (state in NOT_TAKEN)
        # 3. Sum up the groups, and hide both if one is too small.
        self.whole, accommodated, others = AgentTime(), AgentTime(), AgentTime()
        for agent, time in times.items():
            self.whole.add_time(time)
            (accommodated if agent in special else others).add_time(time)
        self.pair = (accommodated, others) if min(accommodated.agents, others.agents) >= K_MIN else None

    @property
    def too_few(self) -> bool:
        """Whether too few agents were signed in to show their time: a figure of all would be one of each."""
        return self.whole.agents < K_MIN
