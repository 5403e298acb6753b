"""Spell numbers as English words, for the callers' second language. No I/O."""

from __future__ import annotations

from prompts.verbalise.number_words import split_number

NUMBER_MAX = 999_999_999

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
HUNDRED = "hundred"
GROUPS = ((10**6, "million"), (10**3, "thousand"))


def cardinal_words(number: int) -> str:
    """Return the number in words with spaces: 1250 is "one thousand two hundred fifty".

    Raise ValueError below 0 and above `NUMBER_MAX`.
    """
    return " ".join(split_words(number))


def split_words(number: int) -> list[str]:
    """Return the words of a cardinal, one by one."""
    return split_number(number, NUMBER_MAX, ONES[0], GROUPS, _below_thousand)


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    said = [ONES[hundreds], HUNDRED] if hundreds else []
    # English has separate words up to nineteen.
    if rest < 20:
        return said + ([ONES[rest]] if rest else [])
    tens, ones = divmod(rest, 10)
    return [*said, TENS[tens], *([ONES[ones]] if ones else [])]
