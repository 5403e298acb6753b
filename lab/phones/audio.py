"""Analysis of recordings: find tones, prompts and silence. Recordings are WAV files of 16 bit mono, read with numpy."""

from __future__ import annotations

import math
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.errors import LabError

RATE = 8000
"""Sample rate in Hz of telephone lines and of the lab's recordings."""
WINDOW_S = 0.05
"""Window of one tone measurement. It is 20 Hz wide, so tones 50 Hz apart are told from each other."""
TONE_SHARE = 0.5
"""Least share of a window's energy at the tone's frequency. Speech reaches at most 0.3, A-law noise 0."""
QUIET_LEVEL = 50.0
"""RMS of 16-bit samples below which a window is silence. A-law's own noise stays below 20."""
MATCH_SCORE = 0.9
"""Least normalised correlation of a heard prompt.

Measured through A-law calls: the prompt itself reaches 0.999. Another sentence that begins with the same words in the
same voice reaches up to 0.82.
"""

GAP_S = 0.3
"""Longest gap within a prompt that is still heard as this prompt. A machine under load drops or delays some frames of
20 ms."""
END_SHARES = (3, 8)
"""Parts of a prompt by which its ends are placed: a third is surer, an eighth is rarely hit by the gap itself."""
GAP_SCORE = 0.45
"""Least score at which a gap is looked for. The longer part of a prompt reaches it, also if a piece is missing."""

Samples = NDArray[np.float64]


class Match(NamedTuple):
    """Best position of a prompt in a recording."""

    offset_s: float
    score: float
    """Correlation from -1 to 1."""

    @property
    def found(self) -> bool:
        """Whether the recording holds that prompt and no other."""
        return self.score >= MATCH_SCORE


