"""A private Asterisk that runs on a folder of files. The lab waits until it is ready and stops it in order."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from lab.errors import NotReady
from lab.pbx import process
from lab.pbx.fetch import AsteriskProgram
from lab.pbx.process import Identity

READY_S = 60.0
"""Limit for a start. All modules load in about 5 s on two idle cores; a machine under full load took 20 s."""
CONSOLE_S = 30.0
"""Limit for a console command, which answers in milliseconds once the console is there."""
STOP_S = 8.0
"""Limit for `core stop now`, which hangs up all channels and unloads in about a second. TERM and KILL follow."""
NICE = -10
"""Priority before everything else, as an operator sets with `highpriority`.

Under other load sound comes late, and MixMonitor, which records talks, drops what waits (`lab.phones.network_conf`).
"""
SOCKET_MAX = 100
"""Longest path of the console socket. `sun_path` holds 108 characters, and Asterisk adds nothing to the path."""

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
{limit}"""


class PrivateAsterisk:
    """One Asterisk process on the files in `conf`. Everything it writes is below `state`."""

    def __init__(self, program: AsteriskProgram, conf: Path, state: Path, max_calls: int | None = None) -> None:
        self.program = program
        self.max_calls = max_calls
        """`maxcalls` of Asterisk. None is no limit."""
        self.conf = conf.resolve()
        self.state = state.resolve()
        self.run = self.state / "run"
        self.identity: Identity | None = None

    @property
    def log(self) -> Path:
        """File with what Asterisk prints."""
        return self.state / "log" / "console.log"

    @property
    def pid(self) -> int:
        """Pid of the running process. Raises NotReady if the process was not started."""
        if self.identity is None:
            raise NotReady(f"the Asterisk of {self.conf} has not been started")
        return self.identity.pid

    def start_process(self) -> Identity:
        """Start the process. Call `wait_ready` to wait until Asterisk takes calls."""
        for name in ("lib", "spool", "log", "log/cel-custom", "run"):
            (self.state / name).mkdir(parents=True, exist_ok=True)
        # A path that is too long for a socket is replaced by a short one below the temporary folder.
        if len(str(self.run / "asterisk.ctl")) > SOCKET_MAX:
            self.run = Path(tempfile.mkdtemp(prefix="santral-lab-"))
        main = self.conf / "asterisk.conf"
        main.write_text(_MAIN.format(conf=self.conf, modules=self.program.modules, data=self.program.data,
                                     state=self.state, run=self.run,
                                     limit="" if self.max_calls is None else f"maxcalls = {self.max_calls}\n"),
                        encoding="utf-8")
        command = [*self.program.command, "-C", str(main), "-f", "-n"]
        self.identity = process.start_process(command, self.log, nice=NICE)
        return self.identity

    def wait_ready(self, timeout: float = READY_S) -> None:
        """Wait until Asterisk is fully booted. Raise NotReady with the last lines of its log."""
        end = time.monotonic() + timeout
        assert self.identity is not None
        while time.monotonic() < end:
            if process.wait_end(self.identity, 0.0):
                raise NotReady(f"the Asterisk of {self.conf} ended while it started. It said:\n"
                               f"{process.read_tail(self.log)}")
            # The console cannot be asked before Asterisk has made its socket.
            if (self.run / "asterisk.ctl").exists():
                try:
                    if "fully booted" in self.run_console("core waitfullybooted", max(1.0, end - time.monotonic())):
                        return
                except NotReady:
                    pass  # the socket is there a moment before anybody listens
            time.sleep(process.POLL_S)
        raise NotReady(f"the Asterisk of {self.conf} was not ready after {timeout:.0f} s. It said:\n"
                       f"{process.read_tail(self.log)}")

    def run_console(self, command: str, timeout: float = CONSOLE_S) -> str:
        """Run a console command and return its output. Raise NotReady if the console does not answer."""
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

    def kill_process(self) -> None:
        """End the process at once, as a power cut would, without a word to its peers."""
        if self.identity is not None:
            process.send_signal(self.identity, signal.SIGKILL)
            process.wait_end(self.identity, process.KILL_S)
        self._clear_run()

    def stop_process(self) -> None:
        """Stop the process in order. Safe to repeat."""
        if self.identity is not None and process.is_alive(self.identity):
            try:
                self.run_console("core stop now", STOP_S)
            except NotReady:
                pass
            if not process.wait_end(self.identity, STOP_S):
                process.end_process(self.identity)
        self._clear_run()

    def _clear_run(self) -> None:
        self.identity = None
        if self.run.parent != self.state:
            shutil.rmtree(self.run, ignore_errors=True)
            self.run = self.state / "run"

    def __enter__(self) -> PrivateAsterisk:
        self.start_process()
        try:
            self.wait_ready()
        except BaseException:
            self.stop_process()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop_process()
