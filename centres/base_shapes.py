"""Define the values that all files of a centre share.

Values are frozen, unknown keys are refused, and durations are seconds. `settings` is the shape of santral.toml.
`services` and `team` are the shapes of the other files.
"""

from __future__ import annotations

import re
from datetime import date
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Annotated, ClassVar, Literal, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

NAME_PATTERN = r"^[A-Za-z0-9_./-]{1,40}$"
"""Names end in the queue_log, in SQL of its readers (varchar(40), unescaped) and in metric labels."""

ID_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}$"
"""Names that become parts of file names, topics, variables and endpoints of Asterisk, where a `/` divides."""
SERVICE_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
"""Names of services: each becomes part of a name of a variable in Asterisk."""
ENTRY_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]{0,39}$"
"""Names of menu entries, as the dialplan uses them."""
WALL_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
NUMBER_PATTERN = r"^\+?[0-9]{3,15}$"
LABEL_PATTERN = r"^[a-z0-9][a-z0-9-]{0,29}$"
"""Names that become endpoint names in Asterisk."""
PREFIX_PATTERN = r"^([a-z][a-z0-9]{0,7}-)?$"
"""Begin of the names of endpoints on an Asterisk that has other work."""
SIGN_IN_PATTERN = r"^[0-9]{3,8}$"

PATTERNS = {
    NAME_PATTERN: "should be 1 to 40 of the letters A to Z and a to z, digits and _ . / -",
    ID_PATTERN: "should be 1 to 40 of the letters A to Z and a to z, digits and _ . -, not beginning with . or -",
    SERVICE_PATTERN: "should be 1 to 40 of the small letters a to z, digits and _, beginning with a letter",
    ENTRY_PATTERN: "should be 1 to 40 of the letters A to Z and a to z, digits, _ and -, beginning with a letter",
    WALL_PATTERN: "should be a time of the day in quotes, such as 09:00",
    NUMBER_PATTERN: "should be 3 to 15 digits, with + before them or not",
    LABEL_PATTERN: "should be 1 to 30 of the letters a to z, digits and -, not beginning with -",
    PREFIX_PATTERN: "should be up to 8 of the letters a to z and digits with a - at the end, such as sc-",
    SIGN_IN_PATTERN: "should be 3 to 8 digits in quotes",
}
"""For each pattern, the sentence that a person reads when a text does not match."""

TAGS = LEVELS, EXPRESSION = "{levels}", "{expression}"
"""Tags of a value with two forms. Pydantic puts the tag into the location of an error; no key has such a name."""

Channel = Literal["voice", "chat", "social", "email", "task"]


def require_plain(text: str) -> str:
    """Return the text. Raise ValueError if telephones, logs or SQL of other programs could not take it."""
    if any(ord(char) < 32 or char in '"|;<>\\' for char in text):
        raise ValueError("may not hold control characters or any of \" | ; < > \\ (it goes to telephones and logs)")
    return text


def _require_host_port(text: str) -> str:
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    # Port 0 is allowed here: it means any free port.
    if not colon or not re.fullmatch(r"[A-Za-z0-9_.:-]{1,253}", host) or not port.isascii() or not port.isdigit() \
            or not 0 <= int(port) <= 65535:
        raise ValueError("should be host:port, such as 127.0.0.1:4573")
    return text


def _require_carrier(text: str) -> str:
    found = re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::([1-9][0-9]{0,4}))?", text)
    # A port of a carrier has no leading zero and is never 0, unlike the ports this node listens on.
    if found is None or int(found[1] or 1) > 65535:
        raise ValueError("should be the carrier's server, such as sip.carrier.example or sip.carrier.example:5060")
    return text


def _require_sip_user(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.+@-]{1,80}", text):
        raise ValueError("should be the user name the carrier gave: letters, digits and _ . + @ -")
    return text


def _require_network(text: str) -> str:
    # More than one colon is an IPv6 address, which takes no port here.
    address, colon, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    try:
        ip_network(address, strict=False)
        # A mask and a port together would mean a network on one port, which Asterisk cannot match.
        if colon and ("/" in address or not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535):
            raise ValueError
    except ValueError:
        raise ValueError("should be an address or a network, such as 192.0.2.10 or 192.0.2.0/28; a port, as in "
                         "192.0.2.10:5060, belongs to one address without a mask") from None
    return text


def _require_address(text: str) -> str:
    try:
        usable = not IPv4Address(text).is_unspecified
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("should be one IPv4 address, such as 192.0.2.10")
    return text


def holds_address(match: str, address: str) -> bool:
    """Return whether an address or network without a port holds an address. A host name holds none."""
    try:
        return ip_address(address) in ip_network(match, strict=False)
    except ValueError:
        return False


def require_url(url: str, secrets: str, risk: str) -> None:
    """Raise ValueError if a URL is not https, or http on this machine. `secrets` is where its password belongs."""
    where = urlsplit(url)
    # `urlsplit` parses the port only when it is read.
    try:
        host, _ = where.hostname, where.port
    except ValueError:
        host = None
    # A user or a password in the URL would end in logs; secrets have their own file.
    if where.scheme not in ("http", "https") or not host or where.username is not None or where.fragment:
        raise ValueError(f"'url' should be https://host/path; a password belongs in {secrets}")
    if where.scheme == "http" and host not in ("127.0.0.1", "::1", "localhost"):
        raise ValueError(f"'url' may be http only at 127.0.0.1, [::1] or localhost: elsewhere {risk}")


