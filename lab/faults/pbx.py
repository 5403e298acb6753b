"""The Asterisk of a running lab: killed, frozen, started again, and asked what it carries."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import NamedTuple

from lab import process
from lab.asterisk import PrivateAsterisk
from lab.errors import LabError
from lab.fetch import Program
from lab.up import remember, running

NAME = "asterisk"
FIELDS = 14
"""Of a line of `core show channels concise`; the application's data in the middle may hold the separator too."""


class Channel(NamedTuple):
    """A channel as Asterisk's console shows it."""

    name: str
    context: str
    state: str
    """`Up`, `Ringing`, `Ring`, `Down` ..."""
    application: str
    """What the dialplan runs on it at this moment; `(None)`: nothing."""
    bridge: str
    """Empty: in none."""
    uniqueid: str


class Pbx:
    """The Asterisk of the lab in a folder."""

    def __init__(self, folder: Path, program: Program) -> None:
        self.folder = folder
        self._asterisk = PrivateAsterisk(program, folder / "asterisk", folder / "pbx")

    def kill(self) -> None:
        """kill -9; returns when it is gone."""
        identity = running(self.folder, NAME)
        process.send(identity, signal.SIGKILL)
        if not process.wait_end(identity, process.KILL_S):
            raise LabError(f"the Asterisk of {self.folder} does not end (pid {identity.pid})")

    def freeze(self) -> None:
        """SIGSTOP: nothing is sent, nothing is closed."""
        process.send(running(self.folder, NAME), signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        process.send(running(self.folder, NAME), signal.SIGCONT)

    def start(self) -> None:
        """Start it again on the same files; returns when it takes calls. Raises NotReady."""
        identity = self._asterisk.start()
        remember(self.folder, NAME, identity, self._asterisk.run)
        self._asterisk.wait_ready()

    def channels(self) -> list[Channel]:
        """All channels that are alive, without the ghosts of `Bridge()`."""
        found = []
        for line in self._asterisk.console("core show channels concise").splitlines():
            fields = line.split("!")
            if len(fields) >= FIELDS and not line.startswith("Surrogate/"):
                found.append(Channel(fields[0], fields[1], fields[4], fields[5], fields[-2], fields[-1]))
        return found
