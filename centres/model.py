"""What the shapes of a centre's files have in common. Values are frozen, unknown keys are refused, durations are
seconds. `settings` is santral.toml, `services` and `team` are the other files.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

NAME_PATTERN = r"^[A-Za-z0-9_./-]{1,40}$"
"""Names end in queue_log, in SQL of its readers (varchar(40), unescaped) and in metric labels."""

NUMBER_PATTERN = r"^\+?[0-9]{3,15}$"
SIGN_IN_PATTERN = r"^[0-9]{3,8}$"

PATTERNS = {
    NAME_PATTERN: "should be 1 to 40 of the letters A to Z and a to z, digits and _ . / -",
    NUMBER_PATTERN: "should be 3 to 15 digits, with + before them or not",
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
Text = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(plain)]
HostPort = Annotated[str, AfterValidator(_host_port)]
Carrier = Annotated[str, AfterValidator(_carrier)]
SipUser = Annotated[str, AfterValidator(_sip_user)]
Network = Annotated[str, AfterValidator(_network)]
Number = Annotated[str, StringConstraints(pattern=NUMBER_PATTERN)]
Span = Annotated[str, AfterValidator(_span)]
File = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(plain)]
Level = Annotated[int, Field(ge=0, le=100, strict=True)]
Skills = dict[Name, Level]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class Shape(BaseModel):
    """What every file's values have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def minute_of(clock: str) -> int:
    """Minutes from midnight of `HH:MM`."""
    return int(clock[:2]) * 60 + int(clock[3:])


DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Week(Shape):
    """Spans for each day of the week; a day without spans has none."""

    monday: tuple[Span, ...] = ()
    tuesday: tuple[Span, ...] = ()
    wednesday: tuple[Span, ...] = ()
    thursday: tuple[Span, ...] = ()
    friday: tuple[Span, ...] = ()
    saturday: tuple[Span, ...] = ()
    sunday: tuple[Span, ...] = ()

    def within(self, weekday: int, minute: int) -> bool:
        """Whether a moment lies in a span; `weekday` 0 is Monday, `minute` counts from midnight, both in local time."""
        return any(minute_of(span[:5]) <= minute < minute_of(span[6:]) for span in getattr(self, DAYS[weekday]))

    def edges(self, weekday: int) -> tuple[int, ...]:
        """Minutes of a day at which a span begins or ends, in order."""
        spans: tuple[str, ...] = getattr(self, DAYS[weekday])
        return tuple(sorted({minute_of(clock) for span in spans for clock in (span[:5], span[6:])}))
