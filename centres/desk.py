"""Define `[desk]` and `[turn]` of santral.toml: the pages of agents and supervisors, and the relay of their sound."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from centres.base_shapes import File, Network, Shape

LOOPBACK = ("127.0.0.1", "::1", "localhost")

_TURN = re.compile(r"turns?:(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:]{2,45}\])(?::([1-9][0-9]{0,4}))?"
                   r"(?:\?transport=(?:tcp|udp))?", re.ASCII)


def _require_turn(url: str) -> str:
    found = _TURN.fullmatch(url)
    if found is None or int(found[1] or 1) > 65535:
        raise ValueError("should be turn:host:port or turns:host:port, with ?transport=tcp or not; the secret belongs "
                         "in the node's secrets")
    return url


def _require_socket(url: str) -> str:
    where = urlsplit(url)
    # `urlsplit` parses the port only when it is read.
    try:
        host, _ = where.hostname, where.port
    except ValueError:
        host = None
    if where.scheme not in ("wss", "ws") or not host or where.username is not None or where.query or where.fragment:
        raise ValueError("should be wss://host/path")
    if where.scheme == "ws" and host not in LOOPBACK:
        raise ValueError("may be ws only at 127.0.0.1, [::1] or localhost: elsewhere seat and words would cross a "
                         "network in the clear")
    return url


class Desk(Shape):
    """[desk]: the pages of agents and supervisors."""

    sip: Annotated[File, AfterValidator(_require_socket)] | None = None
    """Address at which the TLS proxy leads pages to Asterisk's web server, past the node; left out: `/phone` of the
    node. Such pages ring without a node."""
    proxies: tuple[Network, ...] = ()
    """Proxies in front of the node, whose `X-Forwarded-For` names the browser's address."""
    caller: Literal["none", "masked"] = "none"
    """Part of a caller's number that agents see: `masked` shows the last two digits."""
    sentences: bool = False
    """Show supervisors on `/live` what callers hear, without numbers. For demos and training with simulated callers."""
    notes_days: Annotated[float, Field(ge=1, le=3660)] = 90.0
    """Retention of notes."""


class Turn(Shape):
    """[turn]: the relay for the sound of pages that reach Asterisk by TCP only. Its secret is in the node's secrets."""

    url: Annotated[File, AfterValidator(_require_turn)] | None = None
    """Address of the relay as pages reach it, such as `turn:relay.example:3478?transport=tcp`; left out: none."""
