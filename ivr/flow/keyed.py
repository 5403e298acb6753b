"""What a caller keys in: whether it can be right, and how it is read back. Pure."""

from __future__ import annotations

from datetime import date

import phonenumbers

from ivr.flow.model import DATE, PHONE, TCKN, Digits
from prompts import say

REGION = "TR"
"""Where a telephone number without a country code belongs."""


def right(node: Digits, digits: str) -> bool:
    """Whether these digits can be what the node asks for."""
    if not digits.isascii() or not digits.isdigit() or not node.least <= len(digits) <= node.most:
        return False
    checker = {TCKN: is_tckn, PHONE: is_phone, DATE: is_date}.get(node.check)
    return checker is None or checker(digits)


def is_tckn(digits: str) -> bool:
    """A Turkish national id: 11 digits, the first not 0. The tenth is (7 times the sum of the odd places less the sum
    of the even ones up to the eighth) modulo 10, the eleventh the sum of the ten before modulo 10."""
    if len(digits) != 11 or digits[0] == "0":
        return False
    each = [int(digit) for digit in digits]
    return (7 * sum(each[0:9:2]) - sum(each[1:8:2])) % 10 == each[9] and sum(each[:10]) % 10 == each[10]


def is_phone(digits: str) -> bool:
    """A number of this country, with its zero or without."""
    try:
        number = phonenumbers.parse(digits, REGION)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number_for_region(number, REGION)


def is_date(digits: str) -> bool:
    """A day of the calendar as DDMMYYYY."""
    try:
        date(int(digits[4:8]), int(digits[2:4]), int(digits[:2]))
    except ValueError:
        return False
    return len(digits) == 8


def read_back(node: Digits, digits: str, language: str) -> tuple[str, ...]:
    """Prompts that say the digits: a telephone number by its groups, everything else one by one."""
    return tuple(say.telephone(digits, language) if node.check == PHONE else say.digits(digits))
