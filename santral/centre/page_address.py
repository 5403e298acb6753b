"""Find the addresses of this machine, and check that the address which pages are told is one of them."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address
from pathlib import Path

from centres.centre_reader import LoadedCentre
from centres.problem import Problem

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


def check_advertised(loaded: LoadedCentre) -> list[Problem]:
    """Return a problem if `advertise` is no address of this machine: sound of pages would reach nobody.

    A person who checks or renders sees it. A start of a node does not fail because a network is down.
    """
    settings = loaded.settings
    if settings is None or settings.asterisk.advertise is None or not settings.seats.page_names():
        return []
    if _is_here(settings.asterisk.advertise):
        return []
    return [Problem(loaded.where("asterisk", "advertise"),
                    f"{settings.asterisk.advertise} is no address of this machine, so pages would send sound to nobody",
                    f"Use one of {', '.join(list_addresses()) or '127.0.0.1'}; pages elsewhere need [turn].")]


def _is_here(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
