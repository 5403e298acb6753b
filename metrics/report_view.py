"""A report as tables for the terminal, as a page with pictures that can be printed, and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import nan
from operator import methodcaller
from typing import NamedTuple

from markupsafe import Markup

from drawing import chart, page
from drawing.output import csv_text
from metrics.attendance import OFF_PHONE, PAUSED, Time
from metrics.figures import OF_OFFERED, OURS, WITHOUT_SHORT, Figures
from metrics.period import SLOT_S
from metrics.report import Report
from metrics.report_words import FIGURES, TEXTS, number, percent
from metrics.survey import together

COUNTS = ("offered", "answered", "abandoned", "short", "moved", "elsewhere", "still")
LEVELS = ("level_ours", "level_without_short", "level_of_offered")
ENDS = (*COUNTS, "transfers")
TIMES = ("offered", *LEVELS, "asa_s", "longest_tenth_s", "abandon_wait_s", "aht_s")
"""Columns of the two tables of services on paper: one would be too wide for it."""
AFTER = 2
"""The pictures come after so many tables: what they show at a glance is in those that follow."""
NOON_S = 43_200.0
MARKS = 12
"""About so many times of day can be read below a picture."""
FINE_S = (60.0, 300.0, SLOT_S)
"""Between two marks of a period that is shorter than a working day."""
SHORTER = ("offered", "answered", "abandoned", "short", *LEVELS, "asa_s", "aht_s")
"""Of the tables by time."""


class Sheet(NamedTuple):
    """One table, with what is to be known to read it."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


