"""Everything the configuration of Asterisk is made from. Values only: the caller gathers them, `render` writes them.

A plan is checked when it is made: `Plan(...)` raises `PlanError` with every fault at once, because a rendered file with
a hole in it is found much later, by a caller.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

EVENTS_USER = "santral-events"
"""AMI user of the session that listens (and takes the snapshot after a connect)."""
ACTIONS_USER = "santral-actions"
"""AMI user of the session that acts: Originate, Hangup, Redirect, Setvar."""
TRUNK_ENDPOINT = "trunk"
"""PJSIP endpoint of the carrier: a caller's channel is `PJSIP/trunk-0000000e`."""
CALLBACK_ENDPOINT = "geri-arama"
"""PJSIP endpoint through which callers are called back, out through the trunk."""
OWN_ENDPOINTS = (TRUNK_ENDPOINT, CALLBACK_ENDPOINT)
"""Names that no phone may have."""
LEAD_PREFIX = "disari-"
"""Before the name of an outside number: its endpoint and its queue."""
NET_QUEUE = "santral-net"
"""app_queue of the safety net."""
MUSIC_CLASS = "santral"
"""Class of music on hold that a waiting caller hears."""
CEL_FILE = "santral.csv"
"""Black box: this file in `<astlogdir>/cel-custom/`. A name without a folder, because Asterisk 20 knows no other."""

SECRET_MIN = 20
"""Characters. 20 of 62 letters and digits are 119 bits; phones and AMI clients are machines, nobody types it."""

_NUMBER = re.compile(r"\+?[0-9]{2,15}\Z", re.ASCII)
_OUTSIDE = re.compile(r"\+?[0-9]{3,15}\Z", re.ASCII)
LEAD_BACK = "back"
"""Where the call goes when nobody answers at an outside number (`lead.conf`), beside the names of these."""
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,29}\Z", re.ASCII)
_E164 = re.compile(r"\+[1-9][0-9]{7,14}\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}\Z", re.ASCII)
_SEAT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}\Z", re.ASCII)
_SERVICE = re.compile(r"[a-z][a-z0-9_]{0,39}\Z", re.ASCII)
_PROMPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,119}\Z", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}\Z", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?\Z", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9_-]+\Z", re.ASCII)
_PATH = re.compile(r"/[A-Za-z0-9_./@+-]*\Z", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_.+@-]{1,80}\Z", re.ASCII)
CODECS = ("alaw", "ulaw", "g722", "opus", "slin16", "gsm")


class PlanError(ValueError):
    """The plan cannot be rendered. `faults`: one sentence for each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class Address(NamedTuple):
    """Host and port, e.g. of a node's FastAGI listener."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Registration(NamedTuple):
    """How we log in at the carrier, when it does not know us by our address."""

    server: str
    """Host name or address, optionally with `:port`."""
    user: str
    secret: str
    """As the carrier gave it: not checked for length."""


class Trunk(NamedTuple):
    """Where callers come from. Calls are taken only from `match`; everybody else gets nothing."""

    match: tuple[str, ...] = ()
    """Addresses or networks of the carrier (`192.0.2.10`, `192.0.2.0/28`), or one address with the port that calls come
    from (`192.0.2.10:5060`), when phones are at the same one."""
    registration: Registration | None = None
    """With it the server's own address is matched as well."""
    way_out: str | None = None
    """`host[:port]`: where calls to remote counsellors and callbacks go; None: nowhere."""


