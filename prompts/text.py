"""How a text is cut for speaking: pieces for the voice, with silences of known length between them. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from prompts.number import DATIVES, KEYS

KEY_PAUSE_MS = 600
"""Between the option and its key (COGA: option first, then the key, with a pause)."""

SENTENCE_PAUSE_MS = 350
"""Between two sentences of one prompt: the same for every voice."""

SLOW_SPEED = 0.8
"""Slow speech: this share of the normal speed."""

SLOW_PAUSES = 2.0
"""Slow speech: pauses longer by this factor."""

_KEY = "|".join((*(DATIVES[word] for word in KEYS.values()), "press"))
_KEY_COMMA = re.compile(rf"(?<=,)\s+(?=(?:{_KEY})\b)")
"""Before "bire basın" and before "press 1"."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Piece(NamedTuple):
    """What the voice says at one go, and the silence after it."""

    text: str
    pause_ms: int


def pieces(text: str, *, slow: bool = False) -> list[Piece]:
    """Cut at the ends of sentences and before the key of "..., bire basın" or "..., press 1". The last has no pause."""
    factor = SLOW_PAUSES if slow else 1.0
    cut: list[Piece] = []
    for sentence in _SENTENCE_END.split(text.strip()):
        parts = _KEY_COMMA.split(sentence)
        cut += [Piece(part, round(KEY_PAUSE_MS * factor)) for part in parts[:-1]]
        cut.append(Piece(parts[-1], round(SENTENCE_PAUSE_MS * factor)))
    return [*cut[:-1], cut[-1]._replace(pause_ms=0)]
