"""The ministry's centre in a folder of a test, to be changed there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from centres.centre_reader import SHIPPED
from lab.faults.patient_centre import drop_rules
from santral.centre.centre_words import read_words

MEB = SHIPPED / "meb"
WORDS = read_words(MEB)
"""Words of the centre, for the sounds of `.cache/sounds`."""
ROSTER = re.compile(r", on_call: \{[^}]*\}")


def copied(folder: Path) -> Path:
    """Copy the centre below this folder, as private as on a machine."""
    centre = folder / "meb"
    shutil.copytree(MEB, centre)
    (centre / "accommodations.yaml").chmod(0o600)
    return centre


def edit(centre: Path, name: str, old: str, new: str) -> None:
    """Replace the first occurrence of a text in a file. It must be there."""
    path = centre / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name}: {old}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def patient(folder: Path) -> Path:
    """Copy the centre below this folder, without rules of its services."""
    centre = copied(folder)
    drop_rules(centre)
    return centre


def with_lines(folder: Path, total: int, kept: int, most: int) -> Path:
    """Copy the centre below this folder, with this many lines of the carrier and a separate crisis number."""
    centre = copied(folder)
    edit(centre, "santral.toml", '"4440632" = "ana"', '"4440632" = "ana"\n"4440183" = "kriz"')
    edit(centre, "santral.toml", "total = 300", f"total = {total}")
    edit(centre, "santral.toml", "kept = { psikososyal = 60 }", f"kept = {{ psikososyal = {kept} }}")
    edit(centre, "santral.toml", "most = { psikososyal = 90 }", f"most = {{ psikososyal = {most} }}")
    edit(centre, "menu.yaml", "  ana: karsilama\n", "  ana: karsilama\n  kriz: psikososyal\n")
    return centre


def seated(centre: Path) -> None:
    """Take the rosters out of a copy, so that everybody has a seat. For tests that set who is on call."""
    path = centre / "team.yaml"
    text, found = ROSTER.subn("", path.read_text(encoding="utf-8"))
    assert found, "nobody of the ministry's team is on call"
    path.write_text(text, encoding="utf-8")
