"""Processes of the lab. Each is known by pid and start time, so a stale file never ends another process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

POLL_S = 0.02
"""Time between two looks at a process that starts or ends. A look costs microseconds."""
TERM_S = 5.0
"""Time from TERM to KILL. A node stores its last turn in milliseconds."""
TAIL_LINES = 15
"""Last lines of a log in an error: the end of a traceback."""
KILL_S = 5.0
"""Time to wait after KILL. The kernel removes a process at once, and a process that hangs in the kernel never ends."""

UNSHARE = ("/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
"""Program that starts another one with separate process ids."""

_STARTERS: dict[int, int] = {}
"""Pid of the program that started a process apart, by the pid of that process."""


class Identity(NamedTuple):
    """Lasting identity of a process. A pid is used again, a pid with its start time is not."""

    pid: int
    started: int
    """Clock ticks after boot (proc_pid_stat(5), field 22)."""


def identify_process(pid: int) -> Identity | None:
    """Return the process with this pid, or None if there is none or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    # A killed program is a zombie while its other threads still end: until then its sockets listen.
    if fields[0] in "ZX" and int(fields[17]) <= 1:
        return None
    return Identity(pid, int(fields[19]))


def is_alive(process: Identity) -> bool:
    """Return whether the process still runs."""
    return identify_process(process.pid) == process


def cpu_s(process: Identity) -> float:
    """Return the CPU seconds of all threads of the process, in the kernel and outside. Raise ProcessLookupError if the
    process is gone."""
    if not is_alive(process):
        raise ProcessLookupError(process.pid)
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start_process(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, nice: int = 0, *,
                  apart: bool = False) -> Identity:
    """Start a program, given by its full path, in a separate session.

    Ctrl-C in the terminal then reaches only the lab, which ends its processes in order. The program may outlive this
    process. Its output is appended to `log`. A `nice` below 0 gives it priority over others, where the system permits
    that. A program that is `apart` sees no other processes, as on another machine, where this user may do that.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if apart and (apart := os.geteuid() == 0 and Path(UNSHARE[0]).exists()):
        command = [*UNSHARE, *command]
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0], list(command), dict(os.environ if env is None else env), setsid=True,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                      (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)])
    if apart and (inner := _find_child(pid)) is not None:
        _STARTERS[inner] = pid
        pid = inner
    if nice:
        # Threads that the program makes later inherit the priority.
        with suppress(PermissionError, ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, pid, nice)
    # A process that has already ended has no start time. No process has 0.
    return identify_process(pid) or Identity(pid, 0)


def _find_child(pid: int) -> int | None:
    """Return the child of a process that forks once, or None if the process ends without one."""
    outer = identify_process(pid)
    end = time.monotonic() + KILL_S
    while outer is not None and is_alive(outer) and time.monotonic() < end:
        with suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
            if children:
                return int(children[0])
        time.sleep(POLL_S)
    return None


def wait_end(process: Identity, timeout: float) -> bool:
    """Wait until the process is gone. Return False if it still runs after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        reap_child(process.pid)
        if not is_alive(process):
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(POLL_S)


def wait_until(condition: Callable[[], bool], process: Identity, timeout: float) -> bool:
    """Wait for a condition. Return False if the process ends before, or after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        if wait_end(process, 0.0) or time.monotonic() >= end:
            return False
        time.sleep(POLL_S)
    return True


def end_process(process: Identity, grace: float = TERM_S, ask: signal.Signals = signal.SIGTERM) -> None:
    """End the process with TERM or another signal, then KILL. Safe to repeat."""
    for sign, limit in ((ask, grace), (signal.SIGKILL, KILL_S)):
        if not send_signal(process, sign) or wait_end(process, limit):
            return


def send_signal(process: Identity, sign: signal.Signals) -> bool:
    """Send a signal to exactly this process. Return False if the process is gone."""
    reap_child(process.pid)
    if not is_alive(process):
        return False
    try:
        os.kill(process.pid, sign)
    except ProcessLookupError:
        return False
    return True


def reap_child(pid: int) -> None:
    """Take the exit code of a dead child, so that it leaves no zombie. Do nothing if the process is no child."""
    for one in filter(None, (pid, _STARTERS.get(pid))):
        with suppress(ChildProcessError):
            os.waitpid(one, os.WNOHANG)


def read_tail(path: Path) -> str:
    """Return the last lines of a log, for an error."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-TAIL_LINES:])
