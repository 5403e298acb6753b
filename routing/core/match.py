"""Who fits whom, without looking at everybody: ready agents by requirement and level, waiting contacts by requirement.

A *pool* holds the agents that one skill (or one combination of skills) asks for. In it one line of ready agents for
each level, longest idle first, and an integer with one bit for each level that is not empty: its highest bit is the
best level. A *group* holds the waiting contacts that need the same at the moment, in their order; only heads are ever
compared. The cost of a choice follows the number of different requirements, never that of agents or contacts.

Rank: the level in the requirement's first skill (the first one the step names, else the first of the floor), higher is
better; a requirement without skills ranks everybody alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from routing.core.ids import AgentId, ServiceId, SkillId
from routing.core.line import Line
from routing.core.model import Agent, Channel, Service, Step
from routing.core.ready import ReadyLine
from routing.core.records import AgentRecord, Contact, LineKey

if TYPE_CHECKING:
    from routing.core.records import Place

Needs = tuple[tuple[SkillId, int], ...]


def needs_of(service: Service, step: int) -> Needs:
    """What a step asks for with the floor in it: for each skill the higher of both, the step's skills first."""
    needs = dict(service.steps[step].needs)
    for skill, level in service.floor:
        needs[skill] = max(level, needs.get(skill, level))
    return tuple(needs.items())


def level_for(skills: dict[SkillId, int], needs: Needs) -> int | None:
    """The level that ranks an agent with these skills; None: the agent does not fit. An undefined skill never fits."""
    for skill, least in needs:
        level = skills.get(skill)
        if level is None or level < least:
            return None
    return skills[needs[0][0]] if needs else 0


@dataclass(slots=True, eq=False)
class Pool:
    """Agents who fit a combination of skills. For a single skill `needs` has level 0: the group says how high."""

    channel: Channel
    needs: Needs
    lines: dict[int, ReadyLine] = field(default_factory=dict)
    mask: int = 0
    """Bit n: somebody with level n is ready."""
    signed: dict[int, int] = field(default_factory=dict)
    signed_mask: int = 0
    """Bit n: somebody with level n is signed in."""

    def line(self, level: int) -> ReadyLine:
        """The line of a level."""
        found = self.lines.get(level)
        if found is None:
            found = self.lines[level] = ReadyLine()
        return found

    def sign(self, level: int, by: int) -> None:
        """Count an agent in (+1) or out (-1)."""
        count = self.signed.get(level, 0) + by
        self.signed[level] = count
        if count:
            self.signed_mask |= 1 << level
        else:
            self.signed_mask &= ~(1 << level)


@dataclass(slots=True, eq=False)
class Group:
    """Contacts of one node that wait for the same. `low` is the lowest level of the pool that will do."""

    node: str
    pool: Pool
    low: int
    ranked: bool
    may_relax: bool
    """Its contacts have a next step."""
    line: Line[tuple[float, int, Contact]] = field(default_factory=Line)