def require_zone(text: str) -> str:
    """Return the text. Raise ValueError if it names no time zone."""
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone; write it as in Europe/Istanbul") from None
    return text


def _require_span(text: str) -> str:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", text)
    # Times are compared as four digits, so 24:00 passes as an end and 24:01 does not.
    if not found or found[1] + found[2] >= found[3] + found[4] or found[3] + found[4] > "2400":
        raise ValueError("should be a span of one day, such as 09:00-17:30 (24:00 is its end)")
    return text


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
ServiceId = Annotated[str, StringConstraints(pattern=SERVICE_PATTERN)]
Entry = Annotated[str, StringConstraints(pattern=ENTRY_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(require_plain)]
HostPort = Annotated[str, AfterValidator(_require_host_port)]
Address = Annotated[str, AfterValidator(_require_address)]
Carrier = Annotated[str, AfterValidator(_require_carrier)]
SipUser = Annotated[str, AfterValidator(_require_sip_user)]
Network = Annotated[str, AfterValidator(_require_network)]
Label = Annotated[str, StringConstraints(pattern=LABEL_PATTERN)]
Number = Annotated[str, StringConstraints(pattern=NUMBER_PATTERN)]
Span = Annotated[str, AfterValidator(_require_span)]
File = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(require_plain)]
Level = Annotated[int, Field(ge=0, le=100, strict=True)]
Skills = dict[Name, Level]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class Shape(BaseModel):
    """Base of all values of a centre's files: frozen, without unknown keys, and silent about wrong input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


WallTime = Annotated[str, StringConstraints(pattern=WALL_PATTERN)]
"""A time of the day, `HH:MM`."""


def minute_of(clock: str) -> int:
    """Return the minutes from midnight of `HH:MM`."""
    return int(clock[:2]) * 60 + int(clock[3:])


DAY_MIN = 1440
"""Minutes of a day by the wall clock."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


WORKDAY, HOLIDAY, HALF_DAY = "workday", "holiday", "half_day"
HALF_DAY_MIN = 13 * 60
"""Work ends at 13:00 on the day before a great holiday (law 2429, article 2)."""


class Day(NamedTuple):
    """A date with its kind, as `centres/calendar_days.py` finds it."""

    date: date
    kind: str = WORKDAY
    name: str = ""
    """Name of the holiday."""


class Week(Shape):
    """Spans for each day of the week. A day without spans is empty."""

    RESTS: ClassVar[bool] = True
    """The week is empty on holidays and ends at `HALF_DAY_MIN` on half days, unless it gives other spans."""

    monday: tuple[Span, ...] = ()
    tuesday: tuple[Span, ...] = ()
    wednesday: tuple[Span, ...] = ()
    thursday: tuple[Span, ...] = ()
    friday: tuple[Span, ...] = ()
    saturday: tuple[Span, ...] = ()
    sunday: tuple[Span, ...] = ()
    holiday: tuple[Span, ...] | None = None
    """Public holidays, on any weekday; left out: closed."""
    half_day: tuple[Span, ...] | None = None
    """Half days; left out: as on the weekday, until 13:00."""
    dates: dict[date, tuple[Span, ...]] = {}
    """Spans of single dates, such as `2026-12-31`; they override all others."""

    def spans_on(self, day: Day) -> tuple[tuple[int, int], ...]:
        """Return the spans of a day as (begin, end), in minutes from local midnight."""
        # 1. A single date comes before everything else, then the spans for holidays or half days.
        own: tuple[str, ...] | None = self.dates.get(day.date)
        if own is None and day.kind != WORKDAY:
            own = self.holiday if day.kind == HOLIDAY else self.half_day
        # 2. Without such spans the weekday counts.
        found = spans_to_minutes(getattr(self, DAYS[day.date.weekday()]) if own is None else own)
        # 3. A weekday that falls on a holiday is shortened, but only where nobody has written other spans for it.
        if own is not None or day.kind == WORKDAY or not self.RESTS:
            return found
        return () if day.kind == HOLIDAY else tuple(
            (begin, min(end, HALF_DAY_MIN)) for begin, end in found if begin < HALF_DAY_MIN)

    def is_within(self, day: Day, minute: int) -> bool:
        """Return whether a moment is inside a span; `minute` counts from local midnight."""
        return any(begin <= minute < end for begin, end in self.spans_on(day))

    def edges_on(self, day: Day) -> tuple[int, ...]:
        """Return the minutes of a day at which a span begins or ends, in order."""
        return tuple(sorted({edge for span in self.spans_on(day) for edge in span}))

    def has_spans(self) -> bool:
        """Return whether any day has a span."""
        return any((*(getattr(self, day) for day in DAYS), self.holiday, self.half_day, *self.dates.values()))


def spans_to_minutes(spans: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Return spans as (begin, end), in minutes from midnight."""
    return tuple((minute_of(span[:5]), minute_of(span[6:])) for span in spans)
