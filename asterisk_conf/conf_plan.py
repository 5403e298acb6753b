"""Hold all values that the configuration of Asterisk is made from. `render` writes them.

`AsteriskPlan(...)` checks itself and raises `PlanError` with every fault at once. A rendered file with a gap would be
found much later, by a caller.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from asterisk_conf.carrier import Address, Nat, Tls, Trunk, check_carrier
from asterisk_conf.dialplan_values import SAID, TIMINGS, DialplanPrompts, Timings
from asterisk_conf.in_call_keys import InCallKey, check_keys

EVENTS_USER = "santral-events"
"""AMI user of the session that listens, and takes the snapshot after a connect."""
ACTIONS_USER = "santral-actions"
"""AMI user of the session that acts: Originate, Hangup, Redirect and Setvar."""
TRUNK_ENDPOINT = "trunk"
"""PJSIP endpoint of the carrier. A caller's channel is `PJSIP/trunk-0000000e`."""
CALLBACK_ENDPOINT = "geri-arama"
"""PJSIP endpoint of callbacks, which go out through the trunk."""
OWN_ENDPOINTS = (TRUNK_ENDPOINT, CALLBACK_ENDPOINT)
"""Endpoint names that no phone may have."""
EXTERNAL_PREFIX = "disari-"
"""Prefix of an outside number's name, for its endpoint and its queue."""
FALLBACK_PREFIX = "santral-"
"""Prefix of a service's id, for the name of its fallback queue in app_queue."""
FALLBACK_UNKNOWN = "santral-fallback-unknown"
"""Fallback queue of callers who have not chosen a service. No id of a service has a hyphen."""
FALLBACK_KEY = "santral-fallback-key"
"""Context with the key that counts while these callers wait."""
DISTRESS_POINTS = 1_000_000_000
"""Lead of a caller in distress in a fallback queue: more than any age in seconds."""
PRIORITY_BASE = 2_100_000_000
"""Priority in a fallback queue = this minus the start of the wait in Unix seconds.

The value is positive until 2036, and with `DISTRESS_POINTS` below 2^31, the limit of app_queue.
"""
DISTRESS_WEIGHT = 10
"""Weight of the fallback queue of a distress service. The others have 0."""
CEL_FALLBACK = "SC_FALLBACK-"
"""Prefix of a service's id: name of the CEL event of a caller who enters a fallback queue."""
ANY_NOTATION = "_[+0-9(]!"
"""Extension of `santral-in` for a called number in another notation. No special extension (h, i, T) matches it."""
CEL_NO_NODE = "SC_NO_NODE"
"""Name of the CEL event of a new caller whom no node has answered."""
CEL_LEFT_MENU = "SC_LEFT_MENU"
"""Name of the CEL event of a caller who hangs up in a dialogue with a node, or before a node was asked."""
CEL_CALLED = "SC_CALLED-"
"""Prefix of an entry of the menu: name of the CEL event of each caller who comes."""
CEL_HOLD = "SC_HOLD-"
"""Prefix of a service's id: name of the CEL event of a caller who comes from the menu into the hold loop."""
CEL_OUTSIDE = "SC_OUTSIDE"
"""Name of the CEL event of a caller whom the menu connects to an outside number."""
CEL_MEMBER = "SC_MEMBER-"
"""Prefix of a seat: name of the CEL event of a phone that takes a caller in a fallback queue."""
FALLBACK_MEMBER = "santral-fallback-member"
"""Context that app_queue runs on the phone that takes a caller (`membergosub`)."""
LOST_CAUSES = (3, 20, 27, 38, 41, 42, 44)
"""Causes of a phone that has vanished. The node has the same ones for its own talks (`routing.ami.hangup_causes`)."""
MUSIC_CLASS = "santral"
"""Class of the music on hold for waiting callers."""
CEL_FILE = "santral.csv"
"""File for CEL recovery in `<astlogdir>/cel-custom/`. The name has no folder, because Asterisk 20 allows none."""

SECRET_MIN = 20
"""Fewest characters of a secret. 20 of 62 letters and digits are 119 bits. Only phones and AMI clients read it."""

