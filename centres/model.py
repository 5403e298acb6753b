"""A centre as data: the shape of each file. Values are frozen, unknown keys are refused, durations are seconds.

Nothing here says why an agent needs something: there is no field for it, and no free text among the accommodations.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

NAME_PATTERN = r"^[A-Za-z0-9_./-]{1,40}$"
"""Names end in queue_log, in SQL of its readers (varchar(40), unescaped) and in metric labels."""

Channel = Literal["voice", "chat", "social", "email", "task"]


def _plain(text: str) -> str:
    if any(ord(char) < 32 or char in '"|;<>\\' for char in text):
        raise ValueError("may not hold control characters or any of \" | ; < > \\ (it goes to telephones and logs)")
    return text


def _host_port(text: str) -> str:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not re.fullmatch(r"[A-Za-z0-9_.:-]{1,253}", host) or not port.isascii() or not port.isdigit() \
            or not 0 <= int(port) <= 65535:
        raise ValueError("should be host:port, such as 127.0.0.1:4573")
    return text


def _carrier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[1-9][0-9]{0,4})?", text):
        raise ValueError("should be the carrier's server, such as sip.carrier.example or sip.carrier.example:5060")
    return text


def _sip_user(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.+@-]{1,80}", text):
        raise ValueError("should be the user name the carrier gave: letters, digits and _ . + @ -")
    return text


def _network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError("should be an address or a network, such as 192.0.2.10 or 192.0.2.0/28") from None
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone; write it as in Europe/Istanbul") from None
    return text


def _span(text: str) -> str:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", text)
    if not found or found[1] + found[2] >= found[3] + found[4] or found[3] + found[4] > "2400":
        raise ValueError("should be a span of one day, such as 09:00-17:30 (24:00 is its end)")
    return text


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_plain)]
HostPort = Annotated[str, AfterValidator(_host_port)]
Carrier = Annotated[str, AfterValidator(_carrier)]
SipUser = Annotated[str, AfterValidator(_sip_user)]
Network = Annotated[str, AfterValidator(_network)]
Number = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{3,15}$")]
Span = Annotated[str, AfterValidator(_span)]
File = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(_plain)]
Level = Annotated[int, Field(ge=0, le=100, strict=True)]
Skills = dict[Name, Level]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class Shape(BaseModel):
    """What every file's values have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


# --- santral.toml ----------------------------------------------------------------------------------------------------


class Identity(Shape):
    """[centre]"""

    name: Text
    language: Literal["tr"] = "tr"
    """What callers hear. Prompts exist in Turkish."""
    timezone: Annotated[str, AfterValidator(_zone)] = "Europe/Istanbul"


class Listen(Shape):
    """[listen]: where this node listens. Port 0: any free one."""

    agi: HostPort = "127.0.0.1:4573"
    http: HostPort = "127.0.0.1:8063"


class Asterisk(Shape):
    """[asterisk]: the Asterisk this node works with, paths as Asterisk sees them."""

    ami: HostPort = "127.0.0.1:5038"
    sip: HostPort = "127.0.0.1:5060"
    """Where Asterisk takes SIP."""
    rtp_start: Port = 10000
    rtp_end: Port = 20000
    sounds: File = "/var/lib/santral/sounds"
    """Root of the prompts: `<sounds>/tr/<key>.wav`."""
    music: File = "/var/lib/santral/sounds/moh"
    cel: File = "/var/log/asterisk/cel-custom/santral.csv"
    """The black box: ids, event and time of every channel, read after every gap."""
    agi: Annotated[tuple[HostPort, ...], Field(min_length=1, max_length=2)] = ("127.0.0.1:4573",)
    """The nodes the dialplan asks, the second when the first does not answer."""

    @model_validator(mode="after")
    def _ports(self) -> Self:
        if self.rtp_end - self.rtp_start < 3:
            raise ValueError("rtp_end should be at least 3 above rtp_start: a call needs four ports")
        return self


class Registration(Shape):
    """[trunk.registration]: for carriers that want us to register. The password stands in the node's secrets."""

    server: Carrier
    user: SipUser


class Trunk(Shape):
    """[trunk]: where callers come from."""

    match: tuple[Network, ...] = ()
    """Addresses of the carrier: nobody else may dial in."""
    registration: Registration | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if not self.match and self.registration is None:
            raise ValueError("needs 'match' (addresses of the carrier) or [trunk.registration]")
        return self


class Seats(Shape):
    """[seats]: the agents' phones, `first`, `first` + 1, ... Each is an endpoint."""

    first: Annotated[int, Field(ge=10, le=999_999, strict=True)] = 2001
    count: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 1

    def names(self) -> tuple[str, ...]:
        """Endpoint names of all seats."""
        return tuple(str(number) for number in range(self.first, self.first + self.count))


class Store(Shape):
    """[store]"""

    url: File = "sqlite:///santral.db"
    """SQLAlchemy's form. A relative SQLite path is inside the node's state folder."""


DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Hours(Shape):
    """[hours]: `always = true`, or spans for each day; a day without spans is closed."""

    always: bool = False
    closed: Name | None = None
    """Entry of the menu for callers who come in outside the spans. Needed unless `always`."""
    monday: tuple[Span, ...] = ()
    tuesday: tuple[Span, ...] = ()
    wednesday: tuple[Span, ...] = ()
    thursday: tuple[Span, ...] = ()
    friday: tuple[Span, ...] = ()
    saturday: tuple[Span, ...] = ()
    sunday: tuple[Span, ...] = ()

    @model_validator(mode="after")
    def _either(self) -> Self:
        spans = any(getattr(self, day) for day in DAYS)
        if self.always and (spans or self.closed is not None):
            other = "spans" if spans else "'closed'"
            raise ValueError(f"says 'always' and gives {other} too; keep one of them")
        if not self.always and not spans:
            raise ValueError("is never open; write 'always = true' or spans for the days")
        return self

    def open_at(self, weekday: int, minute: int) -> bool:
        """Whether the centre is open; `weekday` 0 is Monday, `minute` counts from midnight, both in local time."""
        if self.always:
            return True
        return any(_minute(span[:5]) <= minute < _minute(span[6:]) for span in getattr(self, DAYS[weekday]))


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


