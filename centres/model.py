"""What the shapes of a centre's files have in common. Values are frozen, unknown keys are refused, durations are
seconds. `settings` is santral.toml, `services` and `team` are the other files.
"""

from __future__ import annotations

import re
from datetime import date
from ipaddress import ip_network
from typing import Annotated, ClassVar, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

NAME_PATTERN = r"^[A-Za-z0-9_./-]{1,40}$"
"""Names end in queue_log, in SQL of its readers (varchar(40), unescaped) and in metric labels."""

ID_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}$"
"""Names that are parts of others too: of files, topics, variables and endpoints of Asterisk, where a / divides."""
SERVICE_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
"""Of a service: it ends in the names of Asterisk's variables."""
ENTRY_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]{0,39}$"
"""Of a menu's entry, as the dialplan names it."""
WALL_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
NUMBER_PATTERN = r"^\+?[0-9]{3,15}$"
LABEL_PATTERN = r"^[a-z0-9][a-z0-9-]{0,29}$"
"""Names that become names of Asterisk's endpoints."""
SIGN_IN_PATTERN = r"^[0-9]{3,8}$"

PATTERNS = {
    NAME_PATTERN: "should be 1 to 40 of the letters A to Z and a to z, digits and _ . / -",
    ID_PATTERN: "should be 1 to 40 of the letters A to Z and a to z, digits and _ . -, not beginning with . or -",
    SERVICE_PATTERN: "should be 1 to 40 of the small letters a to z, digits and _, beginning with a letter",
    ENTRY_PATTERN: "should be 1 to 40 of the letters A to Z and a to z, digits, _ and -, beginning with a letter",
    WALL_PATTERN: "should be a time of the day in quotes, such as 09:00",
    NUMBER_PATTERN: "should be 3 to 15 digits, with + before them or not",
    LABEL_PATTERN: "should be 1 to 30 of the letters a to z, digits and -, not beginning with -",
    SIGN_IN_PATTERN: "should be 3 to 8 digits in quotes",
}
"""What a text of each form should be, for people."""

TAGS = LEVELS, EXPRESSION = "{levels}", "{expression}"
"""Kinds of a value that may be the one or the other. Pydantic names them in the place of a mistake; no key is so."""

Channel = Literal["voice", "chat", "social", "email", "task"]


def plain(text: str) -> str:
    """The text, or ValueError when telephones, logs or SQL of others would stumble over it."""
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
    found = re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::([1-9][0-9]{0,4}))?", text)
    if found is None or int(found[1] or 1) > 65535:
        raise ValueError("should be the carrier's server, such as sip.carrier.example or sip.carrier.example:5060")
    return text


def _sip_user(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.+@-]{1,80}", text):
        raise ValueError("should be the user name the carrier gave: letters, digits and _ . + @ -")
    return text


def _network(text: str) -> str:
    address, colon, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    try:
        ip_network(address, strict=False)
        if colon and ("/" in address or not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535):
            raise ValueError
    except ValueError:
        raise ValueError("should be an address or a network, such as 192.0.2.10 or 192.0.2.0/28, or one address "
                         "without a mask and the port that calls come from, 192.0.2.10:5060") from None
    return text


def zone(text: str) -> str:
    """The text, or ValueError when it names no time zone."""
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
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
ServiceId = Annotated[str, StringConstraints(pattern=SERVICE_PATTERN)]
Entry = Annotated[str, StringConstraints(pattern=ENTRY_PATTERN)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(plain)]
HostPort = Annotated[str, AfterValidator(_host_port)]
Carrier = Annotated[str, AfterValidator(_carrier)]
SipUser = Annotated[str, AfterValidator(_sip_user)]
Network = Annotated[str, AfterValidator(_network)]
Label = Annotated[str, StringConstraints(pattern=LABEL_PATTERN)]
Number = Annotated[str, StringConstraints(pattern=NUMBER_PATTERN)]
Span = Annotated[str, AfterValidator(_span)]
File = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(plain)]
Level = Annotated[int, Field(ge=0, le=100, strict=True)]
Skills = dict[Name, Level]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class Shape(BaseModel):
    """What every file's values have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


WallTime = Annotated[str, StringConstraints(pattern=WALL_PATTERN)]
"""A time of the day, `HH:MM`."""


def minute_of(clock: str) -> int:
    """Minutes from midnight of `HH:MM`."""
    return int(clock[:2]) * 60 + int(clock[3:])


DAY_MIN = 1440
"""Minutes of a day, by the clock on the wall."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


WORKDAY, HOLIDAY, HALF_DAY = "workday", "holiday", "half_day"
HALF_DAY_MIN = 13 * 60
"""On the day before a great holiday work ends at 13:00 (law 2429, article 2)."""


class Day(NamedTuple):
    """A day, and whether it is like others (`centres/days.py` tells)."""

    date: date
    kind: str = WORKDAY
    name: str = ""
    """Of the holiday."""


class Week(Shape):
    """Spans for each day of the week; a day without spans has none."""

    RESTS: ClassVar[bool] = True
    """Nothing on holidays and after `HALF_DAY_MIN` on half days, unless it says otherwise; else as on any day."""

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

    def spans(self, day: Day) -> tuple[tuple[int, int], ...]:
        """(begin, end) of the spans of a day, in minutes from local midnight."""
        own: tuple[str, ...] | None = self.dates.get(day.date)
        if own is None and day.kind != WORKDAY:
            own = self.holiday if day.kind == HOLIDAY else self.half_day
        found = _minutes(getattr(self, DAYS[day.date.weekday()]) if own is None else own)
        if own is not None or day.kind == WORKDAY or not self.RESTS:
            return found
        return () if day.kind == HOLIDAY else tuple(
            (begin, min(end, HALF_DAY_MIN)) for begin, end in found if begin < HALF_DAY_MIN)

    def within(self, day: Day, minute: int) -> bool:
        """Whether a moment lies in a span; `minute` counts from local midnight."""
        return any(begin <= minute < end for begin, end in self.spans(day))

    def edges(self, day: Day) -> tuple[int, ...]:
        """Minutes of a day at which a span begins or ends, in order."""
        return tuple(sorted({edge for span in self.spans(day) for edge in span}))

    def some(self) -> bool:
        """Whether any day has a span."""
        return any((*(getattr(self, day) for day in DAYS), self.holiday, self.half_day, *self.dates.values()))


def _minutes(spans: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((minute_of(span[:5]), minute_of(span[6:])) for span in spans)