_NUMBER = re.compile(r"\+?[0-9]{2,15}\Z", re.ASCII)
_FORM = re.compile(r"\+?[0-9]{2,20}\Z", re.ASCII)
_OUTSIDE = re.compile(r"\+?[0-9]{3,15}\Z", re.ASCII)
EXTERNAL_FAILED = "back"
"""Extension of `external.conf` for a call that no outside number answered. It is next to the names of the numbers."""
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,29}\Z", re.ASCII)
_E164 = re.compile(r"\+[1-9][0-9]{7,14}\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}\Z", re.ASCII)
_SEAT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}\Z", re.ASCII)
_SERVICE = re.compile(r"[a-z][a-z0-9_]{0,39}\Z", re.ASCII)
_PROMPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,119}\Z", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?\Z", re.ASCII)
_SECRET = re.compile(r"[A-Za-z0-9_-]+\Z", re.ASCII)
_PATH = re.compile(r"/[A-Za-z0-9_./@+-]*\Z", re.ASCII)
CODECS = ("alaw", "ulaw", "g722", "opus", "slin16", "gsm")


class PlanError(ValueError):
    """The plan cannot be rendered. `faults` has one sentence for each fault."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class Pages(NamedTuple):
    """Seats whose phone is a page in a browser, and the address of their sound."""

    web: tuple[tuple[str, str], ...]
    """Seats in the house: seat and secret of each."""
    far: tuple[tuple[str, str], ...]
    """Seats of agents at home."""
    media: str
    """IPv4 address of this machine that pages reach. Asterisk sends and takes their sound here only."""
    others: tuple[str, ...] = ()
    """Other IPv4 addresses of this machine. Asterisk would offer them too, and nothing listens there."""

    @property
    def seats(self) -> tuple[tuple[str, str], ...]:
        """All page seats with their secrets."""
        return self.web + self.far

    @property
    def most_sessions(self) -> int:
        """Most connections of Asterisk's web server. Its default of 100 would refuse the next page."""
        return SESSIONS_PER_PAGE * len(self.seats) + OTHER_SESSIONS


class PlanService(NamedTuple):
    """A service with its fallback queue."""

    id: str
    whisper: str | None = None
    """Key of its whisper announcement, for the agents of the fallback queue too."""
    distress: bool = False
    ring_s: int = 20
    """Longest ring time of the agents who may serve it."""


class Emergency(NamedTuple):
    """Sound that callers of a service in distress hear in the fallback queue."""

    service: str
    language: str
    slow: bool
    place: str
    """Place of the sound below the folder of sounds, without ending: `en/acil-destek`."""


class LineClass(NamedTuple):
    """Service whose callers have lines for themselves."""

    service: str
    kept: int
    """Lines that other calls never take."""
    most: int
    """Most lines of a number that leads only to this service."""
    words: str
    """Emergency text for further callers of that number: the place of its sound, without ending."""


class LinePlan(NamedTuple):
    """Lines of the carrier."""

    total: int
    classes: tuple[LineClass, ...] = ()
    refusal: int = 17
    """Hangup cause of a refused call: 17 is 486 Busy Here, 34 is 503 Service Unavailable."""

    @property
    def others(self) -> int:
        """Lines that calls of no class may hold."""
        return self.total - sum(one.kept for one in self.classes)


