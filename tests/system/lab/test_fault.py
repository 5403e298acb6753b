"""The bench of faults by its real command: a short row in `make test`, all rows by hand or in `make test-long`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.faults.kinds.table import FAULTS

pytestmark = pytest.mark.system

SHORT = "F-01"
"""The node is killed: no fault is shorter, and all states of callers meet it."""
LIMIT_S = 1200.0
"""The longest fault lasts ten minutes (F-10)."""


def run_fault(folder: Path, name: str) -> dict[str, Any]:
    """Run a fault by the command, and return its row."""
    done = subprocess.run([sys.executable, "-m", "santral", "lab", "fault", name, "--keep", str(folder), "--json"],
                          capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.stdout, done.stderr
    [row] = json.loads(done.stdout)
    assert done.returncode == (0 if row["ok"] else 1)
    return dict(row)


@pytest.mark.parametrize("name", [
    pytest.param(one.id, marks=[] if one.id == SHORT else pytest.mark.long) for one in FAULTS])
def test_nobody_is_lost_and_each_record_is_right(tmp_path: Path, name: str) -> None:
    row = run_fault(tmp_path, name)
    print(json.dumps(row, ensure_ascii=False))
    # Silences and seconds depend on the machine, so the page has them and `make test` does not judge them.
    assert (row["lost"], row["doubled"], row["records"]) == (0, 0, 0), row["problems"]
    assert row["calls"] or row["skipped"], row["problems"]
