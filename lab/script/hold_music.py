"""Recognition of the hold music. A piece of sound is searched in every tune, then followed from there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lab.phones.audio import RATE, Samples, read_wav, root_mean_square
from lab.script.recogniser import (
    FAINT,
    HEAD_SCORE,
    LOST_WINDOWS,
    SLACK_SAMPLES,
    WINDOW_SCORE,
    best_offset,
    correlation_score,
)

LOCK_S = 0.5
"""Sound that is enough to find its place in a tune, whose notes change about once a second."""


class TunePlace(NamedTuple):
    """Tune and sample at which a piece of sound begins."""

    tune: int
    offset: int


class HoldTunes:
    """Music that callers may hear while they wait. Each tune repeats without end."""

    def __init__(self, sounds: Sequence[Samples]) -> None:
        self.sounds = list(sounds)
        turned = [np.concatenate((sound, sound[: RATE])) for sound in sounds]
        self._sizes = [1 << (len(one) - 1).bit_length() for one in turned]
        self._spectra = [np.fft.rfft(one.astype(np.float32), size)
                         for one, size in zip(turned, self._sizes, strict=True)]
        self._squares = [np.concatenate(([0.0], np.cumsum(one * one))) for one in turned]

    def find_piece(self, piece: Samples) -> TunePlace | None:
        """Find the place of a piece, at most a second long, or return None if it is from no tune.

        The search uses the full rate and costs 20 ms of CPU for a minute of music. Periods of a note are so alike that
        a quarter of the rate finds the wrong one.
        """
        # The score must beat that of a prompt's beginning; the surest tune wins.
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
                surest, place = float(scores[at]), TunePlace(number, at)
        return place

    def slice_piece(self, tune: int, start: int, count: int) -> Samples:
        """Return `count` samples of a tune from a place on, past its end into its beginning."""
        return np.take(self.sounds[tune], range(start, start + count), mode="wrap")


class MusicFollower:
    """Follow the music in a stream, window by window."""

    def __init__(self, tunes: HoldTunes) -> None:
        self._tunes = tunes
        self._place: TunePlace | None = None
        self._lost = 0
        self._moved = False
        """True if the last window fitted a little off its place.

        Music does not move twice, but another sound of its pitch does.
        """

    @property
    def following(self) -> bool:
        """Whether the last windows belonged to the music."""
        return self._place is not None

    def find_music(self, piece: Samples) -> bool:
        """Look for the music in the last second or less. The next window continues from there."""
        found = self._tunes.find_piece(piece)
        if found is not None:
            self._place = found._replace(offset=found.offset + len(piece))
            self._lost, self._moved = 0, False
        return found is not None

    def follow_window(self, window: Samples) -> bool:
        """Return whether the next window belongs to the music.

        The music is lost after some windows that do not.
        """
        if self._place is None:
            return False
        tune, offset = self._place
        # 1. Expect the next window of the tune.
        wanted = self._tunes.slice_piece(tune, offset, len(window))
        self._place = TunePlace(tune, offset + len(window))
        # 2. Nearly silent music says nothing by its form: the window must only not be loud.
        if root_mean_square(wanted) < FAINT:
            good = root_mean_square(window) <= 2 * FAINT
            self._moved = False
        # 3. A window in its place, or, once, a little off it because a packet was late.
        elif good := correlation_score(wanted, window) >= WINDOW_SCORE:
            self._moved = False
        else:
            around = self._tunes.slice_piece(tune, offset - SLACK_SAMPLES, len(window) + 2 * SLACK_SAMPLES)
            fits, start = _find_shifted(window, around)
            good, self._moved = fits and not self._moved, fits
            if good:
                self._place = TunePlace(tune, offset - SLACK_SAMPLES + start + len(window))
        # 4. Forget the music after some windows that do not fit.
        self._lost = 0 if good else self._lost + 1
        if self._lost >= LOST_WINDOWS:
            self._place = None
        return good


def load_tunes(sounds: Path) -> HoldTunes:
    """Load all music below a root of sounds. There may be none."""
    return HoldTunes([read_wav(path) for path in sorted((sounds / "moh").rglob("*.wav"))])


def _find_shifted(window: Samples, around: Samples) -> tuple[bool, int]:
    """Return whether a window fits somewhere around its place, and where: a packet may come late."""
    sure, start = best_offset(window, around, 0, len(around) - len(window))
    return sure >= WINDOW_SCORE, start
