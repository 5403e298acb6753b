"""Render the files of mosquitto for a centre: users, passwords and access rights. Only the salts are random.

Rights can be proven by delivery only. The broker grants every SUBSCRIBE and acknowledges every message, even those that
its access list then drops.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from metrics.mqtt.message import ROOT

NODE_USER, WATCH_USER = "santral-node", "santral-watch"
"""User of the node, and user of programs that watch queues, such as wallboards."""

ITERATIONS = 101
"""As `mosquitto_passwd` does. The passwords are 192 random bits, so more iterations gain nothing."""
SALT_BYTES, KEY_BYTES = 12, 64
QUEUED_MAX = 200_000
"""Messages kept for an absent subscriber: a day of 10,000 calls. Mosquitto's default of 1000 holds a few minutes, and
drops the rest silently."""
PACKET_MAX = 16_384
"""Limit of a message in bytes. The node's messages have at most a thousand."""

TEMPLATES = Environment(loader=PackageLoader("metrics"), undefined=StrictUndefined,
                        autoescape=False, trim_blocks=True, keep_trailing_newline=True)  # noqa: S701 - no HTML


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """Values for the templates."""

    port: int
    users: Mapping[str, str]
    """User -> password: of the node, the watchers, and each device by its random name."""
    folder: str = "/etc/mosquitto/santral"
    """Folder of the files, as the broker sees it."""
    certificates: str = "/etc/mosquitto/certs"
    """Folder of `server.crt` and `server.key`, for the name that devices connect to."""
    data: str = "/var/lib/mosquitto"
    address: str = ""
    """Address to listen on; empty: all addresses of the machine."""
    tls: bool = True


def render_files(plan: BrokerPlan, salt: Callable[[int], bytes] = secrets.token_bytes) -> dict[str, str]:
    """Return the files by name. `passwords` holds only what a password is checked with."""
    return {
        "mosquitto.conf": TEMPLATES.get_template("mosquitto.conf.j2").render(
            plan=plan, queued=QUEUED_MAX, packet=PACKET_MAX),
        "acl": TEMPLATES.get_template("acl.j2").render(node=NODE_USER, watch=WATCH_USER, root=ROOT),
        "passwords": "".join(f"{user}:{_hash_password(password, salt(SALT_BYTES))}\n"
                             for user, password in sorted(plan.users.items()))}


def _hash_password(password: str, salt: bytes) -> str:
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, KEY_BYTES)
    # `$7$` is mosquitto's mark for PBKDF2 with SHA-512.
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"
