"""Sum up a day for somebody who reads one paragraph: next to the week before, with the worst half hour and its reason.

Nothing here is said of agents if fewer than `K_MIN` were signed in.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from metrics.prometheus.names import K_MIN
from metrics.reports import contacts
from metrics.reports.attendance import PAUSED, AgentTime, Attendance
from metrics.reports.daily_report import Report
from metrics.reports.fact_query import recorded_span, rules_at
from metrics.reports.figures import Figures, figures_by_service, sum_figures
from metrics.reports.period import SLOT_S, Period, named_period
from routing.store.reader import Query

PAUSED_SHARE = 0.25
"""Share of time in breaks from which breaks are the reason of a bad half hour."""
MORE = 1.3
"""Factor of calls or handle time from which they are the reason."""
LEAST = 5
"""Fewest contacts or talks that a comparison needs."""
BUSY = 0.85
"""Occupancy from which the agents had no time left."""


class Reason(StrEnum):
    """Why a half hour was bad, in the order in which the reasons are tried."""

    NOBODY = "nobody"
    CALLS = "calls"
    BREAKS = "breaks"
    LONG = "long"
    BUSY = "busy"
    UNKNOWN = "unknown"


class WorstSlot(NamedTuple):
    """The half hour in which most contacts were answered late or gave up."""

    at: float
    late: int
    reason: Reason
    value: float = 0.0
    """Factor of calls or talks, or share of breaks or occupancy."""


class DaySummary(NamedTuple):
    """Figures around the report of a day."""

    before: Figures | None
    """The same weekday a week before. None: not recorded."""
    worst: WorstSlot | None
    """None: everybody was answered in time."""


def read_summary(ask: Query, report: Report) -> DaySummary | None:
    """Return the summary of a day, or None of another period."""
    period = report.period
    if period.kind != "day":
        return None
    before = _contacts_before(ask, period)
    return DaySummary(None if before is None else sum_figures(figures_by_service(before).values()),
                      _find_worst(ask, report, before))


def _contacts_before(ask: Query, period: Period) -> list[contacts.Contact] | None:
    day = period.local_time(period.start).date() - timedelta(days=7)
    past, span = named_period("day", day.isoformat(), period.zone, 0.0), recorded_span(ask)
    if span is None or span[0] > past.start:
        return None
    return contacts.read_contacts(ask, past, span[0]).contacts


def _late(figures: Figures) -> int:
    return figures.judged - figures.within


def _find_worst(ask: Query, report: Report, before: list[contacts.Contact] | None) -> WorstSlot | None:
    # 1. The half hour.
    at, figures = max(report.parts, key=lambda part: (_late(part[1]), -part[0]))
    if not _late(figures):
        return None
    # 2. The agents in it.
    period = report.period
    attendance = Attendance(Period("interval", at, at + SLOT_S, period.zone), rules_at(ask, period.end), report.until)
    attendance.read_changes(ask)
    whole = AgentTime()
    for time in attendance.finish_period(ask).values():
        whole.add_time(time)
    # 3. The calls a week before, at the same time of day.
    usual = None if before is None else sum(
        _half_hour(period, contact.queued_at) == _half_hour(period, at) for contact in before)
    return WorstSlot(at, _late(figures), *_find_reason(figures, report.total, whole, usual))


def _half_hour(period: Period, at: float) -> tuple[int, int]:
    local = period.local_time(at)
    return local.hour, local.minute // 30


def _find_reason(figures: Figures, day: Figures, whole: AgentTime, usual: int | None) -> tuple[Reason, float]:
    """Return the reason that explains most, with its value."""
    if not whole.agents:
        return Reason.NOBODY, 0.0
    if usual is not None and figures.offered >= max(LEAST, MORE * usual):
        return Reason.CALLS, figures.offered / usual if usual else 0.0
    shown = whole.agents >= K_MIN
    if shown and whole.states[PAUSED] >= PAUSED_SHARE * whole.signed_in_s:
        return Reason.BREAKS, whole.states[PAUSED] / whole.signed_in_s
    if figures.talks >= LEAST and day.aht_s and figures.aht_s and figures.aht_s >= MORE * day.aht_s:
        return Reason.LONG, figures.aht_s / day.aht_s
    if shown and (whole.occupancy or 0.0) >= BUSY:
        return Reason.BUSY, whole.occupancy or 0.0
    return Reason.UNKNOWN, 0.0
