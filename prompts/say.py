"""Which prompts say a number, a place in the line or a wait: keys of the catalogue, in the order they are played. Pure.

Whole sentences sound better than joined words, so the usual cases (places 1 to 50, waits of 1 to 30 minutes) are
prompts of their own; what is beyond is put together from pieces named as Asterisk names them (`digits/20`,
`digits/h-5`), so that a person can record each once.
"""

from __future__ import annotations

from prompts.number import HUNDRED, ONES, TENS, words

LAST_WHOLE_POSITION = 50
"""`sira-1` ... `sira-50` are whole sentences. A line longer than that is rare, and then its length matters little."""

LAST_WHOLE_MINUTES = 30
"""`sure-1` ... `sure-30` are whole sentences."""

SLOW_SUFFIX = "-yavas"
"""`<key>-yavas` is the slow version of `<key>`."""

PIECES = {
    **{word: f"digits/{value}" for value, word in enumerate(ONES)},
    **{word: f"digits/{value}0" for value, word in enumerate(TENS) if value},
    HUNDRED: "digits/hundred", "bin": "digits/thousand", "milyon": "digits/million", "milyar": "digits/billion",
}  # fmt: skip
"""Word of a cardinal -> key of its piece."""


def number(value: int) -> list[str]:
    """Pieces of a cardinal. 11 to 19 at the end are one piece each. ValueError outside `prompts.number`'s range."""
    return _joined([PIECES[word] for word in words(value)])


def ordinal(value: int) -> list[str]:
    """Pieces of an ordinal: as the cardinal, the last one from the set `digits/h-...`."""
    *before, last = number(value)
    return [*before, "digits/h-" + last.removeprefix("digits/")]


def position(place: int) -> list[str]:
    """ "Üçüncü sıradasınız." for place 3. Places begin at 1 (ValueError below)."""
    if place < 1:
        raise ValueError(f"{place} is not a place in a line: they begin at 1")
    if place <= LAST_WHOLE_POSITION:
        return [f"sira-{place}"]
    return [*ordinal(place), "sira-son"]


def minutes(wait: int) -> list[str]:
    """ "Tahmini bekleme süreniz beş dakika." for 5; under one minute a sentence that says so. ValueError below 0."""
    if wait < 0:
        raise ValueError(f"{wait} minutes is not a wait")
    if wait == 0:
        return ["sure-kisa"]
    if wait <= LAST_WHOLE_MINUTES:
        return [f"sure-{wait}"]
    return ["sure-bas", *number(wait), "sure-son"]


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


