"""Faults of the lab's Asterisk: kill it, freeze it, start it again, and list its channels."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import NamedTuple

from lab.errors import LabError
from lab.lab_record import find_process, note_process
from lab.pbx import process
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import AsteriskProgram

NAME = "asterisk"
FIELDS = 14
"""Least number of fields in a line of `core show channels concise`. The application's data may hold the separator
too."""


class ConsoleChannel(NamedTuple):
    """A channel as Asterisk's console shows it."""

    name: str
    context: str
    state: str
    """`Up`, `Ringing`, `Ring`, `Down` and others."""
    application: str
    """Application of the dialplan that runs now, `(None)` if there is none."""
    bridge: str
    """Empty if the channel is in no bridge."""
    uniqueid: str


class AsteriskFault:
    """The Asterisk of the lab in a folder."""

    def __init__(self, folder: Path, program: AsteriskProgram) -> None:
        self.folder = folder
        self._asterisk = PrivateAsterisk(program, folder / "asterisk", folder / "pbx")

    def kill_asterisk(self) -> None:
        """Kill the process with SIGKILL and wait for its end. Raise LabError if the process does not end."""
        identity = find_process(self.folder, NAME)
        process.send_signal(identity, signal.SIGKILL)
        if not process.wait_end(identity, process.KILL_S):
            raise LabError(f"the Asterisk of {self.folder} does not end (pid {identity.pid})")

    def start_asterisk(self) -> None:
        """Start Asterisk again on the same files and wait until it takes calls. Raise NotReady."""
        identity = self._asterisk.start_process()
        note_process(self.folder, NAME, identity, self._asterisk.run)
        self._asterisk.wait_ready()

    def run_console(self, command: str) -> str:
        """Return the answer of Asterisk's console to a command."""
        return self._asterisk.run_console(command)

    def list_channels(self) -> list[ConsoleChannel]:
        """Return all live channels, without the surrogates of `Bridge()`."""
        found = []
        for line in self._asterisk.run_console("core show channels concise").splitlines():
            fields = line.split("!")
            # While `Bridge()` moves a channel, Asterisk lists a `Surrogate/` channel next to the real one.
            if len(fields) >= FIELDS and not line.startswith("Surrogate/"):
                found.append(ConsoleChannel(fields[0], fields[1], fields[4], fields[5], fields[-2], fields[-1]))
        return found
