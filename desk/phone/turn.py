"""Make credentials for the TURN relay, as coturn's `use-auth-secret` checks them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import NamedTuple

LIFE_S = 3600
"""Validity of credentials. A page asks again before each hour is over; a talk that runs outlives them."""


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
