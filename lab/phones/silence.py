"""Find the gaps of what a line heard, and the tones in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lab.errors import LabError
from lab.phones import audio
from lab.phones.audio import Samples
from lab.phones.leg import Leg

TWO_TONES = 0.3
"""Least share of a window's energy at which a tone is heard, also together with a second one."""
FRAME_S = 0.02
"""One packet of RTP: a gap is measured in whole packets."""


def between(leg: Leg, start: float, end: float) -> Samples:
    """Return the sound of a leg between two times in Unix seconds. Raise LabError if it was not recorded."""
    if leg.recording is None or leg.answered_at is None:
        raise LabError(f"{leg} was not recorded")
    samples = audio.read_wav(leg.recording)
    first, last = (max(0, int((at - leg.answered_at) * audio.RATE)) for at in (start, end))
    if last > len(samples) + audio.RATE:
        raise LabError(f"{leg} was recorded for {len(samples) / audio.RATE:.1f} s only")
    return samples[first:last]


def longest_silence(samples: Samples) -> float:
    """Return the longest silence in seconds."""
    size = int(FRAME_S * audio.RATE)
    return _longest(audio.root_mean_square(samples[at: at + size]) < audio.QUIET_LEVEL
        for at in range(0, len(samples) - size, size)) * FRAME_S


def longest_without(samples: Samples, hertz: float) -> float:
    """Return the longest time without this tone in seconds."""
    size = int(audio.WINDOW_S * audio.RATE)
    pieces = [samples[at: at + size] for at in range(0, len(samples) - size, size)]
    return _longest(audio.root_mean_square(piece) < audio.QUIET_LEVEL
        or audio.tone_energy(piece, hertz) < audio.TONE_SHARE
                    for piece in pieces) * audio.WINDOW_S


def find_tones(samples: Samples, tones: Sequence[int]) -> NDArray[np.bool_]:
    """Return for each window of `audio.WINDOW_S` which of these tones stand out in it: one row a window, one column a
    tone. Tones are at least 50 Hz apart."""
    size = int(audio.WINDOW_S * audio.RATE)
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(size), np.asarray(tones)) / audio.RATE)
    energy = np.maximum(np.sum(windows * windows, axis=1), size * audio.QUIET_LEVEL ** 2)
    share = 2.0 * np.abs(windows @ waves) ** 2 / (size * energy[:, None])
    found: NDArray[np.bool_] = share >= TWO_TONES
    return found


def _longest(missing: Iterable[bool]) -> int:
    longest = run = 0
    for one in missing:
        run = run + 1 if one else 0
        longest = max(longest, run)
    return longest
