"""What came of a run: figures per service, per half hour, per agent. Definitions stand at each figure.

A contact belongs to the service and the half hour in which it entered the queue, whenever it ends.
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

from routing.core.ids import AgentId, ServiceId

SLOT_S = 1_800.0
"""Plans of contact centres are made for half hours."""


class Rule(StrEnum):
    """Ways to write a service level. Santral's own is the first; the others are here to be compared with."""

    OURS = "answered within T / (answered + abandoned)"
    WITHOUT_SHORT = "answered within T / (answered + abandoned after more than the short-abandon limit)"
    OFFERED = "answered within T / offered"
    REMOVED = "left the queue within T, answered or not / offered"


@dataclass(slots=True)
class Cell:
    """One service in one half hour. Counts of contacts, sums of seconds."""

    offered: int = 0
    answered: int = 0
    within: int = 0
    """Answered within the service's target."""
    abandoned: int = 0
    """Gave up, short abandons included."""
    short: int = 0
    """Gave up before the service's limit for it."""
    overflowed: int = 0
    left: int = 0
    """By a key of their own."""
    moved: int = 0
    """Went on to another service, and are counted there as offered."""
    failed: int = 0
    """Not the caller's doing: callbacks never taken, a telephone system that went away."""
    talk_s: float = 0.0
    wrapup_s: float = 0.0
    waits: array[float] = field(default_factory=lambda: array("d"))
    """Of the answered, from queue entry to the bridge."""
    gave_up: array[float] = field(default_factory=lambda: array("d"))
    """Waits of those who gave up."""


class Figures:
    """One service, one half hour or everything: the sum of some cells. A share, a mean or a percentile of nobody is
    None: no calls are no service level of 100 %, and no answer is no wait of 0 s."""

    def __init__(self, name: str, cells: Iterable[Cell], target_s: float) -> None:
        self.name, self.target_s = name, target_s
        parts = list(cells)
        self.offered = sum(cell.offered for cell in parts)
        """Entered the queue; one who moves is offered in both."""
        self.answered = sum(cell.answered for cell in parts)
        self.within = sum(cell.within for cell in parts)
        self.abandoned = sum(cell.abandoned for cell in parts)
        self.short = sum(cell.short for cell in parts)
        self.overflowed = sum(cell.overflowed for cell in parts)
        self.left = sum(cell.left for cell in parts)
        self.moved = sum(cell.moved for cell in parts)
        self.failed = sum(cell.failed for cell in parts)
        self.talk_s = sum(cell.talk_s for cell in parts)
        self.wrapup_s = sum(cell.wrapup_s for cell in parts)
        self._parts = parts

    @property
    def still_there(self) -> int:
        """Of those offered: who still waited when the run stopped."""
        return (self.offered - self.answered - self.abandoned - self.overflowed - self.left - self.moved
                - self.failed)

    @cached_property
    def waits(self) -> array[float]:
        """Seconds from queue entry to the bridge of all answered, smallest first."""
        return _sorted(cell.waits for cell in self._parts)

    @cached_property
    def gave_up(self) -> array[float]:
        """Seconds that those waited who gave up, smallest first."""
        return _sorted(cell.gave_up for cell in self._parts)

    @property
    def asa_s(self) -> float | None:
        """Average speed of answer: sum of the waits of the answered / answered."""
        return _share(sum(self.waits), self.answered)

    @property
    def ended(self) -> int:
        """Answered or given up: those the service level is of. Who overflowed is neither."""
        return self.answered + self.abandoned

    @property
    def wait_s(self) -> float | None:
        """Mean wait of all who were answered or gave up (Erlang A's E[W])."""
        return _share(sum(self.waits) + sum(self.gave_up), self.ended)

    @property
    def waited(self) -> float | None:
        """Share of the answered and abandoned who waited at all (Erlang's P(wait > 0))."""
        return _share(self.answered - bisect_right(self.waits, 0.0) + self.abandoned, self.ended)

    @property
    def abandonment(self) -> float | None:
        """Abandoned / offered."""
        return _share(self.abandoned, self.offered)

    @property
    def aht_s(self) -> float | None:
        """(talk + hold + wrap-up) / handled."""
        return _share(self.talk_s + self.wrapup_s, self.answered)

    def percentile(self, share: float) -> float | None:
        """The wait that this share of the answered did not exceed; 1.0 gives the longest."""
        return percentile(self.waits, share)

    def service_level(self, within_s: float | None = None, rule: Rule = Rule.OURS) -> float | None:
        """By one of the rules; `within_s` None: each service's own target."""
        answered = self.within if within_s is None else bisect_right(self.waits, within_s)
        if rule is Rule.OURS:
            return _share(answered, self.ended)
        if rule is Rule.WITHOUT_SHORT:
            return _share(answered, self.ended - self.short)
        if rule is Rule.REMOVED:
            limit = self.target_s if within_s is None else within_s
            return _share(answered + bisect_right(self.gave_up, limit), self.offered)
        return _share(answered, self.offered)


