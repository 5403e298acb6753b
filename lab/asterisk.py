"""A private Asterisk: started from a folder of files, ready when it says so, ended in order."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from lab import process
from lab.errors import NotReady
from lab.fetch import Program
from lab.process import Identity

READY_S = 60.0
"""All modules load in about 5 s on two idle cores; a machine under full load took 20 s."""
CONSOLE_S = 30.0
"""A console command answers in milliseconds once the console is there."""
STOP_S = 8.0
"""`core stop now` hangs up all channels and unloads in about a second; then TERM, then KILL."""
NICE = -10
"""Before everything else, as an operator's Asterisk is (`highpriority`): beside other work its sound comes late, and
MixMonitor, which records talks, drops what waits (`lab.network_conf`)."""
SOCKET_MAX = 100
"""Characters of the console socket's path: sun_path holds 108, and Asterisk adds nothing to it."""

_MAIN = """\
; Written by the lab: a private Asterisk, everything it writes lies below {state}
[directories]
astetcdir => {conf}
astmoddir => {modules}
astdatadir => {data}
astvarlibdir => {state}/lib
astdbdir => {state}/lib
astkeydir => {state}/lib
astagidir => {state}/lib
astspooldir => {state}/spool
astrundir => {run}
astlogdir => {state}/log
astsbindir => {state}

[options]
live_dangerously = no
"""


class PrivateAsterisk:
    """One Asterisk process on files in `conf`; all it writes lies in `state`."""

    def __init__(self, program: Program, conf: Path, state: Path) -> None:
        self.program = program
        self.conf = conf.resolve()
        self.state = state.resolve()
        self.run = self.state / "run"
        self.identity: Identity | None = None

    @property
    def log(self) -> Path:
        """What Asterisk prints."""
        return self.state / "log" / "console.log"

    @property
    def pid(self) -> int:
        """Pid of the running process."""
        if self.identity is None:
            raise NotReady(f"the Asterisk of {self.conf} has not been started")
        return self.identity.pid

    def start(self) -> Identity:
        """Start the process; `wait_ready` waits until calls would be taken."""
        for name in ("lib", "spool", "log", "log/cel-custom", "run"):
            (self.state / name).mkdir(parents=True, exist_ok=True)
        if len(str(self.run / "asterisk.ctl")) > SOCKET_MAX:
            self.run = Path(tempfile.mkdtemp(prefix="santral-lab-"))
        main = self.conf / "asterisk.conf"
        main.write_text(_MAIN.format(conf=self.conf, modules=self.program.modules, data=self.program.data,
                                     state=self.state, run=self.run), encoding="utf-8")
        command = [*self.program.command, "-C", str(main), "-f", "-n"]
        self.identity = process.start(command, self.log, nice=NICE)
        return self.identity

    def wait_ready(self, timeout: float = READY_S) -> None:
        """Wait until it is fully booted. Raises NotReady, with what Asterisk said last."""
        end = time.monotonic() + timeout
        assert self.identity is not None
        while time.monotonic() < end:
            if process.wait_end(self.identity, 0.0):
                raise NotReady(f"the Asterisk of {self.conf} ended while it started. It said:\n"
                               f"{process.tail(self.log)}")
            if (self.run / "asterisk.ctl").exists():
                try:
                    if "fully booted" in self.console("core waitfullybooted", max(1.0, end - time.monotonic())):
                        return
                except NotReady:
                    pass  # the socket is there a moment before anybody listens
            time.sleep(process.POLL_S)
        raise NotReady(f"the Asterisk of {self.conf} was not ready after {timeout:.0f} s. It said:\n"
                       f"{process.tail(self.log)}")

    def console(self, command: str, timeout: float = CONSOLE_S) -> str:
        """What the console answers to a command. Raises NotReady when nobody answers."""
        line = [*self.program.command, "-C", str(self.conf / "asterisk.conf"), "-rx", command]
        try:
            done = subprocess.run(line, capture_output=True, text=True, errors="replace", timeout=timeout, check=False,
                                  stdin=subprocess.DEVNULL, start_new_session=True)
        except subprocess.TimeoutExpired as error:
            raise NotReady(f"the Asterisk of {self.conf} did not answer {command!r} within {timeout:.0f} s") from error
        if done.returncode:
            raise NotReady(f"the Asterisk of {self.conf} does not answer on its console: "
                           f"{(done.stderr or done.stdout).strip()}")
        return done.stdout

    def kill(self) -> None:
        """End it at once, as a power cut would: nobody is told."""
        if self.identity is not None:
            process.send(self.identity, signal.SIGKILL)
            process.wait_end(self.identity, process.KILL_S)
        self._forget()

    def stop(self) -> None:
        """End it in order. Nothing happens when it is gone already."""
        if self.identity is not None and process.alive(self.identity):
            try:
                self.console("core stop now", STOP_S)
            except NotReady:
                pass
            if not process.wait_end(self.identity, STOP_S):
                process.end(self.identity)
        self._forget()

    def _forget(self) -> None:
        self.identity = None
        if self.run.parent != self.state:
            shutil.rmtree(self.run, ignore_errors=True)
            self.run = self.state / "run"

    def __enter__(self) -> PrivateAsterisk:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()
