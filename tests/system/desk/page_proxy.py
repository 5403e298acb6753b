"""HAProxy in front of two nodes, with the configuration that docs/operate/postgresql.md shows."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.fakes.tls import certificates
from tests.until import LIMIT_S, until

PROGRAM = "/usr/sbin/haproxy"
PAGE = Path(__file__).resolve().parents[3] / "docs/operate/postgresql.md"
SHOWN = re.compile(r"^```\n(global\n.*?)^```$", re.MULTILINE | re.DOTALL)
"""The example in the page."""
PLACES = ("bind :443", "/etc/haproxy/santral.pem", "127.0.0.1:8063", "127.0.0.1:8073")
"""Texts of the example that name a place, in the order of `PageProxy`."""


def shown_example() -> str:
    """Return the configuration as the page shows it."""
    found = SHOWN.search(PAGE.read_text(encoding="utf-8"))
    assert found, f"{PAGE} shows no configuration of HAProxy"
    return found[1]


class PageProxy:
    """A running HAProxy. Only the places of the example differ."""

    def __init__(self, folder: Path, port: int, nodes: Sequence[str]) -> None:
        """`nodes` are the addresses of HTTP of node a and node b."""
        folder.mkdir()
        certificates(folder)
        chain = folder / "santral.pem"
        chain.write_bytes((folder / "server.crt").read_bytes() + (folder / "server.key").read_bytes())
        text = shown_example()
        for old, new in zip(PLACES, (f"bind 127.0.0.1:{port}", str(chain), *nodes), strict=True):
            assert text.count(old) == 1, f"the example has not once {old!r}"
            text = text.replace(old, new)
        (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
        self.address = f"https://127.0.0.1:{port}/"
        self._port, self._log = port, folder / "haproxy.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([PROGRAM, "-db", "-f", str(folder / "haproxy.cfg")], stdout=log,
                                             stderr=log, stdin=subprocess.DEVNULL)
        until(self._listens, LIMIT_S, "HAProxy listens")

    def _listens(self) -> bool:
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def stop(self) -> None:
        """End the proxy."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(LIMIT_S)