class Wait(Shape):
    """[wait]: the hold loop of the dialplan."""

    tick_s: Annotated[int, Field(ge=2, le=15, strict=True)] = 15
    """A waiting caller asks the node this often; a caller must never be unknown for longer."""
    step_s: Annotated[int, Field(ge=1, le=10, strict=True)] = 5
    """Limit of one such question; a frozen node holds a caller no longer."""
    max_fails: Annotated[int, Field(ge=1, le=20, strict=True)] = 4
    """Unanswered questions in a row before the safety net."""
    announce_s: Annotated[int, Field(ge=15, le=600, strict=True)] = 60
    """Shortest time between two announcements (position, comfort) to the same caller."""


class QueueLog(Shape):
    """[queue_log]"""

    path: File = "queue_log"
    """Relative: inside the node's state folder."""
    callerid: Literal["none", "masked", "full"] = "none"


class Net(Shape):
    """[net]: the safety net, an app_queue with these phones that needs no node."""

    seats: Annotated[tuple[Name, ...], Field(min_length=1, max_length=200)]


class Settings(Shape):
    """santral.toml, with the overlay of the machine laid over it."""

    centre: Identity
    numbers: Annotated[dict[Number, Name], Field(min_length=1)]
    """Called number -> entry of the menu."""
    listen: Listen = Listen()
    asterisk: Asterisk = Asterisk()
    trunk: Trunk
    seats: Seats
    store: Store = Store()
    hours: Hours
    wait: Wait = Wait()
    queue_log: QueueLog = QueueLog()
    net: Net

    def entry_at(self, entry: str, at: float) -> str:
        """The entry in force for a call to `entry` that comes in at `at` (Unix seconds): the same, or the one of a
        closed centre. What the clock on the wall of the centre shows decides, on days of a change of time too."""
        if self.hours.always or self.hours.closed is None:
            return entry
        local = datetime.fromtimestamp(at, ZoneInfo(self.centre.timezone))
        return entry if self.hours.open_at(local.weekday(), local.hour * 60 + local.minute) else self.hours.closed


# --- services.yaml ---------------------------------------------------------------------------------------------------


class Step(Shape):
    """One step of what a service asks for. All steps but the last say how long they last."""

    needs: Skills
    lasts_s: Annotated[float, Field(gt=0, le=3600)] | None = None


class Service(Shape):
    """A queue. Field by field the engine's `Service`."""

    id: Name
    name: Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(_plain)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=10)]
    floor: Skills = {}
    """Never relaxes: nobody below it is ever offered a contact."""
    priority: Annotated[int, Field(ge=-60, le=60, strict=True)] = 0
    """Points; one counts as a minute of waiting."""
    distress: bool = False
    """Never times out, never dropped."""
    target_s: Annotated[float, Field(gt=0, le=3600)] = 20.0
    target_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    short_abandon_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    overflow_s: Annotated[float, Field(ge=30, le=7200)] | None = None
    """After this long the caller goes to the safety net; left out: never."""
    anonymous: bool = False
    """The caller's number is kept from everybody and not stored."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if any(step.lasts_s is None for step in self.steps[:-1]) or self.steps[-1].lasts_s is not None:
            raise ValueError("every step but the last needs 'lasts_s', and the last may not have it")
        if self.distress and self.overflow_s is not None:
            raise ValueError("a distress service never overflows; take out 'overflow_s'")
        return self


# --- team.yaml -------------------------------------------------------------------------------------------------------


class Agent(Shape):
    """A person who answers. No name of a person stands here."""

    id: Name
    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{3,8}$")]
    """Typed on a phone to sign in."""
    team: Name = "genel"
    skills: Annotated[Skills, Field(min_length=1)]


# --- accommodations.yaml ---------------------------------------------------------------------------------------------


class Accommodation(Shape):
    """What one agent needs, never why. A field that is not set means: as for everybody."""

    agent: Name
    channels: frozenset[Channel] | None = None
    max_concurrency: dict[Channel, Annotated[int, Field(ge=0, le=10, strict=True)]] | None = None
    ring_timeout_s: Annotated[float, Field(ge=10, le=60)] | None = None
    answer_mode: Literal["manual", "auto", "press_one"] | None = None
    brief: bool | None = None
    """A spoken brief (service and wait) before the caller is connected."""
    wrapup_s: Annotated[float, Field(ge=0, le=1800)] | None = None
    wrapup_extend_s: Annotated[float, Field(ge=0, le=600)] | None = None
    rest_gap_s: Annotated[float, Field(ge=0, le=300)] | None = None
    misses_allowed: Annotated[int, Field(ge=1, le=20, strict=True)] | None = None
    review_at: date | None = None
    """When to ask the agent again. Past it everything stays in force and `santral check` asks for the review."""

    def changes(self) -> dict[str, Any]:
        """The fields of an agent's profile that differ from everybody's, by the engine's names."""
        skipped = ("agent", "review_at")
        return {name: value for name in type(self).model_fields
                if name not in skipped and (value := getattr(self, name)) is not None}

    def __repr__(self) -> str:
        """Shows nothing: not even whose it is, since a traceback or a log line may print it."""
        return "Accommodation(...)"

    __str__ = __repr__
