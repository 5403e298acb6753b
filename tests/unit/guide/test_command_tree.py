"""Check that the file that help is read from is drawn from the commands of today."""

from __future__ import annotations

import json

import pytest

from guide.command_tree import draw_tree
from santral.shell.command_tree import TREE, CommandTree

pytestmark = pytest.mark.unit


def test_the_tree_is_that_of_the_commands() -> None:
    drawn, there = (
        {" ".join(one["words"]): one for one in json.loads(text)} for text in (draw_tree(), TREE.read_text("utf-8")))
    old = sorted(name for name in drawn.keys() | there.keys() if drawn.get(name) != there.get(name))
    assert not old, f"run python -m guide.reference: {old}"


@pytest.mark.parametrize("words, found", [
    ((), ""), (("--help",), ""), (("agent",), "agent"), (("agent", "login", "--help"), "agent login"),
    (("agent", "login", "a1001", "--seat", "2001", "--help"), "agent login"), (("--help", "agent"), ""),
    (("agent", "login", "a1001"), None), (("nothing", "--help"), None), (("callbacks",), None),
    (("callbacks", "--help"), "callbacks"), (("bench", "--", "--help"), None)])
def test_help_is_asked_for_where_the_command_line_says_so(words: tuple[str, ...], found: str | None) -> None:
    asked = CommandTree.read_file().asked_help(words)
    assert (None if asked is None else " ".join(asked.words)) == found
