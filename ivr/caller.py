"""The caller's number: hostile text in, E.164 or nothing out."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

import phonenumbers

Seal = Callable[[str], tuple[str, str]]
"""Number -> (keyed hash, encrypted box)."""

ANONYMOUS = ""
"""No number, a withheld one, or something that is none."""
_SHAPE = re.compile(r"\+?[0-9]{3,15}\Z")


def normalise(raw: str | None, region: str = "TR") -> str:
    """`+90532…`, `0532…`, `90532…` and `532…` -> `+90532…`; anything else, however it is made, -> ANONYMOUS.

    Only ASCII digits with an optional `+` are looked at: names, expressions, control characters and other scripts'
    digits never reach the library, a log or the store."""
    if raw is None or _SHAPE.match(raw) is None:
        return ANONYMOUS
    for form in (raw, f"+{raw}"):
        try:
            number = phonenumbers.parse(form, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if raw.startswith(("+", "0")):
            break
    return ANONYMOUS


class Caller:
    """Who calls, by the number as the channel has it. It is looked at when that is needed first, and then never again:
    a check against the numbering plan and a seal are as much work as all the rest of a step."""

    def __init__(self, told: str | None, region: str, seal: Seal) -> None:
        self._told, self._region, self._seal = told, region, seal

    @cached_property
    def number(self) -> str:
        """In E.164, or ANONYMOUS."""
        return normalise(self._told, self._region)

    @cached_property
    def sealed(self) -> tuple[str, str]:
        """Keyed hash and encrypted box; both empty when the number is withheld."""
        return ("", "") if self.number == ANONYMOUS else self._seal(self.number)
