"""The bench's history: a line for each row, and only to a page that ends with the table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from bench import cli as bench
from bench.row import Row
from santral.cli import cli

pytestmark = pytest.mark.unit

DOCS = Path(__file__).resolve().parents[3] / "docs"
GOOD = Row("choice.agent.180", 1.23456, "us", "bare index: 0.9 us", 1.372, "<= 2x", True)
HEAD = f"# Page\n\n| {' | '.join(bench.HISTORY)} |\n|---|---|---|---|---|---|---|\n"


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The command sends them elsewhere, for its process."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_name: str) -> Sequence[Row]:
        return [GOOD, GOOD._replace(name="b", beside="a|b", ratio=None, goal="", ok=None)]

    monkeypatch.setattr(bench, "run_benchmark", run)


def test_a_line_has_every_column() -> None:
    assert bench.history_line(GOOD, date(2026, 3, 2)) == \
        "| 2026-03-02 | `choice.agent.180` | 1.235 us | bare index: 0.9 us | 1.37 | <= 2x | yes |"
    assert bench.history_line(GOOD._replace(ok=False), date(2026, 3, 2)).endswith("| **no** |")


@pytest.mark.usefixtures("measured")
def test_rows_are_appended_below_those_that_are_there(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(HEAD)
    for _ in range(2):
        assert CliRunner().invoke(cli, ["bench", "choice", "--history", str(page)]).exit_code == 0
    lines = page.read_text().removeprefix(HEAD).splitlines()
    assert len(lines) == 4 and all(line.count("|") == len(bench.HISTORY) + 1 for line in lines)


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("text", [None, "", "# Page\n", HEAD + "\nmore words\n", "| a |\n|---|\n"])
def test_a_page_without_the_table_at_its_end_is_left_alone(tmp_path: Path, text: str | None) -> None:
    page = tmp_path / "page.md"
    if text is not None:
        page.write_text(text)
    done = CliRunner().invoke(cli, ["bench", "choice", "--history", str(page)])
    assert done.exit_code == 2 and "does not end with the table" in done.output
    assert (page.read_text() if page.exists() else None) == text


def test_what_nodes_say_meanwhile_is_no_part_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_name: str) -> Sequence[Row]:
        structlog.get_logger().warning("ami.connected", node="n1")
        return [GOOD]

    monkeypatch.setattr(bench, "run_benchmark", run)
    done = CliRunner().invoke(cli, ["bench", "choice", "--json"])
    assert [one["name"] for one in json.loads(done.stdout)] == [GOOD.name] and "ami.connected" in done.stderr


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Benchmarks that were started."""
    names: list[str] = []

    def run(name: str) -> Sequence[Row]:
        names.append(name)
        return []

    monkeypatch.setattr(bench, "run_benchmark", run)
    return names


def test_without_a_name_each_is_told_with_its_time_and_none_begins(begun: list[str]) -> None:
    done = CliRunner().invoke(cli, ["bench"], env={"COLUMNS": "200"})
    assert done.exit_code == 0 and begun == []
    for name in bench.benchmark_names():
        [line] = [one for one in done.output.splitlines() if one.startswith(f"│ {name} ")]
        assert bench.round_duration(bench.expected_seconds(name)) in line \
            and len(line.split("│")[2].split()) >= 5, "what it measures"
    assert f"--all: {bench.round_duration(sum(map(bench.expected_seconds, bench.benchmark_names())))}." in done.output
    assert [bench.round_duration(seconds) for seconds in (5, 90, 120, 1100)] == [
        "about 5 s", "about 90 s", "about 2 min", "about 18 min"]


def test_all_of_them_are_measured_when_that_is_said(begun: list[str]) -> None:
    assert CliRunner().invoke(cli, ["bench", "--all"]).exit_code == 0 and begun == bench.benchmark_names()


def test_the_page_in_docs_takes_rows_and_tells_every_benchmark(tmp_path: Path) -> None:
    text = (DOCS / "develop" / "benchmarks.md").read_text(encoding="utf-8")
    copy = tmp_path / "benchmarks.md"
    copy.write_text(text, encoding="utf-8")
    assert bench._ends_with_table(copy)
    assert not [name for name in bench.benchmark_names() if f"| `{name}` |" not in text]
