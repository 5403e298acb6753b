"""The planted release is this one with a higher version, a further migration and a wider fact, as its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.planted_release import REVISION, VERSION, plant_release, release_env
from routing.core.model.facts import Ended
from routing.store.migrate import HEAD

pytestmark = pytest.mark.unit

ASK = """
import json
from importlib.metadata import version
import centres
from routing.core import emit
from routing.core.model.facts import Ended
from routing.store.migrate import HEAD
print(json.dumps([version("santral"), HEAD, Ended._fields, emit.__file__, centres.__file__]))
"""


def test_a_process_runs_the_planted_release(tmp_path: Path) -> None:
    tree = plant_release(tmp_path / "newer")
    done = subprocess.run([sys.executable, "-P", "-c", ASK], env=release_env(str(tree)), cwd=Path(__file__).parents[3],
                          capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == [
        VERSION, REVISION, [*Ended._fields, "planted"], str(tree / "routing" / "core" / "emit.py"),
        str(tree / "centres" / "__init__.py")]
    assert HEAD < REVISION


def test_code_that_has_no_place_for_the_changes_is_named(tmp_path: Path) -> None:
    source = plant_release(tmp_path / "newer")
    with pytest.raises(LabError, match=r"facts.py has no place for the change"):
        plant_release(tmp_path / "again", source)
