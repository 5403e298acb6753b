"""`santral dashboards` at a terminal: what it writes, what it says, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from metrics.dashboards.cli import LANGUAGES
from metrics.dashboards.grafana import BOARDS, SOURCE
from santral.cli import cli

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[4] / "docs"


def said(*words: object) -> Result:
    return CliRunner().invoke(cli, ["dashboards", *map(str, words)])


def test_what_is_written_is_what_grafana_is_told_to_read(tmp_path: Path) -> None:
    done = said("write", "--out", tmp_path, "--prometheus", "http://p:9090", "--place", "/var/lib/x")
    assert done.exit_code == 0, done.output
    (told,) = yaml.safe_load((tmp_path / "provisioning/datasources/santral.yaml").read_text())["datasources"]
    assert told["uid"] == SOURCE and told["url"] == "http://p:9090"
    providers = yaml.safe_load((tmp_path / "provisioning/dashboards/santral.yaml").read_text())["providers"]
    assert [one["options"]["path"] for one in providers] == [f"/var/lib/x/dashboards/{one}" for one in LANGUAGES]
    written = sorted(tmp_path.glob("dashboards/*/*.json"))
    assert len(written) == len(BOARDS) * len(LANGUAGES)
    for path in written:
        board = json.loads(path.read_text())
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {SOURCE}
    again = {path: path.read_bytes() for path in written}
    said("write", "--out", tmp_path)
    assert again == {path: path.read_bytes() for path in written}, "the same every time"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (file := tmp_path / "file").write_text("")
    done = said("write", "--out", file)
    assert done.exit_code == 1 and "cannot be written" in done.output and done.output.count("\n") == 1


def test_the_page_knows_every_dashboard() -> None:
    told = (DOCS / "operate" / "dashboards.md").read_text(encoding="utf-8")
    for board in BOARDS:
        assert f"{board.title.tr} (`{board.key}`)" in told
