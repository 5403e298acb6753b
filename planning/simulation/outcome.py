"""Hold the figures of a run per service, half hour and agent, each with its definition.

A contact belongs to the service and half hour in which it entered the queue, whenever it ends.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import ceil, sqrt

from routing.core.model.ids import AgentId, ServiceId

SLOT_S = 1_800.0
"""Length of a half hour, the usual interval of staffing plans."""


class ServiceLevelRule(StrEnum):
    """Definitions of service level. Santral uses the first, the others serve for comparison."""

    OURS = "answered within T / (answered + abandoned + turned away)"
    WITHOUT_SHORT = "answered within T / (answered + abandoned after the short-abandon limit + turned away)"
    OFFERED = "answered within T / offered"
    REMOVED = "left the queue within T, answered or not / offered"


@dataclass(slots=True)
class OutcomeCell:
    """Figures of one service in one half hour: counts of contacts and sums of seconds."""

    offered: int = 0
    answered: int = 0
    within: int = 0
    """Answered within the service's target."""
    abandoned: int = 0
    """Caller gave up, including short abandons."""
    short: int = 0
    """Caller gave up before the limit of the service for short abandons."""
    overflowed: int = 0
    left: int = 0
    """Caller left the queue by a key, or left a message."""
    turned_away: int = 0
    """A rule of the service kept the caller from every agent."""
    moved: int = 0
    """Contacts that moved to another service and are counted there as offered."""
    failed: int = 0
    """Contacts that ended by no act of the caller: callbacks never answered, a lost Asterisk."""
    talk_s: float = 0.0
    wrapup_s: float = 0.0
    waits: array[float] = field(default_factory=lambda: array("d"))
    """Waits of answered contacts, from queue entry to the bridge."""
    gave_up: array[float] = field(default_factory=lambda: array("d"))
    """Waits of contacts that gave up."""


class Figures:
    """Sum of some cells: one service, one half hour, or everything.

    A share, mean or percentile of no contacts is None. Without calls there is no service level of 100 %, and without
    answers no wait of 0 s.
    """

    def __init__(self, name: str, cells: Iterable[OutcomeCell], target_s: float) -> None:
        self.name, self.target_s = name, target_s
        parts = list(cells)
        self.offered = sum(cell.offered for cell in parts)
        """Contacts that entered the queue. A contact that moves is offered in both services."""
        self.answered = sum(cell.answered for cell in parts)
        self.within = sum(cell.within for cell in parts)
        self.abandoned = sum(cell.abandoned for cell in parts)
        self.short = sum(cell.short for cell in parts)
        self.overflowed = sum(cell.overflowed for cell in parts)
        self.left = sum(cell.left for cell in parts)
        self.turned_away = sum(cell.turned_away for cell in parts)
        self.moved = sum(cell.moved for cell in parts)
        self.failed = sum(cell.failed for cell in parts)
        self.talk_s = sum(cell.talk_s for cell in parts)
        self.wrapup_s = sum(cell.wrapup_s for cell in parts)
        self._parts = parts

    @property
    def still_there(self) -> int:
        """Contacts that still waited when the run stopped."""
        return (self.offered - self.answered - self.abandoned - self.overflowed - self.left
                - self.turned_away - self.moved - self.failed)

    @cached_property
    def waits(self) -> array[float]:
        """Waits of all answered contacts from queue entry to the bridge in seconds, smallest first."""
        return _sort_together(cell.waits for cell in self._parts)

    @cached_property
    def gave_up(self) -> array[float]:
        """Waits of all contacts that gave up in seconds, smallest first."""
        return _sort_together(cell.gave_up for cell in self._parts)

    @property
    def asa_s(self) -> float | None:
        """Average speed of answer: sum of the waits of answered contacts / answered."""
        return _share_of(sum(self.waits), self.answered)

    @property
    def ended(self) -> int:
        """Contacts that were answered or gave up, for the formulas of Erlang. Overflowed contacts are neither."""
        return self.answered + self.abandoned

    @property
    def judged(self) -> int:
        """Contacts in the service level: answered, given up or turned away."""
        return self.ended + self.turned_away

    @property
    def wait_s(self) -> float | None:
        """Mean wait of contacts that were answered or gave up (E[W] of Erlang A)."""
        return _share_of(sum(self.waits) + sum(self.gave_up), self.ended)

    @property
    def waited(self) -> float | None:
        """Share of answered and abandoned contacts that waited at all (P(wait > 0) of Erlang)."""
        return _share_of(self.answered - bisect_right(self.waits, 0.0) + self.abandoned, self.ended)

    @property
    def abandonment(self) -> float | None:
        """Abandoned / offered."""
        return _share_of(self.abandoned, self.offered)

    @property
    def aht_s(self) -> float | None:
        """Average handle time: (talk + hold + wrap-up) / answered."""
        return _share_of(self.talk_s + self.wrapup_s, self.answered)

    def wait_percentile(self, share: float) -> float | None:
        """Return the wait that this share of the answered contacts did not exceed. A share of 1.0 gives the longest."""
        return percentile_of(self.waits, share)

    def service_level(self, within_s: float | None = None, rule: ServiceLevelRule = ServiceLevelRule.OURS) -> float \
            | None:
        """Return the service level by one of the rules. Without `within_s` each service's target applies."""
        answered = self.within if within_s is None else bisect_right(self.waits, within_s)
        if rule is ServiceLevelRule.OURS:
            return _share_of(answered, self.judged)
        if rule is ServiceLevelRule.WITHOUT_SHORT:
            return _share_of(answered, self.judged - self.short)
        if rule is ServiceLevelRule.REMOVED:
            limit = self.target_s if within_s is None else within_s
            return _share_of(answered + bisect_right(self.gave_up, limit), self.offered)
        return _share_of(answered, self.offered)


