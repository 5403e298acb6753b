"""Define the tables `[alerts]` and `[mail]`: who is told of a fault, and the server that takes all mail."""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from centres.base_shapes import File, HostPort, Shape, Text

LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
MAIL_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\Z")


def _require_mail_address(text: str) -> str:
    if not MAIL_ADDRESS.match(text):
        raise ValueError("should be a mail address, as duty@example.org")
    return text


def _require_url(text: str) -> str:
    where = urlsplit(text)
    if where.scheme not in ("http", "https") or not where.netloc or "@" in where.netloc or any(map(str.isspace, text)):
        raise ValueError("should be a web address without a password, as https://host/path")
    return text


MailAddress = Annotated[str, AfterValidator(_require_mail_address)]
WebAddress = Annotated[str, AfterValidator(_require_url)]
People = Annotated[tuple[MailAddress, ...], Field(max_length=20)]


class Mail(Shape):
    """[mail]: the server that takes alerts and reports."""

    server: HostPort | None = None
    """Left out: no mail is sent."""
    sender: MailAddress | None = None
    """Address that mails come from."""
    tls: bool = True
    """From the start at port 465, else after the greeting. `false` only for a server on this machine."""
    user: Text | None = None
    password_file: File | None = None
    """Path of a file with the password, which only the node and Alertmanager may read."""

    @model_validator(mode="after")
    def _require_whole(self) -> Self:
        if self.server is None:
            return self
        if self.sender is None:
            raise ValueError("needs 'sender': servers take no mail without one")
        # The password and the mail would cross a network in the clear.
        if not self.tls and self.server.rpartition(":")[0] not in LOOPBACK:
            raise ValueError("'tls' may be false only for a server at 127.0.0.1, [::1] or localhost")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("needs 'user' and 'password_file' together")
        return self


class Alerts(Shape):
    """[alerts]: who is told of a fault. `santral metrics rules` writes it for Alertmanager."""

    mail: People = ()
    """People on duty. Needs `[mail]`."""
    manager_mail: People = ()
    """Managers of accommodations; their alerts go nowhere else."""
    webhook: WebAddress | None = None
    """Address of a program that takes all other alerts."""
    manager_webhook: WebAddress | None = None
    runbooks: WebAddress = "http://127.0.0.1:9090/consoles"
    """Address at which the pages of runbooks are served; the default is a Prometheus on this machine."""
