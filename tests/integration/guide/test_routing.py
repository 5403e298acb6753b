"""Check docs/develop/routing.md: the files are good, the stories are what the engine does, the pictures are new."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guide import examples, pictures, story
from santral.cli import DEFAULT_CENTRE, centre_of, cli
from tests.guide_centre import centre_of as centre_of_example
from tests.guide_centre import write_centre

pytestmark = pytest.mark.integration

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "develop" / "routing.md").read_text(encoding="utf-8")
EXAMPLES = examples.find_examples(PAGE)


def test_there_are_examples_and_each_has_a_name_of_its_own() -> None:
    assert len({example.name for example in EXAMPLES}) == len(EXAMPLES) >= 10
    assert all(example.story and "services.yaml" in example.files for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_files_are_good(example: examples.PageExample, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["check", str(write_centre(example, tmp_path))], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    doubts = [line for line in done.output.splitlines() if line.startswith("warning")]
    # An example shows only the services and keys that matter.
    usual = "no service asks for the skill", "has no way out", "agents who fit only the next step", "nobody is told", \
        "only agents who fit 'psikososyal' serve 'bilgi'"
    assert all(any(words in line for words in usual) for line in doubts), doubts


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_story_is_what_the_engine_does(example: examples.PageExample, tmp_path: Path) -> None:
    told = story.tell_story(centre_of_example(example, tmp_path), story.read_story(example.story))
    assert story.write_story(told) == example.story, f"what the engine does about it now:\n{story.write_story(told)}"


def test_a_mistake_in_an_expression_is_told_as_the_page_shows(tmp_path: Path) -> None:
    steps = next(example for example in EXAMPLES if example.name == "steps")
    services = steps.files["services.yaml"].replace("{psikososyal: 70}", "psikososyal >= and tr")
    wrong = steps._replace(files={**steps.files, "services.yaml": services})
    done = CliRunner().invoke(cli, ["check", str(write_centre(wrong, tmp_path))], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    lines = [line for line in done.output.splitlines() if not line.startswith("warning: ")]
    for line in lines[:3]:
        assert line.rstrip() and f"      {line}".rstrip() in PAGE, done.output


def test_the_pictures_are_those_of_today() -> None:
    drawn = pictures.draw_pictures(centre_of(DEFAULT_CENTRE), PAGE)
    there = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "pictures").glob("*.svg")
             # The menu's lengths are those of the sounds: test_ivr_menu_show.py. Dashboards: test_dashboards_cli.py.
             if path.name != "menu.svg" and not path.name.startswith("dashboard-")}
    old = [name for name in drawn.keys() | there.keys() if drawn.get(name) != there.get(name)]
    assert not old, f"draw them again with make pictures: {', '.join(sorted(old))}"


def test_every_picture_is_shown_somewhere_and_has_words_for_those_who_hear() -> None:
    image = re.compile(r"!\[([^\]]*)\]\((?:\.\./)?pictures/([\w.-]+)\)")
    shown = {name: words for path in DOCS.rglob("*.md")
             for words, name in image.findall(path.read_text(encoding="utf-8"))}
    assert set(shown) == {path.name for path in (DOCS / "pictures").iterdir()}
    assert all(len(words) > 20 for words in shown.values())
