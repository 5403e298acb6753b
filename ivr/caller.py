"""The caller's number: hostile text in, E.164 or nothing out."""

from __future__ import annotations

import re

import phonenumbers

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
