"""The twin in writing of a leaf as a short message (rule I17): what is sent, and how long it may be. Pure.

One message, never two: half a link is none. Turkish letters that the alphabet of telephones lacks take two places each
by the single shift table for Turkish, and the table itself takes five of the 160 (3GPP TS 23.038, 6.2.1.2.4 and A.3.1);
a letter that is in neither makes it 70 letters of UCS-2.
"""

from __future__ import annotations

from typing import NamedTuple

from ivr.flow.model import End, Queue
from prompts.say import LANGUAGE

KEY = "6"
"""Asks for it. 1 and 2 answer whether an old place is wanted, 3 asks for a callback unless a service has another key,
the rest is reserved."""
OFFER, ON_ITS_WAY, SENT_BEFORE, NOT_NOW = ("kisa-mesaj-sor", "kisa-mesaj-yolda", "kisa-mesaj-gonderildi",
                                           "kisa-mesaj-olmadi")
OWN_PROMPTS = (OFFER, ON_ITS_WAY, SENT_BEFORE, NOT_NOW)

PLACES, LETTERS = 155, 70
"""Of one message: by the Turkish table, and in UCS-2."""
LINK_MAX = 60
"""Longest link: it is typed off a small screen into another one, or read aloud by a telephone."""

_BASIC = frozenset("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
                   "abcdefghijklmnopqrstuvwxyzäöñüà")
_SHIFTED = frozenset("^{}\\[~]|ĞİŞçğış€")


class Size(NamedTuple):
    """Of a message."""

    used: int
    limit: int

    @property
    def fits(self) -> bool:
        """Whether it is one."""
        return self.used <= self.limit


def size(text: str) -> Size:
    """How much of one message a text takes."""
    if all(letter in _BASIC or letter in _SHIFTED for letter in text):
        return Size(sum(1 + (letter in _SHIFTED) for letter in text), PLACES)
    return Size(len(text.encode("utf-16-le")) // 2, LETTERS)


def message(leaf: Queue | End, language: str = LANGUAGE) -> str:
    """What is sent, in the caller's language where the menu has it, else in the first; empty: this leaf offers none."""
    texts = dict(leaf.sms)
    words = texts.get(language) or texts.get(LANGUAGE, "")
    return f"{words} {leaf.text}" if words else ""
