"""List the notations in which carriers send one called number."""

from __future__ import annotations

COUNTRY, TRUNK, INTERNATIONAL = "90", "0", "00"
"""Country code of Türkiye, and the prefixes of calls inside the country and abroad."""
WHOLE_COUNTRY = "444"
"""Begin of the numbers of seven digits, which have no area code."""
WHOLE_COUNTRY_DIGITS, SUBSCRIBER_DIGITS = 7, 10
"""Digits of a 444 number, and of every other number with its area code."""


def national_number(number: str) -> str:
    """Return a number of this country without prefixes. Return an empty text for any other number."""
    # 1. A country code is certain after + or 00. Without them only the number of digits tells it.
    digits = number.removeprefix("+")
    coded = digits != number
    if not coded and digits.startswith(INTERNATIONAL):
        digits, coded = digits.removeprefix(INTERNATIONAL), True
    bare = digits.removeprefix(COUNTRY)
    if coded and bare == digits:
        return ""
    # 2. Many exchanges keep the zero after the country code.
    subscriber = bare.removeprefix(TRUNK)
    doubled = bare != subscriber and len(subscriber) == SUBSCRIBER_DIGITS
    if bare != digits and (coded or doubled or _is_national(bare)):
        digits = bare
    digits = digits.removeprefix(TRUNK)
    return digits if _is_national(digits) else ""


def _is_national(digits: str) -> bool:
    if digits.startswith(WHOLE_COUNTRY) and len(digits) == WHOLE_COUNTRY_DIGITS:
        return True
    return len(digits) == SUBSCRIBER_DIGITS and digits[0] in "234589"


def list_forms(number: str) -> tuple[str, ...]:
    """Return the notations of a called number, with digits and an optional + only.

    A number of another kind, such as an extension of a PBX, has one notation: the one in which it is written.
    """
    digits = national_number(number)
    if not digits:
        return (number,)
    forms = [digits, TRUNK + digits]
    for code in (COUNTRY, f"+{COUNTRY}", INTERNATIONAL + COUNTRY):
        forms.append(code + digits)
        # 90 0 444... without a prefix would be a number of ten digits that belongs to somebody else.
        if code != COUNTRY or len(digits) == SUBSCRIBER_DIGITS:
            forms.append(code + TRUNK + digits)
    return tuple(dict.fromkeys((number, *forms)))
