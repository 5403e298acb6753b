"""The folders of the product stay small enough to be read at a glance, and every import contract holds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from guide.language import ROOT
from guide.structure import MODULES_MAX, count_modules

pytestmark = pytest.mark.unit


def test_no_folder_holds_too_many_modules() -> None:
    assert not {folder: count for folder, count in count_modules().items() if count > MODULES_MAX}


def test_every_import_contract_holds() -> None:
    done = subprocess.run([Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_top_level_folder_is_in_the_architecture() -> None:
    made = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()}
    named = set(re.findall(r"`([a-z_]+)/", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    found = {path.name for path in ROOT.iterdir()
             if path.is_dir() and not path.name.startswith(".") and not path.name.endswith(".egg-info")}
    assert found - made <= named, f"a new folder needs a sentence in ARCHITECTURE.md: {sorted(found - made - named)}"


def test_every_test_has_exactly_one_tier() -> None:
    tiers = ("unit", "property", "contract", "integration", "system")
    wrong = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        marks = [tier for tier in tiers if f"pytestmark = pytest.mark.{tier}" in text
                 or f"pytestmark = [pytest.mark.{tier}" in text]
        if marks != [path.relative_to(ROOT / "tests").parts[0]]:
            wrong.append(f"{path.relative_to(ROOT)}: {marks}")
    assert not wrong, "\n".join(wrong)


def test_a_starting_node_waits_for_no_arrays() -> None:
    """After a crash each import is time in which no caller is routed. numpy alone takes 0.1 s."""
    said = subprocess.run([sys.executable, "-c", "import santral.cli, sys; print('numpy' in sys.modules)"], cwd=ROOT,
                          capture_output=True, text=True, check=True, timeout=60.0)
    assert said.stdout == "False\n"
