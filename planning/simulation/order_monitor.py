"""Count order violations independently of the engine.

An order violation is an offer that passes over another contact. That contact has equal priority and weight, has waited
longer, and could have been served by the same agent. This module is a second, plain reading of the rules. It uses no
choice of the engine, only the facts of contacts and agents. It works for a record too, because the ledger reports new
rules, temporary skills, closed services and lost links.

Some contacts are never counted as passed over, because only the engine knows whether the agent could have served them:

- a heavy contact (`HEAVY_LOAD` or more), which a profile may keep away for a time
- a contact of another channel, if the agent already has a contact
- a contact whose service has its maximum of contacts at agents
- a contact that was turned away, or that hears good-bye
- a contact whose preferred agent may still be waited for
- a callback
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from routing.core.matching.skill_expression import fits_skills, parse_expression
from routing.core.model.centre_model import (
    HEAVY_LOAD,
    SHIPPED,
    Agent,
    Centre,
    Channel,
    ChannelRow,
    Needs,
    Profile,
    Service,
    Step,
)
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId


class _Key(NamedTuple):
    """Everything that decides which agents may take a contact, and its order."""

    service: ServiceId
    channel: Channel
    priority: int
    """Points of the contact itself."""
    needs: Needs
    topics: frozenset[str]
    node: str
    """Name of the Asterisk that carries the contact."""
    step: int = 0


_key = tuple.__new__

Waits = tuple[float, int, ContactId, _Key]
"""Start of the wait, running number, contact and key. Entries compare by the first two."""

NO_TOPICS: frozenset[str] = frozenset()

Class = tuple[bool, int, float]
"""Distress, points and weight. Only contacts of the same class can overtake each other."""


class WaitingQueue:
    """Waiting contacts with the same key, oldest first."""

    __slots__ = ("fits", "key", "line", "service")

    def __init__(self, key: _Key, service: Service) -> None:
        self.key, self.service = key, service
        self.line: deque[Waits] = deque()
        """Entries by age. An entry that no longer waits is removed only when it reaches the head."""
        self.fits: dict[AgentId, bool] = {}
        """Whether each known agent can serve the key."""


class OrderMonitor:
    """Waiting contacts as the facts describe them."""

    def __init__(self, centre: Centre) -> None:
        self._services: dict[ServiceId, Service] = {}
        self._agents: dict[AgentId, Agent] = {}
        self._own: dict[AgentId, Needs] = {}
        """Temporary skills of agents, which replace the configured ones."""
        self._channels = SHIPPED
        self._queues: dict[_Key, WaitingQueue] = {}
        self._rivals: dict[Class, list[WaitingQueue]] = {}
        self._entries: dict[ContactId, Waits] = {}
        """Contacts that wait, are offered or talk."""
        self._present: dict[ContactId, Waits] = {}
        """Contacts in a queue without an offer."""
        self._newest: Waits | None = None
        """Last arrival, not yet in a queue. Most contacts are offered at once and never enter one."""
        self._numbers = 0
        self._refused: set[ContactId] = set()
        """Contacts that a closed or full service turned away, or that hear good-bye."""
        self._closed: set[ServiceId] = set()
        self._down: set[str] = set()
        """Nodes whose link is down. Their contacts are not offered."""
        self._taken = Counter[ServiceId]()
        """Contacts at agents, for services with a limit."""
        self._limits: dict[ServiceId, int] = {}
        self._room: dict[ServiceId, int] = {}
        self.apply_centre(centre)

    def apply_centre(self, centre: Centre) -> None:
        """Apply new rules from now on. Removed agents and services keep their last rules."""
        # 1. Take over the rules.
        self._services |= {service.id: service for service in centre.services}
        self._agents |= {agent.id: agent for agent in centre.agents}
        self._channels = SHIPPED | {row.channel: row for row in centre.channels}
        self._limits = {service.id: service.max_talking for service in centre.services
                        if service.max_talking is not None}
        self._room = {service.id: service.max_waiting for service in centre.services
                      if service.max_waiting is not None and not service.distress}
        self._closed -= {service.id for service in centre.services if service.distress}
        # 2. Sort the queues into their classes again, and forget which agents fit.
        self._rivals = {}
        for key, line in self._queues.items():
            line.service = self._services[key.service]
            line.fits.clear()
            self._rivals.setdefault(self._class_of(key), []).append(line)

    def note_skills(self, agent: AgentId, skills: Needs | None) -> None:
        """Set the temporary skills of an agent. None restores the configured ones."""
        if skills is None:
            self._own.pop(agent, None)
        else:
            self._own[agent] = skills
        for line in self._queues.values():
            line.fits.pop(agent, None)

    def note_opening(self, service: ServiceId, is_open: bool) -> None:
        """Open or close a service. Contacts that arrive at a closed service go elsewhere."""
        if is_open:
            self._closed.discard(service)
        else:
            self._closed.add(service)

    def note_link(self, node: str, up: bool) -> None:
        """Note that the link to a node was lost or restored. Contacts without a node follow the last report of any
        node."""
        for name in (node, ""):
            if up:
                self._down.discard(name)
            else:
                self._down.add(name)

    def add_contact(self, contact: ContactId, service: ServiceId, channel: Channel, priority: int, since: float,
                    needs: Needs = (), topics: frozenset[str] = NO_TOPICS, node: str = "", place: int = 1) -> None:
        """Add a waiting contact. `priority` holds the contact's own points, `place` its position in the queue from
        1."""
        # The arrival before was not offered at once, so it enters its queue now.
        if self._newest is not None:
            self._add_to_queue(self._newest)
        self._numbers = number = self._numbers + 1
        # `_key` skips the named tuple's own constructor, which costs more than the rest of this method.
        entry = self._entries[contact] = since, number, contact, _key(
            _Key, (service, channel, priority, needs, topics, node, 0))
        self._newest = entry
        if (self._closed and service in self._closed) or (self._room and place > self._room.get(service, place)):
            self._newest = None
            self._refused.add(contact)

    def _queue_of(self, key: _Key) -> WaitingQueue:
        line = self._queues.get(key)
        if line is None:
            line = self._queues[key] = WaitingQueue(key, self._services[key.service])
            self._rivals.setdefault(self._class_of(key), []).append(line)
        return line

    def _class_of(self, key: _Key) -> Class:
        service = self._services[key.service]
        return service.distress, service.priority + key.priority, service.weight

    def _add_to_queue(self, entry: Waits) -> None:
        if entry is self._newest:
            self._newest = None
        self._present[entry[2]] = entry
        heads = self._queue_of(entry[3]).line
        if not heads or heads[-1] < entry:
            heads.append(entry)
            return
        # A contact that returns with its old age goes between others.
        place = bisect_left(heads, entry)
        # Otherwise the old entry is still in the queue.
        if place == len(heads) or heads[place] is not entry:
            heads.insert(place, entry)

    def note_offer(self, contact: ContactId, agent: AgentId, at: float, idle: bool = True) -> bool:
        """Note an offer and return whether it passes over another contact.

        The contact waits no more for now. `idle` says that the agent had no contact and a reachable phone.
        """
        fresh, present = self._newest, self._present
        # 1. Count the contact for its service.
        if self._limits:
            self._count_at_agents(contact, 1)
        # 2. Most offers go to the newest contact at once. With an empty queue they cannot pass over anybody.
        if fresh is not None:
            if fresh[2] == contact:
                self._newest = None
                if not present:
                    return False
            else:
                self._add_to_queue(fresh)
        entry = self._entries.get(contact)
        present.pop(contact, None)
        if not present or entry is None:
            return False
        # 3. Compare with the oldest contact of each queue in the same class.
        key = entry[3]
        heavy = self._services[key.service].load >= HEAVY_LOAD
        for line in self._rivals.get(self._class_of(key), ()):
            heads = line.line
            # Entries that no longer wait are dropped when they reach the head.
            while heads and present.get(heads[0][2]) is not heads[0]:
                heads.popleft()
            if heads and heads[0] < entry and (heavy or line.service.load < HEAVY_LOAD) \
                    and (line.key.channel is key.channel or (idle and not self._agents[agent].profile.pair_id)) \
                    and self._could_serve(line, agent, at - heads[0][0]):
                return True
        return False

    def return_contact(self, contact: ContactId) -> None:
        """Return a contact to its queue with its age, after a failed offer or a dropped talk."""
        if self._limits:
            self._count_at_agents(contact, -1)
        entry = self._entries.get(contact)
        if entry is not None:
            self._add_to_queue(entry)

    def move_contact(self, contact: ContactId, service: ServiceId) -> None:
        """Move a contact to the queue of another service, with its age and its own points."""
        self._requeue_as(contact, lambda key: key._replace(service=service, step=0))
        # Refused by the first service, the contact was in no queue. The new service takes it.
        if contact in self._refused:
            self._refused.discard(contact)
            self._add_to_queue(self._entries[contact])

    def lead_out(self, contact: ContactId) -> None:
        """Note that a rule of the service leads a contact out of its queue, and that no agent is offered it now."""
        entry = self._entries.get(contact)
        if entry is not None:
            if entry is self._newest:
                self._newest = None
            self._present.pop(contact, None)
            self._refused.add(contact)

    def note_step(self, contact: ContactId, step: int) -> None:
        """Note the step whose needs the contact now has."""
        self._requeue_as(contact, lambda key: key._replace(step=step))

    def change_contact(self, contact: ContactId, priority: int, needs: Needs, topics: frozenset[str],
                       since: float | None = None) -> None:
        """Change points, needs and topics of a contact. `since` is a new start of the wait."""
        self._requeue_as(contact, lambda key: key._replace(priority=priority, needs=needs, topics=topics), since)

    def _requeue_as(self, contact: ContactId, other: Callable[[_Key], _Key], counts: float | None = None) -> None:
        """Move a contact to the queue of another key, with the same number."""
        entry = self._entries.get(contact)
        if entry is None:
            return
        since, number, _, key = entry
        changed = self._entries[contact] = since if counts is None else counts, number, contact, other(key)
        if self._newest is entry:
            self._newest = changed
        elif self._present.pop(contact, None) is not None:
            self._add_to_queue(changed)

    def end_talk(self, contact: ContactId) -> None:
        """Note the end of a talk."""
        if self._limits:
            self._count_at_agents(contact, -1)
        self._entries.pop(contact, None)

    def remove_contact(self, contact: ContactId) -> None:
        """Remove a contact that ended without an answer, or that is called back at a later time."""
        entry = self._entries.pop(contact, None)
        if entry is not None and entry is self._newest:
            self._newest = None
        self._present.pop(contact, None)
        self._refused.discard(contact)

    def _count_at_agents(self, contact: ContactId, more: int) -> None:
        """Change the number of contacts at agents of the contact's service."""
        entry = self._entries.get(contact)
        if entry is not None and entry[3].service in self._limits:
            self._taken[entry[3].service] += more

    def _could_serve(self, line: WaitingQueue, agent: AgentId, age: float) -> bool:
        key, service = line.key, line.service
        # A preferred agent may still be waited for.
        if not service.distress and key.step == 0 and age <= service.preferred_s:
            return False
        # Contacts of a lost node are not offered.
        if self._down and key.node in self._down:
            return False
        # The service may have its maximum of contacts at agents.
        if self._limits and self._taken[key.service] >= self._limits.get(key.service, self._taken[key.service] + 1):
            return False
        could = line.fits.get(agent)
        if could is None:
            found = self._agents[agent]
            skills = dict(self._own.get(agent, found.skills))
            could = line.fits[agent] = _can_serve(key, service, found.profile, skills, self._channels)
        return could


def _can_serve(key: _Key, service: Service, profile: Profile, skills: dict[SkillId, int],
               channels: dict[Channel, ChannelRow]) -> bool:
    """Return whether an agent has the skills for this step and may have such a contact at all."""
    # 1. Channel, topics and capacity of the profile.
    if key.channel not in profile.channels or profile.no_topics & (key.topics | {service.id}) \
            or dict(profile.max_concurrency).get(key.channel, 1) <= 0 \
            or channels[key.channel].cost > profile.capacity:
        return False
    # 2. Skills of step, floor and contact. In distress the steps only rank; without a floor the last one is the floor.
    step = service.steps[-1 if service.distress else min(key.step, len(service.steps) - 1)]
    if service.distress and (service.floor or service.floor_where):
        step = Step(())
    return all(skills.get(skill, -1) >= level for skill, level in (*step.needs, *service.floor, *key.needs)) \
        and all(fits_skills(parse_expression(text), skills) for text in (step.where, service.floor_where) if text)
