"""`santral menu`: the tree in the terminal, the picture of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from santral.cli import cli

pytestmark = pytest.mark.integration

PICTURE = Path(__file__).parents[3] / "docs" / "pictures" / "menu.svg"


def timeless(text: str) -> str:
    """Without lengths: those of the built sounds are another machine's."""
    return re.sub(r"\d+\.\d", "T", text)


def test_the_picture_of_the_documentation_is_the_menu_of_today(tmp_path: Path) -> None:
    svg = tmp_path / "menu.svg"
    done = CliRunner().invoke(cli, ["menu", "show", "--svg", str(svg)])
    assert done.exit_code == 0 and "10 nodes" in done.output
    drawn = re.sub(r"<text[^>]*>Some sounds are not built.*?</text>\n", "", svg.read_text(encoding="utf-8"))
    shown = PICTURE.read_text(encoding="utf-8")
    assert "not built" not in shown, "draw it with built sounds: make pictures"
    assert timeless(re.sub(r'(viewBox|height|<rect width)="[^"]*"', "", drawn)) == timeless(
        re.sub(r'(viewBox|height|<rect width)="[^"]*"', "", shown)), "draw it again: make pictures"


def test_the_tree_has_every_key() -> None:
    done = CliRunner().invoke(cli, ["menu", "show"], env={"COLUMNS": "120"})
    assert done.exit_code == 0 and done.output.startswith("entry ana (4440632)")
    for key in "12340":
        assert re.search(rf"{key} .* basın\. \[\d+\.\d s\]", done.output), key
    assert "after two failures\n" in done.output and "→ temsilci" in done.output


def test_a_centre_with_mistakes_is_not_drawn(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["menu", "show", str(tmp_path)])
    assert done.exit_code != 0