def read_wav(path: Path, rate: int = RATE) -> Samples:
    """Read the samples of a mono 16-bit WAV at `rate`. Halve a file of twice the rate. Raise LabError."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, found = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise LabError(f"{path} cannot be read as WAV: {error}") from error
    if width != 2 or channels != 1 or found not in (rate, 2 * rate):
        raise LabError(f"{path}: {8 * width} bit, {channels} channels, {found} Hz; 16 bit, mono, {rate} Hz is expected")
    # A file that is still being written may end in the middle of a sample.
    samples: Samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.float64)
    if found == 2 * rate:
        samples = samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1)
    return samples


def root_mean_square(samples: Samples) -> float:
    """Return the root mean square, 0 to 32768."""
    return float(np.sqrt(np.mean(samples * samples))) if len(samples) else 0.0


def silence_share(samples: Samples, rate: int = RATE) -> float:
    """Return the share of silent windows, 0 to 1. An empty recording counts as silence."""
    levels = [root_mean_square(window) for window in _split_windows(samples, rate)]
    return sum(level < QUIET_LEVEL for level in levels) / len(levels) if levels else 1.0


def tone_s(samples: Samples, hertz: float, rate: int = RATE) -> float:
    """Return the seconds in which the tone stands out."""
    return sum(_tone_stands_out(window, hertz, rate) for window in _split_windows(samples, rate)) * WINDOW_S


def tone_level(samples: Samples, hertz: float, rate: int = RATE) -> float:
    """Return the usual root mean square while the tone stands out, or 0 if it never does."""
    levels = [root_mean_square(window) for window in _split_windows(samples, rate)
              if _tone_stands_out(window, hertz, rate)]
    return float(np.median(levels)) if levels else 0.0


def tone_energy(samples: Samples, hertz: float, rate: int = RATE) -> float:
    """Return the energy at a frequency as a share of all energy, 0 to 1.

    This is Goertzel's algorithm, written as one dot product.
    """
    energy = float(np.dot(samples, samples))
    if energy == 0.0:
        return 0.0
    wave_ = np.exp(-2j * math.pi * hertz / rate * np.arange(len(samples)))
    return min(1.0, 2.0 * abs(complex(np.dot(samples, wave_))) ** 2 / (len(samples) * energy))


def find_prompt(prompt: Samples, recording: Samples, rate: int = RATE) -> Match:
    """Find the place where the prompt fits best, by normalised cross-correlation with FFT.

    The silent ends of the prompt do not count. One gap of up to `GAP_S` may interrupt it. Raise LabError if the prompt
    is silent.
    """
    # 1. Drop the silent ends of the prompt, and remember how much was dropped at its beginning.
    loud = np.flatnonzero(np.abs(prompt) > QUIET_LEVEL)
    if not len(loud):
        raise LabError("the prompt to look for is silent")
    lead, prompt = int(loud[0]), prompt[loud[0]: loud[-1] + 1]
    # 2. Correlate. A power of two is fast, and the size avoids wrapping around. A prompt that lacks a piece may be
    # longer than its recording, so silence goes around that.
    reach = int(GAP_S * rate)
    last = len(recording) - len(prompt) + reach
    if last < 0:
        return Match(0.0, 0.0)
    recording = np.pad(recording, reach)
    size = 1 << (len(recording) + len(prompt)).bit_length()
    product = np.fft.rfft(recording, size) * np.conj(np.fft.rfft(prompt, size))
    correlation = np.fft.irfft(product, size)[: len(recording) - len(prompt) + 1]
    # 3. Divide by the energy of both sides, so that loudness does not count.
    squares = np.concatenate(([0.0], np.cumsum(recording * recording)))
    energy = squares[len(prompt):] - squares[: len(squares) - len(prompt)]
    # Places with nearly no sound would score by chance, so their energy is at least that of the silence limit.
    floor = QUIET_LEVEL * QUIET_LEVEL * len(prompt)
    scores = correlation / np.sqrt(np.maximum(energy, floor) * float(np.dot(prompt, prompt)))
    # 4. The whole prompt is in the recording, or both its ends are and a gap is between them.
    best, score = 0, 0.0
    if reach <= last:
        best = reach + int(np.argmax(scores[reach: last + 1]))
        score = float(scores[best])
    near = int(np.argmax(scores))
    if score < MATCH_SCORE and scores[near] >= GAP_SCORE:
        gaps = (_match_with_gap(prompt, recording, near, reach, share) for share in END_SHARES)
        best, score = max((best, score), *gaps, key=lambda match: match[1])
    return Match(max(0, best - reach - lead) / rate, score)


def _match_with_gap(prompt: Samples, recording: Samples, near: int, reach: int, share: int) -> tuple[int, float]:
    """Return offset and score of a prompt that one gap interrupts, or that lacks a piece of at most `reach` samples.

    Beginning and end are placed separately, up to `reach` from `near`. Between them the prompt changes from one place
    to the other where the score is best. Every sample of the prompt counts, so a sentence that breaks off does not
    match. `recording` has `reach` samples of silence around it, where neither end may be.
    """
    # 1. Place the first and the last part of the prompt.
    size = len(prompt) // share
    begin = _place_part(prompt[:size], recording, near, reach)
    end = _place_part(prompt[-size:], recording, near + len(prompt) - size, reach) - len(prompt) + size
    longest = len(recording) - len(prompt)
    if begin == end or not reach <= begin <= longest or not 0 <= end <= longest - reach:
        return near, 0.0
    # 2. Sum products and energies up to each sample at the first place, and from each sample on at the second.
    first, second = recording[begin: begin + len(prompt)], recording[end: end + len(prompt)]
    product = np.cumsum(prompt * first) + np.cumsum((prompt * second)[::-1])[::-1] - prompt * second
    energy = np.cumsum(first * first) + np.cumsum((second * second)[::-1])[::-1] - second * second
    scores = product / np.sqrt(np.maximum(energy, 1.0) * float(np.dot(prompt, prompt)))
    return begin, float(np.max(scores))


def _place_part(part: Samples, recording: Samples, near: int, reach: int) -> int:
    """Return the offset at which a part of a prompt fits best, up to `reach` samples from `near`."""
    low = max(0, near - reach)
    piece = recording[low: near + reach + len(part)]
    if len(piece) < len(part):
        return near
    return low + int(np.argmax(np.correlate(piece, part, "valid")))


def find_prompt_file(prompt: Path, recording: Path, head_s: float | None = None) -> Match:
    """Find a prompt file in a recording file.

    With `head_s` only the first seconds of the prompt count, for a prompt that may have been cut off.
    """
    wanted = read_wav(prompt)
    return find_prompt(wanted if head_s is None else wanted[: int(head_s * RATE)], read_wav(recording))


def _split_windows(samples: Samples, rate: int) -> NDArray[np.float64]:
    size = int(WINDOW_S * rate)
    return samples[: len(samples) // size * size].reshape(-1, size)


def _tone_stands_out(window: Samples, hertz: float, rate: int) -> bool:
    return root_mean_square(window) >= QUIET_LEVEL and tone_energy(window, hertz, rate) >= TONE_SHARE
