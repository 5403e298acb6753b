"""Plan a week: expected calls, agents needed by half hour, and the roster of the team.

The needs are those of Erlang A for the target of each service, corrected by simulation if that is wanted. A distress
service has an agent at every moment, also where no call is expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from math import ceil, floor, fsum
from typing import NamedTuple

from planning.simulation.arrivals import CallProfile, Day
from planning.simulation.opening import OpeningHours, OpeningOn
from planning.simulation.opening import Spans as Seconds
from planning.simulation.outcome import SLOT_S
from planning.staffing.break_placement import CELL_S, CELLS, Spans, join_cells
from planning.staffing.call_forecast import CallForecast, DayForecast, HeldOutError
from planning.staffing.call_record import CallRecord, Counts, KindOn
from planning.staffing.coverage import services_by_agent
from planning.staffing.requirement import SLOTS, ServiceGoal, StaffingPlan, plan_by_erlang
from planning.staffing.roster import DAYS, LONG_BREAK, STRETCH_MOST, WeekRoster, Worker, make_roster
from routing.core.model.centre_model import Agent, Centre
from routing.core.model.ids import ServiceId

CELLS_OF_SLOT = int(SLOT_S / CELL_S)

Kinds = Mapping[ServiceId, CallProfile]
Correct = Callable[[StaffingPlan, Day, Kinds], StaffingPlan]
"""Correct the plan of a day, for example by simulation."""


def leave_plan(plan: StaffingPlan, day: Day, kinds: Kinds) -> StaffingPlan:
    """Return the plan as it is."""
    return plan


class WeekPlan(NamedTuple):
    """A week as it is expected, and its roster."""

    monday: date
    error: HeldOutError
    days: tuple[DayForecast, ...]
    """Calls of the seven days, only in opening hours."""
    needs: tuple[Mapping[ServiceId, tuple[int, ...]], ...]
    """Scheduled agents by day, service and half hour."""
    roster: WeekRoster
    opening: tuple[OpeningHours, ...]


class WeekTask(NamedTuple):
    """A centre that needs a plan for a week."""

    centre: Centre
    opening: OpeningOn
    record: CallRecord
    kind_on: KindOn
    goals: Mapping[ServiceId, ServiceGoal]
    kinds: Kinds

    def plan_week(self, monday: date, correct: Correct = leave_plan) -> WeekPlan:
        """Return the plan. Raise PlanningError if the record is too short or ends too early."""
        # 1. The forecast, by the method with the smallest error on held-out weeks.
        forecast = CallForecast(self.record, self.kind_on)
        error = forecast.measure_error(forecast.weeks_ahead(monday))
        opening = tuple(self.opening((monday + timedelta(days=number)).isoformat()) for number in range(DAYS))
        days = tuple(_limit_to_hours(day, hours)
                     for day, hours in zip(forecast.forecast_week(monday, error.best), opening, strict=True))
        # 2. The needs by half hour.
        needs = tuple(self._find_needs(day, correct) for day in days)
        # 3. The roster, in quarters of an hour.
        cells = [[{service: slots[cell // CELLS_OF_SLOT] for service, slots in day.items()} for cell in range(CELLS)]
                 for day in needs]
        return WeekPlan(monday, error, days, needs, make_roster(build_workers(self.centre, opening), cells), opening)

    def _find_needs(self, day: DayForecast, correct: Correct) -> dict[ServiceId, tuple[int, ...]]:
        services = {service.id: day.services.get(service.id, [0.0] * SLOTS) for service in self.centre.services}
        curve = Day(day.date.isoformat(), 0.0, SLOT_S, tuple(map(fsum, zip(*services.values(), strict=True))),
                    {str(service): tuple(counts) for service, counts in services.items()})
        found = {service.id: [int(service.distress)] * SLOTS for service in self.centre.services}
        if curve.total:
            plan = plan_by_erlang(curve, dict.fromkeys(services, 1.0), self.goals, self.kinds)
            for need in correct(plan, curve, self.kinds).needs:
                found[need.service][need.slot] = max(need.scheduled, found[need.service][need.slot])
        return {service: tuple(slots) for service, slots in found.items()}


def _limit_to_hours(day: DayForecast, opening: OpeningHours) -> DayForecast:
    """Return the calls in opening hours. A call outside them does not wait for an agent."""
    def open_share(service: ServiceId, slot: int) -> float:
        spans = opening.hours.get(service)
        begin, end = slot * SLOT_S, (slot + 1) * SLOT_S
        return 1.0 if spans is None else sum(
            max(0.0, min(end, last) - max(begin, first)) for first, last in spans) / SLOT_S

    def limit_counts(service: ServiceId, counts: Counts) -> list[float]:
        return [calls * open_share(service, slot) for slot, calls in enumerate(counts)]

    limited = {service: limit_counts(service, counts) for service, counts in day.services.items()}
    if limited and all(opening.hours.get(service) == () for service in limited):
        return day._replace(services=limited, basis="closed", assumed=False)
    return day._replace(services=limited)


def build_workers(centre: Centre, opening: Sequence[OpeningHours]) -> list[Worker]:
    """Return the team as the roster needs it. Two agents who work as a pair are one worker."""
    can = services_by_agent(centre)
    pairs: dict[str, list[Agent]] = {}
    for agent in centre.agents:
        pairs.setdefault(agent.profile.pair_id or f"/{agent.id}", []).append(agent)
    found = []
    for agents in pairs.values():
        skills = frozenset.intersection(*(can.get(agent.id, frozenset()) for agent in agents))
        if skills:
            breaks = tuple(_breaks_of(agents, day) for day in opening)
            found.append(Worker(
                tuple(agent.id for agent in agents), skills,
                tuple(_hours_of(agents, day, away) for day, away in zip(opening, breaks, strict=True)), breaks,
                max(1, min(STRETCH_MOST, *(int(agent.profile.max_continuous_s // CELL_S) for agent in agents))),
                any(agent.remote for agent in agents)))
    return found


def _breaks_of(agents: Sequence[Agent], day: OpeningHours) -> Spans:
    return tuple((floor(begin / CELL_S), ceil(end / CELL_S))
                 for agent in agents for begin, end in day.breaks.get(agent.id, ()))


def _hours_of(agents: Sequence[Agent], day: OpeningHours, breaks: Spans) -> Spans | None:
    """Return the cells in which all of these agents may work. None: they have no hours, and no long break."""
    given: list[Seconds] = [hours[agent.id] for agent in agents for hours in (day.on_call, day.on_duty)
                            if agent.id in hours]
    long = [(first, end) for first, end in breaks if end - first > LONG_BREAK]
    if not given and not long:
        return None
    free = set(range(CELLS)).difference(*(range(first, end) for first, end in long))
    for spans in given:
        free &= {cell for begin, end in spans for cell in range(ceil(begin / CELL_S), floor(end / CELL_S))}
    return join_cells(sorted(free))

