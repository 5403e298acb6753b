"""docs/supervise/routing-explanations.md: its example is what the command says, its options are those there are."""

from __future__ import annotations

import asyncio
import re
import shlex
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from guide import examples, story
from lab.people import day
from planning.journal.recording_engine import RecordingEngine
from santral.cli import cli
from tests.guide_centre import centre_of

pytestmark = pytest.mark.integration

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "supervise" / "routing-explanations.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```console\n\$ (santral why [^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=ZoneInfo("Europe/Istanbul")).timestamp()


def written(folder: Path) -> Path:
    """The state of a node that lived through the example."""
    (example,) = examples.find_examples(PAGE)
    (folder / "centre").mkdir()
    heard = RecordingEngine(MIDNIGHT)
    story.tell_story(centre_of(example, folder / "centre"),
               [line._replace(at=line.at + MIDNIGHT) for line in story.read_story(example.story)], heard)
    asyncio.run(day.store_day(folder / "santral.db", heard))
    return folder


def said(command: str, state: Path) -> str:
    """Return the output of a command of the page, without blanks at the end of lines."""
    done = CliRunner().invoke(cli, [str(state) if word == "STATE" else word for word in shlex.split(command)[1:]])
    assert done.exit_code == 0, done.output
    return "".join(f"{line.rstrip()}\n" for line in done.output.splitlines())


def test_the_example_is_what_the_command_says(tmp_path: Path) -> None:
    state, blocks = written(tmp_path), BLOCK.findall(PAGE)
    assert len(blocks) == 2
    for command, text in blocks:
        assert said(command, state) == text
    plain, named = (text for _, text in blocks)
    assert "uygun değildi" in plain and "resting between two contacts" in named


def test_every_option_is_on_the_page() -> None:
    told = CliRunner().invoke(cli, ["why", "--help"], env={"COLUMNS": "200"}).output
    for option in re.findall(r"--[a-z]+", told):
        assert option == "--help" or f"`{option}" in PAGE
