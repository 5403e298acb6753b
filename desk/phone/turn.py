"""Make credentials for the TURN relay, as coturn's `use-auth-secret` checks them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import NamedTuple

LIFE_S = 600
"""Validity of credentials. They outlive a sign-out and the disabling of a person by this time at most, because the
relay asks no node. A page takes new ones each 4 minutes. A talk that runs outlives them: coturn checks the time at the
allocation alone."""


class TurnRelay(NamedTuple):
    """The relay of the settings."""

    url: str
    secret: str


class TurnCredentials(NamedTuple):
    """Credentials of one page."""

    url: str
    username: str
    credential: str


def make_credentials(relay: TurnRelay, seat: str, now: float) -> TurnCredentials:
    """Return credentials that are valid for `LIFE_S`. The relay's log shows the seat, never a person."""
    username = f"{int(now) + LIFE_S}:{seat}"
    digest = hmac.new(relay.secret.encode(), username.encode(), hashlib.sha1).digest()
    return TurnCredentials(relay.url, username, base64.b64encode(digest).decode())
