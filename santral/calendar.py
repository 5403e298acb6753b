"""The calendar of a centre, told to the engine: hours of services, breaks, who is on call, what agents need from today.

The engine knows Unix seconds and no days. What the calendar wants at a moment is one value (`Wanted`); whenever it
differs from what was told last, the difference is told. So a late wake-up, a changed clock or a restart mends itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import structlog

from centres.model import Week, minute_of
from routing.core.events import AgentSignedIn, AgentSignedOut, BreaksPlanned, Configured, Event, ServiceHours
from routing.core.ids import AgentId, ServiceId
from routing.core.model import Centre
from santral.config import NodeConfig, engine_centre
from santral.outside import outside_seat

log = structlog.get_logger()

Spans = tuple[tuple[float, float], ...]

LONGEST_SLEEP_S = 600.0
"""The wall clock may be set at any time: so often it is looked at whatever it said before."""


class Wanted(NamedTuple):
    """What the calendar wants of the engine at a moment."""

    centre: Centre
    """With the accommodations in force that day."""
    open: Mapping[ServiceId, bool]
    """Services that have hours of their own."""
    on_call: Mapping[AgentId, bool]
    """Remote counsellors."""
    breaks: Mapping[AgentId, Spans]
    """Of the day, Unix seconds. Agents without any are not in it."""


def wanted(config: NodeConfig, at: float) -> Wanted:
    """What is wanted at `at` (Unix seconds), by the clock on the centre's wall."""
    zone = ZoneInfo(config.settings.centre.timezone)
    local = datetime.fromtimestamp(at, zone)
    weekday, minute = local.weekday(), local.hour * 60 + local.minute
    loaded = config.loaded
    return Wanted(
        engine_centre(loaded, local.date()),
        {ServiceId(one.id): one.hours.within(weekday, minute) for one in loaded.services if one.hours is not None},
        {AgentId(one.id): one.on_call.within(weekday, minute) for one in loaded.agents if one.on_call is not None},
        dict(_breaks(config, local.date(), zone)))


def _breaks(config: NodeConfig, day: date, zone: ZoneInfo) -> Iterator[tuple[AgentId, Spans]]:
    force = config.loaded.in_force(day)
    for agent in config.loaded.agents:
        plan = force[agent.id].break_plan if agent.id in force else None
        if plan is None:
            plan = config.settings.profile.break_plan or ()
        spans = tuple(sorted((_unix(day, minute_of(span[:5]), zone), _unix(day, minute_of(span[6:]), zone))
                             for span in plan))
        if spans:
            yield AgentId(agent.id), spans


def _unix(day: date, minute: int, zone: ZoneInfo) -> float:
    """A minute of a local day in Unix seconds. On days of a change of time the wall clock decides."""
    at = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=minute // 1440)
    return at.replace(hour=minute % 1440 // 60, minute=minute % 60).timestamp()


def next_change(config: NodeConfig, at: float) -> float:
    """When something may be wanted that is not wanted at `at`: the next edge of a span, or midnight."""
    zone = ZoneInfo(config.settings.centre.timezone)
    day = datetime.fromtimestamp(at, zone).date()
    weeks: list[Week] = [one.hours for one in config.loaded.services if one.hours is not None]
    weeks += [one.on_call for one in config.loaded.agents if one.on_call is not None]
    edges = {minute for week in weeks for minute in week.edges(day.weekday())} | {1440}
    return min(moment for edge in edges if (moment := _unix(day, edge, zone)) > at)


def changes(before: Wanted | None, now: Wanted) -> Iterator[Event]:
    """What must be told so that the engine has what is wanted. `before` None: nothing was told to this engine but the
    centre it started with."""
    if before is not None and before.centre != now.centre:
        yield Configured(now.centre)
    was_open = {} if before is None else before.open
    for service, is_open in now.open.items():
        if was_open.get(service, True) is not is_open:
            yield ServiceHours(service, is_open)
    planned = {} if before is None else before.breaks
    for agent in dict.fromkeys((*planned, *now.breaks)):
        if planned.get(agent, ()) != now.breaks.get(agent, ()):
            yield BreaksPlanned(agent, now.breaks.get(agent, ()))
    on_call = {} if before is None else before.on_call
    for agent, on in now.on_call.items():
        if on_call.get(agent) is not on:
            yield AgentSignedIn(agent, outside_seat(agent)) if on else AgentSignedOut(agent)


class Calendar:
    """Keeps an engine told. `post` hands an event over and never blocks."""

    def __init__(self, config: NodeConfig, post: Callable[[Event], None],
                 clock: Callable[[], float] = time.time) -> None:
        self._config, self._post, self._clock = config, post, clock
        self._told: Wanted | None = None

    def tell(self) -> None:
        """Tell what differs now."""
        now = wanted(self._config, self._clock())
        for event in changes(self._told, now):
            self._post(event)
        if self._told is not None and self._told.centre != now.centre:
            log.info("calendar.centre_changed")
        self._told = now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.tell()
            at = self._clock()
            await asyncio.sleep(min(LONGEST_SLEEP_S, max(0.0, next_change(self._config, at) - at)))
