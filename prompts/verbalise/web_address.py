"""Say the address of a page, as a person dictates it. No I/O."""

from __future__ import annotations

import re

from prompts.verbalise.number_prompts import LANGUAGE
from prompts.verbalise.turkish_cases import LETTER_NAMES

_SIGNS = {LANGUAGE: {".": "nokta", "/": "bölü", "-": "tire"}, "en": {".": "dot", "/": "slash", "-": "dash"}}
_FOREIGN_LETTERS = {"q": "kü", "w": "çift ve", "x": "iks"}
"""Names of the letters that Turkish words do not have."""
_PART = re.compile(r"[a-z]+|[0-9]+|[./-]")


def speak_address(address: str, language: str) -> str:
    """Return an address in words, such as `meb.gov.tr` as "meb nokta gov nokta te re".

    A part without a vowel is spelled, because nobody can pronounce it.
    """
    return " ".join(_speak_part(part, language) for part in _PART.findall(address))


def _speak_part(part: str, language: str) -> str:
    if part in _SIGNS[language]:
        return _SIGNS[language][part]
    if part.isdigit() or set(part) & set("aeiou"):
        return part
    if language != LANGUAGE:
        return " ".join(part.upper())
    return " ".join(_FOREIGN_LETTERS.get(letter) or LETTER_NAMES[letter] for letter in part)
