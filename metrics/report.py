"""The report of a period: read once from the store, then only counted."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Integer

from metrics import contacts, survey, ways
from metrics.attendance import Attendance, Groups
from metrics.contacts import FCR_S, Contact
from metrics.export import Row
from metrics.figures import Figures, by_service, together
from metrics.past import Field, known, rules, told
from metrics.period import Period, place
from routing.core.facts import Surveyed
from routing.core.ids import ContactId, ServiceId
from routing.store.reader import Ask

SAID = (Field("contact"), Field("service"), Field("question"), Field("answer", Integer))
"""Of `Surveyed`."""


class NothingKnown(ValueError):
    """The period lies before the record or after it; the message says what the record holds."""


class Yardstick(NamedTuple):
    """A goal that others have set, and where this period stands."""

    name: str
    value: float | None
    """None: nothing to judge."""
    goal: float

    @property
    def ok(self) -> bool | None:
        """Met; None: nothing to judge."""
        return None if self.value is None else self.value >= self.goal


@dataclass
class Report:
    """Everything that is shown, in any form."""

    period: Period
    names: dict[str, str]
    """Service -> its Turkish name; of one that left the centre meanwhile too."""
    since: float
    """The record begins here: what came before is not counted, for its facts are gone."""
    until: float
    """The record ends here: a period that is not over is told so far."""
    total: Figures
    services: dict[str, Figures]
    parts: list[tuple[float, Figures]]
    """The half hours, or the days of a long period, by their start; those in which nobody came too."""
    clock: dict[str, Figures]
    """Of a long period, by time of day; else empty."""
    slots: list[tuple[float, str, Figures]]
    """Half hour and service, for the CSV; those in which somebody came."""
    agents: Groups
    menu: ways.Ways
    surveys: dict[ServiceId, survey.Answers]

    @property
    def empty(self) -> bool:
        """Nobody called, nobody was in the menu, nobody signed in."""
        return not (self.total.offered or self.menu.calls or self.agents.whole.agents)

    @property
    def week_over(self) -> bool:
        """Whether everybody has had the time to come again."""
        return self.until >= self.period.end + FCR_S

    @property
    def yardsticks(self) -> list[Yardstick]:
        """Of Turkish regulators. They bind operators, banks and energy; to a ministry's line they are good company."""
        return [Yardstick("btk", self.total.level_of(20.0), 0.80), Yardstick("bddk", self.total.level_of(30.0), 0.80),
                Yardstick("bddk_answered", self.total.answer_rate, 0.95), Yardstick("menu", self.menu.quick, 0.80)]


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Rows by the hundred thousand and not one circle among them: to look through them for circles again and again
    takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_no_collecting()
def read(ask: Ask, period: Period) -> Report:
    """Read and count. NothingKnown when the record does not touch the period."""
    since, until = _extent(ask, period)
    centre = rules(ask, period.end)
    rings: contacts.Rings = Counter()
    cells: list[tuple[float, dict[str, Figures]]] = []
    for part in period.parts():
        past = contacts.read(ask, part, since)
        rings += past.rings
        cells += _cells(past.contacts, part.slots())
    time, menu = Attendance(period, centre, until), ways.Ways()
    time.read(ask)
    for _, at, _, *fields in told(ask, ["MenuPassed"], ways.FIELDS, period.start, period.end):
        if period.holds(at):
            menu.take(*fields)
    said = (Surveyed(seq, at, ContactId(contact), ServiceId(service), question, answer)
            for seq, at, _, contact, service, question, answer
            in told(ask, ["Surveyed"], SAID, period.start, period.end))
    services: dict[str, list[Figures]] = {}
    clock: dict[str, list[Figures]] = {}
    days: list[tuple[float, list[Figures]]] = [(start, []) for start in period.days()]
    starts = [start for start, _ in days]
    for start, some in cells:
        for service, figures in some.items():
            services.setdefault(service, []).append(figures)
        clock.setdefault(period.label(start).rstrip("*"), []).extend(some.values())
        days[place(starts, start)][1].extend(some.values())
    parts = days if period.long else [(start, list(some.values())) for start, some in cells]
    return Report(
        period, {str(service.id): service.name for service in (*rules(ask, period.start).services, *centre.services)},
        since, until,
        together(one for _, some in cells for one in some.values()),
        {service: together(some) for service, some in sorted(services.items())},
        [(start, together(some)) for start, some in parts],
        {label: together(some) for label, some in sorted(clock.items())} if period.long else {},
        [(start, service, figures) for start, some in cells for service, figures in some.items()],
        Groups(time.finish(ask), rings, centre), menu, survey.by_service(said, period.start, period.end))


def export(ask: Ask, period: Period, table: Callable[[Ask, Period, float], list[Row]]) -> Iterator[list[Row]]:
    """The rows of a table of this period, day by day. NothingKnown at once."""
    since, _ = _extent(ask, period)
    return (table(ask, part, since) for part in period.parts())


def _extent(ask: Ask, period: Period) -> tuple[float, float]:
    """The first and the last moment of the record. NothingKnown when it does not touch the period."""
    extent = known(ask)
    if extent is None or extent[0] >= period.end or extent[1] < period.start:
        held = "is empty" if extent is None else (f"goes from {period.local(extent[0]):%Y-%m-%d %H:%M} to "
                                                  f"{period.local(extent[1]):%Y-%m-%d %H:%M}")
        raise NothingKnown(f"nothing is known of {period.title()}: the record {held}")
    return extent


def _cells(found: list[Contact], starts: list[float]) -> list[tuple[float, dict[str, Figures]]]:
    """The half hours, each by service."""
    slots: list[list[Contact]] = [[] for _ in starts]
    for contact in found:
        slots[place(starts, contact.queued_at)].append(contact)
    return [(start, by_service(some)) for start, some in zip(starts, slots, strict=True)]
