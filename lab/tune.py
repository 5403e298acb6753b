"""Is it the hold music? A piece of sound is looked for in every tune, wherever it begins; from there it is followed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lab.audio import RATE, Samples, read, rms
from lab.recognise import FAINT, HEAD_SCORE, LOST_WINDOWS, SLACK, WINDOW_SCORE, best, score

LOCK_S = 0.5
"""So much sound tells where in a tune it is: its notes change about once a second."""


class Place(NamedTuple):
    """Where in which tune a piece of sound begins."""

    tune: int
    offset: int


class Tunes:
    """The music that callers may hear while they wait. Each goes round and round."""

    def __init__(self, sounds: Sequence[Samples]) -> None:
        self.sounds = list(sounds)
        turned = [np.concatenate((sound, sound[: RATE])) for sound in sounds]
        self._sizes = [1 << (len(one) - 1).bit_length() for one in turned]
        self._spectra = [np.fft.rfft(one.astype(np.float32), size)
                         for one, size in zip(turned, self._sizes, strict=True)]
        self._squares = [np.concatenate(([0.0], np.cumsum(one * one))) for one in turned]

    def find(self, piece: Samples) -> Place | None:
        """Where a piece, at most a second long, comes from; None: from no tune. At the full rate, 20 ms of CPU for a
        minute of music: a note is so alike from period to period that a quarter of it takes the wrong one."""
        surest, place = HEAD_SCORE, None
        energy = max(float(np.dot(piece, piece)), 1.0)
        for number, sound in enumerate(self.sounds):
            spectrum = np.conj(np.fft.rfft(piece.astype(np.float32), self._sizes[number]))
            found = np.fft.irfft(self._spectra[number] * spectrum, self._sizes[number])[: len(sound)]
            squares = self._squares[number]
            around = squares[len(piece): len(piece) + len(sound)] - squares[: len(sound)]
            scores = found / np.sqrt(np.maximum(around, 1.0) * energy)
            at = int(np.argmax(scores))
            if scores[at] > surest:
                surest, place = float(scores[at]), Place(number, at)
        return place

    def piece(self, tune: int, start: int, count: int) -> Samples:
        """So much of a tune from there on, over its end into its beginning."""
        return np.take(self.sounds[tune], range(start, start + count), mode="wrap")


class Follower:
    """Follows the music in a stream, window by window."""

    def __init__(self, tunes: Tunes) -> None:
        self._tunes = tunes
        self._place: Place | None = None
        self._lost = 0
        self._moved = False
        """The last window fitted a little beside its place. Music does not move twice, a sound of its pitch does."""

    @property
    def following(self) -> bool:
        """The windows of late were the music's."""
        return self._place is not None

    def find(self, piece: Samples) -> bool:
        """Look for the music in the last second or less; the next window follows on it."""
        found = self._tunes.find(piece)
        if found is not None:
            self._place = found._replace(offset=found.offset + len(piece))
            self._lost, self._moved = 0, False
        return found is not None

    def take(self, window: Samples) -> bool:
        """Whether the next window is the music's. After some that are not, it is followed no more."""
        if self._place is None:
            return False
        tune, offset = self._place
        wanted = self._tunes.piece(tune, offset, len(window))
        self._place = Place(tune, offset + len(window))
        if rms(wanted) < FAINT:
            good = rms(window) <= 2 * FAINT
            self._moved = False
        elif good := score(wanted, window) >= WINDOW_SCORE:
            self._moved = False
        else:
            around = self._tunes.piece(tune, offset - SLACK, len(window) + 2 * SLACK)
            fits, start = _shifted(window, around)
            good, self._moved = fits and not self._moved, fits
            if good:
                self._place = Place(tune, offset - SLACK + start + len(window))
        self._lost = 0 if good else self._lost + 1
        if self._lost >= LOST_WINDOWS:
            self._place = None
        return good


def load(sounds: Path) -> Tunes:
    """All music below a root of sounds; there may be none."""
    return Tunes([read(path) for path in sorted((sounds / "moh").rglob("*.wav"))])


def _shifted(window: Samples, around: Samples) -> tuple[bool, int]:
    """A packet that came late: whether the window is somewhere in what is around, and where."""
    sure, start = best(window, around, 0, len(around) - len(window))
    return sure >= WINDOW_SCORE, start
