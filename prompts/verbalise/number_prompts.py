"""Choose the prompts that say a number, a position, a wait, a time or a telephone number. No I/O.

The result has keys of the catalogue in the order of playing. Complete sentences sound better than joined words. So the
usual cases (positions 1 to 50, waits of 1 to 30 minutes) are separate prompts. Everything else is composed of pieces
with Asterisk's names (`digits/20`, `digits/h-5`), so that a person can record each once.

`language` is the one in which the keys will be played. Another language has another order of words.
"""

from __future__ import annotations

import datetime
from itertools import pairwise

from prompts.verbalise import english_numbers
from prompts.verbalise import turkish_numbers as turkish

LANGUAGE = "tr"
"""First language. It has every key, and its texts tell the purpose of a key."""
OTHERS = ("en",)
"""Languages that have some of the keys.

A further language needs its folder of texts (`prompts.catalogue`), a voice (`prompts.audio.voices`) and numbers here.
"""
LANGUAGES = (LANGUAGE, *OTHERS)

LAST_WHOLE_POSITION = 50
"""Last position with a complete sentence (`sira-1` to `sira-50`). A longer queue is rare."""

LAST_WHOLE_MINUTES = 30
"""Last wait with a complete sentence (`sure-1` to `sure-30`)."""

COARSE_MIN = 5
"""Step in minutes of waits above an hour."""

SLOW_SUFFIX = "-yavas"
"""Suffix of the slow version of a key: `<key>-yavas`."""

PAUSE = "pause"
"""Key of a short silence between the groups of a number. It is a separate sound and no prompt."""

HOME_CODE, HOME_TRUNK = "+90", "0"
"""Country code, and the 0 that people in Türkiye dial and say instead."""

_LARGE = {"yüz": "hundred", "bin": "thousand", "milyon": "million", "milyar": "billion"}
PIECES = {
    "tr": {
        **{word: f"digits/{value}" for value, word in enumerate(turkish.ONES)},
        **{word: f"digits/{value}0" for value, word in enumerate(turkish.TENS) if value},
        **{word: f"digits/{name}" for word, name in _LARGE.items()},
    },
    "en": {
        **{word: f"digits/{value}" for value, word in enumerate(english_numbers.ONES)},
        **{word: f"digits/{value}0" for value, word in enumerate(english_numbers.TENS) if word},
        **{name: f"digits/{name}" for name in (english_numbers.HUNDRED, *(name for _, name in english_numbers.GROUPS))},
    },
}
"""Key of the piece for each word of a cardinal, by language."""


def number_keys(value: int, language: str = LANGUAGE) -> list[str]:
    """Return the pieces of a cardinal. 11 to 19 at the end are one piece. Raise ValueError if it is out of range."""
    words = turkish.split_words(value) if language == LANGUAGE else english_numbers.split_words(value)
    return _join_teens([PIECES[language][word] for word in words])


def ordinal_keys(value: int) -> list[str]:
    """Return the pieces of a Turkish ordinal: those of the cardinal, with the last one from `digits/h-...`."""
    # Only the last word of a Turkish ordinal takes the ending.
    *before, last = number_keys(value)
    return [*before, "digits/h-" + last.removeprefix("digits/")]


def position_keys(place: int, language: str = LANGUAGE) -> list[str]:
    """Return the prompts of a position, for example "Üçüncü sıradasınız." for 3. Raise ValueError below 1."""
    if place < 1:
        raise ValueError(f"{place} is not a place in a line: they begin at 1")
    if place <= LAST_WHOLE_POSITION:
        return [f"sira-{place}"]
    return [*(ordinal_keys(place) if language == LANGUAGE else number_keys(place, language)), "sira-son"]


