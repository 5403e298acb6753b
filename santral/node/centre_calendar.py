"""Report the calendar of a centre to the engine: hours of services, breaks, on-call times, needs of the day.

The engine knows Unix seconds but no days. `CalendarState` is the state that the calendar demands at a moment. If it
differs from the reported state, the difference is reported. So a late wake-up, a changed clock, a restart and new files
all need no special case. The hours of the line are asked for by each new caller (`CentreCalendar.entry_in_force`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import structlog

from centres.base_shapes import DAY_MIN, Day, Week, spans_to_minutes
from centres.calendar_days import Closure
from centres.checks.cross_checks import is_due
from centres.settings import Settings
from centres.surge import SurgeProfile
from centres.team import Accommodation, Agent
from routing.core.agents.break_rules import BREAK_MAX_S
from routing.core.events import (
    AgentSignedIn,
    AgentSignedOut,
    BreaksPlanned,
    Configured,
    Event,
    QuietHoursChanged,
    ServiceHoursSet,
    WorkingHoursPlanned,
)
from routing.core.model.centre_model import Centre
from routing.core.model.errors import OffDuty
from routing.core.model.ids import AgentId, SeatId, ServiceId
from routing.core.shifts.break_plan import PLANNED_MAX
from routing.core.shifts.working_hours import SPANS_MAX
from routing.core.waiting_time.planned_hours import EARLY_S
from santral.centre import coverage_by_date
from santral.centre.config import NodeConfig
from santral.centre.engine_values import engine_centre
from santral.centre.last_known_good import REPORTED_MAX
from santral.centre.remote_agents import remote_seat
from santral.centre.surge_values import apply_profile

log = structlog.get_logger()

T = TypeVar("T", int, float)

Spans = tuple[tuple[float, float], ...]

OPENING_SOUGHT_S = 7 * 86_400.0
"""How far the next opening of a service is sought. Later than in a week a caller is told no day."""

LONGEST_SLEEP_S = 600.0
"""Longest sleep. The wall clock may be changed at any time, so it is checked again after this time."""

LATE_S = 1_800.0
"""Time after the working hours in which agents may sign in again: a talk may end late."""

CLOCK_STEP_S = 900.0
"""Steps in which a change of the clock is searched. No zone changes its clock twice within a quarter of an hour."""


class Closing(NamedTuple):
    """A one-time closing of the line or a service, planned or set by a supervisor."""

    service: str
    """Id of the service. Empty means the whole line."""
    begins: float
    ends: float | None
    """Unix seconds. None means until further notice."""

    def is_closed_at(self, moment: float) -> bool:
        """Return whether the closing applies at this moment."""
        return self.begins <= moment and (self.ends is None or moment < self.ends)


Closings = Iterable[Closing]
MinuteSpans = tuple[tuple[int, int], ...]
"""Pairs of begin and end in minutes from local midnight."""


class CalendarState(NamedTuple):
    """State that the calendar demands of the engine at a moment."""

    centre: Centre
    """The centre with the accommodations of that day."""
    open: Mapping[ServiceId, bool]
    """Whether each service that can close is open."""
    on_call: Mapping[AgentId, bool]
    """Whether each reachable remote counsellor is on call."""
    breaks: Mapping[AgentId, Spans]
    """Breaks of this day and the next in Unix seconds, for agents who have any."""
    quiet: bool = False
    """Whether quiet hours apply, in which callbacks wait."""
    working_hours: Mapping[AgentId, Spans] = {}
    """Working hours of the day before, this day and the next in Unix seconds, for agents who have any."""


class Clock(NamedTuple):
    """Local time of the centre."""

    day: Day
    minute: int
    """Minutes from midnight."""


def wall_clock(settings: Settings, at: float) -> Clock:
    """Return the local time at `at` (Unix seconds) with the kind of day."""
    local = datetime.fromtimestamp(at, ZoneInfo(settings.centre.timezone))
    return Clock(settings.calendar.day_of(local.date()), local.hour * 60 + local.minute)


def state_at(config: NodeConfig, at: float, closings: Closings = (),
             away: Container[SeatId] | None = None, surge: SurgeProfile | None = None) -> CalendarState:
    """Return the demanded state at `at` (Unix seconds), by the local time of the centre.

    `away` holds the seats of remote counsellors who can be called. None means all of them. `surge` is the profile in
    force.
    """
    day, minute = wall_clock(config.settings, at)
    loaded, closed = config.loaded, {
        one.service for one in (*planned_closings(config.settings), *closings) if one.is_closed_at(at)}
    return CalendarState(
        apply_profile(engine_centre(loaded, day.date), surge),
        {ServiceId(one.id): one.id not in closed and (one.hours is None or one.hours.is_within(day, minute))
         for one in loaded.services if not one.distress},
        {AgentId(one.id): one.on_call.is_within(day, minute) or (surge is not None and surge.call_in)
         for one in loaded.agents
         if one.on_call is not None and (away is None or remote_seat(one.id) in away)},
        dict(_break_plans(config, day.date, own_only=surge is not None and surge.breaks == "own")),
        config.quiet.end_at(at) is not None,
        # In a surge that calls everybody in, nobody works by the plan.
        {} if surge is not None and surge.call_in else dict(_plan_working_hours(config, day.date)))


def service_open(config: NodeConfig, service: str, at: float, closings: Closings = ()) -> bool:
    """Return whether callers may wait for a service at `at`."""
    day, minute = wall_clock(config.settings, at)
    known = next((one for one in config.loaded.services if one.id == service), None)
    return known is not None and (known.hours is None or known.hours.is_within(day, minute)) and not any(
        one.is_closed_at(at) for one in (*planned_closings(config.settings), *closings) if one.service == service)


def line_open(settings: Settings, at: float, closings: Closings = ()) -> bool:
    """Return whether the line is open for callers who arrive at `at`."""
    day, minute = wall_clock(settings, at)
    return settings.hours.is_within(day, minute) and not any(
        one.is_closed_at(at) for one in (*planned_closings(settings), *closings) if not one.service)


def planned_closings(settings: Settings, *some: Closure) -> Iterator[Closing]:
    """Yield the planned closings of santral.toml, or those of `some`."""
    zone = ZoneInfo(settings.centre.timezone)
    for one in some or settings.calendar.closures:
        begins, ends = (moment.replace(tzinfo=zone).timestamp() for moment in (one.begins, one.ends))
        for service in one.services or ("",):
            yield Closing(service, begins, ends)


def _break_plans(config: NodeConfig, day: date, *, own_only: bool) -> Iterator[tuple[AgentId, Spans]]:
    """Yield the breaks of this day and the next. With `own_only` the plan for all agents does not apply.

    The next day is needed before midnight, because no contact may reach into a break soon after it.
    """
    zone = ZoneInfo(config.settings.centre.timezone)
    days = [(one, config.loaded.in_force(one)) for one in (day, day + timedelta(days=1))]
    for agent in config.loaded.agents:
        spans: list[tuple[float, float]] = []
        for one, force in days:
            plan = break_spans(config.settings, force.get(agent.id), own_only=own_only)
            if not own_only:
                plan = _join_spans((*plan, *_duty_gaps(agent, config.settings.calendar.day_of(one))))
            spans += sorted((to_unix(one, begin, zone), to_unix(one, end, zone)) for begin, end in plan)
        if spans:
            yield AgentId(agent.id), tuple(spans[:PLANNED_MAX])


def _plan_working_hours(config: NodeConfig, day: date) -> Iterator[tuple[AgentId, Spans]]:
    """Yield the hours at seats and on call that end on this day or later. Hours over midnight are one span.

    The next day is needed, because a wait in the evening may end with the next shift.
    """
    zone, calendar = ZoneInfo(config.settings.centre.timezone), config.settings.calendar
    begins = to_unix(day, 0, zone)
    for agent in config.loaded.agents:
        spans: list[tuple[float, float]] = []
        for one in (day + timedelta(days=ahead) for ahead in (-1, 0, 1)):
            of_day = calendar.day_of(one)
            minutes = agent.on_call.spans_on(of_day) if agent.on_call is not None else \
                agent.on_duty.hours_on(of_day) if agent.on_duty is not None else None
            spans += [(to_unix(one, begin, zone), to_unix(one, end, zone)) for begin, end in minutes or ()]
        hours = tuple(span for span in _join_spans(spans) if span[1] > begins)[:SPANS_MAX]
        if hours:
            yield AgentId(agent.id), hours


def to_unix(day: date, minute: int, zone: ZoneInfo, fold: int = 0) -> float:
    """Return Unix seconds of a minute of a local day. On days of a time change the wall clock decides.

    `fold` 1 is the second pass of a minute that comes twice.
    """
    at = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=minute // DAY_MIN)
    return at.replace(hour=minute % DAY_MIN // 60, minute=minute % 60, fold=fold).timestamp()


def next_change(config: NodeConfig, at: float, closings: Closings = (), *, line: bool = False) -> float:
    """Return the next time at which the demanded state may change: an edge of a span or closing, or midnight.

    With `line` the edges of the line's hours count too. They are no state: the entry of a call is read from the clock.
    """
    zone = ZoneInfo(config.settings.centre.timezone)
    day = wall_clock(config.settings, at).day
    # 1. Edges of opening hours, on-call times and quiet hours on this day.
    weeks: list[Week] = [one.hours for one in config.loaded.services if one.hours is not None]
    weeks += [one.on_call for one in config.loaded.agents if one.on_call is not None]
    weeks += [config.settings.hours] if line else []
    minutes = {*config.quiet.change_minutes(), *(minute for week in weeks for minute in week.edges_on(day))}
    # 2. Edges of closings, on any day.
    edges = [edge for one in (*planned_closings(config.settings), *closings) for edge in (one.begins, one.ends)
             if edge is not None and edge > at]
    return min((next_edge(at, minutes, zone), *edges))


def break_spans(settings: Settings, own: Accommodation | None, *, own_only: bool = False) -> MinuteSpans:
    """Return the daily breaks of an agent, in minutes. An agent's own plan replaces the plan for all agents.

    With `own_only` the plan for all agents does not apply.
    """
    if own is not None and own.break_plan is not None:
        return spans_to_minutes(own.break_plan)
    return () if own_only else spans_to_minutes(settings.profile.break_plan or ())


def _duty_gaps(agent: Agent, day: Day) -> MinuteSpans:
    """Return the gaps between the working hours of a day that are short enough for a break."""
    spans = () if agent.on_duty is None else sorted(agent.on_duty.spans_on(day))
    return tuple((end, begin) for (_, end), (begin, _) in pairwise(spans) if 0 < (begin - end) * 60.0 <= BREAK_MAX_S)


def _join_spans(spans: Iterable[tuple[T, T]]) -> tuple[tuple[T, T], ...]:
    """Return the spans in order and without overlaps."""
    joined: list[tuple[T, T]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return tuple(joined)


def require_on_duty(config: NodeConfig, agent: AgentId, at: float, surge: SurgeProfile | None) -> None:
    """Raise OffDuty if an agent signs in far outside the working hours. A surge that calls everybody in lifts this."""
    week = next((one.on_duty for one in config.loaded.agents if one.id == agent), None)
    if week is None or (surge is not None and surge.call_in):
        return
    zone, today = ZoneInfo(config.settings.centre.timezone), wall_clock(config.settings, at).day.date
    # The hours of the days around count too: a shift from midnight on begins the evening before.
    for day in (today + timedelta(days=ahead) for ahead in (-1, 0, 1)):
        spans = week.hours_on(config.settings.calendar.day_of(day))
        if spans is None and day == today:
            return
        if any(to_unix(day, begin, zone) - EARLY_S <= at < to_unix(day, end, zone) + LATE_S
               for begin, end in spans or ()):
            return
    raise OffDuty(f"{agent} works at other hours")


def next_edge(at: float, minutes: Iterable[int], zone: ZoneInfo) -> float:
    """Return the next time at which the wall clock may pass one of these minutes of its day, or midnight.

    A clock that is set forward jumps over minutes. One that is set back passes minutes twice. So the change of the
    clock is such a time, and so is each of the two passes.
    """
    day = datetime.fromtimestamp(at, zone).date()
    passes = [edge for minute in {*minutes, DAY_MIN} for fold in (0, 1)
              if (edge := to_unix(day, minute, zone, fold)) > at]
    # Midnight has passed already if the clock is set back over it: the next look is after the clock's change.
    nearest = min(passes, default=at + CLOCK_STEP_S)
    # Look for a change of the clock before that time, and narrow it down to the second.
    before = at
    while before < nearest:
        after = min(before + CLOCK_STEP_S, nearest)
        if _offset_at(before, zone) != _offset_at(after, zone):
            low, high = math.floor(before), math.ceil(after)
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset_at(middle, zone) == _offset_at(before, zone) else (low, middle)
            return float(high)
        before = after
    return nearest


def _offset_at(at: float, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(at, zone).utcoffset()


def change_events(before: CalendarState | None, now: CalendarState) -> Iterator[Event]:
    """Yield the events that bring the engine from one state to another, the centre first.

    None for `before` means an engine that knows only the centre of its start.
    """
    # 1. The centre comes first, because later events may name its new agents and services.
    if before is not None and before.centre != now.centre:
        yield Configured(now.centre)
    # 2. Hours. The engine takes an unreported service as open.
    was_open = {} if before is None else before.open
    for service, is_open in now.open.items():
        if was_open.get(service, True) is not is_open:
            yield ServiceHoursSet(service, is_open)
    if (before is not None and before.quiet) is not now.quiet:
        yield QuietHoursChanged(now.quiet)
    # 3. Breaks and working hours.
    planned = {} if before is None else before.breaks
    for agent in dict.fromkeys((*planned, *now.breaks)):
        if planned.get(agent, ()) != now.breaks.get(agent, ()):
            yield BreaksPlanned(agent, now.breaks.get(agent, ()))
    worked = {} if before is None else before.working_hours
    for agent in dict.fromkeys((*worked, *now.working_hours)):
        if worked.get(agent, ()) != now.working_hours.get(agent, ()):
            yield WorkingHoursPlanned(agent, now.working_hours.get(agent, ()))
    # 4. On-call times.
    on_call = {} if before is None else before.on_call
    for agent, on in now.on_call.items():
        if on_call.get(agent) is not on:
            yield AgentSignedIn(agent, remote_seat(agent)) if on else AgentSignedOut(agent)
    for agent in on_call.keys() - now.on_call.keys():
        if on_call[agent]:
            # The agent is no remote counsellor any more, and will sign in at a seat by code.
            yield AgentSignedOut(agent)


class CentreCalendar:
    """Keep the engine informed about the calendar.

    `post` passes on an event and never blocks. `closings` returns the present closings that are in no file. `away`
    holds the seats of remote counsellors with a known number, and None means all. No others are signed in, because
    distress callers would wait for an agent who cannot be called. While `held` is true, callbacks wait as in quiet
    hours.
    """

    def __init__(self, config: NodeConfig, post: Callable[[Event], None],
                 clock: Callable[[], float] = time.time, closings: Callable[[], Closings] = tuple,
                 away: Container[SeatId] | None = None,
                 surge: Callable[[], SurgeProfile | None] = lambda: None,
                 held: Callable[[], bool] = lambda: False) -> None:
        self._config, self._post, self._clock, self._closings, self._away = config, post, clock, closings, away
        self._surge, self._held = surge, held
        self._told: CalendarState | None = None
        self._day: date | None = None
        self.unservable_needs: tuple[str, ...] = ()
        """Problems of the day: file, line and demand that no agent meets because of agents' needs, at most
        `REPORTED_MAX`."""
        self._wake = asyncio.Event()

    def post_changes(self) -> None:
        """Report the differences since the last report."""
        # 1. Report the difference.
        at = self._clock()
        now = self._demand(self._config, at)
        for event in change_events(self._told, now):
            self._post(event)
        # 2. A new day brings other needs.
        day = wall_clock(self._config.settings, at).day.date
        if day != self._day:
            self._new_day(day)
        if self._told is not None and self._told.centre != now.centre:
            log.info("calendar.centre_changed")
        self._told = now
        self._wake.set()

    def _demand(self, config: NodeConfig, at: float) -> CalendarState:
        now = state_at(config, at, self._closings(), self._away, self._surge())
        return now._replace(quiet=True) if self._held() else now

    def _new_day(self, day: date) -> None:
        """Check the needs of a new day and log problems.

        A node runs for months and applies new needs in any case, so they must be checked. The log names neither agents
        nor their number.
        """
        if self._day is not None and any(is_due(one, day) for one in self._config.loaded.in_force(day).values()):
            # At a start the warnings of the files have reported it.
            log.warning("accommodations.review_due")
        self._day = day
        found = coverage_by_date.unservable_on(self._config.loaded, self._config.flow, day)
        self.unservable_needs = tuple(map(str, found[:REPORTED_MAX]))
        if found:
            log.error("calendar.coverage_lost", problems=list(self.unservable_needs), of=len(found))

    async def apply_config(self, config: NodeConfig, ask: Callable[[Event], Awaitable[object]]) -> None:
        """Put other files in force. An error that `ask` raises for the centre is passed on, and nothing has changed
        then."""
        now = self._demand(config, self._clock())
        # The new centre is the first event, so a refusal comes before any other change.
        for event in change_events(self._told, now):
            if isinstance(event, Configured):
                await ask(event)
            else:
                self._post(event)
        self._config, self._told, self.unservable_needs = config, now, ()
        self._wake.set()

    def entry_in_force(self, entry: str) -> str:
        """Return the entry for a caller who arrives now at `entry`: the same one, or that of a closed line.

        The wall clock decides. The engine's clock never jumps and may have started wrong.
        """
        settings = self._config.settings
        open_now = settings.hours.closed is None or line_open(settings, self._clock(), self._closings())
        return entry if open_now else str(settings.hours.closed)

    def is_open(self, service: str) -> bool:
        """Return whether a caller who chooses the service now may wait for it, by the reported state."""
        return self._told is None or self._told.open.get(ServiceId(service), True)

    def opens_at(self, service: str) -> datetime | None:
        """Return the local time at which a closed service opens again, or None if that is more than a week away.

        An empty name is the whole line.
        """
        config, closings, now = self._config, self._closings(), self._clock()
        at = now
        while (at := next_change(config, at, closings, line=not service)) < now + OPENING_SOUGHT_S:
            if service_open(config, service, at, closings) if service else line_open(config.settings, at, closings):
                return datetime.fromtimestamp(at, ZoneInfo(config.settings.centre.timezone))
        return None

    async def run_calendar(self) -> None:
        """Report changes when they are due, until cancelled."""
        while True:
            self.post_changes()
            self._wake.clear()
            at = self._clock()
            sleep = min(LONGEST_SLEEP_S, max(0.0, next_change(self._config, at, self._closings()) - at))
            with suppress(TimeoutError):
                async with asyncio.timeout(sleep):
                    await self._wake.wait()
