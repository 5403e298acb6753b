"""How agents spent a period: time in each state, breaks, offers; by groups, never by name.

Fairness: those whose profile differs from the usual one beside the others. What their profile holds is not looked at:
the engine never knows why an accommodation exists. Groups below `K_MIN` are not shown, and then neither is the other:
from it and the whole the small one could be reckoned. Nor is the whole where it is as small.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, Double, select

from metrics.contacts import Rings
from metrics.names import K_MIN
from metrics.past import Field, told
from metrics.period import Period
from metrics.rest import Rest
from routing.core.model import Centre, Profile
from routing.store.reader import Ask
from routing.store.schema import agents

FIELDS = (Field("agent"), Field("before"), Field("state"), Field("reason"), Field("before_s", Double),
          Field("since", Double), Field("idle_since", Double), Field("rest_until", Double, within="wellbeing"),
          Field("relaxed", JSON, within="wellbeing"))
"""Of `AgentChanged`."""
LOOK_S = 4 * 3600.0
"""A state that began before the period and lasts is known by the change that ends it, looked for so much longer. Who
is signed in has a short break at least every few hours (`Profile.max_continuous_s`); who shows no change for so long
after the period's end was not there."""

OUT, READY, TALKING, WRAPUP, PAUSED = "signed_out", "ready", "talking", "wrapup", "paused"
OFF_PHONE = "paused_work"
"""Of a pause whose reason counts as work: it is no break."""
MISSED, TAKEN = ("timeout", "rejected"), ("accepted", "wrapping", "completed")
"""States of offers: those that an agent did not take, and those that became talks."""


@dataclass(slots=True)
class Time:
    """One agent's time, or a group's. Seconds."""

    agents: int = 0
    """Who were signed in at all."""
    states: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    available_s: float = 0.0
    """Ready, without the rest gap and the rest after a heavy contact."""
    breaks: int = 0
    offers: int = 0
    taken: int = 0
    missed: int = 0

    @property
    def signed_in_s(self) -> float:
        """In all states."""
        return sum(self.states.values())

    @property
    def busy_s(self) -> float:
        """In talks and wrap-up."""
        return self.states[TALKING] + self.states[WRAPUP]

    @property
    def occupancy(self) -> float | None:
        """(contact + wrap-up) / (contact + wrap-up + available); None: nobody was there."""
        whole = self.busy_s + self.available_s
        return self.busy_s / whole if whole > 0 else None

    def hourly(self, value: float) -> float | None:
        """For each hour that somebody was signed in."""
        return value / self.signed_in_s * 3600.0 if self.signed_in_s > 0 else None

    def add(self, other: Time) -> None:
        """Take another one in."""
        self.agents += other.agents
        for state, seconds in other.states.items():
            self.states[state] += seconds
        self.available_s += other.available_s
        self.breaks += other.breaks
        self.offers += other.offers
        self.taken += other.taken
        self.missed += other.missed


@dataclass(slots=True)
class _Clock:
    """What an agent does, and since when."""

    state: str
    since: float
    rest: Rest = field(default_factory=Rest)


class Attendance:
    """Folds changes of agents in order into their time within the period. `until`: the record ends there."""

    def __init__(self, period: Period, centre: Centre, until: float) -> None:
        self._start, self._end = period.start, min(period.end, until)
        self._rests: dict[str, float] = {agent.id: agent.profile.rest_gap_s for agent in centre.agents}
        self._work = frozenset(reason.id for reason in centre.pause_reasons if reason.work)
        self._clocks: dict[str, _Clock] = {}
        self._times: dict[str, Time] = {}

    def read(self, ask: Ask) -> None:
        """Every change in the period, and for `LOOK_S` after it."""
        last = self._end + LOOK_S
        for _, at, _, *fields in told(ask, ["AgentChanged"], FIELDS, self._start, last):
            if at < last:
                self.take(at, *fields)

    def take(self, at: float, agent: str, before: str, state: str, reason: str, before_s: float, since: float | None,
             idle_since: float | None, rest_until: float | None, relaxed: Sequence[Sequence[Any]] | None) -> None:
        """One change, as the fact says it. The last two are None when the fact has no `Wellbeing`."""
        noted, state = before == state, self._name_state(state, reason)
        clock = self._clocks.get(agent)
        if clock is None:
            begun = min(at - before_s, since) if noted and since is not None else at - before_s
            clock = self._clocks[agent] = _Clock(state if noted else before, begun)
        if rest_until is not None:
            clock.rest.told(rest_until, relaxed or ())
        if noted and clock.state == state:  # something was asked for: the state goes on
            if state == READY and rest_until is not None:
                clock.rest.goes_on(at)
            return
        self._spend(agent, clock, at)
        clock.state, clock.since = state, at if since is None else since
        if state == READY:
            clock.rest.begins(clock.since if idle_since is None else idle_since, self._rests.get(agent, 0.0))
        if state == PAUSED and self._start <= at < self._end:
            self._time(agent).breaks += 1

    def finish(self, ask: Ask) -> dict[str, Time]:
        """By agent: who was signed in for some of the time. Rows say what those do who showed no change."""
        for agent, state, reason, since in ask(select(agents.c.agent, agents.c.state, agents.c.reason,
                                                      agents.c.since)):
            if agent not in self._clocks and since < self._start:
                self._clocks[agent] = _Clock(self._name_state(state, reason), since)
        for agent, clock in self._clocks.items():
            self._spend(agent, clock, self._end)
        found = {agent: time for agent, time in self._times.items() if time.signed_in_s > 0}
        for time in found.values():
            time.agents = 1
        return found

    def _name_state(self, state: str, reason: str) -> str:
        """Return the state, with a name of its own for a pause that counts as work."""
        return OFF_PHONE if state == PAUSED and reason in self._work else state

    def _time(self, agent: str) -> Time:
        time = self._times.get(agent)
        if time is None:
            time = self._times[agent] = Time()
        return time

    def _spend(self, agent: str, clock: _Clock, until: float) -> None:
        start, end = max(clock.since, self._start), min(until, self._end)
        if clock.state == OUT or end <= start:
            return
        time = self._time(agent)
        time.states[clock.state] += end - start
        if clock.state == READY:
            time.available_s += max(0.0, end - max(start, clock.rest.available))


class Groups:
    """All agents, and the two groups of the fairness report (None: one of them is too small)."""

    def __init__(self, times: Mapping[str, Time], rings: Rings, centre: Centre) -> None:
        usual = Counter(agent.profile for agent in centre.agents).most_common(1)
        default = usual[0][0] if usual else Profile()
        special = {agent.id for agent in centre.agents if agent.profile != default}
        for (agent, state), many in rings.items():
            time = times.get(agent)
            if time is not None:
                time.offers += many
                time.taken += many * (state in TAKEN)
                time.missed += many * (state in MISSED)
        self.whole, accommodated, others = Time(), Time(), Time()
        for agent, time in times.items():
            self.whole.add(time)
            (accommodated if agent in special else others).add(time)
        self.pair = (accommodated, others) if min(accommodated.agents, others.agents) >= K_MIN else None

    @property
    def few(self) -> bool:
        """So few were signed in that nothing is told of their time: what is said of all would be said of each."""
        return self.whole.agents < K_MIN
