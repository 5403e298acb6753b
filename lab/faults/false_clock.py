"""Run a node on a false wall clock, by libfaketime. Its steady clock stays true, as when a machine's clock is set."""

from __future__ import annotations

import os
from pathlib import Path

from lab.faults.fault_model import CannotInject
from lab.lab_nodes import start_node, wait_ready
from lab.session import LabSession

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
FILE = "clock"
"""File in the lab's folder with the offset, such as `+1h`."""
CACHE_S = 1
"""Time after which the process reads the file again. To read it at each question for the time would take most of the
node's own time."""


def falsify_clock(lab: LabSession) -> None:
    """Start the node of a lab again, on a clock that is right until somebody sets it. Raise CannotInject."""
    path = lab.folder / FILE
    set_offset(lab.folder, "+0")
    lab.kill_node()
    identity = start_node(lab.folder, env={
        **os.environ, "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(path),
        "FAKETIME_CACHE_DURATION": str(CACHE_S), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"})
    wait_ready(lab.node(), identity)
    if LIBRARY.name not in Path(f"/proc/{identity.pid}/maps").read_text(encoding="ascii", errors="replace"):
        raise CannotInject("libfaketime is not loaded by the node")


def set_offset(folder: Path, offset: str) -> None:
    """Set how far the clock is off."""
    (folder / FILE).write_text(offset, encoding="ascii")
