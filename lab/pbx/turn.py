"""The lab's TURN relay: Debian's coturn on 127.0.0.1, by TCP, for browsers that only a forwarded port reaches."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.errors import LabError
from lab.pbx import process
from lab.pbx.process import Identity

PROGRAM = "turnserver"
_CONF = """\
# Written by the lab. Sound goes to 127.0.0.1 and nowhere else.
listening-ip=127.0.0.1
listening-port={port}
no-udp
no-tls
no-dtls
relay-ip=127.0.0.1
no-tcp-relay
no-multicast-peers
no-rfc5780
allow-loopback-peers
denied-peer-ip=0.0.0.0-255.255.255.255
allowed-peer-ip=127.0.0.1
use-auth-secret
static-auth-secret={secret}
realm=santral
no-cli
log-file=stdout
userdb={folder}/turn.db
pidfile={folder}/turn.pid
"""


def find_relay() -> str:
    """Return the path of coturn's program. Raise LabError if it is not installed."""
    program = shutil.which(PROGRAM, path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/local/bin")
    if program is None:
        raise LabError("the TURN relay is missing, without which no browser at another machine has sound. Install it: "
                       "apt-get install --no-install-recommends coturn")
    return program


def relay_url(port: int) -> str:
    """Return the address of the relay for browsers."""
    return f"turn:127.0.0.1:{port}?transport=tcp"


def start_relay(folder: Path, port: int, secret: str) -> Identity:
    """Start the relay. Return before it listens."""
    program = find_relay()
    # The secret stands in a private file and not in the list of processes.
    conf = folder / "turn.conf"
    conf.touch(mode=0o600)
    conf.write_text(_CONF.format(port=port, secret=secret, folder=folder), encoding="utf-8")
    return process.start_process([program, "-c", str(conf)], folder / "turn.log")
