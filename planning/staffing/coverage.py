"""Find open services without a qualified agent on duty, and sets of services with too much work for their agents.

A service may look well staffed and still collapse. Six services on a ring, two per agent, with unequal loads waited 518
s. The same agents with all pairs of skills waited 17 s. So the load of each set of services is compared with the agents
who can serve at least one of them. This is Hall's condition for flows, and the stability condition of the product form
is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from drawing.chart import format_clock
from planning.simulation.centre_run import Duty
from planning.simulation.outcome import SLOT_S
from planning.staffing.requirement import SLOTS
from routing.core.engine import Engine
from routing.core.events import AgentSignedIn, Configured, SeatChanged
from routing.core.model.centre_model import Centre
from routing.core.model.facts import AgentChanged
from routing.core.model.ids import AgentId, SeatId, ServiceId

FULL = 0.95
"""Load per agent from which a set of services gets a warning. At 95 % of 60 agents a caller waits 48 s (Erlang C). A
set above 100 % has no steady state at all."""

MOST_SETS_OF = 12
"""Number of services up to which each set is checked (4,095 sets per half hour). With more services, only sets of up to
three and of all but up to two are checked."""

Hours = Mapping[ServiceId, Sequence[tuple[float, float]]]
"""Opening spans by service, in seconds after midnight. A service that is not named is always open."""


class TroubleType(StrEnum):
    """Types of trouble, worst first."""

    NOBODY = "nobody"
    """The service is open and no agent on duty may serve it."""
    OVERLOAD = "overload"
    """More work than agents."""
    FULL = "full"
    """Work close to the limit of the agents."""
    SHORT = "short"
    """Fewer agents than the plan needs, but no overload."""


class CoverageTrouble(NamedTuple):
    """A problem with its time span."""

    what: TroubleType
    services: tuple[ServiceId, ...]
    start_s: float
    end_s: float
    load: float
    """Load in Erlang in the worst half hour. For SHORT, the agents needed."""
    agents: float
    """Agents on duty who can serve any of the services."""

    def describe_trouble(self, names: Mapping[ServiceId, str]) -> str:
        """Return the problem as one sentence."""
        who = " + ".join(names.get(service, str(service)) for service in self.services)
        when = f"{format_clock(self.start_s)}–{format_clock(self.end_s)}"
        if self.what is TroubleType.NOBODY:
            return f"{when} {who}: open, but no agent on duty may serve it"
        share = f"{self.load / self.agents:.0%}" if self.agents else "everything"
        if self.what is TroubleType.SHORT:
            return f"{when} {who}: {self.agents:.0f} on duty, {self.load:.0f} needed"
        more = "more than they can do" if self.what is TroubleType.OVERLOAD else "hardly any spare"
        return f"{when} {who}: {self.load:.1f} Erlang for {self.agents:.1f} agents ({share}), {more}"


def services_by_agent(centre: Centre) -> dict[AgentId, frozenset[ServiceId]]:
    """Return the services that each agent may serve, with floor and accommodations.

    The shipped engine reports them at sign-in, so this function signs in each agent.
    """
    engine = Engine()
    engine.handle(Configured(centre._replace(seats=None)), 0.0)
    found: dict[AgentId, frozenset[ServiceId]] = {}
    # A seat holds one agent, so each agent gets a separate one.
    for number, agent in enumerate(centre.agents):
        seat = SeatId(f"s-{number}")
        engine.handle(SeatChanged(seat, True, False), 0.0)
        engine.handle(AgentSignedIn(agent.id, seat), 0.0)
        for fact in engine.take_facts():
            if isinstance(fact, AgentChanged) and fact.services is not None:
                found[fact.agent] = frozenset(fact.services)
    return found


class _Found(NamedTuple):
    """A problem in one half hour."""

    what: TroubleType
    services: tuple[ServiceId, ...]
    slot: int
    load: float
    agents: float


class Presence(NamedTuple):
    """Agents on duty in one half hour by their services. A break of half the time counts as half an agent."""

    by_skills: Mapping[frozenset[ServiceId], float]
    fewest: Mapping[ServiceId, int]
    """Fewest agents at any moment of the half hour, for each service."""

    def can_serve(self, services: Iterable[ServiceId]) -> float:
        """Return the number of agents who can serve at least one of the services."""
        wanted = frozenset(services)
        return sum(number for skills, number in self.by_skills.items() if skills & wanted)


def presence_by_slot(centre: Centre, duties: Sequence[Duty]) -> list[Presence]:
    """Return the agents on duty in each half hour of the day."""
    # 1. Collect the changes of presence and the seconds in each half hour.
    can = services_by_agent(centre)
    changes: dict[ServiceId, list[tuple[float, int]]] = {service.id: [] for service in centre.services}
    seconds = [Counter[frozenset[ServiceId]]() for _ in range(SLOTS)]
    for duty in duties:
        skills = can.get(duty.agent, frozenset())
        for begin, end in _working_spans(duty):
            for service in skills:
                changes[service] += [(begin, 1), (end, -1)]
            for slot in range(max(0, int(begin // SLOT_S)), min(SLOTS, int(-(-end // SLOT_S)))):
                overlap = min(end, (slot + 1) * SLOT_S) - max(begin, slot * SLOT_S)
                seconds[slot][skills] += round(overlap)
    # 2. The lowest number comes from the changes, the mean from the seconds.
    lowest = {service: _fewest_by_slot(found) for service, found in changes.items()}
    return [Presence({skills: time / SLOT_S for skills, time in seconds[slot].items()},
                     {service: low[slot] for service, low in lowest.items()}) for slot in range(SLOTS)]


def _working_spans(duty: Duty) -> Iterator[tuple[float, float]]:
    """Yield the spans of the duty without its breaks."""
    begin = duty.start
    for start, end in duty.breaks:
        if start > begin:
            yield begin, start
        begin = end
    if duty.end > begin:
        yield begin, duty.end


def _fewest_by_slot(changes: list[tuple[float, int]]) -> list[int]:
    """Return the fewest agents at any moment of each half hour.

    At equal times an arrival comes before a departure, so a replacement at the same moment leaves no gap.
    """
    found = [-1] * SLOTS
    there, position = 0, 0
    ordered = sorted(changes, key=lambda change: (change[0], -change[1]))
    for slot in range(SLOTS):
        # 1. Apply the changes up to the start of the half hour.
        begin, end = slot * SLOT_S, (slot + 1) * SLOT_S
        while position < len(ordered) and ordered[position][0] <= begin:
            there += ordered[position][1]
            position += 1
        # 2. Look ahead at the changes within it.
        low, now, ahead = there, there, position
        while ahead < len(ordered) and ordered[ahead][0] < end:
            now += ordered[ahead][1]
            low = min(low, now)
            ahead += 1
        found[slot] = low
    return found


def service_sets(services: Sequence[ServiceId]) -> Iterator[tuple[ServiceId, ...]]:
    """Yield the sets of services to check, small ones first."""
    count = len(services)
    sizes = range(1, count + 1) if count <= MOST_SETS_OF else sorted({1, 2, 3, count - 2, count - 1, count})
    for size in sizes:
        yield from combinations(services, size)


def find_troubles(centre: Centre, duties: Sequence[Duty], loads: Sequence[Mapping[ServiceId, float]],
                  hours: Hours | None = None,
                  needed: Mapping[tuple[ServiceId, int], int] | None = None) -> list[CoverageTrouble]:
    """Return all problems of these duties.

    `loads` are the Erlang of each service in each half hour. `needed` are the agents by service and half hour, to find
    shortages. Only the smallest overloaded sets are reported, because a set that contains one adds nothing.
    """
    there = presence_by_slot(centre, duties)
    services = [service.id for service in centre.services]
    found: list[_Found] = []
    for slot in range(SLOTS):
        # 1. Open services without an agent at some moment.
        here, load = there[slot], loads[slot]
        gaps = {service for service in services if here.fewest[service] == 0 and _is_open(hours, service, slot)}
        found += [_Found(TroubleType.NOBODY, (service,), slot, load.get(service, 0.0), 0.0)
                  for service in services if service in gaps]
        # 2. Sets of services with too much work.
        found += _find_overloads(here, [service for service in services if load.get(service, 0.0) > 0.0], load, slot,
                                 gaps)
        # 3. Services below the plan, unless a worse problem was reported for them.
        told = {service for one in found if one.slot == slot for service in one.services}
        for service in services:
            number = (needed or {}).get((service, slot), 0)
            if number > here.can_serve([service]) and service not in told:
                found.append(_Found(TroubleType.SHORT, (service,), slot, float(number), here.can_serve([service])))
    return _join_neighbours(found)


def _find_overloads(here: Presence, services: Sequence[ServiceId], load: Mapping[ServiceId, float], slot: int,
                    gaps: set[ServiceId]) -> Iterator[_Found]:
    """Yield sets of services with too much work for their agents."""
    told = [frozenset((service,)) for service in gaps]
    for group in service_sets(services):
        work, agents = sum(load[service] for service in group), here.can_serve(group)
        local = work / agents if agents else float("inf")
        if local >= FULL and not any(part <= frozenset(group) for part in told):
            told.append(frozenset(group))
            yield _Found(TroubleType.OVERLOAD if local >= 1.0 else TroubleType.FULL, group, slot, work, agents)


def _is_open(hours: Hours | None, service: ServiceId, slot: int) -> bool:
    spans = None if hours is None else hours.get(service)
    return spans is None or any(begin < (slot + 1) * SLOT_S and end > slot * SLOT_S for begin, end in spans)


def _join_neighbours(found: Iterable[_Found]) -> list[CoverageTrouble]:
    """Join neighbouring half hours with the same problem. The numbers are those of the worst half hour.

    The result is ordered by type, worst first.
    """
    order = list(TroubleType)
    joined: list[CoverageTrouble] = []
    for one in sorted(found, key=lambda one: (order.index(one.what), one.services, one.slot)):
        start, end = one.slot * SLOT_S, (one.slot + 1) * SLOT_S
        last = joined[-1] if joined else None
        if last is not None and (last.what, last.services, last.end_s) == (one.what, one.services, start):
            worse = one.load * last.agents > last.load * one.agents
            load, agents = (one.load, one.agents) if worse else (last.load, last.agents)
            joined[-1] = last._replace(end_s=end, load=load, agents=agents)
        else:
            joined.append(CoverageTrouble(one.what, one.services, start, end, one.load, one.agents))
    return sorted(joined, key=lambda one: (order.index(one.what), one.start_s, one.services))
