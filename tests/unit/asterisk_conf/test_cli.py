"""`santral asterisk-conf`: what it writes, what it shows, how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from asterisk_conf import cli
from asterisk_conf.cli import FAULTY, UNWRITABLE, build_commands
from asterisk_conf.conf_plan import AsteriskPlan, LinePlan
from asterisk_conf.render import ALWAYS, render_files
from tests.fakes.asterisk_plan import plan

pytestmark = pytest.mark.unit


def run(tmp_path: Path, out: Path, chosen: AsteriskPlan | None = None, **changes: Any) -> tuple[int, str]:
    asked: list[tuple[Path, Path | None, Path]] = []

    def plan_of(centre: Path, settings: Path | None, state: Path) -> AsteriskPlan:
        asked.append((centre, settings, state))
        return chosen or plan(**changes)

    app = typer.Typer()
    app.callback()(lambda: None)
    app.add_typer(build_commands(plan_of))
    words = ["asterisk-conf", str(tmp_path / "centre"), "--out", str(out), "--state", str(tmp_path / "state")]
    done = CliRunner().invoke(app, words)
    assert asked == [(tmp_path / "centre", None, tmp_path / "state")]
    return done.exit_code, " ".join(done.output.split())  # a line breaks where the folder's name wants it


def test_it_writes_the_files_and_says_so(tmp_path: Path) -> None:
    code, output = run(tmp_path, tmp_path / "out")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(ALWAYS)
    assert "every rule holds" in output


def test_it_names_the_section_for_the_last_belt(tmp_path: Path) -> None:
    _, output = run(tmp_path, tmp_path / "out", lines=LinePlan(300))
    assert "set maxcalls = " in output and " in its [options] (all lines" in output


def test_a_broken_rule_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "render_files", lambda plan: {
        name: text.replace("persistentmembers=yes", "persistentmembers=no")
        for name, text in render_files(plan).items()})
    code, output = run(tmp_path, tmp_path / "out")
    assert code == FAULTY
    assert "members are lost" in output
    assert not (tmp_path / "out").exists()


def test_a_plan_with_a_hole_ends_with_every_fault(tmp_path: Path) -> None:
    code, output = run(tmp_path, tmp_path / "out", numbers={}, codecs=())
    assert code == FAULTY
    assert "no called number" in output
    assert "no codec" in output


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, output = run(tmp_path, tmp_path / "file")
    assert code == UNWRITABLE
    assert "cannot be written" in output
