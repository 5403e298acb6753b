"""Reports for spreadsheets: read back as a Turkish Excel reads them, and from the XML of the workbook."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from metrics.reports.daily_report import read_report
from metrics.reports.period import named_period
from metrics.reports.spreadsheet import render_excel_csv, render_xlsx
from metrics.reports.view import ReportView
from santral.cli import cli
from santral.node.state_reader import open_past
from tests.fakes.report_day import BILGI, ZONE, written

pytestmark = pytest.mark.integration

SPACE = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    asyncio.run(written().keep(str(folder / "santral.db")))
    return folder


def as_turkish_excel(text: bytes) -> list[list[str | float]]:
    """Return the cells as an Excel with Turkish settings takes them: comma for the decimals, point for thousands."""
    assert text.startswith(b"\xef\xbb\xbf"), "without the mark Excel takes the letters for those of Windows"

    def read_cell(cell: str) -> str | float:
        return float(cell.replace(",", ".")) if re.fullmatch(r"-?\d+(,\d+)?(e[-+]\d+)?", cell) else cell

    return [[read_cell(cell) for cell in row]
            for row in csv.reader(io.StringIO(text.decode("utf-8-sig")), delimiter=";")]


def sheets_of(path: Path) -> dict[str, list[list[str | float]]]:
    """Return the cells of a workbook by sheet, from its XML."""
    with zipfile.ZipFile(path) as book:
        shared = ["".join(part.text or "" for part in one.iter(f"{{{SPACE['x']}}}t")) for one in ElementTree.fromstring(
            book.read("xl/sharedStrings.xml")).findall("x:si", SPACE)]
        names = [one.attrib["name"] for one in ElementTree.fromstring(book.read("xl/workbook.xml")).findall(
            "x:sheets/x:sheet", SPACE)]
        found = {}
        for number, name in enumerate(names, 1):
            root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
            assert root.find(".//x:f", SPACE) is None, "a formula"
            found[name] = [[shared[int(cell.findtext("x:v", "0", SPACE))] if cell.attrib.get("t") == "s"
                            else float(cell.findtext("x:v", "nan", SPACE)) for cell in row]
                           for row in root.findall("x:sheetData/x:row", SPACE)]
    return found


def test_excel_csv_has_the_figures_of_the_report(state: Path, tmp_path: Path) -> None:
    out, plain = tmp_path / "gün.csv", tmp_path / "plain.csv"
    found = CliRunner().invoke(cli, ["report", "day", "2026-03-02", str(state), "--excel", str(out), "--csv",
                                     str(plain)])
    assert found.exit_code == 0, found.output
    rows = as_turkish_excel(out.read_bytes())
    assert rows[0] == ["Günlük rapor: 02.03.2026"] and "Sıraya 10 kişi girdi" in str(rows[1][0])
    head = next(row for row in rows if row and row[0] == "Hizmet")
    whole = dict(zip(head, next(row for row in rows if row and row[0] == "Hepsi"), strict=True))
    assert whole["Gelen"] == 10.0 and whole["Hizmet düzeyi (HD, service level)"] == pytest.approx(2 / 7)
    # Every half hour of the plain CSV is there, with the same figures in the same order.
    program = [row for row in csv.reader(io.StringIO(plain.read_text("utf-8"))) if row[2]][1:-2]
    slots = rows[rows.index(["Yarım saatler"]) + 2:]
    assert [[row[4], row[7]] for row in slots] == [[float(row[3]), float(row[6])] for row in program]
    assert slots[0][:4] == ["02.03.2026", "09:00", "09:30", "Bilgi"]


def test_a_workbook_has_numbers_and_no_formula(state: Path, tmp_path: Path) -> None:
    out = tmp_path / "gün.xlsx"
    found = CliRunner().invoke(cli, ["report", "week", "2026-03-02", str(state), "--xlsx", str(out)])
    assert found.exit_code == 0, found.output
    sheets = sheets_of(out)
    assert list(sheets) == ["Özet", "Hizmetler", "Yarım saatler"]
    assert sheets["Özet"][0] == ["Haftalık rapor: 02.03.2026 – 08.03.2026"]
    services = {row[0]: row for row in sheets["Hizmetler"]}
    assert services["Hepsi"][1] == 12.0 == sum(float(services[name][1]) for name in ("Bilgi", "Tip"))
    assert not list(tmp_path.glob("*.part*"))


def test_the_name_of_a_service_becomes_no_formula(state: Path, tmp_path: Path) -> None:
    with open_past(str(state)) as ask:
        report = read_report(ask, named_period("day", "2026-03-02", ZONE, 0.0))
    report.names[BILGI] = '=HYPERLINK("http://192.0.2.1")'
    view = ReportView(report)
    rows = as_turkish_excel(render_excel_csv(view).encode())
    assert not any(str(cell).startswith("=") for row in rows for cell in row)
    (tmp_path / "a.xlsx").write_bytes(render_xlsx(view))
    assert any(row[0] == report.names[BILGI] for row in sheets_of(tmp_path / "a.xlsx")["Hizmetler"]), "a text"


def test_a_file_that_cannot_be_written_is_said(state: Path, tmp_path: Path) -> None:
    for option in ("--excel", "--xlsx"):
        found = CliRunner().invoke(cli, ["report", "day", "2026-03-02", str(state), option, str(tmp_path / "no" / "f")])
        assert found.exit_code == 1 and "cannot be written" in found.output, found.output
