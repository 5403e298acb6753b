"""Find the times that callers may choose for a callback: parts of the next days in which the service is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from centres.callback import PART_MIN
from ivr.callback_windows import WINDOW_KEYS, CallbackWindow
from santral.centre.config import NodeConfig
from santral.node.centre_calendar import Closings, line_open, planned_closings, service_open, to_unix

DAYS_SOUGHT = 7
"""Days in which times are sought, with today. A longer span would name two days by the same weekday."""
SHORTEST_S = PART_MIN * 60.0
"""Shortest time that is offered, if the service closes within a part of a day."""


def find_windows(config: NodeConfig, service: str, at: float, closings: Closings = ()) -> list[CallbackWindow]:
    """Return the next times for a callback of a service, in order, at most one for each key.

    A part of a day that has begun is not offered: a caller who does not want to wait longer chooses the turn in the
    queue. A part in which the service closes earlier is offered as far as it is open.
    """
    zone, closings = ZoneInfo(config.settings.centre.timezone), tuple(closings)
    today = datetime.fromtimestamp(at, zone).date()
    found: list[CallbackWindow] = []
    for ahead in range(DAYS_SOUGHT):
        day = today + timedelta(days=ahead)
        for part, first, last in config.settings.callback.day_parts():
            begins, ends = to_unix(day, first, zone), to_unix(day, last, zone)
            opened = next((one for one in _open_spans(config, service, day, begins, ends, closings)
                           if one[1] - one[0] >= SHORTEST_S), None)
            if opened is not None and begins > at:
                found.append(CallbackWindow(part, *(datetime.fromtimestamp(edge, zone) for edge in opened)))
                if len(found) == len(WINDOW_KEYS):
                    return found
    return found


def _open_spans(config: NodeConfig, service: str, day: date, begins: float, ends: float,
                closings: Closings) -> Iterator[tuple[float, float]]:
    """Yield the spans between two times of a day in which line and service are open and callbacks are dialled."""
    settings, zone = config.settings, ZoneInfo(config.settings.centre.timezone)
    # 1. All times at which this may change.
    kind = settings.calendar.day_of(day)
    weeks = [settings.hours, *(one.hours for one in config.loaded.services if one.id == service and one.hours)]
    minutes = {*config.quiet.change_minutes(), *(minute for week in weeks for minute in week.edges_on(kind))}
    edges = {to_unix(day, minute, zone) for minute in minutes}
    edges |= {edge for one in (*planned_closings(settings), *closings) for edge in (one.begins, one.ends)
              if edge is not None}
    times = sorted({begins, ends, *(edge for edge in edges if begins < edge < ends)})
    # 2. Join neighbours that are open.
    since: float | None = None
    for time in times:
        is_open = time < ends and config.quiet.end_at(time) is None and line_open(settings, time, closings) \
            and service_open(config, service, time, closings)
        if is_open and since is None:
            since = time
        elif not is_open and since is not None:
            yield since, time
            since = None
