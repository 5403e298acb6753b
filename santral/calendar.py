"""The calendar of a centre, told to the engine: hours of services, breaks, who is on call, what agents need from today.

The engine knows Unix seconds and no days. What the calendar wants at a moment is one value (`Wanted`); whenever it
differs from what was told last, the difference is told. So a late wake-up, a changed clock, a restart or new files mend
themselves. The line's own hours are asked by each caller who comes in (`Calendar.entry`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import structlog

from centres.cross import is_due
from centres.days import Closure
from centres.model import DAY_MIN, Day, Week, minute_of
from centres.settings import Settings
from routing.core.events import (
    AgentSignedIn,
    AgentSignedOut,
    BreaksPlanned,
    CallbacksQuiet,
    Configured,
    Event,
    ServiceHours,
)
from routing.core.ids import AgentId, SeatId, ServiceId
from routing.core.model import Centre
from routing.core.recess import PLANNED_MOST
from santral import by_date
from santral.config import NodeConfig
from santral.engine_values import engine_centre
from santral.last_good import TOLD_MOST
from santral.outside import outside_seat

log = structlog.get_logger()

Spans = tuple[tuple[float, float], ...]

LONGEST_SLEEP_S = 600.0
"""The wall clock may be set at any time: so often it is looked at whatever it said before."""


class Closing(NamedTuple):
    """The line or a service is closed for once, by plan or by a supervisor's word."""

    service: str
    """Empty: the whole line."""
    begins: float
    ends: float | None
    """Unix seconds; None: until further notice."""

    def at(self, moment: float) -> bool:
        """Whether it holds."""
        return self.begins <= moment and (self.ends is None or moment < self.ends)


Closings = Iterable[Closing]


class Wanted(NamedTuple):
    """What the calendar wants of the engine at a moment."""

    centre: Centre
    """With the accommodations in force that day."""
    open: Mapping[ServiceId, bool]
    """Every service that can close."""
    on_call: Mapping[AgentId, bool]
    """Remote counsellors who can be called."""
    breaks: Mapping[AgentId, Spans]
    """Of the day and the next one, Unix seconds. Agents without any are not in it."""
    quiet: bool = False
    """Nobody is called back but who wants it."""


class Clock(NamedTuple):
    """What the clock on the centre's wall shows."""

    day: Day
    minute: int
    """From midnight."""


def clock(settings: Settings, at: float) -> Clock:
    """The wall clock at `at` (Unix seconds), and what day it is."""
    local = datetime.fromtimestamp(at, ZoneInfo(settings.centre.timezone))
    return Clock(settings.calendar.day(local.date()), local.hour * 60 + local.minute)


def wanted(config: NodeConfig, at: float, closings: Closings = (), away: Container[SeatId] | None = None) -> Wanted:
    """What is wanted at `at` (Unix seconds), by the clock on the centre's wall. `away`: remote counsellors who can be
    called; None: all of them."""
    day, minute = clock(config.settings, at)
    loaded, closed = config.loaded, {one.service for one in (*planned(config.settings), *closings) if one.at(at)}
    return Wanted(
        engine_centre(loaded, day.date),
        {ServiceId(one.id): one.id not in closed and (one.hours is None or one.hours.within(day, minute))
         for one in loaded.services if not one.distress},
        {AgentId(one.id): one.on_call.within(day, minute) for one in loaded.agents
         if one.on_call is not None and (away is None or outside_seat(one.id) in away)},
        dict(_breaks(config, day.date)), config.quiet.until(at) is not None)


def line_open(settings: Settings, at: float, closings: Closings = ()) -> bool:
    """Whether callers who come in at `at` find an open line."""
    day, minute = clock(settings, at)
    return settings.hours.within(day, minute) and not any(
        one.at(at) for one in (*planned(settings), *closings) if not one.service)


def planned(settings: Settings, *some: Closure) -> Iterator[Closing]:
    """The closures of santral.toml, or some of them."""
    zone = ZoneInfo(settings.centre.timezone)
    for one in some or settings.calendar.closures:
        begins, ends = (moment.replace(tzinfo=zone).timestamp() for moment in (one.begins, one.ends))
        for service in one.services or ("",):
            yield Closing(service, begins, ends)


def _breaks(config: NodeConfig, day: date) -> Iterator[tuple[AgentId, Spans]]:
    """Of this day and the next: before midnight nothing may be offered that would run into a break soon after it."""
    zone = ZoneInfo(config.settings.centre.timezone)
    days = [(one, config.loaded.in_force(one)) for one in (day, day + timedelta(days=1))]
    for agent in config.loaded.agents:
        spans: list[tuple[float, float]] = []
        for one, force in days:
            plan = force[agent.id].break_plan if agent.id in force else None
            if plan is None:
                plan = config.settings.profile.break_plan or ()
            spans += sorted((unix(one, minute_of(span[:5]), zone), unix(one, minute_of(span[6:]), zone))
                            for span in plan)
        if spans:
            yield AgentId(agent.id), tuple(spans[:PLANNED_MOST])


