"""Make the roster of a week: shifts of real agents with their breaks, so that each service has the agents it needs.

The maker takes the shift that covers most missing agents for its length, then the next one, until none helps. Each
shift gets its breaks at once, where they cost least, so the next shift fills what the breaks leave open. At the end
each shift may move its breaks once more. Agents with fixed hours come first.

A shift stays within a calendar day. Rules of work are those of the labour law (4857): at most 45 hours a week and 11 a
day, 11 hours between two days, a whole day off, and no more than 7.5 hours of work at night.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import accumulate, pairwise
from typing import NamedTuple

from planning.staffing.break_placement import (
    CELL_S,
    CELLS,
    HOUR_CELLS,
    Spans,
    join_cells,
    lawful_break_cells,
    place_breaks,
)
from planning.staffing.cell_cover import CellCover, Skills
from routing.core.model.ids import AgentId, ServiceId

DAYS = 7
SHIFT = 9 * HOUR_CELLS
"""Presence of a full shift: 8 hours of work and an hour of breaks."""
NIGHT_SHIFT = 8 * HOUR_CELLS
"""Presence of a shift that is mostly at night: 7 hours of work, of 7.5 that the law permits."""
NIGHT = (6 * HOUR_CELLS, 20 * HOUR_CELLS)
"""Night ends at 06:00 and begins at 20:00."""
WEEK_MOST = 45 * HOUR_CELLS
"""Work of a week, without breaks."""
DAY_MOST = 11 * HOUR_CELLS
"""Presence up to which hours of an agent are fixed. In longer ones the maker chooses a shift."""
REST = 11 * HOUR_CELLS
DAYS_MOST = 6
START_EVERY = 2
"""Shifts begin at half hours."""
STRETCH_MOST = 2 * HOUR_CELLS
"""Longest stretch of work at a screen. The limit of an agent may be shorter."""
LONG_BREAK = 2 * HOUR_CELLS
"""A longer gap in the hours of a day is time off, so a shift does not go across it."""
ROUNDS = 3
"""Times that breaks are moved and shifts dropped. A fourth time changed nothing for 25 people."""
CROWD = 0.01
"""Price of a break in a quarter in which another agent has one already, so that breaks are spread."""


class Worker(NamedTuple):
    """An agent, or a pair of agents who answer one call together, as the roster sees them."""

    agents: tuple[AgentId, ...]
    skills: Skills
    hours: tuple[Spans | None, ...]
    """Working hours of each day in cells; empty: a day off; None: any."""
    breaks: tuple[Spans, ...]
    """Fixed breaks of each day in cells."""
    stretch: int
    """Longest stretch of work in cells."""
    remote: bool = False
    """On call elsewhere: the hours are given, and nobody plans breaks."""


class Shift(NamedTuple):
    """Working time on one day."""

    worker: int
    """Index of the worker."""
    day: int
    first: int
    end: int
    breaks: Spans

    @property
    def work(self) -> int:
        """Cells of work."""
        return self.end - self.first - sum(end - first for first, end in self.breaks)

    def work_cells(self) -> list[int]:
        """Return the cells in which the agent works."""
        away = {cell for first, end in self.breaks for cell in range(first, end)}
        return [cell for cell in range(self.first, self.end) if cell not in away]


class Shortage(NamedTuple):
    """Missing agents of a service."""

    day: int
    first: int
    end: int
    service: ServiceId
    agents: int


class WeekRoster(NamedTuple):
    """The shifts of a week, and what they leave open."""

    workers: tuple[Worker, ...]
    shifts: tuple[Shift, ...]
    shortages: tuple[Shortage, ...]
    notes: tuple[str, ...]
    """Given hours that could not be kept, each with the reason."""


Needs = Sequence[Sequence[Mapping[ServiceId, int]]]
"""Needed agents by day and cell."""


def make_roster(workers: Sequence[Worker], needs: Needs) -> WeekRoster:
    """Return the roster of a week."""
    return _RosterMaker(workers, needs).make_roster()


class _RosterMaker:
    def __init__(self, workers: Sequence[Worker], needs: Needs) -> None:
        self.workers = workers
        self._cover = [[CellCover(cell) for cell in day] for day in needs]
        self._open = [_first_and_last(day) for day in needs]
        self._shifts: dict[tuple[int, int], Shift] = {}
        self._work: Counter[int] = Counter()
        self._resting: Counter[tuple[int, int]] = Counter()
        """Breaks by day and cell."""
        self._wanted: dict[tuple[int, Skills], list[int]] = {}
        """Running sums of the cells that want somebody with these skills, by day."""
        self._notes: list[str] = []

    def make_roster(self) -> WeekRoster:
        # 1. Given hours: agents on call, then fixed hours, as far as the law permits.
        for worker in self.workers:
            for day in range(DAYS):
                for first, end in worker.hours[day] or () if worker.remote else ():
                    self._add_remote(worker, day, first, end)
        for number, worker in enumerate(self.workers):
            for day in range(DAYS):
                if not worker.remote and (span := _fixed_span(worker.hours[day])) is not None:
                    self._add_fixed(number, day, *span)
        # 2. Shifts that the maker chooses, the most useful first.
        self._add_useful()
        # 3. Each shift may move its breaks, now that all others are known. That makes some shifts unnecessary.
        for _ in range(ROUNDS):
            for shift in list(self._shifts.values()):
                self._remove(shift)
                self._add(self._with_breaks(shift) or shift)
            self._add_useful()
            self._drop_unneeded()
        return WeekRoster(tuple(self.workers), tuple(self._shifts[key] for key in sorted(self._shifts)),
                          tuple(self._find_shortages()), tuple(self._notes))

    # -- shifts ------------------------------------------------------------------------------------------------------

    def _add_remote(self, worker: Worker, day: int, first: int, end: int) -> None:
        for cell in range(first, end):
            self._cover[day][cell].add_agent(worker.skills)

    def _add_fixed(self, number: int, day: int, first: int, end: int) -> None:
        """Add given hours, or note why they cannot be kept."""
        shift = self._with_breaks(Shift(number, day, first, end, ()))
        who = " + ".join(self.workers[number].agents)
        if shift is None:
            self._notes.append(f"{who}: no breaks fit the hours of day {day + 1}")
        elif (why := self._find_objection(shift)) is not None:
            self._notes.append(f"{who}: not on day {day + 1}, {why}")
        else:
            self._add(shift)

    def _add_useful(self) -> None:
        """Add the shift that covers most for its length, again and again. Its use only falls, so an old value is a
        bound."""
        heap = [(-1.0, 0, len(worker.skills), number, day) for number, worker in enumerate(self.workers)
                for day in range(DAYS) if not worker.remote and (number, day) not in self._shifts
                and worker.hours[day] != () and _fixed_span(worker.hours[day]) is None]
        heapify(heap)
        while heap:
            _, _, skills, number, day = heappop(heap)
            best = self._best_shift(number, day)
            if best is None:
                continue
            key = (-best[0], self._work[number], skills, number, day)
            if heap and key > heap[0]:
                heappush(heap, key)
                continue
            shift = self._with_breaks(best[1])
            if shift is not None and self._gain_of(shift) > 0 and self._find_objection(shift) is None:
                self._add(shift)

    def _drop_unneeded(self) -> None:
        """Drop chosen shifts that cover nothing that others do not cover, the last ones first."""
        for shift in reversed(list(self._shifts.values())):
            if _fixed_span(self.workers[shift.worker].hours[shift.day]) is None:
                before = self._count_missing(shift.day)
                self._remove(shift)
                if self._count_missing(shift.day) > before:
                    self._add(shift)

    def _count_missing(self, day: int) -> int:
        return sum(cell.count_missing() for cell in self._cover[day])

    def _best_shift(self, number: int, day: int) -> tuple[float, Shift] | None:
        """Return the share of useful time and the shift of this day that covers most."""
        worker, bounds = self.workers[number], self._open[day]
        if bounds is None:
            return None
        found: tuple[float, int, Shift] | None = None
        sums = self._sums_of(day, worker.skills)
        for opens, closes in worker.hours[day] or ((0, CELLS),):
            opens, closes = max(opens, bounds[0]), min(closes, bounds[1])
            for length in (SHIFT, NIGHT_SHIFT):
                size = min(length, closes - opens)
                for first in range(opens, closes - size + 1, START_EVERY) if size > 0 else ():
                    shift = Shift(number, day, first, first + size, ())
                    gain = sums[first + size] - sums[first]
                    if gain and (length == NIGHT_SHIFT) == _is_night(shift) \
                            and (found is None or (gain / size, size) > found[:2]) \
                            and self._find_objection(shift) is None:
                        found = gain / size, size, shift
        return None if found is None else (found[0], found[2])

    def _with_breaks(self, shift: Shift) -> Shift | None:
        worker, day = self.workers[shift.worker], self._cover[shift.day]
        fixed = {cell for first, end in worker.breaks[shift.day] for cell in range(first, end)
                 if shift.first <= cell < shift.end}
        hours = worker.hours[shift.day]
        if hours:
            # A gap in the given hours is a break too.
            fixed |= {cell for cell in range(shift.first, shift.end)
                      if not any(first <= cell < end for first, end in hours)}

        def price(cell: int) -> float:
            wanted = day[cell].is_wanted(worker.skills)
            return (1.0 + day[cell].count_missing() * CROWD if wanted else 0.0) \
                + CROWD * self._resting[shift.day, cell]

        breaks = place_breaks(shift.first, shift.end, fixed, worker.stretch, price)
        return None if breaks is None else shift._replace(breaks=breaks)

    def _gain_of(self, shift: Shift) -> int:
        skills = self.workers[shift.worker].skills
        return sum(self._cover[shift.day][cell].is_wanted(skills) for cell in shift.work_cells())

    def _find_objection(self, shift: Shift) -> str | None:
        """Return why the law forbids this shift next to the others of the worker, or None."""
        number, day = shift.worker, shift.day
        # A shift without breaks yet will have those of the law.
        presence = shift.end - shift.first
        work = shift.work if shift.breaks else presence - lawful_break_cells(presence)
        if self._work[number] + work > WEEK_MOST:
            return "more than 45 hours a week"
        if sum((number, other) in self._shifts for other in range(DAYS)) >= DAYS_MOST:
            return "no day off"
        before, after = self._shifts.get((number, day - 1)), self._shifts.get((number, day + 1))
        if (before is not None and shift.first + CELLS - before.end < REST) or (
                after is not None and after.first + CELLS - shift.end < REST):
            return "less than 11 hours between two days"
        return None

    def _add(self, shift: Shift) -> None:
        skills = self.workers[shift.worker].skills
        for cell in shift.work_cells():
            self._cover[shift.day][cell].add_agent(skills)
        self._shifts[shift.worker, shift.day] = shift
        self._count(shift, 1)

    def _remove(self, shift: Shift) -> None:
        skills = self.workers[shift.worker].skills
        for cell in shift.work_cells():
            self._cover[shift.day][cell].remove_agent(skills)
        del self._shifts[shift.worker, shift.day]
        self._count(shift, -1)

    def _count(self, shift: Shift, sign: int) -> None:
        self._work[shift.worker] += sign * shift.work
        for first, end in shift.breaks:
            for cell in range(first, end):
                self._resting[shift.day, cell] += sign
        for key in [key for key in self._wanted if key[0] == shift.day]:
            del self._wanted[key]

    def _sums_of(self, day: int, skills: Skills) -> list[int]:
        found = self._wanted.get((day, skills))
        if found is None:
            found = self._wanted[day, skills] = list(accumulate(
                (cell.is_wanted(skills) for cell in self._cover[day]), initial=0))
        return found

    def _find_shortages(self) -> list[Shortage]:
        """Return each stretch in which a service lacks agents, with the most that are missing in it."""
        found: list[Shortage] = []
        for day, cells in enumerate(self._cover):
            for service in sorted({service for cell in cells for service in cell.unmet}):
                missing = [cell.unmet[service] for cell in cells]
                found += [Shortage(day, first, end, service, max(missing[first:end]))
                          for first, end in join_cells([at for at, number in enumerate(missing) if number])]
        return found


def _fixed_span(hours: Spans | None) -> tuple[int, int] | None:
    """Return the whole working time of a day whose hours are fixed. None: no hours, or the maker chooses among them."""
    if not hours:
        return None
    short = all(begin - end <= LONG_BREAK for (_, end), (begin, _) in pairwise(hours))
    first, end = hours[0][0], hours[-1][1]
    return (first, end) if short and end - first <= DAY_MOST else None


def _first_and_last(day: Sequence[Mapping[ServiceId, int]]) -> tuple[int, int] | None:
    """Return the cells between which somebody is needed."""
    used = [number for number, needs in enumerate(day) if any(needs.values())]
    return (used[0], used[-1] + 1) if used else None


def _is_night(shift: Shift) -> bool:
    """Return whether more than half of a shift is at night."""
    dark = sum(not NIGHT[0] <= cell < NIGHT[1] for cell in range(shift.first, shift.end))
    return 2 * dark > shift.end - shift.first


def seconds_of(cell: int) -> float:
    """Return the start of a cell in seconds from midnight."""
    return cell * CELL_S
