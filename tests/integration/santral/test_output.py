"""Walk the commands that print tables: one JSON object with `--json`, and in a pipe neither boxes nor cut ids."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from drawing.console_output import OutputConsole
from santral.shell.command_tree import TABLES, CommandTree
from tests.fakes.desk import running
from tests.integration.desk.test_cli import state

pytestmark = pytest.mark.integration

HOUSE = Path(__file__).resolve().parents[3]
BOXES = re.compile("[\u2500-\u257f]")
DAY = "2026-03-02"
LONG_ID = "1795973751.1234567890-and-a-very-long-id-that-no-terminal-has-room-for"
OF_NODE = {"status": "queues", "contacts": "contacts", "callbacks": "callbacks", "agent reasons": "reasons",
           "announce list": "tables", "recordings list": "tables"}
"""Commands that ask a node, with a key of its answer."""
BY_HAND = {"reload", "agent needs", "announce on", "announce off", "nodes"}
"""Commands that change a node, or need its agent or its store: their tables are those of the others."""
OF_FILES = {"hours": ("--days", "2"), "prompts list": (), "people list": ("--state", "{day}"),
            "privacy audit": ("--state", "{day}"), "report day": (DAY, "{day}"), "report week": (DAY, "{day}"),
            "report month": (DAY, "{day}"), "report interval": (f"{DAY}T08:00", f"{DAY}T12:00", "{day}")}
"""Commands that read files, with their arguments."""


def santral(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "santral", *words], capture_output=True, text=True, timeout=120,
                          cwd=HOUSE, check=False, env={**os.environ, "COLUMNS": "60", **more})


def test_every_command_with_a_table_is_walked() -> None:
    known = {" ".join(one.words): one for one in CommandTree.read_file().all_commands()}
    assert known.keys() >= TABLES
    assert OF_NODE.keys() | BY_HAND | OF_FILES.keys() == TABLES
    # The others have a separate option, and none has both.
    assert not [name for name in TABLES if any("--json" in one.names for one in known[name].parameters)]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state") / "day"
    done = santral("lab", "day", str(folder), "--date", DAY, "--contacts", "60")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", OF_FILES)
def test_tables_of_files(name: str, day: Path) -> None:
    words = [*name.split(), *(word.format(day=day) for word in OF_FILES[name])]
    shown, given = santral(*words), santral(*words, "--json")
    assert shown.returncode == 0, shown.stderr
    assert not BOXES.search(shown.stdout) and "\u2026" not in shown.stdout
    found = json.loads(given.stdout)
    assert found["tables"], found
    for table in found["tables"]:
        for row in table["rows"]:
            assert "\t".join(row.values()) in shown.stdout


@pytest.mark.parametrize("name", OF_NODE)
async def test_answers_of_a_node(name: str, tmp_path: Path) -> None:
    async with running() as desk:
        words = [*name.split(), "--state", str(state(tmp_path, desk))]
        shown = await asyncio.to_thread(santral, *words)
        given = await asyncio.to_thread(santral, *words, "--json")
        plain = await asyncio.to_thread(santral, "--plain", *words)
    assert shown.returncode == given.returncode == 0, shown.stderr + given.stderr
    assert not BOXES.search(shown.stdout) and plain.stdout.count("\n") == shown.stdout.count("\n")
    assert OF_NODE[name] in json.loads(given.stdout)


@pytest.mark.parametrize("terminal", [True, False])
def test_an_id_is_never_cut(terminal: bool) -> None:
    out = StringIO()
    console = OutputConsole(file=out, width=40, force_terminal=terminal, no_color=True)
    table = Table("contact", "service")
    table.add_row(LONG_ID, "bilgi")
    console.print(table)
    text = re.sub("\x1b\\[[0-9;]*m", "", out.getvalue())
    assert "\u2026" not in text
    if terminal:
        # The cell goes on in the next lines: its pieces together are the id.
        pieces = [line.split("\u2502")[1].strip() for line in text.splitlines() if line.count("\u2502") == 3]
        assert "".join(pieces) == LONG_ID
    else:
        assert f"{LONG_ID}\tbilgi" in text and not BOXES.search(text)


def test_plain_tables_for_somebody_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANTRAL_PLAIN", "1")
    out = StringIO()
    table: Any = Table("a", "b", title="Both")
    table.add_row("1", "[bold]2[/]")
    OutputConsole(file=out, force_terminal=True).print("before", table)
    assert out.getvalue() == "before\nBoth\na\tb\n1\t2\n"


async def test_one_variable_names_the_state_for_every_command(tmp_path: Path, day: Path) -> None:
    async with running() as desk:
        found = await asyncio.to_thread(santral, "status", "--json", SANTRAL_STATE=str(state(tmp_path, desk)))
    assert "queues" in json.loads(found.stdout)
    assert santral("people", "list", SANTRAL_STATE=str(day)).returncode == 0
    missing = santral("status", SANTRAL_STATE=str(tmp_path / "nowhere"))
    assert missing.returncode == 1 and "nowhere is no state folder" in missing.stderr
