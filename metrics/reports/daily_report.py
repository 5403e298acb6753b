"""Build the report of a period: read the store once, then only count."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Integer

from metrics.reports import contacts, menu_paths, survey
from metrics.reports.attendance import Attendance, Groups
from metrics.reports.contacts import FCR_S, Contact
from metrics.reports.export import Row
from metrics.reports.fact_query import Field, read_facts, recorded_span, rules_at
from metrics.reports.figures import Figures, figures_by_service, sum_figures
from metrics.reports.period import Period, part_number
from metrics.reports.unqueued_calls import UnqueuedCalls
from routing.core.model.centre_model import ABANDONS, Outcome
from routing.core.model.facts import SurveyAnsweredRecorded
from routing.core.model.ids import ContactId, ServiceId
from routing.store.reader import Query

SAID = (Field("contact"), Field("service"), Field("question"), Field("answer", Integer))
"""Fields of `SurveyAnsweredRecorded`."""


class NothingRecorded(ValueError):
    """The period is before the record or after it. The message states the bounds of the record."""


class LongestWait(NamedTuple):
    """The contact that waited longest, until the bridge or the end."""

    wait_s: float
    at: float
    """Queue entry."""
    service: str


class Benchmark(NamedTuple):
    """A goal that others have set, and the value of this period."""

    name: str
    value: float | None
    """None: there is nothing to judge."""
    goal: float

    @property
    def ok(self) -> bool | None:
        """Whether the goal is met. None if there is nothing to judge."""
        return None if self.value is None else self.value >= self.goal


@dataclass
class Report:
    """Everything that is shown, in any form."""

    period: Period
    names: dict[str, str]
    """Service -> its Turkish name, also of a service that has left the centre."""
    since: float
    """Start of the record. Earlier contacts are not counted, because their facts are gone."""
    until: float
    """End of the record. A period that is not over is reported up to here."""
    total: Figures
    services: dict[str, Figures]
    parts: list[tuple[float, Figures]]
    """The half hours, or the days of a long period, by their start. Empty ones are included."""
    clock: dict[str, Figures]
    """Figures of a long period by time of day; else empty."""
    slots: list[tuple[float, str, Figures]]
    """Half hour and service, for the CSV. Empty ones are left out."""
    agents: Groups
    menu: menu_paths.MenuPaths
    surveys: dict[ServiceId, survey.SurveyAnswers]
    goals: dict[str, float]
    """Service -> share of contacts to answer in time."""
    longest: LongestWait | None
    """None: nobody waited."""
    unqueued: UnqueuedCalls

    @property
    def empty(self) -> bool:
        """Whether nobody called, nobody was in the menu, no call was refused, and nobody signed in."""
        return not (self.total.offered or self.menu.calls or self.unqueued.count_refused()
                    or self.agents.whole.agents)

    @property
    def week_over(self) -> bool:
        """Whether all callers have had the time to call again."""
        return self.until >= self.period.end + FCR_S

    @property
    def yardsticks(self) -> list[Benchmark]:
        """Benchmarks of Turkish regulators. They bind operators, banks and energy, so a public line may compare
        itself."""
        return [Benchmark("btk", self.total.service_level_within(20.0), 0.80),
                Benchmark("bddk", self.total.service_level_within(30.0), 0.80),
                Benchmark("bddk_answered", self.total.answer_rate, 0.95), Benchmark("menu", self.menu.quick, 0.80)]


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector.

    The hundreds of thousands of rows hold no circles. Searching them again and again takes a fifth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_pause_garbage_collection()
def read_report(ask: Query, period: Period, closed_entry: str = "") -> Report:
    """Read the store and count. Raise NothingRecorded if the record does not cover the period.

    `closed_entry` is the menu entry of the closed line.
    """
    # 1. Contacts, a day at a time: this bounds the memory.
    since, until = _recorded_span(ask, period)
    centre = rules_at(ask, period.end)
    rings: contacts.Rings = Counter()
    cells: list[tuple[float, dict[str, Figures]]] = []
    longest: LongestWait | None = None
    for part in period.split_by_day():
        past = contacts.read_contacts(ask, part, since)
        rings += past.rings
        cells += _cells_by_slot(past.contacts, part.slot_starts())
        longest = max([longest, *_waits_of(past.contacts)], key=lambda one: -1.0 if one is None else one.wait_s)
    # 2. Agents, menu, calls without a queue, and survey.
    time, menu, unqueued = Attendance(period, centre, until), menu_paths.MenuPaths(), UnqueuedCalls()
    time.read_changes(ask)
    for _, at, _, entry, *fields in read_facts(
            ask, ["MenuEndedRecorded"], (Field("entry"), *menu_paths.FIELDS), period.start, period.end):
        if period.contains_time(at):
            menu.count_dialogue(*fields)
            unqueued.closed_line += bool(closed_entry) and entry == closed_entry and not fields[menu_paths.RESUMED]
    unqueued.read_refused(ask, period)
    said = (SurveyAnsweredRecorded(seq, at, ContactId(contact), ServiceId(service), question, answer)
            for seq, at, _, contact, service, question, answer
            in read_facts(ask, ["SurveyAnsweredRecorded"], SAID, period.start, period.end))
    # 3. Sum up by service, by time of day and by day.
    services: dict[str, list[Figures]] = {}
    clock: dict[str, list[Figures]] = {}
    days: list[tuple[float, list[Figures]]] = [(start, []) for start in period.day_starts()]
    starts = [start for start, _ in days]
    for start, some in cells:
        for service, figures in some.items():
            services.setdefault(service, []).append(figures)
        clock.setdefault(period.slot_label(start).rstrip("*"), []).extend(some.values())
        days[part_number(starts, start)][1].extend(some.values())
    parts = days if period.long else [(start, list(some.values())) for start, some in cells]
    # 4. Build the report. Names come from both ends of the period, because services may change in it.
    return Report(
        period,
        {str(service.id): service.name for service in (*rules_at(ask, period.start).services, *centre.services)},
        since, until,
        sum_figures(one for _, some in cells for one in some.values()),
        {service: sum_figures(some) for service, some in sorted(services.items())},
        [(start, sum_figures(some)) for start, some in parts],
        {label: sum_figures(some) for label, some in sorted(clock.items())} if period.long else {},
        [(start, service, figures) for start, some in cells for service, figures in some.items()],
        Groups(time.finish_period(ask), rings, centre), menu, survey.answers_by_service(said, period.start, period.end),
        {str(service.id): service.target_share for service in centre.services}, longest, unqueued)


def _waits_of(found: list[Contact]) -> Iterator[LongestWait]:
    """Yield the waits of contacts that were answered or gave up."""
    for contact in found:
        if contact.wait_s and (contact.outcome == Outcome.ANSWERED or contact.outcome in ABANDONS):
            yield LongestWait(contact.wait_s, contact.queued_at, contact.service)


def export_days(ask: Query, period: Period, table: Callable[[Query, Period, float], list[Row]]) -> Iterator[list[Row]]:
    """Return the rows of a table of this period, day by day. Raise NothingRecorded at once."""
    since, _ = _recorded_span(ask, period)
    return (table(ask, part, since) for part in period.split_by_day())


def _recorded_span(ask: Query, period: Period) -> tuple[float, float]:
    """Return the bounds of the record. Raise NothingRecorded if it does not touch the period."""
    extent = recorded_span(ask)
    if extent is None or extent[0] >= period.end or extent[1] < period.start:
        held = "is empty" if extent is None else (f"goes from {period.local_time(extent[0]):%Y-%m-%d %H:%M} to "
                                                  f"{period.local_time(extent[1]):%Y-%m-%d %H:%M}")
        raise NothingRecorded(f"nothing is known of {period.format_bounds()}: the record {held}")
    return extent


def _cells_by_slot(found: list[Contact], starts: list[float]) -> list[tuple[float, dict[str, Figures]]]:
    """Return the half hours, each by service."""
    slots: list[list[Contact]] = [[] for _ in starts]
    for contact in found:
        slots[part_number(starts, contact.queued_at)].append(contact)
    return [(start, figures_by_service(some)) for start, some in zip(starts, slots, strict=True)]
