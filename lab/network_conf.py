"""Files of the lab's telephone network: a second Asterisk that plays the callers' carrier and the agents' phones.

A phone's behaviour is read from global variables when it rings (`D_2001` and its kin), so it is changed by one AMI
`Setvar`, and a phone with hundreds of neighbours costs nothing while it waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from asterisk_conf.render import open_templates

USER = "lab"
"""AMI user of the network; its secret is random."""

CALLERS = "127.0.0.2"
"""Where the lab's callers are: the carrier is known by its address, so its phones (at 127.0.0.1) must have another."""

CALLER_ENDPOINT = "centre"
ANONYMOUS_ENDPOINT = "centre-anonymous"

TEMPLATES = open_templates(Path(str(files("lab") / "templates")))
FILES = ("modules.conf", "logger.conf", "rtp.conf", "manager.conf", "extensions.conf", "indications.conf", "cdr.conf",
         "pjsip.conf")
EMPTY = ("acl.conf", "udptl.conf", "pjproject.conf", "ccss.conf", "stasis.conf", "cel.conf", "features.conf")
"""Asterisk complains about each of these that is missing."""


def write(folder: Path, *, sip: int, ami: int, rtp: tuple[int, int], target: str, secret: str,
          bind: str = "127.0.0.1") -> None:
    """Render the files into `folder`. `target`: host:port of the Asterisk that the network calls and registers at.
    `bind`: where it listens for SIP; another Asterisk than one of this machine cannot send to the loopback. On the
    loopback callers have an address of their own."""
    apart = bind == "127.0.0.1"
    match = "127.0.0.0/8" if apart else target.rpartition(":")[0]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in FILES:
        _private(folder / name, _render(name, sip=sip, ami=ami, rtp=rtp, target=target, secret=secret, bind=bind,
                                        apart=apart, match=match, user=USER, callers=CALLERS))
    for name in EMPTY:
        _private(folder / name, "")


def write_phones(folder: Path, target: str, seats: Mapping[str, str]) -> None:
    """Render the phones: seat -> secret. They register when the network starts or reloads."""
    _private(folder / "phones.conf", _render("phones.conf", seats=seats, target=target))


def _render(name: str, **values: object) -> str:
    return TEMPLATES.get_template(f"network/{name}.j2").render(values)


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
