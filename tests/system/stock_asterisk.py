"""An Asterisk as the distribution installs it, below a folder that stands for `/`: its own files, its own paths.

The lab configures nothing here. Adapted is only what two systems on one machine cannot share: folders and ports.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

from lab.errors import NotReady
from lab.pbx import process
from lab.pbx.fetch import AsteriskProgram
from lab.pbx.ports import PortBlock
from lab.pbx.process import Identity

READY_S = 90.0
"""With everything a distribution loads; twice that of a private Asterisk."""
CONSOLE_S = 30.0
STOP_S = 10.0

FOLDERS = ("var/lib/asterisk", "var/spool/asterisk", "var/cache/asterisk", "var/run/asterisk", "var/log/asterisk")
"""Folders that the package makes. `cel-custom` is not among them."""
LISTENERS = {"manager.conf": "port", "iax.conf": "bindport"}
"""Files of modules that listen as installed, and the key of their port."""


class StockAsterisk:
    """Installed below `root`."""

    def __init__(self, program: AsteriskProgram, root: Path, ports: PortBlock) -> None:
        self.program = program
        self.root = root
        self.etc = root / "etc/asterisk"
        self.log = root / "var/log/asterisk/console.log"
        self.identity: Identity | None = None
        shutil.copytree(program.data.parents[2] / "etc/asterisk", self.etc)
        for name in FOLDERS:
            (root / name).mkdir(parents=True)
        self._adapt_folders()
        for name, key in LISTENERS.items():
            self._adapt_port(self.etc / name, key, ports.free_port())

    def _adapt_folders(self) -> None:
        path = self.etc / "asterisk.conf"
        text = path.read_text(encoding="utf-8").replace("[directories](!)", "[directories]")
        text = re.sub(r"^(ast\w+dir => )(/\S+)", rf"\1{self.root}\2", text, flags=re.MULTILINE)
        for name, folder in (("astmoddir", self.program.modules), ("astdatadir", self.program.data)):
            text = re.sub(rf"^{name} => .*$", f"{name} => {folder}", text, flags=re.MULTILINE)
        path.write_text(text, encoding="utf-8")

    @staticmethod
    def _adapt_port(path: Path, key: str, port: int) -> None:
        text = re.sub(rf"^\s*(?:{key}|bindaddr)\s*=.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        path.write_text(text.replace("[general]", f"[general]\n{key}={port}\nbindaddr=127.0.0.1", 1), encoding="utf-8")

    def start(self) -> None:
        """As the distribution's unit does; returns when it is fully booted."""
        command = [*self.program.command, "-C", str(self.etc / "asterisk.conf"), "-f", "-n"]
        self.identity = process.start_process(command, self.log)
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            if process.wait_end(self.identity, process.POLL_S):
                break
            try:
                if "fully booted" in self.console("core waitfullybooted"):
                    return
            except NotReady:
                pass
        raise NotReady(f"the stock Asterisk did not come up. It said:\n{process.read_tail(self.log)}")

    def stop(self) -> None:
        """In order, as `systemctl stop` would."""
        if self.identity is not None:
            process.end_process(self.identity, STOP_S)
            self.identity = None

    def restart(self) -> None:
        """`systemctl restart asterisk`."""
        self.stop()
        self.start()

    def console(self, command: str) -> str:
        """Return the answer of the console. Raise NotReady."""
        done = subprocess.run([*self.program.command, "-C", str(self.etc / "asterisk.conf"), "-rx", command],
                              capture_output=True, text=True, errors="replace", timeout=CONSOLE_S, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            raise NotReady((done.stderr or done.stdout).strip())
        return done.stdout