class Timings(NamedTuple):
    """Seconds, except `max_fails`. The defaults were measured on Asterisk 22: 60 s without a node, 80 s with a frozen
    one, until a waiting caller goes to the safety net."""

    tick_s: int = 15
    """One round of the hold loop."""
    step_s: int = 5
    """A node must have answered a tick within this, or the round counts as missed."""
    max_fails: int = 4
    """Missed rounds in a row before a waiting caller goes to the safety net."""
    retry_s: int = 2
    """Music between two tries of a new caller while no node answers."""
    menu_s: int = 600
    """The longest a dialogue may last before it counts as missed. The menu's own limit is a minute shorter; a message,
    and a menu that has taken long, begin this one anew."""
    lead_ring_s: int = 30
    """An outside number that the menu leads to rings so long."""
    lead_wait_s: int = 60
    """A caller waits so long for it, when others are led there at the same moment."""
    code_s: int = 120
    """The longest dialogue of an agent's telephone code (number, PIN)."""
    talk_s: int = 7200
    """The longest talk, on the agent's leg."""
    survey_s: int = 300
    """The longest survey, a spoken message of 90 s included."""
    calling_s: int = 90
    """The longest wait of an agent for a caller who is called back; the engine's own limit is shorter."""
    called_key_s: int = 10
    """Time of a caller who is called back to press 1."""
    press_s: int = 6
    """Time to press 1 after the brief."""
    pair_s: int = 240
    """The longest wait of one of a pair for the other: rings for 60 s, reads for 20, has 60 more for a key. The node
    ends it sooner; this is for when there is none."""
    consult_s: int = 90
    """The longest wait of an agent for whom they ask before they send a caller on. The node ends it sooner (60 s); this
    is for when there is none."""
    seat_rtp_s: int = 15
    """A talking phone that sends nothing for this long is gone; the caller goes to the front of the queue."""
    trunk_rtp_s: int = 60
    """The same for a caller. Longer: some carriers send nothing while a caller is silent, and no caller is dropped."""
    hold_rtp_s: int = 900
    """The same while on hold, for both."""
    net_s: int = 600
    """The longest wait in the safety net, then the caller is asked to call again."""
    net_ring_s: int = 20
    """Ring time of a member of the safety net."""


class Said(NamedTuple):
    """Keys of the prompts that the dialplan itself plays (everything else is said by the node)."""

    apology: str = "system/apology"
    """To a new caller while no node answers: a moment, please."""
    sorry: str = "system/sorry"
    """Nobody can be reached now; call again, please."""
    bye: str = "system/goodbye"
    net: str = "system/net"
    """Entering the safety net: the next free colleague answers."""
    sent_on: str = "system/sent-on"
    """To a caller whom an agent sends on to somebody else."""
    where_to: str = "aktarma-nereye"
    """To an agent who sends a caller on by keys."""
    asked: str = "aktarma-soruluyor"
    """To an agent who asks somebody first: they are being called."""
    caller_left: str = "agent/caller-left"
    """To an agent who comes back to a caller who has hung up."""
    not_allowed: str = "agent/not-allowed"
    """To an agent's phone that dialled anything but a code."""
    press_one: str = "agent/press-one"
    """To the agent: press 1 to accept."""
    press_any: str = "agent/press-any"
    """To the agent: press any key to accept."""
    calls_back: str = "geri-arama-temsilci"
    """To the agent: a callback; the service follows."""
    nobody: str = "geri-arama-ulasilamadi"
    """To the agent who has waited for the caller: they could not be reached."""
    hello: str = "geri-arama-merhaba"
    """To a caller who is called back: who calls."""
    press_here: str = "geri-arama-bas"
    """To the same: press 1 to be connected."""
    moment: str = "geri-arama-bir-dakika"
    """To the same: a moment, please."""
    unavailable: str = "agent/unavailable"
    """To an agent's phone that dialled a code while no node answers."""

    def to_callers(self) -> dict[str, str]:
        """Those that callers hear: each is there slowly and in every language."""
        return {name: key for name, key in self._asdict().items() if name in _TO_CALLERS}


_TO_CALLERS = ("apology", "sorry", "bye", "net", "sent_on", "hello", "press_here", "moment")


class Emergency(NamedTuple):
    """What callers of a service in distress hear between two rounds of the safety net."""

    service: str
    language: str
    slow: bool
    place: str
    """Of the sound below the folder of sounds, without ending: `en/acil-destek`."""


SIP = Address("127.0.0.1", 5060)
AMI = Address("127.0.0.1", 5038)
METRICS = Address("127.0.0.1", 8088)
"""Asterisk's own default; says nothing while its web server is off."""
TIMINGS = Timings()
SAID = Said()


