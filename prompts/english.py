"""Numbers as English words, for the callers' second language. Pure."""

from __future__ import annotations

MOST = 999_999_999

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
HUNDRED = "hundred"
GROUPS = ((10**6, "million"), (10**3, "thousand"))


def cardinal(number: int) -> str:
    """The number in words with spaces: 1250 is "one thousand two hundred fifty".

    ValueError below 0 and above `MOST`.
    """
    return " ".join(words(number))


def words(number: int) -> list[str]:
    """The words of a cardinal, one by one."""
    if not 0 <= number <= MOST:
        raise ValueError(f"{number} cannot be said: only 0 to {MOST}")
    if number == 0:
        return [ONES[0]]
    said: list[str] = []
    for size, name in GROUPS:
        count, number = divmod(number, size)
        if count:
            said += [*_below_thousand(count), name]
    return said + _below_thousand(number)


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    said = [ONES[hundreds], HUNDRED] if hundreds else []
    if rest < 20:
        return said + ([ONES[rest]] if rest else [])
    tens, ones = divmod(rest, 10)
    return [*said, TENS[tens], *([ONES[ones]] if ones else [])]
