"""The prompts as the recogniser uses them: their sound, and the beginnings by which they are found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.errors import LabError
from lab.phones.audio import QUIET_LEVEL, RATE, Samples, read_wav
from prompts.verbalise.number_prompts import LANGUAGE, LANGUAGES, PAUSE

STEP = 4
"""Divisor of the rate at which beginnings are searched. The pitch of a voice is still there."""
HEAD_S = 0.5
"""Length of a beginning. Prompts that begin alike are told apart by how they continue."""
FFT = 2048
"""Places of one search at the divided rate, about a second."""

Floats = NDArray[np.float32]


class PromptPieces:
    """A piece of each prompt, all searched at once."""

    def __init__(self, pieces: Mapping[str, Samples]) -> None:
        self.keys = list(pieces)
        small = [downsample_sound(piece) for piece in pieces.values()]
        self._lengths = np.array([len(piece) for piece in small], dtype=np.int64)
        self._spectra = np.zeros((len(small), FFT // 2 + 1), dtype=np.complex64)
        for number, piece in enumerate(small):
            self._spectra[number] = np.conj(np.fft.rfft(piece / np.sqrt(max(np.dot(piece, piece), 1.0)), FFT))

    def score_places(self, sound: Samples) -> NDArray[np.float64]:
        """Return how well each piece fits at each place of a sound, -1 to 1.

        The sound has the divided rate and is at most `FFT` long. The result has one row for each piece. Places too near
        to the end for a piece have 0.
        """
        # All pieces are correlated with the sound in one product of spectra.
        spectrum = np.fft.rfft(sound.astype(np.float32), FFT)
        found: NDArray[np.float64] = np.fft.irfft(self._spectra * spectrum, FFT, axis=1)[:, : len(sound)]
        squares = np.concatenate(([0.0], np.cumsum(sound * sound)))
        places = np.arange(len(sound))
        ends = places[None, :] + self._lengths[:, None]
        energy = squares[np.minimum(ends, len(sound))] - squares[places][None, :]
        # Places with nearly no sound would score by chance.
        floor = (QUIET_LEVEL * QUIET_LEVEL * self._lengths)[:, None]
        found = found / np.sqrt(np.maximum(energy, floor))
        found[ends > len(sound)] = 0.0
        return found


class PromptLibrary:
    """Prompts by key, without their silent ends."""

    def __init__(self, sounds: Mapping[str, Samples]) -> None:
        self.sounds = {key: _trim_silence(key, samples) for key, samples in sounds.items()}
        head = int(HEAD_S * RATE)
        self.beginnings = PromptPieces({key: sound[:head] for key, sound in self.sounds.items()})
        self.seconds = PromptPieces({key: sound[head: 2 * head] for key, sound in self.sounds.items()
                                     if len(sound) >= 2 * head})
        """Second pieces of prompts that are long enough. A prompt whose beginning lacks a packet is found by it."""


def load_library(sounds: Path) -> PromptLibrary:
    """Load all built prompts below a root of sounds, by their `Prompt.id`. Raise LabError if there are none."""
    files: dict[str, Path] = {}
    for language in LANGUAGES:
        folder = sounds / language
        names = {str(path.relative_to(folder).with_suffix("")): path for path in sorted(folder.rglob("*.wav"))}
        files |= {name if language == LANGUAGE else f"{language}/{name}": path for name, path in names.items()
                  if name != PAUSE}
    if not files:
        raise LabError(f"no prompts in {sounds}: build them with santral prompts build --out {sounds}")
    return PromptLibrary({key: read_wav(path) for key, path in files.items()})


def downsample_sound(samples: Samples) -> Samples:
    """Divide the rate by `STEP`. Each sample is the mean of eight.

    Frequencies above 500 Hz would make a place between two samples matter.
    """
    quarters = samples[: len(samples) // STEP * STEP].reshape(-1, STEP).mean(axis=1)
    whole: Samples = (quarters[:-1] + quarters[1:]) / 2
    return whole


def _trim_silence(key: str, samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > QUIET_LEVEL)
    if not len(loud):
        raise LabError(f"the prompt {key} is silent: nobody can tell whether it was heard")
    return samples[loud[0]: loud[-1] + 1]
