"""Describe a process, so that another process of the machine can see whether it lives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Holder(NamedTuple):
    """A process, described so that another process of the machine can see whether it lives."""

    host: str
    """Boot id and process namespace: process ids mean something only inside both."""
    pid: int
    started: str
    """Ticks since boot. A process id is used again, but this pair is not."""


def this_process() -> Holder:
    """Return this process as a holder."""
    pid = os.getpid()
    return Holder(_host_id(), pid, _start_ticks(pid) or "")


def is_alive(holder: Holder) -> bool:
    """Return whether a process of this machine lives. A zombie is dead: it holds nothing, and only its parent has not
    looked."""
    return _start_ticks(holder.pid) == holder.started


def _host_id() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        # An unknown host equals no other one, so only the expiry ends such a lease.
        return ""


def _start_ticks(pid: int) -> str | None:
    try:
        # The second field is the program's name in brackets and may hold anything. State is the 3rd, start the 22nd.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")
