"""Order between callers, counted independently of the engine: who was overtaken at the moment of an offer.

An order violation: a contact is offered to an agent while another one, of equal priority and weight, that this agent
could serve as well, has waited longer. This is a second, plain look at the rules: nothing of the engine's own choice is
used. Where an agent's profile may keep a heavy contact (`HEAVY` and more) away for the moment, the lighter one that is
offered instead overtakes nobody.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from math import inf
from typing import NamedTuple

from routing.core.ids import AgentId, ContactId, ServiceId
from routing.core.model import Agent, Centre, Channel, Needs, Service

HEAVY = 3
"""From this load on a contact may be kept from an agent for a time (`DistressLimit`)."""

Waits = tuple[float, int, ContactId]
"""Since when, a running number, who."""

NO_TOPICS: frozenset[str] = frozenset()

Class = tuple[int, float]
"""Points and weight: only equals can overtake each other."""


class Waiting:
    """The line of all who ask for the same in one class, oldest first."""

    __slots__ = ("channel", "fits", "heavy", "line", "needs", "priority", "service", "topics")

    def __init__(self, service: Service, channel: Channel, priority: int, needs: Needs, topics: frozenset[str]) -> None:
        self.service, self.channel, self.priority = service, channel, priority
        self.needs, self.topics = needs, topics
        self.heavy = service.load >= HEAVY
        self.line: deque[Waits] = deque()
        """May hold contacts that wait no more, until they are at the head."""
        self.fits: dict[AgentId, tuple[tuple[float, float], ...]] = {}
        """For each agent seen: spans of age in which a contact asks for what the agent has."""


class _Place(NamedTuple):
    """Where a contact stands, while it is known."""

    line: Waiting
    rivals: list[Waiting]
    """Every line of the same class."""
    entry: Waits


_Key = tuple[ServiceId, Channel, int, Needs, frozenset[str]]


class Order:
    """Who waits, as the facts tell it."""

    def __init__(self, centre: Centre) -> None:
        self._services = {service.id: service for service in centre.services}
        self._agents = {agent.id: agent for agent in centre.agents}
        self._lines: dict[_Key, tuple[Waiting, list[Waiting]]] = {}
        self._classes: dict[Class, list[Waiting]] = {}
        self._present: dict[ContactId, Waits] = {}
        """Who waits and is offered to nobody."""
        self._places: dict[ContactId, _Place] = {}
        self._numbers = 0

    def comes(self, contact: ContactId, service: ServiceId, channel: Channel, priority: int, since: float,
              needs: Needs = (), topics: frozenset[str] = NO_TOPICS) -> None:
        """A contact waits. `priority`: its own points."""
        key = service, channel, priority, needs, topics
        found = self._lines.get(key)
        if found is None:
            found = self._lines[key] = self._open(key)
        self._numbers = number = self._numbers + 1
        line, rivals = found
        entry = since, number, contact
        self._places[contact] = _Place(line, rivals, entry)
        self._stand(line, entry)

    def _open(self, key: _Key) -> tuple[Waiting, list[Waiting]]:
        service, channel, priority, needs, topics = key
        rules = self._services[service]
        line = Waiting(rules, channel, priority, needs, topics)
        rivals = self._classes.setdefault((rules.priority + priority, rules.weight), [])
        rivals.append(line)
        return line, rivals

    def _stand(self, line: Waiting, entry: Waits) -> None:
        self._present[entry[2]] = entry
        heads = line.line
        if not heads or heads[-1] < entry:
            heads.append(entry)
            return
        place = bisect_left(heads, entry)
        if place == len(heads) or heads[place] is not entry:  # else it still lies there
            heads.insert(place, entry)

    def offered(self, contact: ContactId, agent: AgentId, at: float) -> bool:
        """A contact is offered to an agent and waits no more for the time being. True: somebody was overtaken."""
        present = self._present
        entry = present.pop(contact)
        if not present:
            return False
        own, rivals, _ = self._places[contact]
        for line in rivals:
            heads = line.line
            while heads and present.get(heads[0][2]) is not heads[0]:
                heads.popleft()
            if heads and heads[0] < entry and not (line.heavy and not own.heavy) \
                    and self._could(line, agent, at - heads[0][0]):
                return True
        return False

    def returns(self, contact: ContactId) -> None:
        """The offer came to nothing: the contact waits again, with its old age."""
        place = self._places.get(contact)
        if place is not None:
            self._stand(place.line, place.entry)

    def moves(self, contact: ContactId, service: ServiceId) -> None:
        """To another service's line, with its age and its own points."""
        line, _, entry = self._places[contact]
        waits = self._present.pop(contact, None) is not None
        self.comes(contact, service, line.channel, line.priority, entry[0], line.needs, line.topics)
        if not waits:
            del self._present[contact]

    def leaves(self, contact: ContactId) -> None:
        """Talking, or gone."""
        self._present.pop(contact, None)
        self._places.pop(contact, None)

    def _could(self, line: Waiting, agent: AgentId, age: float) -> bool:
        spans = line.fits.get(agent)
        if spans is None:
            spans = line.fits[agent] = _spans(line, self._agents[agent])
        return any(begin < age <= end for begin, end in spans)


def _spans(line: Waiting, agent: Agent) -> tuple[tuple[float, float], ...]:
    """Ages of a contact at which this agent has what it asks for, by the clock of the steps alone. While a preferred
    agent may be waited for, others are not asked."""
    service, profile, skills = line.service, agent.profile, dict(agent.skills)
    if line.channel not in profile.channels or profile.no_topics & (line.topics | {service.id}) \
            or dict(profile.max_concurrency).get(line.channel, 1) <= 0:
        return ()
    spans, begin = [], service.preferred_s
    for number, step in enumerate(service.steps):
        last = step.lasts_s is None or number + 1 == len(service.steps)
        end = inf if last or step.lasts_s is None else begin + step.lasts_s
        if all(skills.get(skill, -1) >= level for skill, level in (*step.needs, *service.floor, *line.needs)):
            spans.append((begin, end))
        begin = end
        if last:
            break
    return tuple(spans)
