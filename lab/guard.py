"""End a lab when its owner process is gone, in whatever way: `python -m lab.guard PID STARTED FOLDER`.

A demo or test that is killed with SIGKILL cannot end its Asterisk. This small process runs in a separate session and
can.
"""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

from lab.lifecycle import stop_lab
from lab.pbx import process
from lab.pbx.process import Identity


def run_guard() -> None:
    """Wait for the end of the owner process, then end the lab."""
    owner = Identity(int(sys.argv[1]), int(sys.argv[2]))
    try:
        handle = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        handle = -1
    # The pid may already belong to another process, so its start time is checked after it is held.
    if handle >= 0 and process.is_alive(owner):
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
    stop_lab(Path(sys.argv[3]))


if __name__ == "__main__":
    run_guard()
