"""Numbers as Turkish words: cardinals, ordinals, datives of keys, clock, durations, telephone numbers. Pure.

Checked against ICU's rule-based number format where Debian's `python3-icu` is present. No package does all of this
right: num2words 0.5.14 joins words ("yüzyirmibir") and loses some (its issues #564, #621, #534, #486).
"""

from __future__ import annotations

from itertools import pairwise

MOST = 999_999_999_999
"""Largest number: three digits of milyar. Nothing a caller hears is larger."""

ONES = ("sıfır", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz")
TENS = ("", "on", "yirmi", "otuz", "kırk", "elli", "altmış", "yetmiş", "seksen", "doksan")
HUNDRED = "yüz"
GROUPS = ((10**9, "milyar"), (10**6, "milyon"), (10**3, "bin"))

ORDINALS = {
    "sıfır": "sıfırıncı", "bir": "birinci", "iki": "ikinci", "üç": "üçüncü", "dört": "dördüncü", "beş": "beşinci",
    "altı": "altıncı", "yedi": "yedinci", "sekiz": "sekizinci", "dokuz": "dokuzuncu", "on": "onuncu",
    "yirmi": "yirminci", "otuz": "otuzuncu", "kırk": "kırkıncı", "elli": "ellinci", "altmış": "altmışıncı",
    "yetmiş": "yetmişinci", "seksen": "sekseninci", "doksan": "doksanıncı", "yüz": "yüzüncü", "bin": "bininci",
    "milyon": "milyonuncu", "milyar": "milyarıncı",
}  # fmt: skip
"""By the last word. Vowel harmony decides the ending; only dört changes its stem."""

DATIVES = {
    "sıfır": "sıfıra", "bir": "bire", "iki": "ikiye", "üç": "üçe", "dört": "dörde", "beş": "beşe", "altı": "altıya",
    "yedi": "yediye", "sekiz": "sekize", "dokuz": "dokuza", "on": "ona", "yirmi": "yirmiye", "otuz": "otuza",
    "kırk": "kırka", "elli": "elliye", "altmış": "altmışa", "yetmiş": "yetmişe", "seksen": "seksene",
    "doksan": "doksana", "yüz": "yüze", "bin": "bine", "milyon": "milyona", "milyar": "milyara",
    "yıldız": "yıldıza", "kare": "kareye",
}  # fmt: skip

KEYS = {**{str(digit): word for digit, word in enumerate(ONES)}, "*": "yıldız", "#": "kare"}
"""What the keys of a telephone are called."""


def cardinal(number: int) -> str:
    """The number in words with spaces: 1250 is "bin iki yüz elli". Nobody says "bir" before yüz and bin.

    Raises ValueError below 0 and above `MOST`.
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
            said += [name] if size == 1000 and count == 1 else [*_below_thousand(count), name]
    return said + _below_thousand(number)


def ordinal(number: int) -> str:
    """ "dördüncü", "yirmi birinci", "yüzüncü": the last word takes the ending."""
    *before, last = words(number)
    return " ".join([*before, ORDINALS[last]])


def dative(number: int) -> str:
    """ "bire", "dörde", "yirmi altıya": where to, as in "N'e basın"."""
    *before, last = words(number)
    return " ".join([*before, DATIVES[last]])


def key_dative(key: str) -> str:
    """The key of a telephone as one presses it: `4` "dörde", `*` "yıldıza", `#` "kareye"."""
    if key not in KEYS:
        raise ValueError(f"{key!r} is not a key of a telephone")
    return DATIVES[KEYS[key]]


def clock(hour: int, minute: int) -> str:
    """A time of the day on 24 hours: 17:00 "on yedi", 17:05 "on yedi sıfır beş"."""
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError(f"{hour}:{minute} is not a time of the day")
    if minute == 0:
        return cardinal(hour)
    return f"{cardinal(hour)} {ONES[0] + ' ' if minute < 10 else ''}{cardinal(minute)}"


def duration(seconds: float) -> str:
    """ "iki saat beş dakika", "kırk saniye". Seconds are said only below one minute; the rest is rounded down."""
    whole = int(seconds)
    if whole < 0:
        raise ValueError(f"{seconds} s is not a duration")
    if whole < 60:
        return f"{cardinal(whole)} saniye"
    hours, minutes = divmod(whole // 60, 60)
    parts = [f"{cardinal(count)} {name}" for count, name in ((hours, "saat"), (minutes, "dakika")) if count]
    return " ".join(parts)


def telephone(number: str) -> str:
    """A telephone number by the groups it is written in: "444 0 632" is "dört yüz kırk dört, sıfır, altı yüz otuz iki".

    Leading zeros of a group are said one by one, a `+` as "artı". Groups and errors: see `groups`.
    """
    said = ", ".join(_group(group) for group in groups(number))
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


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    said = ([] if hundreds < 2 else [ONES[hundreds]]) + ([HUNDRED] if hundreds else [])
    return said + ([TENS[tens]] if tens else []) + ([ONES[ones]] if ones else [])


def _group(digits: str) -> str:
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
