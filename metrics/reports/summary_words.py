"""Put the summary of a day into one paragraph, in Turkish or English."""

from __future__ import annotations

from collections.abc import Iterator

from metrics.reports.daily_report import Report
from metrics.reports.day_summary import DaySummary, Reason, WorstSlot
from metrics.reports.words import TEXTS, format_number, format_percent
from routing.core.callers.refused_calls import NO_LINE, UNKNOWN_NUMBER

MINUTE_S = 60.0
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def describe_day(report: Report, summary: DaySummary, *, english: bool) -> str:
    """Return the paragraph."""
    return " ".join(_SummaryWords(report, summary, english).sentences())


class _SummaryWords:
    def __init__(self, report: Report, summary: DaySummary, english: bool) -> None:
        self._report, self._summary, self._english = report, summary, english

    def sentences(self) -> Iterator[str]:
        report, summary = self._report, self._summary
        # 1. The day and the same weekday before.
        offered, before = report.total.offered, summary.before
        weekday = self._text(f"weekdays.{WEEKDAYS[report.period.local_time(report.period.start).weekday()]}")
        if before is None or not before.offered:
            yield self._text("alone", weekday=weekday, offered=self._number(offered))
        else:
            change = f"{'+' if offered >= before.offered else '−'}" + self._percent(
                abs(offered - before.offered) / before.offered)
            yield self._text("compared", weekday=weekday, offered=self._number(offered),
                             before=self._number(before.offered), change=change)
        # 2. The target of each service.
        for met in (True, False):
            named = [self._text("level", service=report.names.get(service, service), level=self._percent(level),
                                goal=self._percent(report.goals[service]))
                     for service, one in report.services.items()
                     if (level := one.service_level()) is not None and service in report.goals
                     and (level >= report.goals[service]) is met]
            if named:
                yield self._text("met" if met else "missed", services=", ".join(named))
        # 3. The worst half hour, the longest wait, and calls without a queue.
        if summary.worst is not None:
            yield self._text("worst", time=report.period.slot_label(summary.worst.at),
                             late=self._number(summary.worst.late), reason=self._reason(summary.worst))
        if report.longest is not None:
            longest = report.longest
            yield self._text("longest", wait=self._duration(longest.wait_s),
                             service=report.names.get(longest.service, longest.service),
                             time=f"{report.period.local_time(longest.at):%H:%M}",
                             day=f"{report.period.local_time(report.period.start):%Y-%m-%d}")
        unqueued = report.unqueued
        yield self._text("closed", closed=self._number(unqueued.closed))
        yield self._text("refused", refused=self._number(unqueued.count_refused()),
                         numbers=self._number(unqueued.count_refused(UNKNOWN_NUMBER)),
                         lines=self._number(unqueued.count_refused(NO_LINE)))

    def _reason(self, worst: WorstSlot) -> str:
        value = self._number(worst.value, 1) if worst.reason in (Reason.CALLS, Reason.LONG) else \
            self._percent(worst.value)
        return self._text(f"reasons.{worst.reason}", value=value)

    def _text(self, key: str, **values: str) -> str:
        return TEXTS[f"summary.{key}"].text(english=self._english).format(**values)

    def _number(self, value: float, digits: int = 0) -> str:
        return format_number(value, digits, english=self._english)

    def _percent(self, value: float) -> str:
        return format_percent(value, english=self._english)

    def _duration(self, seconds: float) -> str:
        minutes, rest = divmod(round(seconds), int(MINUTE_S))
        return self._text("duration", minutes=str(minutes), seconds=str(rest)) if minutes else \
            self._text("seconds", seconds=str(rest))
