"""Find the hosts of a PostgreSQL URL to which a connection comes about.

The driver tries one host after the other. A machine without power answers nobody, so the driver would wait for it for
seconds in each try, before it asks the machine that leads by now.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

REACH_S = 0.5
"""Longest wait for the hosts together. A packet that is lost is sent again after 0.2 s, and callers wait meanwhile."""

PORT = "5432"
"""Port of a host without one."""


def keep_reachable(options: dict[str, Any]) -> None:
    """Take hosts that do not answer out of the options of a connection. They stay if no host answers, and so does one
    host alone."""
    hosts = str(options.get("host", "")).split(",")
    if len(hosts) < 2 or "hostaddr" in options:
        return
    given = str(options.get("port", PORT)).split(",")
    ports = [one or PORT for one in (given * len(hosts) if len(given) == 1 else given)]
    places = list(zip(hosts, ports, strict=True))
    reached = set(_find_reachable(dict.fromkeys(places)))
    if kept := [place for place in places if place in reached]:
        options["host"], options["port"] = (",".join(part) for part in zip(*kept, strict=True))


def _find_reachable(places: dict[tuple[str, str], None]) -> Iterator[tuple[str, str]]:
    """Yield each place that accepts a connection by TCP in time. A socket file is asked by nobody."""
    end = monotonic() + REACH_S
    with selectors.DefaultSelector() as waiting:
        try:
            for host, port in places:
                if host.startswith(("/", "@")):
                    yield host, port
                    continue
                with suppress(OSError, ValueError):
                    for family, kind, protocol, _, address in socket.getaddrinfo(host, int(port),
                                                                                 type=socket.SOCK_STREAM):
                        asked = socket.socket(family, kind, protocol)
                        asked.setblocking(False)
                        waiting.register(asked, selectors.EVENT_WRITE, (host, port))
                        asked.connect_ex(address)
            while waiting.get_map() and (rest := end - monotonic()) > 0:
                for key, _ in waiting.select(rest):
                    waiting.unregister(key.fileobj)
                    asked = key.fileobj  # type: ignore[assignment]
                    if asked.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                        yield key.data
                    asked.close()
        finally:
            for key in list((waiting.get_map() or {}).values()):
                key.fileobj.close()  # type: ignore[union-attr]
