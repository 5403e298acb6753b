"""Decide which numbers may be called back: telephones of people in Türkiye, at no extra cost. No I/O."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType

COUNTRY = 90
SHORT_MAX = 6
"""Longest short number: 112, 1234, or the six digits of some services. A subscriber's has ten without the zero."""
WHOLE_COUNTRY = "444"
AREAS = "234"
"""First digits of area codes. Behind other codes, such as mobiles (5) or no place (850), 444 belongs to a subscriber's
number."""
DIGITS_MAX = 15
"""Longest number of ITU-T E.164."""

_PEOPLE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE,
                     PhoneNumberType.VOIP, PhoneNumberType.PERSONAL_NUMBER})
_PREMIUM = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})


class Refusal(StrEnum):
    """Reason why a number is not called. Each reason has its sentence."""

    ABROAD = "abroad"
    PREMIUM = "premium"
    SHORT = "short"
    OWN = "own"
    INVALID = "invalid"


class NotDialable(ValueError):
    """A number must not be called. The text gives the reason, never the number."""


def check_dialable(digits: str, own: Collection[str] = (), region: str = "TR") -> str | Refusal:
    """Return the number in E.164 (`+905…`), or the reason why it may not be called.

    `digits` is a number as keyed in, or in E.164. `own` has the centre's called numbers: a call to one of them would
    come back to the centre.
    """
    plain = digits.removeprefix("+")
    if not plain.isascii() or not plain.isdigit() or len(plain) > DIGITS_MAX:
        return Refusal.INVALID
    # The centre's own numbers come first, because they may be short numbers or 444 numbers themselves.
    if _bare_number(plain) in {_bare_number(number) for number in own}:
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
    # 900 and its relatives cost extra, whether the number is allotted or not.
    if kind in _PREMIUM or str(number.national_number).startswith("9"):
        return Refusal.PREMIUM
    if kind not in _PEOPLE or not phonenumbers.is_valid_number(number):
        return Refusal.INVALID
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_mobile(number: str) -> bool:
    """Return whether a number in E.164 is that of a mobile telephone in Türkiye."""
    try:
        found = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    return found.country_code == COUNTRY and phonenumbers.number_type(found) == PhoneNumberType.MOBILE


def recheck_dialable(number: str, own: Collection[str]) -> str:
    """Return the number in E.164 at the moment of dialling. Raise NotDialable if it must not be called.

    A number that the caller agreed to was checked then. A number that only came with a call is not checked by anybody
    but its carrier.
    """
    found = check_dialable(number, own)
    if isinstance(found, Refusal):
        raise NotDialable(f"not to be called: {found}")
    return found


def _bare_number(digits: str) -> str:
    """Return a number without the zeros and the country code in front.

    A number of the whole country (444 and four digits) may also be dialled behind an area code: 0212 444 0 632.
    """
    bare = digits.lstrip("+0")
    bare = bare.removeprefix(str(COUNTRY)) if len(bare) > 10 or bare.startswith("90444") else bare
    whole = len(bare) == 10 and bare[0] in AREAS and bare[-7:].startswith(WHOLE_COUNTRY)
    return bare[-7:] if whole else bare
