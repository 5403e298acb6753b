"""Read counts of calls from a CSV file with the columns `date,slot,calls` and a line for each interval.

Columns may have any order and any of the names below. Other columns are ignored. The separator is a comma, a semicolon
or a tab. A file without a date column is one day. A service column splits the counts by service. All intervals of a
file have the same width, which is the smallest distance between two of them. A missing interval has no calls.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from planning.errors import PlanningError
from planning.simulation import sheet
from planning.simulation.arrivals import COUNT_MAX, DAY_S, INTERVAL_S, Day

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
    """Return the days of the file, in order.

    `services` are the names that the file may use. None permits any. Raise PlanningError with all problems as
    file:line.
    """
    # 1. Read the rows. The width of an interval follows from all of them.
    problems: list[str] = []
    rows = list(_read_rows(path, sheet.read_lines(path), services, problems))
    if not rows and not problems:
        problems.append(f"{path}: no line with counts; a line is e.g. 2026-03-02,09:05,112")
    width = _interval_width(rows)
    # 2. Check each interval against the others.
    seen: dict[tuple[str, int, str], int] = {}
    for row in rows:
        first = seen.setdefault((row.day, row.at, row.service), row.line)
        if first != row.line:
            problems.append(f"{path}:{row.line}: the same interval stands in line {first}; leave one of them")
        if row.at % width != rows[0].at % width:
            problems.append(f"{path}:{row.line}: {_format_clock(row.at)} is not in the grid of {width // 60} minutes "
                            "that the file has otherwise")
    sheet.raise_problems(problems)
    return _build_days(rows, width)


def choose_days(days: list[Day], wanted: str | None) -> list[Day]:
    """Return one day by its name, or all days for `all`.

    None selects the day with the median total, which is a typical one. Raise PlanningError if there is no such day.
    """
    if wanted == "all":
        return days
    if wanted is None:
        return [sorted(days, key=lambda day: (day.total, day.name))[(len(days) - 1) // 2]]
    found = [day for day in days if day.name == wanted]
    if not found:
        raise PlanningError(f"no day {wanted} among the arrivals; they go from {days[0].name} to {days[-1].name} "
                            f"({len(days)} days). Name one of them, or all")
    return found


def _read_rows(path: Path, lines: list[str], services: frozenset[str] | None, problems: list[str]) -> Iterator[_Row]:
    # 1. Find the line with the titles and the separator.
    head = next((number for number, line in enumerate(lines) if line.strip()), None)
    if head is None:
        return
    separator = max(",;\t", key=lines[head].count)
    table = sheet.read_rows(path, lines, separator, problems, head)
    # 2. Find the columns by their titles.
    titles = [_plain_title(title) for title in next(table, (0, []))[1]]
    day_at, time_at, count_at, service_at = (_find_column(titles, names) for names in (DATES, TIMES, COUNTS, SERVICES))
    for what, place, names in (("time", time_at, TIMES), ("count", count_at, COUNTS)):
        if place is None:
            problems.append(f"{path}:{head + 1}: no column for the {what}; the first line names the columns, this one "
                            f"must be one of {', '.join(names)}")
    if time_at is None or count_at is None:
        return
    # 3. Read the lines. Collect all problems, so that a user can fix a file in one go.
    for number, cell in table:
        if not any(cell):
            continue
        if len(cell) != len(titles):
            problems.append(f"{path}:{number}: {len(cell)} columns, the first line has {len(titles)}")
            continue
        row = _Row(number, "" if day_at is None else _parse_date(cell[day_at]), _parse_clock(cell[time_at]),
                   _parse_count(cell[count_at]), "" if service_at is None else cell[service_at])
        wrong = _row_fault(row, cell, (day_at, time_at, count_at), services)
        if wrong:
            problems.append(f"{path}:{number}: {wrong}")
        else:
            yield row


def _row_fault(row: _Row, cell: list[str], places: tuple[int | None, int, int], services: frozenset[str] | None) -> str:
    """Return the problem of a line, or an empty text if there is none."""
    day_at, time_at, count_at = places
    if day_at is not None and not row.day:
        return f"{cell[day_at]!r} is no date; write it as 2026-03-02"
    if row.at < 0:
        return f"{cell[time_at]!r} is no time of day; write it as 09:05"
    if not 0 <= row.calls <= COUNT_MAX:
        return f"{cell[count_at]!r} is no count of calls; write a number from 0 to {COUNT_MAX:.0f}"
    if services is not None and row.service and row.service not in services:
        return f"no service {row.service!r} in the centre; it has {', '.join(sorted(services))}"
    return ""


def _find_column(titles: list[str], names: tuple[str, ...]) -> int | None:
    return next((titles.index(name) for name in map(_plain_title, names) if name in titles), None)


def _plain_title(title: str) -> str:
    """Return a title in one common spelling.

    The lower case of TARİH has an extra dot, and that of ÇAĞRI has a dot where the word has none. A Mac writes Ç as two
    characters.
    """
    small = unicodedata.normalize("NFC", title).casefold()
    return small.replace("i\N{COMBINING DOT ABOVE}", "i").replace("ı", "i")


def _parse_date(text: str) -> str:
    """Return the date in ISO form, or an empty text if it is none."""
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return ""


def _parse_clock(text: str) -> int:
    """Return the seconds after midnight of a clock time, or -1 if it is none."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(part.isascii() and part.isdigit() and len(part) <= 2 for part in parts):
        return -1
    hours, minutes, seconds = (*map(int, parts), 0)[:3]
    return hours * 3600 + minutes * 60 + seconds if hours < 24 and minutes < 60 and seconds < 60 else -1


def _parse_count(text: str) -> float:
    """Return a count, or -1 if it is none."""
    try:
        # A spreadsheet in Turkish writes a decimal comma.
        value = float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        return -1.0
    return value if isfinite(value) else -1.0


def _format_clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"


def _interval_width(rows: list[_Row]) -> int:
    """Return the smallest distance between two intervals. A single interval is five minutes wide."""
    times = sorted({row.at for row in rows})
    return min((after - before for before, after in pairwise(times)), default=int(INTERVAL_S))


def _build_days(rows: list[_Row], width: int) -> list[Day]:
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
