"""Telephone numbers as people in Turkey say them: in groups. Pure."""

from __future__ import annotations

from itertools import pairwise

from prompts.number import ONES, words

HOME_CODE, HOME_TRUNK = "+90", "0"
"""Whoever is in Türkiye dials and says a 0 instead of the country's code."""


def telephone(number: str) -> str:
    """A telephone number by the groups it is written in: "444 0 632" is "dört yüz kırk dört, sıfır, altı yüz otuz iki".

    Leading zeros of a group are said one by one, a `+` as "artı". Groups and errors: see `groups`.
    """
    said = ", ".join(_in_words(group) for group in groups(number))
    return "artı " + said if number.strip(" (").startswith("+") else said


def groups(number: str) -> list[str]:
    """The groups of digits in which a number is said: as it is written, and without spaces as people in Turkey cut it
    (0532 112 34 56, 444 0 632). A `+` is left out.

    Raises ValueError for anything but digits, spaces, `+`, `-`, `(` and `)`.
    """
    plain = number.translate(str.maketrans("-()", "   ")).strip().removeprefix("+")
    written = plain.split()
    if not written or not all(group.isascii() and group.isdigit() for group in written):
        raise ValueError("a telephone number has digits, spaces, +, - and brackets only")
    if written[0] == "0" and len(written) > 1 and len(written[1]) == 3:
        written[:2] = ["0" + written[1]]  # "0 532" is written so and said in one breath: "sıfır beş yüz otuz iki"
    return [group for whole in written for group in _cut(whole)]


def _in_words(digits: str) -> str:
    significant = digits.lstrip("0")
    zeros = [ONES[0]] * (len(digits) - len(significant))
    return " ".join(zeros + (words(int(significant)) if significant else []))


def _cut(digits: str) -> list[str]:
    """Groups of a number written without spaces, from the right: 2, 2, 3, 3 and what is left."""
    if len(digits) <= 3:
        return [digits]
    if len(digits) == 4 and digits.startswith("0"):
        return [digits]
    if len(digits) == 7 and digits.startswith("444"):
        return [digits[:3], digits[3:4], digits[4:]]
    ends = [len(digits)]
    for width in (2, 2, 3, 3):
        if ends[-1] > width:
            ends.append(ends[-1] - width)
    if ends[-1] == 1:
        ends.pop()  # the single trunk zero belongs to the area code: 0532
    ends.append(0)
    return [digits[low:high] for high, low in pairwise(ends)][::-1]
