"""Spell numbers as Turkish words: cardinals, ordinals, datives of keys. No I/O.

The result is checked against ICU's rule-based number format where Debian's `python3-icu` is present. No package does
all of this right: num2words 0.5.14 joins words ("yüzyirmibir") and loses some (its issues #564, #621, #534, #486).
"""

from __future__ import annotations

from prompts.verbalise.number_words import split_number

NUMBER_MAX = 999_999_999_999
"""Largest number: three digits of milyar. Callers never hear a larger one."""

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
"""Ordinals by the last word. Vowel harmony decides the ending, and only dört changes its stem."""

DATIVES = {
    "sıfır": "sıfıra", "bir": "bire", "iki": "ikiye", "üç": "üçe", "dört": "dörde", "beş": "beşe", "altı": "altıya",
    "yedi": "yediye", "sekiz": "sekize", "dokuz": "dokuza", "on": "ona", "yirmi": "yirmiye", "otuz": "otuza",
    "kırk": "kırka", "elli": "elliye", "altmış": "altmışa", "yetmiş": "yetmişe", "seksen": "seksene",
    "doksan": "doksana", "yüz": "yüze", "bin": "bine", "milyon": "milyona", "milyar": "milyara",
    "yıldız": "yıldıza", "kare": "kareye",
}  # fmt: skip

KEYS = {**{str(digit): word for digit, word in enumerate(ONES)}, "*": "yıldız", "#": "kare"}
"""Names of the keys of a telephone."""


def cardinal_words(number: int) -> str:
    """Return the number in words with spaces: 1250 is "bin iki yüz elli". Nobody says "bir" before yüz and bin.

    Raise ValueError below 0 and above `NUMBER_MAX`.
    """
    return " ".join(split_words(number))


def split_words(number: int) -> list[str]:
    """Return the words of a cardinal, one by one."""
    # Nobody says "bir bin", but "bir milyon" is right.
    return split_number(number, NUMBER_MAX, ONES[0], GROUPS, _below_thousand, alone="bin")


def ordinal_words(number: int) -> str:
    """Return the ordinal: "dördüncü", "yirmi birinci", "yüzüncü". The last word takes the ending."""
    *before, last = split_words(number)
    return " ".join([*before, ORDINALS[last]])


def dative_words(number: int) -> str:
    """Return the dative, as in "N'e basın": "bire", "dörde", "yirmi altıya"."""
    *before, last = split_words(number)
    return " ".join([*before, DATIVES[last]])


def key_dative(key: str) -> str:
    """Return the dative of a telephone key, as in "press it": `4` "dörde", `*` "yıldıza", `#` "kareye"."""
    if key not in KEYS:
        raise ValueError(f"{key!r} is not a key of a telephone")
    return DATIVES[KEYS[key]]


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    # "yüz" stands alone for 100, and takes a digit from 200 on.
    said = ([] if hundreds < 2 else [ONES[hundreds]]) + ([HUNDRED] if hundreds else [])
    return said + ([TENS[tens]] if tens else []) + ([ONES[ones]] if ones else [])
