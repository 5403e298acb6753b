"""Check what a caller keys in, and choose the prompts that read it back. No I/O."""

from __future__ import annotations

from datetime import date

import phonenumbers

from ivr.flow.menu_model import DATE, PHONE, TCKN, Digits
from prompts.verbalise import number_prompts

REGION = "TR"
"""Region of telephone numbers without a country code."""


def is_valid(node: Digits, digits: str) -> bool:
    """Return whether these digits can be what the node asks for."""
    if not digits.isascii() or not digits.isdigit() or not node.least <= len(digits) <= node.most:
        return False
    checker = {TCKN: is_tckn, PHONE: is_phone, DATE: is_date}.get(node.check)
    return checker is None or checker(digits)


def is_tckn(digits: str) -> bool:
    """Return whether the digits are a Turkish national id: 11 digits, the first of them not 0.

    The tenth digit is (7 times the sum of the odd places minus the sum of the even places up to the eighth) modulo 10.
    The eleventh is the sum of the first ten modulo 10.
    """
    if len(digits) != 11 or digits[0] == "0":
        return False
    each = [int(digit) for digit in digits]
    return (7 * sum(each[0:9:2]) - sum(each[1:8:2])) % 10 == each[9] and sum(each[:10]) % 10 == each[10]


def is_phone(digits: str) -> bool:
    """Return whether the digits are a number of this country, with its leading zero or without."""
    try:
        number = phonenumbers.parse(digits, REGION)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number_for_region(number, REGION)


def is_date(digits: str) -> bool:
    """Return whether the digits are a day of the calendar as DDMMYYYY."""
    try:
        date(int(digits[4:8]), int(digits[2:4]), int(digits[:2]))
    except ValueError:
        return False
    return len(digits) == 8


def read_back(node: Digits, digits: str, language: str) -> tuple[str, ...]:
    """Return prompts that say the digits: a telephone number in its groups, everything else digit by digit."""
    return tuple(number_prompts.telephone_words(digits, language) if node.check == PHONE
        else number_prompts.digit_keys(digits))