@dataclass(frozen=True)
class Plan:
    """What is rendered. Paths are as Asterisk sees them (it may run in a container of its own)."""

    numbers: Mapping[str, str]
    """Called number (digits, as the carrier sends it) -> entry of the menu."""
    nodes: tuple[Address, ...]
    """FastAGI of one or two nodes; the second is asked when the first does not answer."""
    sounds: str
    """Folder with `tr/` and `moh/`."""
    seats: tuple[tuple[str, str], ...] = field(repr=False)
    """(seat, secret): an agent's phone and how it logs in."""
    trunk: Trunk = field(repr=False)
    events_secret: str = field(repr=False)
    actions_secret: str = field(repr=False)
    services: tuple[tuple[str, str | None], ...] = ()
    """(service id, key of the brief an agent hears, or None)."""
    emergencies: tuple[Emergency, ...] = ()
    """In each language, usual and slow: who is in distress is never sent away."""
    net_members: tuple[str, ...] = ()
    """Seats that ring in the safety net, when no node has answered for a minute."""
    outside: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """(seat, number in E.164): remote counsellors."""
    transfers: tuple[tuple[str, str], ...] = ()
    """(name, number as the carrier takes it): where the menu may lead callers. Nobody else outside can be reached."""
    sip: Address = SIP
    ami: Address = AMI
    metrics: Address | None = None
    """Where Asterisk's web server tells its metrics, on this machine; None: it is off."""
    rtp: tuple[int, int] = (10000, 20000)
    """First and last UDP port of media."""
    codecs: tuple[str, ...] = ("alaw", "g722", "ulaw")
    """In order of preference. A-law first: the trunk speaks it, so nothing is transcoded; G.722 gives 7 kHz
    (EN 301 549 6.1)."""
    media_encryption: str = "no"
    """Of the agents' phones: `no` (a closed network) or `sdes` (needs TLS signalling in front)."""
    timings: Timings = TIMINGS
    said: Said = SAID
    music: str | None = None
    """Folder of the hold music; None: `<sounds>/moh`."""
    musics: tuple[str, ...] = ()
    """Other music than the usual: folders below that one, each a class."""
    spool: str = "/run/santral-spool"
    """Where talks and messages are written before the node seals them."""

    def __post_init__(self) -> None:
        faults = list(_faults(self))
        if faults:
            raise PlanError(faults)

    @property
    def music_dir(self) -> str:
        """Folder of the hold music."""
        return self.music or f"{self.sounds}/moh"


def _faults(plan: Plan) -> Iterable[str]:
    yield from _callers(plan)
    yield from _phones(plan)
    yield from _addresses(plan)
    yield from _paths(plan)
    yield from _musics(plan)
    yield from _times(plan.timings)
    for what, secret in (("events_secret", plan.events_secret), ("actions_secret", plan.actions_secret)):
        yield from _secret(what, secret)
    if plan.events_secret == plan.actions_secret:
        yield "the two AMI users have the same secret: give each its own"


def _callers(plan: Plan) -> Iterable[str]:
    if not plan.numbers:
        yield "no called number: nobody could call"
    for number, entry in plan.numbers.items():
        if not _NUMBER.match(number):
            yield f"called number {number!r}: 2 to 15 digits, as the carrier sends it"
        if not _NAME.match(entry):
            yield f"entry {entry!r} of {number}: letters, digits, _ and - only"
    for service, brief in plan.services:
        if not _SERVICE.match(service):
            yield f"service {service!r}: small letters, digits and _ only"
        if brief is not None and not _PROMPT.match(brief):
            yield f"brief {brief!r} of {service}: not a key of a prompt"
    for one in plan.emergencies:
        language, _, key = one.place.partition("/")
        if not _SERVICE.match(one.service) or not all(map(_PROMPT.match, (one.language, language, key))):
            yield f"emergency text {one.place!r} of {one.service!r}: not a prompt, or no name of a service"
    for name, key in plan.said._asdict().items():
        if not _PROMPT.match(key):
            yield f"prompt {name}: {key!r} is not a key of a prompt"