@dataclass(slots=True)
class Tally:
    """One agent's time, in seconds of the counted part of the run."""

    agent: AgentId
    team: str = ""
    accommodated: bool = False
    """The profile differs from the one that most of the team have."""
    talk_s: float = 0.0
    wrapup_s: float = 0.0
    available_s: float = 0.0
    """Ready, without the rest gap after a contact."""
    ringing_s: float = 0.0
    paused_s: float = 0.0
    contacts: int = 0
    misses: int = 0

    @property
    def occupancy(self) -> float | None:
        """(contact + wrap-up) / (contact + wrap-up + available): rest gap, rest after a heavy contact and the time
        before the connection are excluded. None: never there."""
        busy = self.talk_s + self.wrapup_s
        return busy / (busy + self.available_s) if busy + self.available_s > 0 else None


@dataclass
class Outcome:
    """Everything that is known of a run."""

    at: float
    """When it stopped."""
    names: dict[ServiceId, str]
    targets: dict[ServiceId, float]
    cells: dict[tuple[ServiceId, int], Cell]
    """By service and number of the half hour (0: the one that begins at time 0)."""
    agents: dict[AgentId, Tally]
    offers: int = 0
    violations: int = 0
    """Offers by which somebody was overtaken; see `planning.order`."""
    closed: dict[str, int] = field(default_factory=dict)
    """Offers that came to nothing, by reason."""
    alarms: dict[str, int] = field(default_factory=dict)
    facts: int = 0

    @cached_property
    def services(self) -> dict[ServiceId, Figures]:
        """Figures of each service."""
        return {service: Figures(name, (cell for (of, _), cell in self.cells.items() if of == service),
                                 self.targets[service]) for service, name in self.names.items()}

    @cached_property
    def total(self) -> Figures:
        """Figures of all services together; `within` counts each contact by its own service's target."""
        return Figures("", self.cells.values(), max(self.targets.values(), default=0.0))

    def series(self, service: ServiceId | None = None) -> dict[int, Figures]:
        """Figures of each half hour, by its number, of one service or of all."""
        slots: dict[int, list[Cell]] = {}
        for (of, slot), cell in self.cells.items():
            if service is None or of == service:
                slots.setdefault(slot, []).append(cell)
        target = self.targets[service] if service is not None else max(self.targets.values(), default=0.0)
        return {slot: Figures("", slots[slot], target) for slot in sorted(slots)}

    def occupancies(self, accommodated: bool | None = None) -> list[float]:
        """Occupancy of each agent who was there; `accommodated` picks a group."""
        return [tally.occupancy for tally in self.agents.values() if tally.occupancy is not None
                and (accommodated is None or tally.accommodated is accommodated)]

    def occupancy(self, accommodated: bool | None = None) -> float:
        """Of the whole group: sum of busy time / sum of busy and available time."""
        group = [tally for tally in self.agents.values()
                 if accommodated is None or tally.accommodated is accommodated]
        busy = sum(tally.talk_s + tally.wrapup_s for tally in group)
        present = busy + sum(tally.available_s for tally in group)
        return busy / present if present else 0.0

    def occupancy_cv(self, accommodated: bool | None = None) -> float:
        """Coefficient of variation of the agents' occupancy (standard deviation / mean): 0 is perfectly fair."""
        return variation(self.occupancies(accommodated))


def merged(outcomes: Sequence[Outcome]) -> Outcome:
    """Several runs of the same centre as one: contacts and times added up, half hours laid over each other."""
    first = outcomes[0]
    cells: dict[tuple[ServiceId, int], Cell] = {}
    agents: dict[AgentId, Tally] = {}
    closed, alarms = Counter(first.closed), Counter(first.alarms)
    for place, one in enumerate(outcomes):
        for key, cell in one.cells.items():
            _add(cells.setdefault(key, Cell()), cell)
        for agent, tally in one.agents.items():
            _add(agents.setdefault(agent, Tally(agent, tally.team, tally.accommodated)), tally)
        if place:
            closed.update(one.closed)
            alarms.update(one.alarms)
    return Outcome(
        at=max(one.at for one in outcomes), names=first.names, targets=first.targets, cells=cells, agents=agents,
        offers=sum(one.offers for one in outcomes), violations=sum(one.violations for one in outcomes),
        closed=dict(closed), alarms=dict(alarms), facts=sum(one.facts for one in outcomes))


def _add(whole: Cell | Tally, part: Cell | Tally) -> None:
    """Every number and every list of waits."""
    for name in part.__slots__:
        value = getattr(part, name)
        if isinstance(value, array):
            getattr(whole, name).extend(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            setattr(whole, name, getattr(whole, name) + value)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share does not exceed; None of nothing."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, ceil(share * len(ordered)) - 1))]


def variation(values: Sequence[float]) -> float:
    """Coefficient of variation: standard deviation of the whole group / mean."""
    if not values:
        return 0.0
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / len(values)) / mean if mean else 0.0


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _sorted(parts: Iterable[array[float]]) -> array[float]:
    whole = array("d")
    for part in parts:
        whole.extend(part)
    return array("d", sorted(whole))
