"""The next days of a centre as people read them: when the line and its services are open, who is on call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from centres.load import Loaded
from centres.model import DAY_MIN, HALF_DAY, HOLIDAY, Day, Week
from centres.settings import Settings
from planning.opening import Opening
from routing.core.ids import AgentId, ServiceId
from santral.calendar import Closing, planned, unix

WEEKDAYS = ("Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar")
ORDINARY = date(2001, 1, 3)
"""A Wednesday on which nothing was planned by anybody who runs a centre now."""
KINDS = {HOLIDAY: "tatil", HALF_DAY: "yarım gün"}

Spans = tuple[tuple[int, int], ...]
"""(begin, end) in minutes from local midnight."""


class Row(NamedTuple):
    """One thing that is open, or one agent on call, on one day."""

    what: str
    """`line`, `service` or `agent`."""
    id: str
    spans: Spans


class Page(NamedTuple):
    """One day."""

    day: Day
    rows: tuple[Row, ...]


def pages(settings: Settings, loaded: Loaded, first: date, count: int, closings: Iterable[Closing] = ()) -> list[Page]:
    """So many days from the first on. `closings` are those that stand in no file."""
    every = (*planned(settings), *closings)
    return [Page(day, tuple(_rows(settings, loaded, day, every)))
            for day in (settings.calendar.day(first + timedelta(days=number)) for number in range(count))]


def _rows(settings: Settings, loaded: Loaded, day: Day, closings: tuple[Closing, ...]) -> Iterator[Row]:
    def left(week: Week | None, service: str) -> Spans:
        spans = ((0, DAY_MIN),) if week is None else week.spans(day)
        return _without(settings, day.date, spans, [one for one in closings if one.service == service])

    yield Row("line", "", left(settings.hours, ""))
    for service in loaded.services:
        if service.hours is not None or any(one.service == service.id for one in closings):
            yield Row("service", service.id, left(service.hours, service.id))
    for agent in loaded.agents:
        if agent.on_call is not None and (spans := agent.on_call.spans(day)):
            yield Row("agent", agent.id, spans)


def _without(settings: Settings, day: date, spans: Spans, closings: list[Closing]) -> Spans:
    """The spans without the times that are closed for once."""
    zone = ZoneInfo(settings.centre.timezone)
    for one in closings:
        begins = _minute(one.begins, day, zone)
        ends = DAY_MIN if one.ends is None else _minute(one.ends, day, zone)
        spans = tuple((begin, end) for opens, closes in spans
                      for begin, end in ((opens, min(closes, begins)), (max(opens, ends), closes)) if begin < end)
    return spans


def _minute(at: float, day: date, zone: ZoneInfo) -> int:
    """Minutes from the midnight of a day, bounded by it."""
    if at <= unix(day, 0, zone):
        return 0
    if at >= unix(day, DAY_MIN, zone):
        return DAY_MIN
    local = datetime.fromtimestamp(at, zone)
    return local.hour * 60 + local.minute


def opening_on(settings: Settings, loaded: Loaded, day: str) -> Opening:
    """For the rooms that plan: a day by its ISO date, any other name is an ordinary Wednesday. A service is open while
    it and the line are; distress always is."""
    try:
        at = date.fromisoformat(day)
    except ValueError:
        at = ORDINARY
    (page,) = pages(settings, loaded, at, 1)
    of = {(row.what, row.id): row.spans for row in page.rows}
    line, whole = of["line", ""], ((0, DAY_MIN),)
    hours = {service.id: _both(line, of.get(("service", service.id), whole)) for service in loaded.services
             if not service.distress}
    on_call = {agent.id: of.get(("agent", agent.id), ()) for agent in loaded.agents if agent.on_call is not None}
    return Opening({ServiceId(service): _seconds(spans) for service, spans in hours.items() if spans != whole},
                   {AgentId(agent): _seconds(spans) for agent, spans in on_call.items()})


def _both(one: Spans, other: Spans) -> Spans:
    return tuple((begin, end) for first, last in one for opens, closes in other
                 for begin, end in [(max(first, opens), min(last, closes))] if begin < end)


def _seconds(spans: Spans) -> tuple[tuple[float, float], ...]:
    return tuple((begin * 60.0, end * 60.0) for begin, end in spans)


def written(spans: Spans) -> list[str]:
    """As the files write them: `09:00-17:00`."""
    return [f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}" for begin, end in spans]


def table(pages: Iterable[Page], names: dict[str, str]) -> Table:
    """For the terminal; `names` of services."""
    shown = Table(title="Çalışma saatleri", title_justify="left")
    for title in ("gün", "", "ne", "saat"):
        shown.add_column(title)
    for page in pages:
        day = page.day
        head = (f"{day.date.isoformat()} {WEEKDAYS[day.date.weekday()]}",
                ": ".join(word for word in (KINDS.get(day.kind, ""), day.name) if word))
        for number, row in enumerate(page.rows):
            what = {"line": "hat", "service": names.get(row.id, row.id), "agent": f"nöbetçi {row.id}"}[row.what]
            whole = row.spans == ((0, DAY_MIN),)
            hours = "gün boyu" if whole else ", ".join(written(row.spans)) or "kapalı"
            shown.add_row(*(Text(one) for one in (head if number == 0 else ("", ""))), Text(what),
                          Text(hours, style="" if row.spans else "red"), end_section=number == len(page.rows) - 1)
    return shown
