"""Files of mosquitto for a centre: what may connect, who may hear and say what. Pure but for the salts.

Proven by delivery only: the broker grants every SUBSCRIBE and acknowledges every message, also those that its access
list then drops.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from metrics.mqtt_message import ROOT

NODE_USER, WATCH_USER = "santral-node", "santral-watch"
"""Who sends, and who may hear what happens to queues: wallboards, other programs."""

ITERATIONS = 101
"""As `mosquitto_passwd` does. The passwords are 192 random bits: nothing is gained by more."""
SALT_BYTES, KEY_BYTES = 12, 64
QUEUED_MAX = 200_000
"""Messages kept for a subscriber that is away: a day of 10,000 calls. Mosquitto's own 1000 is a few minutes of it, and
what does not fit is dropped without a word."""
PACKET_MAX = 16_384
"""Bytes of a message: ours have at most a thousand."""

TEMPLATES = Environment(loader=PackageLoader("metrics"), undefined=StrictUndefined,
                        autoescape=False, trim_blocks=True, keep_trailing_newline=True)  # noqa: S701 - no HTML


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """What the files are rendered from."""

    port: int
    users: Mapping[str, str]
    """User -> password: the node's, the watchers', each device's by its random name."""
    folder: str = "/etc/mosquitto/santral"
    """Where the files will lie, as the broker sees it."""
    certificates: str = "/etc/mosquitto/certs"
    """Has `server.crt` and `server.key`, of the name that devices call."""
    data: str = "/var/lib/mosquitto"
    address: str = ""
    """To listen on; empty: all of the machine's."""
    tls: bool = True


def render(plan: BrokerPlan, salt: Callable[[int], bytes] = secrets.token_bytes) -> dict[str, str]:
    """File name -> text. `passwords` holds no password, only what one is checked with."""
    return {
        "mosquitto.conf": TEMPLATES.get_template("mosquitto.conf.j2").render(
            plan=plan, queued=QUEUED_MAX, packet=PACKET_MAX),
        "acl": TEMPLATES.get_template("acl.j2").render(node=NODE_USER, watch=WATCH_USER, root=ROOT),
        "passwords": "".join(f"{user}:{_hashed(password, salt(SALT_BYTES))}\n"
                             for user, password in sorted(plan.users.items()))}


def _hashed(password: str, salt: bytes) -> str:
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, KEY_BYTES)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"
