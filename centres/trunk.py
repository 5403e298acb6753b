"""Define `[asterisk]` and `[trunk]` of santral.toml: this machine's Asterisk, its carriers and their codecs."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from centres.base_shapes import Address, Carrier, File, HostPort, Network, Port, Shape, SipUser

PLAYABLE = ("alaw", "ulaw", "g722", "opus", "gsm")
"""Codecs into which Asterisk turns a prompt. G.729 needs a paid module that no distribution has."""
REGISTERED_OPTIONS_S = 60
"""Interval of OPTIONS requests to a carrier with a registration: each keeps the way through a NAT open."""
Codec = Literal["alaw", "ulaw", "g722", "opus", "gsm", "g729"]


class Registration(Shape):
    """[trunk.registration]: for carriers that require a registration. The password is in the node's secrets."""

    server: Carrier
    """The carrier's server."""
    user: SipUser
    """The password is in `secrets/trunk.json`."""


class Trunk(Shape):
    """[trunk]: the source of callers, and the way out for calls to remote agents."""

    match: tuple[Network, ...] = ()
    """Addresses of the carrier; calls from there are calls of the carrier. One address may name a port."""
    registration: Registration | None = None
    """For carriers that want a registration."""
    outgoing: Carrier | None = None
    """Way out to remote agents, callbacks and external numbers; left out: the registration's server."""
    reserve: Annotated[tuple[Carrier, ...], Field(max_length=4)] = ()
    """Further carriers for callbacks, in order: the next is tried if one refuses the call or does not answer."""
    transport: Literal["udp", "tls"] = "udp"
    """Transport of SIP to and from the carrier; `tls` needs `[asterisk] tls`."""
    srtp: bool = False
    """Encrypt the sound of the carrier's calls (SDES); a call without it is refused. Needs `tls`."""
    proxy: Carrier | None = None
    """Server through which requests to the carrier go, such as a session border controller."""
    codecs: Annotated[tuple[Codec, ...], Field(min_length=1)] = ("alaw", "g722", "ulaw")
    """Codecs of the carrier in order of preference; at least one that Santral's prompts can be played in."""
    options_s: Annotated[int, Field(ge=0, le=3600, strict=True)] | None = None
    """Interval of OPTIONS requests to the carrier, 0 for none; left out: 60 with a registration, otherwise none."""

    @model_validator(mode="after")
    def _require_source(self) -> Self:
        if not self.match and self.registration is None:
            raise ValueError("needs 'match' (addresses of the carrier) or [trunk.registration]")
        return self

    @model_validator(mode="after")
    def _require_playable(self) -> Self:
        if not set(self.codecs) & set(PLAYABLE):
            raise ValueError(f"'codecs' has {', '.join(self.codecs)} only: no prompt can be played in it; add one of "
                             f"{', '.join(PLAYABLE)}, or ask the carrier for one")
        if self.srtp and self.transport != "tls":
            raise ValueError("'srtp' needs transport = \"tls\": the keys of the sound stand in SIP messages")
        return self

    @property
    def asks_every_s(self) -> int:
        """Interval of OPTIONS requests. 0 sends none."""
        usual = REGISTERED_OPTIONS_S if self.registration else 0
        return usual if self.options_s is None else self.options_s

    @property
    def callback_ways(self) -> tuple[str, ...]:
        """Addresses to which callbacks go, in order, with the transport."""
        first = self.proxy or self.way_out
        ways = (*((first,) if first else ()), *self.reserve)
        return tuple(f"{way};transport=tls" if self.transport == "tls" else way for way in ways)

    @property
    def way_out(self) -> str | None:
        """Server for outgoing calls. None if calls cannot go out."""
        return self.outgoing or (self.registration.server if self.registration else None)


class Asterisk(Shape):
    """[asterisk]: the Asterisk this node works with, paths as Asterisk sees them."""

    ami: HostPort = "127.0.0.1:5038"
    """Asterisk's manager interface."""
    http: HostPort = "127.0.0.1:8088"
    """Asterisk's web server on this machine, on only for metrics and for pages of `[seats.web]` and `[seats.far]`."""
    metrics: bool = False
    """Asterisk serves its own metrics (`res_prometheus`)."""
    sip: HostPort = "127.0.0.1:5060"
    """Where Asterisk takes SIP."""
    external: Address | None = None
    """IPv4 address under which a carrier and phones outside reach this machine behind NAT."""
    local: tuple[Network, ...] = ()
    """Networks inside the NAT, where `external` is not told."""
    tls: HostPort | None = None
    """Where Asterisk takes SIP over TLS from the carrier (`[trunk] transport = "tls"`)."""
    certificate: File = "/etc/asterisk/keys/santral.pem"
    """Certificate of this machine for `tls`, PEM with its chain."""
    key: File = "/etc/asterisk/keys/santral.key"
    """Private key of the certificate."""
    authorities: File = "/etc/ssl/certs/ca-certificates.crt"
    """Certificates with which the carrier's own is checked."""
    advertise: Address | None = None
    """IPv4 address of this machine to which pages send sound; left out: that of `sip`."""
    rtp_start: Port = 10000
    """First port for audio."""
    rtp_end: Port = 20000
    """Last port for audio, at least 3 above `rtp_start`."""
    sounds: File = "/var/lib/santral/sounds"
    """Folder of the built prompts: `<sounds>/tr/<key>.wav`."""
    music: File = "/var/lib/santral/sounds/moh"
    """Folder of the hold music."""
    cel: File = "/var/log/asterisk/cel-custom/santral.csv"
    """Log of ids, events and times of every channel, read after every gap."""
    spool: File = "/run/santral-spool"
    """Folder in memory for unsealed talks and messages, for Asterisk and the node alone."""
    agi: Annotated[tuple[HostPort, ...], Field(min_length=1, max_length=2)] = ("127.0.0.1:4573",)
    """Nodes that the dialplan asks: first the one that answered last, then the other one."""

    @model_validator(mode="after")
    def _require_ports(self) -> Self:
        # One call has two legs, each with a port for RTP and one for RTCP.
        if self.rtp_end - self.rtp_start < 3:
            raise ValueError("rtp_end should be at least 3 above rtp_start: a call needs four ports")
        return self

    @model_validator(mode="after")
    def _require_inside(self) -> Self:
        if self.external is not None and not self.local:
            raise ValueError("'external' needs 'local': the networks in which this machine has its own address")
        return self

    @field_validator("http")
    @classmethod
    def _require_loopback(cls, at: str) -> str:
        try:
            here = ip_address(at.rpartition(":")[0].strip("[]")).is_loopback
        except ValueError:
            here = False
        if not here or at.endswith(":0"):
            raise ValueError("should be at 127.0.0.1 with a port: Asterisk's web server asks nobody for a password")
        return at

    @property
    def media_address(self) -> str:
        """Address of the sound of pages."""
        return self.advertise or self.sip.rpartition(":")[0]
