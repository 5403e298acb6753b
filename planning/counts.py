"""Counts of calls from a CSV file: `date,slot,calls` with a line for each interval, and what is wrong with it.

Columns may stand in any order and have any of the names below; others are ignored. The separator is a comma, a
semicolon or a tab. Without a date column the file is one day; with a service column counts are by service. All
intervals of a file have the same width, the smallest distance between two of them; one that is missing has no calls.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from planning import sheet
from planning.arrivals import DAY_S, MOST, WIDTH_S, Day
from planning.errors import PlanningError

DATES = ("date", "day", "tarih", "gün")
TIMES = ("slot", "time", "start", "interval", "saat")
COUNTS = ("calls", "count", "arrivals", "offered", "contacts", "n", "çağrı")
SERVICES = ("service", "queue", "skill", "hizmet")


class _Row(NamedTuple):
    line: int
    day: str
    at: int
    """Seconds after midnight."""
    calls: float
    service: str


def read_counts(path: Path, services: frozenset[str] | None = None) -> list[Day]:
    """The days of the file, in order. `services`: those that may be named in it; None: any. Raises PlanningError with
    every problem as file:line."""
    problems: list[str] = []
    rows = list(_rows(path, sheet.read(path), services, problems))
    if not rows and not problems:
        problems.append(f"{path}: no line with counts; a line is e.g. 2026-03-02,09:05,112")
    width = _width(rows)
    seen: dict[tuple[str, int, str], int] = {}
    for row in rows:
        first = seen.setdefault((row.day, row.at, row.service), row.line)
        if first != row.line:
            problems.append(f"{path}:{row.line}: the same interval stands in line {first}; leave one of them")
        if row.at % width != rows[0].at % width:
            problems.append(f"{path}:{row.line}: {_clock(row.at)} is not in the grid of {width // 60} minutes that the "
                            "file has otherwise")
    sheet.complain(problems)
    return _days(rows, width)


def choose(days: list[Day], wanted: str | None) -> list[Day]:
    """One day by its name, all of them by `all`; None: the one with the median total, so a typical one. Raises
    PlanningError when there is no such day."""
    if wanted == "all":
        return days
    if wanted is None:
        return [sorted(days, key=lambda day: (day.total, day.name))[(len(days) - 1) // 2]]
    found = [day for day in days if day.name == wanted]
    if not found:
        raise PlanningError(f"no day {wanted} among the arrivals; they go from {days[0].name} to {days[-1].name} "
                            f"({len(days)} days). Name one of them, or all")
    return found


def _rows(path: Path, lines: list[str], services: frozenset[str] | None, problems: list[str]) -> Iterator[_Row]:
    head = next((number for number, line in enumerate(lines) if line.strip()), None)
    if head is None:
        return
    separator = max(",;\t", key=lines[head].count)
    table = sheet.rows(path, lines, separator, problems, head)
    titles = [_plain(title) for title in next(table, (0, []))[1]]
    day_at, time_at, count_at, service_at = (_column(titles, names) for names in (DATES, TIMES, COUNTS, SERVICES))
    for what, place, names in (("time", time_at, TIMES), ("count", count_at, COUNTS)):
        if place is None:
            problems.append(f"{path}:{head + 1}: no column for the {what}; the first line names the columns, this one "
                            f"must be one of {', '.join(names)}")
    if time_at is None or count_at is None:
        return
    for number, cell in table:
        if not any(cell):
            continue
        if len(cell) != len(titles):
            problems.append(f"{path}:{number}: {len(cell)} columns, the first line has {len(titles)}")
            continue
        row = _Row(number, "" if day_at is None else _date(cell[day_at]), _seconds(cell[time_at]),
                   _number(cell[count_at]), "" if service_at is None else cell[service_at])
        wrong = _wrong(row, cell, (day_at, time_at, count_at), services)
        if wrong:
            problems.append(f"{path}:{number}: {wrong}")
        else:
            yield row


def _wrong(row: _Row, cell: list[str], places: tuple[int | None, int, int], services: frozenset[str] | None) -> str:
    """What is wrong with a line; empty: nothing."""
    day_at, time_at, count_at = places
    if day_at is not None and not row.day:
        return f"{cell[day_at]!r} is no date; write it as 2026-03-02"
    if row.at < 0:
        return f"{cell[time_at]!r} is no time of day; write it as 09:05"
    if not 0 <= row.calls <= MOST:
        return f"{cell[count_at]!r} is no count of calls; write a number from 0 to {MOST:.0f}"
    if services is not None and row.service and row.service not in services:
        return f"no service {row.service!r} in the centre; it has {', '.join(sorted(services))}"
    return ""


def _column(titles: list[str], names: tuple[str, ...]) -> int | None:
    return next((titles.index(name) for name in map(_plain, names) if name in titles), None)


def _plain(title: str) -> str:
    """A title however it is written: the small letters of TARİH have a dot too many, those of ÇAĞRI one that the word
    has not, and a Mac writes Ç as two signs."""
    small = unicodedata.normalize("NFC", title).casefold()
    return small.replace("i\N{COMBINING DOT ABOVE}", "i").replace("ı", "i")


def _date(text: str) -> str:
    """ISO form; empty: it is none."""
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return ""


def _seconds(text: str) -> int:
    """Seconds after midnight of a clock time; -1: it is none."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(part.isascii() and part.isdigit() and len(part) <= 2 for part in parts):
        return -1
    hours, minutes, seconds = (*map(int, parts), 0)[:3]
    return hours * 3600 + minutes * 60 + seconds if hours < 24 and minutes < 60 and seconds < 60 else -1


def _number(text: str) -> float:
    """A count; -1: it is none."""
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        return -1.0
    return value if isfinite(value) else -1.0


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"


def _width(rows: list[_Row]) -> int:
    """The smallest distance between two intervals of a day; of a single interval, five minutes."""
    times = sorted({row.at for row in rows})
    return min((after - before for before, after in pairwise(times)), default=int(WIDTH_S))


def _days(rows: list[_Row], width: int) -> list[Day]:
    found = []
    for name in sorted({row.day for row in rows}):
        of_day = [row for row in rows if row.day == name]
        start = min(row.at for row in of_day)
        slots = (max(row.at for row in of_day) - start) // width + 1
        by_service: dict[str, list[float]] = {}
        for row in of_day:
            by_service.setdefault(row.service, [0.0] * slots)[(row.at - start) // width] += row.calls
        counts = tuple(map(sum, zip(*by_service.values(), strict=True)))
        services = {service: tuple(line) for service, line in by_service.items() if service}
        found.append(Day(name or "the file's day", float(start), float(min(width, DAY_S)), counts, services))
    return found
