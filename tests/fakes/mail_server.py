"""Take mail on loopback as RFC 5321 asks, and keep it."""

from __future__ import annotations

import email
import email.policy
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import cast


class MailServer:
    """Holds each mail with the addresses that its envelope named."""

    def __init__(self) -> None:
        self.mails: list[tuple[tuple[str, ...], EmailMessage]] = []
        taken = self.mails

        class Session(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                self.say("220 mail.test ESMTP")
                people: list[str] = []
                while line := self.rfile.readline().decode().strip():
                    verb = line.partition(" ")[0].upper()
                    if verb == "RCPT":
                        people.append(line[line.index("<") + 1:line.index(">")])
                    if verb == "DATA":
                        self.say("354 end with a dot")
                        taken.append((tuple(people), self.read_mail()))
                        people.clear()
                    if verb == "QUIT":
                        self.say("221 bye")
                        return
                    self.say("250 mail.test" if verb in ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP")
                             else "502 unknown")

            def read_mail(self) -> EmailMessage:
                lines: list[bytes] = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    # A dot at the start of a line is doubled on the way.
                    lines.append(line[1:] if line.startswith(b".") else line)
                return cast("EmailMessage", email.message_from_bytes(b"".join(lines), policy=email.policy.default))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def listening(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)