OTHER_CLASS, WORDS_CLASS = "other", "words"
"""Classes of lines: calls that have not keyed distress, and calls that hear the emergency text and end."""
LINES_GROUP, CLASS_GROUP = "lines", "class"
"""Categories of Asterisk's GROUP: every call of the carrier is in `all@lines`, and in one class."""
REFUSALS = (17, 34)
SEAT_CALLS = 3
"""Most calls that one seat makes at once: a sound check, a feature code and a second line to a colleague. Nobody has
more hands, and further calls would take the media ports of callers."""
SEATS_SHARE = 4
"""One of this many calls that the media ports carry may be made by seats. All others belong to callers and their
agents, whatever seats do."""
REFUSED_AT_ONCE = 32
"""Channels of calls that are just being refused. Asterisk counts such a channel for some milliseconds: of 70 calls
at the same moment at most 14 had one, and of 200 at most six. No caller may be refused by them."""
SEAT_GROUP, SEATS_GROUP = "seat", "seats"
"""Categories of Asterisk's GROUP: each call that a seat has made is in the group of the seat, and in `all@seats`."""
SIP = Address("127.0.0.1", 5060)
AMI = Address("127.0.0.1", 5038)
ECHO_CODE = "*40"
"""Code of the sound check: the phone or page hears itself, without a node. Only a centre with pages has it."""
HTTP = Address("127.0.0.1", 8088)
"""Asterisk's own default. Its web server answers only if it is switched on."""
RELAY = "127.0.0.1"
"""Address from which the node of this machine leads pages to Asterisk's web server."""
PAGE_CODECS = ("alaw", "g722")
"""Codecs of pages in the house. A-law costs Asterisk the least next to a trunk that speaks it."""
FAR_CODECS = ("opus", *PAGE_CODECS)
"""Codecs of pages at home. Opus repairs what a bad line loses, at five times the CPU of a phone."""
PHONE_EXPIRATION_S = 300
"""Longest registration of a phone in seconds."""
PAGE_EXPIRATION_S = 600
"""Longest registration of a page. A browser holds timers of a hidden page back by a minute, so 120 s are too short."""
SESSIONS_PER_PAGE = 2
"""Connections of the web server for each page seat: one in use, and one that a broken network has left open."""
OTHER_SESSIONS = 20
"""Connections of the web server for readers of the metrics."""


