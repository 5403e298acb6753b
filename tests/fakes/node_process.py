"""A whole node as a process, next to an Asterisk of the test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lab.lifecycle import CENTRE, SOUNDS
from lab.pbx.ports import PortBlock
from santral.secrets import NodeSecrets
from tests.fakes.asterisk_ami import FakeAsterisk


def fake_asterisk(state: Path) -> FakeAsterisk:
    """Return an Asterisk that knows the AMI users of this state."""
    secrets = NodeSecrets(state).ami_secrets()
    return FakeAsterisk({"santral-events": secrets["events"], "santral-actions": secrets["actions"]})


class NodeProcess:
    """A node with separate ports. `log` has its words."""

    def __init__(self, state: Path, ports: PortBlock, asterisk: FakeAsterisk, store: str | None = None,
                 name: str | None = None, *, sounds: Path = SOUNDS, ami: int = 0) -> None:
        """`ami` is another port than that of the Asterisk."""
        self.state, self.log = state, state.with_suffix(".log")
        self.http, self.agi = (f"127.0.0.1:{ports.free_port()}" for _ in range(2))
        settings = state.with_suffix(".toml")
        settings.write_text(
            f'[listen]\nagi = "{self.agi}"\nhttp = "{self.http}"\n'
            f'[asterisk]\nami = "127.0.0.1:{ami or asterisk.port}"\nsounds = "{sounds}"\n'
            + ("" if store is None else f'[store]\nurl = "{store}"\n'), encoding="utf-8")
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "santral", "run", str(CENTRE), "--state", str(state), "--settings",
                 str(settings), *(() if name is None else ("--node", name))],
                stdout=out, stderr=out, start_new_session=True)

    def said(self) -> str:
        """Return all that it has logged."""
        return self.log.read_text(encoding="utf-8")

    def is_ready(self) -> bool:
        """Return whether it takes calls. Raise AssertionError if it has ended."""
        assert self.process.poll() is None, self.said()
        return "node.ready" in self.said()

    def stands_by(self) -> bool:
        """Return whether it stands by. Raise AssertionError if it has ended."""
        assert self.process.poll() is None, self.said()
        return "node.standby_begun" in self.said()

    def end(self) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
