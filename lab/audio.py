"""What was heard: is a tone there, is a prompt there and when, how much is silence. numpy, WAV files of 16 bit mono."""

from __future__ import annotations

import math
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.errors import LabError

RATE = 8000
"""Hz of what a telephone line carries and the lab records."""
WINDOW_S = 0.05
"""One measure of a tone: 20 Hz wide, so tones 50 Hz apart are told from each other."""
TONE_SHARE = 0.5
"""Of a window's energy at the tone's frequency for the tone to be there; speech reaches 0.3 at most, A-law noise 0."""
QUIET = 50.0
"""RMS of 16-bit samples under which a window is silence; A-law's own noise stays under 20."""
MATCH_SCORE = 0.9
"""Normalised correlation from which a prompt counts as heard. Measured through A-law calls: the prompt itself 0.999,
another sentence that begins with the same words in the same voice up to 0.82."""

Samples = NDArray[np.float64]


class Match(NamedTuple):
    """A prompt in a recording."""

    offset_s: float
    score: float
    """-1 to 1."""

    @property
    def found(self) -> bool:
        """It is that prompt and no other."""
        return self.score >= MATCH_SCORE


def read(path: Path, rate: int = RATE) -> Samples:
    """Samples of a mono 16-bit WAV at `rate`; a file of twice the rate is halved. Raises LabError."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, found = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise LabError(f"{path} cannot be read as WAV: {error}") from error
    if width != 2 or channels != 1 or found not in (rate, 2 * rate):
        raise LabError(f"{path}: {8 * width} bit, {channels} channels, {found} Hz; 16 bit, mono, {rate} Hz is expected")
    samples: Samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.float64)
    if found == 2 * rate:
        samples = samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1)
    return samples


def rms(samples: Samples) -> float:
    """Root mean square, 0 to 32768."""
    return float(np.sqrt(np.mean(samples * samples))) if len(samples) else 0.0


def silence_share(samples: Samples, rate: int = RATE) -> float:
    """Share of the windows that are silent, 0 to 1; nothing at all is silence."""
    levels = [rms(window) for window in _windows(samples, rate)]
    return sum(level < QUIET for level in levels) / len(levels) if levels else 1.0


def tone_share(samples: Samples, hertz: float, rate: int = RATE) -> float:
    """Share of the windows in which the tone stands out, 0 to 1."""
    windows = _windows(samples, rate)
    return sum(_stands_out(window, hertz, rate) for window in windows) / len(windows) if len(windows) else 0.0


def tone_s(samples: Samples, hertz: float, rate: int = RATE) -> float:
    """Seconds in which the tone stands out."""
    return sum(_stands_out(window, hertz, rate) for window in _windows(samples, rate)) * WINDOW_S


def goertzel(samples: Samples, hertz: float, rate: int = RATE) -> float:
    """Energy at a frequency as a share of all energy, 0 to 1 (Goertzel's algorithm, written as one dot product)."""
    energy = float(np.dot(samples, samples))
    if energy == 0.0:
        return 0.0
    wave_ = np.exp(-2j * math.pi * hertz / rate * np.arange(len(samples)))
    return min(1.0, 2.0 * abs(complex(np.dot(samples, wave_))) ** 2 / (len(samples) * energy))


def find(prompt: Samples, recording: Samples, rate: int = RATE) -> Match:
    """Where the prompt fits best: normalised cross-correlation by FFT. The prompt's own silent ends do not count."""
    loud = np.flatnonzero(np.abs(prompt) > QUIET)
    if not len(loud):
        raise LabError("the prompt to look for is silent")
    lead, prompt = int(loud[0]), prompt[loud[0]: loud[-1] + 1]
    if len(recording) < len(prompt):
        return Match(0.0, 0.0)
    size = 1 << (len(recording) + len(prompt)).bit_length()
    product = np.fft.rfft(recording, size) * np.conj(np.fft.rfft(prompt, size))
    correlation = np.fft.irfft(product, size)[: len(recording) - len(prompt) + 1]
    squares = np.concatenate(([0.0], np.cumsum(recording * recording)))
    energy = squares[len(prompt):] - squares[: len(squares) - len(prompt)]
    # Places with nearly no sound would score by chance: they count as loud as the silence limit.
    floor = QUIET * QUIET * len(prompt)
    scores = correlation / np.sqrt(np.maximum(energy, floor) * float(np.dot(prompt, prompt)))
    best = int(np.argmax(scores))
    return Match(max(0, best - lead) / rate, float(scores[best]))


def find_file(prompt: Path, recording: Path, head_s: float | None = None) -> Match:
    """The same for two files. `head_s`: only the first seconds of the prompt, for one that may have been cut off."""
    wanted = read(prompt)
    return find(wanted if head_s is None else wanted[: int(head_s * RATE)], read(recording))


def _windows(samples: Samples, rate: int) -> NDArray[np.float64]:
    size = int(WINDOW_S * rate)
    return samples[: len(samples) // size * size].reshape(-1, size)


def _stands_out(window: Samples, hertz: float, rate: int) -> bool:
    return rms(window) >= QUIET and goertzel(window, hertz, rate) >= TONE_SHARE