def unix(day: date, minute: int, zone: ZoneInfo) -> float:
    """A minute of a local day in Unix seconds. On days of a change of time the wall clock decides."""
    at = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=minute // DAY_MIN)
    return at.replace(hour=minute % DAY_MIN // 60, minute=minute % 60).timestamp()


def next_change(config: NodeConfig, at: float, closings: Closings = ()) -> float:
    """When something may be wanted that is not wanted at `at`: the next edge of a span or a closing, or midnight."""
    zone = ZoneInfo(config.settings.centre.timezone)
    day = clock(config.settings, at).day
    weeks: list[Week] = [one.hours for one in config.loaded.services if one.hours is not None]
    weeks += [one.on_call for one in config.loaded.agents if one.on_call is not None]
    edges = {unix(day.date, minute, zone) for week in weeks for minute in week.edges(day)}
    edges |= {unix(day.date, minute, zone) for minute in config.quiet.edges()}
    edges |= {edge for one in (*planned(config.settings), *closings) for edge in (one.begins, one.ends)
              if edge is not None}
    return min(edge for edge in edges | {unix(day.date, DAY_MIN, zone)} if edge > at)


def changes(before: Wanted | None, now: Wanted) -> Iterator[Event]:
    """What must be told so that the engine has what is wanted, the centre first. `before` None: nothing was told to
    this engine but the centre it started with."""
    if before is not None and before.centre != now.centre:
        yield Configured(now.centre)
    was_open = {} if before is None else before.open
    for service, is_open in now.open.items():
        if was_open.get(service, True) is not is_open:
            yield ServiceHours(service, is_open)
    if (before is not None and before.quiet) is not now.quiet:
        yield CallbacksQuiet(now.quiet)
    planned = {} if before is None else before.breaks
    for agent in dict.fromkeys((*planned, *now.breaks)):
        if planned.get(agent, ()) != now.breaks.get(agent, ()):
            yield BreaksPlanned(agent, now.breaks.get(agent, ()))
    on_call = {} if before is None else before.on_call
    for agent, on in now.on_call.items():
        if on_call.get(agent) is not on:
            yield AgentSignedIn(agent, outside_seat(agent)) if on else AgentSignedOut(agent)
    for agent in on_call.keys() - now.on_call.keys():
        if on_call[agent]:
            yield AgentSignedOut(agent)  # no remote counsellor any more: from now on at a seat, by their own code


class Calendar:
    """Keeps an engine told. `post` hands an event over and never blocks; `closings` are those of the moment that no
    file holds. `away`: the seats of remote counsellors whose numbers are known, None: of all. Nobody else is signed in:
    callers in distress would be told that somebody is there who cannot be called."""

    def __init__(self, config: NodeConfig, post: Callable[[Event], None],
                 clock: Callable[[], float] = time.time, closings: Callable[[], Closings] = tuple,
                 away: Container[SeatId] | None = None) -> None:
        self._config, self._post, self._clock, self._closings, self._away = config, post, clock, closings, away
        self._told: Wanted | None = None
        self._day: date | None = None
        self.nobody_left: tuple[str, ...] = ()
        """What nobody can take today by what agents need: file, line and what it is, the first `TOLD_MOST`."""
        self._wake = asyncio.Event()

    def tell(self) -> None:
        """Tell what differs now."""
        at = self._clock()
        now = wanted(self._config, at, self._closings(), self._away)
        for event in changes(self._told, now):
            self._post(event)
        day = clock(self._config.settings, at).day.date
        if day != self._day:
            self._new_day(day)
        if self._told is not None and self._told.centre != now.centre:
            log.info("calendar.centre_changed")
        self._told = now
        self._wake.set()

    def _new_day(self, day: date) -> None:
        """A node runs for months: what agents need is taken over whatever it leaves, and is to be looked at with them.
        Whose it is, and of how many, is not said."""
        if self._day is not None and any(is_due(one, day) for one in self._config.loaded.in_force(day).values()):
            log.warning("accommodations.review_due")  # a start has said it with the other warnings of the files
        self._day = day
        found = by_date.nobody_left(self._config.loaded, self._config.flow, day)
        self.nobody_left = tuple(map(str, found[:TOLD_MOST]))
        if found:
            log.error("calendar.nobody_left", problems=list(self.nobody_left), of=len(found))

    async def change(self, config: NodeConfig, ask: Callable[[Event], Awaitable[object]]) -> None:
        """Put other files in force. What `ask` raises for the centre comes out, and nothing has changed then."""
        now = wanted(config, self._clock(), self._closings(), self._away)
        for event in changes(self._told, now):
            if isinstance(event, Configured):
                await ask(event)
            else:
                self._post(event)
        self._config, self._told, self.nobody_left = config, now, ()
        self._wake.set()

    def entry(self, entry: str) -> str:
        """The entry in force for a caller who comes in now to `entry`: the same, or the one of a closed line. The clock
        on the wall decides, not the engine's, which never jumps: it may have started wrong."""
        settings = self._config.settings
        open_now = settings.hours.closed is None or line_open(settings, self._clock(), self._closings())
        return entry if open_now else str(settings.hours.closed)

    def is_open(self, service: str) -> bool:
        """Whether a caller who chooses the service now may wait for it, by what the engine was told."""
        return self._told is None or self._told.open.get(ServiceId(service), True)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.tell()
            self._wake.clear()
            at = self._clock()
            sleep = min(LONGEST_SLEEP_S, max(0.0, next_change(self._config, at, self._closings()) - at))
            with suppress(TimeoutError):
                async with asyncio.timeout(sleep):
                    await self._wake.wait()
