"""List the addresses of this machine, as the kernel keeps them."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from pathlib import Path

ROUTES = Path("/proc/net/fib_trie")
"""List of local addresses that the kernel keeps (fib_trie of Linux). A container sees those of its network."""
_LOCAL = re.compile(r"\|-- ([0-9.]+)\n +/32 host LOCAL")


def list_addresses(routes: Path = ROUTES) -> tuple[str, ...]:
    """Return the IPv4 addresses of this machine in order, without those of the loopback.

    Return none if the kernel does not list them.
    """
    try:
        found = set(_LOCAL.findall(routes.read_text(encoding="ascii")))
    except OSError:
        return ()
    return tuple(sorted((one for one in found if not IPv4Address(one).is_loopback), key=IPv4Address))
