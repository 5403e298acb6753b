"""The prompts as the recogniser knows them: their sound, and the beginnings by which they are found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.audio import QUIET, RATE, Samples, read
from lab.errors import LabError
from prompts.say import LANGUAGE, LANGUAGES, PAUSE

STEP = 4
"""Beginnings are looked for at a quarter of the rate, where the pitch of a voice is."""
HEAD_S = 0.5
"""So much of a prompt tells where it begins. Sentences that begin alike are told apart by how they go on."""
FFT = 2048
"""Places of one look, at a quarter of the rate: about a second."""

Floats = NDArray[np.float32]


class Library:
    """Prompts by key, without their silent ends."""

    def __init__(self, sounds: Mapping[str, Samples]) -> None:
        self.sounds = {key: _trimmed(key, samples) for key, samples in sounds.items()}
        self.keys = list(self.sounds)
        heads = [_head(sound) for sound in self.sounds.values()]
        self.lengths = np.array([len(head) for head in heads])
        self._heads = np.zeros((len(heads), FFT // 2 + 1), dtype=np.complex64)
        for number, head in enumerate(heads):
            self._heads[number] = np.conj(np.fft.rfft(head / np.sqrt(np.dot(head, head)), FFT))

    def scores(self, sound: Samples) -> NDArray[np.float64]:
        """How well each prompt's beginning fits at each place of a sound (a quarter of the rate, at most `FFT` long):
        one row a prompt, -1 to 1. Places too near to the end for a beginning have 0."""
        spectrum = np.fft.rfft(sound.astype(np.float32), FFT)
        found: NDArray[np.float64] = np.fft.irfft(self._heads * spectrum, FFT, axis=1)[:, : len(sound)]
        squares = np.concatenate(([0.0], np.cumsum(sound * sound)))
        places = np.arange(len(sound))
        ends = places[None, :] + self.lengths[:, None]
        energy = squares[np.minimum(ends, len(sound))] - squares[places][None, :]
        floor = (QUIET * QUIET * self.lengths)[:, None]
        found = found / np.sqrt(np.maximum(energy, floor))
        found[ends > len(sound)] = 0.0
        return found


def load(sounds: Path) -> Library:
    """All built prompts below a root of sounds, by their `Prompt.id`. Raises LabError when there are none."""
    files: dict[str, Path] = {}
    for language in LANGUAGES:
        folder = sounds / language
        names = {str(path.relative_to(folder).with_suffix("")): path for path in sorted(folder.rglob("*.wav"))}
        files |= {name if language == LANGUAGE else f"{language}/{name}": path for name, path in names.items()
                  if name != PAUSE}
    if not files:
        raise LabError(f"no prompts in {sounds}: build them with santral prompts build --out {sounds}")
    return Library({key: read(path) for key, path in files.items()})


def thin(samples: Samples) -> Samples:
    """A quarter of the rate, each the mean of eight: beyond 500 Hz a place between two of them would matter."""
    quarters = samples[: len(samples) // STEP * STEP].reshape(-1, STEP).mean(axis=1)
    whole: Samples = (quarters[:-1] + quarters[1:]) / 2
    return whole


def _trimmed(key: str, samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    if not len(loud):
        raise LabError(f"the prompt {key} is silent: nobody can tell whether it was heard")
    return samples[loud[0]: loud[-1] + 1]


def _head(sound: Samples) -> Samples:
    return thin(sound[: int(HEAD_S * RATE)])
