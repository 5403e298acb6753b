"""Order between callers, counted independently of the engine: who was overtaken at the moment of an offer.

An order violation: a contact is offered to an agent while another one, of equal priority and weight, that this agent
could serve as well, has waited longer. This is a second, plain look at the rules: nothing of the engine's own choice is
used. Where an agent's profile may keep a heavy contact (`HEAVY` and more) away for the moment, the lighter one that is
offered instead overtakes nobody.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from math import inf

from routing.core.expression import fits, parse
from routing.core.ids import AgentId, ContactId, ServiceId
from routing.core.model import Agent, Centre, Channel, Needs, Service

HEAVY = 3
"""From this load on a contact may be kept from an agent for a time (`DistressLimit`)."""

_Key = tuple[ServiceId, Channel, int, Needs, frozenset[str]]
"""What a contact asks for: service, channel, its own points, what it needs, what it is about."""

Waits = tuple[float, int, ContactId, _Key]
"""Since when, a running number, who, for what. Compared by the first two."""

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


class Order:
    """Who waits, as the facts tell it."""

    def __init__(self, centre: Centre) -> None:
        self._services = {service.id: service for service in centre.services}
        self._agents = {agent.id: agent for agent in centre.agents}
        self._lines: dict[_Key, Waiting] = {}
        self._rivals: dict[Class, list[Waiting]] = {}
        self._known: dict[ContactId, Waits] = {}
        """Every contact that waits or is offered to somebody."""
        self._present: dict[ContactId, Waits] = {}
        """Who stands in a line and is offered to nobody."""
        self._fresh: Waits | None = None
        """Who came last and stands in no line yet: most are offered to somebody at once and never do."""
        self._numbers = 0

    def comes(self, contact: ContactId, service: ServiceId, channel: Channel, priority: int, since: float,
              needs: Needs = (), topics: frozenset[str] = NO_TOPICS) -> None:
        """A contact waits. `priority`: its own points."""
        if self._fresh is not None:
            self._stand(self._fresh)
        self._numbers = number = self._numbers + 1
        self._fresh = self._known[contact] = since, number, contact, (service, channel, priority, needs, topics)

    def _line(self, key: _Key) -> Waiting:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Waiting(self._services[key[0]], *key[1:])
            self._rivals.setdefault(self._class(key), []).append(line)
        return line

    def _class(self, key: _Key) -> Class:
        service = self._services[key[0]]
        return service.priority + key[2], service.weight

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

    def offered(self, contact: ContactId, agent: AgentId, at: float) -> bool:
        """A contact is offered to an agent and waits no more for the time being. True: somebody was overtaken."""
        fresh, present = self._fresh, self._present
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
        heavy = self._services[entry[3][0]].load >= HEAVY
        for line in self._rivals.get(self._class(entry[3]), ()):
            heads = line.line
            while heads and present.get(heads[0][2]) is not heads[0]:
                heads.popleft()
            if heads and heads[0] < entry and (heavy or not line.heavy) \
                    and self._could(line, agent, at - heads[0][0]):
                return True
        return False

    def returns(self, contact: ContactId) -> None:
        """The offer came to nothing: the contact waits again, with its old age."""
        entry = self._known.get(contact)
        if entry is not None:
            self._stand(entry)

    def moves(self, contact: ContactId, service: ServiceId) -> None:
        """To another service's line, with its age and its own points."""
        self._again(contact, lambda key: (service, *key[1:]))

    def changes(self, contact: ContactId, priority: int, needs: Needs, topics: frozenset[str]) -> None:
        """Other points, needs or topics."""
        self._again(contact, lambda key: (key[0], key[1], priority, needs, topics))

    def _again(self, contact: ContactId, other: Callable[[_Key], _Key]) -> None:
        entry = self._known.get(contact)
        if entry is None:
            return
        waits = self._present.pop(contact, None) is not None or self._fresh is entry
        if self._fresh is entry:
            self._fresh = None
        since, _, _, key = entry
        service, channel, priority, needs, topics = other(key)
        self.comes(contact, service, channel, priority, since, needs, topics)
        if not waits:
            self._fresh = None

    def leaves(self, contact: ContactId) -> None:
        """Talking or gone, or to be called back at a time of its own."""
        entry = self._known.pop(contact, None)
        if entry is not None and entry is self._fresh:
            self._fresh = None
        self._present.pop(contact, None)

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
        if all(skills.get(skill, -1) >= level for skill, level in (*step.needs, *service.floor, *line.needs)) \
                and all(fits(parse(text), skills) for text in (step.where, service.floor_where) if text):
            spans.append((begin, end))
        begin = end
        if last:
            break
    return tuple(spans)
