"""The ministry's centre without the rules of its services: callers wait for an agent, also where nobody is."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.centre_words import CENTRE
from lab.errors import LabError


def copy_patient(folder: Path) -> Path:
    """Copy the ministry's centre below this folder, as private as on a machine, without the rules of its services."""
    centre = folder / "meb"
    shutil.copytree(CENTRE, centre)
    (centre / "accommodations.yaml").chmod(0o600)
    drop_rules(centre)
    return centre


def drop_rules(centre: Path) -> None:
    """Take the rules of the services out of a copy. Raise LabError if there are none."""
    path = centre / "services.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.strip().startswith("when_")]
    if len(kept) == len(lines):
        raise LabError(f"{path}: no service has rules")
    path.write_text("".join(kept), encoding="utf-8")
