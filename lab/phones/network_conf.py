"""Files of the lab's telephone network: a second Asterisk that plays the callers' carrier and the agents' phones.

A phone reads its behaviour from global variables such as `D_2001` when it rings. One AMI `Setvar` changes it, and a
waiting phone costs nothing, however many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from asterisk_conf.machine_addresses import list_addresses
from asterisk_conf.render import open_templates

USER = "lab"
"""AMI user of the network. Its secret is random."""

CALLERS = "127.0.0.2"
"""Address of the lab's callers. The carrier is recognised by its address, so the phones (at 127.0.0.1) need another."""

PAGE_HEADER = "X-Lab-Caller"
"""SIP header of a call from the caller's page. Without it the network takes a request for one of the centre."""
VISITORS = 20
"""Most connections of the caller's page at the same time."""
VISIT_S = 3600
"""Longest call of a visitor, so that a forgotten page does not wait for ever."""



class VisitorLine(NamedTuple):
    """The line of the caller's page."""

    port: int
    """Port of the web server."""
    numbers: tuple[str, ...]
    """Numbers that a visitor can call. A visitor's browser may ask for anything, and nothing else is dialled."""


CALLER_ENDPOINT = "centre"
ANONYMOUS_ENDPOINT = "centre-anonymous"

TEMPLATES = open_templates(Path(str(files("lab") / "templates")))
FILES = ("modules.conf", "logger.conf", "rtp.conf", "manager.conf", "extensions.conf", "indications.conf", "cdr.conf",
         "pjsip.conf", "http.conf", "musiconhold.conf")
EMPTY = ("acl.conf", "udptl.conf", "pjproject.conf", "ccss.conf", "stasis.conf", "cel.conf", "features.conf")
"""Empty files. Asterisk complains about each of them that is missing."""


def write_files(folder: Path, *, sip: int, ami: int, rtp: tuple[int, int], target: str, secret: str,
                bind: str = "127.0.0.1", page: VisitorLine | None = None,
                speech: Mapping[str, Path] | None = None) -> None:
    """Render the files into `folder`. `target` is host:port of the Asterisk that callers dial and phones register at.

    `bind` is the SIP address. An Asterisk on another machine cannot send to the loopback. On the loopback callers have
    a separate address. `page` is the line of the caller's page. None leaves the web server off.
    `speech` names the classes of what callers can say, with their folders.
    """
    # On one machine only the address tells the carrier from the phones.
    apart = bind == "127.0.0.1"
    match = "127.0.0.0/8" if apart else target.rpartition(":")[0]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in FILES:
        _write_private(folder / name, _render(name, sip=sip, ami=ami, rtp=rtp, target=target, secret=secret, bind=bind,
                                              apart=apart, match=match, user=USER, callers=CALLERS, page=page,
                                              others=list_addresses(), header=PAGE_HEADER, visitors=VISITORS,
                                              longest=VISIT_S, speech=speech or {}))
    for name in EMPTY:
        _write_private(folder / name, "")


def write_phones(folder: Path, target: str, seats: Mapping[str, str]) -> None:
    """Render the phones (seat -> secret). They register when the network starts or reloads."""
    _write_private(folder / "phones.conf", _render("phones.conf", seats=seats, target=target))


def _render(name: str, **values: object) -> str:
    return TEMPLATES.get_template(f"network/{name}.j2").render(values)


def _write_private(path: Path, text: str) -> None:
    # The mode comes before the content: the files hold secrets.
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
