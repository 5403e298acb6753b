"""The table of faults, its page, and what the command refuses."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.faults import cli, runner
from lab.faults.cli import FaultRequest, run_request
from lab.faults.fault import Fault
from lab.faults.fault_model import Bounds, FaultRow
from lab.faults.kinds.table import FAULTS, find_faults
from lab.faults.show import write_page
from lab.lifecycle import PROJECT_ROOT

pytestmark = pytest.mark.unit

PAGE = PROJECT_ROOT / "docs" / "operate" / "faults.md"
HEAD = "id | fault\n--- | ---\n"


def test_each_fault_of_the_list_is_in_the_table_once() -> None:
    names = [one.id for one in FAULTS]
    assert names == sorted(set(names)) and {name[:4] for name in names} == {f"F-{number:02d}" for number in range(33)}
    for fault in FAULTS:
        wider = any(value > usual for value, usual in zip(
            list(vars(fault.bounds).values())[:-1], list(vars(Bounds()).values())[:-1], strict=True))
        assert not wider or fault.bounds.reason, fault.id


def test_the_page_has_a_row_for_each_fault() -> None:
    found = re.findall(r"^(F-\d\d[a-z]?) \| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found == [one.id for one in FAULTS]


def test_rows_of_a_page_are_replaced_and_inserted_in_order(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{HEAD}F-01 | old\nF-04 | stays\n\nText.\n", encoding="utf-8")
    write_page(page, [FaultRow("F-03", "third", "x", ok=True), FaultRow("F-01", "first", "y", skipped="no root")])
    assert page.read_text(encoding="utf-8") == (
        f"{HEAD}F-01 | first | - | - | - | - | - | - | - | - | - | - | no root\n"
        "F-03 | third | yes | 0 | 0 | 0 | 0 | 0 | - | - | - | - | x\nF-04 | stays\n\nText.\n")


def test_a_page_without_a_table_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Text.\n", encoding="utf-8")
    with pytest.raises(LabError, match="no table of faults"):
        write_page(page, [])


def test_an_unknown_fault_and_a_request_for_nothing_or_two_things_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no fault 'F-77'.*--list"):
        find_faults(["F-01", "F-77"])
    for request in (FaultRequest((), False, False, False, tmp_path, None),
                    FaultRequest(("F-01",), False, True, False, tmp_path, None),
                    FaultRequest((), False, True, False, tmp_path, None, (1, 1.0))):
        with pytest.raises(LabError, match="name faults, or give"):
            run_request(request)
    (tmp_path / "F-00").mkdir()
    with pytest.raises(LabError, match="is there already"):
        run_request(FaultRequest(("F-00",), False, False, False, tmp_path, None))


def test_a_page_that_cannot_be_written_is_told_before_the_faults(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[object] = []
    monkeypatch.setattr(cli, "run_faults", lambda *asked: ran.append(asked) or [])
    with pytest.raises(FileNotFoundError):
        cli.run_request(cli.FaultRequest(("F-00",), False, False, True, None, tmp_path / "missing.md"))
    assert not ran


async def write_row(fault: Fault, folder: Path) -> FaultRow:
    (folder / "lab").mkdir()
    return FaultRow(fault.id, fault.title, fault.how, ok=fault.id != "F-01", problems=["lost"] * (fault.id == "F-01"))


def test_rows_are_written_as_they_come_and_leave_nothing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{HEAD}F-00 | old\n", encoding="utf-8")
    seen: list[tuple[str, list[str]]] = []

    async def look(fault: Fault, folder: Path) -> FaultRow:
        seen.append((page.read_text(encoding="utf-8"), [one.name for one in folder.parent.iterdir()]))
        return await write_row(fault, folder)

    monkeypatch.setattr(cli, "run_fault", look)
    assert cli.run_request(FaultRequest(("F-00", "F-01"), False, False, True, None, page)) == 1, "a row is not ok"
    assert "F-00 | nothing breaks | yes" in seen[1][0] and [names for _, names in seen] == [["F-00"], ["F-01"]]
    out, progress = capsys.readouterr()
    assert [one["ok"] for one in json.loads(out)] == [True, False]
    assert "1/2 F-00 nothing breaks" in progress and "NO, 0 s; lost" in progress


def test_a_folder_that_is_there_is_told_before_the_first_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "run_fault", write_row)
    (tmp_path / "F-01").mkdir()
    with pytest.raises(LabError, match="F-01 is there already"):
        cli.run_faults(find_faults(["F-00", "F-01"]), tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["F-01"]


@pytest.mark.parametrize(("limit", "said"), [(900.0, "the bench broke: ValueError: no such key"),
                                             (-1_000.0, "the bench broke: not over within")])
async def test_a_bench_that_breaks_or_hangs_costs_its_own_row_alone(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: float, said: str) -> None:
    @asynccontextmanager
    async def open_broken(fault: Fault, folder: Path) -> AsyncIterator[None]:
        await asyncio.sleep(0.0 if limit > 0 else 600.0)
        raise ValueError("no such key")
        yield

    monkeypatch.setattr(runner, "open_place", open_broken)
    monkeypatch.setattr(runner, "LONGEST_S", limit)
    row = await runner.run_fault(FAULTS[0], tmp_path)
    assert not row.ok and row.problems[0].startswith(said)
