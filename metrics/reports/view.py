"""Show a report as tables for the terminal, as a printable page with charts, and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import nan
from operator import methodcaller
from typing import NamedTuple

from markupsafe import Markup

from drawing import chart, page
from drawing.output import csv_text
from metrics.prometheus.agent_states import OFF_PHONE
from metrics.reports.attendance import PAUSED, AgentTime
from metrics.reports.daily_report import Report
from metrics.reports.day_summary import DaySummary
from metrics.reports.figures import OF_OFFERED, OURS, WITHOUT_SHORT, Figures
from metrics.reports.period import SLOT_S
from metrics.reports.summary_words import describe_day
from metrics.reports.survey import sum_answers
from metrics.reports.words import FIGURES, TEXTS, format_number, format_percent

COUNTS = ("offered", "answered", "abandoned", "short", "turned_away", "moved", "elsewhere", "still")
LEVELS = ("level_ours", "level_without_short", "level_of_offered")
ENDS = (*COUNTS, "without_node", "transfers")
TIMES = ("offered", *LEVELS, "asa_s", "longest_tenth_s", "abandon_wait_s", "aht_s")
"""Columns of the two tables of services on paper, where one table would be too wide."""
AFTER = 2
"""Number of tables before the charts, which give an overview of the tables after them."""
NOON_S = 43_200.0
MARKS = 12
"""Number of times of day that can be read below a chart."""
FINE_S = (60.0, 300.0, SLOT_S)
"""Distances of marks in a period that is shorter than a working day."""
SHORTER = ("offered", "answered", "abandoned", "short", "turned_away", *LEVELS, "asa_s", "aht_s")
"""Columns of the tables by time."""


class Sheet(NamedTuple):
    """One table, with a note on how to read it."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


