"""Check that the address which pages are told is an address of this machine."""

from __future__ import annotations

import socket
from pathlib import Path

from asterisk_conf.machine_addresses import list_addresses
from centres.centre_reader import LoadedCentre
from centres.problem import Problem
from santral.errors import SantralError
from santral.secrets import read_turn_secret


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


def check_relay(loaded: LoadedCentre, secrets: Path) -> list[Problem]:
    """Return a warning if [turn] names a relay whose secret is not in the folder of a node's secrets."""
    settings = loaded.settings
    if settings is None or settings.turn.url is None:
        return []
    try:
        read_turn_secret(secrets)
    except SantralError as error:
        return [Problem(loaded.where("turn", "url"), str(error).rstrip("."), "Without it no node starts.")]
    return []
