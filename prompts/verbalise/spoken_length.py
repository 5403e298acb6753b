"""Tell how long a person may need for a text. A sound outside these limits holds less or more than the text."""

from __future__ import annotations

import re

from prompts.verbalise.text_pieces import SLOW_SPEED, cut_pieces

SHORTEST_SYLLABLE_S, LONGEST_SYLLABLE_S = 0.09, 0.5
"""Limits of a syllable. People read with 0.14 to 0.25 s, espeak-ng with 0.28, and a name of one syllable takes 0.5."""
SLACK_S = 2.0
"""Time for silence at the ends and for breaths, in addition to the pauses of the text."""

VOWELS = {"tr": re.compile("[aeıioöuüâîû]"), "en": re.compile("[aeiouy]+|[0-9]")}
"""Pattern of a syllable's centre: in Turkish every vowel."""


def spoken_bounds(text: str, language: str, *, slow: bool = False) -> tuple[float, float]:
    """Return the shortest and the longest time in seconds that a person needs for the text."""
    # Python lowers İ and I in the English way.
    lowered = text.replace("İ", "i").replace("I", "ı" if language == "tr" else "i").lower()
    syllables = max(1, len(VOWELS[language].findall(lowered)))
    pauses = sum(piece.pause_ms for piece in cut_pieces(text, slow=slow)) / 1000
    slower = 1 / SLOW_SPEED if slow else 1.0
    return SHORTEST_SYLLABLE_S * syllables, (LONGEST_SYLLABLE_S * syllables + SLACK_S) * slower + 2 * pauses