class ReportView:
    """One report in one language."""

    def __init__(self, report: Report, summary: DaySummary | None = None, *, english: bool = False,
                 hours: Sequence[tuple[float, float]] = ()) -> None:
        """Show a report. `hours` are the opening hours of a day, in Unix seconds; empty: all day."""
        self.report, self.summary, self.english, self.hours = report, summary, english, hours

    def translate_key(self, name: str) -> str:
        """Return a text in this language."""
        return TEXTS[name].text(english=self.english)

    def figure(self, name: str) -> str:
        """Return the name of a figure in this language."""
        return self.translate_key(f"figures.{name}.name")

    @property
    def title(self) -> str:
        """Kind and time of the report."""
        return f"{self.translate_key(self.report.period.kind)}: {self.report.period.format_bounds()}"

    def intro_lines(self) -> list[str]:
        """Return the lines before the tables."""
        # 1. The paragraph, the clock, and the parts of the period that the record does not cover.
        period, until = self.report.period, self.report.until
        found = [] if self.summary is None or self.report.empty else [
            describe_day(self.report, self.summary, english=self.english)]
        found.append(self.translate_key("clock").format(zone=period.zone))
        if self.report.since > period.start:
            found.append(self.translate_key("begins").format(
                since=f"{period.local_time(self.report.since):%d.%m.%Y %H:%M}"))
        if until < period.end:
            found.append(self.translate_key("so_far").format(until=f"{period.local_time(until):%d.%m.%Y %H:%M}"))
        # 2. Figures that are missing or not final.
        if self.report.empty:
            found.append(self.translate_key("nobody"))
        elif self.report.agents.too_few:
            found.append(self.translate_key("few"))
        if self.report.total.first and not self.report.week_over:
            found.append(f"* {self.translate_key('provisional')}")
        return found

    # -- tables ------------------------------------------------------------------------------------------------------

    def build_sheets(self, *, narrow: bool = False) -> list[Sheet]:
        """Return every table that has rows; an empty period has none.

        `narrow`: for a terminal, without definitions and rarer columns.
        """
        report = self.report
        if report.empty:
            return []
        found = [self._overview_sheet(narrow), self._benchmark_sheet(),
                 *([self._service_sheet("services", SHORTER)] if narrow else
                   [self._service_sheet("services_ends", ENDS), self._service_sheet("services_times", TIMES)])]
        # A month has too many half hours for one table.
        period = report.period
        if period.long:
            days = [(f"{period.local_time(at):%d.%m.%Y}", one) for at, one in report.parts if one.offered]
            found += [self._time_sheet("by_day", "date", days),
                      self._time_sheet("by_clock", "time", [one for one in report.clock.items() if one[1].offered])]
        else:
            found.append(self._time_sheet("by_slot", "time", self._slot_rows()))
        found.append(self._unqueued_sheet())
        if report.menu.calls:
            found.append(self._menu_sheet())
        if report.surveys:
            found.append(self._survey_sheet())
        # A caller who only came to the menu has no figures, and too few agents are not shown.
        return [sheet for sheet in (*found, self._fairness_sheet()) if sheet.rows]

    def _overview_sheet(self, narrow: bool) -> Sheet:
        total = self.report.total
        rows: list[tuple[str, ...]] = []
        for name in FIGURES:
            name_, value, says = (self.figure(name), self._figure_cell(total, name),
                                  self.translate_key(f"figures.{name}.meaning"))
            # Callers of the last days may still call again, so the figure is marked.
            if name == "resolution" and not self.report.week_over and total.first:
                name_, says = f"{name_} *", f"{says} {self.translate_key('provisional')}"
            rows.append((name_, value) if narrow else (name_, value, says))
        return Sheet(self.translate_key("overview"),
                     tuple(map(self.translate_key, ("figure", "value", "meaning")[:len(rows[0])])), rows)

    def _benchmark_sheet(self) -> Sheet:
        rows = []
        # None is no failure: there was nothing to judge.
        for one in self.report.yardsticks:
            verdict = "none" if one.ok is None else "pass" if one.ok else "fail"
            rows.append((self.translate_key(one.name), self._format_percent(one.value),
                         "≥ " + self._format_percent(one.goal), self.translate_key(verdict)))
        return Sheet(self.translate_key("yardsticks"),
                     tuple(map(self.translate_key, ("figure", "value", "goal", "verdict"))), rows,
                     self.translate_key("yard_note"))

    def _service_sheet(self, title: str, columns: Sequence[str]) -> Sheet:
        named = [(self.report.names.get(service, service), one) for service, one in self.report.services.items()]
        return Sheet(self.translate_key(title), (self.translate_key("service"), *self._column_titles(columns)),
                     [self._figure_row(name, one, columns)
                      for name, one in (*named, (self.translate_key("all"), self.report.total))])

    def _time_sheet(self, title: str, first: str, rows: Iterable[tuple[str, Figures]]) -> Sheet:
        return Sheet(self.translate_key(title), (self.translate_key(first), *self._column_titles(SHORTER)),
                     [self._figure_row(name, one, SHORTER) for name, one in rows])

    def _slot_rows(self) -> list[tuple[str, Figures]]:
        """Return the half hours with contacts, and of a centre with hours each open one, also without contacts."""
        label, wanted = self.report.period.slot_label, self.hours
        return [(label(at), one) for at, one in self.report.parts
                if one.offered or any(begin < at + SLOT_S and at < end for begin, end in wanted)]

    def _unqueued_sheet(self) -> Sheet:
        rows = []
        for row in self.report.unqueued.list_rows():
            # Only the form of a number is recorded: a word and the count of its digits.
            form, _, digits = row.form.partition("-")
            shape = f": {self.translate_key(f'unqueued.forms.{form}').format(digits=digits)}" if form else ""
            rows.append((self.translate_key(f"unqueued.{row.reason}") + shape, self._format_number(row.calls)))
        return Sheet(self.translate_key("unqueued.title"),
                     (self.translate_key("unqueued.reason"), self.translate_key("unqueued.calls")), rows,
                     self.translate_key("unqueued.note"))

    def _menu_sheet(self) -> Sheet:
        menu = self.report.menu
        rows = [(node, self._format_number(heard), self._format_number(left), self._format_percent(left / heard))
                for node, heard, left in menu.node_counts()]
        return Sheet(self.translate_key("ways"),
                     tuple(map(self.translate_key, ("node", "heard", "left", "left_share"))), rows,
                     self.translate_key("ways_note").format(contained=self._format_percent(menu.containment),
                                                            calls=self._format_number(menu.calls)))

    def _survey_sheet(self) -> Sheet:
        named = [(self.report.names.get(service, str(service)), one) for service, one in self.report.surveys.items()]
        rows = [(name, self._format_number(one.asked), self._format_number(one.answered),
                 self._format_number(one.mean, 2),
                 self._format_percent(one.cared_share), self._format_percent(one.solved_share),
                 self._format_number(one.messages))
                for name, one in (*named, (self.translate_key("all"), sum_answers(self.report.surveys.values())))]
        return Sheet(self.translate_key("survey"),
                     tuple(map(self.translate_key,
                               ("service", "asked", "replied", "mean", "cared", "solved", "messages"))),
                     rows, self.translate_key("survey_note"))

    def _fairness_sheet(self) -> Sheet:
        groups = self.report.agents
        # The groups are shown only as a pair: one of them and the whole would give the other.
        shown = [] if groups.too_few else [("everybody", groups.whole)]
        if groups.pair is not None:
            shown = [("with", groups.pair[0]), ("without", groups.pair[1]), *shown]
        head = tuple(map(self.translate_key, ("group", "people", "hours", "offers_hour", "taken", "missed")))
        return Sheet(self.translate_key("fairness"),
                     (*head, self.figure("occupancy"), self.translate_key("breaks"), self.translate_key("break_min"),
                      self.translate_key("work_min")),
                     [self._group_row(name, time) for name, time in shown],
                     self.translate_key("fair_note" if groups.pair is not None else "fair_hidden"))

    def _group_row(self, name: str, time: AgentTime) -> tuple[str, ...]:
        return (self.translate_key(name), self._format_number(time.agents),
                self._format_number(time.signed_in_s / 3600.0, 1),
                self._format_number(time.per_hour(time.offers), 2),
                self._format_percent(time.taken / time.offers if time.offers else None),
                self._format_percent(time.not_taken / time.offers if time.offers else None),
                self._format_percent(time.occupancy),
                self._format_number(time.per_hour(time.breaks), 2),
                self._format_number(time.per_hour(time.states[PAUSED] / 60.0), 1),
                self._format_number(time.per_hour(time.states[OFF_PHONE] / 60.0), 1))

    def _column_titles(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.translate_key(f"columns.{name}") for name in names)

    def _figure_row(self, name: str, figures: Figures, columns: Iterable[str]) -> tuple[str, ...]:
        return (name, *(self._figure_cell(figures, column) for column in columns))

    def _figure_cell(self, figures: Figures, name: str) -> str:
        # Some figures are no sums of contacts, so they are not in the row.
        if name == "occupancy":
            agents = self.report.agents
            return self._format_percent(None if agents.too_few else agents.whole.occupancy)
        if name in ("kept", "resolution"):
            return self._format_percent(getattr(figures, name))
        value = figures.to_row()[name]
        if name.startswith("level_") or name == "abandonment":
            return self._format_percent(value)
        return self._format_number(value, 1 if name.endswith("_s") else 0)

    def _format_number(self, value: float | None, digits: int = 0) -> str:
        return format_number(value, digits, english=self.english)

    def _format_percent(self, value: float | None) -> str:
        return format_percent(value, english=self.english)

    # -- the page ----------------------------------------------------------------------------------------------------

    def render_page(self) -> str:
        """Return one HTML file without external parts, for the screen, for paper and for screen readers."""
        parts = [page.render_paragraph(line) for line in self.intro_lines()]
        sheets = self.build_sheets()
        for number_, sheet in enumerate(sheets):
            if number_ == AFTER and self.report.total.offered:
                parts += self._draw_charts()
            parts.append(page.render_heading(sheet.title))
            parts.append(page.render_table(self.report.period.format_bounds(), sheet.head, sheet.rows))
            if sheet.note:
                parts.append(page.render_paragraph(sheet.note))
        return page.render_page(self.title, parts, language="en" if self.english else "tr")

    def _shown_bounds(self) -> tuple[float, float]:
        """Return the bounds of the pictures: the period, or the opening hours and all half hours with contacts."""
        period = self.report.period
        if not self.hours:
            return period.start, period.end
        used = [(at, at + SLOT_S) for at, one in self.report.parts if one.offered]
        return min(begin for begin, _ in (*self.hours, *used)), max(end for _, end in (*self.hours, *used))

    def _draw_charts(self) -> list[Markup]:
        # 1. The common axis of the period.
        report, period = self.report, self.report.period
        # Times are counted from midnight, so that marks fall on midnight and on half hours.
        anchor = period.midnight
        first, last = (at - anchor for at in self._shown_bounds())
        if period.long:
            # After a change of the clocks a mark is up to an hour off its midnight, so noon names the day.
            axis = chart.Axis(self.translate_key("date"),
                              lambda at: f"{period.local_time(anchor + at + NOON_S):%d.%m}", first, last,
                              86_400.0 * max(1, len(report.parts) // 10))
            starts = period.day_starts()
        else:
            axis = chart.Axis(self.translate_key("time"),
                              lambda at: f"{period.local_time(anchor + at):%H:%M}", first, last,
                              _mark_spacing(last - first))
            starts = period.slot_starts()
        middles = {at: (at + end) / 2.0 - anchor for at, end in pairwise([*starts, period.end])}

        # 2. A part without contacts has no value, so the line has a gap there.
        def chart_points(value: Callable[[Figures], float | None]) -> list[tuple[float, float]]:
            return [(middles[at], nan if (found := value(one)) is None else found)
                    for at, one in report.parts if one.offered]

        def chart_series(title: str, value: Callable[[Figures], float | None]) -> chart.Series:
            return chart.Series(title, chart_points(value))

        # 3. The three charts, each with one sentence for screen readers.
        names = dict(zip(LEVELS, (OURS, WITHOUT_SHORT, OF_OFFERED), strict=True))
        levels = [chart_series(self.figure(name), methodcaller("service_level", rule)) for name, rule in names.items()]
        goal = chart.Series(self.translate_key("target"), [(first, 0.8), (last, 0.8)])
        whole = report.total
        form = "{:.0f} %" if self.english else "%{:.0f}"
        return [
            chart.draw_lines(self.translate_key("level_chart"), f"{self._format_percent(whole.service_level())}.", axis,
                             chart.Axis(self.translate_key("level_chart"), lambda share: form.format(share * 100),
                                        0.0, 1.0),
                             [*levels, goal]),
            chart.draw_lines(self.translate_key("load_chart"),
                             f"{self._format_number(whole.offered)} / {self._format_number(whole.abandoned)}.", axis,
                             chart.Axis(self.translate_key("contacts")),
                             [chart_series(self.figure("offered"), lambda one: one.offered),
                              chart_series(self.figure("abandoned"), lambda one: one.abandoned)]),
            chart.draw_lines(self.translate_key("wait_chart"), f"{self._format_number(whole.asa_s, 1)}.", axis,
                             chart.Axis(self.translate_key("wait_chart")),
                             [chart_series(self.figure("asa_s"), lambda one: one.asa_s),
                              chart_series(self.figure("longest_tenth_s"), lambda one: one.longest_s)]),
        ]


def _mark_spacing(length: float) -> float:
    """Return the seconds between two marks on an axis of this length, up to two days."""
    return next((step for step in FINE_S if length <= step * MARKS), SLOT_S * (length // (SLOT_S * MARKS)))


def render_csv(report: Report) -> str:
    """Return CSV lines: each half hour and service, each service, and all (an empty service). Times have their offset.

    Names and numbers are for programs, so nothing depends on the language.
    """
    period = report.period
    ends = dict(pairwise([*period.slot_starts(), period.end]))
    lines = [(at, ends[at], service, figures) for at, service, figures in report.slots]
    lines += [(period.start, period.end, service, figures) for service, figures in report.services.items()]
    lines.append((period.start, period.end, "", report.total))
    return csv_text([["from", "to", "service", *Figures().to_row()], *(
        [*(period.local_time(at).isoformat(timespec="minutes") for at in (first, last)), service,
         *("" if value is None else f"{value:.10g}" for value in figures.to_row().values())]
        for first, last, service, figures in lines)])
