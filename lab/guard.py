"""Ends a lab when the process it belongs to is gone, however it went: `python -m lab.guard PID STARTED FOLDER`.

A demo or a test that is killed (-9) cannot end its Asterisk; this small process, in a session of its own, can.
"""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

from lab import process
from lab.process import Identity
from lab.up import down


def main() -> None:
    """Wait for the end of the process, then end the lab."""
    owner = Identity(int(sys.argv[1]), int(sys.argv[2]))
    try:
        handle = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        handle = -1
    if handle >= 0 and process.alive(owner):
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
    down(Path(sys.argv[3]))


if __name__ == "__main__":
    main()
