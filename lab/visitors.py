"""Parts of a lab for people who come with their browsers: fixed ports, a TURN relay and the caller's page."""

from __future__ import annotations

import json
import secrets
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from lab.caller_page.page_server import PageSettings
from lab.errors import NotReady
from lab.pbx import process, turn
from lab.pbx.ports import PortBlock, is_free
from lab.pbx.process import Identity

DESK, TURN, PAGE = 8063, 3478, 8064
"""Ports that are taken when they are free, so that a visitor can write the forwards once."""
LISTEN_S = 30.0
"""Limit until a server of the lab listens, which takes a second. A machine under full load takes longer."""


class Visitor(NamedTuple):
    """A person who may sign in at the desk."""

    person: str
    password: str
    roles: tuple[str, ...]
    about: str
    """Work of this person in words, such as the services of an agent."""


class VisitorPlaces(NamedTuple):
    """Ports and the secret that a lab for visitors has besides."""

    desk: int
    turn: int
    page: int
    network: int
    """Web server of the network's Asterisk, behind the page."""
    secret: str
    """Secret that the node, the page and the TURN relay share."""

    @classmethod
    def choose_places(cls, ports: PortBlock) -> VisitorPlaces:
        """Choose free ports, the usual ones if possible. Raise LabError, also if the TURN relay is not installed."""
        turn.find_relay()
        return cls(ports.choose_port(DESK), ports.choose_port(TURN), ports.choose_port(PAGE), ports.free_port(),
                   secrets.token_urlsafe(24))

    def render_settings(self) -> str:
        """Return the settings with which the node names the relay to pages, and shows what simulated callers hear."""
        return f"\n[turn]\nurl = {json.dumps(turn.relay_url(self.turn))}\n\n[desk]\nsentences = true\n"

    def write_secret(self, folder: Path) -> None:
        """Write the secret of the relay for the node, as an operator would by hand."""
        _write_private(folder / "secrets" / "turn.json", {"secret": self.secret})

    def start_relay(self, folder: Path) -> Identity:
        """Start the TURN relay."""
        return turn.start_relay(folder, self.turn, self.secret)

    def start_page(self, folder: Path, number: str) -> Identity:
        """Start the caller's page, which dials `number`."""
        path = folder / "page.json"
        _write_private(path, PageSettings(self.page, self.network, number, turn.relay_url(self.turn), self.secret)
                       ._asdict())
        return process.start_process([sys.executable, "-m", "lab.caller_page.page_server", str(path)],
                                     folder / "page.log")


def read_turn_port(settings: Path) -> int:
    """Return the port of the TURN relay that the settings of a lab for visitors name."""
    url = str(tomllib.loads(settings.read_text(encoding="utf-8"))["turn"]["url"])
    return int(url.partition("?")[0].rpartition(":")[2])


def wait_listening(identity: Identity, port: int, log: Path) -> None:
    """Wait until a server listens. Raise NotReady with the last lines of its log."""
    if not process.wait_until(lambda: not is_free(port), identity, LISTEN_S):
        raise NotReady(f"nothing listens on 127.0.0.1:{port} after {LISTEN_S:.0f} s. The server said:\n"
                       f"{process.read_tail(log)}")


def _write_private(path: Path, value: object) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    # The mode comes before the content.
    path.touch(mode=0o600)
    path.write_text(json.dumps(value), encoding="utf-8")