@dataclass(slots=True)
class AgentTally:
    """Times of one agent, in seconds of the counted part of the run."""

    agent: AgentId
    team: str = ""
    accommodated: bool = False
    """Whether the profile differs from the most common one of the team."""
    talk_s: float = 0.0
    wrapup_s: float = 0.0
    available_s: float = 0.0
    """Time ready, without the rest gap after a contact."""
    ringing_s: float = 0.0
    paused_s: float = 0.0
    contacts: int = 0
    rna_count: int = 0

    @property
    def occupancy(self) -> float | None:
        """Share (contact + wrap-up) / (contact + wrap-up + available), or None for an absent agent.

        Rest gap, rest after a heavy contact and the time before the connection are excluded.
        """
        busy = self.talk_s + self.wrapup_s
        return busy / (busy + self.available_s) if busy + self.available_s > 0 else None


@dataclass
class RunOutcome:
    """All figures of a run."""

    at: float
    """Time at which the run stopped."""
    names: dict[ServiceId, str]
    targets: dict[ServiceId, float]
    cells: dict[tuple[ServiceId, int], OutcomeCell]
    """Figures by service and number of the half hour, where 0 begins at time 0."""
    agents: dict[AgentId, AgentTally]
    offers: int = 0
    violations: int = 0
    """Offers that passed over another contact (see `planning.simulation.order_monitor`)."""
    closed: dict[str, int] = field(default_factory=dict)
    """Failed offers by reason."""
    alarms: dict[str, int] = field(default_factory=dict)
    facts: int = 0

    @cached_property
    def services(self) -> dict[ServiceId, Figures]:
        """Figures of each service."""
        return {service: Figures(name, (cell for (of, _), cell in self.cells.items() if of == service),
                                 self.targets[service]) for service, name in self.names.items()}

    @cached_property
    def total(self) -> Figures:
        """Figures of all services together. `within` uses the target of each contact's own service."""
        return Figures("", self.cells.values(), max(self.targets.values(), default=0.0))

    def figures_by_slot(self, service: ServiceId | None = None) -> dict[int, Figures]:
        """Return the figures of each half hour by its number, for one service or for all."""
        slots: dict[int, list[OutcomeCell]] = {}
        for (of, slot), cell in self.cells.items():
            if service is None or of == service:
                slots.setdefault(slot, []).append(cell)
        target = self.targets[service] if service is not None else max(self.targets.values(), default=0.0)
        return {slot: Figures("", slots[slot], target) for slot in sorted(slots)}

    def agent_occupancies(self, accommodated: bool | None = None) -> list[float]:
        """Return the occupancy of each agent who was present. `accommodated` selects a group."""
        return [tally.occupancy for tally in self.agents.values() if tally.occupancy is not None
                and (accommodated is None or tally.accommodated is accommodated)]

    def group_occupancy(self, accommodated: bool | None = None) -> float:
        """Return the occupancy of a whole group: sum of busy time / sum of busy and available time."""
        group = [tally for tally in self.agents.values()
                 if accommodated is None or tally.accommodated is accommodated]
        busy = sum(tally.talk_s + tally.wrapup_s for tally in group)
        present = busy + sum(tally.available_s for tally in group)
        return busy / present if present else 0.0

    def occupancy_cv(self, accommodated: bool | None = None) -> float:
        """Return the coefficient of variation of occupancy (standard deviation / mean). Zero is perfectly fair."""
        return variation_of(self.agent_occupancies(accommodated))


def merge_outcomes(outcomes: Sequence[RunOutcome]) -> RunOutcome:
    """Merge several runs of the same centre into one: contacts and times are added per half hour."""
    first = outcomes[0]
    cells: dict[tuple[ServiceId, int], OutcomeCell] = {}
    agents: dict[AgentId, AgentTally] = {}
    closed, alarms = Counter(first.closed), Counter(first.alarms)
    for place, one in enumerate(outcomes):
        for key, cell in one.cells.items():
            _add_numbers(cells.setdefault(key, OutcomeCell()), cell)
        for agent, tally in one.agents.items():
            _add_numbers(agents.setdefault(agent, AgentTally(agent, tally.team, tally.accommodated)), tally)
        # The counters started with the first outcome.
        if place:
            closed.update(one.closed)
            alarms.update(one.alarms)
    return RunOutcome(
        at=max(one.at for one in outcomes), names=first.names, targets=first.targets, cells=cells, agents=agents,
        offers=sum(one.offers for one in outcomes), violations=sum(one.violations for one in outcomes),
        closed=dict(closed), alarms=dict(alarms), facts=sum(one.facts for one in outcomes))


def _add_numbers(whole: OutcomeCell | AgentTally, part: OutcomeCell | AgentTally) -> None:
    """Add all numbers and lists of waits of one part to the whole."""
    for name in part.__slots__:
        value = getattr(part, name)
        if isinstance(value, array):
            getattr(whole, name).extend(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            setattr(whole, name, getattr(whole, name) + value)


def percentile_of(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least this share does not exceed, or None without values."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, ceil(share * len(ordered)) - 1))]


def variation_of(values: Sequence[float]) -> float:
    """Return the coefficient of variation: standard deviation of the whole group / mean."""
    if not values:
        return 0.0
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / len(values)) / mean if mean else 0.0


def _share_of(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _sort_together(parts: Iterable[array[float]]) -> array[float]:
    whole = array("d")
    for part in parts:
        whole.extend(part)
    return array("d", sorted(whole))
