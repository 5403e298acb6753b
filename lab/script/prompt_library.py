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


class PromptLibrary:
    """Prompts by key, without their silent ends."""

    def __init__(self, sounds: Mapping[str, Samples]) -> None:
        self.sounds = {key: _trim_silence(key, samples) for key, samples in sounds.items()}
        self.keys = list(self.sounds)
        heads = [_beginning_of(sound) for sound in self.sounds.values()]
        self.lengths = np.array([len(head) for head in heads])
        self._heads = np.zeros((len(heads), FFT // 2 + 1), dtype=np.complex64)
        for number, head in enumerate(heads):
            self._heads[number] = np.conj(np.fft.rfft(head / np.sqrt(np.dot(head, head)), FFT))

    def score_beginnings(self, sound: Samples) -> NDArray[np.float64]:
        """Return how well each prompt's beginning fits at each place of a sound, -1 to 1.

        The sound has the divided rate and is at most `FFT` long. The result has one row for each prompt. Places too
        near to the end for a beginning have 0.
        """
        # All prompts are correlated with the sound in one product of spectra.
        spectrum = np.fft.rfft(sound.astype(np.float32), FFT)
        found: NDArray[np.float64] = np.fft.irfft(self._heads * spectrum, FFT, axis=1)[:, : len(sound)]
        squares = np.concatenate(([0.0], np.cumsum(sound * sound)))
        places = np.arange(len(sound))
        ends = places[None, :] + self.lengths[:, None]
        energy = squares[np.minimum(ends, len(sound))] - squares[places][None, :]
        # Places with nearly no sound would score by chance.
        floor = (QUIET_LEVEL * QUIET_LEVEL * self.lengths)[:, None]
        found = found / np.sqrt(np.maximum(energy, floor))
        found[ends > len(sound)] = 0.0
        return found


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


def _beginning_of(sound: Samples) -> Samples:
    return downsample_sound(sound[: int(HEAD_S * RATE)])
