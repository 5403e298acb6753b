"""Order between callers, counted independently of the engine: who was overtaken at the moment of an offer.

An order violation: a contact is offered to an agent while another one, of equal priority, that this agent could serve
as well, has waited longer. This is a second, plain look at the rules: nothing of the engine's own choice is used.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from math import inf

from routing.core.ids import AgentId, ContactId, ServiceId
from routing.core.model import Agent, Centre, Channel, Service

Waits = tuple[float, int, ContactId]
"""Since when, a running number, who."""


class Waiting:
    """The line of one service and channel in one class of priority, oldest first."""

    __slots__ = ("channel", "fits", "line", "service")

    def __init__(self, service: Service, channel: Channel) -> None:
        self.service, self.channel = service, channel
        self.line: deque[Waits] = deque()
        """May hold contacts that wait no more, until they are at the head."""
        self.fits: dict[AgentId, tuple[tuple[float, float], ...]] = {}
        """For each agent seen: spans of age in which a contact asks for what the agent has."""


class Order:
    """Who waits, as the facts tell it."""

    def __init__(self, centre: Centre) -> None:
        self._services = {service.id: service for service in centre.services}
        self._agents = {agent.id: agent for agent in centre.agents}
        self._lines: dict[tuple[ServiceId, Channel, int], Waiting] = {}
        self._classes: dict[int, list[Waiting]] = {}
        self._present: dict[ContactId, Waits] = {}
        self._places: dict[ContactId, tuple[Waiting, list[Waiting], Waits]] = {}
        self._numbers = 0

    def comes(self, contact: ContactId, service: ServiceId, channel: Channel, priority: int, since: float) -> None:
        """A contact waits. `priority`: its own points."""
        key = service, channel, priority
        line = self._lines.get(key)
        if line is None:
            rules = self._services[service]
            line = self._lines[key] = Waiting(rules, channel)
            self._classes.setdefault(rules.priority + priority, []).append(line)
        self._numbers = number = self._numbers + 1
        entry = since, number, contact
        self._places[contact] = line, self._classes[line.service.priority + priority], entry
        self._stand(line, entry)

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
        for line in self._places[contact][1]:
            heads = line.line
            while heads and present.get(heads[0][2]) is not heads[0]:
                heads.popleft()
            if heads and heads[0] < entry and self._could(line, agent, at - heads[0][0]):
                return True
        return False

    def returns(self, contact: ContactId) -> None:
        """The offer came to nothing: the contact waits again, with its old age."""
        place = self._places.get(contact)
        if place is not None:
            self._stand(place[0], place[2])

    def leaves(self, contact: ContactId) -> None:
        """Talking, or gone."""
        self._present.pop(contact, None)
        self._places.pop(contact, None)

    def _could(self, line: Waiting, agent: AgentId, age: float) -> bool:
        spans = line.fits.get(agent)
        if spans is None:
            spans = line.fits[agent] = _spans(line.service, line.channel, self._agents[agent])
        return any(begin < age <= end for begin, end in spans)


def _spans(service: Service, channel: Channel, agent: Agent) -> tuple[tuple[float, float], ...]:
    """Ages of a contact at which this agent has what it asks for, by the clock of the steps alone."""
    profile, skills = agent.profile, dict(agent.skills)
    if channel not in profile.channels or dict(profile.max_concurrency).get(channel, 0) <= 0:
        return ()
    spans, begin = [], 0.0
    for number, step in enumerate(service.steps):
        last = step.lasts_s is None or number + 1 == len(service.steps)
        end = inf if last or step.lasts_s is None else begin + step.lasts_s
        if all(skills.get(skill, -1) >= level for skill, level in (*step.needs, *service.floor)):
            spans.append((begin, end))
        begin = end
        if last:
            break
    return tuple(spans)
