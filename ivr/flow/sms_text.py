"""Compose the written form of a leaf as a short message (rule I17), and measure it. No I/O.

The text is one message and never two, because half a link is useless. Turkish letters that the basic alphabet lacks
take two places each by the single shift table for Turkish. The table itself takes five of the 160 (3GPP TS 23.038,
6.2.1.2.4 and A.3.1). A letter in neither table makes the message UCS-2, with 70 letters.
"""

from __future__ import annotations

from typing import NamedTuple

from ivr.flow.menu_model import End, Queue
from prompts.verbalise.number_prompts import LANGUAGE

KEY = "6"
"""Key that asks for the message. 1 and 2 answer about the held position, and 3 asks for a callback by default. The
other keys are reserved."""
OFFER, ON_ITS_WAY, SENT_BEFORE, NOT_NOW = ("kisa-mesaj-sor", "kisa-mesaj-yolda", "kisa-mesaj-gonderildi",
                                           "kisa-mesaj-olmadi")
OWN_PROMPTS = (OFFER, ON_ITS_WAY, SENT_BEFORE, NOT_NOW)

BASIC_MAX, UCS2_MAX = 155, 70
"""Size of one message: with the Turkish table, and in UCS-2."""
LINK_MAX = 60
"""Longest link. People type it from a small screen into another device, or hear a telephone read it."""

_BASIC_LETTERS = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
                   "abcdefghijklmnopqrstuvwxyzäöñüà")
_EXTENSION_LETTERS = frozenset("^{}\\[~]|ĞİŞçğış€")


class TextSize(NamedTuple):
    """Size of a message, and the limit of one message in its encoding."""

    used: int
    limit: int

    @property
    def fits_one(self) -> bool:
        """Whether the text fits into one message."""
        return self.used <= self.limit


def text_size(text: str) -> TextSize:
    """Return how much of one message a text takes."""
    if all(letter in _BASIC_LETTERS or letter in _EXTENSION_LETTERS for letter in text):
        return TextSize(sum(1 + (letter in _EXTENSION_LETTERS) for letter in text), BASIC_MAX)
    return TextSize(len(text.encode("utf-16-le")) // 2, UCS2_MAX)


def message_text(leaf: Queue | End, language: str = LANGUAGE) -> str:
    """Return the text in the caller's language, or in the first language. Return an empty string if there is none."""
    texts = dict(leaf.sms)
    words = texts.get(language) or texts.get(LANGUAGE, "")
    return f"{words} {leaf.text}" if words else ""
