"""Hold what the configuration of Asterisk says of the carrier: addresses, login, TLS, NAT and codecs."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple

_PORT = re.compile(r"[1-9][0-9]{0,4}\Z", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?\Z", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_.+@-]{1,80}\Z", re.ASCII)
_FILE = re.compile(r"/[A-Za-z0-9_./@+-]+\Z", re.ASCII)
PASSED_ONLY = ("g729",)
"""Codecs that Asterisk passes on, but can neither make nor read."""


class Address(NamedTuple):
    """Host and port, for example of a node's FastAGI listener."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Registration(NamedTuple):
    """Login at a carrier that does not know the server by its address."""

    server: str
    """Host name or address, with or without `:port`."""
    user: str
    secret: str
    """Password from the carrier. Its length is not checked."""


class Trunk(NamedTuple):
    """Connection to the carrier. Calls are accepted only from `match`."""

    match: tuple[str, ...] = ()
    """Addresses or networks of the carrier (`192.0.2.10`, `192.0.2.0/28`).

    If phones share the carrier's address, one address with the port of its calls (`192.0.2.10:5060`).
    """
    registration: Registration | None = None
    """Login at the carrier. With a login, the address of its server is matched as well."""
    way_out: str | None = None
    """`host[:port]` for calls to remote agents, callbacks and outside numbers. None if there are no such calls."""
    tls: bool = False
    """Speak SIP over TLS with the carrier."""
    srtp: bool = False
    """Encrypt the sound (SDES), and refuse calls without."""
    proxy: str | None = None
    """`host[:port]` through which requests to the carrier go."""
    codecs: tuple[str, ...] = ("alaw", "g722", "ulaw")
    """Codecs in order of preference."""
    options_s: int = 0
    """Interval of OPTIONS requests. 0 sends none."""

    @property
    def asked(self) -> str | None:
        """Server that is asked by OPTIONS, with `host[:port]`. None if nobody is."""
        return self.registration.server if self.registration else self.way_out if self.options_s else None


class Nat(NamedTuple):
    """Address under which this machine is reached from outside."""

    external: str
    local: tuple[str, ...] = ()
    """Networks inside, where that address is not told."""


class Tls(NamedTuple):
    """Listener for SIP over TLS. Paths are as Asterisk sees them."""

    bind: Address
    certificate: str
    key: str
    authorities: str


def check_carrier(trunk: Trunk, nat: Nat | None, tls: Tls | None) -> Iterable[str]:
    """Yield the faults of the carrier's part of a plan. An address is a carrier's only proof of identity."""
    if not trunk.match and trunk.registration is None:
        yield "trunk: neither an address to match nor a registration, nobody could call"
    for match in trunk.match:
        # An IPv6 address has several colons and never a port here.
        host, colon, port = match.partition(":") if match.count(":") == 1 else (match, "", "")
        try:
            network = ipaddress.ip_network(host, strict=False)
        except ValueError:
            yield f"trunk match {match!r}: an address or a network"
            continue
        if colon and ("/" in host or not _PORT.match(port) or int(port) > 65535):
            yield f"trunk match {match!r}: a port of 1-65535, digits alone, belongs to one address without a mask"
        if network.prefixlen == 0:
            yield f"trunk match {match}: that is everybody"
    if trunk.registration is not None:
        server, user, secret = trunk.registration
        if not _HOST.match(server.partition(":")[0]) or not _USER.match(user):
            yield "trunk registration: server host[:port] and user without blanks"
        if not secret or any(ord(c) < 33 or c in ";\"" for c in secret):
            yield "trunk registration: the secret is empty or has blanks, quotes or semicolons"
    # 2. Sound: a codec that prompts can be played in, and keys that only TLS hides.
    if not set(trunk.codecs) - set(PASSED_ONLY):
        yield f"trunk codecs {', '.join(trunk.codecs)}: no prompt can be played in them"
    if trunk.srtp and not trunk.tls:
        yield "trunk: SRTP without TLS; the keys of the sound would be readable"
    # 3. Addresses outside, and the files of TLS.
    if trunk.proxy is not None and not _HOST.match(trunk.proxy.partition(":")[0]):
        yield f"trunk proxy {trunk.proxy!r}: host[:port]"
    if trunk.tls and tls is None:
        yield 'trunk: transport "tls", and [asterisk] tls names no address: such as tls = "0.0.0.0:5061"'
    for path in (tls.certificate, tls.key, tls.authorities) if tls is not None else ():
        if not _FILE.match(path):
            yield f"TLS file {path!r}: an absolute path of letters, digits and _ . / @ + -"
    for one in (nat.external, *nat.local) if nat is not None else ():
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            yield f"NAT address {one!r}: an address, or a network such as 10.0.0.0/8"
