"""A private mosquitto on the files that `santral mqtt-conf` writes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path

from lab.errors import LabError, NotReady
from lab.lab_record import note_process
from lab.lifecycle import LabInfo, read_santral
from lab.pbx import process
from lab.pbx.process import Identity

READY_S = 20.0
SYSTEM_PATH = "/usr/sbin"
"""Where Debian has the program, which is not on everybody's PATH."""


def find_mosquitto() -> str | None:
    """Return the path of mosquitto, or None."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=SYSTEM_PATH)


class Broker:
    """The broker of one lab."""

    def __init__(self, info: LabInfo, port: int) -> None:
        self._folder, self._port = Path(info.state), port
        self._files = self._folder / "broker"
        self._identity = Identity(0, 0)
        data = self._folder / "broker-data"
        data.mkdir()
        read_santral("mqtt-conf", info.centre, "--settings", info.settings, "--state", info.state, "--out",
                     str(self._files), "--data", str(data))
        if os.geteuid() == 0:
            with (self._files / "mosquitto.conf").open("a", encoding="utf-8") as conf:
                conf.write("user root\n")

    def start(self) -> None:
        """Start the broker, for the first time or again, and wait until it listens. Raise NotReady."""
        program = find_mosquitto()
        if program is None:
            raise LabError("mosquitto is missing. As root: apt-get install mosquitto")
        log = self._folder / "broker.log"
        self._identity = process.start_process([program, "-c", str(self._files / "mosquitto.conf")], log)
        note_process(self._folder, "broker", self._identity)
        end = time.monotonic() + READY_S
        while not self._listens():
            if time.monotonic() > end or process.wait_end(self._identity, 0.0):
                raise NotReady(f"mosquitto does not listen. It said:\n{process.read_tail(log)}")
            time.sleep(process.POLL_S)

    def kill(self) -> None:
        """Kill the broker with SIGKILL and wait for its end."""
        process.send_signal(self._identity, signal.SIGKILL)
        process.wait_end(self._identity, process.KILL_S)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
