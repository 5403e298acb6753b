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

TLS = """\
certfile {certificates}/server.crt
keyfile {certificates}/server.key
tls_version tlsv1.2
"""
CONF = """\
# Rendered by santral mqtt-conf: change santral.toml and render again.
listener {port}{address}
{tls}
# Nobody without a name; what a name may do stands in the access list.
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl

# States and what subscribers have not had yet outlive a restart of the broker.
persistence true
persistence_location {data}/
autosave_interval 60
max_queued_messages {queued}
max_queued_bytes 0
max_packet_size {packet}
set_tcp_nodelay true
persistent_client_expiration 7d
log_type error
log_type warning
log_type notice
"""

ACL = """\
# Rendered by santral mqtt-conf. What is not allowed here is dropped, though the broker says "granted".
user {node}
topic write {root}/events/#
topic write {root}/signal/#
topic readwrite {root}/state/#
topic read {root}/ack/+/status

user {watch}
topic read {root}/events/#
topic read {root}/state/#

# A device has the signals of its own name, and says what it did with them.
pattern read {root}/signal/%u/#
pattern write {root}/ack/%u/status
"""


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
        "mosquitto.conf": CONF.format(
            port=plan.port, address=f" {plan.address}" if plan.address else "",
            tls=TLS.format(certificates=plan.certificates) if plan.tls else "", folder=plan.folder, data=plan.data,
            queued=QUEUED_MAX, packet=PACKET_MAX),
        "acl": ACL.format(node=NODE_USER, watch=WATCH_USER, root=ROOT),
        "passwords": "".join(f"{user}:{_hashed(password, salt(SALT_BYTES))}\n"
                             for user, password in sorted(plan.users.items()))}


def _hashed(password: str, salt: bytes) -> str:
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, KEY_BYTES)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"
