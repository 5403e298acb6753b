"""Order between callers, counted independently of the engine: who was overtaken at the moment of an offer.

An order violation: a contact is offered to an agent while another one, of equal priority and weight, that this agent
could serve as well, has waited longer. This is a second, plain look at the rules: nothing of the engine's own choice is
used, only what the facts say of contacts and agents. It holds for a record too: rules, skills for now, services that
close, links that are down are told to it as they change.

Where it is not known from outside that the agent could have served the other one at that moment, nobody was overtaken:
a heavy contact (`HEAVY` and more) that a profile may keep away for a time, one of another channel at an agent who has
something under way, one whose service has as many contacts at agents as it may, one that was refused when it came and
is on its way to the safety net, one whose preferred agent may still be waited for, a callback.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from routing.core.expression import fits, parse
from routing.core.ids import AgentId, ContactId, ServiceId, SkillId
from routing.core.model import SHIPPED, Agent, Centre, Channel, ChannelRow, Needs, Profile, Service

HEAVY = 3
"""From this load on a contact may be kept from an agent for a time (`DistressLimit`)."""


class _Key(NamedTuple):
    """What a contact asks for."""

    service: ServiceId
    channel: Channel
    priority: int
    """Its own points."""
    needs: Needs
    topics: frozenset[str]
    """What it is about."""
    node: str
    """The Asterisk that carries it."""
    step: int = 0


_key = tuple.__new__

Waits = tuple[float, int, ContactId, _Key]
"""Since when, a running number, who, for what. Compared by the first two."""

NO_TOPICS: frozenset[str] = frozenset()

Class = tuple[int, float]
"""Points and weight: only equals can overtake each other."""


class Waiting:
    """The line of all who ask for the same in one class, oldest first."""

    __slots__ = ("fits", "key", "line", "service")

    def __init__(self, key: _Key, service: Service) -> None:
        self.key, self.service = key, service
        self.line: deque[Waits] = deque()
        """May hold contacts that wait no more, until they are at the head."""
        self.fits: dict[AgentId, bool] = {}
        """For each agent seen: whether they have what is asked for."""


class Order:
    """Who waits, as the facts tell it."""

    def __init__(self, centre: Centre) -> None:
        self._services: dict[ServiceId, Service] = {}
        self._agents: dict[AgentId, Agent] = {}
        self._own: dict[AgentId, Needs] = {}
        """What agents serve for now instead of what is configured."""
        self._channels = SHIPPED
        self._lines: dict[_Key, Waiting] = {}
        self._rivals: dict[Class, list[Waiting]] = {}
        self._known: dict[ContactId, Waits] = {}
        """Every contact that waits, is offered to somebody or talks."""
        self._present: dict[ContactId, Waits] = {}
        """Who stands in a line and is offered to nobody."""
        self._fresh: Waits | None = None
        """Who came last and stands in no line yet: most are offered to somebody at once and never do."""
        self._numbers = 0
        self._refused: set[ContactId] = set()
        """Who came to a service that is closed or full and has not moved to another: on the way to the safety net."""
        self._closed: set[ServiceId] = set()
        self._down: set[str] = set()
        """Asterisks to which the link is down: nothing of theirs is offered."""
        self._taken = Counter[ServiceId]()
        """Contacts at agents, of services that limit them."""
        self._limits: dict[ServiceId, int] = {}
        self._room: dict[ServiceId, int] = {}
        self.rules(centre)

    def rules(self, centre: Centre) -> None:
        """These rules are in force from now on. Who is gone from them is known by what they were."""
        self._services |= {service.id: service for service in centre.services}
        self._agents |= {agent.id: agent for agent in centre.agents}
        self._channels = SHIPPED | {row.channel: row for row in centre.channels}
        self._limits = {service.id: service.max_talking for service in centre.services
                        if service.max_talking is not None}
        self._room = {service.id: service.max_waiting for service in centre.services
                      if service.max_waiting is not None and not service.distress}
        self._closed -= {service.id for service in centre.services if service.distress}
        self._rivals = {}
        for key, line in self._lines.items():
            line.service = self._services[key.service]
            line.fits.clear()
            self._rivals.setdefault(self._class(key), []).append(line)

    def skilled(self, agent: AgentId, skills: Needs | None) -> None:
        """What an agent serves from now on; None: what is configured."""
        if skills is None:
            self._own.pop(agent, None)
        else:
            self._own[agent] = skills
        for line in self._lines.values():
            line.fits.pop(agent, None)

    def opens(self, service: ServiceId, is_open: bool) -> None:
        """A service opens or closes: who comes while it is closed is sent elsewhere."""
        if is_open:
            self._closed.discard(service)
        else:
            self._closed.add(service)

    def linked(self, node: str, up: bool) -> None:
        """The link to an Asterisk is lost or back. Contacts of no node follow whichever was told of last."""
        for name in (node, ""):
            if up:
                self._down.discard(name)
            else:
                self._down.add(name)

    def comes(self, contact: ContactId, service: ServiceId, channel: Channel, priority: int, since: float,
              needs: Needs = (), topics: frozenset[str] = NO_TOPICS, node: str = "", place: int = 1) -> None:
        """A contact waits. `priority`: its own points; `place`: in its service's line, from 1."""
        if self._fresh is not None:
            self._stand(self._fresh)
        self._numbers = number = self._numbers + 1
        entry = self._known[contact] = since, number, contact, _key(
            _Key, (service, channel, priority, needs, topics, node, 0))
        self._fresh = entry
        if (self._closed and service in self._closed) or (self._room and place > self._room.get(service, place)):
            self._fresh = None
            self._refused.add(contact)

    def _line(self, key: _Key) -> Waiting:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Waiting(key, self._services[key.service])
            self._rivals.setdefault(self._class(key), []).append(line)
        return line

    def _class(self, key: _Key) -> Class:
        service = self._services[key.service]
        return service.priority + key.priority, service.weight

    def _stand(self, entry: Waits) -> None:
        if entry is self._fresh:
            self._fresh = None
        self._present[entry[2]] = entry
        heads = self._line(entry[3]).line
        if not heads or heads[-1] < entry:
            heads.append(entry)
            return
        place = bisect_left(heads, entry)
        if place == len(heads) or heads[place] is not entry:  # else it still lies there
            heads.insert(place, entry)

    def offered(self, contact: ContactId, agent: AgentId, at: float, idle: bool = True) -> bool:
        """A contact is offered to an agent and waits no more for the time being. `idle`: the agent had nothing under
        way, and a phone that can be reached. True: somebody was overtaken."""
        fresh, present = self._fresh, self._present
        if self._limits:
            self._count(contact, 1)
        if fresh is not None:
            if fresh[2] == contact:
                self._fresh = None
                if not present:
                    return False
            else:
                self._stand(fresh)
        entry = self._known.get(contact)
        present.pop(contact, None)
        if not present or entry is None:
            return False
        key = entry[3]
        heavy = self._services[key.service].load >= HEAVY
        for line in self._rivals.get(self._class(key), ()):
            heads = line.line
            while heads and present.get(heads[0][2]) is not heads[0]:
                heads.popleft()
            if heads and heads[0] < entry and (heavy or line.service.load < HEAVY) \
                    and (line.key.channel is key.channel or (idle and not self._agents[agent].profile.pair_id)) \
                    and self._could(line, agent, at - heads[0][0]):
                return True
        return False

    def returns(self, contact: ContactId) -> None:
        """The offer came to nothing, or the talk was cut: the contact waits again, with its old age."""
        if self._limits:
            self._count(contact, -1)
        entry = self._known.get(contact)
        if entry is not None:
            self._stand(entry)

    def moves(self, contact: ContactId, service: ServiceId) -> None:
        """To another service's line, with its age and its own points."""
        self._again(contact, lambda key: key._replace(service=service, step=0))
        if contact in self._refused:
            self._refused.discard(contact)
            self._stand(self._known[contact])

    def steps(self, contact: ContactId, step: int) -> None:
        """The contact asks for what this step of its service says."""
        self._again(contact, lambda key: key._replace(step=step))

    def changes(self, contact: ContactId, priority: int, needs: Needs, topics: frozenset[str],
                since: float | None = None) -> None:
        """Other points, needs or topics; `since`: another start of the wait."""
        self._again(contact, lambda key: key._replace(priority=priority, needs=needs, topics=topics), since)

    def _again(self, contact: ContactId, other: Callable[[_Key], _Key], counts: float | None = None) -> None:
        """The same contact with the same number, in another line."""
        entry = self._known.get(contact)
        if entry is None:
            return
        since, number, _, key = entry
        changed = self._known[contact] = since if counts is None else counts, number, contact, other(key)
        if self._fresh is entry:
            self._fresh = changed
        elif self._present.pop(contact, None) is not None:
            self._stand(changed)

    def over(self, contact: ContactId) -> None:
        """The talk is over."""
        if self._limits:
            self._count(contact, -1)
        self._known.pop(contact, None)

    def leaves(self, contact: ContactId) -> None:
        """Gone without an answer, or to be called back at a time of its own."""
        entry = self._known.pop(contact, None)
        if entry is not None and entry is self._fresh:
            self._fresh = None
        self._present.pop(contact, None)
        self._refused.discard(contact)

    def _count(self, contact: ContactId, more: int) -> None:
        """One more or less of its service at agents."""
        entry = self._known.get(contact)
        if entry is not None and entry[3].service in self._limits:
            self._taken[entry[3].service] += more

    def _could(self, line: Waiting, agent: AgentId, age: float) -> bool:
        key, service = line.key, line.service
        if key.step == 0 and age <= service.preferred_s:
            return False
        if self._down and key.node in self._down:
            return False
        if self._limits and self._taken[key.service] >= self._limits.get(key.service, self._taken[key.service] + 1):
            return False
        could = line.fits.get(agent)
        if could is None:
            found = self._agents[agent]
            skills = dict(self._own.get(agent, found.skills))
            could = line.fits[agent] = _fits(key, service, found.profile, skills, self._channels)
        return could


def _fits(key: _Key, service: Service, profile: Profile, skills: dict[SkillId, int],
          channels: dict[Channel, ChannelRow]) -> bool:
    """Whether an agent has what this step of the service asks for and may have such a contact at all."""
    if key.channel not in profile.channels or profile.no_topics & (key.topics | {service.id}) \
            or dict(profile.max_concurrency).get(key.channel, 1) <= 0 \
            or channels[key.channel].cost > profile.capacity:
        return False
    step = service.steps[min(key.step, len(service.steps) - 1)]
    return all(skills.get(skill, -1) >= level for skill, level in (*step.needs, *service.floor, *key.needs)) \
        and all(fits(parse(text), skills) for text in (step.where, service.floor_where) if text)
