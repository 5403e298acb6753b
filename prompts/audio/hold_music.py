"""Synthesise the hold music, so that nobody owns it: calm chords that breathe, with a few plucked notes above them.

The loop has no seam. It is mixed on a circle, so the sound of the last bar rings on into the first. The result is the
same bit for bit on every machine.

All notes are within a telephone's band (300-3400 Hz with their overtones). Every note has overtones and none is a
steady beep, so nothing is taken for a key or a tone of the network.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

RATE = 16000

VERSION = 2
"""Version of the music. It grows with every change, so that built folders get the new music."""

RMS_DBFS = -20.0
PEAK_DBFS = -3.0
"""Levels of the music. It is quieter than speech at the same peak, because it accompanies the wait."""

CHORDS_UP = 12
"""Semitones by which chords are played higher than written. A telephone carries nothing below 300 Hz."""


class Piece(NamedTuple):
    """A loop of music."""

    bar_s: float
    chords: tuple[tuple[int, ...], ...]
    """Chords as MIDI notes, one chord for each bar."""
    melody: tuple[tuple[int, float, int], ...]
    """Plucked notes: bar, seconds within the bar, MIDI note."""
    overlap_s: float
    """Time over which chords fade into each other."""


SANTRAL = Piece(4.5, (
    (50, 57, 61, 66), (47, 54, 62, 66), (43, 55, 59, 66), (45, 52, 61, 64),
    (50, 57, 62, 66), (42, 57, 61, 64), (43, 55, 62, 71), (45, 57, 62, 64),
    (47, 54, 62, 69), (42, 54, 61, 69), (43, 59, 62, 66), (50, 57, 62, 66),
    (52, 55, 62, 67), (45, 57, 61, 67), (50, 57, 61, 66), (45, 55, 62, 64),
), (
    (0, 0.5, 74), (0, 2.5, 69), (1, 1.0, 71), (2, 0.5, 74), (2, 2.75, 66), (3, 1.0, 69),
    (4, 0.5, 78), (4, 2.0, 74), (5, 1.0, 73), (6, 0.5, 71), (6, 2.5, 67), (7, 1.0, 69),
    (8, 0.75, 74), (9, 0.5, 73), (9, 2.5, 69), (10, 1.0, 71), (11, 0.5, 74), (11, 2.75, 78),
    (12, 0.5, 76), (12, 2.25, 71), (13, 1.0, 73), (14, 0.5, 74), (14, 2.5, 69), (15, 1.25, 69),
), 1.6)  # fmt: skip
"""D major, four times four bars, 72 s."""

SAKIN = Piece(7.5, (
    (50, 57, 62, 64), (47, 54, 62, 69), (43, 55, 62, 66), (45, 52, 62, 64),
    (42, 57, 62, 66), (43, 55, 59, 64), (52, 55, 59, 62), (45, 57, 61, 64),
), (), 3.2)  # fmt: skip
"""Calm music for callers in distress, 60 s: the same key, no pluck, one chord in a long breath and no beat."""

PIECES = {"santral": SANTRAL, "sakin": SAKIN}
"""Pieces by the class of music on hold."""

PAD_HARMONICS = ((1, 1.0), (2, 0.45), (3, 0.22), (4, 0.12))
PLUCK_HARMONICS = ((1, 1.0), (2, 0.5), (3, 0.18), (5, 0.06))
"""Harmonics with the share of each. Low notes reach the ear by their overtones."""

PLUCK_S = 3.5
PLUCK_GAIN = 0.8
HIGHER_SOFTER = 0.2
"""Amount by which each higher note of a chord is softer than the one below."""


KEPT_NOTES = 32
"""Notes kept while a piece is made, 1.4 MB each at most. A piece has up to 30 different ones and repeats them."""


class Tone(NamedTuple):
    """One note with its beginning and its samples."""

    start: int
    samples: Sequence[float]


def hold_music(piece: Piece = SANTRAL, bars: int | None = None) -> array[int]:
    """Return the loop at 16 kHz and 16 bit. `bars` shortens the loop for tests."""
    if bars is None:
        bars = len(piece.chords)
    total = round(bars * piece.bar_s * RATE)
    mixed = [0.0] * total
    # A note that passes the end of the loop goes on at its beginning: that is why the loop has no seam.
    for tone in _all_tones(piece, bars):
        at = tone.start % total
        for sample in tone.samples:
            mixed[at] += sample
            at += 1
            if at == total:
                at = 0
    return _scale_mix(mixed)


def _all_tones(piece: Piece, bars: int) -> Iterator[Tone]:
    for bar, chord in enumerate(piece.chords[:bars]):
        # Half of the overlap belongs to the bar before.
        start = round((bar * piece.bar_s - piece.overlap_s / 2) * RATE)
        for voice, note in enumerate(chord):
            yield Tone(start, _pad_note(piece, note + CHORDS_UP, 1.0 - HIGHER_SOFTER * voice))
    for bar, offset, note in piece.melody:
        if bar < bars:
            yield Tone(round((bar * piece.bar_s + offset) * RATE), _plucked_note(note))


def _pad_note(piece: Piece, note: int, gain: float) -> list[float]:
    """Return a note of a chord that swells and fades. Two strings that differ slightly give it a slow beat."""
    length = round((piece.bar_s + piece.overlap_s) * RATE)
    ramp = round(piece.overlap_s * RATE)
    share = gain * 0.5
    samples = [share * both for both in _pad_strings(note, length)]
    # A sine ramp keeps the sum of two overlapping chords at about the same power.
    for at in range(ramp):
        swell = math.sin(0.5 * math.pi * at / ramp)
        samples[at] *= swell
        samples[length - 1 - at] *= swell
    return samples


@lru_cache(KEPT_NOTES)
def _pad_strings(note: int, length: int) -> array[float]:
    """Return the sum of the two strings of a note, at full level."""
    hertz = _note_hertz(note)
    first, second = (_sum_harmonics(hertz * 0.9993, PAD_HARMONICS, length),
                     _sum_harmonics(hertz * 1.0007, PAD_HARMONICS, length))
    return array("d", [one + other for one, other in zip(first, second, strict=True)])


@lru_cache(KEPT_NOTES)
def _plucked_note(note: int) -> array[float]:
    """Return the sound of a soft string: quick but not sudden, then dying away to nothing."""
    length, attack = round(PLUCK_S * RATE), round(0.012 * RATE)
    samples = _sum_harmonics(_note_hertz(note), PLUCK_HARMONICS, length)
    # The level falls by a constant factor for each sample, like a real string.
    decay = math.exp(-1 / (0.7 * RATE))
    level = PLUCK_GAIN
    for at in range(length):
        samples[at] *= level * min(1.0, at / attack) * min(1.0, (length - at) / (0.3 * RATE))
        level *= decay
    return array("d", samples)


def _sum_harmonics(hertz: float, shares: tuple[tuple[int, float], ...], length: int) -> list[float]:
    """Return a sum of sines. The recursion s[n] = 2 cos(w) s[n-1] - s[n-2] makes each, exact enough for seconds."""
    total = [0.0] * length
    for number, share in shares:
        turn = 2 * math.pi * hertz * number / RATE
        factor, before, now = 2 * math.cos(turn), -math.sin(turn) * share, 0.0
        for at in range(length):
            total[at] += now
            before, now = now, factor * now - before
    return total


def _note_hertz(note: int) -> float:
    return float(440.0 * 2 ** ((note - 69) / 12))


def _scale_mix(mixed: list[float]) -> array[int]:
    # The loudness decides, unless a peak would be too high.
    rms = math.sqrt(math.fsum(sample * sample for sample in mixed) / len(mixed))
    peak = max(abs(sample) for sample in mixed)
    gain = min(10 ** (RMS_DBFS / 20) / rms, 10 ** (PEAK_DBFS / 20) / peak) * 32767
    return array("h", [round(sample * gain) for sample in mixed])