class View:
    """One report in one language."""

    def __init__(self, report: Report, *, english: bool = False) -> None:
        self.report, self.english = report, english

    def word(self, name: str) -> str:
        """Return a text in this language."""
        return TEXTS[name].text(english=self.english)

    def figure(self, name: str) -> str:
        """Return the name of a figure in this language."""
        return self.word(f"figures.{name}.name")

    @property
    def title(self) -> str:
        """Kind and time."""
        return f"{self.word(self.report.period.kind)}: {self.report.period.title()}"

    def lines(self) -> list[str]:
        """What is said before the tables."""
        period, until = self.report.period, self.report.until
        found = [self.word("clock").format(zone=period.zone)]
        if self.report.since > period.start:
            found.append(self.word("begins").format(since=f"{period.local(self.report.since):%d.%m.%Y %H:%M}"))
        if until < period.end:
            found.append(self.word("so_far").format(until=f"{period.local(until):%d.%m.%Y %H:%M}"))
        if self.report.empty:
            found.append(self.word("nobody"))
        elif self.report.agents.few:
            found.append(self.word("few"))
        if self.report.total.first and not self.report.week_over:
            found.append(f"* {self.word('provisional')}")
        return found

    # -- tables ------------------------------------------------------------------------------------------------------

    def sheets(self, *, narrow: bool = False) -> list[Sheet]:
        """Every table that says something; of an empty period none. `narrow`: for a terminal, without definitions and
        rarer columns."""
        report = self.report
        if report.empty:
            return []
        found = [self._overview(narrow), self._yardsticks(),
                 *([self._services("services", SHORTER)] if narrow else
                   [self._services("services_ends", ENDS), self._services("services_times", TIMES)])]
        period = report.period
        if period.long:
            days = [(f"{period.local(at):%d.%m.%Y}", one) for at, one in report.parts]
            found += [self._times("by_day", "date", days),
                      self._times("by_clock", "time", report.clock.items())]
        else:
            found.append(self._times("by_slot", "time", [(period.label(at), one) for at, one in report.parts]))
        if report.menu.calls:
            found.append(self._menu())
        if report.surveys:
            found.append(self._survey())
        # Nothing is said of those who came no further than the menu, and of too few agents.
        return [sheet for sheet in (*found, self._fairness()) if sheet.rows]

    def _overview(self, narrow: bool) -> Sheet:
        total = self.report.total
        rows: list[tuple[str, ...]] = []
        for name in FIGURES:
            name_, value, says = self.figure(name), self._cell(total, name), self.word(f"figures.{name}.meaning")
            if name == "resolution" and not self.report.week_over and total.first:
                name_, says = f"{name_} *", f"{says} {self.word('provisional')}"
            rows.append((name_, value) if narrow else (name_, value, says))
        return Sheet(self.word("overview"), tuple(map(self.word, ("figure", "value", "meaning")[:len(rows[0])])), rows)

    def _yardsticks(self) -> Sheet:
        rows = []
        for one in self.report.yardsticks:
            verdict = "none" if one.ok is None else "pass" if one.ok else "fail"
            rows.append((self.word(one.name), self._percent(one.value), "≥ " + self._percent(one.goal),
                         self.word(verdict)))
        return Sheet(self.word("yardsticks"), tuple(map(self.word, ("figure", "value", "goal", "verdict"))), rows,
                     self.word("yard_note"))

    def _services(self, title: str, columns: Sequence[str]) -> Sheet:
        named = [(self.report.names.get(service, service), one) for service, one in self.report.services.items()]
        return Sheet(self.word(title), (self.word("service"), *self._titles(columns)),
                     [self._row(name, one, columns) for name, one in (*named, (self.word("all"), self.report.total))])

    def _times(self, title: str, first: str, rows: Iterable[tuple[str, Figures]]) -> Sheet:
        return Sheet(self.word(title), (self.word(first), *self._titles(SHORTER)),
                     [self._row(name, one, SHORTER) for name, one in rows if one.offered])

    def _menu(self) -> Sheet:
        menu = self.report.menu
        rows = [(node, self._number(heard), self._number(left), self._percent(left / heard))
                for node, heard, left in menu.nodes()]
        return Sheet(self.word("ways"), tuple(map(self.word, ("node", "heard", "left", "left_share"))), rows,
                     self.word("ways_note").format(contained=self._percent(menu.containment),
                                                   calls=self._number(menu.calls)))

    def _survey(self) -> Sheet:
        named = [(self.report.names.get(service, str(service)), one) for service, one in self.report.surveys.items()]
        rows = [(name, self._number(one.asked), self._number(one.answered), self._number(one.mean, 2),
                 self._percent(one.cared_share), self._percent(one.solved_share), self._number(one.messages))
                for name, one in (*named, (self.word("all"), together(self.report.surveys.values())))]
        return Sheet(self.word("survey"),
                     tuple(map(self.word, ("service", "asked", "replied", "mean", "cared", "solved", "messages"))),
                     rows, self.word("survey_note"))

    def _fairness(self) -> Sheet:
        groups = self.report.agents
        shown = [] if groups.few else [("everybody", groups.whole)]
        if groups.pair is not None:
            shown = [("with", groups.pair[0]), ("without", groups.pair[1]), *shown]
        head = tuple(map(self.word, ("group", "people", "hours", "offers_hour", "taken", "missed")))
        return Sheet(self.word("fairness"),
                     (*head, self.figure("occupancy"), self.word("breaks"), self.word("break_min"),
                      self.word("work_min")),
                     [self._group(name, time) for name, time in shown],
                     self.word("fair_note" if groups.pair is not None else "fair_hidden"))

    def _group(self, name: str, time: Time) -> tuple[str, ...]:
        return (self.word(name), self._number(time.agents), self._number(time.signed_in_s / 3600.0, 1),
                self._number(time.hourly(time.offers), 2),
                self._percent(time.taken / time.offers if time.offers else None),
                self._percent(time.missed / time.offers if time.offers else None), self._percent(time.occupancy),
                self._number(time.hourly(time.breaks), 2), self._number(time.hourly(time.states[PAUSED] / 60.0), 1),
                self._number(time.hourly(time.states[OFF_PHONE] / 60.0), 1))

    def _titles(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.word(f"columns.{name}") for name in names)

    def _row(self, name: str, figures: Figures, columns: Iterable[str]) -> tuple[str, ...]:
        return (name, *(self._cell(figures, column) for column in columns))

    def _cell(self, figures: Figures, name: str) -> str:
        if name == "occupancy":
            agents = self.report.agents
            return self._percent(None if agents.few else agents.whole.occupancy)
        if name in ("kept", "resolution"):
            return self._percent(getattr(figures, name))
        value = figures.row()[name]
        if name.startswith("level_"):
            return self._percent(value)
        return self._number(value, 1 if name.endswith("_s") else 0)

    def _number(self, value: float | None, digits: int = 0) -> str:
        return number(value, digits, english=self.english)

    def _percent(self, value: float | None) -> str:
        return percent(value, english=self.english)

    # -- the page ----------------------------------------------------------------------------------------------------

    def page(self) -> str:
        """One HTML file that needs nothing else, for the screen, for paper and for those who hear it."""
        parts = [page.text(line) for line in self.lines()]
        sheets = self.sheets()
        for number_, sheet in enumerate(sheets):
            if number_ == AFTER and self.report.total.offered:
                parts += self._charts()
            parts.append(page.section(sheet.title))
            parts.append(page.table(self.report.period.title(), sheet.head, sheet.rows))
            if sheet.note:
                parts.append(page.text(sheet.note))
        return page.page(self.title, parts, language="en" if self.english else "tr")

    def _charts(self) -> list[Markup]:
        report, period = self.report, self.report.period
        anchor = period.midnight  # counted from there: marks fall on midnight and on half hours
        first, last = period.start - anchor, period.end - anchor
        if period.long:
            # A mark is up to an hour beside its midnight after the clocks have changed: noon names the day.
            axis = chart.Axis(self.word("date"), lambda at: f"{period.local(anchor + at + NOON_S):%d.%m}", first, last,
                              86_400.0 * max(1, len(report.parts) // 10))
            starts = period.days()
        else:
            axis = chart.Axis(self.word("time"), lambda at: f"{period.local(anchor + at):%H:%M}", first, last,
                              _marks(last - first))
            starts = period.slots()
        middles = {at: (at + end) / 2.0 - anchor for at, end in pairwise([*starts, period.end])}

        def points(value: Callable[[Figures], float | None]) -> list[tuple[float, float]]:
            return [(middles[at], nan if (found := value(one)) is None else found)
                    for at, one in report.parts if one.offered]

        def series(title: str, value: Callable[[Figures], float | None]) -> chart.Series:
            return chart.Series(title, points(value))

        names = dict(zip(LEVELS, (OURS, WITHOUT_SHORT, OF_OFFERED), strict=True))
        levels = [series(self.figure(name), methodcaller("level", rule)) for name, rule in names.items()]
        goal = chart.Series(self.word("target"), [(first, 0.8), (last, 0.8)])
        whole = report.total
        form = "{:.0f} %" if self.english else "%{:.0f}"
        return [
            chart.lines(self.word("level_chart"), f"{self._percent(whole.level())}.", axis,
                        chart.Axis(self.word("level_chart"), lambda share: form.format(share * 100), 0.0, 1.0),
                        [*levels, goal]),
            chart.lines(self.word("load_chart"),
                        f"{self._number(whole.offered)} / {self._number(whole.abandoned)}.", axis,
                        chart.Axis(self.word("contacts")),
                        [series(self.figure("offered"), lambda one: one.offered),
                         series(self.figure("abandoned"), lambda one: one.abandoned)]),
            chart.lines(self.word("wait_chart"), f"{self._number(whole.asa_s, 1)}.", axis,
                        chart.Axis(self.word("wait_chart")),
                        [series(self.figure("asa_s"), lambda one: one.asa_s),
                         series(self.figure("longest_tenth_s"), lambda one: one.longest_s)]),
        ]


def _marks(length: float) -> float:
    """Seconds from one mark to the next on an axis of so many, up to two days."""
    return next((step for step in FINE_S if length <= step * MARKS), SLOT_S * (length // (SLOT_S * MARKS)))


def as_csv(report: Report) -> str:
    """A line for each half hour and service, for each service, and for all (an empty service); times with their offset.
    Names and numbers of machines: nothing depends on the language."""
    period = report.period
    ends = dict(pairwise([*period.slots(), period.end]))
    lines = [(at, ends[at], service, figures) for at, service, figures in report.slots]
    lines += [(period.start, period.end, service, figures) for service, figures in report.services.items()]
    lines.append((period.start, period.end, "", report.total))
    return csv_text([["from", "to", "service", *Figures().row()], *(
        [*(period.local(at).isoformat(timespec="minutes") for at in (first, last)), service,
         *("" if value is None else f"{value:.10g}" for value in figures.row().values())]
        for first, last, service, figures in lines)])
