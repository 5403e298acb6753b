"""Where the pictures of a report put what they show: points in the middle of their parts, marks at round times."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from drawing.chart import LEFT, RIGHT, WIDTH
from metrics.reports import (
    daily_report,
    day_summary,
    figures,
    spreadsheet,
    summary_words,
    unqueued_calls,
    view,
    words,
)
from metrics.reports import period as periods
from metrics.reports.figures import Figures
from metrics.reports.period import Period, period_between
from metrics.reports.view import ReportView
from routing.ami import line_counts
from routing.core.callers import refused_calls

pytestmark = pytest.mark.unit

ISTANBUL, LONDON = ZoneInfo("Europe/Istanbul"), ZoneInfo("Europe/London")


def served(number: int) -> Figures:
    found = Figures()
    found.offered = found.answered = found.within = number
    found.waits = [5.0] * number
    return found


def load_picture(period: Period) -> str:
    """Of the contacts that came; some in each part."""
    parts = [(at, served(5)) for at in (period.day_starts() if period.long else period.slot_starts())]
    report: Any = SimpleNamespace(period=period, parts=parts, total=served(20))
    return cast(str, ReportView(report, english=True)._draw_charts()[1])


def times(picture: str, period: Period) -> list[str]:
    """Of the points of the first line, read back from where they are drawn."""
    first = re.search(r'<path d="([^"]*)"', picture)
    assert first is not None
    across = [float(point) for point in re.findall(r"[ML]([-\d.]+) ", first[1])]
    assert all(LEFT <= one <= WIDTH - RIGHT for one in across), across
    length = period.end - period.start
    seconds = [period.start + (one - LEFT) / (WIDTH - LEFT - RIGHT) * length for one in across]
    step = length / 1000.0  # a tenth of a point is less
    return [f"{period.local_time(round(at / step) * step):%d %H}" if period.long else
            f"{period.local_time(round(at / 30.0) * 30.0):%H:%M:%S}" for at in seconds]


def labels(picture: str) -> list[str]:
    """Along the lower axis."""
    return re.findall(r'y="\d+" text-anchor="middle">([\d:.]+)</text>', picture)


@pytest.mark.parametrize(("first", "last", "points", "marks"), [
    ("2026-03-02T10:00", "2026-03-02T10:10", ["10:05:00"], [f"10:{minute:02d}" for minute in range(11)]),
    ("2026-03-02T10:10", "2026-03-02T11:15", ["10:20:00", "10:45:00", "11:07:30"], ["10:30", "11:00"]),
    ("2026-03-02T10:12", "2026-03-02T10:50", ["10:21:00", "10:40:00"],
     [f"10:{minute}" for minute in range(15, 51, 5)])])
def test_points_of_half_hours_stand_in_their_middle(first: str, last: str, points: list[str],
                                                    marks: list[str]) -> None:
    period = period_between(first, last, ISTANBUL)
    picture = load_picture(period)
    assert times(picture, period) == points
    assert labels(picture) == marks


def test_points_of_days_stand_in_their_middle_and_marks_at_midnight() -> None:
    period = period_between("2026-03-02T18:00", "2026-03-05T06:00", ISTANBUL)
    picture = load_picture(period)
    assert times(picture, period) == ["02 21", "03 12", "04 12", "05 03"]
    assert labels(picture) == ["03.03", "04.03", "05.03"]
    across = [float(one) for one in re.findall(r'<line class="axis" x1="([\d.]+)" x2="\1"', picture)]
    assert across == pytest.approx([LEFT + hours / 60.0 * (WIDTH - LEFT - RIGHT) for hours in (6, 30, 54)], abs=0.1)


@pytest.mark.parametrize(("first", "last", "marks"), [
    ("2026-10-24", "2026-10-28", ["24.10", "25.10", "26.10", "27.10", "28.10"]),
    ("2026-03-28", "2026-04-01", ["28.03", "29.03", "30.03", "31.03"])])
def test_days_keep_their_names_when_the_clocks_change(first: str, last: str, marks: list[str]) -> None:
    assert labels(load_picture(period_between(first, last, LONDON))) == marks


def test_a_whole_day_has_a_mark_every_two_hours() -> None:
    assert labels(load_picture(period_between("2026-03-02", "2026-03-03", ISTANBUL))) == [
        *(f"{hour:02d}:00" for hour in range(0, 24, 2)), "00:00"]


def test_each_text_is_used_and_both_languages_have_its_placeholders() -> None:
    source = "".join(Path(module.__file__ or "").read_text(encoding="utf-8")
                     for module in (view, periods, daily_report, figures, day_summary, summary_words, spreadsheet,
                                    unqueued_calls, refused_calls, line_counts))
    for key, said in words.TEXTS.items():
        names = [{name for _, name, _, _ in Formatter().parse(text) if name is not None} for text in said]
        assert all(said) and names[0] == names[1], key
        name = re.sub(r"^(summary|figures|columns|unqueued)\.(reasons\.|weekdays\.|forms\.)?", "", key)
        name = name.removesuffix(".name").removesuffix(".meaning")
        assert re.search(rf"\b{name}\b", source), f"{key} is used nowhere"
