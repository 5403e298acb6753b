"""Processes of the lab: known by pid and start time, so that a stale file never ends somebody else's process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

POLL_S = 0.02
"""Between two looks at a process that is ending or starting; a look costs microseconds."""
TERM_S = 5.0
"""A process that was asked to end gets this long before it is killed. A node stores its last turn in milliseconds."""
KILL_S = 5.0
"""The kernel takes a killed process away at once; longer means it hangs in the kernel, and waiting does not help."""


class Identity(NamedTuple):
    """One process, for ever: a pid is used again, a pid with its start time is not."""

    pid: int
    started: int
    """Clock ticks after boot (proc_pid_stat(5), field 22)."""


def identify(pid: int) -> Identity | None:
    """The process with this pid, None when there is none (or only a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    # A killed program is a zombie while its other threads still end: until then its sockets listen.
    if fields[0] in "ZX" and int(fields[17]) <= 1:
        return None
    return Identity(pid, int(fields[19]))


def alive(process: Identity) -> bool:
    """Whether it still runs."""
    return identify(process.pid) == process


def cpu_s(process: Identity) -> float:
    """CPU seconds it has used, in the kernel and outside, of all its threads. Raises ProcessLookupError when it is
    gone."""
    if not alive(process):
        raise ProcessLookupError(process.pid)
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, nice: int = 0) -> Identity:
    """Start a program (full path) in a session of its own: Ctrl-C of the terminal goes to the lab alone, which ends its
    processes in order. It may outlive us. What it prints goes to `log`, appended. `nice` below 0 puts it before others,
    where the system lets us."""
    log.parent.mkdir(parents=True, exist_ok=True)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0], list(command), dict(os.environ if env is None else env), setsid=True,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                      (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)])
    if nice:
        # The threads that it makes later inherit it.
        with suppress(PermissionError, ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, pid, nice)
    # A process that ended already has no start time any more; 0 is nobody's.
    return identify(pid) or Identity(pid, 0)


def wait_end(process: Identity, timeout: float) -> bool:
    """Wait until it is gone; whether it is."""
    end = time.monotonic() + timeout
    while True:
        reap(process.pid)
        if not alive(process):
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(POLL_S)


def end(process: Identity, grace: float = TERM_S) -> None:
    """End it: TERM, then KILL. Nothing happens when it is gone already."""
    for sign, limit in ((signal.SIGTERM, grace), (signal.SIGKILL, KILL_S)):
        if not send(process, sign) or wait_end(process, limit):
            return


def send(process: Identity, sign: signal.Signals) -> bool:
    """Send a signal to exactly this process; False when it is gone."""
    reap(process.pid)
    if not alive(process):
        return False
    try:
        os.kill(process.pid, sign)
    except ProcessLookupError:
        return False
    return True


def reap(pid: int) -> None:
    """Take a dead child's exit code, or it stays as a zombie. Not a child of ours: nothing to do."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
