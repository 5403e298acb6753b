"""Which numbers callers are called back at: telephones in Türkiye, nothing that costs more or is no person's. Pure."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType

COUNTRY = 90
SHORT_MAX = 6
"""Longest short number: 112, 1234, the six digits of some services. A subscriber's has ten without the zero."""
WHOLE_COUNTRY = "444"
AREAS = "234"
"""First digits of the codes of areas. Behind others, as those of mobiles (5) or of no place (850), 444 is a part of
somebody's number."""
DIGITS_MAX = 15
"""As ITU-T E.164 has it."""

_PEOPLE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE,
                     PhoneNumberType.VOIP, PhoneNumberType.PERSONAL_NUMBER})
_PREMIUM = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})


class Refusal(StrEnum):
    """Why a number is not called. Each has its sentence."""

    ABROAD = "abroad"
    PREMIUM = "premium"
    SHORT = "short"
    OWN = "own"
    INVALID = "invalid"


class NotDialable(ValueError):
    """A number that must not be called; why, never the number."""


def dialable(digits: str, own: Collection[str] = (), region: str = "TR") -> str | Refusal:
    """The number in E.164 (`+905…`), or why not. `digits`: as keyed, or E.164. `own`: the centre's called numbers: who
    would call us would be called by us."""
    plain = digits.removeprefix("+")
    if not plain.isascii() or not plain.isdigit() or len(plain) > DIGITS_MAX:
        return Refusal.INVALID
    if _bare(plain) in {_bare(number) for number in own}:
        return Refusal.OWN
    if len(plain) <= SHORT_MAX:
        return Refusal.SHORT
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return Refusal.INVALID
    if number.country_code != COUNTRY:
        return Refusal.ABROAD
    kind = phonenumbers.number_type(number)
    if kind in _PREMIUM or str(number.national_number).startswith("9"):
        return Refusal.PREMIUM  # 900 and its kin, allotted or not
    if kind not in _PEOPLE or not phonenumbers.is_valid_number(number):
        return Refusal.INVALID
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mobile(number: str) -> bool:
    """Whether a number in E.164 is that of a mobile telephone in Türkiye."""
    try:
        found = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    return found.country_code == COUNTRY and phonenumbers.number_type(found) == PhoneNumberType.MOBILE


def last_look(number: str, own: Collection[str]) -> str:
    """The number in E.164, at the moment it is dialled. What a caller agreed to was looked at when they said it; the
    number that a call merely came with is whatever its carrier let through. Raises NotDialable."""
    found = dialable(number, own)
    if isinstance(found, Refusal):
        raise NotDialable(f"not to be called: {found}")
    return found


def _bare(digits: str) -> str:
    """Without the zeros and the country code that people put before a number. A number of the whole country (444 and
    four digits) is dialled behind the code of any area too, from a mobile or from abroad: 0212 444 0 632."""
    bare = digits.lstrip("+0")
    bare = bare.removeprefix(str(COUNTRY)) if len(bare) > 10 or bare.startswith("90444") else bare
    whole = len(bare) == 10 and bare[0] in AREAS and bare[-7:].startswith(WHOLE_COUNTRY)
    return bare[-7:] if whole else bare
