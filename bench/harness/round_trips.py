"""A proxy before a PostgreSQL server that counts how often its client must wait for the server.

The server answers at a Sync, a Flush or a simple Query, and a client waits at most once for each. A Flush right after
a Sync asks for nothing. So their number is that of the round trips. It does not depend on time, nor on how the kernel
cuts the stream.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote

from sqlalchemy.engine import make_url

SYNC, FLUSH, QUERY = b"SHQ"
"""Messages after which the server answers: Sync, Flush, Query (protocol 3, "Message Formats")."""


class TripCounter:
    """The proxy, from `counting_trips`. Each byte is counted before the server gets it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.trips = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, count: bool) -> None:
        # The first message of a client has no letter: 4 bytes of length come first.
        seen, started, last = bytearray(), False, 0
        with suppress(OSError):
            while block := source.recv(65536):
                if count:
                    seen += block
                    while len(seen) >= 5:
                        length = int.from_bytes(seen[1:5], "big") + 1 if started else int.from_bytes(seen[:4], "big")
                        if len(seen) < length:
                            break
                        if started:
                            kind = seen[0]
                            self.trips += kind in (SYNC, QUERY) or (kind == FLUSH and last != SYNC)
                            last = kind
                        # Requests for TLS or GSS come before the start itself.
                        started = started or length > 8
                        del seen[:length]
                target.sendall(block)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        if not count:
            source.close()
            target.close()


@contextmanager
def counting_trips(url: str) -> Iterator[tuple[str, TripCounter]]:
    """Yield the URL of a database by way of the proxy, and the proxy. The server has a local socket."""
    parsed = make_url(url)
    folder, port = unquote(str(parsed.query["host"])), parsed.query.get("port", "5432")
    proxy = TripCounter(f"{folder}/.s.PGSQL.{port}")
    try:
        yield parsed.set(host="127.0.0.1", port=proxy.port, query={}).render_as_string(hide_password=False), proxy
    finally:
        proxy.close()