def minutes_keys(wait: int, language: str = LANGUAGE) -> list[str]:
    """Return the prompts of a wait, for example "Bekleme süreniz yaklaşık beş dakika." for 5. Raise ValueError below 0.

    A wait of 0 minutes has a separate sentence. Above an hour the wait is rounded up to five minutes. Nobody knows it
    better, and nobody is happy to wait longer than announced.
    """
    if wait < 0:
        raise ValueError(f"{wait} minutes is not a wait")
    if wait == 0:
        return ["sure-kisa"]
    if wait <= LAST_WHOLE_MINUTES:
        return [f"sure-{wait}"]
    # Round up only above an hour.
    hours, rest = divmod(wait if wait < 60 else -(-wait // COARSE_MIN) * COARSE_MIN, 60)
    said = [*number_keys(hours, language), "sure-saat" if hours == 1 else "sure-saatler"] if hours else []
    return ["sure-bas", *said, *([*number_keys(rest, language), "sure-son"] if rest else [])]


def clock_keys(hour: int, minute: int, language: str = LANGUAGE) -> list[str]:
    """Return the prompts of a time on 24 hours: 14:30 "on dört otuz", 17:05 "on yedi sıfır beş", 17:00 "on yedi".

    Raise ValueError for a time that does not exist.
    """
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError(f"{hour}:{minute} is not a time of the day")
    if minute == 0:
        return number_keys(hour, language)
    return [*number_keys(hour, language), *(["digits/0"] if minute < 10 else []), *number_keys(minute, language)]


AT, HALF, MIDNIGHT, BEFORE_NOON, AFTER_NOON = TIME_AT_PROMPTS = (
    "saatte-bas", "saatte-bucuk", "saatte-0", "saatte-oo", "saatte-os")
"""Pieces of a time at which something happens, other than numbers."""
AFTER, AFTER_HALF, AFTER_MIDNIGHT = TIME_AFTER_PROMPTS = ("saatten-bas", "saatten-bucuk", "saatten-0")
"""Pieces of a time after which something happens, other than numbers and the halves of a day."""


def time_at_keys(hour: int, minute: int, language: str = LANGUAGE) -> list[str]:
    """Return the prompts of a moment: 9:00 "saat dokuzda", 8:30 "saat sekiz buçukta", in English "at eight thirty a m".

    Raise ValueError for a time that does not exist.
    """
    said = clock_keys(hour, minute, language)
    if hour == minute == 0:
        return [MIDNIGHT]
    if language != LANGUAGE:
        # English has twelve hours.
        past = [] if minute == 0 else clock_keys(0, minute, language)[1:]
        return [AT, *number_keys((hour - 1) % 12 + 1, language), *past, AFTER_NOON if hour >= 12 else BEFORE_NOON]
    if minute == 30:
        return [AT, *number_keys(hour, language), HALF]
    # Only the last word of a Turkish time takes the ending.
    return [AT, *said[:-1], "saatte-" + said[-1].removeprefix("digits/")]


def time_after_keys(hour: int, minute: int, language: str = LANGUAGE) -> list[str]:
    """Return the prompts of a time that follows: 9:00 "saat dokuzdan sonra", 9:30 "saat dokuz buçuktan sonra".

    Raise ValueError for a time that does not exist.
    """
    after = {AT: AFTER, HALF: AFTER_HALF, MIDNIGHT: AFTER_MIDNIGHT}
    return [after.get(key, key.replace("saatte-", "saatten-") if language == LANGUAGE else key)
            for key in time_at_keys(hour, minute, language)]


def date_keys(day: datetime.date, language: str = LANGUAGE) -> list[str]:
    """Return the prompts of a day of this year: "yirmi dört Kasım Salı". The day comes first in English too."""
    return [*number_keys(day.day, language), f"digits/mon-{day.month - 1}", f"digits/day-{day.isoweekday() % 7}"]


def telephone_words(digits: str, language: str = LANGUAGE) -> list[str]:
    """Return the prompts of a telephone number in its usual groups, with a pause between two groups.

    05321234567 is "sıfır beş yüz otuz iki, yüz yirmi üç, kırk beş, altmış yedi". English says it digit by digit. The
    country code of Türkiye is said as the 0 that people dial. The groups are those of `digit_groups`. Raise ValueError
    for characters other than digits, spaces, +, - and brackets.
    """
    said: list[str] = []
    at_home = HOME_TRUNK + digits.removeprefix(HOME_CODE) if digits.startswith(HOME_CODE) else digits
    for group in digit_groups(at_home):
        significant = group.lstrip("0") if language == LANGUAGE else ""
        # Zeros at the beginning of a group are said one by one. The rest is a number.
        said += [PAUSE] if said else []
        said += [f"digits/{digit}" for digit in group[: len(group) - len(significant)]]
        said += number_keys(int(significant), language) if significant else []
    return said


def digit_groups(number: str) -> list[str]:
    """Return the groups of digits in which a number is said.

    A written number keeps its groups. A number without spaces is cut as in Turkey (0532 112 34 56, 444 0 632). A `+` is
    left out. Raise ValueError for characters other than digits, spaces, `+`, `-`, `(` and `)`.
    """
    plain = number.translate(str.maketrans("-()", "   ")).strip().removeprefix("+")
    written = plain.split()
    if not written or not all(group.isascii() and group.isdigit() for group in written):
        raise ValueError("a telephone number has digits, spaces, +, - and brackets only")
    if written[0] == "0" and len(written) > 1 and len(written[1]) == 3:
        # "0 532" is written with a space but said in one breath: "sıfır beş yüz otuz iki".
        written[:2] = ["0" + written[1]]
    return [group for whole in written for group in _cut_groups(whole)]


def _cut_groups(digits: str) -> list[str]:
    """Return the groups of a number written without spaces, cut from the right: 2, 2, 3, 3 and the rest."""
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
        # The single trunk zero belongs to the area code: 0532.
        ends.pop()
    ends.append(0)
    return [digits[low:high] for high, low in pairwise(ends)][::-1]


def digit_keys(text: str) -> list[str]:
    """Return the keys of digits said one by one, for a number that is read back: `digits/4`, `digits/star`."""
    named = {"*": "digits/star", "#": "digits/pound"}
    if not text or not all((key.isascii() and key.isdigit()) or key in named for key in text):
        raise ValueError("only 0-9, * and # can be said digit by digit")
    return [named.get(key, f"digits/{key}") for key in text]


def slow_key(key: str) -> str:
    """Return the key of the slow version."""
    return key + SLOW_SUFFIX


def _join_teens(pieces: list[str]) -> list[str]:
    """Join "on" and "dört" at the end of a group to `digits/14`: one breath instead of two."""
    joined: list[str] = []
    for piece in pieces:
        # A ten before a unit can only be the end of a group.
        unit = piece.removeprefix("digits/")
        if joined and joined[-1] == "digits/10" and len(unit) == 1 and unit.isdigit():
            joined[-1] = f"digits/1{unit}"
        else:
            joined.append(piece)
    return joined
