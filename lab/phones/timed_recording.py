"""A recording that is true in time: silence stands where nothing came.

`Record` of Asterisk leaves out each moment in which the other end sends nothing, so it cannot tell how long one silence
was. This recording takes the sound from an `AudioLine` and fills what is missing by the clock.
"""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

from lab.phones.audio import RATE

SLACK_S = 0.04
"""Lateness that is no silence: two packets of RTP. Sound that comes later than before moves the following sound, as in
a telephone that collects packets before it plays them."""


class TimedRecording:
    """A WAV of what a line hears, from its connection to its end."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._clock, self._began = clock, clock()
        self._count = 0
        # A reader sees by the missing header that the file is not whole yet.
        path.touch()
        self._file = wave.Wave_write(str(path))
        self._file.setparams((1, 2, RATE, 0, "NONE", ""))

    def add_sound(self, sound: bytes) -> None:
        """Add everything that came at once, behind the silence before it."""
        self._fill(len(sound) // 2)
        self._write(sound)

    def close(self) -> None:
        """Fill up to now, and end the file."""
        self._fill(0)
        self._file.close()

    def _fill(self, coming: int) -> None:
        missing = round((self._clock() - self._began) * RATE) - self._count - coming
        if missing > SLACK_S * RATE:
            self._write(bytes(2 * missing))

    def _write(self, sound: bytes) -> None:
        self._count += len(sound) // 2
        self._file.writeframesraw(sound)
