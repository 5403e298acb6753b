"""Who is there for whom: open services with nobody on duty who may serve them, and sets of services whose work is too
much for the agents who can do it.

A service by itself may look well staffed and still collapse: six services on a ring, two to an agent, with unequal
loads waited 518 s where the same agents with all pairs of skills waited 17 s. So the load of each *set* of services is
compared with the agents who can serve at least one of it (Hall's condition for flows; the stability condition of the
product form is the same).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from drawing.chart import clock
from planning.house import Duty
from planning.outcome import SLOT_S
from planning.staffing import SLOTS
from routing.core.engine import Engine
from routing.core.events import AgentSignedIn, Configured, SeatChanged
from routing.core.facts import AgentChanged
from routing.core.ids import AgentId, SeatId, ServiceId
from routing.core.model import Centre

FULL = 0.95
"""Local load from which on a set of services is warned of. At 95 % of 60 agents a caller waits 48 s (Erlang C); a set
above 100 % has no steady state at all."""

MOST_SETS_OF = 12
"""Services up to which every set is looked at (4,095 sets a half hour). With more, sets of up to three services and of
all but up to two."""

Hours = Mapping[ServiceId, Sequence[tuple[float, float]]]
"""Spans of the day, seconds after midnight, in which a service is open. One that is not named is always open."""


class What(StrEnum):
    """Kinds of trouble, worst first."""

    NOBODY = "nobody"
    """The service is open and nobody on duty may serve it."""
    OVERLOAD = "overload"
    """More work than agents."""
    FULL = "full"
    """Work close to what the agents can do."""
    SHORT = "short"
    """Fewer agents than the plan needs, though no overload."""


class Trouble(NamedTuple):
    """What is wrong from when until when."""

    what: What
    services: tuple[ServiceId, ...]
    start_s: float
    end_s: float
    load: float
    """Erlang, in the worst half hour; of SHORT, the agents needed."""
    agents: float
    """On duty in it who can serve any of the services."""

    def text(self, names: Mapping[ServiceId, str]) -> str:
        """One sentence."""
        who = " + ".join(names.get(service, str(service)) for service in self.services)
        when = f"{clock(self.start_s)}–{clock(self.end_s)}"
        if self.what is What.NOBODY:
            return f"{when} {who}: open, and nobody on duty who may serve it"
        share = f"{self.load / self.agents:.0%}" if self.agents else "everything"
        if self.what is What.SHORT:
            return f"{when} {who}: {self.agents:.0f} on duty, {self.load:.0f} needed"
        more = "more than they can do" if self.what is What.OVERLOAD else "hardly any spare"
        return f"{when} {who}: {self.load:.1f} Erlang for {self.agents:.1f} agents ({share}), {more}"


def abilities(centre: Centre) -> dict[AgentId, frozenset[ServiceId]]:
    """Which services each agent may serve, floor and accommodations included: asked of the shipped engine, which says
    it when an agent signs in."""
    engine = Engine()
    engine.handle(Configured(centre._replace(seats=None)), 0.0)
    found: dict[AgentId, frozenset[ServiceId]] = {}
    for number, agent in enumerate(centre.agents):
        seat = SeatId(f"s-{number}")
        engine.handle(SeatChanged(seat, True, False), 0.0)
        engine.handle(AgentSignedIn(agent.id, seat), 0.0)
        for fact in engine.take_facts():
            if isinstance(fact, AgentChanged):
                found[fact.agent] = frozenset(fact.services)
    return found


class _Found(NamedTuple):
    """Trouble in one half hour."""

    what: What
    services: tuple[ServiceId, ...]
    slot: int
    load: float
    agents: float


class Presence(NamedTuple):
    """Agents on duty in one half hour, by what they can serve. Numbers are means: a break of half the time is half."""

    by_skills: Mapping[frozenset[ServiceId], float]
    fewest: Mapping[ServiceId, int]
    """For each service, the fewest at any moment of the half hour."""

    def can_serve(self, services: Iterable[ServiceId]) -> float:
        """Agents who can serve at least one of the services."""
        wanted = frozenset(services)
        return sum(number for skills, number in self.by_skills.items() if skills & wanted)


def presence(centre: Centre, duties: Sequence[Duty]) -> list[Presence]:
    """Who is there in each half hour of the day."""
    can = abilities(centre)
    changes: dict[ServiceId, list[tuple[float, int]]] = {service.id: [] for service in centre.services}
    seconds = [Counter[frozenset[ServiceId]]() for _ in range(SLOTS)]
    for duty in duties:
        skills = can.get(duty.agent, frozenset())
        for begin, end in _there(duty):
            for service in skills:
                changes[service] += [(begin, 1), (end, -1)]
            for slot in range(max(0, int(begin // SLOT_S)), min(SLOTS, int(-(-end // SLOT_S)))):
                overlap = min(end, (slot + 1) * SLOT_S) - max(begin, slot * SLOT_S)
                seconds[slot][skills] += round(overlap)
    lowest = {service: _fewest(found) for service, found in changes.items()}
    return [Presence({skills: time / SLOT_S for skills, time in seconds[slot].items()},
                     {service: low[slot] for service, low in lowest.items()}) for slot in range(SLOTS)]


def _there(duty: Duty) -> Iterator[tuple[float, float]]:
    """The duty without its breaks."""
    begin = duty.start
    for start, end in duty.breaks:
        if start > begin:
            yield begin, start
        begin = end
    if duty.end > begin:
        yield begin, duty.end


def _fewest(changes: list[tuple[float, int]]) -> list[int]:
    """The fewest at any moment of each half hour: who leaves while another comes at the same moment is replaced."""
    found = [-1] * SLOTS
    there, position = 0, 0
    ordered = sorted(changes, key=lambda change: (change[0], -change[1]))
    for slot in range(SLOTS):
        begin, end = slot * SLOT_S, (slot + 1) * SLOT_S
        while position < len(ordered) and ordered[position][0] <= begin:
            there += ordered[position][1]
            position += 1
        low, now, ahead = there, there, position
        while ahead < len(ordered) and ordered[ahead][0] < end:
            now += ordered[ahead][1]
            low = min(low, now)
            ahead += 1
        found[slot] = low
    return found


def sets_of(services: Sequence[ServiceId]) -> Iterator[tuple[ServiceId, ...]]:
    """The sets of services that are looked at, small ones first."""
    count = len(services)
    sizes = range(1, count + 1) if count <= MOST_SETS_OF else sorted({1, 2, 3, count - 2, count - 1, count})
    for size in sizes:
        yield from combinations(services, size)


def troubles(centre: Centre, duties: Sequence[Duty], loads: Sequence[Mapping[ServiceId, float]],
             hours: Hours | None = None, needed: Mapping[tuple[ServiceId, int], int] | None = None) -> list[Trouble]:
    """Everything wrong with these duties. `loads`: Erlang of each service in each half hour; `needed`: agents by
    service and half hour, to tell who is short. Of sets of services only the smallest are told: one that is full
    because a part of it is adds nothing."""
    there = presence(centre, duties)
    services = [service.id for service in centre.services]
    found: list[_Found] = []
    for slot in range(SLOTS):
        here, load = there[slot], loads[slot]
        gaps = {service for service in services if here.fewest[service] == 0 and _open(hours, service, slot)}
        found += [_Found(What.NOBODY, (service,), slot, load.get(service, 0.0), 0.0)
                  for service in services if service in gaps]
        found += _loaded(here, [service for service in services if load.get(service, 0.0) > 0.0], load, slot, gaps)
        told = {service for one in found if one.slot == slot for service in one.services}
        for service in services:
            number = (needed or {}).get((service, slot), 0)
            if number > here.can_serve([service]) and service not in told:
                found.append(_Found(What.SHORT, (service,), slot, float(number), here.can_serve([service])))
    return _joined(found)


def _loaded(here: Presence, services: Sequence[ServiceId], load: Mapping[ServiceId, float], slot: int,
            gaps: set[ServiceId]) -> Iterator[_Found]:
    """Sets of services with too much work for those who can do it."""
    told = [frozenset((service,)) for service in gaps]
    for group in sets_of(services):
        work, agents = sum(load[service] for service in group), here.can_serve(group)
        local = work / agents if agents else float("inf")
        if local >= FULL and not any(part <= frozenset(group) for part in told):
            told.append(frozenset(group))
            yield _Found(What.OVERLOAD if local >= 1.0 else What.FULL, group, slot, work, agents)


def _open(hours: Hours | None, service: ServiceId, slot: int) -> bool:
    spans = None if hours is None else hours.get(service)
    return spans is None or any(begin < (slot + 1) * SLOT_S and end > slot * SLOT_S for begin, end in spans)


def _joined(found: Iterable[_Found]) -> list[Trouble]:
    """Neighbouring half hours with the same trouble are one, with the numbers of the worst; worst kind first."""
    order = list(What)
    joined: list[Trouble] = []
    for one in sorted(found, key=lambda one: (order.index(one.what), one.services, one.slot)):
        start, end = one.slot * SLOT_S, (one.slot + 1) * SLOT_S
        last = joined[-1] if joined else None
        if last is not None and (last.what, last.services, last.end_s) == (one.what, one.services, start):
            worse = one.load * last.agents > last.load * one.agents
            load, agents = (one.load, one.agents) if worse else (last.load, last.agents)
            joined[-1] = last._replace(end_s=end, load=load, agents=agents)
        else:
            joined.append(Trouble(one.what, one.services, start, end, one.load, one.agents))
    return sorted(joined, key=lambda one: (order.index(one.what), one.start_s, one.services))
