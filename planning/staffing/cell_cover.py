"""Match the agents of a quarter of an hour to the services that need them.

An agent with several skills covers one service at a time. A new agent may free another one for a third service, so
adding an agent follows such a chain (an augmenting path). Agents with equal skills are counted, not listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from routing.core.model.ids import ServiceId

Skills = frozenset[ServiceId]
"""Services that an agent may serve."""


class CellCover:
    """Needs and agents of one quarter of an hour."""

    def __init__(self, needs: Mapping[ServiceId, int]) -> None:
        self.unmet = Counter({service: number for service, number in needs.items() if number > 0})
        """Missing agents by service."""
        self._busy: dict[Skills, Counter[ServiceId]] = {}
        self._spare: Counter[Skills] = Counter()
        self._wanted: Skills | None = None

    def is_wanted(self, skills: Skills) -> bool:
        """Return whether one more agent with these skills would cover a missing one."""
        if self._wanted is None:
            self._wanted = self._find_wanted()
        return not self._wanted.isdisjoint(skills)

    def add_agent(self, skills: Skills) -> None:
        """Add an agent, who covers a missing one if that is possible."""
        if self.is_wanted(skills):
            self._follow_chain(skills)
        else:
            self._spare[skills] += 1

    def remove_agent(self, skills: Skills) -> None:
        """Remove an agent with these skills. Somebody spare takes the place if that is possible."""
        if self._spare[skills]:
            self._spare[skills] -= 1
            return
        # 1. Leave one of the places. Which one does not matter, because the search below goes along chains.
        service = next(service for service, number in sorted(self._busy[skills].items()) if number)
        self._busy[skills][service] -= 1
        self.unmet[service] += 1
        self._wanted = None
        # 2. Let a spare agent cover the place or begin a chain to it.
        for other in sorted((other for other, number in self._spare.items() if number), key=sorted):
            if self.is_wanted(other):
                self._spare[other] -= 1
                self._follow_chain(other)
                return

    def count_missing(self) -> int:
        """Return how many agents are missing."""
        return sum(self.unmet.values())

    def _find_wanted(self) -> Skills:
        """Return the services at which one more agent helps, at once or along a chain."""
        found = {service for service, number in self.unmet.items() if number}
        grown = bool(found)
        while grown:
            grown = False
            for skills, places in self._busy.items():
                if not found.isdisjoint(skills):
                    more = {service for service, number in places.items() if number} - found
                    grown |= bool(more)
                    found |= more
        return frozenset(found)

    def _follow_chain(self, skills: Skills) -> None:
        """Put an agent with these skills to work, along the shortest chain to a missing agent."""
        # 1. Search from the agent's services. Each step says who moves from which service.
        steps: dict[ServiceId, tuple[Skills, ServiceId | None]] = dict.fromkeys(sorted(skills), (skills, None))
        row = list(steps)
        for service in row:
            if self.unmet[service]:
                break
            for other, places in sorted(self._busy.items(), key=lambda one: sorted(one[0])):
                if places[service]:
                    for more in sorted(other - steps.keys()):
                        steps[more] = other, service
                        row.append(more)
        # 2. Go back along the chain. Each agent takes the service that the next one leaves.
        self.unmet[service] -= 1
        at: ServiceId | None = service
        while at is not None:
            who, before = steps[at]
            self._busy.setdefault(who, Counter())[at] += 1
            if before is not None:
                self._busy[who][before] -= 1
            at = before
        self._wanted = None
