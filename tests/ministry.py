"""The ministry's centre in a folder of a test's own, to be changed there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from centres.load import SHIPPED

MEB = SHIPPED / "meb"
ROSTER = re.compile(r", on_call: \{[^}]*\}")


def copied(folder: Path) -> Path:
    """A copy below this folder, as private as a machine has it."""
    centre = folder / "meb"
    shutil.copytree(MEB, centre)
    (centre / "accommodations.yaml").chmod(0o600)
    return centre


def edit(centre: Path, name: str, old: str, new: str) -> None:
    """Replace a text where it stands first in a file; it must be there."""
    path = centre / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name}: {old}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def seated(centre: Path) -> None:
    """Everybody at a seat: for tests that say themselves who is on call. Takes the rosters out of a copy."""
    path = centre / "team.yaml"
    text, found = ROSTER.subn("", path.read_text(encoding="utf-8"))
    assert found, "nobody of the ministry's team is on call"
    path.write_text(text, encoding="utf-8")
