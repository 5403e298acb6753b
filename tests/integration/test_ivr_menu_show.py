"""`santral menu`: the tree in the terminal, the picture of the documentation, the list of callers to be known."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from routing.store.numbers import NumberKeys
from santral.cli import cli
from santral.errors import SantralError
from santral.registered import FILE, Registered, enlist, read

pytestmark = pytest.mark.integration

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "menu.svg"


def timeless(text: str) -> str:
    """Without lengths: those of the built sounds are another machine's."""
    return re.sub(r"\d+\.\d", "T", text)


def test_the_picture_of_the_documentation_is_the_menu_of_today(tmp_path: Path) -> None:
    svg = tmp_path / "menu.svg"
    done = CliRunner().invoke(cli, ["menu", "show", "--svg", str(svg)])
    assert done.exit_code == 0 and "9 nodes" in done.output
    drawn = re.sub(r"<text[^>]*>Some sounds are not built.*?</text>\n", "", svg.read_text(encoding="utf-8"))
    shown = PICTURE.read_text(encoding="utf-8")
    assert "not built" not in shown, "draw it with built sounds: make pictures"
    assert timeless(re.sub(r'(viewBox|height|<rect width)="[^"]*"', "", drawn)) == timeless(
        re.sub(r'(viewBox|height|<rect width)="[^"]*"', "", shown)), "draw it anew: make pictures"


def test_the_tree_has_every_key() -> None:
    done = CliRunner().invoke(cli, ["menu", "show"], env={"COLUMNS": "120"})
    assert done.exit_code == 0 and done.output.startswith("entry ana (4440632)")
    for key in "12340":
        assert re.search(rf"{key} .* basın\. \[\d+\.\d s\]", done.output), key
    assert "after two failures\n" in done.output and "→ temsilci" in done.output


def test_a_centre_with_mistakes_is_not_drawn(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["menu", "show", str(tmp_path)])
    assert done.exit_code != 0


# -- callers who asked to be known


def register(state: Path, given: str, *more: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["menu", "register", "--state", str(state), *more], input=given)
    return done.exit_code, done.output


def test_a_number_is_on_the_list_as_a_hash_until_it_is_taken_out(tmp_path: Path) -> None:
    assert register(tmp_path, "0532 123 45 67\n+90 312 413 10 00\n") == (0, "2 of 2 put on the list\n")
    file = tmp_path / "secrets" / FILE
    text = file.read_text(encoding="utf-8")
    assert "5321234567" not in text and "3124131000" not in text and stat.S_IMODE(file.stat().st_mode) == 0o600
    keys = NumberKeys.load(tmp_path / "secrets" / "numbers.json")
    there = Registered(tmp_path / "secrets")
    digest, _ = keys.seal("+905321234567")
    assert there.known(digest) and not there.known(keys.seal("+905329999999")[0]) and not there.known("")
    assert register(tmp_path, "05321234567") == (0, "0 of 1 put on the list\n")
    assert register(tmp_path, "05321234567", "--remove") == (0, "1 of 1 taken out\n")
    assert not there.known(digest), "a running node sees it with the next call"


@pytest.mark.parametrize(("given", "told"), [("", "no number was given"), ("0532\n", "line 1: no telephone number"),
                                             ("05321234567\nabc\n", "line 2: no telephone number")])
def test_what_is_no_number_changes_nothing(tmp_path: Path, given: str, told: str) -> None:
    code, output = register(tmp_path, given)
    assert code == 2 and told in output and "abc" not in output
    assert not (tmp_path / "secrets" / FILE).exists()


def test_a_list_that_cannot_be_read_changes_nothing_for_those_on_it(tmp_path: Path) -> None:
    enlist(tmp_path, ["+905321234567"], False)
    folder = tmp_path / "secrets"
    digest, _ = NumberKeys.load(folder / "numbers.json").seal("+905321234567")
    there = Registered(folder)
    assert there.known(digest)
    (folder / FILE).write_text("{", encoding="utf-8")
    assert there.known(digest)
    (folder / FILE).write_text(json.dumps({"callers": [1]}), encoding="utf-8")
    assert there.known(digest)
    with pytest.raises(SantralError, match="holds no list"):
        read(folder / FILE)
    (folder / FILE).unlink()
    assert not there.known(digest)


def test_the_list_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("santral.registered.MOST", 1)
    assert enlist(tmp_path, ["+905321234567"], False) == 1
    with pytest.raises(SantralError, match="it takes 1"):
        enlist(tmp_path, ["+905321234568"], False)
    assert len(read(tmp_path / "secrets" / FILE)) == 1