def _phones(plan: Plan) -> Iterable[str]:
    seen: set[str] = set()
    for seat, secret in plan.seats:
        if not _SEAT.match(seat) or seat in OWN_ENDPOINTS:
            yield f"seat {seat!r}: letters, digits, _ and - only, and not one of {', '.join(OWN_ENDPOINTS)}"
        if seat in seen:
            yield f"seat {seat} is there twice"
        seen.add(seat)
        yield from _secret(f"secret of seat {seat}", secret)
    for seat, number in plan.outside:
        if not _SEAT.match(seat) or seat in seen or seat in OWN_ENDPOINTS:
            yield f"remote counsellor {seat!r}: letters, digits, _ and - only, and no name that is there already"
        if not _E164.match(number):
            yield f"remote counsellor {seat}: the number is not + and 8 to 15 digits"
    dialled: dict[str, str] = {}
    for name, number in plan.transfers:
        if not _LABEL.match(name):
            yield f"outside number {name!r}: 1 to 30 of a-z, digits and -"
        seen_as = name.replace("-", "")
        if seen_as == LEAD_BACK or (len(seen_as) == 1 and seen_as.isalpha()):
            yield (f"outside number {name!r}: {LEAD_BACK} and names of one letter mean something else where the call "
                   "is led; give it another name")
        if (same := dialled.setdefault(seen_as, name)) != name:
            yield f"outside numbers {same!r} and {name!r}: Asterisk does not see the -; give one another name"
        if not _OUTSIDE.match(number):
            yield f"outside number {name}: 3 to 15 digits, with + before them or not"
    if plan.transfers and not (plan.trunk.way_out and _HOST.match(plan.trunk.way_out.partition(":")[0])):
        yield "outside numbers of the menu, and no way out of the trunk to them: host[:port] of the carrier"
    if plan.outside and not (plan.trunk.way_out and _HOST.match(plan.trunk.way_out.partition(":")[0])):
        yield "remote counsellors, and no way out of the trunk to them: host[:port] of the carrier"
    yield from (f"safety net: {seat!r} is no seat" for seat in plan.net_members if seat not in seen)
    if not plan.codecs:
        yield "no codec"
    yield from (f"codec {codec!r}: one of {', '.join(CODECS)}" for codec in plan.codecs if codec not in CODECS)
    if plan.media_encryption not in ("no", "sdes"):
        yield f"media_encryption {plan.media_encryption!r}: no or sdes"


def _secret(what: str, secret: str) -> Iterable[str]:
    if len(secret) < SECRET_MIN or secret.isdigit() or not _SECRET.match(secret):
        yield f"{what}: at least {SECRET_MIN} letters, digits, _ or -, and not digits alone"


def _addresses(plan: Plan) -> Iterable[str]:
    if not 1 <= len(plan.nodes) <= 2:
        yield f"{len(plan.nodes)} nodes: one or two"
    for what, address in (*(("node", node) for node in plan.nodes), ("sip", plan.sip), ("ami", plan.ami)):
        if not _HOST.match(address.host) or not 1 <= address.port <= 65535:
            yield f"{what} {address}: host and port 1-65535"
    if plan.metrics is not None and not _here(plan.metrics):
        yield f"metrics {plan.metrics}: an address of this machine, as 127.0.0.1:8088; everybody who asks is told them"
    first, last = plan.rtp
    if not 1024 <= first < last <= 65535:
        yield f"rtp {first}-{last}: two ports between 1024 and 65535, the smaller first"
    trunk = plan.trunk
    if not trunk.match and trunk.registration is None:
        yield "trunk: neither an address to match nor a registration, nobody could call"
    for match in trunk.match:
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


def _here(address: Address) -> bool:
    try:
        return ipaddress.ip_address(address.host).is_loopback and 1 <= address.port <= 65535
    except ValueError:
        return False


def _paths(plan: Plan) -> Iterable[str]:
    for what, path in (("sounds", plan.sounds), ("music", plan.music_dir), ("spool", plan.spool)):
        if not _PATH.match(path):
            yield f"{what} {path!r}: an absolute path of letters, digits and _ . / @ + - (Asterisk splits at , & and ;)"


def _musics(plan: Plan) -> Iterable[str]:
    for name in plan.musics:
        if not _NAME.match(name) or name in (MUSIC_CLASS, "default", "general"):
            yield f"music {name!r}: letters, digits, _ and - only, and none of {MUSIC_CLASS}, default, general"


def _times(timings: Timings) -> Iterable[str]:
    for name, value in timings._asdict().items():
        if value < 1:
            yield f"timings.{name} = {value}: at least 1"
    if timings.tick_s > 15:
        yield f"timings.tick_s = {timings.tick_s}: at most 15, the node takes a caller for gone after more"