@dataclass(frozen=True)
class AsteriskPlan:
    """Values to render. Paths are as Asterisk sees them, because it may run in a container."""

    numbers: Mapping[str, str]
    """Entry of the menu for each called number (digits, as the carrier sends it)."""
    nodes: tuple[Address, ...]
    """FastAGI listeners of one or two nodes. The second is asked if the first does not answer."""
    sounds: str
    """Folder with `tr/` and `moh/`."""
    seats: tuple[tuple[str, str], ...] = field(repr=False)
    """Agents' phones: seat and secret of each."""
    in_call_keys: tuple[InCallKey, ...]
    """Keys of an agent during a talk. `ivr` has the table."""
    trunk: Trunk = field(repr=False)
    agi_key: str = field(repr=False)
    """Key by which the dialplan proves itself to the nodes."""
    events_secret: str = field(repr=False)
    actions_secret: str = field(repr=False)
    services: tuple[PlanService, ...]
    """All services. The first one for distress is reached by a key in the fallback queue."""
    unknown_service: str
    """Service of callers who have not chosen one while no node answers."""
    nat: Nat | None = None
    """Address of this machine outside. None if carrier and phones reach it directly."""
    tls: Tls | None = None
    """SIP over TLS with the carrier. None if there is none."""
    prefix: str = ""
    """Begin of the endpoints' and transports' names on an Asterisk that has other work. Seats have it already."""
    shared_transport: str | None = None
    """UDP transport of such an Asterisk at the address of `sip`. None writes an own one."""
    number_forms: Mapping[str, str] = field(default_factory=dict)
    """Called number by each of its notations, such as `+904440632`. Without any, `numbers` has all of them."""
    lines: LinePlan | None = None
    """Lines of the carrier. None counts and refuses no calls."""
    line_entries: Mapping[str, str] = field(default_factory=dict)
    """Class of lines by entry of the menu, for entries that lead to one service of a class only."""
    entry_services: Mapping[str, str] = field(default_factory=dict)
    """Service by entry of the menu, for entries that lead to one service only. Its callers have chosen already."""
    emergencies: tuple[Emergency, ...] = ()
    """Emergency sounds in each language, at normal and slow speed. A caller in distress is never sent away."""
    remote_agents: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Remote agents: seat and number in E.164."""
    external_numbers: tuple[tuple[str, str], ...] = ()
    """Outside numbers of the menu: name, and number as the carrier takes it. No other number can be reached."""
    sip: Address = SIP
    ami: Address = AMI
    http: Address = HTTP
    """Address of Asterisk's web server on this machine. It is on only for metrics and pages."""
    metrics: bool = False
    """Serve Asterisk's own metrics."""
    pages: Pages | None = field(default=None, repr=False)
    """Page seats. None if all agents have phones."""
    rtp: tuple[int, int] = (10000, 20000)
    """First and last UDP port of media."""
    codecs: tuple[str, ...] = ("alaw", "g722", "ulaw")
    """Codecs of the phones in order of preference.

    A-law comes first: the trunk speaks it, so nothing is transcoded. G.722 gives 7 kHz (EN 301 549 6.1).
    """
    media_encryption: str = "no"
    """Encryption of the agents' phones: `no` for a closed network, or `sdes`, which needs TLS signalling in front."""
    timings: Timings = TIMINGS
    said: DialplanPrompts = SAID
    music: str | None = None
    """Folder of the hold music. None means `<sounds>/moh`."""
    musics: tuple[str, ...] = ()
    """Further music: folders below the folder of the hold music, each of them a class."""
    spool: str = "/run/santral-spool"
    """Folder of talks and messages until the node encrypts them."""

    def __post_init__(self) -> None:
        faults = list(_find_faults(self))
        if faults:
            raise PlanError(faults)

    @property
    def notations(self) -> dict[str, str]:
        """Called number by each notation, with the one in which it is written."""
        return {number: number for number in self.numbers} | dict(self.number_forms)

    @property
    def trunk_endpoint(self) -> str:
        """Name of the carrier's endpoint."""
        return self.prefix + TRUNK_ENDPOINT

    @property
    def trunk_transport(self) -> str:
        """Name of the transport to the carrier."""
        return f"{self.prefix}transport-tls" if self.trunk.tls else self.transport

    @property
    def transport(self) -> str:
        """Name of the UDP transport."""
        return self.shared_transport or f"{self.prefix}transport-udp"

    @property
    def first_distress(self) -> str:
        """Id of the first service for distress, or an empty text if there is none."""
        return next((one.id for one in self.services if one.distress), "")

    @property
    def music_dir(self) -> str:
        """Folder of the hold music."""
        return self.music or f"{self.sounds}/moh"

    @property
    def max_calls(self) -> int | None:
        """Channels that Asterisk allows at all (`maxcalls`). None is no limit.

        Asterisk counts legs of agents too, so this limit can only be a last belt. The channels of seats are on top
        of all lines, so no seat takes the channel of a caller.
        """
        return None if self.lines is None else most_channels(self.lines.total, self.phones)

    @property
    def phones(self) -> int:
        """Phones, pages and remote agents."""
        return len(self.seats) + len(self.remote_agents) + (len(self.pages.seats) if self.pages else 0)

    @property
    def seat_calls(self) -> int:
        """Most calls that all seats together make at once: one for each phone, within the share of media ports."""
        first, last = self.rtp
        return max(SEAT_CALLS, min(self.phones, (last - first + 1) // 2 // SEATS_SHARE))


def most_channels(lines: int, phones: int) -> int:
    """Return the channels of all lines, and those that phones may have: an offer and an own call for each."""
    return lines + phones + max(phones, SEAT_CALLS) + REFUSED_AT_ONCE


def _find_faults(plan: AsteriskPlan) -> Iterable[str]:
    yield from _check_callers(plan)
    yield from _check_lines(plan)
    yield from _check_phones(plan)
    yield from check_keys(plan.in_call_keys)
    yield from _check_addresses(plan)
    yield from _check_paths(plan)
    yield from _check_musics(plan)
    yield from _check_times(plan.timings)
    for what, secret in (("agi_key", plan.agi_key), ("events_secret", plan.events_secret),
                         ("actions_secret", plan.actions_secret)):
        yield from _check_secret(what, secret)
    if plan.events_secret == plan.actions_secret:
        yield "the two AMI users have the same secret: give each its own"


def _check_callers(plan: AsteriskPlan) -> Iterable[str]:
    if not plan.numbers:
        yield "no called number: nobody could call"
    for number, entry in plan.numbers.items():
        if not _NUMBER.match(number):
            yield f"called number {number!r}: 2 to 15 digits, as the carrier sends it"
        if not _NAME.match(entry):
            yield f"entry {entry!r} of {number}: letters, digits, _ and - only"
    for form, number in plan.number_forms.items():
        if not _FORM.match(form) or number not in plan.numbers:
            yield f"notation {form!r} of {number!r}: 2 to 20 digits with an optional +, of a called number"
    for service in plan.services:
        if not _SERVICE.match(service.id):
            yield f"service {service.id!r}: small letters, digits and _ only"
        if service.whisper is not None and not _PROMPT.match(service.whisper):
            yield f"whisper announcement {service.whisper!r} of {service.id}: not a key of a prompt"
        if service.ring_s < 1:
            yield f"ring time {service.ring_s} of {service.id}: at least 1 s"
    if plan.unknown_service not in {service.id for service in plan.services}:
        yield f"unknown callers go to {plan.unknown_service!r}, which is no service"
    for one in plan.emergencies:
        language, _, key = one.place.partition("/")
        if not _SERVICE.match(one.service) or not all(map(_PROMPT.match, (one.language, language, key))):
            yield f"emergency text {one.place!r} of {one.service!r}: not a prompt, or no name of a service"
    for name, key in plan.said._asdict().items():
        if not _PROMPT.match(key):
            yield f"prompt {name}: {key!r} is not a key of a prompt"


def _check_lines(plan: AsteriskPlan) -> Iterable[str]:
    lines = plan.lines
    if lines is None:
        return
    if lines.others < 1:
        yield f"lines: {lines.total - lines.others} of {lines.total} are kept: nobody else could call"
    if lines.refusal not in REFUSALS:
        yield f"lines: a refusal by cause {lines.refusal}; 17 or 34"
    for one in lines.classes:
        if not _SERVICE.match(one.service) or one.service in (OTHER_CLASS, WORDS_CLASS):
            yield f"lines of {one.service!r}: no name of a service, or a name that the dialplan uses"
        if not one.kept <= one.most <= lines.total:
            yield f"lines of {one.service}: {one.kept} kept, {one.most} at most, {lines.total} in all"
        if not _PROMPT.match(one.words):
            yield f"lines of {one.service}: {one.words!r} is no prompt"


def _check_phones(plan: AsteriskPlan) -> Iterable[str]:
    # 1. Agents' phones, pages and remote agents share one table of endpoint names.
    seen: set[str] = set()
    for seat, secret in (*plan.seats, *(plan.pages.seats if plan.pages else ())):
        if not _SEAT.match(seat) or seat in (plan.trunk_endpoint, *OWN_ENDPOINTS):
            yield f"seat {seat!r}: letters, digits, _ and - only, and not one of {', '.join(OWN_ENDPOINTS)}"
        if seat in seen:
            yield f"seat {seat} is there twice"
        seen.add(seat)
        yield from _check_secret(f"secret of seat {seat}", secret)
    for seat, number in plan.remote_agents:
        if not _SEAT.match(seat) or seat in seen or seat in OWN_ENDPOINTS:
            yield f"remote counsellor {seat!r}: letters, digits, _ and - only, and no name that is there already"
        if not _E164.match(number):
            yield f"remote counsellor {seat}: the number is not + and 8 to 15 digits"
    # 2. Names of outside numbers become extensions. Asterisk ignores a - in an extension.
    dialled: dict[str, str] = {}
    for name, number in plan.external_numbers:
        if not _LABEL.match(name):
            yield f"outside number {name!r}: 1 to 30 of a-z, digits and -"
        seen_as = name.replace("-", "")
        if seen_as == EXTERNAL_FAILED or (len(seen_as) == 1 and seen_as.isalpha()):
            yield (f"outside number {name!r}: {EXTERNAL_FAILED} and names of one letter mean something else where the "
                   "call is led; give it another name")
        if (same := dialled.setdefault(seen_as, name)) != name:
            yield f"outside numbers {same!r} and {name!r}: Asterisk does not see the -; give one another name"
        if not _OUTSIDE.match(number):
            yield f"outside number {name}: 3 to 15 digits, with + before them or not"
    # 3. Calls to the outside need a way out of the trunk.
    if plan.external_numbers and not (plan.trunk.way_out and _HOST.match(plan.trunk.way_out.partition(":")[0])):
        yield "outside numbers of the menu, and no way out of the trunk to them: host[:port] of the carrier"
    if plan.remote_agents and not (plan.trunk.way_out and _HOST.match(plan.trunk.way_out.partition(":")[0])):
        yield "remote counsellors, and no way out of the trunk to them: host[:port] of the carrier"
    # 4. The media of the phones.
    if not plan.codecs:
        yield "no codec"
    yield from (f"codec {codec!r}: one of {', '.join(CODECS)}" for codec in plan.codecs if codec not in CODECS)
    if plan.media_encryption not in ("no", "sdes"):
        yield f"media_encryption {plan.media_encryption!r}: no or sdes"


def _check_secret(what: str, secret: str) -> Iterable[str]:
    # Digits alone are guessed first, whatever their number.
    if len(secret) < SECRET_MIN or secret.isdigit() or not _SECRET.match(secret):
        yield f"{what}: at least {SECRET_MIN} letters, digits, _ or -, and not digits alone"


def _check_addresses(plan: AsteriskPlan) -> Iterable[str]:
    # 1. Addresses of this machine and of the nodes.
    if not 1 <= len(plan.nodes) <= 2:
        yield f"{len(plan.nodes)} nodes: one or two"
    if len(set(plan.nodes)) < len(plan.nodes):
        yield f"node {plan.nodes[0]} is there twice: give each node an address that the other one does not have"
    for what, address in (*(("node", node) for node in plan.nodes), ("sip", plan.sip), ("ami", plan.ami)):
        if not _HOST.match(address.host) or not 1 <= address.port <= 65535:
            yield f"{what} {address}: host and port 1-65535"
    # The web server asks nobody for a password, so only this machine may reach it.
    if not _is_local(plan.http):
        yield f"http {plan.http}: an address of this machine, as 127.0.0.1:8088; everybody who asks gets an answer"
    yield from (f"address of pages {address!r}: one IPv4 address" for address in
                ((plan.pages.media, *plan.pages.others) if plan.pages else ()) if not _is_ipv4(address))
    first, last = plan.rtp
    if not 1024 <= first < last <= 65535:
        yield f"rtp {first}-{last}: two ports between 1024 and 65535, the smaller first"
    # 2. The carrier.
    yield from check_carrier(plan.trunk, plan.nat, plan.tls)


def _is_ipv4(text: str) -> bool:
    try:
        return not ipaddress.IPv4Address(text).is_unspecified
    except ValueError:
        return False


def _is_local(address: Address) -> bool:
    try:
        return ipaddress.ip_address(address.host).is_loopback and 1 <= address.port <= 65535
    except ValueError:
        return False


def _check_paths(plan: AsteriskPlan) -> Iterable[str]:
    for what, path in (("sounds", plan.sounds), ("music", plan.music_dir), ("spool", plan.spool)):
        if not _PATH.match(path):
            yield f"{what} {path!r}: an absolute path of letters, digits and _ . / @ + - (Asterisk splits at , & and ;)"


def _check_musics(plan: AsteriskPlan) -> Iterable[str]:
    for name in plan.musics:
        if not _NAME.match(name) or name in (MUSIC_CLASS, "default", "general"):
            yield f"music {name!r}: letters, digits, _ and - only, and none of {MUSIC_CLASS}, default, general"


def _check_times(timings: Timings) -> Iterable[str]:
    for name, value in timings._asdict().items():
        if value < 1:
            yield f"timings.{name} = {value}: at least 1"
    if timings.tick_s > 15:
        yield f"timings.tick_s = {timings.tick_s}: at most 15, the node takes a caller for gone after more"
