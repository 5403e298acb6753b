"""Which prompts say a number, a place in the line, a wait, a time or a telephone number: keys of the catalogue, in the
order they are played. Pure.

Whole sentences sound better than joined words, so the usual cases (places 1 to 50, waits of 1 to 30 minutes) are
prompts of their own; what is beyond is put together from pieces named as Asterisk names them (`digits/20`,
`digits/h-5`), so that a person can record each once. `language` is that in which the keys will be played: another one
has another order of words.
"""

from __future__ import annotations

import datetime
from itertools import pairwise

from prompts import english
from prompts import number as turkish

LANGUAGE = "tr"
"""The first language: every key is in it, and its texts tell what a key is for."""
OTHERS = ("en",)
"""Languages that have some of the keys. A further one needs its folder of texts (`prompts.catalogue`), a voice
(`prompts.voices`) and its numbers here."""
LANGUAGES = (LANGUAGE, *OTHERS)

LAST_WHOLE_POSITION = 50
"""`sira-1` ... `sira-50` are whole sentences. A line longer than that is rare, and then its length matters little."""

LAST_WHOLE_MINUTES = 30
"""`sure-1` ... `sure-30` are whole sentences."""

COARSE_MIN = 5
"""Waits above an hour are told in steps of this many minutes."""

SLOW_SUFFIX = "-yavas"
"""`<key>-yavas` is the slow version of `<key>`."""

PAUSE = "pause"
"""A short silence between the groups of a number: no prompt, but a sound of its own beside the hold music."""

HOME_CODE, HOME_TRUNK = "+90", "0"
"""A person in Türkiye dials and says a 0 instead of the country's code."""

_LARGE = {"yüz": "hundred", "bin": "thousand", "milyon": "million", "milyar": "billion"}
PIECES = {
    "tr": {
        **{word: f"digits/{value}" for value, word in enumerate(turkish.ONES)},
        **{word: f"digits/{value}0" for value, word in enumerate(turkish.TENS) if value},
        **{word: f"digits/{name}" for word, name in _LARGE.items()},
    },
    "en": {
        **{word: f"digits/{value}" for value, word in enumerate(english.ONES)},
        **{word: f"digits/{value}0" for value, word in enumerate(english.TENS) if word},
        **{name: f"digits/{name}" for name in (english.HUNDRED, *(name for _, name in english.GROUPS))},
    },
}
"""Word of a cardinal -> key of its piece, by language."""


def number(value: int, language: str = LANGUAGE) -> list[str]:
    """Pieces of a cardinal. 11 to 19 at the end are one piece each. ValueError for what no language here can say."""
    words = turkish.words(value) if language == LANGUAGE else english.words(value)
    return _joined([PIECES[language][word] for word in words])


def ordinal(value: int) -> list[str]:
    """Pieces of a Turkish ordinal: as the cardinal, the last one from the set `digits/h-...`."""
    *before, last = number(value)
    return [*before, "digits/h-" + last.removeprefix("digits/")]


def position(place: int, language: str = LANGUAGE) -> list[str]:
    """ "Üçüncü sıradasınız." for place 3. Places begin at 1 (ValueError below)."""
    if place < 1:
        raise ValueError(f"{place} is not a place in a line: they begin at 1")
    if place <= LAST_WHOLE_POSITION:
        return [f"sira-{place}"]
    return [*(ordinal(place) if language == LANGUAGE else number(place, language)), "sira-son"]


def minutes(wait: int, language: str = LANGUAGE) -> list[str]:
    """ "Bekleme süreniz yaklaşık beş dakika." for 5; under one minute a sentence that says so. ValueError below 0.

    Above an hour by five minutes, upwards: nobody knows it better, and nobody waits happily for longer than was said.
    """
    if wait < 0:
        raise ValueError(f"{wait} minutes is not a wait")
    if wait == 0:
        return ["sure-kisa"]
    if wait <= LAST_WHOLE_MINUTES:
        return [f"sure-{wait}"]
    hours, rest = divmod(wait if wait < 60 else -(-wait // COARSE_MIN) * COARSE_MIN, 60)
    said = [*number(hours, language), "sure-saat" if hours == 1 else "sure-saatler"] if hours else []
    return ["sure-bas", *said, *([*number(rest, language), "sure-son"] if rest else [])]


def clock(hour: int, minute: int, language: str = LANGUAGE) -> list[str]:
    """A time of the day on 24 hours: 14:30 "on dört otuz", 17:05 "on yedi sıfır beş", 17:00 "on yedi".

    ValueError for what is no time of the day.
    """
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError(f"{hour}:{minute} is not a time of the day")
    if minute == 0:
        return number(hour, language)
    return [*number(hour, language), *(["digits/0"] if minute < 10 else []), *number(minute, language)]


def date(day: datetime.date, language: str = LANGUAGE) -> list[str]:
    """A day of this year: "yirmi dört Kasım Salı". In English too the day comes first."""
    return [*number(day.day, language), f"digits/mon-{day.month - 1}", f"digits/day-{day.isoweekday() % 7}"]


def telephone(digits: str, language: str = LANGUAGE) -> list[str]:
    """A telephone number by the groups people say it in, with a pause between two of them: 05321234567 is "sıfır beş
    yüz otuz iki, yüz yirmi üç, kırk beş, altmış yedi". In English digit by digit.

    The country code of Türkiye is said as the 0 that people dial. The groups are those of `groups`.
    ValueError for anything but digits, spaces, +, - and brackets.
    """
    said: list[str] = []
    at_home = HOME_TRUNK + digits.removeprefix(HOME_CODE) if digits.startswith(HOME_CODE) else digits
    for group in groups(at_home):
        significant = group.lstrip("0") if language == LANGUAGE else ""
        said += [PAUSE] if said else []
        said += [f"digits/{digit}" for digit in group[: len(group) - len(significant)]]
        said += number(int(significant), language) if significant else []
    return said


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


def digits(text: str) -> list[str]:
    """Keys of a telephone one by one, as for a number that is read back: `digits/4`, `digits/star`, `digits/pound`."""
    named = {"*": "digits/star", "#": "digits/pound"}
    if not text or not all((key.isascii() and key.isdigit()) or key in named for key in text):
        raise ValueError("only 0-9, * and # can be said digit by digit")
    return [named.get(key, f"digits/{key}") for key in text]


def slow(key: str) -> str:
    """Key of the slow version."""
    return key + SLOW_SUFFIX


def _joined(pieces: list[str]) -> list[str]:
    """ "on" + "dört" at the end of a group becomes `digits/14`: one breath instead of two."""
    joined: list[str] = []
    for piece in pieces:
        unit = piece.removeprefix("digits/")
        if joined and joined[-1] == "digits/10" and len(unit) == 1 and unit.isdigit():
            joined[-1] = f"digits/1{unit}"
        else:
            joined.append(piece)
    return joined
