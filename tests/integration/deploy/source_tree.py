"""The files of this repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[3]


def tracked_files() -> list[str]:
    """Return the files that git knows and that are there."""
    listed = subprocess.run(["git", "ls-files"], cwd=HOUSE, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if (HOUSE / name).is_file()]
