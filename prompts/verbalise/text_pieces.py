"""Cut a text into pieces for the voice, with silences of known length between them. No I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

from prompts.verbalise.turkish_numbers import DATIVES, KEYS

KEY_PAUSE_MS = 600
"""Silence between the option and its key. COGA puts the option first, then the key, with a pause."""

SENTENCE_PAUSE_MS = 350
"""Silence between two sentences of one prompt, the same for every voice."""

SLOW_SPEED = 0.8
"""Speed of slow speech as a share of the normal speed."""

SLOW_PAUSES = 2.0
"""Factor of the pauses in slow speech."""

_KEY = "|".join((*(DATIVES[word] for word in KEYS.values()), "press"))
_KEY_COMMA = re.compile(rf"(?<=,)\s+(?=(?:{_KEY})\b)")
"""Space before "bire basın" and before "press 1"."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Piece(NamedTuple):
    """Words that the voice says without a break, and the silence after them."""

    text: str
    pause_ms: int


def cut_pieces(text: str, *, slow: bool = False) -> list[Piece]:
    """Return the pieces between sentences, and before the key of "..., bire basın" or "..., press 1".

    The last piece has no pause.
    """
    # Slow speech needs longer pauses too, not only a slower voice.
    factor = SLOW_PAUSES if slow else 1.0
    cut: list[Piece] = []
    for sentence in _SENTENCE_END.split(text.strip()):
        parts = _KEY_COMMA.split(sentence)
        cut += [Piece(part, round(KEY_PAUSE_MS * factor)) for part in parts[:-1]]
        cut.append(Piece(parts[-1], round(SENTENCE_PAUSE_MS * factor)))
    return [*cut[:-1], cut[-1]._replace(pause_ms=0)]
