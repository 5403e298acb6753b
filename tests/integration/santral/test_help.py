"""Walk all commands: help without waiting and without boxes, completion that a shell runs, a man page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from santral.shell.command_tree import CommandTree

pytestmark = pytest.mark.integration

HOUSE = Path(__file__).resolve().parents[3]
COMMANDS = CommandTree.read_file().all_commands()
HEAVY = {"asyncio", "aiohttp", "pydantic", "sqlalchemy", "typer", "rich", "yaml", "numpy", "jinja2", "cryptography",
         "ivr", "routing", "prompts", "asterisk_conf", "metrics", "desk", "planning", "lab", "centres"}
"""Modules that only a running command may import."""
MOST_MODULES = 200
"""A bare interpreter has about 60. All rooms together are more than 1,500."""
BOXES = re.compile("[\u2500-\u257f]")


def santral(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-X", "importtime", "-m", "santral", *words], capture_output=True,
                          text=True, timeout=60, cwd=HOUSE, env={**os.environ, "COLUMNS": "100", **more}, check=False)


def imported(stderr: str) -> set[str]:
    return set(re.findall(r"^import time: .*\| +([\w.]+)$", stderr, re.MULTILINE))


def test_each_help_has_every_option_and_no_box() -> None:
    # One process walks all commands, as run_cli answers them: a start for each would take most of the test's time.
    walk = ("import json, sys; from santral.shell.quick_answers import find_answer; "
            "print(json.dumps([[find_answer([*words, '--help']) for words in json.loads(sys.argv[1])], "
            "sorted(sys.modules)]))")
    done = subprocess.run([sys.executable, "-c", walk, json.dumps([one.words for one in COMMANDS])], cwd=HOUSE,
                          capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "100"}, check=True)
    answers, modules = json.loads(done.stdout)
    assert not HEAVY & set(modules) and len(modules) < MOST_MODULES
    for one, (text, code) in zip(COMMANDS, answers, strict=True):
        assert code == 0 and not BOXES.search(text) and max(map(len, text.splitlines())) <= 100, one.words
        assert text.startswith(f"Usage: santral {' '.join(one.words)}".rstrip()), one.words
        assert all(name in text for each in one.parameters if each.is_option for name in each.names), one.words


@pytest.mark.parametrize("words", [(), ("simulate",), ("agent", "login"), ("lab", "up")])
def test_a_help_imports_no_room(words: tuple[str, ...]) -> None:
    start = os.times()
    done = santral(*words, "--help")
    end = os.times()
    modules = imported(done.stderr)
    assert done.returncode == 0 and not HEAVY & modules and len(modules) < MOST_MODULES
    print(f"santral {' '.join(words)} --help: {len(modules)} modules, "
          f"{end.children_user + end.children_system - start.children_user - start.children_system:.3f} s of CPU")


def test_a_group_without_a_command_shows_its_help_and_did_nothing() -> None:
    for words in ((), ("agent",), ("privacy",)):
        done = santral(*words)
        assert done.returncode == 2 and done.stdout.startswith("Usage: santral"), words


def test_the_version_is_that_of_the_installation() -> None:
    assert santral("--version").stdout.split()[:2] == ["santral", metadata.version("santral")]


def test_a_misspelt_command_is_told_what_is_alike() -> None:
    done = subprocess.run([sys.executable, "-m", "santral", "statsu", "--help"], capture_output=True, text=True,
                          timeout=60, cwd=HOUSE, check=False)
    assert done.returncode == 2 and "Did you mean 'status'?" in done.stderr and not BOXES.search(done.stderr)


@pytest.mark.parametrize("typed, offered", [
    (["santral", "rep"], ["report"]), (["santral", "privacy", "er"], ["erase"]),
    (["santral", "agent", "login", "a1001", "--se"], ["--seat"]), (["santral", "--ve"], ["--version"])])
def test_bash_completes_commands_and_options(typed: list[str], offered: list[str], tmp_path: Path) -> None:
    script = tmp_path / "santral.bash"
    script.write_text(santral("completion", "bash").stdout, encoding="utf-8")
    done = subprocess.run(["bash", "-c", 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _santral; '
                           'printf "%s\\n" "${COMPREPLY[@]}"', str(script), *typed],
                          capture_output=True, text=True, timeout=60, check=True)
    found = done.stdout.split()
    assert [one for one in found if one.startswith(offered[0])] and found == [
        one for one in found if one.startswith(typed[-1])], found


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_have_every_command(shell: str) -> None:
    script = santral("completion", shell).stdout
    assert all(one.words[-1] in script for one in COMMANDS if one.words)
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, timeout=60, check=True)


def test_the_man_page_has_every_command_and_no_warning() -> None:
    page = santral("man").stdout
    assert page.startswith(".TH SANTRAL 1")
    assert all(f".SS santral {' '.join(one.words)}".replace("-", "\\-") in page for one in COMMANDS if one.words)
    if shutil.which("man"):
        done = subprocess.run(["man", "--warnings", "-l", "-"], input=page, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}, check=True)
        assert "santral check" in done.stdout and not done.stderr.strip(), done.stderr
