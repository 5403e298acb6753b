"""List the next days of a centre for people: opening hours of the line and its services, and agents on call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from centres.base_shapes import DAY_MIN, HALF_DAY, HOLIDAY, Day, Week
from centres.centre_reader import LoadedCentre
from centres.settings import Settings
from planning.simulation.opening import OpeningHours
from routing.core.model.ids import AgentId, ServiceId
from santral.node.centre_calendar import Closing, break_spans, planned_closings, to_unix

WEEKDAYS = ("Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar")
ORDINARY = date(2001, 1, 3)
"""An ordinary Wednesday in the past, for which no centre plans a closure."""
KINDS = {HOLIDAY: "tatil", HALF_DAY: "yarım gün"}

Spans = tuple[tuple[int, int], ...]
"""Pairs of begin and end in minutes from local midnight."""


class Row(NamedTuple):
    """Open hours of the line or a service, or on-call hours of an agent, on one day."""

    what: str
    """`line`, `service` or `agent`."""
    id: str
    spans: Spans


class DayPage(NamedTuple):
    """Hold the opening hours of all services on one day."""

    day: Day
    rows: tuple[Row, ...]


def build_pages(settings: Settings, loaded: LoadedCentre, first: date, count: int,
                closings: Iterable[Closing] = ()) -> list[DayPage]:
    """Return this many days from the first on. `closings` are those that are in no file."""
    every = (*planned_closings(settings), *closings)
    return [DayPage(day, tuple(_day_rows(settings, loaded, day, every)))
            for day in (settings.calendar.day_of(first + timedelta(days=number)) for number in range(count))]


def _day_rows(settings: Settings, loaded: LoadedCentre, day: Day, closings: tuple[Closing, ...]) -> Iterator[Row]:
    def open_spans(week: Week | None, service: str) -> Spans:
        spans = ((0, DAY_MIN),) if week is None else week.spans_on(day)
        return _subtract_closings(settings, day.date, spans, [one for one in closings if one.service == service])

    # 1. The line, then each service with its own hours or a closing.
    yield Row("line", "", open_spans(settings.hours, ""))
    for service in loaded.services:
        if service.hours is not None or any(one.service == service.id for one in closings):
            yield Row("service", service.id, open_spans(service.hours, service.id))
    # 2. Agents on call.
    for agent in loaded.agents:
        if agent.on_call is not None and (spans := agent.on_call.spans_on(day)):
            yield Row("agent", agent.id, spans)


def _subtract_closings(settings: Settings, day: date, spans: Spans, closings: list[Closing]) -> Spans:
    """Return the spans without the times of one-time closings."""
    zone = ZoneInfo(settings.centre.timezone)
    for one in closings:
        begins = _minute_of_day(one.begins, day, zone)
        ends = DAY_MIN if one.ends is None else _minute_of_day(one.ends, day, zone)
        # Each span is cut into the parts before and after the closing.
        spans = tuple((begin, end) for opens, closes in spans
                      for begin, end in ((opens, min(closes, begins)), (max(opens, ends), closes)) if begin < end)
    return spans


def _minute_of_day(at: float, day: date, zone: ZoneInfo) -> int:
    """Return the minutes from midnight of a day, limited to that day."""
    if at <= to_unix(day, 0, zone):
        return 0
    if at >= to_unix(day, DAY_MIN, zone):
        return DAY_MIN
    local = datetime.fromtimestamp(at, zone)
    return local.hour * 60 + local.minute


def opening_on(settings: Settings, loaded: LoadedCentre, day: str) -> OpeningHours:
    """Return the hours of a day for the planning rooms.

    The day is an ISO date, and any other name means an ordinary Wednesday. A service is open while both it and the line
    are. A distress service is always open.
    """
    try:
        at = date.fromisoformat(day)
    except ValueError:
        at = ORDINARY
    # 1. Read the hours as people see them.
    (page,) = build_pages(settings, loaded, at, 1)
    of = {(row.what, row.id): row.spans for row in page.rows}
    # 2. Intersect the service with the line. A service without own hours follows the line.
    line, whole = of["line", ""], ((0, DAY_MIN),)
    hours = {service.id: _intersect_spans(line, of.get(("service", service.id), whole)) for service in loaded.services
             if not service.distress}
    on_call = {agent.id: of.get(("agent", agent.id), ()) for agent in loaded.agents if agent.on_call is not None}
    # 3. Agents with working hours, and the breaks of the day.
    on_duty = {agent.id: spans for agent in loaded.agents
               if agent.on_duty is not None and (spans := agent.on_duty.hours_on(page.day)) is not None}
    force = loaded.in_force(at)
    breaks = {agent.id: spans for agent in loaded.agents
              if (spans := break_spans(settings, force.get(agent.id)))}
    return OpeningHours(
        {ServiceId(service): _spans_to_seconds(spans) for service, spans in hours.items() if spans != whole},
        *({AgentId(agent): _spans_to_seconds(spans) for agent, spans in agents.items()}
          for agents in (on_call, on_duty, breaks)))


def _intersect_spans(one: Spans, other: Spans) -> Spans:
    return tuple((begin, end) for first, last in one for opens, closes in other
                 for begin, end in [(max(first, opens), min(last, closes))] if begin < end)


def _spans_to_seconds(spans: Spans) -> tuple[tuple[float, float], ...]:
    return tuple((begin * 60.0, end * 60.0) for begin, end in spans)


def format_spans(spans: Spans) -> list[str]:
    """Return spans in the form of the files, for example `09:00-17:00`."""
    return [f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}" for begin, end in spans]


def hours_table(pages: Iterable[DayPage], names: dict[str, str]) -> Table:
    """Return a table for the terminal. `names` are those of the services."""
    shown = Table(title="Çalışma saatleri", title_justify="left")
    for title in ("gün", "", "ne", "saat"):
        shown.add_column(title)
    # The day and its name stand only in the first row of the day.
    for page in pages:
        day = page.day
        head = (f"{day.date.isoformat()} {WEEKDAYS[day.date.weekday()]}",
                ": ".join(word for word in (KINDS.get(day.kind, ""), day.name) if word))
        for number, row in enumerate(page.rows):
            what = {"line": "hat", "service": names.get(row.id, row.id), "agent": f"nöbetçi {row.id}"}[row.what]
            whole = row.spans == ((0, DAY_MIN),)
            hours = "gün boyu" if whole else ", ".join(format_spans(row.spans)) or "kapalı"
            shown.add_row(*(Text(one) for one in (head if number == 0 else ("", ""))), Text(what),
                          Text(hours, style="" if row.spans else "red"), end_section=number == len(page.rows) - 1)
    return shown
