"""Turn the caller's number, which is hostile text, into E.164 or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

import phonenumbers

EncryptNumber = Callable[[str], tuple[str, str]]
"""Return keyed hash and encrypted form of a number."""

ANONYMOUS = ""
"""Value for no number, a withheld number, or text that is not a number."""
_SHAPE = re.compile(r"\+?[0-9]{3,15}\Z")


def normalise_number(raw: str | None, region: str = "TR") -> str:
    """Return `+90532…` for `+90532…`, `0532…`, `90532…` and `532…`. Return ANONYMOUS for all other text.

    Only ASCII digits with an optional `+` are examined. Names, expressions, control characters and digits of other
    scripts never reach the library, a log or the store.
    """
    if raw is None or _SHAPE.match(raw) is None:
        return ANONYMOUS
    # Some carriers send the country code without its +, so the second try adds it.
    for form in (raw, f"+{raw}"):
        try:
            number = phonenumbers.parse(form, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        # Only a number that begins with its country code can lack the +.
        if raw.startswith(("+", "0")):
            break
    return ANONYMOUS


class CallerIdentity:
    """Identity of a caller, by the number that the channel has.

    The number is examined when it is first needed, and never again. A check against the numbering plan and an
    encryption are as much work as the rest of a step.
    """

    def __init__(self, told: str | None, region: str, seal: EncryptNumber) -> None:
        self._told, self._region, self._seal = told, region, seal

    @cached_property
    def number(self) -> str:
        """Number in E.164, or ANONYMOUS."""
        return normalise_number(self._told, self._region)

    @cached_property
    def hash_and_encrypted(self) -> tuple[str, str]:
        """Keyed hash and encrypted form of the number. Both are empty if the number is withheld."""
        return ("", "") if self.number == ANONYMOUS else self._seal(self.number)