class Matching:
    """Both indexes. Made anew from the centre's settings at each reload."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._pools: dict[tuple[Channel, Needs], Pool] = {}
        self._groups: dict[tuple[str, Channel, Needs, bool], Group] = {}
        self._places: dict[Agent, tuple[Place, ...]] = {}
        self._served: dict[Agent, tuple[ServiceId, ...]] = {}
        self._services = tuple(services)
        self.active: dict[Group, None] = {}
        """Groups in which somebody waits."""
        self.ready = 0
        """Agents who could be offered something now."""
        self.signed_in = 0
        for service in self._services:
            self.cover(service)

    def cover(self, service: Service) -> None:
        """Have a pool for everything a service may ask for, on every channel."""
        for step in range(len(service.steps)):
            for channel in Channel:
                self._pool(channel, needs_of(service, step))

    def _pool(self, channel: Channel, needs: Needs) -> Pool:
        if len(needs) == 1:
            needs = ((needs[0][0], 0),)
        pool = self._pools.get((channel, needs))
        if pool is None:
            pool = self._pools[channel, needs] = Pool(channel, needs)
        return pool

    def group(self, node: str, channel: Channel, service: Service, step: int) -> Group:
        """Where a contact of this service waits in this step."""
        needs, may_relax = needs_of(service, step), lasts(service, step) is not None
        group = self._groups.get((node, channel, needs, may_relax))
        if group is None:
            low = needs[0][1] if needs else 0
            group = Group(node, self._pool(channel, needs), low, bool(needs), may_relax)
            self._groups[node, channel, needs, may_relax] = group
        return group

    def join(self, group: Group, contact: Contact) -> None:
        """A contact begins to wait in a group, at its place by `contact.key`."""
        contact.group = group
        group.line.add((*contact.key, contact))
        self.active[group] = None

    def part(self, contact: Contact) -> None:
        """A contact waits for an agent no more. Fine when it does not."""
        group, contact.group = contact.group, None
        if group is not None:
            group.line.remove((*contact.key, contact))
            if not group.line:
                del self.active[group]

    def places(self, agent: Agent) -> tuple[Place, ...]:
        """Where an agent stands when ready. Agents with equal skills and profile share the work."""
        alike = agent._replace(id=_NOBODY)
        found = self._places.get(alike)
        if found is None:
            skills, capacity = dict(agent.skills), dict(agent.profile.max_concurrency)
            found = tuple(
                (pool, level, 1 << level, pool.line(level)) for pool in self._pools.values()
                if pool.channel in agent.profile.channels and capacity.get(pool.channel, 0) > 0
                and (level := level_for(skills, pool.needs)) is not None)
            self._places[alike] = found
        return found

    def served(self, agent: Agent) -> tuple[ServiceId, ...]:
        """The services an agent can serve in at least one of their steps."""
        alike = agent._replace(id=_NOBODY)
        found = self._served.get(alike)
        if found is None:
            skills = dict(agent.skills)
            found = tuple(service.id for service in self._services if any(
                level_for(skills, needs_of(service, step)) is not None for step in range(len(service.steps))))
            self._served[alike] = found
        return found

    def stand(self, record: AgentRecord) -> None:
        """An agent becomes ready: into every pool they fit."""
        key: LineKey = (record.idle_since, record.index)
        record.key = key
        self.ready += 1
        for pool, _, bit, line in record.places:  # what ReadyLine.add does, without a call for each place
            if key > line.latest:
                line.prompt[record] = line.latest = key
            else:
                line.add(record, key)
            pool.mask |= bit

    def leave(self, record: AgentRecord) -> None:
        """An agent is not ready any more. Fine when they were not."""
        key, record.key = record.key, None
        if key is None:
            return
        self.ready -= 1
        for pool, _, bit, line in record.places:
            prompt = line.prompt
            try:
                del prompt[record]
            except KeyError:
                line.remove(record, key)
            if not prompt and not line.late:
                pool.mask ^= bit

    def sign_in(self, record: AgentRecord) -> None:
        """Count an agent as signed in: what decides whether a step can be met at all."""
        record.places, record.signed = self.places(record.agent), True
        record.serves = self.served(record.agent)
        self.signed_in += 1
        for pool, level, *_ in record.places:
            pool.sign(level, 1)

    def sign_out(self, record: AgentRecord) -> None:
        """Count an agent out. Fine when they were not counted."""
        if record.signed:
            self.leave(record)
            self.signed_in -= 1
            for pool, level, *_ in record.places:
                pool.sign(level, -1)
        record.places, record.signed = (), False


_NOBODY = AgentId("")
"""Stands for any agent where only skills and profile count."""


def clamp_step(service: Service, step: int) -> int:
    """The same step after a reload that may have shortened the steps."""
    return min(step, len(service.steps) - 1)


def lasts(service: Service, step: int) -> float | None:
    """How long a step stays; None: it is the last, or says so itself."""
    steps: tuple[Step, ...] = service.steps
    return steps[step].lasts_s if step + 1 < len(steps) else None
