"""Write a report for spreadsheets: CSV as a Turkish Excel opens it, and XLSX.

Numbers are numbers in both, not texts: shares from 0 to 1, times in seconds. The CSV has `;` between cells, a comma in
numbers, and a byte order mark, because a Turkish Excel takes the separator of its language and guesses the encoding.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from metrics.reports.figures import Figures
from metrics.reports.view import ReportView
from metrics.reports.words import TEXTS

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

BOM = "\ufeff"
Cell = str | float | int | None
SHARES = ("level_ours", "level_without_short", "level_of_offered", "abandonment")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so is a formula for a spreadsheet. The name of a service must not become one."""
WIDTH_MAX = 60


class SpreadSheet(NamedTuple):
    """One sheet: a title, the head, and rows whose numbers are numbers."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    shares: frozenset[int] = frozenset()
    """Columns of shares from 0 to 1."""


def build_spreadsheets(view: ReportView) -> list[SpreadSheet]:
    """Return the sheets of a report: the whole, by service, and by half hour and service."""
    report, period = view.report, view.report.period
    names = list(Figures().to_row())
    titles = tuple(_title_of(view, name) for name in names)
    shares = {name for name in names if name in SHARES}

    def sheet(title: str, head: Sequence[str], rows: list[tuple[Cell, ...]]) -> SpreadSheet:
        return SpreadSheet(view.translate_key(title), (*map(view.translate_key, head), *titles), rows,
                           frozenset(len(head) + names.index(name) for name in shares))

    # 1. One row a service, and the whole.
    services: list[tuple[Cell, ...]] = [(report.names.get(service, service), *figures.to_row().values())
                                        for service, figures in report.services.items()]
    services.append((view.translate_key("all"), *report.total.to_row().values()))
    # 2. One row a half hour and service.
    ends = dict(pairwise([*period.slot_starts(), period.end]))
    slots: list[tuple[Cell, ...]] = [
        (f"{period.local_time(at):%d.%m.%Y}", period.slot_label(at), f"{period.local_time(ends[at]):%H:%M}",
         report.names.get(service, service), *figures.to_row().values()) for at, service, figures in report.slots]
    return [sheet("services", ("service",), services),
            sheet("by_slot", ("date", "time", "until", "service"), slots)]


def _title_of(view: ReportView, name: str) -> str:
    """Return the name of a figure as people read it, or its key if the report does not show it alone."""
    return view.figure(name) if f"figures.{name}.name" in TEXTS else name


def render_excel_csv(view: ReportView) -> str:
    """Return the sheets below each other as CSV for a Turkish Excel."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([view.title])
    for line in view.intro_lines():
        writer.writerow([_plain(line)])
    for sheet in build_spreadsheets(view):
        writer.writerows([(), (sheet.title,), sheet.head])
        writer.writerows([_comma(cell) for cell in row] for row in sheet.rows)
    return BOM + out.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(DANGEROUS) else text


def _comma(cell: Cell) -> str:
    if cell is None:
        return ""
    return _plain(cell) if isinstance(cell, str) else f"{cell:.10g}".replace(".", ",")


def render_xlsx(view: ReportView) -> bytes:
    """Return the report as a workbook: a sheet with the paragraph, then the figures, with filters and a fixed head."""
    # Loaded here, because other commands do not need it.
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        number, share = book.add_format({"num_format": "#,##0.##"}), book.add_format({"num_format": "0.0%"})
        first = book.add_worksheet(_sheet_name(view.translate_key("overview")))
        first.set_column(0, 0, 100)
        first.write_string(0, 0, view.title, bold)
        for row, line in enumerate(view.intro_lines(), 1):
            first.write_string(row, 0, line, wrapped)
        for sheet in build_spreadsheets(view):
            _fill_sheet(book.add_worksheet(_sheet_name(sheet.title)), sheet, bold, number, share)
    return out.getvalue()


def _fill_sheet(target: Worksheet, sheet: SpreadSheet, bold: Format, number: Format, share: Format) -> None:
    for column, title in enumerate(sheet.head):
        target.write_string(0, column, title, bold)
        target.set_column(column, column, min(WIDTH_MAX, len(title) + 2))
    for line, row in enumerate(sheet.rows, 1):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                target.write_string(line, column, cell)
            elif cell is not None:
                target.write_number(line, column, cell, share if column in sheet.shares else number)
    target.freeze_panes(1, 1)
    if sheet.rows:
        target.autofilter(0, 0, len(sheet.rows), len(sheet.head) - 1)


def _sheet_name(title: str) -> str:
    """Return a name that a spreadsheet accepts: 31 letters, none of `[]:*?/\\`."""
    return "".join(" " if letter in "[]:*?/\\" else letter for letter in title)[:31]
