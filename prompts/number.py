"""Numbers as Turkish words: cardinals, ordinals, datives of keys. Pure.

Checked against ICU's rule-based number format where Debian's `python3-icu` is present. No package does all of this
right: num2words 0.5.14 joins words ("yüzyirmibir") and loses some (its issues #564, #621, #534, #486).
"""

from __future__ import annotations

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


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    said = ([] if hundreds < 2 else [ONES[hundreds]]) + ([HUNDRED] if hundreds else [])
    return said + ([TENS[tens]] if tens else []) + ([ONES[ones]] if ones else [])
